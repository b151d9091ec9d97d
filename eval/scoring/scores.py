"""Scores of one video: what a pass gives back, and how it is written down."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from eval.scoring.metrics import METRICS
from lipsync.batch.row_records import unwritable, write_bytes, write_text

__all__ = ["Score", "Scores", "ordered", "scores_from_dict", "write_bytes", "write_text"]


@dataclass(frozen=True)
class Score:
    """One metric of one video.

    Attributes:
        metric: name in `eval.scoring.metrics`.
        label: the heading; has "(own expert)" where LSE was not measured with SyncNet.
        value: None where there is none.
        frames: frames (LSE: windows) that entered.
        protocol: how it was made, to be printed with it.
        reason: why there is no value: one sentence.
        detail: what else belongs to the number, such as the offsets of all tracks.
    """

    metric: str
    label: str
    value: float | None
    frames: int = 0
    protocol: str = ""
    reason: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Scores:
    """All that is known of one video after one pass.

    Attributes:
        generated, reference, reference_image: names of the files.
        scores: by metric, in the order of the metric table.
        frames: one row per frame at 25 fps: index, time, what each metric says (None: nothing), reason.
        curve: mean distance of lips and sound for every shift, -15..15 frames; empty without LSE.
        skipped: frame number and reason of every frame without a usable face.
        notes: sentences worth reading beside the numbers.
        seconds: time spent, by stage.
    """

    generated: str
    reference: str | None
    reference_image: str | None
    scores: Mapping[str, Score]
    frames: tuple[Mapping[str, float | int | str | None], ...] = ()
    curve: tuple[float, ...] = ()
    skipped: tuple[tuple[int, str], ...] = ()
    notes: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)

    def __getitem__(self, metric: str) -> float | None:
        """The value of a metric; None where it has none."""
        return self.scores[metric].value

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without the rows per frame (those go into a CSV of their own)."""
        plain = {key: value for key, value in asdict(self).items() if key != "frames"}
        return {**plain, "frames": len(self.frames)}

    def write_json(self, path: Path, **more: Any) -> None:
        """Write `to_dict`, and more plain values; NaN never occurs, missing values are null."""
        data = {**self.to_dict(), **more}
        write_text(path, json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n")

    def write_frames(self, path: Path) -> None:
        """One line per frame; empty cells where a metric says nothing about a frame."""
        columns = list(self.frames[0]) if self.frames else ["frame", "time"]
        lines = [{key: _cell(value) for key, value in row.items()} for row in self.frames]
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, columns)
                writer.writeheader()
                writer.writerows(lines)
        except OSError as problem:
            raise unwritable(path, problem) from problem


def scores_from_dict(data: Mapping[str, Any]) -> Scores:
    """What `Scores.to_dict` wrote, without the rows per frame."""
    return Scores(
        generated=data["generated"],
        reference=data["reference"],
        reference_image=data["reference_image"],
        scores={name: Score(**score) for name, score in data["scores"].items()},
        curve=tuple(data["curve"]),
        skipped=tuple((int(frame), reason) for frame, reason in data["skipped"]),
        notes=tuple(data["notes"]),
        seconds=data["seconds"],
    )


def ordered(scores: Mapping[str, Score]) -> dict[str, Score]:
    """The same in the order of the metric table."""
    return {name: scores[name] for name in METRICS if name in scores}


def _cell(value: float | int | str | None) -> float | int | str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    return round(value, 6) if isinstance(value, float) else value
