"""The mouth-shape expert: reads gap, height, width and chin off a face crop, differentiably.

A landmarker cannot pass a gradient to a generator; this small network, trained on what the
landmarker measured on real crops, can. It looks at half the resolution: a network that sees single
pixels teaches a generator to please it with patterns instead of mouths.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from lipsync.faces.tracking.landmarks import MOUTH_SHAPE

SIZE = 96  # pixels, side of the crops that it was trained on


class MouthExpert(nn.Module):
    """(B, 3, S, S) crops in 0..1 to (B, 4) mouth shape in units of the inter-ocular distance."""

    def __init__(self, channels: tuple[int, ...] = (16, 32, 48, 64, 96)):
        super().__init__()
        layers: list[nn.Module] = []
        for cin, cout in zip((3, *channels), channels, strict=False):
            layers += [nn.Conv2d(cin, cout, 3, 2, 1), nn.BatchNorm2d(cout), nn.ReLU()]
        self.features = nn.Sequential(*layers)  # (B, 96, 1, 2) from a 48 x 96 lower half, halved
        self.head = nn.Sequential(nn.Flatten(), nn.LazyLinear(64), nn.ReLU(), nn.Linear(64, len(MOUTH_SHAPE)))

    def forward(self, crops: Tensor) -> Tensor:
        lower = crops[..., crops.shape[-2] // 2 :, :]
        return self.head(self.features(F.avg_pool2d(lower, 2)))
