"""Channel and spatial attention, one of each for all methods."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ChannelAttention(nn.Module):
    """Scales channels by a weight from globally pooled features.

    M-CSAWav2Lip eq 4-5: average pool -> 1x1 conv squeeze -> ReLU -> 1x1 conv expand -> sigmoid.
    With ``max_pool`` the shared squeeze-expand pair also sees the maximum and both are added before
    the sigmoid: the M_c of CBAM (Woo et al. 2018), which LSTM-CBAM uses.
    """

    def __init__(self, channels: int, reduction: int = 16, max_pool: bool = False):
        super().__init__()
        squeezed = max(4, channels // reduction)
        self.squeeze = nn.Conv2d(channels, squeezed, 1)
        self.expand = nn.Conv2d(squeezed, channels, 1)
        self.max_pool = max_pool

    def forward(self, x: Tensor) -> Tensor:
        weight = self.expand(self.squeeze(x.mean((2, 3), keepdim=True)).relu())  # (B, C, 1, 1)
        if self.max_pool:
            weight = weight + self.expand(self.squeeze(x.amax((2, 3), keepdim=True)).relu())
        return x * weight.sigmoid()


class SpatialAttention(nn.Module):
    """Scales positions by a weight from maximum and mean over channels (M-CSAWav2Lip eq 6-9, CBAM's M_s)."""

    def __init__(self, kernel: int = 7):
        super().__init__()
        self.conv = nn.Conv2d(2, 1, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        pooled = torch.cat([x.amax(1, keepdim=True), x.mean(1, keepdim=True)], dim=1)  # (B, 2, H, W)
        return x * self.conv(pooled).sigmoid()


class CBAM(nn.Sequential):
    """Convolutional block attention module: F' = M_c(F) ⊗ F, then F'' = M_s(F') ⊗ F' (LSTM-CBAM eq 2).

    M_c passes the average- and the max-pooled vector through one shared MLP, M_s convolves the maximum
    and the mean over channels (Woo et al. 2018); channel first, as their ablation found best.
    """

    def __init__(self, channels: int, reduction: int = 16, kernel: int = 7):
        super().__init__(ChannelAttention(channels, reduction, max_pool=True), SpatialAttention(kernel))
