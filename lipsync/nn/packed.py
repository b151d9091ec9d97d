"""Convolutions for inference on a processor: weights in the order that its kernels read, and ReLU with them.

PyTorch brings the weights of a convolution into that order at every call, writes what comes out and reads it
again for the ReLU, and leaves those of 1×1 pixels to a matrix product that is slow on some processors.
"""

from __future__ import annotations

from threading import Lock
from typing import Any

import torch
from torch import Tensor, nn


class PackedConvolution(nn.Module):
    """A convolution, and ReLU where one follows, in single precision.

    Its weights are packed for the size of the first pictures it sees, and let go as they were. What it gives
    for other sizes is the same, slower.
    """

    def __init__(self, conv: nn.Conv2d, relu: bool) -> None:
        super().__init__()
        self._conv: nn.Conv2d | None = conv
        self._bias = None if conv.bias is None else conv.bias.detach()
        self._places: tuple[Any, ...] = (conv.padding, conv.stride, conv.dilation, conv.groups)
        self._after = "relu" if relu else "none"
        self._weight: Tensor | None = None
        self._lock = Lock()

    def forward(self, x: Tensor) -> Tensor:
        weight = self._weight
        if weight is None:
            weight = self._packed(x)
        return torch.ops.mkldnn._convolution_pointwise(
            x, weight, self._bias, *self._places, self._after, [], ""
        )

    def _packed(self, x: Tensor) -> Tensor:
        with self._lock:
            if self._weight is None:
                assert self._conv is not None
                self._weight = torch.ops.mkldnn._reorder_convolution_weight(
                    self._conv.weight.detach(), *self._places, x.shape
                )
                self._conv = None
            return self._weight


def packed(network: nn.Module) -> nn.Module:
    """The same network, whose chains (`torch.nn.Sequential`) hold packed convolutions now.

    Where PyTorch has no such kernels the network stays as it is.

    Args:
        network: in evaluation mode, on the processor; changed in place, and for no other device from then on.
    """
    if torch.backends.mkldnn.is_available():
        for chain in [module for module in network.modules() if isinstance(module, nn.Sequential)]:
            _pack(chain)
    return network


def _pack(chain: nn.Sequential) -> None:
    layers = list(chain.named_children())
    for (name, layer), (after, follower) in zip(layers, [*layers[1:], ("", nn.Identity())], strict=True):
        if isinstance(layer, nn.Conv2d):
            relu = isinstance(follower, nn.ReLU)
            setattr(chain, name, PackedConvolution(layer, relu))
            if relu:
                setattr(chain, after, nn.Identity())
