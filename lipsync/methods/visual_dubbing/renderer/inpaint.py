"""RBFIN, the face that fills the hole, and MSAF, which gives its decoder the texture (eq 17-22)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lipsync.methods.visual_dubbing.config import RendererConfig
from lipsync.methods.visual_dubbing.renderer.unet import Decoder, Encoder, zero

KERNELS = (3, 5, 7)
SIGMA_START = 0.1  # of a learned σ: the branch is weak at first, but its weights do get a gradient


class MultiScaleFusion(nn.Module):
    """MSAF: F + σ · (M ⊙ Σ_s W_s T_s), T_s of the texture features by kernels 3, 5, 7.

    Args:
        channels: C_k of the decoder's features.
        texture: of the TMN's features.
        sigma: "learned", or fixed at "zero" or "one" (Table 5).
    """

    def __init__(self, channels: int, texture: int, sigma: str = "learned"):
        super().__init__()
        self.scales = nn.ModuleList([nn.Conv2d(texture, channels, k, 1, k // 2) for k in KERNELS])  # eq 19
        self.gamma = nn.Parameter(torch.zeros(len(KERNELS)))
        self.gate = nn.Conv2d(4 * channels, 1, 1)
        start = {"learned": SIGMA_START, "zero": 0.0, "one": 1.0}[sigma]
        if sigma == "learned":
            self.sigma = nn.Parameter(torch.tensor(start))
        else:
            self.register_buffer("sigma", torch.tensor(start))

    def forward(self, x: Tensor, texture: Tensor) -> Tensor:
        """(B, C, H, W) and F_tex (B, L, H, W) of the same scale, to (B, C, H, W)."""
        branches = [conv(texture) for conv in self.scales]
        weights = self.gamma.softmax(0)  # eq 20
        gate = self.gate(torch.cat([x, *branches], 1)).sigmoid()  # eq 21, (B, 1, H, W)
        mixed = sum(w * t for w, t in zip(weights, branches, strict=True))
        return x + self.sigma * (gate * mixed)  # eq 22


def around(hole: Tensor) -> Tensor:
    """(B, 1, H, W) 1 in the hole, falling off to 0 within five pixels beside it."""
    return F.avg_pool2d(F.max_pool2d(hole, 5, 1, 2), 5, 1, 2).maximum(hole)


class InpaintNet(nn.Module):
    """(C_i, A_i) from warped, rendered and cropped face and F_tex; I_i = A_i C_i + (1 - A_i) I_crop."""

    def __init__(self, config: RendererConfig):
        super().__init__()
        channels = config.channels(config.inpaint_channels)
        texture = config.channels(config.texture_channels)
        self.residual = config.residual
        self.encoder = Encoder(9, channels)
        self.decoder = Decoder(channels, 3, config.levels(config.spade_scales))
        fused = config.levels(config.fusion_scales) if config.fusion and config.texture else ()
        self.fusion = nn.ModuleDict({
            str(level): MultiScaleFusion(channels[level], texture[level], config.sigma) for level in fused
        })  # fmt: skip
        self.colour = nn.Conv2d(channels[0], 3, 3, 1, 1)
        self.attention = nn.Conv2d(channels[0], 1, 3, 1, 1)
        if self.residual:
            zero(self.colour)
            zero(self.attention)

    def forward(
        self,
        warped: Tensor,
        guide: Tensor,
        cropped: Tensor,
        hole: Tensor,
        mended: Tensor,
        texture: list[Tensor],
    ) -> tuple[Tensor, Tensor]:
        """I_i and A_i.

        Args:
            warped, guide, cropped: (B, 3, H, W) I_warp, I_3D, I_crop.
            hole: (B, 1, H, W), 1 where ``cropped`` is empty.
            mended: (B, 3, H, W) I_e; only with ``residual`` it is more than F_tex.
            texture: F_tex by level; may be empty without TMN.

        Returns:
            (B, 3, H, W) in 0..1 and (B, 1, H, W) in 0..1.
        """

        def fuse(level: int, x: Tensor) -> Tensor:
            return self.fusion[str(level)](x, texture[level]) if str(level) in self.fusion else x

        encoded = self.encoder(torch.cat([warped, guide, cropped], 1))
        features = self.decoder(encoded, guide, fuse)[0]
        drawn, attention = self.colour(features), self.attention(features)
        if self.residual:
            # 0.98 in the hole, falling off around it, so that the seam is no line.
            attention = attention + torch.logit(around(hole).clamp(0.005, 0.98))
            colour = (mended + drawn.tanh()).clamp(0, 1)
        else:
            colour = drawn.sigmoid()
        attention = attention.sigmoid()
        return attention * colour + (1 - attention) * cropped, attention
