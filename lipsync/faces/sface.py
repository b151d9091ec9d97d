"""SFace's network (Zhong et al. 2021), rebuilt from what OpenCV reads of its file: OpenCV itself takes three
times as long for a face.

A MobileFaceNet: convolutions by channel and by pixel in turn, each normalised and with a PReLU, and one
matrix product at the end.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_eval

from lipsync.nn.packed import packed

M = TypeVar("M", bound=nn.Module)
Norm = TypeVar("Norm", bound=_BatchNorm)

SIDE, FEATURES = 112, 128
HALVING = ("conv_3_dw", "conv_5_dw", "conv_7_dw", "conv_13_dw")  # convolutions with a stride of 2
EPSILON, LAST_EPSILON = 1e-3, 2e-5  # of the normalisation after a convolution, and of the last two
# Where the five points of a face lie that the network sees, and their mean as OpenCV rounds it.
PLACES = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]],
    np.float32,
)
MIDDLE = np.array([56.0262, 71.9008], np.float32)


class _Scaled(nn.Module):
    """Pixels 0..255 as the network was trained on them."""

    def forward(self, x: Tensor) -> Tensor:
        return (x - 127.5) / 128


def read_sface(path: Path) -> nn.Module:
    """The network of the published ONNX file: (N, 3, 112, 112) float32 RGB 0..255 to (N, 128).

    Raises:
        cv2.error, ValueError: the file is unreadable, or holds another network.
    """
    file = cv2.dnn.readNetFromONNX(str(path))
    layers: list[nn.Module] = [_Scaled()]
    for name in file.getLayerNames():
        layer = file.getLayer(name)
        arrays = [torch.tensor(blob) for blob in layer.blobs]
        if layer.type == "Convolution":
            layers.append(_convolution(arrays[0], 2 if any(part in name for part in HALVING) else 1))
        elif layer.type == "PReLU":
            layers.append(_filled(nn.PReLU(arrays[0].numel()), weight=arrays[0]))
        elif layer.type == "Gemm":
            linear = nn.Linear(arrays[0].shape[1], arrays[0].shape[0])
            layers += [nn.Flatten(), _filled(linear, weight=arrays[0], bias=arrays[1])]
        elif layer.type == "BatchNorm" and isinstance(layers[-1], nn.Conv2d):
            layers[-1] = fuse_conv_bn_eval(layers[-1], _normalisation(nn.BatchNorm2d, arrays, EPSILON))
        elif layer.type == "BatchNorm":
            kind: type[_BatchNorm] = nn.BatchNorm1d if isinstance(layers[-1], nn.Linear) else nn.BatchNorm2d
            layers.append(_normalisation(kind, arrays, LAST_EPSILON))
    if not isinstance(layers[-1], nn.BatchNorm1d) or layers[-1].num_features != FEATURES:
        raise ValueError(f"{path} does not hold SFace")
    return packed(nn.Sequential(*layers).eval().requires_grad_(False))


def upright(picture: np.ndarray, five: np.ndarray) -> np.ndarray:
    """(112, 112, 3) uint8: a face turned, moved and scaled so that its five points lie at ``PLACES``.

    Args:
        five: (5, 2) pixels of the (H, W, 3) picture: eyes, nose tip, mouth corners.
    """
    points = np.asarray(five, np.float32)
    middle = points.mean(0)
    # As complex numbers a turn and a scale are one factor, and least squares are a quotient.
    found, wanted = ((side.astype(np.float64) @ [1, 1j]) for side in (points - middle, PLACES - MIDDLE))
    factor = np.vdot(found, wanted) / np.vdot(found, found)
    turn = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    return cv2.warpAffine(picture, np.column_stack([turn, MIDDLE - turn @ middle]), (SIDE, SIDE))


def sface_features(network: nn.Module, faces: np.ndarray) -> np.ndarray:
    """(N, 128) float32 of (N, 112, 112, 3) uint8 RGB faces, upright on their five points."""
    with torch.inference_mode():
        x = torch.tensor(faces).permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last)
        return network(x).numpy()


def _convolution(weight: Tensor, stride: int) -> nn.Conv2d:
    """By channel where each filter has one channel only, else over all; padded to keep the size."""
    out, into, side, _ = weight.shape
    groups = out if into == 1 else 1
    conv = nn.Conv2d(into * groups, out, side, stride, side // 2, groups=groups, bias=False)
    return _filled(conv, weight=weight)


def _normalisation(kind: type[Norm], arrays: list[Tensor], epsilon: float) -> Norm:
    mean, variance, scale, shift = arrays
    module = kind(mean.numel(), eps=epsilon)
    return _filled(module, running_mean=mean, running_var=variance, weight=scale, bias=shift)


def _filled(module: M, **arrays: Tensor) -> M:
    """The module for inference, with these arrays in the shapes of its own."""
    own = module.state_dict()
    own |= {name: array.reshape(own[name].shape) for name, array in arrays.items()}
    module.load_state_dict(own)
    return module.eval()
