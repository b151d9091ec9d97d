"""Where each method did worst: the item, the measure, and the frames that show it."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from eval.batch.job import frames_file
from eval.batch.suites.bench_run import BenchRun
from eval.scoring.metrics import METRICS, Metric

MOST = 3  # cells of a method
FRAMES = 4  # shown of each
FEWEST = 3  # videos: of two, one is always the worse
APART = 5  # frames at 25 fps between two that are shown


@dataclass(frozen=True)
class WorstCell:
    """One video's score that is far on the bad side of what is usual.

    Attributes:
        item: the video.
        metric: by which it is bad; label: its heading there.
        value: its score.
        usual: the median score of all methods' videos.
        times: s, of frames that show it.
        chosen: whether these are the worst frames, and not only spread over the video.
    """

    item: str
    metric: Metric
    label: str
    value: float
    usual: float
    times: tuple[float, ...]
    chosen: bool


def worst_cells(run: BenchRun) -> Mapping[str, list[WorstCell]]:
    """The worst cells of every method, each of another face.

    Cells of different metrics are compared by how many spreads (median absolute deviations over all methods'
    videos) they are worse than the median.
    """
    names = {method.name for method in run.methods}
    worst: dict[tuple[str, str], tuple[float, Metric, str, float, float]] = {}
    for metric in METRICS.all():
        if not metric.ranked or metric.pooled:
            continue
        values = {
            (row["item"], row["method"]): (entry["value"], entry["label"])
            for row in run.results
            if row["method"] in names
            and (entry := metric.entry(row)) is not None
            and entry["value"] is not None
        }
        if len(values) < FEWEST:
            continue
        bad = np.array([metric.badness(value) for value, _ in values.values()])
        distance = bad - np.median(bad)
        spread = float(np.median(np.abs(distance))) or float(np.abs(distance).max()) or 1.0
        usual = float(np.median([value for value, _ in values.values()]))
        for (key, (value, label)), far in zip(values.items(), distance / spread, strict=True):
            if key not in worst or far > worst[key][0]:
                worst[key] = (float(far), metric, label, value, usual)
    faces = {face.item: face.face for face in run.faces}
    found: dict[str, list[WorstCell]] = {}
    for method in run.methods:
        every = [(cell, item) for (item, name), cell in worst.items() if name == method.name and cell[0] > 0]
        every.sort(key=lambda entry: entry[0][0])
        mine = sorted(
            {faces[item]: (cell, item) for cell, item in every}.values(), key=lambda entry: -entry[0][0]
        )
        found[method.name] = [
            WorstCell(item, metric, label, value, usual, *_times(run, item, method.name, metric))
            for (_, metric, label, value, usual), item in mine[:MOST]
        ]
    return found


def _times(run: BenchRun, item: str, method: str, metric: Metric) -> tuple[tuple[float, ...], bool]:
    """Times of the worst frames by this metric, or spread over the video; and which of the two."""
    try:
        with frames_file(run.scores, item, method).open(newline="", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
    except OSError:
        return (), False
    known = [line for line in lines if line.get(metric.name)]
    if not known:
        places = np.linspace(0, len(lines) - 1, FRAMES + 2)[1:-1].round().astype(int) if lines else ()
        return tuple(float(lines[place]["time"]) for place in places), False
    shown: list[int] = []
    order = sorted(known, key=lambda line: -metric.badness(float(line[metric.name])))
    for frame in (int(line["frame"]) for line in order):
        if all(abs(frame - other) >= APART for other in shown):
            shown.append(frame)
        if len(shown) == FRAMES:
            break
    times = {int(line["frame"]): float(line["time"]) for line in known}
    return tuple(times[frame] for frame in sorted(shown)), True
