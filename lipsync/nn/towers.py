"""The speech tower that generators and sync experts of the Wav2Lip family share."""

from __future__ import annotations

from lipsync.audio.features import AudioFeatures
from lipsync.nn.blocks import ConvBlock, residual


def audio_tower(spec: AudioFeatures, channels: tuple[int, ...], deep: int) -> list[ConvBlock]:
    """Blocks that take (B, 1, rows, window) speech features to (B, channels[-1], 1, 1).

    Published for 80 rows. Fused features have 119, MFCC 39: the strides stay, and the kernel of the
    last block but one covers what is left of the plane (3 x 3 for 80 rows), without padding.

    Args:
        channels: of the five stages, 32, 64, 128, 256, 512 as published.
        deep: residual blocks in the fourth stage (1 in the generator, 2 in the sync expert).
    """
    c1, c2, c3, c4, c5 = channels
    rows, columns = spec.rows, spec.window
    for vertical, horizontal in ((3, 1), (3, 3), (3, 2)):  # kernel 3, padding 1
        rows, columns = (rows - 1) // vertical + 1, (columns - 1) // horizontal + 1
    return [
        ConvBlock(1, c1, 3, 1, 1), *residual(c1, 2),
        ConvBlock(c1, c2, 3, (3, 1), 1), *residual(c2, 2),
        ConvBlock(c2, c3, 3, 3, 1), *residual(c3, 2),
        ConvBlock(c3, c4, 3, (3, 2), 1), *residual(c4, deep),
        ConvBlock(c4, c5, (rows, columns), 1, 0), ConvBlock(c5, c5, 1, 1, 0),
    ]  # fmt: skip
