"""The speech encoder of figure 3: small, trained with the network, needs no download."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from lipsync.audio.mel import N_MELS

REACH = 12  # mel columns (80 Hz, 0.15 s) on either side of a feature vector that it depends on


class LearnedEncoder(nn.Module):
    """(B, T, 80) mel spectrogram at 80 Hz to (B, T/2, D) features at 40 Hz.

    The figure is lost; this is a stack of convolutions over time. Norms look at one time step alone, so a
    stretch of speech gives what the whole recording gives there, away from its ends.
    """

    def __init__(self, dimension: int, dropout: float = 0.0):
        super().__init__()
        self.layers = nn.ModuleList([
            _Step(N_MELS, dimension, 5, 1),
            _Step(dimension, dimension, 5, 2),
            _Step(dimension, dimension, 3, 1),
            _Step(dimension, dimension, 3, 1),
            _Step(dimension, dimension, 3, 1),
        ])  # fmt: skip
        self.dropout = nn.Dropout(dropout)

    def forward(self, mel: Tensor) -> Tensor:
        x = mel / 4  # -4..4 to -1..1
        for layer in self.layers:
            x = self.dropout(layer(x))
        return x


class _Step(nn.Module):
    """Convolution over time, layer norm over channels, GELU; added to its input where shapes agree."""

    def __init__(self, cin: int, cout: int, kernel: int, stride: int):
        super().__init__()
        self.conv = nn.Conv1d(cin, cout, kernel, stride)
        self.norm = nn.LayerNorm(cout)
        self.edge = kernel // 2
        self.same = cin == cout and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        padded = F.pad(x.transpose(1, 2), (self.edge, self.edge), mode="replicate")  # (B, C, T + 2 edge)
        out = F.gelu(self.norm(self.conv(padded).transpose(1, 2)))
        return x + out if self.same else out
