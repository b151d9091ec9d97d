"""CSIM, against the reference video or one picture of the person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from eval.functional.face.csim import csim_update
from eval.scoring.metrics.base import Setup, register_metric
from eval.scoring.metrics.frame_metric import FrameAccumulator, FrameMetric
from lipsync.errors import FaceError

if TYPE_CHECKING:
    from eval.scoring.networks import Loader, Networks
    from eval.scoring.pair import PairBatch


@dataclass
class Similarities(FrameAccumulator):
    """The same with the (D,) embedding of the picture, where one is given."""

    portrait: np.ndarray | None = None


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
        for artefact, load in choices:
            file = loader.file(artefact, [self.name])
            if file is not None:
                encoder: FaceEncoder = load(file)
                loader.names[self.name] = encoder.name
                return FeatureCache(encoder)
        return None

    def accumulator(self, setup: Setup) -> Similarities:
        """Looks for the face on the picture at once.

        Raises:
            FaceError: there is none.
        """
        state = Similarities(setup.networks.loaded.get(self.group))
        if setup.image is not None:
            state.portrait = _portrait(setup.image, setup.networks, state.network)
        return state

    def measure(self, state: FrameAccumulator, batch: PairBatch) -> np.ndarray:
        """(N,) similarities of the frames whose faces are found in both."""
        assert isinstance(state, Similarities)
        generated = batch.embed(state.network, 0)
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

    def network(self, state: Similarities, networks: Networks) -> str | None:
        """Says what the frames were compared with."""
        name = super().network(state, networks)
        return name if state.portrait is None else f"{name}, against one reference picture"


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
