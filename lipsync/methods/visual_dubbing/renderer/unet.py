"""The U-Net that SFM, TMN and RBFIN share: an encoder of five or six levels, and decoders with SPADE."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lipsync.nn.spade import SpadeResBlock


class Down(nn.Sequential):
    """One encoder level: two 3x3 convolutions with LeakyReLU, the first of them with ``stride``."""

    def __init__(self, cin: int, cout: int, stride: int = 2):
        super().__init__(
            nn.Conv2d(cin, cout, 3, stride, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(cout, cout, 3, 1, 1),
            nn.LeakyReLU(0.2),
        )


class Encoder(nn.ModuleList):
    """(B, cin, H, W) to one feature picture per level, each half as large as the one before."""

    def __init__(self, cin: int, channels: tuple[int, ...]):
        levels = zip((cin, *channels[:-1]), channels, strict=True)
        super().__init__([Down(a, b, 1 if i == 0 else 2) for i, (a, b) in enumerate(levels)])

    def forward(self, x: Tensor) -> list[Tensor]:
        out = []
        for level in self:
            x = level(x)
            out.append(x)
        return out


class Up(nn.Module):
    """One decoder level: twice the size, joined with the skip, then SPADE or two plain convolutions."""

    def __init__(self, cin: int, skip: int, cout: int, label: int = 0):
        super().__init__()
        self.join = nn.Conv2d(cin + skip, cout, 3, 1, 1)
        self.block = SpadeResBlock(cout, cout, label, hidden=max(8, min(64, cout))) if label else None
        self.plain = None if label else nn.Conv2d(cout, cout, 3, 1, 1)

    def forward(self, x: Tensor, skip: Tensor, label: Tensor | None = None) -> Tensor:
        # One expression: nothing holds the enlarged and the joined picture beside what is made of them.
        x = self.join(torch.cat([F.interpolate(x, size=skip.shape[-2:], mode="nearest"), skip], 1))
        x = F.leaky_relu(x, 0.2, inplace=True)
        if self.block is not None:
            assert label is not None
            return F.leaky_relu(self.block(x, label), 0.2)
        assert self.plain is not None
        return F.leaky_relu(self.plain(x), 0.2)


class Decoder(nn.ModuleList):
    """Features of all levels back to the full size; the level's output can be changed on its way.

    Args:
        channels: of the encoder, from the full size down.
        label: channels of the picture that conditions SPADE.
        spade: which levels have SPADE, by their place in ``channels``.
    """

    def __init__(self, channels: tuple[int, ...], label: int = 0, spade: tuple[int, ...] = ()):
        self_levels = range(len(channels) - 2, -1, -1)
        super().__init__([
            Up(channels[i + 1], channels[i], channels[i], label if i in spade else 0) for i in self_levels
        ])  # fmt: skip

    def forward(self, features: list[Tensor], label: Tensor | None = None, change=None) -> list[Tensor]:
        """One feature picture per level, from the full size down (as many as the encoder has, less one).

        Args:
            change: called with a level's place and its features (B, C, H, W); what it returns goes on.
        """
        x, out = features[-1], []
        for step, level in enumerate(self):
            place = len(features) - 2 - step
            x = level(x, features[place], label)
            if change is not None:
                x = change(place, x)
            out.append(x)
        return out[::-1]


def zero(layer: nn.Conv2d) -> nn.Conv2d:
    """A last convolution that starts with no effect."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
