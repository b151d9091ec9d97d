"""The networks a pass over a video needs, loaded once and shared by all metrics and all videos."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch

from eval.expert import EXPERT, load_expert
from eval.functional.face_encoders import FaceEncoder, load_facenet
from eval.functional.fid import inception_features, load_inception
from eval.judges import SyncJudge, SyncNetJudge, file_sha256
from eval.recall import Recall, TrackRecall
from lipsync import hub
from lipsync.errors import ArtefactError
from lipsync.experts.perceptual import LpipsNet, load_lpips
from lipsync.experts.syncnet import load_syncnet
from lipsync.faces.morphable import MorphableModel, load_morphable
from lipsync.faces.recognise import load_sface

LANDMARK_METRICS = frozenset({"lmd", "lmd_all68", "lmd_normalised", "lmd_vico", "aed", "lipcorr"})
LANDMARKER = "MediaPipe face landmarker"  # in protocol strings
LSE_METRICS = frozenset({"lse_d", "lse_c", "offset"})
T = TypeVar("T")


@dataclass(frozen=True)
class Networks:
    """What could be loaded, and for each metric that lacks its weights the sentence that says so.

    Attributes:
        landmarker: file of the face landmarker; None: faces are tracked by five points.
        lpips, encoder, inception, judge: networks of LPIPS, CSIM, FID and LSE; None: not asked for
            or not to be had. Those of CSIM and FID remember what they saw.
        face: the 3D face of AED; None: its file is not here, and the landmarker's scores take its place.
        names, hashes: for protocol strings, by metric.
        missing: metric to sentence.
        tracks: the faces in the references, which are met again with every method.
    """

    landmarker: Path | None = None
    lpips: torch.nn.Module | None = None
    encoder: Recall | None = None
    inception: Recall | None = None
    judge: SyncJudge | None = None
    face: MorphableModel | None = None
    names: dict[str, str] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    tracks: TrackRecall = field(default_factory=TrackRecall)


def load_networks(
    metrics: Collection[str],
    syncnet: Path | None = None,
    lpips: LpipsNet = "alex",
    expert: Path = EXPERT,
    progress: hub.Progress | None = None,
) -> Networks:
    """Everything the metrics need, fetched first where it is not here yet.

    Args:
        metrics: names of `eval.metrics`.
        syncnet: a checkpoint of the SyncNet v2 architecture in place of the published one.
        lpips: trunk of LPIPS.
        expert: folder of the own sync expert, the stand-in where SyncNet v2 cannot be had.
        progress: told about downloads.

    Raises:
        LipSyncError: the file given as ``syncnet`` is not usable. Other weights that are missing
            are no error; ``missing`` says so.
    """
    found = _Found(progress)
    landmarker = found.file("face_landmarker", LANDMARK_METRICS & set(metrics))
    if landmarker is None:
        landmarker = hub.locate("face_landmarker")
    lpips_network = encoder = inception = judge = None
    if "lpips" in metrics and (file := found.file(f"lpips_{lpips}", {"lpips"})):
        lpips_network = load_lpips(lpips, file)
        found.names["lpips"] = f"LPIPS v0.1 {lpips}"
    if "csim" in metrics:
        encoder = _encoder(found)
    if "fid" in metrics and (file := found.file("inception_fid", {"fid"})):
        inception = Recall(partial(inception_features, load_inception(file)))
        found.names["fid"] = "Inception 2015, 2048-d"
    if LSE_METRICS & set(metrics):
        judge = _judge(found, syncnet, expert)
        for metric in LSE_METRICS if judge else ():
            found.names[metric], found.hashes[metric] = judge.name, judge.sha256  # type: ignore[union-attr]
    for metric in LANDMARK_METRICS - found.missing.keys():
        found.names[metric] = LANDMARKER
    face = _face(found) if "aed" in metrics and "aed" not in found.missing else None
    return Networks(
        landmarker, lpips_network, encoder, inception, judge, face, found.names, found.hashes, found.missing
    )


class _Found:
    """Collects names, hashes and what is missing while the networks load."""

    def __init__(self, progress: hub.Progress | None):
        self._progress = progress
        self.names: dict[str, str] = {}
        self.hashes: dict[str, str] = {}
        self.missing: dict[str, str] = {}

    def file(self, artefact: str, metrics: Collection[str]) -> Path | None:
        """The artefact's file, or None and a sentence for every metric that wanted it."""
        if not metrics:
            return None
        try:
            path = hub.fetch(artefact, self._progress)
        except ArtefactError as problem:
            self.missing.update(dict.fromkeys(metrics, problem.message))
            return None
        sha256 = hub.artefacts()[artefact].sha256
        for metric in metrics:
            self.hashes[metric] = sha256
            self.missing.pop(metric, None)
        return path


def _face(found: _Found) -> MorphableModel | None:
    """The 3D face, or None where its file is not here: which coefficients AED compares is in the protocol."""
    path = hub.locate("ict_facekit")
    if path is None:
        found.names["aed"] = f"{LANDMARKER}, 52 scores, as ict_facekit.npz is not here"
        return None
    face = load_morphable(path)
    found.names["aed"] = f"3D face {face.name}, {face.expression_size} coefficients"
    found.hashes["aed"] = face.sha256
    return face


def _encoder(found: _Found) -> Recall | None:
    """FaceNet, or SFace where FaceNet cannot be had: which one is named in the protocol."""
    choices: tuple[tuple[str, Callable[[Path], Any]], ...] = (
        ("facenet_vggface2", load_facenet),
        ("sface", load_sface),
    )
    for artefact, load in choices:
        file = found.file(artefact, {"csim"})
        if file is not None:
            encoder: FaceEncoder = load(file)
            found.names["csim"] = encoder.name
            return Recall(encoder)
    return None


def _judge(found: _Found, syncnet: Path | None, expert: Path) -> SyncJudge | None:
    if syncnet is not None:
        network = load_syncnet(syncnet)
        sha256 = file_sha256(syncnet)
        published = sha256 == hub.artefacts()["syncnet_v2"].sha256
        return SyncNetJudge(network, sha256, "SyncNet v2" if published else f"SyncNet v2 ({syncnet.name})")
    file = found.file("syncnet_v2", LSE_METRICS)
    if file is not None:
        return SyncNetJudge(load_syncnet(file), found.hashes["lse_d"])
    try:
        judge = load_expert(expert)
    except ArtefactError:
        return None  # the sentence about SyncNet v2 stands: that file helps, whatever else is missing
    for metric in LSE_METRICS:
        found.missing.pop(metric)
    return judge
