"""The speech tower that generators and sync experts of the Wav2Lip family share."""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from lipsync.audio.features import AudioFeatures
from lipsync.nn.blocks import ConvBlock, residual


def audio_tower(
    spec: AudioFeatures, channels: tuple[int, ...], deep: int, cbam: bool = False
) -> list[ConvBlock]:
    """Blocks that take (B, 1, rows, window) speech features to (B, channels[-1], 1, 1).

    Published for 80 rows. Fused features have 119, MFCC 39: the strides stay, and the kernel of the
    last block but one covers what is left of the plane (3 x 3 for 80 rows), without padding.

    Args:
        channels: of the five stages, 32, 64, 128, 256, 512 as published.
        deep: residual blocks in the fourth stage (1 in the generator, 2 in the sync expert).
        cbam: attention after every convolution (LSTM-CBAM).
    """
    c1, c2, c3, c4, c5 = channels
    rows, columns = spec.rows, spec.window
    for vertical, horizontal in ((3, 1), (3, 3), (3, 2)):  # kernel 3, padding 1
        rows, columns = (rows - 1) // vertical + 1, (columns - 1) // horizontal + 1
    block, same = partial(ConvBlock, cbam=cbam), partial(residual, cbam=cbam)
    return [
        block(1, c1, 3, 1, 1), *same(c1, 2),
        block(c1, c2, 3, (3, 1), 1), *same(c2, 2),
        block(c2, c3, 3, 3, 1), *same(c3, 2),
        block(c3, c4, 3, (3, 2), 1), *same(c4, deep),
        block(c4, c5, (rows, columns), 1, 0), block(c5, c5, 1, 1, 0),
    ]  # fmt: skip


class SpeechLSTM(nn.Module):
    """One LSTM along the time of speech features, (B, 1, rows, window) to the same shape (LSTM-CBAM).

    The paper gives no size: as many hidden units as there are rows, so that what follows is the same
    network with and without it; one layer, forwards.
    """

    def __init__(self, rows: int):
        super().__init__()
        self.lstm = nn.LSTM(rows, rows, batch_first=True)

    def forward(self, speech: Tensor) -> Tensor:
        encoded, _ = self.lstm(speech[:, 0].transpose(1, 2))  # (B, window, rows)
        return encoded.transpose(1, 2)[:, None].contiguous()
