"""The CSV logs of a run."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np

from lipsync.texts import for_terminal

T = TypeVar("T")


def figures(values: dict[str, float]) -> str:
    """A row for people to read."""
    return " ".join(f"{name} {value:.4g}" for name, value in values.items())


def add_row(path: Path, step: int, values: dict[str, float]) -> None:
    """Append a row; a value that comes for the first time, such as a loss that joins late, gets a column."""
    row = {"step": str(step), **{key: f"{value:.6g}" for key, value in values.items()}}
    columns, rows = _read(path)
    if path.exists() and set(row) <= set(columns):
        with path.open("a", newline="") as file:
            csv.DictWriter(file, columns).writerow(row)
    else:
        _write(path, [*columns, *(key for key in row if key not in columns)], [*rows, row])


def cut_rows(path: Path, step: int) -> None:
    """Drop what was logged after the checkpoint that a run goes on from: it is about to be done again."""
    columns, rows = _read(path)
    if columns:
        _write(path, columns, [row for row in rows if int(row["step"]) <= step])


def _read(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    if not path.exists():
        return [], []
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        return list(reader.fieldnames or []), list(reader)


def _write(path: Path, columns: list[str], rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


class StepLog:
    """What the steps of a run report, and how fast they go; a row of it is the mean since the last.

    Args:
        path: of the CSV file.
        first, total: steps that were done before, and that there will be.
        quiet: print nothing.
    """

    def __init__(self, path: Path, first: int, total: int, quiet: bool) -> None:
        self.path, self.first, self.total, self.quiet = path, first, total, quiet
        self.start, self.waited = time.monotonic(), 0.0  # s
        self.history: list[dict[str, float]] = []

    def wait_for(self, batches: Iterator[T]) -> T:
        """The next batch; the time that it takes to come is counted."""
        began = time.monotonic()
        batch = next(batches)
        self.waited += time.monotonic() - began
        return batch

    def add(self, values: dict[str, float]) -> None:
        self.history.append(values)

    def write(self, done: int) -> None:
        """Log the means after ``done`` steps."""
        mean = {key: float(np.mean([h[key] for h in self.history if key in h])) for key in self.history[-1]}
        spent = time.monotonic() - self.start
        mean["steps_per_second"] = (done - self.first) / spent
        mean["waiting"] = self.waited / spent  # share of the time that was spent on waiting for batches
        add_row(self.path, done, mean)
        if not self.quiet:
            line = for_terminal("train.step", done=done, steps=self.total, figures=figures(mean))
            print(line, flush=True)

    def forget(self) -> None:
        """Begin the next row's means."""
        self.history = []
