"""From the rows of a batch to what is said about the methods."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from eval.batch.job import load_features
from eval.functional.aggregate import Comparison, MeanScore, compare
from eval.scoring.controls import CONTROLS
from eval.scoring.metrics import METRICS, Metric
from eval.scoring.metrics.base import LoadFeatures, ResultRow
from lipsync.texts import Message

OF_ONE_VIDEO = re.compile(r"frames |windows |skipped |offset |\d+ of \d+ windows ")  # of a protocol string
NO_PARTNER = "score.no_partner"  # said of single videos, in whose place there is a note about all of them


@dataclass(frozen=True)
class Column:
    """One metric over all videos.

    Attributes:
        metric: name in `eval.scoring.metrics`.
        label: heading; has "(own expert)" where LSE was not measured with SyncNet.
        methods: summary of each method.
        tests: every two methods on the same videos; controls stay out.
        protocol: what is common to the protocol strings of all videos.
        details: of each method what the metric says beside its score, such as LipCorr's shift.
    """

    metric: str
    label: str
    methods: Mapping[str, MeanScore]
    tests: tuple[Comparison, ...]
    protocol: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PredictedColumn:
    """What a combination of metrics says of all videos, see `eval.study.statistics.prediction.mos_model`.

    Attributes:
        heading: with question, error and n.
        videos: (item, method) to the predicted MOS; None where a video lacks one of the metrics.
        methods: summary of each method and control.
        model: plain values for JSON.
    """

    heading: str
    videos: Mapping[tuple[str, str], float | None]
    methods: Mapping[str, MeanScore]
    model: Mapping[str, Any]


@dataclass(frozen=True)
class ScoreTable:
    """All that a batch has to say.

    Attributes:
        results: the rows as they were scored.
        methods, controls: names, in the order of the manifest.
        columns: metrics that at least one video has, in the order of the metric table.
        failed: item, method and reason of the videos that could not be scored.
        missing: metric to the sentence that says why no video has it.
        notes: sentences worth reading beside the table.
        predicted: MOS that was predicted from the metrics; empty where nobody asked for it.
    """

    results: Sequence[Mapping[str, Any]]
    methods: tuple[str, ...]
    controls: tuple[str, ...]
    columns: tuple[Column, ...]
    failed: tuple[tuple[str, str, str], ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    predicted: tuple[PredictedColumn, ...] = ()

    def details(self, metric: str) -> Mapping[str, Any]:
        """Of each method what a metric says beside its score; empty where no video has the metric."""
        return next((column.details for column in self.columns if column.metric == metric), {})


def summarise_rows(results: Sequence[dict[str, Any]], folder: Path) -> ScoreTable:
    """What each metric says of each method, with intervals and paired tests.

    Args:
        results: from `eval.batch.rows.run`.
        folder: of the batch, where Inception features lie.
    """
    by_method: dict[str, list[dict[str, Any]]] = {}
    for result in results:
        by_method.setdefault(result["method"], []).append(result)
    controls = tuple(name for name, rows in by_method.items() if all(row["control"] for row in rows))
    methods = tuple(name for name in by_method if name not in controls)
    columns, missing = [], {}
    for metric in METRICS.all():
        entries = [entry for result in results if (entry := metric.entry(result)) is not None]
        if not entries:
            continue
        if all(entry["value"] is None for entry in entries):
            missing[metric.name] = entries[0]["reason"]
            continue
        columns.append(_column(metric, by_method, methods, partial(load_features, folder)))
    return ScoreTable(
        results=results,
        methods=methods,
        controls=controls,
        columns=tuple(columns),
        failed=tuple((r["item"], r["method"], r["error"]) for r in results if "error" in r),
        missing=missing,
        notes=(*_notes(results, columns, methods), *_control_notes(controls)),
    )


def _control_notes(names: Sequence[str]) -> tuple[str, ...]:
    """Says so where only the control is left out whose sound is that of another clip."""
    alone = [control.name for control in CONTROLS if not control.other_audio]
    lacking = [control.name for control in CONTROLS if control.other_audio]
    return tuple(Message("summary.no_other_audio", name=name) for name in lacking if set(names) == {*alone})


def _column(
    metric: Metric,
    by_method: Mapping[str, Sequence[ResultRow]],
    methods: Sequence[str],
    load_features: LoadFeatures,
) -> Column:
    rows = [row for rows in by_method.values() for row in rows]
    scored = [entry for row in rows if (entry := metric.entry(row)) and entry["value"] is not None]
    scores = {name: metric.aggregate(rows, load_features) for name, rows in by_method.items()}
    paired = {name: scores[name].values for name in methods}
    return Column(
        metric.name,
        scored[0]["label"],
        {name: score.summary for name, score in scores.items() if score.summary is not None},
        tuple(compare(paired)) if metric.ranked and not metric.pooled else (),
        _common(scored) + ("; pooled over all videos" if metric.pooled else ""),
        {name: score.detail for name, score in scores.items() if score.detail is not None},
    )


def _common(entries: Sequence[Mapping[str, Any]]) -> str:
    """The parts that the protocol strings of all videos share, and what they add up to."""
    strings = [entry["protocol"].split("; ") for entry in entries]
    shared = [part for part in strings[0] if all(part in other for other in strings)]
    shared = [part for part in shared if not OF_ONE_VIDEO.match(part)]
    frames = sum(entry["frames"] for entry in entries)
    unit = "windows" if any(part.startswith("windows ") for part in strings[0]) else "frames"
    videos = "1 video" if len(entries) == 1 else f"{len(entries)} videos"
    return "; ".join([*shared, f"{videos}, {frames} {unit}"])


def _notes(
    results: Sequence[Mapping[str, Any]],
    columns: Sequence[Column],
    methods: Sequence[str],
) -> tuple[str, ...]:
    pooled = tuple(metric.label for metric in METRICS.all() if metric.pooled)  # what is said of one video
    notes: list[str] = []
    for result in results:
        for note in result["scores"]["notes"] if "scores" in result else ():
            of_one = getattr(note, "key", "") == NO_PARTNER or note.startswith(pooled)
            if note not in notes and not of_one:
                notes.append(note)
    noted = [{getattr(n, "key", "") for n in r["scores"]["notes"]} for r in results if "scores" in r]
    beyond = sum(NO_PARTNER in keys for keys in noted)
    if beyond:
        notes.append(Message("summary.lengths_differ", count=beyond, total=len(results)))
    notes += _gaps(results, columns)
    for column in columns:
        notes += METRICS.get(column.metric).method_notes(column.details)
    items = {method: {r["item"] for r in results if r["method"] == method} for method in methods}
    if len({frozenset(clips) for clips in items.values()}) > 1:
        notes.append(Message("results.different_clips"))
    clips = len(set().union(*items.values()))
    if len(methods) > 1 and clips <= 5:
        notes.append(Message("summary.one_clip") if clips == 1 else Message("summary.few_clips", count=clips))
    return tuple(notes)


def _gaps(results: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> list[Message]:
    """Why some videos that were scored lack a metric that others have; metrics of one reason together."""
    scored = [row for row in results if "scores" in row]
    found: dict[tuple[str, ...], list[str]] = {}
    for column in columns:
        reasons: dict[str, list[str]] = {}
        for row in scored:
            reason = _gap(METRICS.get(column.metric), row)
            if reason:
                reasons.setdefault(getattr(reason, "key", reason), []).append(reason)
        for sentences in reasons.values():
            found.setdefault(tuple(sentences), []).append(column.label)
    return [
        Message(
            "summary.gaps" if len(set(sentences)) == 1 else "summary.gaps_differ",
            count=len(sentences), total=len(scored), metrics=", ".join(labels), reason=sentences[0],
        )
        for sentences, labels in found.items()
    ]  # fmt: skip


def _gap(metric: Metric, row: Mapping[str, Any]) -> str:
    """Why a scored video lacks a metric; empty where it has it, or nobody asked for it."""
    entry = metric.entry(row)
    if entry is not None:
        return entry["reason"] if entry["value"] is None else ""
    compared = "reference" in metric.needs and row["scores"].get("reference", "") is None
    return Message("summary.no_reference") if compared else ""
