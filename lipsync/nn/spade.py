"""Spatially adaptive normalisation (Park et al., "Semantic image synthesis with SPADE", CVPR 2019)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class SpadeNorm(nn.Module):
    """Instance norm whose scale and shift are drawn, per pixel, from a picture: x̂ (1 + γ(label)) + β(label).

    The label is any picture aligned with the output: here a warped face, a rendered face, features.
    Instance norm instead of the paper's synchronised batch norm, so that a batch of one behaves alike.
    """

    def __init__(self, channels: int, label_channels: int, hidden: int = 64):
        super().__init__()
        self.norm = nn.InstanceNorm2d(channels)
        self.shared = nn.Conv2d(label_channels, hidden, 3, padding=1)
        self.gamma = nn.Conv2d(hidden, channels, 3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, 3, padding=1)

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        """(B, C, H, W) and a label (B, L, h, w) of any size, resized to x's, to (B, C, H, W)."""
        if label.shape[-2:] != x.shape[-2:]:
            label = F.interpolate(label, size=x.shape[-2:], mode="bilinear", align_corners=False)
        shared = self.shared(label).relu()
        return self.norm(x) * (1 + self.gamma(shared)) + self.beta(shared)


class SpadeResBlock(nn.Module):
    """Two rounds of SPADE -> LeakyReLU -> 3x3 conv beside a skip (figure 4 of the SPADE paper)."""

    def __init__(self, cin: int, cout: int, label_channels: int, hidden: int = 64):
        super().__init__()
        middle = min(cin, cout)
        self.norm1 = SpadeNorm(cin, label_channels, hidden)
        self.conv1 = nn.Conv2d(cin, middle, 3, padding=1)
        self.norm2 = SpadeNorm(middle, label_channels, hidden)
        self.conv2 = nn.Conv2d(middle, cout, 3, padding=1)
        self.norm_skip = SpadeNorm(cin, label_channels, hidden) if cin != cout else None
        self.skip = nn.Conv2d(cin, cout, 1, bias=False) if cin != cout else nn.Identity()

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        """(B, cin, H, W) and a label (B, L, h, w) of any size to (B, cout, H, W)."""
        skip = self.skip(x if self.norm_skip is None else self.norm_skip(x, label))
        x = self.conv1(F.leaky_relu(self.norm1(x, label), 0.2))
        x = self.conv2(F.leaky_relu(self.norm2(x, label), 0.2))
        return skip + x
