"""CSIM, against the reference video or one picture of the person; identity drift, of the same embeddings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from eval.functional.face.csim import csim_update
from eval.functional.face.identity_drift import SPAN, identity_drift_compute, identity_drift_update
from eval.scoring.metrics.base import METRICS, Setup, VideoScore, register_metric
from eval.scoring.metrics.frame_metric import FrameAccumulator, FrameMetric
from lipsync.errors import FaceError

if TYPE_CHECKING:
    from eval.scoring.networks import Loader, Networks
    from eval.scoring.pair import PairBatch
    from eval.scoring.scoring_pass import Pass


@dataclass
class Embeddings(FrameAccumulator):
    """The same with the embeddings of the generated video, second by second.

    Attributes:
        compares: whether similarities are wanted, with the reference or the picture.
        portrait: (D,) embedding of the picture; None where none is given.
        newest: (N, D) of the second that goes on, of each batch.
        seconds: (S, D) of the seconds that are over, of each batch.
    """

    compares: bool = True
    portrait: np.ndarray | None = None
    newest: list[np.ndarray] = field(default_factory=list)
    seconds: list[np.ndarray] = field(default_factory=list)

    def add(self, embeddings: np.ndarray) -> None:
        """The next (N, D) frames of the generated video, or (N, 1) where none of them has a face."""
        self.newest.append(embeddings)
        rows = _stacked(self.newest)
        whole = len(rows) // SPAN * SPAN
        if whole:
            self.seconds.append(identity_drift_update(rows[:whole]))
            self.newest = [rows[whole:]]

    def by_second(self) -> np.ndarray:
        """(S, D) of all seconds, the last one as short as it is."""
        return _stacked([*self.seconds, identity_drift_update(_stacked(self.newest))])


class Csim(FrameMetric):
    """See `eval.functional.face.csim`."""

    takes_image: ClassVar[bool] = True

    def load(self, loader: Loader) -> Any:
        """FaceNet, or SFace where FaceNet is unavailable: which one is named in the protocol."""
        from eval.scoring.face_encoders import FaceEncoder, load_facenet
        from eval.scoring.feature_cache import FeatureCache
        from lipsync.faces.recognise import load_sface

        choices: tuple[tuple[str, Callable[[Path], Any]], ...] = (
            ("facenet_vggface2", load_facenet),
            ("sface", load_sface),
        )
        family = METRICS.in_group(self.group)
        for artefact, load in choices:
            file = loader.file(artefact, family)
            if file is not None:
                encoder: FaceEncoder = load(file)
                loader.names.update(dict.fromkeys(family, encoder.name))
                return FeatureCache(encoder)
        return None

    def accumulator(self, setup: Setup) -> Embeddings:
        """Looks for the face on the picture at once.

        Raises:
            FaceError: there is none.
        """
        state = Embeddings(setup.networks.loaded.get(self.group))
        if setup.image is not None:
            state.portrait = _portrait(setup.image, setup.networks, state.network)
        return state

    def measure(self, state: FrameAccumulator, batch: PairBatch) -> np.ndarray:
        """(N,) similarities of the frames whose faces are found in both."""
        assert isinstance(state, Embeddings)
        generated = batch.embed(state.network, 0)
        state.add(generated)
        if not state.compares:
            return np.full(len(generated), np.nan)
        both = ~np.isnan(generated[:, 0])
        reference = state.portrait
        if reference is None:
            reference = batch.embed(state.network, 1)
            both &= ~np.isnan(reference[:, 0])
            reference = reference[both]
        out = np.full(len(generated), np.nan)
        if both.any():
            out[both] = csim_update(generated[both], reference)
        return out

    def network(self, state: Embeddings, networks: Networks) -> str | None:
        """Says what the frames were compared with."""
        name = super().network(state, networks)
        return name if state.portrait is None else f"{name}, against one reference picture"


class IdentityDrift(Csim):
    """See `eval.functional.face.identity_drift`; of the generated video alone."""

    takes_image: ClassVar[bool] = False

    def accumulator(self, setup: Setup) -> Embeddings:
        """For itself alone: CSIM, where it is wanted too, comes first in the group."""
        return Embeddings(setup.networks.loaded.get(self.group), compares=False)

    def compute(self, state: FrameAccumulator) -> VideoScore:
        """The mean over the seconds after the first, with the last one in the detail."""
        assert isinstance(state, Embeddings)
        score = identity_drift_compute(state.by_second())
        return VideoScore(score.mean, score.seconds, detail={"last": score.last})

    def frame_columns(self, state: FrameAccumulator, frames: int) -> Mapping[str, np.ndarray]:
        """None: a single frame says little."""
        return {}

    def network(self, state: Embeddings, networks: Networks) -> str | None:
        """The encoder."""
        return networks.names.get(self.name)

    def protocol(self, score: VideoScore, state: Any, setup: Setup, job: Pass) -> str:
        """Counted are seconds."""
        return super().protocol(score, state, setup, job).replace("; frames ", "; seconds ", 1)


def _stacked(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Rows of several arrays; (N, 1) of NaN are as wide as the others."""
    width = max(part.shape[1] for part in parts)
    return np.concatenate([np.broadcast_to(part, (len(part), width)) for part in parts])


def _portrait(path: Path, networks: Networks, encoder: Any) -> np.ndarray:
    """(D,) embedding of the face on one picture.

    Raises:
        FaceError: there is none.
    """
    from eval.scoring.pair import PairBatch, look
    from eval.scoring.protocol import FPS
    from lipsync.faces.tracking.track import FaceTracker
    from lipsync.media import read_frames

    tracker = FaceTracker(networks.landmarker, FPS)
    try:
        item = next(iter(tracker.track(read_frames(path, fps=FPS, max_frames=1))))
    finally:
        tracker.close()
    embedding = PairBatch([look(item, None, "face")], "face").embed(encoder, 0)[0]
    if np.isnan(embedding).any():
        raise FaceError("score.no_face_photo", path=path.name)
    return embedding


register_metric(
    Csim(
        "csim", "CSIM", "higher", "metric.csim",
        needs=("reference", "network"), low=-1.0, high=1.0, artefacts=("facenet_vggface2", "sface"),
        in_face=True, order=50,
    )
)  # fmt: skip
register_metric(
    IdentityDrift(
        "identity_drift", "Identity drift", "lower", "metric.identity_drift",
        needs=("network",), high=2.0, artefacts=("facenet_vggface2", "sface"), in_face=True, group="csim",
        default=False, order=51,
    )
)  # fmt: skip
