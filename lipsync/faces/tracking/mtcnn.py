"""MTCNN (Zhang et al., IEEE SPL 23(10), 2016): three small networks that find faces.

The weights are those that the package facenet-pytorch brings along. Its own code is not imported, as that
imports torchvision, which takes a second and 100 MB for one operator.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import distribution
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lipsync.weights.checkpoint import load_checkpoint

CELL, STRIDE = 12, 2  # pixels that one output of the proposal network sees, and from one to the next
SHRINK = 0.709  # each picture of the pyramid has half the pixels of the one before
SURE = (0.6, 0.7, 0.7)  # probability of a face from which each network keeps it
BATCH = 512  # windows that a network sees at once


class Found(NamedTuple):
    """The faces of a picture."""

    boxes: np.ndarray  # (N, 4) float32 x0, y0, x1, y1, pixels
    scores: np.ndarray  # (N,) float32 probabilities
    points: np.ndarray  # (N, 5, 2) float32 pixels: eyes, nose tip, mouth corners, left in the picture first


class ProposalNet(nn.Module):
    """(B, 3, H, W) pictures to the probability (B, h, w) of a face in each cell, and (B, 4, h, w) shifts."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 10, 3), nn.PReLU(10)
        self.conv2, self.prelu2 = nn.Conv2d(10, 16, 3), nn.PReLU(16)
        self.conv3, self.prelu3 = nn.Conv2d(16, 32, 3), nn.PReLU(32)
        self.conv4_1, self.conv4_2 = nn.Conv2d(32, 2, 1), nn.Conv2d(32, 4, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = F.max_pool2d(self.prelu1(self.conv1(x)), 2, 2, ceil_mode=True)
        x = self.prelu3(self.conv3(self.prelu2(self.conv2(x))))
        return self.conv4_1(x).softmax(1)[:, 1], self.conv4_2(x)


class RefinementNet(nn.Module):
    """(B, 3, 24, 24) windows to the probability (B,) of a face, and (B, 4) shifts of the window's borders."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 28, 3), nn.PReLU(28)
        self.conv2, self.prelu2 = nn.Conv2d(28, 48, 3), nn.PReLU(48)
        self.conv3, self.prelu3 = nn.Conv2d(48, 64, 2), nn.PReLU(64)
        self.dense4, self.prelu4 = nn.Linear(576, 128), nn.PReLU(128)
        self.dense5_1, self.dense5_2 = nn.Linear(128, 2), nn.Linear(128, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = F.max_pool2d(self.prelu1(self.conv1(x)), 3, 2, ceil_mode=True)
        x = F.max_pool2d(self.prelu2(self.conv2(x)), 3, 2, ceil_mode=True)
        x = self.prelu3(self.conv3(x))
        x = self.prelu4(self.dense4(_columns_first(x)))
        return self.dense5_1(x).softmax(1)[:, 1], self.dense5_2(x)


class OutputNet(nn.Module):
    """(B, 3, 48, 48) windows to the same as the refinement network, and (B, 10) five points: x, then y."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 32, 3), nn.PReLU(32)
        self.conv2, self.prelu2 = nn.Conv2d(32, 64, 3), nn.PReLU(64)
        self.conv3, self.prelu3 = nn.Conv2d(64, 64, 3), nn.PReLU(64)
        self.conv4, self.prelu4 = nn.Conv2d(64, 128, 2), nn.PReLU(128)
        self.dense5, self.prelu5 = nn.Linear(1152, 256), nn.PReLU(256)
        self.dense6_1, self.dense6_2, self.dense6_3 = (nn.Linear(256, size) for size in (2, 4, 10))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = F.max_pool2d(self.prelu1(self.conv1(x)), 3, 2, ceil_mode=True)
        x = F.max_pool2d(self.prelu2(self.conv2(x)), 3, 2, ceil_mode=True)
        x = F.max_pool2d(self.prelu3(self.conv3(x)), 2, 2, ceil_mode=True)
        x = self.prelu4(self.conv4(x))
        x = self.prelu5(self.dense5(_columns_first(x)))
        return self.dense6_1(x).softmax(1)[:, 1], self.dense6_2(x), self.dense6_3(x)


class MTCNN(nn.Module):
    """The cascade: proposals on a pyramid of the picture, then their windows, seen larger and larger."""

    def __init__(self) -> None:
        super().__init__()
        self.proposal, self.refinement, self.output = ProposalNet(), RefinementNet(), OutputNet()

    @torch.inference_mode()
    def forward(self, image: np.ndarray, smallest: int) -> Found:
        """The faces of at least ``smallest`` pixels of a (H, W, 3) uint8 RGB picture."""
        picture = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float()
        boxes = self._proposed(picture, smallest)
        boxes, windows = _windows(picture, boxes, 24)
        if len(boxes):
            scores, shifts = (torch.cat(part) for part in zip(*map(self.refinement, windows), strict=True))
            sure = scores > SURE[1]
            boxes, scores, shifts = boxes[sure], scores[sure], shifts[sure]
            chosen = nms(boxes.numpy(), scores.numpy(), 0.7)
            boxes = _square(_shifted(boxes[chosen], shifts[chosen]))
        boxes, windows = _windows(picture, boxes, 48)
        if not len(boxes):
            return Found(
                np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, 5, 2), np.float32)
            )
        outputs = (torch.cat(part) for part in zip(*map(self.output, windows), strict=True))
        scores, shifts, points = (part[:] for part in outputs)
        sure = scores > SURE[2]
        boxes, scores, shifts, points = boxes[sure], scores[sure], shifts[sure], points[sure]
        places = points.view(-1, 2, 5).transpose(1, 2)  # (N, 5, 2) in parts of the window
        places = _sides(boxes)[:, None] * places + boxes[:, None, :2] - 1
        boxes = _shifted(boxes, shifts)
        chosen = nms(boxes.numpy(), scores.numpy(), 0.7, of_smaller=True)
        return Found(boxes[chosen].numpy(), scores[chosen].numpy(), places[chosen].numpy())

    def _proposed(self, picture: Tensor, smallest: int) -> Tensor:
        """(N, 4) squares in which the first network sees a face, of a (1, 3, H, W) picture."""
        height, width = picture.shape[2:]
        scale = CELL / smallest
        found: list[np.ndarray] = []
        while min(height, width) * scale >= CELL:
            size = int(height * scale + 1), int(width * scale + 1)
            scores, shifts = self.proposal(_scaled(F.interpolate(picture, size, mode="area")))
            cells = (scores[0] >= SURE[0]).nonzero()  # (K, 2) rows and columns
            corners = STRIDE * cells.flip(1).float()
            boxes = [((corners + edge) / scale).floor() for edge in (1, CELL)]
            rows, columns = cells.T
            own = torch.cat(
                [*boxes, scores[0, rows, columns, None], shifts[0, :, rows, columns].T], 1
            ).numpy()
            found.append(own[nms(own[:, :4], own[:, 4], 0.5)])
            scale *= SHRINK
        rows = np.concatenate([np.zeros((0, 9), np.float32), *found])  # box, score, shifts
        rows = torch.from_numpy(rows[nms(rows[:, :4], rows[:, 4], 0.7)])
        sides = rows[:, 2:4] - rows[:, :2]
        return _square(rows[:, :4] + rows[:, 5:] * sides.repeat(1, 2))


def nms(boxes: np.ndarray, scores: np.ndarray, overlap: float, of_smaller: bool = False) -> np.ndarray:
    """Indices of the boxes (N, 4) that overlap no better one by more than a share, the best first.

    Args:
        scores: (N,).
        overlap: of the union of both boxes.
        of_smaller: of the smaller one instead, whose borders count as pixels. Of equally good boxes, which is
            usual where a face fills the picture, the last stays then, else the first.
    """
    border = 1 if of_smaller else 0
    areas = np.prod(boxes[:, 2:] - boxes[:, :2] + border, axis=1)
    waiting = np.argsort(scores, kind="stable")[::-1] if of_smaller else np.argsort(-scores, kind="stable")
    chosen = []
    while len(waiting):
        best, waiting = waiting[0], waiting[1:]
        chosen.append(best)
        low = np.maximum(boxes[best, :2], boxes[waiting, :2])
        high = np.minimum(boxes[best, 2:], boxes[waiting, 2:])
        common = np.prod(np.maximum(high - low + border, 0), axis=1)
        both = areas[waiting] + areas[best] - common
        whole = np.minimum(areas[waiting], areas[best]) if of_smaller else both
        waiting = waiting[~(common > overlap * whole)]
    return np.array(chosen, int)


@lru_cache(maxsize=1)
def load_mtcnn() -> MTCNN:
    """The networks with the weights of facenet-pytorch; one for all, they keep nothing.

    Raises:
        ArtefactError: its files are damaged.
        PackageNotFoundError: it is not installed.
    """
    network, package = MTCNN(), distribution("facenet-pytorch")
    for part, file in ((network.proposal, "pnet"), (network.refinement, "rnet"), (network.output, "onet")):
        part.load_state_dict(
            load_checkpoint(Path(str(package.locate_file(f"facenet_pytorch/data/{file}.pt"))))
        )
    return network.eval().requires_grad_(False)


def _windows(picture: Tensor, boxes: Tensor, size: int) -> tuple[Tensor, list[Tensor]]:
    """The (N, 4) boxes of which something is in the picture, and batches (B, 3, size, size) of it."""
    height, width = picture.shape[2:]
    whole = boxes.trunc().int().numpy()
    x0, y0 = np.maximum(whole[:, :2], 1).T  # pixels count from 1, as in the authors' program
    x1, y1 = np.minimum(whole[:, 2], width), np.minimum(whole[:, 3], height)
    inside = np.flatnonzero((x1 >= x0) & (y1 >= y0))
    cut = [
        F.interpolate(picture[:, :, y0[k] - 1 : y1[k], x0[k] - 1 : x1[k]], (size, size), mode="area")
        for k in inside
    ]
    return boxes[inside], [_scaled(torch.cat(cut[i : i + BATCH])) for i in range(0, len(cut), BATCH)]


def _scaled(pixels: Tensor) -> Tensor:
    return (pixels - 127.5) / 128


def _columns_first(x: Tensor) -> Tensor:
    """(B, W * H * C), as the authors' program lays it out, of (B, C, H, W)."""
    return x.permute(0, 3, 2, 1).flatten(1)


def _sides(boxes: Tensor) -> Tensor:
    """(N, 2) widths and heights, borders counted as pixels."""
    return boxes[:, 2:] - boxes[:, :2] + 1


def _shifted(boxes: Tensor, shifts: Tensor) -> Tensor:
    """(N, 4) boxes whose borders are moved by parts (N, 4) of their sides."""
    return boxes + shifts * _sides(boxes).repeat(1, 2)


def _square(boxes: Tensor) -> Tensor:
    """(N, 4) squares around the same centres, as large as the longer sides."""
    sides = boxes[:, 2:] - boxes[:, :2]
    longest = sides.max(1, keepdim=True).values
    corner = boxes[:, :2] + sides * 0.5 - longest * 0.5
    return torch.cat([corner, corner + longest], 1)
