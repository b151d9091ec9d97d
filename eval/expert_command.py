"""The ``sync-expert`` command: how often the own sync expert finds what is known to be true."""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from lipsync.errors import ConfigError


def add(commands: Any) -> None:
    """Add the command to the subparsers of ``python -m eval``."""
    parser = commands.add_parser(
        "sync-expert", help="measure the own sync expert on people that it never saw"
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with manifest.csv (file, id, split) and its clips"
    )
    parser.add_argument(
        "--split", default="val", help="rows of the manifest that are measured (default: %(default)s)"
    )
    parser.add_argument(
        "--trained-on", nargs="*", default=["train", "extra"], metavar="SPLIT",
        help="splits the expert learnt from; people who are in one of them too are left out "
        "(default: train extra)",
    )  # fmt: skip
    parser.add_argument(
        "--model", type=Path, metavar="DIR", help="folder of the expert (default: the bundled one)"
    )
    parser.add_argument(
        "--json", type=Path, metavar="OUT",
        help="write the figures here; as measured.json beside the weights, tables and pages quote them",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Score every clip with its own sound and with another person's, print each and the totals."""
    from eval.controls import Control
    from eval.core_command import held_out, speaker_for
    from eval.expert import EXPERT, Check, load_expert, measure
    from eval.networks import LSE_METRICS, Networks
    from eval.score import score
    from lipsync import hub

    folder = options.model or EXPERT
    judge = load_expert(folder)
    networks = Networks(landmarker=hub.locate("face_landmarker"), judge=judge)
    clips = unseen(options.data, held_out(options.data, options.split), options.trained_on)
    learnt = " or ".join(options.trained_on) or "no other split"
    checks = []
    print(f"{'clip':<20} windows  own sound: offset  LSE-D  LSE-C   other sound: offset  LSE-D")
    for name, clip in clips.items():
        other = Control("other audio", other_audio=True, audio=clips[speaker_for(name, clips)])
        own, swapped = (
            score(clip, metrics=LSE_METRICS, networks=networks, control=control) for control in (None, other)
        )
        if own["lse_d"] is None or swapped["lse_d"] is None:
            print(f"{name:<20} {own.scores['lse_d'].reason or swapped.scores['lse_d'].reason}")
            continue
        check = Check(
            round(own["offset"] or 0), own["lse_d"], round(swapped["offset"] or 0), swapped["lse_d"]
        )
        checks.append(check)
        print(
            f"{name:<20} {own.scores['lse_d'].frames:>7}  {check.offset:>+17d}  {check.distance:.3f}  "
            f"{own['lse_c']:.3f}   {check.other_offset:>+19d}  {check.other_distance:.3f}"
            f"{'' if check.found else '   missed'}",
            flush=True,
        )
    measured = measure(checks, judge.sha256, f"split {options.split} without people of {learnt}")
    print(measured.report())
    if options.json is not None:
        options.json.write_text(json.dumps(measured.as_dict(), indent=2) + "\n", encoding="utf-8")
    return 0


def unseen(data: Path, clips: dict[str, Path], trained_on: Collection[str]) -> dict[str, Path]:
    """The clips, by name, of people of whom no clip lies in one of the splits ``trained_on``.

    Raises:
        ConfigError: fewer than two clips are left.
    """
    with (data / "manifest.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    person = {Path(row["file"]).stem: row["id"] for row in rows}
    known = {row["id"] for row in rows if row["split"] in trained_on}
    left = {name: clip for name, clip in clips.items() if person[name] not in known}
    for name in clips.keys() - left.keys():
        print(f"{name} is left out: its person is also in a split that was trained on.")
    if len(left) < 2:
        raise ConfigError(f"{data} lists fewer than two clips of people who were not trained on.")
    return left
