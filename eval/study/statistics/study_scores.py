"""Objective scores of a study's clips, and how they were made."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from eval.compare.sets import Sets
from eval.compare.table import scored
from eval.scoring.metrics import METRICS
from eval.scoring.protocol import settings_of
from eval.study.statistics.correlation import Clip, StudyScores, metric_of, read_scores
from lipsync.batch.row_records import read_record
from lipsync.errors import ConfigError, LipSyncError


def scores_of_rows(rows: Iterable[Mapping[str, Any]]) -> StudyScores:
    """The scores in rows as a batch leaves them; a row or a metric without a score is left out."""
    values: dict[str, dict[Clip, float]] = {}
    metrics: dict[str, str] = {}
    settings: dict[str, set[str]] = {}
    rows = list(rows)
    for metric in METRICS.all():  # in their order, whichever the first row lacks
        for row in rows:
            entry = metric.entry(row)
            if entry is None or entry["value"] is None or not math.isfinite(entry["value"]):
                continue
            label = entry["label"]
            values.setdefault(label, {})[row["item"], row["method"]] = entry["value"]
            metrics[label] = metric.name
            settings.setdefault(label, set()).add(settings_of(entry["protocol"]))
    return StudyScores(values, metrics, {label: frozenset(found) for label, found in settings.items()})


def scores_of_study(set_name: str | None, sets: Sets, given: Path | None = None) -> StudyScores | None:
    """The scores that were given, or those of the study's comparison set; None where there are none.

    Args:
        set_name: id or title of the set that the study's clips come from; None: they come from a folder.
        sets: where it is looked up.
        given: a table of scores (see :func:`eval.study.statistics.correlation.read_scores`), or the folder of
            a batch, whose rows also say how they were scored (without rows, its ``videos.csv``).

    Raises:
        ConfigError: what was given cannot be read or holds no score.
    """
    if given is not None:
        return _of_folder(given) if given.is_dir() else _of_table(given)
    if not set_name:
        return None
    try:
        table = scored(sets.find(set_name))
    except LipSyncError:  # the set was deleted since; the study has clips of its own
        return None
    return None if table is None else scores_of_rows(table.results)


def _of_table(path: Path) -> StudyScores:
    values = read_scores(path)
    metrics = {label: metric.name for label in values if (metric := metric_of(label)) is not None}
    return StudyScores(values, metrics)


def _of_folder(folder: Path) -> StudyScores:
    try:
        rows = [
            read_record(path.read_text(encoding="utf-8")) for path in sorted((folder / "rows").glob("*.json"))
        ]
        found = scores_of_rows(rows)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise ConfigError("correlation.unreadable", path=folder.name, problem=problem) from problem
    if found.values:
        return found
    if (folder / "videos.csv").is_file():
        return _of_table(folder / "videos.csv")
    raise ConfigError("correlation.no_rows", path=folder.name)
