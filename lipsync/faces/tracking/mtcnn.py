"""MTCNN (Zhang et al. 2016): three small networks, each of which sifts and moves the boxes of the one before.

The weights are those that come with facenet-pytorch, and so are the results. Its code is not imported: that
takes torchvision with it, a second and 100 MB of memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from lipsync.weights.checkpoint import load_checkpoint

SHRINK = 0.709  # from one size of the picture to the next
STRIDE, CELL = 2, 12  # pixels of a reduced picture: between two boxes of P-Net, and their side
THRESHOLDS = (0.6, 0.7, 0.7)  # scores from which the boxes of P-Net, R-Net and O-Net go on
SAME_SIZE, SAME_FACE = 0.5, 0.7  # overlaps of two boxes of one face: within a size of the picture, and of all


class Detections(NamedTuple):
    """The faces of a picture, the surest first. Pixels."""

    boxes: np.ndarray  # (N, 4) float32 x0, y0, x1, y1
    scores: np.ndarray  # (N,) float32, 0..1
    points: np.ndarray  # (N, 5, 2) float32 eyes, nose tip, mouth corners, left ones in the picture first


class MTCNN:
    """Finds upright faces. Its networks are on the processor."""

    def __init__(self) -> None:
        self._propose, self._refine, self._settle = p_net(), r_net(), o_net()

    @torch.inference_mode()
    def __call__(self, image: np.ndarray, smallest: int) -> Detections:
        """The faces of a (H, W, 3) uint8 RGB picture whose shorter side is ``smallest`` pixels or more.

        Args:
            smallest: pixels, side of the smallest face that is looked for.
        """
        picture = torch.tensor(image)[None].permute(0, 3, 1, 2).float()  # (1, 3, H, W)
        boxes = _squares(self._proposals(picture, smallest))
        boxes, crops = _crops(picture, boxes, 24)
        if not len(boxes):
            return _nothing()
        scores, offsets = self._refine(crops)
        boxes, scores, offsets = _sure(THRESHOLDS[1], boxes, scores, offsets)
        picked = _distinct(boxes, scores, SAME_FACE, _of_union)
        boxes, crops = _crops(picture, _squares(_moved(boxes[picked], offsets[picked], 1)), 48)
        if not len(boxes):
            return _nothing()
        scores, offsets, places = self._settle(crops)
        boxes, scores, offsets, places = _sure(THRESHOLDS[2], boxes, scores, offsets, places)
        sides = boxes[:, 2:] - boxes[:, :2] + 1
        points = sides[:, None] * places.view(-1, 2, 5).transpose(1, 2) + boxes[:, None, :2] - 1
        boxes = _moved(boxes, offsets, 1)
        picked = _distinct(boxes, scores, SAME_FACE, _of_smaller)
        return Detections(boxes[picked].numpy(), scores[picked].numpy(), points[picked].numpy())

    def _proposals(self, picture: Tensor, smallest: int) -> Tensor:
        """(N, 4) boxes of P-Net, which sees faces ``CELL`` pixels wide, on smaller and smaller pictures."""
        height, width = picture.shape[2:]
        found: list[tuple[Tensor, Tensor, Tensor]] = []
        scale = CELL / smallest
        while not found or min(height, width) * scale >= CELL:
            small = _normalised(picture, int(height * scale + 1), int(width * scale + 1))
            scores, offsets = self._propose(small)  # (1, h, w), (1, 4, h, w)
            rows, columns = (scores[0] >= THRESHOLDS[0]).nonzero(as_tuple=True)
            corners = STRIDE * torch.stack([columns, rows], 1) + 1  # (N, 2)
            boxes = torch.cat([corners / scale, (corners + CELL - 1) / scale], 1).floor()
            scores, offsets = scores[0, rows, columns], offsets[0, :, rows, columns].T
            picked = _distinct(boxes, scores, SAME_SIZE, _of_union)
            found.append((boxes[picked], scores[picked], offsets[picked]))
            scale *= SHRINK
        boxes, scores, offsets = (torch.cat(parts) for parts in zip(*found, strict=True))
        picked = _distinct(boxes, scores, SAME_FACE, _of_union)
        return _moved(boxes[picked], offsets[picked], 0)


class _Net(nn.Module):
    """Layers one after the other, and heads at their end, the first of which gives scores.

    The names are those in the file of the weights.
    """

    def __init__(self, layers: Mapping[str, nn.Module], heads: Mapping[str, nn.Module]) -> None:
        super().__init__()
        for name, layer in (*layers.items(), *heads.items()):
            self.add_module(name, layer)
        self._heads = tuple(heads)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """(N, ...) scores that it is a face; (N, 4, ...) offsets of the box; (N, 10) places of the points."""
        for name, layer in self.named_children():
            if name not in self._heads:
                x = layer(x)
        logits, *others = (self.get_submodule(name)(x) for name in self._heads)
        return logits.softmax(1)[:, 1], *others


class _Flat(nn.Module):
    """(N, W H C) of (N, C, H, W), in the order in which the weights were trained."""

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(0, 3, 2, 1).flatten(1)


def p_net() -> _Net:
    """The network that proposes boxes, wherever it looks."""
    layers = {
        "conv1": nn.Conv2d(3, 10, 3), "prelu1": nn.PReLU(10), "pool1": nn.MaxPool2d(2, 2, ceil_mode=True),
        "conv2": nn.Conv2d(10, 16, 3), "prelu2": nn.PReLU(16),
        "conv3": nn.Conv2d(16, 32, 3), "prelu3": nn.PReLU(32),
    }  # fmt: skip
    return _load("pnet", layers, {"conv4_1": nn.Conv2d(32, 2, 1), "conv4_2": nn.Conv2d(32, 4, 1)})


def r_net() -> _Net:
    """The network that sifts proposals, 24 pixels a side."""
    layers = {
        "conv1": nn.Conv2d(3, 28, 3), "prelu1": nn.PReLU(28), "pool1": nn.MaxPool2d(3, 2, ceil_mode=True),
        "conv2": nn.Conv2d(28, 48, 3), "prelu2": nn.PReLU(48), "pool2": nn.MaxPool2d(3, 2, ceil_mode=True),
        "conv3": nn.Conv2d(48, 64, 2), "prelu3": nn.PReLU(64),
        "flat": _Flat(), "dense4": nn.Linear(576, 128), "prelu4": nn.PReLU(128),
    }  # fmt: skip
    return _load("rnet", layers, {"dense5_1": nn.Linear(128, 2), "dense5_2": nn.Linear(128, 4)})


def o_net() -> _Net:
    """The network that decides, 48 pixels a side, and finds the points."""
    layers = {
        "conv1": nn.Conv2d(3, 32, 3), "prelu1": nn.PReLU(32), "pool1": nn.MaxPool2d(3, 2, ceil_mode=True),
        "conv2": nn.Conv2d(32, 64, 3), "prelu2": nn.PReLU(64), "pool2": nn.MaxPool2d(3, 2, ceil_mode=True),
        "conv3": nn.Conv2d(64, 64, 3), "prelu3": nn.PReLU(64), "pool3": nn.MaxPool2d(2, 2, ceil_mode=True),
        "conv4": nn.Conv2d(64, 128, 2), "prelu4": nn.PReLU(128),
        "flat": _Flat(), "dense5": nn.Linear(1152, 256), "prelu5": nn.PReLU(256),
    }  # fmt: skip
    heads = {"dense6_1": nn.Linear(256, 2), "dense6_2": nn.Linear(256, 4), "dense6_3": nn.Linear(256, 10)}
    return _load("onet", layers, heads)


def _load(name: str, layers: Mapping[str, nn.Module], heads: Mapping[str, nn.Module]) -> _Net:
    package = find_spec("facenet_pytorch")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("facenet_pytorch, which has the weights of MTCNN, is not installed")
    net = _Net(layers, heads)
    net.load_state_dict(load_checkpoint(Path(package.origin).with_name("data") / f"{name}.pt"))
    return net.eval().requires_grad_(False)


def _nothing() -> Detections:
    return Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, 5, 2), np.float32))


def _normalised(pictures: Tensor, height: int, width: int) -> Tensor:
    """(N, 3, height, width) in -1..1 of (N, 3, H, W) in 0..255."""
    return (interpolate(pictures, size=(height, width), mode="area") - 127.5) * 0.0078125


def _crops(picture: Tensor, boxes: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """The boxes that lie on the picture, at least in part, and (N, 3, side, side) what they show of it."""
    height, width = picture.shape[2:]
    inside, crops = [], []
    for index, (x0, y0, x1, y1) in enumerate(boxes.int().tolist()):
        x0, y0, x1, y1 = max(x0, 1) - 1, max(y0, 1) - 1, min(x1, width), min(y1, height)
        if x1 > x0 and y1 > y0:
            inside.append(index)
            crops.append(_normalised(picture[0, :, y0:y1, x0:x1][None], side, side))
    return boxes[inside], torch.cat(crops) if crops else picture.new_zeros(0, 3, side, side)


def _sure(threshold: float, boxes: Tensor, scores: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
    """Those rows of all whose score is above ``threshold``."""
    sure = scores > threshold
    return tuple(rows[sure] for rows in (boxes, scores, *others))


def _moved(boxes: Tensor, offsets: Tensor, pixel: int) -> Tensor:
    """(N, 4) boxes with their corners moved by (N, 4) shares of their sides, which are ``pixel`` longer."""
    sides = boxes[:, 2:] - boxes[:, :2] + pixel
    return boxes + offsets * sides.repeat(1, 2)


def _squares(boxes: Tensor) -> Tensor:
    """(N, 4) boxes made square around their centres, with the longer side."""
    sides = boxes[:, 2:] - boxes[:, :2]
    side = sides.amax(1, keepdim=True)
    corner = boxes[:, :2] + sides * 0.5 - side * 0.5
    return torch.cat([corner, corner + side], 1)


def _distinct(
    boxes: Tensor, scores: Tensor, most: float, overlap: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> Tensor:
    """(K,) the boxes that overlap no surer one by more than ``most``, the surest first."""
    places = boxes.numpy()
    waiting = np.argsort(-scores.numpy(), kind="stable")
    picked = []
    while len(waiting):
        best, waiting = waiting[0], waiting[1:]
        picked.append(int(best))
        waiting = waiting[~(overlap(places[best], places[waiting]) > most)]
    return torch.tensor(picked, dtype=torch.long)


def _of_union(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(N,) intersection over union of a box (4,) with (N, 4) others."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    common = np.maximum(high - low, 0).prod(1)
    area, areas = np.prod(box[2:] - box[:2]), (others[:, 2:] - others[:, :2]).prod(1)
    return common / np.maximum(area + areas - common, 1e-12)


def _of_smaller(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(N,) pixels that a box (4,) shares with (N, 4) others, of those of the smaller one."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    common = np.maximum(high - low + 1, 0).prod(1)
    area, areas = np.prod(box[2:] - box[:2] + 1), (others[:, 2:] - others[:, :2] + 1).prod(1)
    return common / np.minimum(area, areas)
