"""FVD, of one video and pooled over all videos of a method."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from eval.scoring.metrics.base import Setup, VideoScore, register_metric
from eval.scoring.metrics.distribution.fid import Faces, Fid, joined
from eval.scoring.protocol import NO_REFERENCE_FACE
from lipsync.texts import Message

if TYPE_CHECKING:
    from eval.scoring.networks import Loader, Networks
    from eval.scoring.pair import PairBatch
    from eval.scoring.scores import Score
    from eval.scoring.scoring_pass import Pass


@dataclass
class Clips(Faces):
    """The same of clips, and the (2, N, 256, 256, 3) faces of the one that goes on, of each batch."""

    newest: list[np.ndarray] = field(default_factory=list)


class Fvd(Fid):
    """See `eval.functional.distribution.fvd`. The detail of a method: its clips, generated and reference."""

    details_key: ClassVar[str] = "fvd_clips"
    method_columns: ClassVar[tuple[str, ...]] = ("clips",)
    kind: ClassVar[str] = "clips"
    width: ClassVar[int] = 400

    def load(self, loader: Loader) -> Any:
        """I3D."""
        file = loader.file("i3d_kinetics", [self.name])
        if file is None:
            return None
        from eval.functional.distribution.fvd import i3d_features
        from lipsync.experts.i3d import load_i3d

        loader.names[self.name] = "I3D Kinetics-400, 16 frames"
        return partial(i3d_features, load_i3d(file))

    def accumulator(self, setup: Setup) -> Clips:
        """No face yet."""
        return Clips(setup.networks.loaded.get(self.group), setup.keep)

    def update(self, state: Faces, batch: PairBatch) -> None:
        """Look at every 16 faces that follow one another; a frame without one begins anew."""
        from eval.functional.distribution.fvd import CLIP, fvd_update

        assert isinstance(state, Clips)
        state.frames += len(batch.pairs)
        place = 0
        for cut in batch.cut:
            if not cut:
                state.newest.clear()
                continue
            state.newest.append(batch.faces[:, place])
            place += 1
            if len(state.newest) == CLIP:
                features = state.network(np.stack(state.newest, 1))
                state.newest.clear()
                if state.keep is not None:
                    state.keep(features[:1], features[1:], self.kind)
                state.features = joined(state.features, (fvd_update(features[:1]), fvd_update(features[1:])))

    def compute(self, state: Faces) -> VideoScore:
        """The distance of the video's own clips."""
        from eval.functional.distribution.fvd import CLIP, fvd_compute

        if state.features is None:
            raise ValueError(Message("reason.two_clips", frames=CLIP))
        score = fvd_compute(*state.features)
        left = state.frames - CLIP * score.generated_frames
        skipped: Counter[str] = Counter({NO_REFERENCE_FACE: left})
        return VideoScore(score.value, score.generated_frames, skipped, {"enough_frames": score.enough})

    def protocol(self, score: VideoScore, state: Any, setup: Setup, job: Pass) -> str:
        """Counted are clips."""
        return super().protocol(score, state, setup, job).replace("; frames ", "; clips ", 1)

    def notes(self, score: Score, networks: Networks) -> Iterable[str]:
        """Warns of few clips."""
        if score.value is not None and not score.detail["enough_frames"]:
            yield Message("score.fvd_few", clips=score.frames)

    def method_notes(self, details: Mapping[str, Any]) -> Iterable[str]:
        """Warns of few clips."""
        for frames in self.few(details):
            yield Message("summary.fvd_few", clips=frames)


register_metric(
    Fvd(
        "fvd", "FVD", "lower", "metric.fvd",
        needs=("reference", "network"), decimals=1, artefacts=("i3d_kinetics",), in_face=True, default=False,
        order=61,
    )
)  # fmt: skip
