"""From the rows of a batch to what is said about the methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from eval.batch import load_features
from eval.functional.aggregate import Comparison, Summary, compare, summarise
from eval.functional.fid import Features, fid_compute, fid_update
from eval.functional.lipcorr import ClipCorrelation, LipCorrScore, lipcorr_compute
from eval.metrics import METRICS
from lipsync.texts import Message

CHUNK = 512  # feature rows added up at once

# Notes about single videos, in whose place there is one about all of them.
FID_FEW, NO_PARTNER = "score.fid_few", "score.no_partner"


@dataclass(frozen=True)
class Column:
    """One metric over all videos.

    Attributes:
        metric: name in `eval.metrics`.
        label: heading; says "(own expert)" where LSE was not judged by SyncNet.
        methods: summary of each method.
        tests: every two methods on the same videos; controls stay out.
        protocol: what is common to the protocol strings of all videos.
    """

    metric: str
    label: str
    methods: Mapping[str, Summary]
    tests: tuple[Comparison, ...]
    protocol: str


@dataclass(frozen=True)
class Table:
    """All that a batch has to say.

    Attributes:
        results: the rows as they were scored.
        methods, controls: names, in the order of the manifest.
        columns: metrics that at least one video has, in the order of the metric table.
        lags: of each method the one shift LipCorr was taken at, with its r at zero shift.
        offsets: of each method the offset of every video with one, frames.
        fid_frames: of each method the faces FID was pooled over, generated and reference.
        failed: item, method and reason of the videos that could not be scored.
        missing: metric to the sentence that says why no video has it.
        notes: sentences worth reading beside the table.
    """

    results: Sequence[Mapping[str, Any]]
    methods: tuple[str, ...]
    controls: tuple[str, ...]
    columns: tuple[Column, ...]
    lags: Mapping[str, LipCorrScore] = field(default_factory=dict)
    offsets: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    fid_frames: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    failed: tuple[tuple[str, str, str], ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def summarise_rows(results: Sequence[dict[str, Any]], folder: Path) -> Table:
    """Means with intervals, paired tests, LipCorr at one shift and FID pooled per method.

    Args:
        results: from `eval.batch.run`.
        folder: of the batch, where Inception features lie.
    """
    by_method: dict[str, list[dict[str, Any]]] = {}
    for result in results:
        by_method.setdefault(result["method"], []).append(result)
    controls = tuple(name for name, rows in by_method.items() if all(row["control"] for row in rows))
    methods = tuple(name for name in by_method if name not in controls)
    lags = {name: score for name, rows in by_method.items() if (score := _lipcorr(rows)) is not None}
    fids = {name: fid for name, rows in by_method.items() if (fid := _fid(rows, folder)) is not None}
    columns, missing = [], {}
    for metric in METRICS:
        entries = [s for r in results if (s := _entry(r, metric)) is not None]
        if not entries:
            continue
        if all(entry["value"] is None for entry in entries):
            missing[metric] = entries[0]["reason"]
            continue
        columns.append(_column(metric, by_method, methods, lags, fids))
    return Table(
        results=results,
        methods=methods,
        controls=controls,
        columns=tuple(columns),
        lags=lags,
        offsets={name: _offsets(rows) for name, rows in by_method.items() if _offsets(rows)},
        fid_frames={name: (score[1], score[2]) for name, score in fids.items()},
        failed=tuple((r["item"], r["method"], r["error"]) for r in results if "error" in r),
        missing=missing,
        notes=_notes(results, fids, methods),
    )


def _column(
    metric: str,
    by_method: Mapping[str, list[dict[str, Any]]],
    methods: Sequence[str],
    lags: Mapping[str, LipCorrScore],
    fids: Mapping[str, tuple[float, int, int]],
) -> Column:
    entries = [s for rows in by_method.values() for r in rows if (s := _entry(r, metric)) is not None]
    scored = [entry for entry in entries if entry["value"] is not None]
    if metric == "fid":
        summaries = {
            name: Summary(fids[name][0], np.nan, np.nan, len(rows), ())
            for name, rows in by_method.items()
            if name in fids
        }
        return Column(metric, scored[0]["label"], summaries, (), _common(scored) + "; pooled over all videos")
    values = {name: _values(rows, metric, lags.get(name)) for name, rows in by_method.items()}
    summaries = {name: summarise(scores) for name, scores in values.items()}
    if metric == "lipcorr":  # the method's score is the mean weighted by frames, at its one shift
        summaries = {
            name: Summary(lags[name].r, s.low, s.high, s.scored, s.failed)
            for name, s in summaries.items()
            if name in lags
        }
    tests = tuple(compare({name: values[name] for name in methods})) if metric != "offset" else ()
    return Column(metric, scored[0]["label"], summaries, tests, _common(scored))


def _values(
    rows: Sequence[Mapping[str, Any]], metric: str, lag: LipCorrScore | None
) -> dict[str, float | None]:
    """Score of each video by item; LipCorr at the method's shift."""
    values: dict[str, float | None] = {}
    for row in rows:
        entry = _entry(row, metric)
        value = entry["value"] if entry else None
        if metric == "lipcorr" and value is not None and lag is not None:
            by_lag = entry["detail"]["by_lag"]  # type: ignore[index]
            value = by_lag[len(by_lag) // 2 + lag.lag]
        values[row["item"]] = value
    return values


def _entry(result: Mapping[str, Any], metric: str) -> dict[str, Any] | None:
    return result["scores"]["scores"].get(metric) if "scores" in result else None


def _lipcorr(rows: Sequence[Mapping[str, Any]]) -> LipCorrScore | None:
    details = [e["detail"] for r in rows if (e := _entry(r, "lipcorr")) and e["value"] is not None]
    if not details:
        return None
    return lipcorr_compute(ClipCorrelation(tuple(d["by_lag"]), d["frames"], d["still"]) for d in details)


def _fid(rows: Sequence[dict[str, Any]], folder: Path) -> tuple[float, int, int] | None:
    both: tuple[Features, Features] | None = None
    for row in rows:
        features = load_features(folder, row)
        if features is None:
            continue
        mine = _joined(features[0]), _joined(features[1])
        both = mine if both is None else (both[0] + mine[0], both[1] + mine[1])
    if both is None or min(side.count for side in both) < 2:
        return None
    score = fid_compute(*both)
    return score.value, score.generated_frames, score.reference_frames


def _joined(features: np.ndarray) -> Features:
    total = fid_update(features[:CHUNK])
    for start in range(CHUNK, len(features), CHUNK):
        total = total + fid_update(features[start : start + CHUNK])
    return total


def _offsets(rows: Sequence[Mapping[str, Any]]) -> tuple[int, ...]:
    found = (_entry(row, "offset") for row in rows)
    return tuple(round(e["value"]) for e in found if e is not None and e["value"] is not None)


def _common(entries: Sequence[Mapping[str, Any]]) -> str:
    """The parts that the protocol strings of all videos share, and what they add up to."""
    strings = [entry["protocol"].split("; ") for entry in entries]
    shared = [part for part in strings[0] if all(part in other for other in strings)]
    shared = [part for part in shared if not part.startswith(("frames ", "windows ", "skipped "))]
    frames = sum(entry["frames"] for entry in entries)
    unit = "windows" if any(part.startswith("windows ") for part in strings[0]) else "frames"
    videos = "1 video" if len(entries) == 1 else f"{len(entries)} videos"
    return "; ".join([*shared, f"{videos}, {frames} {unit}"])


def _notes(
    results: Sequence[Mapping[str, Any]],
    fids: Mapping[str, tuple[float, int, int]],
    methods: Sequence[str],
) -> tuple[str, ...]:
    notes: list[str] = []
    for result in results:
        for note in result["scores"]["notes"] if "scores" in result else ():
            if note not in notes and getattr(note, "key", "") not in (FID_FEW, NO_PARTNER):
                notes.append(note)
    noted = [{getattr(n, "key", "") for n in r["scores"]["notes"]} for r in results if "scores" in r]
    beyond = sum(NO_PARTNER in keys for keys in noted)
    if beyond:
        notes.append(Message("summary.lengths_differ", count=beyond, total=len(results)))
    few = [frames for _, *frames in fids.values() if min(frames) < 2048]
    if few:
        fewest = min(min(frames) for frames in few)
        notes.append(Message("summary.fid_few", frames=fewest))
    items = {method: {r["item"] for r in results if r["method"] == method} for method in methods}
    if len({frozenset(clips) for clips in items.values()}) > 1:
        notes.append(Message("results.different_clips"))
    clips = len(set().union(*items.values()))
    if len(methods) > 1 and clips <= 5:
        notes.append(Message("summary.one_clip") if clips == 1 else Message("summary.few_clips", count=clips))
    return tuple(notes)
