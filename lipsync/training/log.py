"""The CSV logs of a run."""

from __future__ import annotations

import csv
from pathlib import Path


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
