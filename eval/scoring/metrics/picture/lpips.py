"""LPIPS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eval.scoring.metrics.base import register_metric
from eval.scoring.metrics.frame_metric import PictureMetric

if TYPE_CHECKING:
    from eval.scoring.networks import Loader


class Lpips(PictureMetric):
    """See `eval.functional.picture.lpips`."""

    def load(self, loader: Loader) -> Any:
        """The network with the trunk that was chosen."""
        file = loader.file(f"lpips_{loader.lpips}", [self.name])
        if file is None:
            return None
        from lipsync.experts.perceptual import load_lpips
        from lipsync.nn.packed import packed

        loader.names[self.name] = f"LPIPS v0.1 {loader.lpips}"
        network = load_lpips(loader.lpips, file)
        packed(network.net)  # type: ignore[arg-type]  # the trunk, which does all the work
        return network

    def compare(self, network: Any, generated: np.ndarray, reference: np.ndarray) -> np.ndarray:
        """(M,) distances."""
        from eval.functional.picture.lpips import lpips_update

        return lpips_update(network, generated, reference)


register_metric(
    Lpips(
        "lpips", "LPIPS", "lower", "metric.lpips",
        needs=("reference", "network"), artefacts=("lpips_alex", "lpips_vgg"), by_region=True, order=30,
    )
)  # fmt: skip
