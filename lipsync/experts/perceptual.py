"""The network of LPIPS (Zhang et al. 2018) with its published weights: a metric's, and a perceptual loss."""

from __future__ import annotations

from collections.abc import Mapping
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
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # ImageNet's colours, of inputs in -1..1


Convolution = tuple[int, int, int, int]  # channels, kernel, stride, padding


@dataclass(frozen=True)
class _Published:
    """A trunk and the file of its weights, a Flax parameter tree with kernels of (height, width, in, out)."""

    artefact: str
    sha256: str
    trunk: str
    slices: tuple[tuple[Convolution, ...], ...]  # each gives one of the five features
    pool: tuple[int, int]  # kernel and stride
    pooled: tuple[int, ...]  # slices that begin with it


_PUBLISHED = {
    "alex": _Published(
        "lpips_alex",
        "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1",
        "AlexNet_0",
        (((64, 11, 4, 2),), ((192, 5, 1, 2),), ((384, 3, 1, 1),), ((256, 3, 1, 1),), ((256, 3, 1, 1),)),
        pool=(3, 2),
        pooled=(1, 2),
    ),
    "vgg": _Published(
        "lpips_vgg",
        "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
        "VGG16_0",
        tuple(
            ((width, 3, 1, 1),) * times for width, times in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
        ),
        pool=(2, 2),
        pooled=(1, 2, 3, 4),
    ),
}


class LpipsNetwork(nn.Module):
    """LPIPS 0.1: distance of the features of two pictures, which a head for each layer weighs by channel.

    Attributes:
        net: the trunk, which gives the features of five layers.
        pnet_type: its name.
    """

    def __init__(self, net: LpipsNet) -> None:
        super().__init__()
        self.pnet_type, self.net = net, _Trunk(_PUBLISHED[net])
        widths = [convolutions[-1][0] for convolutions in _PUBLISHED[net].slices]
        self.heads = nn.ModuleList(nn.Conv2d(width, 1, 1, bias=False) for width in widths)
        self.register_buffer("shift", _by_channel(SHIFT))
        self.register_buffer("scale", _by_channel(SCALE))

    def scaling_layer(self, pictures: Tensor) -> Tensor:
        """(N, 3, H, W) pictures in -1..1 as the trunk takes them."""
        return (pictures - self.shift) / self.scale  # type: ignore[operator]

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """(N, 1, 1, 1) distances of two times (N, 3, H, W) pictures in -1..1."""
        total = x.new_zeros(())
        features = (self.net(self.scaling_layer(pictures)) for pictures in (x, y))
        for head, ours, theirs in zip(self.heads, *features, strict=True):
            total = total + head((_unit(ours) - _unit(theirs)) ** 2).mean((2, 3), keepdim=True)
        return total


class _Trunk(nn.Module):
    """Five slices of convolutions, each with ReLU."""

    def __init__(self, published: _Published) -> None:
        super().__init__()
        self.slices, into = nn.ModuleList(), 3
        for index, convolutions in enumerate(published.slices):
            layers: list[nn.Module] = [nn.MaxPool2d(*published.pool)] if index in published.pooled else []
            for out, kernel, stride, padding in convolutions:
                layers += [nn.Conv2d(into, out, kernel, stride, padding), nn.ReLU(inplace=True)]
                into = out
            self.slices.append(nn.Sequential(*layers))

    def forward(self, x: Tensor) -> list[Tensor]:
        """(N, C, h, w) features of each slice."""
        features = []
        for part in self.slices:
            x = part(x)
            features.append(x)
        return features

    def convolutions(self) -> list[str]:
        """The names of the convolutions in the order of the weights' file."""
        return [name for name, module in self.named_modules() if isinstance(module, nn.Conv2d)]


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
    with torch.device("meta"):  # nothing is initialised: a random VGG would cost seconds and 0.5 GB
        network = LpipsNetwork(net)
    published = _PUBLISHED[net]
    state = {"shift": _by_channel(SHIFT), "scale": _by_channel(SCALE)}
    try:
        for i, name in enumerate(network.net.convolutions()):
            convolution = arrays[published.trunk][f"Conv_{i}"]
            state[f"net.{name}.weight"] = _kernel(convolution["kernel"])
            state[f"net.{name}.bias"] = torch.tensor(convolution["bias"])
        for i in range(len(network.heads)):
            state[f"heads.{i}.weight"] = _kernel(arrays[f"NetLinLayer_{i}"]["Conv_0"]["kernel"])
        network.load_state_dict(state, strict=True, assign=True)
    except (KeyError, RuntimeError) as error:
        raise ArtefactError("lpips.other_network", net=net, problem=error) from error
    return network.eval().requires_grad_(False)


def _unit(features: Tensor) -> Tensor:
    """(N, C, h, w) with length 1 over the channels."""
    return features / (features.square().sum(1, keepdim=True).sqrt() + 1e-10)


def _by_channel(values: tuple[float, ...]) -> Tensor:
    return torch.tensor(values).view(1, -1, 1, 1)


def _kernel(array: np.ndarray) -> torch.Tensor:
    """(out, in, height, width) from Flax's (height, width, in, out)."""
    return torch.tensor(np.ascontiguousarray(array.transpose(3, 2, 0, 1)))


def available_features() -> tuple[float, str]:
    """Factor on the perceptual loss and its trunk, by the weights that are on this machine."""
    names = [name for name in ("alex", "vgg") if hub.locate(f"lpips_{name}") is not None]
    return (1.0, names[0]) if names else (0.0, "alex")
