"""I3D (Carreira & Zisserman 2017, arXiv 1705.07750) with the weights of Kinetics-400: the network of FVD."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lipsync.errors import ArtefactError
from lipsync.texts import Message

ARTEFACT = "i3d_kinetics"
SIZE = 224  # pixels a side
CLASSES = 400
EPSILON = 1e-3  # of the normalisations
# Output channels of the blocks: 1×1; 1×1 and 3×3; 1×1 and 3×3; 1×1 after pooling.
MIXED = {
    "3b": (64, 96, 128, 16, 32, 32),
    "3c": (128, 128, 192, 32, 96, 64),
    "4b": (192, 96, 208, 16, 48, 64),
    "4c": (160, 112, 224, 24, 64, 64),
    "4d": (128, 128, 256, 24, 64, 64),
    "4e": (112, 144, 288, 32, 64, 64),
    "4f": (256, 160, 320, 32, 128, 128),
    "5b": (256, 160, 320, 32, 128, 128),
    "5c": (384, 192, 384, 48, 128, 128),
}


class Unit(nn.Module):
    """Convolution, normalisation and ReLU, padded as TensorFlow's SAME does."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1) -> None:
        super().__init__()
        self.kernel, self.stride = (kernel,) * 3, (stride,) * 3
        self.conv = nn.Conv3d(inputs, outputs, kernel, stride, bias=False)
        self.norm = nn.BatchNorm3d(outputs, eps=EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(same(x, self.kernel, self.stride))))


class Mixed(nn.Module):
    """Inception block in three dimensions: four branches, their channels one after the other."""

    def __init__(self, inputs: int, channels: tuple[int, int, int, int, int, int]) -> None:
        super().__init__()
        one, before3, three, before3b, threeb, pooled = channels
        self.branch0 = Unit(inputs, one)
        self.branch1 = nn.Sequential(Unit(inputs, before3), Unit(before3, three, 3))
        self.branch2 = nn.Sequential(Unit(inputs, before3b), Unit(before3b, threeb, 3))
        self.branch3 = Unit(inputs, pooled)
        self.outputs = one + three + threeb + pooled

    def forward(self, x: Tensor) -> Tensor:
        branches = (self.branch0, self.branch1, self.branch2)
        return torch.cat([*(b(x) for b in branches), self.branch3(pool(x, (3, 3, 3), (1, 1, 1)))], 1)


class I3D(nn.Module):
    """(B, 3, T, 224, 224) RGB in −1..1, T of 9 and more, to (B, 400) logits, their mean over time."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.ModuleList([Unit(3, 64, 7, 2), Unit(64, 64), Unit(64, 192, 3)])
        self.mixed = nn.ModuleDict()
        channels = 192
        for name, outputs in MIXED.items():
            block = self.mixed[name] = Mixed(channels, outputs)
            channels = block.outputs
        self.logits = nn.Conv3d(channels, CLASSES, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = pool(self.stem[0](x), (1, 3, 3), (1, 2, 2))  # (B, 64, T/2, 56, 56)
        x = pool(self.stem[2](self.stem[1](x)), (1, 3, 3), (1, 2, 2))  # (B, 192, T/2, 28, 28)
        for name, block in self.mixed.items():
            if name == "4b":
                x = pool(x, (3, 3, 3), (2, 2, 2))  # (B, 480, T/4, 14, 14)
            elif name == "5b":
                x = pool(x, (2, 2, 2), (2, 2, 2))  # (B, 832, T/8, 7, 7)
            x = block(x)
        x = F.avg_pool3d(x, (2, 7, 7), 1)  # (B, 1024, T/8 − 1, 1, 1)
        return self.logits(x).mean((2, 3, 4))


def same(x: Tensor, kernel: tuple[int, ...], stride: tuple[int, ...], value: float = 0.0) -> Tensor:
    """(B, C, T, H, W) padded so that a kernel gives ⌈size / stride⌉, the odd pixel behind."""
    pads: list[int] = []
    for size, width, step in zip(x.shape[2:], kernel, stride, strict=True):
        total = max((-(-size // step) - 1) * step + width - size, 0)
        pads = [total // 2, total - total // 2, *pads]
    return F.pad(x, pads, value=value) if any(pads) else x


def pool(x: Tensor, kernel: tuple[int, int, int], stride: tuple[int, int, int]) -> Tensor:
    """Largest value in each window, padded as `same` does."""
    return F.max_pool3d(same(x, kernel, stride, float("-inf")), kernel, stride)


def load_i3d(path: Path | None = None) -> I3D:
    """The network with its published weights.

    Args:
        path: the file; None fetches the artefact ``i3d_kinetics``.

    Raises:
        ArtefactError: if the file is unavailable or does not fit.
    """
    from lipsync.weights.hub import artefacts, fetch
    from lipsync.weights.numpy_pickle import load_arrays

    path = path or fetch(ARTEFACT)
    arrays = load_arrays(path, artefacts()[ARTEFACT].sha256)
    with torch.device("meta"):  # nothing to initialise: the file fills it
        network = I3D()
    try:
        network.load_state_dict(converted(arrays), strict=True, assign=True)
    except (KeyError, RuntimeError) as error:
        raise ArtefactError("saved.not_that", path=path, what=Message("saved.i3d"), problem=error) from error
    return network.eval().requires_grad_(False)


def converted(arrays: Mapping[str, Any]) -> dict[str, Tensor]:
    """The state of `I3D` from the arrays of the published file, whose kernels are (T, H, W, in, out)."""
    params, stats = arrays["params"], arrays["batch_stats"]
    state: dict[str, Tensor] = {}

    def unit(to: str, weights: Mapping[str, Any], moments: Mapping[str, Any]) -> None:
        bias = np.asarray(weights["BatchNorm_0"]["bias"])
        state[f"{to}.conv.weight"] = _kernel(weights["Conv_0"]["kernel"])
        state[f"{to}.norm.weight"] = torch.ones(len(bias))  # it was trained without a scale
        state[f"{to}.norm.bias"] = torch.tensor(bias)
        for name, moment in (("running_mean", "mean"), ("running_var", "var")):
            state[f"{to}.norm.{name}"] = torch.tensor(np.asarray(moments["BatchNorm_0"][moment]).ravel())
        state[f"{to}.norm.num_batches_tracked"] = torch.tensor(0)

    for place, name in enumerate(("Conv3d_1a_7x7", "Conv3d_2b_1x1", "Conv3d_2c_3x3")):
        unit(f"stem.{place}", params[name], stats[name])
    for name in MIXED:
        block, moments = params[f"Mixed_{name}"], stats[f"Mixed_{name}"]
        for branch in range(4):
            units = sorted(key for key in block if key.startswith(f"Branch_{branch}/"))  # …_0a_…, …_0b_…
            for place, key in enumerate(units):
                to = f"mixed.{name}.branch{branch}" + (f".{place}" if len(units) > 1 else "")
                unit(to, block[key], moments[key])
    last = params["Logits/Conv3d_0c_1x1"]["Conv_0"]
    state["logits.weight"], state["logits.bias"] = _kernel(last["kernel"]), torch.tensor(last["bias"])
    return state


def _kernel(array: np.ndarray) -> Tensor:
    return torch.tensor(np.ascontiguousarray(np.transpose(array, (4, 3, 0, 1, 2))))
