"""The network of LPIPS (Zhang et al. 2018) with its published weights: a metric's, and a perceptual loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from lipsync.errors import ArtefactError
from lipsync.weights import hub
from lipsync.weights.numpy_pickle import load_arrays

LpipsNet = Literal["alex", "vgg"]


@dataclass(frozen=True)
class _Published:
    """A file of published weights: a Flax parameter tree with kernels of (height, width, in, out).

    Attributes:
        trunk: name of the network whose features are compared.
        slices: the convolutions that lead to each of its five features: channels, side, stride, padding.
        pool: pixels of the maximum with which the slices in ``pooled`` begin.
        smallest: see `LpipsNetwork`.
    """

    artefact: str
    sha256: str
    trunk: str
    slices: tuple[tuple[tuple[int, int, int, int], ...], ...]
    pool: int
    pooled: tuple[int, ...]
    smallest: int


_PUBLISHED = {
    "alex": _Published(
        "lpips_alex",
        "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1",
        "AlexNet_0",
        (((64, 11, 4, 2),), ((192, 5, 1, 2),), ((384, 3, 1, 1),), ((256, 3, 1, 1),), ((256, 3, 1, 1),)),
        pool=3,
        pooled=(1, 2),
        smallest=32,
    ),
    "vgg": _Published(
        "lpips_vgg",
        "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
        "VGG16_0",
        tuple(
            ((width, 3, 1, 1),) * depth for width, depth in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
        ),
        pool=2,
        pooled=(1, 2, 3, 4),
        smallest=16,
    ),
}


class LpipsNetwork(nn.Module):
    """How far apart two pictures are in the features of a trunk.

    Args:
        slices: the trunk, cut behind each of its features.
        heads: (C, 1, 1) weight of every channel of each feature.
        smallest: pixels a side of which the last feature still sees something.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, slices: Sequence[nn.Module], heads: Sequence[Tensor], smallest: int) -> None:
        super().__init__()
        self.slices = nn.ModuleList(slices)
        self.heads = nn.ParameterList(heads)
        self.smallest = smallest
        # ImageNet's mean and deviation, for pictures in -1..1: the scaling of v0.1.
        self.register_buffer("shift", torch.tensor([-0.030, -0.088, -0.188])[:, None, None])
        self.register_buffer("scale", torch.tensor([0.458, 0.448, 0.450])[:, None, None])

    def features(self, x: Tensor) -> list[Tensor]:
        """Five of (B, C, h, w) of (B, 3, H, W) RGB in -1..1."""
        x, found = (x - self.shift) / self.scale, []
        for part in self.slices:
            x = part(x)
            found.append(x)
        return found

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """(B, 1, 1, 1) distances of (B, 3, H, W) RGB in -1..1 each."""
        distances = [
            ((_unit(a) - _unit(b)).square() * head).sum(1, keepdim=True).mean((2, 3), keepdim=True)
            for a, b, head in zip(self.features(x), self.features(y), self.heads, strict=True)
        ]
        return torch.stack(distances).sum(0)


def load_lpips(net: LpipsNet = "alex", path: Path | None = None) -> LpipsNetwork:
    """The network with its published weights, in evaluation mode on the CPU.

    Args:
        net: trunk; AlexNet is the metric's default, VGG the optional second.
        path: the weights file; None fetches the artefact ``lpips_alex`` or ``lpips_vgg``.

    Raises:
        ArtefactError: if the weights are unavailable or are not the published ones.
    """
    published = _PUBLISHED[net]
    if path is None:
        from lipsync.weights.hub import fetch

        path = fetch(published.artefact)
    return lpips_network(net, load_arrays(path, published.sha256))


def lpips_network(net: LpipsNet, arrays: Mapping[str, Any]) -> LpipsNetwork:
    """The network from a tree of arrays: ``{trunk: {Conv_i: {kernel, bias}}, NetLinLayer_i: ...}``.

    Raises:
        ArtefactError: if the arrays do not fill the network exactly.
    """
    published = _PUBLISHED[net]
    slices, into, count = [], 3, 0
    try:
        for number, layers in enumerate(published.slices):
            part: list[nn.Module] = [nn.MaxPool2d(published.pool, 2)] if number in published.pooled else []
            for out, side, stride, padding in layers:
                with torch.device("meta"):  # nothing to initialise: the file fills it
                    conv = nn.Conv2d(into, out, side, stride, padding)
                array = arrays[published.trunk][f"Conv_{count}"]
                state = {"weight": _kernel(array["kernel"]), "bias": torch.tensor(array["bias"])}
                conv.load_state_dict(state, assign=True)
                part += [conv, nn.ReLU()]
                into, count = out, count + 1
            slices.append(nn.Sequential(*part))
        heads = [_kernel(arrays[f"NetLinLayer_{i}"]["Conv_0"]["kernel"])[0] for i in range(len(slices))]
        network = LpipsNetwork(slices, heads, published.smallest)
    except (KeyError, RuntimeError) as error:
        raise ArtefactError("lpips.other_network", net=net, problem=error) from error
    return network.eval().requires_grad_(False)


def _kernel(array: np.ndarray) -> Tensor:
    """(out, in, height, width) from Flax's (height, width, in, out)."""
    return torch.tensor(np.ascontiguousarray(array.transpose(3, 2, 0, 1)))


def _unit(features: Tensor) -> Tensor:
    """(N, C, H, W) with channels of length 1 at every place."""
    return features / (features.square().sum(1, keepdim=True).sqrt() + 1e-10)


def available_features() -> tuple[float, str]:
    """Factor on the perceptual loss and its trunk, by the weights that are on this machine."""
    names = [name for name in ("alex", "vgg") if hub.locate(f"lpips_{name}") is not None]
    return (1.0, names[0]) if names else (0.0, "alex")
