"""The networks a pass over a video needs, loaded once and shared by all metrics and all videos."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eval.scoring.feature_cache import TrackFeatureCache
from eval.scoring.metrics import METRICS
from lipsync.errors import ArtefactError
from lipsync.experts.perceptual import LpipsNet
from lipsync.weights import hub

LANDMARKER = "MediaPipe face landmarker"  # in protocol strings


@dataclass(frozen=True)
class Networks:
    """What could be loaded, and for each metric that lacks its weights the sentence that says so.

    Attributes:
        landmarker: file of the face landmarker; None: faces are tracked by five points.
        loaded: by group of metrics, what their ``load`` gave: no entry where it was not asked for, has
            none or is not to be had. Those of CSIM and FID remember what they saw.
        names, hashes: for protocol strings, by metric.
        missing: metric to sentence.
        tracks: the faces in the references, which are met again with every method.
    """

    landmarker: Path | None = None
    loaded: Mapping[str, Any] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    tracks: TrackFeatureCache = field(default_factory=TrackFeatureCache)


def load_networks(
    metrics: Collection[str],
    syncnet: Path | None = None,
    lpips: LpipsNet = "alex",
    expert: Path | None = None,
    progress: hub.Progress | None = None,
) -> Networks:
    """Everything the metrics need, fetched first where it is not here yet.

    Args:
        metrics: names of `eval.scoring.metrics`.
        syncnet: a checkpoint of the SyncNet v2 architecture in place of the published one.
        lpips: trunk of LPIPS.
        expert: folder of an own expert, the stand-in where SyncNet v2 is unavailable; None: the best one that
            ships.
        progress: called as downloads go on.

    Raises:
        LipSyncError: the file given as ``syncnet`` is not usable. Other weights that are missing
            are no error; ``missing`` says so.
    """
    loader = Loader(syncnet, lpips, expert, progress)
    with_landmarks = METRICS.needing("landmarks")
    landmarker = loader.file("face_landmarker", [name for name in with_landmarks if name in metrics])
    if landmarker is None:
        landmarker = hub.locate("face_landmarker")
    for name in with_landmarks:
        if name in metrics and name not in loader.missing:
            loader.names[name] = LANDMARKER
    loaded: dict[str, Any] = {}
    for metric in METRICS.all():
        if metric.name in metrics and metric.name not in loader.missing and metric.group not in loaded:
            loaded[metric.group] = metric.load(loader)
    present = {group: network for group, network in loaded.items() if network is not None}
    return Networks(landmarker, present, loader.names, loader.hashes, loader.missing)


@dataclass
class Loader:
    """What metrics load their networks with; collects names, hashes and what is missing.

    Attributes:
        syncnet, lpips, expert: see `load_networks`.
        progress: called as downloads go on.
        names, hashes, missing: see `Networks`.
    """

    syncnet: Path | None = None
    lpips: LpipsNet = "alex"
    expert: Path | None = None
    progress: hub.Progress | None = None
    names: dict[str, str] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def file(self, artefact: str, metrics: Collection[str]) -> Path | None:
        """The artefact's file, or None and a sentence for every metric that wanted it."""
        if not metrics:
            return None
        try:
            path = hub.fetch(artefact, self.progress)
        except ArtefactError as problem:
            self.missing.update(dict.fromkeys(metrics, problem.message))
            return None
        sha256 = hub.artefacts()[artefact].sha256
        for metric in metrics:
            self.hashes[metric] = sha256
            self.missing.pop(metric, None)
        return path
