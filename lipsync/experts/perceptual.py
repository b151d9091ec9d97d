"""The network of LPIPS (Zhang et al. 2018) with its published weights: a metric's, and a perceptual loss."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from lipsync.errors import ArtefactError
from lipsync.weights import hub
from lipsync.weights.numpy_pickle import load_arrays

LpipsNet = Literal["alex", "vgg"]


@dataclass(frozen=True)
class _Published:
    """A file of published weights: a Flax parameter tree with kernels of (height, width, in, out)."""

    artefact: str
    sha256: str
    trunk: str
    # Slice and place of convolution i in the official package's trunk.
    places: tuple[tuple[int, int], ...]


_PUBLISHED = {
    "alex": _Published(
        "lpips_alex",
        "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1",
        "AlexNet_0",
        ((1, 0), (2, 3), (3, 6), (4, 8), (5, 10)),
    ),
    "vgg": _Published(
        "lpips_vgg",
        "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
        "VGG16_0",
        tuple(
            (part, place)
            for part, places in enumerate(((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28)), start=1)
            for place in places
        ),
    ),
}


def load_lpips(net: LpipsNet = "alex", path: Path | None = None) -> torch.nn.Module:
    """The official package's network with its published weights, in evaluation mode on the CPU.

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


def lpips_network(net: LpipsNet, arrays: Mapping[str, Any]) -> torch.nn.Module:
    """The official network from a tree of arrays: ``{trunk: {Conv_i: {kernel, bias}}, NetLinLayer_i: ...}``.

    Raises:
        ArtefactError: if the arrays do not fill the network exactly.
    """
    from lipsync.compat import ensure_torchvision

    ensure_torchvision()
    import lpips as package

    published = _PUBLISHED[net]
    # On the meta device nothing is initialised: a random VGG would cost seconds and 0.5 GB.
    # The package still asks torchvision for "pretrained", which torchvision answers with warnings.
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = package.LPIPS(net=net, pretrained=False, pnet_rand=True, verbose=False)
    # Scaling of v0.1: ImageNet's mean and deviation, for inputs in −1…1.
    state = {
        "scaling_layer.shift": torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1),
        "scaling_layer.scale": torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1),
    }
    try:
        for i, (part, place) in enumerate(published.places):
            convolution = arrays[published.trunk][f"Conv_{i}"]
            state[f"net.slice{part}.{place}.weight"] = _kernel(convolution["kernel"])
            state[f"net.slice{part}.{place}.bias"] = torch.tensor(convolution["bias"])
        for i in range(5):
            head = _kernel(arrays[f"NetLinLayer_{i}"]["Conv_0"]["kernel"])
            state[f"lin{i}.model.1.weight"] = state[f"lins.{i}.model.1.weight"] = head
        network.load_state_dict(state, strict=True, assign=True)
    except (KeyError, RuntimeError) as error:
        raise ArtefactError("lpips.other_network", net=net, problem=error) from error
    return network.eval().requires_grad_(False)


def _kernel(array: np.ndarray) -> torch.Tensor:
    """(out, in, height, width) from Flax's (height, width, in, out)."""
    return torch.tensor(np.ascontiguousarray(array.transpose(3, 2, 0, 1)))


def available_features() -> tuple[float, str]:
    """Factor on the perceptual loss and its trunk, by the weights that are on this machine."""
    names = [name for name in ("alex", "vgg") if hub.locate(f"lpips_{name}") is not None]
    return (1.0, names[0]) if names else (0.0, "alex")
