"""The speech encoder of figure 3: small, trained by this project, needs no download."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lipsync.audio.features import AudioFeatures
from lipsync.nn.attention import ChannelAttention, SpatialAttention
from lipsync.nn.towers import audio_tower

FULL = 512  # values of a vector at the published width
PART = 500  # windows that the tower takes at once: 20 s of speech in a few megabytes


class LearnedEncoder(nn.Module):
    """(B, L, rows, window) windows of speech features to (B, L, D) vectors.

    The figure is lost; this is the speech tower that the generators of this project share, under the names
    that they save it by: what ``train speech`` left can be taken over
    (``lipsync.training.pretrained_speech``).

    Args:
        features: input of the tower for each vector.
        dimension: D.
        context: vectors each way that a Bi-LSTM over the tower's vectors takes besides; 0: no Bi-LSTM. Not
            in the patent, whose pre-trained encoders take whole sentences: a tower alone takes 0.2 s.
    """

    def __init__(self, features: AudioFeatures, dimension: int, context: int = 0):
        super().__init__()
        c32, c64, c128, c256, c512 = (max(8, c * dimension // FULL) for c in (32, 64, 128, 256, FULL))
        self.audio_encoder = nn.Sequential(*audio_tower(features, (c32, c64, c128, c256, c512), deep=1))
        self.audio_attention = nn.Sequential(ChannelAttention(c256), SpatialAttention())
        self.context = context
        self.sentence = (
            nn.LSTM(dimension, dimension // 2, batch_first=True, bidirectional=True) if context else None
        )

    def forward(self, windows: Tensor) -> Tensor:
        """The outermost ``context`` vectors of the L have less context than the others: edges repeat."""
        return self.around(self.tower(windows.flatten(0, 1)).unflatten(0, windows.shape[:2]))

    def tower(self, windows: Tensor) -> Tensor:
        """(N, rows, window) to (N, D), each window for itself."""
        x = self.audio_encoder[:11](windows[:, None])  # (N, c256, h, w)
        return self.audio_encoder[11:](self.audio_attention(x)).flatten(1)

    def around(self, vectors: Tensor) -> Tensor:
        """(B, L, D) vectors of the tower to (B, L, D) that depend on the ``context`` around them alone.

        The Bi-LSTM reads the stretch around each vector anew: so a vector is the same wherever a recording
        begins and ends, and the wait of live mode is known.
        """
        if self.sentence is None:
            return vectors
        length = 2 * self.context + 1
        padded = F.pad(vectors.transpose(1, 2), (self.context, self.context), "replicate")  # (B, D, L + 2 c)
        stretches = padded.unfold(2, length, 1).permute(0, 2, 3, 1).flatten(0, 1)  # (B L, 2 c + 1, D)
        read, _ = self.sentence(stretches)
        return read[:, self.context].unflatten(0, vectors.shape[:2])

    @torch.inference_mode()
    def towers(self, windows: Tensor) -> Tensor:
        """(L, D) float32 of the tower alone for all (L, rows, window) windows of a recording."""
        return torch.cat([self.tower(part) for part in windows.split(PART)]).float()

    @torch.inference_mode()
    def encode_windows(self, windows: Tensor) -> Tensor:
        """(L, D) float32 as ``forward``, of all (L, rows, window) windows of a recording."""
        return self.around(self.towers(windows)[None])[0].float()
