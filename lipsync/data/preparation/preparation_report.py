"""The report of ``prepare``: what was kept, how good it is, what was left out and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from lipsync.data.preparation.options import PrepareOptions
from lipsync.data.preparation.timing import SyncCheck

QUALITY = {"face_px": "side of the face, px", "sharpness": "sharpness", "yaw": "turn of the head, degrees"}
NAMED = 10  # people at most that are named one by one


def report(
    clips: Sequence[dict[str, Any]],
    rejected: Sequence[dict[str, Any]],
    offsets: Sequence[dict[str, Any]],
    shared: Sequence[str],
    options: PrepareOptions,
) -> str:
    """Markdown from the rows of manifest.csv, rejected.csv and offsets.csv."""
    profile, limits = options.data_set, options.fit
    values = ", ".join(f"{field.name} {getattr(limits, field.name):g}" for field in fields(limits))
    lines = [
        "# Prepared clips", "", f"{profile.title}.", f"Licence: {_line(profile.licence)}", "",
        f"Limits: {values}.", "", "## Kept", "",
        *_table(("split", "people", "clips", "minutes"), _by_split(clips)), "",
        _shared(shared), f"Who is who: {_line(profile.people)}", "",
        *_table(("", "5 %", "median", "95 %"), _quality(clips)), "", "## Left out", "",
        *_table(("reason", "stretches", "seconds"), _reasons(rejected)), "",
    ]  # fmt: skip
    if options.sync is not None:
        lines += ["## Sound", "", *_sound(offsets, options.sync)]
    return "\n".join(lines) + "\n"


def _by_split(clips: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
    rows = []
    for split in sorted({row["split"] for row in clips}):
        mine = [row for row in clips if row["split"] == split]
        minutes = sum(row["frames"] for row in mine) / 25 / 60
        rows.append((split, len({row["identity"] for row in mine}), len(mine), f"{minutes:.1f}"))
    return rows


def _shared(shared: Sequence[str]) -> str:
    if not shared:
        return "Nobody is in more than one split."
    named = ", ".join(shared[:NAMED]) + (", ..." if len(shared) > NAMED else "")
    return (
        f"**{len(shared)} people are in more than one split** ({named}): figures on val are those of people "
        "who were trained on. `--split-by people` draws splits without them."
    )


def _quality(clips: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
    rows = []
    for column, label in QUALITY.items():
        values = np.abs([row[column] for row in clips]) if clips else np.full(1, np.nan)
        rows.append((label, *(f"{value:.3g}" for value in np.percentile(values, (5, 50, 95)))))
    return rows


def _reasons(rejected: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
    seconds: Counter[str] = Counter()
    for row in rejected:
        seconds[row["reason"]] += row["seconds"]
    counts = Counter(row["reason"] for row in rejected)
    return [(reason, counts[reason], f"{spent:.1f}") for reason, spent in seconds.most_common()]


def _sound(offsets: Sequence[dict[str, Any]], sync: SyncCheck) -> list[str]:
    trust = sync.trust
    lines = [
        f"Judged by the sync expert {sync.sha256[:12]}: left as it is with a trust of {trust.keep:g} or more "
        f"where it is at most {trust.near} frames off, moved with {trust.move:g} or more, else left out.", "",
        *_table(("fate", "recordings"), sorted(Counter(row["fate"] for row in offsets).items())), "",
    ]  # fmt: skip
    moved = Counter(row["late_frames"] for row in offsets if row["fate"] == "move")
    if moved:
        rows = [(f"{frames:+d}", count) for frames, count in sorted(moved.items())]
        lines += ["Moved, by the frames that the sound came late:", ""]
        lines += [*_table(("frames", "recordings"), rows), ""]
    return lines


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    lines = [tuple(head), ("---",) * len(head), *(tuple(map(str, row)) for row in rows)]
    return ["| " + " | ".join(line) + " |" for line in lines]


def _line(text: str) -> str:
    return " ".join(text.split())
