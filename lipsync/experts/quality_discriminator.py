"""The visual quality discriminator of M-CSAWav2Lip: does a mouth look real? It has no audio input."""

from __future__ import annotations

from torch import Tensor, nn

from lipsync.nn.blocks import NormBlock
from lipsync.weights.renamed import accept_old_weights


class QualityDiscriminator(nn.Module):
    """(B, 3, S, S) crops in 0..1 to (B, 1, h, w) logits of patches of their lower part, high for real.

    Stacked blocks of conv, instance norm and LeakyReLU, as in the paper. Layer counts and kernels
    are Wav2Lip's, but the last stages, which shrink the picture to one number, are left out: a
    patch discriminator has fewer parameters with which to overfit a small data set.

    Args:
        width: factor on all channel counts.
        part: share of the height, from the bottom, that is looked at: the lower half as in Wav2Lip, or 1.
    """

    def __init__(self, width: float = 1.0, part: float = 0.5):
        super().__init__()
        self.part = part
        c32, c64, c128, c256 = (max(8, round(c * width)) for c in (32, 64, 128, 256))
        self.blocks = nn.Sequential(
            NormBlock(3, c32, 7, 1, 3),                                         # 48 x 96
            NormBlock(c32, c64, 5, (1, 2), 2), NormBlock(c64, c64, 5, 1, 2),    # 48 x 48
            NormBlock(c64, c128, 5, 2, 2), NormBlock(c128, c128, 5, 1, 2),      # 24 x 24
            NormBlock(c128, c256, 5, 2, 2), NormBlock(c256, c256, 3, 1, 1),     # 12 x 12
        )  # fmt: skip
        self.score = nn.Conv2d(c256, 1, 1)
        accept_old_weights(self)

    def forward(self, crops: Tensor) -> Tensor:
        height = crops.shape[-2]
        return self.score(self.blocks(crops[..., height - round(height * self.part) :, :]))
