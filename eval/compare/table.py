"""The results of a set: every video scored into the set's folder, and one table of methods × metrics."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from eval.batch.batch_manifest import ManifestRow, with_controls
from eval.batch.rows import Engine, Options, run
from eval.batch.summary import ScoreTable, summarise_rows
from eval.compare.index import ComparisonSet, Item
from eval.compare.names import REFERENCE
from eval.scoring.controls import CONTROLS
from eval.scoring.scores import write_text
from lipsync.batch.row_records import read_record
from lipsync.errors import ConfigError
from lipsync.texts import Message

SCORES = "scores"  # folder of the batch in the set's folder
RESULTS = "results.json"


Report = Callable[[int, int, str, str], None]


def score_set(
    set_: ComparisonSet,
    options: Options | None = None,
    *,
    controls: bool = False,
    workers: int = 1,
    report: Report | None = None,
    report_frames: Callable[[int, int, str, str], None] | None = None,
) -> ScoreTable:
    """Score what is not scored yet, and return the table. A run that was stopped continues where it was.

    Videos are measured as they were uploaded, not as they were converted for browsers.

    Args:
        options: how; None: all metrics under the default protocol.
        controls: add the real video and degraded copies of it.
        workers: processes.
        report: called with (videos done, videos in all, item, method) after each video.
        report_frames: with one worker, called with (frames done, frames expected, item, method); a
            `Cancelled` that it raises ends the run.

    Raises:
        ConfigError: the set has no video, or the options cannot be met.
    """
    rows = _rows(set_)
    if not rows:
        raise ConfigError("sets.nothing_to_score", title=set_.title)
    names = _Names(set_)
    results = run(
        with_controls(rows, CONTROLS) if controls else rows,
        options or Options(),
        set_.folder / SCORES,
        Engine(workers),
        report=report
        and (lambda done, total, result: report(done, total, *names.of(result["item"], result["method"]))),
        report_frames=report_frames
        and (lambda row, done, total: report_frames(done, total, *names.of(row.item, row.method))),
    )
    write_text(set_.folder / SCORES / RESULTS, json.dumps(results) + "\n")
    return _table(set_, results)


def scored(set_: ComparisonSet) -> ScoreTable | None:
    """The table of what was scored last, for the videos that are still in the set; None before that."""
    try:
        results = json.loads((set_.folder / SCORES / RESULTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    here = {(row.item, row.method) for row in _rows(set_)}
    keys = {item.key for item in set_.items}
    current = [
        result
        for result in results
        if (result["item"], result["method"]) in here or (result["control"] and result["item"] in keys)
    ]
    if not any(not result["control"] for result in current):
        return None
    table = _table(set_, current)
    unscored = len(here) - len({(result["item"], result["method"]) for result in current} & here)
    if unscored:
        note = Message("sets.some_unscored", count=unscored, total=len(here))
        table = replace(table, notes=(*table.notes, note))
    return table


def _rows(set_: ComparisonSet) -> list[ManifestRow]:
    """A row for every video, under random names, because they become file names."""
    return [
        ManifestRow(item.key, clip.path.stem, clip.source, item.reference.source if item.reference else None)
        for item in set_.items
        for clip in item.clips.values()
    ]


def _table(set_: ComparisonSet, results: Sequence[Mapping[str, Any]]) -> ScoreTable:
    """The results under their real names, in the order of the set, with the videos that are missing."""
    names = _Names(set_)
    shown = [names.result(result) for result in results]
    shown += [
        {"item": item.name, "method": method, "control": False, "error": why}
        for item in set_.items
        for method, why in item.missing.items()
        if method != REFERENCE
    ]
    order = {method: number for number, method in enumerate(set_.methods)}
    shown.sort(key=lambda result: -1 if result["control"] else order[result["method"]])
    return summarise_rows(shown, set_.folder / SCORES)


class _Names:
    """From keys of items and stems of files back to the names of items and methods."""

    def __init__(self, set_: ComparisonSet) -> None:
        self._items: dict[str, Item] = {item.key: item for item in set_.items}
        self._methods = {clip.path.stem: method for item in set_.items for method, clip in item.clips.items()}

    def of(self, key: str, stem: str) -> tuple[str, str]:
        """Item and method; the name of a control stays."""
        return self._items[key].name, self._methods.get(stem, stem)

    def result(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """A result with its real names, also inside sentences."""
        item, method = self.of(result["item"], result["method"])
        known = self._items[result["item"]]
        text = json.dumps(result, ensure_ascii=False)
        for clip, name in ((known.clip(method), method), (known.reference, REFERENCE)):
            if clip is not None:
                text = text.replace(json.dumps(clip.source.name)[1:-1], _inside(f"{item}, {name}"))
        return {**read_record(text), "item": item, "method": method}


def _inside(text: str) -> str:
    """A text escaped as inside a JSON string."""
    return json.dumps(text, ensure_ascii=False)[1:-1]
