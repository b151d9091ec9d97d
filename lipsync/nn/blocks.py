"""Convolution blocks of the Wav2Lip family. Attribute names equal those of the published checkpoints."""

from __future__ import annotations

from torch import Tensor, nn

from lipsync.nn.attention import CBAM


class ConvBlock(nn.Module):
    """conv (-> CBAM) -> batch norm (-> + input) -> ReLU."""

    def __init__(
        self, cin: int, cout: int, kernel, stride=1, padding=0, residual: bool = False, cbam: bool = False
    ):
        super().__init__()
        attention = [CBAM(cout)] if cbam else []
        self.conv_block = nn.Sequential(
            nn.Conv2d(cin, cout, kernel, stride, padding), *attention, nn.BatchNorm2d(cout)
        )
        self.act = nn.ReLU()
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv_block(x)
        return self.act(out + x if self.residual else out)


class UpBlock(nn.Module):
    """transposed conv -> batch norm -> ReLU; stride 2 doubles height and width."""

    def __init__(self, cin: int, cout: int, kernel: int, stride: int, padding: int, output_padding: int = 0):
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ConvTranspose2d(cin, cout, kernel, stride, padding, output_padding), nn.BatchNorm2d(cout)
        )
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.conv_block(x))


class NormBlock(nn.Module):
    """conv -> instance norm -> LeakyReLU, the block of M-CSAWav2Lip's visual quality discriminator."""

    def __init__(self, cin: int, cout: int, kernel, stride=1, padding=0):
        super().__init__()
        self.block = nn.Sequential(
            nn.Conv2d(cin, cout, kernel, stride, padding),
            nn.InstanceNorm2d(cout, affine=True),
            nn.LeakyReLU(0.2),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.block(x)


def residual(channels: int, count: int, cbam: bool = False) -> list[ConvBlock]:
    """``count`` residual 3x3 blocks that keep shape."""
    return [ConvBlock(channels, channels, 3, 1, 1, residual=True, cbam=cbam) for _ in range(count)]
