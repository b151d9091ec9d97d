"""TMN, the texture modulation of the motion: mends the warped face, hands on its features (eq 15-16)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lipsync.methods.visual_dubbing.config import RendererConfig
from lipsync.methods.visual_dubbing.renderer.unet import Decoder, Encoder, zero


class TextureNet(nn.Module):
    """(C_e, A_e, F_tex) from the warped face and the rendered 3D face, which SPADE puts into the decoder."""

    def __init__(self, config: RendererConfig):
        super().__init__()
        channels = config.channels(config.texture_channels)
        self.residual = config.residual
        self.encoder = Encoder(6, channels)
        self.decoder = Decoder(channels, 3, config.levels(config.spade_scales))
        self.colour = nn.Conv2d(channels[0], 3, 3, 1, 1)
        self.attention = nn.Conv2d(channels[0], 1, 3, 1, 1)
        if self.residual:
            zero(self.colour)

    def forward(self, warped: Tensor, guide: Tensor) -> tuple[Tensor, list[Tensor]]:
        """(B, 3, H, W) each, to I_e (B, 3, H, W) and F_tex by level, from the full size down."""
        features = self.decoder(self.encoder(torch.cat([warped, guide], 1)), guide)
        drawn = self.colour(features[0])
        colour = warped + drawn.tanh() if self.residual else drawn.sigmoid()  # C_e
        attention = self.attention(features[0]).sigmoid()  # A_e
        return attention * colour + (1 - attention) * warped, features
