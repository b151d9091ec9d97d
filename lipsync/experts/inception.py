"""The Inception network of FID, rebuilt from its published TorchScript so that a processor runs it fast.

The published graph puts every tensor back into the order of channels first, in which pooling on a processor
takes ten times as long as in that of channels last, and normalises in passes of its own. Here the
normalisation is part of the convolutions' weights. The features are the same but for rounding.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

BLOCK = "InceptionV3"  # what the graph that is understood here is called


def rebuilt(published: nn.Module) -> nn.Module:
    """The same network, (N, 3, 299, 299) in -1..1 to (N, 2048); any other one as it is.

    Args:
        published: the TorchScript of Karras et al. (StyleGAN3's ``inception-2015-12-05``).
    """
    net: Any = getattr(published, "net", None)
    if getattr(net, "original_name", "") != BLOCK:
        return published
    layers = net.layers
    stem = [*_convolutions(layers.conv, layers.conv_1, layers.conv_2), nn.MaxPool2d(3, 2)]
    stem += [*_convolutions(layers.conv_3, layers.conv_4), nn.MaxPool2d(3, 2)]
    large = [_towers(block) for block in (layers.mixed, layers.mixed_1, layers.mixed_2)]  # 35 pixels a side
    large.append(_Branches([_chain(layers.mixed_3.conv), _tower(layers.mixed_3.tower), nn.MaxPool2d(3, 2)]))
    middle = [_towers(getattr(layers, f"mixed_{k}")) for k in (4, 5, 6, 7)]  # 17 pixels a side
    last = layers.mixed_8
    middle.append(_Branches([_tower(last.tower), _tower(last.tower_1), nn.MaxPool2d(3, 2)]))
    small = [_split(layers.mixed_9, _average()), _split(layers.mixed_10, nn.MaxPool2d(3, 1, 1))]  # 8 pixels
    net = nn.Sequential(*stem, *large, *middle, *small, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return net.eval().requires_grad_(False)


class _Branches(nn.Module):
    """Several networks on the same input, their channels one after the other."""

    def __init__(self, branches: Iterable[nn.Module]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], 1)


def _towers(block: Any) -> nn.Module:
    """Block A or C: a convolution, two chains of them, and one after pooling."""
    pooled = nn.Sequential(_average(), *_convolutions(block.tower_2.conv))
    return _Branches([_chain(block.conv), _tower(block.tower), _tower(block.tower_1), pooled])


def _split(block: Any, pool: nn.Module) -> nn.Module:
    """Block E: chains that end in two convolutions beside each other, one flat and one upright."""
    flat_and_upright = [
        _Branches([_chain(getattr(block, f"{tower}_mixed_conv{k}")) for k in ("", "_1")])
        for tower in ("tower", "tower_1")
    ]
    first = nn.Sequential(_chain(block.tower_conv), flat_and_upright[0])
    second = nn.Sequential(_chain(block.tower_1_conv, block.tower_1_conv_1), flat_and_upright[1])
    return _Branches(
        [_chain(block.conv), first, second, nn.Sequential(pool, *_convolutions(block.tower_2_conv))]
    )


def _average() -> nn.Module:
    return nn.AvgPool2d(3, 1, 1, count_include_pad=False)


def _tower(tower: Any) -> nn.Module:
    return _chain(*tower.children())


def _chain(*layers: Any) -> nn.Module:
    return nn.Sequential(*_convolutions(*layers))


def _convolutions(*layers: Any) -> list[nn.Module]:
    """Convolution and ReLU of each layer, whose batch normalisation is in the weights."""
    modules: list[nn.Module] = []
    for layer in layers:
        scale = (layer.var + 0.001).rsqrt()
        weight = layer.weight.detach() * scale[:, None, None, None]
        out, into, *kernel = weight.shape
        with torch.device("meta"):  # nothing to initialise
            conv = nn.Conv2d(into, out, tuple(kernel), layer.stride, layer.padding)
        conv.weight, conv.bias = (
            nn.Parameter(weight),
            nn.Parameter((layer.beta - layer.mean * scale).detach()),
        )
        modules += [conv, nn.ReLU(inplace=True)]
    return modules
