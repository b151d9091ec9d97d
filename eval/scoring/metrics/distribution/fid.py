"""FID, of one video and pooled over all videos of a method."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from eval.functional.aggregate import MeanScore
from eval.scoring.metrics.base import (
    LoadFeatures,
    MethodScore,
    Metric,
    ResultRow,
    SaveFeatures,
    Setup,
    VideoScore,
    register_metric,
)
from eval.scoring.protocol import NO_REFERENCE_FACE
from lipsync.texts import Message

if TYPE_CHECKING:
    from eval.functional.distribution.fid import Features
    from eval.scoring.networks import Loader, Networks
    from eval.scoring.pair import PairBatch
    from eval.scoring.scores import Score

CHUNK = 512  # feature rows added up at once


@dataclass
class Faces:
    """Collects the features of the faces of both videos.

    Attributes:
        network: gives features.
        keep: gets those of each batch.
        features: of generated and reference; None before the first face.
        frames: all frames, also those without a face.
    """

    network: Any
    keep: SaveFeatures | None
    features: tuple[Features, Features] | None = None
    frames: int = 0


class Fid(Metric):
    """See `eval.functional.distribution.fid`. The detail of a method: its faces, generated and reference."""

    pooled: ClassVar[bool] = True
    details_key: ClassVar[str] = "fid_frames"
    method_columns: ClassVar[tuple[str, ...]] = ("frames",)
    kind: ClassVar[str] = ""  # of features, of which a batch keeps several
    width: ClassVar[int] = 2048  # of a row of them

    def load(self, loader: Loader) -> Any:
        """Inception, which remembers what it saw."""
        file = loader.file("inception_fid", [self.name])
        if file is None:
            return None
        from eval.functional.distribution.fid import inception_features, load_inception
        from eval.scoring.feature_cache import FeatureCache

        loader.names[self.name] = "Inception 2015, 2048-d"
        return FeatureCache(partial(inception_features, load_inception(file)))

    def accumulator(self, setup: Setup) -> Faces:
        """No face yet."""
        return Faces(setup.networks.loaded.get(self.group), setup.keep)

    def update(self, state: Faces, batch: PairBatch) -> None:
        """Add the faces of a batch."""
        from eval.functional.distribution.fid import fid_update

        state.frames += len(batch.pairs)
        if not batch.cut.any():
            return
        sides, count, *shape = batch.faces.shape
        features = state.network(batch.faces.reshape(-1, *shape))  # both at once: work for all threads
        generated, reference = features.reshape(sides, count, -1)
        if state.keep is not None:
            state.keep(generated, reference)
        state.features = joined(state.features, (fid_update(generated), fid_update(reference)))

    def compute(self, state: Faces) -> VideoScore:
        """The distance of the video's own faces."""
        from eval.functional.distribution.fid import fid_compute

        if state.features is None:
            raise ValueError(Message("reason.no_region"))
        fid = fid_compute(*state.features)
        skipped: Counter[str] = Counter({NO_REFERENCE_FACE: state.frames - fid.generated_frames})
        return VideoScore(fid.value, fid.generated_frames, skipped, {"enough_frames": fid.enough})

    def notes(self, score: Score, networks: Networks) -> Iterable[str]:
        """Warns of few frames."""
        if score.value is not None and not score.detail["enough_frames"]:
            yield Message("score.fid_few", frames=score.frames)

    def aggregate(self, rows: Sequence[ResultRow], load_features: LoadFeatures) -> MethodScore:
        """The distance of all faces of the method together."""
        from eval.functional.distribution.fid import fid_compute

        both: tuple[Features, Features] | None = None
        failed = []
        for row in rows:
            features = load_features(row, self.kind, self.width)
            if features is None:
                failed.append(row["item"])
            else:
                both = joined(both, (_summed(features[0]), _summed(features[1])))
        if both is None or min(side.count for side in both) < 2:
            return MethodScore(None)
        score = fid_compute(*both)
        summary = MeanScore(score.value, np.nan, np.nan, len(rows) - len(failed), tuple(failed))
        return MethodScore(summary, detail=(score.generated_frames, score.reference_frames))

    def method_notes(self, details: Mapping[str, Any]) -> Iterable[str]:
        """Warns of few frames."""
        for frames in self.few(details):
            yield Message("summary.fid_few", frames=frames)

    def few(self, details: Mapping[str, Any]) -> list[int]:
        """The fewest frames that a method has, where they are not enough."""
        from eval.functional.distribution.fid import ENOUGH_FRAMES

        fewest = min((min(frames) for frames in details.values()), default=ENOUGH_FRAMES)
        return [fewest] if fewest < ENOUGH_FRAMES else []

    def format(self, summary: MeanScore, detail: Any = None) -> str:
        """With the frames, without which it cannot be read."""
        number = super().format(summary)
        return number if detail is None else f"{number} (N {min(detail)})"

    def method_cells(self, detail: tuple[int, int]) -> tuple[int, ...]:
        """The frames of the smaller side."""
        return (min(detail),)


def joined(
    sets: tuple[Features, Features] | None, more: tuple[Features, Features]
) -> tuple[Features, Features]:
    """Both sides of two sets of pairs together; the first may be None."""
    return more if sets is None else (sets[0] + more[0], sets[1] + more[1])


def _summed(features: np.ndarray) -> Features:
    """(N, D) features, of any length on disk."""
    from eval.functional.distribution.fid import fid_update

    total = fid_update(features[:CHUNK])
    for start in range(CHUNK, len(features), CHUNK):
        total = total + fid_update(features[start : start + CHUNK])
    return total


register_metric(
    Fid(
        "fid", "FID", "lower", "metric.fid",
        needs=("reference", "network"), decimals=2, artefacts=("inception_fid",), in_face=True, order=60,
    )
)  # fmt: skip
