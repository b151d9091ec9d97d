"""What came of a folder of videos: splits, the manifest, what was left out and why, and a report."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from lipsync.data.preparation.options import PrepareOptions
from lipsync.data.preparation.preparation_report import report
from lipsync.data.preparation.sources import Video
from lipsync.data.preparation.timing import Verdict

COLUMNS = ("clip", "identity", "split", "source", "start_s", "frames", "face_px", "sharpness", "yaw")
REJECTED = ("source", "start_s", "seconds", "reason", "detail")
OFFSETS = ("recording", "videos", "windows", "late_frames", "trust", "fate")


@dataclass(frozen=True)
class PreparationSummary:
    """What came of a folder; ``str()`` is the printed text."""

    videos: int
    done_before: int  # of them, taken over from an earlier run
    clips: int
    identities: int
    minutes: float
    splits: dict[str, int]  # clips
    rejected: dict[str, float]  # reason to seconds of video; whole files that cannot be read count 0
    shared: tuple[str, ...] = ()  # people who are in more than one split
    fates: dict[str, int] | None = None  # recordings by what became of their sound; None: not compared

    def __str__(self) -> str:
        lines = [
            f"{self.clips} clips, {self.minutes:.1f} min, {self.identities} people from {self.videos} videos"
            + (f" ({self.done_before} done before)" if self.done_before else "")
            + ": "
            + (", ".join(f"{count} {name}" for name, count in self.splits.items()) or "nothing usable")
        ]
        if self.fates is not None:
            counts = (f"{self.fates.get(fate, 0)} {label}" for fate, label in FATES.items())
            lines.append("  sound of the recordings: " + ", ".join(counts))
        if self.shared:
            lines.append(f"  {len(self.shared)} people are in more than one split (see report.md)")
        lines += [f"  left out {seconds:7.1f} s: {reason}" for reason, seconds in self.rejected.items()]
        return "\n".join(lines)


FATES = {"keep": "in sync", "move": "moved", "reject": "left out"}


def assign_splits(videos: Iterable[Video], val_share: float, seed: int) -> dict[str, str]:
    """Identity to "train" or "val" by a seeded draw over people, for those whose manifest names no split."""
    people = sorted({video.identity for video in videos})
    drawn = sorted(people, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest())
    count = round(val_share * len(people))
    if val_share > 0 and len(people) > 1:
        count = min(max(1, count), len(people) - 1)
    return {name: "val" if place < count else "train" for place, name in enumerate(drawn)}


def write_tables(
    out: Path,
    videos: Sequence[Video],
    done: Mapping[str, dict[str, Any]],
    verdicts: Mapping[str, Verdict],
    before: int,
    options: PrepareOptions,
) -> PreparationSummary:
    """Write manifest.csv, rejected.csv, report.md and, where the sound was compared, offsets.csv."""
    gone = {video.name for video in videos if (v := verdicts.get(video.group)) and v.fate == "reject"}
    # A split is drawn over people of whom something is left.
    usable = [video for video in videos if done[video.name]["clips"] and video.name not in gone]
    named = {video.identity: video.split for video in videos if video.split}
    # Nobody is in two splits, also where the manifest names the split of some of a person's videos only.
    open_ = [video for video in usable if video.identity not in named]
    drawn = {**assign_splits(open_, options.val_share, options.seed), **named}
    clips = [
        {
            **row,
            "identity": video.identity,
            "split": video.split or drawn[video.identity],
            "source": video.name,
        }
        for video in usable
        for row in done[video.name]["clips"]
    ]
    rejected = [row for video in videos for row in done[video.name]["rejected"]]
    for video in videos:
        if video.name in gone:
            why = {"reason": "sound not trusted", "detail": verdicts[video.group].reason}
            rejected += [
                {"source": video.name, "start_s": row["start_s"], "seconds": row["frames"] / 25, **why}
                for row in done[video.name]["clips"]
            ]
    offsets = [
        {
            "recording": verdict.recording,
            "videos": verdict.videos,
            "windows": verdict.shift.windows if verdict.shift else 0,
            "late_frames": verdict.shift.frames if verdict.shift else "",
            "trust": round(verdict.shift.trust, 3) if verdict.shift else "",
            "fate": verdict.fate,
        }
        for verdict in verdicts.values()
    ]
    tables = [("manifest", clips, COLUMNS), ("rejected", rejected, REJECTED)]
    for name, rows, columns in [*tables, *([("offsets", offsets, OFFSETS)] if options.sync else [])]:
        partial = out / f"{name}.partial"
        pd.DataFrame(rows, columns=list(columns)).to_csv(partial, index=False)
        partial.replace(out / f"{name}.csv")
    left: Counter[str] = Counter()
    for row in rejected:
        left[row["reason"]] += row["seconds"]
    places: dict[str, set[str]] = {}
    for row in clips:
        places.setdefault(row["identity"], set()).add(row["split"])
    summary = PreparationSummary(
        videos=len(videos),
        done_before=before,
        clips=len(clips),
        identities=len(places),
        minutes=sum(row["frames"] for row in clips) / 25 / 60,
        splits=dict(sorted(Counter(str(row["split"]) for row in clips).items())),
        rejected=dict(sorted(left.items(), key=lambda item: -item[1])),
        shared=tuple(sorted(name for name, splits in places.items() if len(splits) > 1)),
        fates=dict(Counter(verdict.fate for verdict in verdicts.values())) if options.sync else None,
    )
    text = report(clips, rejected, offsets, summary.shared, options)
    (out / "report.md").write_text(text, encoding="utf-8")
    return summary
