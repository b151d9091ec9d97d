"""Benchmarks that were never run: rows with planted scores, as a batch leaves them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eval.batch.job import frames_file
from eval.batch.suites.bench_run import BenchedMethod, BenchRun
from eval.batch.suites.driving import DrivenFace
from eval.batch.suites.suite import read_suite
from eval.scoring.metrics import METRICS
from eval.scoring.scores import write_text


def row(item: str, method: str, control: bool = False, **scores: float | None) -> dict[str, Any]:
    """A scored row; a metric without a value has a reason."""
    entries = {
        name: {
            "metric": name, "label": METRICS.get(name).label, "value": value, "frames": 5,
            "protocol": f"protocol 1; {name}; frames 5 of 5", "detail": {},
            "reason": "" if value is not None else "No face.",
        }
        for name, value in scores.items()
    }  # fmt: skip
    return {"item": item, "method": method, "control": control, "scores": {"scores": entries, "notes": []}}


def failed(item: str, method: str, why: str) -> dict[str, Any]:
    return {"item": item, "method": method, "control": False, "error": why}


def bench_run(
    folder: Path, rows: list[dict[str, Any]], languages: Mapping[str, str] | None = None
) -> BenchRun:
    """A run of these rows; methods and items in the order in which they come."""
    methods = dict.fromkeys(row["method"] for row in rows if not row["control"])
    items = dict.fromkeys(row["item"] for row in rows)
    return BenchRun(
        read_suite("self-reconstruction"),
        tuple(BenchedMethod(name, name, folder=folder) for name in methods),
        tuple(
            DrivenFace(item, folder / f"{item}.mp4", None, language=(languages or {}).get(item, ""))
            for item in items
        ),
        tuple(rows),
        {},
        folder,
        "0" * 64,
    )


def write_frames(run: BenchRun, item: str, method: str, **columns: list[float]) -> None:
    """The table per frame of a row, at 25 fps."""
    names = ["frame", "time", *columns]
    lines = [",".join(names)]
    for number, values in enumerate(zip(*columns.values(), strict=True)):
        lines.append(",".join(map(str, (number, number / 25, *values))))
    write_text(frames_file(run.scores, item, method), "\n".join(lines) + "\n")
