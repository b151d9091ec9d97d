"""The speech encoder of figure 3: small, trained by this project, needs no download."""

from __future__ import annotations

from torch import Tensor, nn

from lipsync.audio.features import AudioFeatures
from lipsync.nn.attention import ChannelAttention, SpatialAttention
from lipsync.nn.towers import audio_tower

FULL = 512  # values of a vector at the published width


class LearnedEncoder(nn.Module):
    """(B, L, rows, window) windows of speech features to (B, L, D) vectors.

    The figure is lost; this is the speech tower that the generators of this project share, under the names
    that they save it by: what ``train speech`` left can be taken over (``lipsync.training.speech``).
    """

    def __init__(self, hears: AudioFeatures, dimension: int):
        super().__init__()
        c32, c64, c128, c256, c512 = (max(8, c * dimension // FULL) for c in (32, 64, 128, 256, FULL))
        self.audio_encoder = nn.Sequential(*audio_tower(hears, (c32, c64, c128, c256, c512), deep=1))
        self.audio_attention = nn.Sequential(ChannelAttention(c256), SpatialAttention())

    def forward(self, windows: Tensor) -> Tensor:
        x = self.audio_encoder[:11](windows.flatten(0, 1)[:, None])  # (B*L, c256, h, w)
        x = self.audio_encoder[11:](self.audio_attention(x))  # (B*L, D, 1, 1)
        return x.flatten(1).unflatten(0, windows.shape[:2])
