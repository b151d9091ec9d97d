"""What is before a mouth: a small network of our own, and which pixels of a frame stay as they are.

A hand, a microphone, a cup or a mask hides the mouth: lips that were drawn on it are worse than none. The
network sees the lower part of the face's crop and says of every pixel whether it belongs to the face.
"""

# No postponed annotations here: PyTorchModelHubMixin reads the type of ``config`` off the signature to
# turn config.json back into it, and a string would leave it a dict.

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, pairwise
from typing import NamedTuple

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin
from safetensors.torch import load_file
from torch import Tensor, nn

from lipsync.assets import asset
from lipsync.faces.blend import mouth_mask, paste
from lipsync.faces.tracking.crop import Pose, crop_face, crop_matrix, transform_points
from lipsync.faces.tracking.landmarks import LIPS_OUTER
from lipsync.faces.tracking.track import Tracked

EMBEDDED = asset("models", "covers-embedded")
SIZE = 96  # pixels, side of the crop
TOP = 24  # its first row that the network sees: the eyes are above it
GOES = 0.4  # of a probability that was higher one frame before: how much of the fall is believed
# Probabilities. From the first to the second a pixel becomes a kept one; the third is certain.
DOUBT, SURE, CERTAIN = 0.2, 0.5, 0.98
# Share of the mouth and chin that is certainly covered on two frames in a row where one begins, and
# surely covered while it lasts. Chosen on people kept out so that nothing is found where nothing is:
# `python -m tests.benchmarks.covers`.
BEGINS, STAYS = 0.12, 0.04
EVERY, DOUBTFUL = 4, 0.04  # frames between two looks, and the share that asks for a closer one
AROUND = 3  # pixels of the crop around a cover that are kept too: its outline is not found exactly
SOFT = 1.0  # pixels, sigma of the edge between drawn and kept
CORNERS = np.array([(0, 0), (SIZE, 0), (0, SIZE), (SIZE, SIZE)], np.float64)
WHOLE = 0.9  # share of the lips behind a cover from which nothing is drawn


@dataclass(frozen=True)
class CoverConfig:
    """Channels at a half, a quarter and an eighth of the resolution."""

    channels: tuple[int, ...] = (20, 40, 72)

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))  # a list, as it comes out of config.json


class CoverNet(nn.Module, PyTorchModelHubMixin, library_name="lipsync-portal", tags=["image-segmentation"]):
    """(B, 3, 72, 96) crops in 0..1 to (B, 72, 96) logits that a pixel shows something before the face."""

    def __init__(self, config: CoverConfig):
        super().__init__()
        self.config = config
        a, b, c = config.channels
        self.first = _block(12, a)
        self.second = _block(a, b)
        self.third = nn.Sequential(_block(b, c), _block(c, c))
        self.from_third = _block(c + b, b)
        self.from_second = _block(b + a, a)
        self.head = nn.Conv2d(a, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        first = self.first(F.pixel_unshuffle(x - 0.5, 2))  # (B, a, 36, 48)
        second = self.second(F.max_pool2d(first, 2))  # (B, b, 18, 24)
        third = self.third(F.max_pool2d(second, 2))  # (B, c, 9, 12)
        # The whole picture's light and skin, for every pixel of it.
        third = third + third.mean((2, 3), keepdim=True)
        x = self.from_third(torch.cat([_twice(third), second], 1))
        x = self.from_second(torch.cat([_twice(x), first], 1))
        return F.pixel_shuffle(self.head(x), 2)[:, 0]


def _twice(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


def _block(cin: int, cout: int) -> nn.Sequential:
    """Two 3x3 convolutions."""
    return nn.Sequential(
        nn.Conv2d(cin, cout, 3, padding=1, bias=False), nn.BatchNorm2d(cout), nn.ReLU(inplace=True),
        nn.Conv2d(cout, cout, 3, padding=1, bias=False), nn.BatchNorm2d(cout), nn.ReLU(inplace=True),
    )  # fmt: skip


@dataclass(frozen=True)
class Covered:
    """What of a frame's face is behind something."""

    keep: np.ndarray  # (96, 96) float32 of the crop: 1 where the frame stays as it is, 0 where it is drawn
    whole: bool  # nothing is to be drawn

    def under(self, face: np.ndarray, image: np.ndarray, pose: Pose) -> np.ndarray:
        """(S, S, 3) uint8, a drawn crop with the cover on it, so that colours are not matched to the cover.

        Args:
            face: (S, S, 3) uint8, the crop of ``pose``, redrawn.
            image: (H, W, 3) uint8, the frame.
        """
        size = len(face)
        keep = cv2.resize(self.keep, (size, size), interpolation=cv2.INTER_LINEAR)[..., None]
        original = crop_face(image, crop_matrix(pose, size), size)
        return (face + keep * (original.astype(np.float32) - face) + 0.5).astype(np.uint8)

    def over(self, pasted: np.ndarray, image: np.ndarray, pose: Pose) -> np.ndarray:
        """(H, W, 3) uint8, a frame with a drawn mouth, where the cover is again as it was in ``image``."""
        place = cv2.invertAffineTransform(crop_matrix(pose, SIZE))
        x0, y0, width, height = cv2.boundingRect(transform_points(CORNERS, place).astype(np.float32))
        x1, y1 = min(x0 + width, image.shape[1]), min(y0 + height, image.shape[0])
        x0, y0 = max(x0, 0), max(y0, 0)
        if x1 <= x0 or y1 <= y0:
            return pasted
        place[:, 2] -= x0, y0
        keep = cv2.warpAffine(self.keep, place, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR)[..., None]
        result = pasted.copy()
        new, old = pasted[y0:y1, x0:x1].astype(np.float32), image[y0:y1, x0:x1]
        result[y0:y1, x0:x1] = new + keep * (old - new) + 0.5
        return result


def paste_behind(
    face: np.ndarray, item: Tracked, cover: Covered | None, sharpen: float = 0.0, top: float = 0.0
) -> np.ndarray | None:
    """The frame of ``item`` with the drawn face of :func:`~lipsync.faces.blend.paste`, behind what covers it.

    None where there is no face, or the mouth is wholly covered: the frame stays as it is.
    """
    image, pose = item.frame.image, item.pose
    if pose is None or (cover is not None and cover.whole):
        return None
    if cover is None:
        return paste(image, face, pose, item.landmarks, sharpen, top)
    pasted = paste(image, cover.under(face, image, pose), pose, item.landmarks, sharpen, top)
    return cover.over(pasted, image, pose)


class _Look(NamedTuple):
    """What one frame shows, by itself."""

    item: Tracked
    landmarks: np.ndarray | None  # (478, 2) pixels of the crop
    mouth: np.ndarray  # (72, 96) bool, where mouth and chin are
    found: np.ndarray  # (72, 96) float32, probabilities
    certain: float  # share of mouth and chin that is certainly covered


class CoverFinder:
    """Finds what is before one face, frame by frame in their order. It holds one frame's finds.

    Attributes:
        whole_frames: how many frames had a mouth that was covered wholly.
    """

    def __init__(self, net: CoverNet | None = None) -> None:
        self.whole_frames = 0
        self._net = net or load_covers()
        self._before: np.ndarray | None = None  # (72, 96) float32, smoothed probabilities
        self._ahead: _Look | None = None
        self._covered = False

    def follow(self, items: Iterable[Tracked]) -> Iterator[Covered | None]:
        """What covers the face on each frame, as a call has it, for a quarter of the work.

        Every fourth frame is looked at, and those around it too where it gives reason to. A cover that comes
        and goes between two looks is missed. Eight frames are held.
        """
        coming, doubtful = iter(items), True
        group = list(islice(coming, EVERY))
        while group:
            following = list(islice(coming, EVERY))
            look = _look(group[-1], self._net)
            before, doubtful = doubtful, look is not None and look.certain > DOUBTFUL
            for item, after in pairwise([*group, next(iter(following), None)]):
                assert item is not None
                if before or doubtful or self._covered:
                    yield self(item, after)
                else:
                    self._before = self._ahead = None
                    yield None
            group = following

    def __call__(self, item: Tracked, after: Tracked | None = None) -> Covered | None:
        """What covers the face of a tracked frame; None: nothing, or there is no face.

        Args:
            after: the frame after it, None where there is none: a cover begins where two agree.
        """
        look = self._ahead if self._ahead is not None and self._ahead.item is item else _look(item, self._net)
        self._ahead = None if after is None else _look(after, self._net)
        if look is None or item.new:
            self._before, self._covered = None, False
        if look is None:
            return None
        found = look.found
        if self._before is not None:  # a cover is there at once, and goes slowly
            found = np.maximum(found, self._before + GOES * (found - self._before))
        if self._covered:
            self._covered = bool((found[look.mouth] > SURE).mean() > STAYS)
        else:
            next_one = self._ahead if self._ahead is not None and not self._ahead.item.new else look
            self._covered = min(look.certain, next_one.certain) > BEGINS
        self._before = found
        if not self._covered:
            return None
        keep = _keep_mask(found)
        whole = bool(keep[_lips(look.landmarks)].mean() > WHOLE)
        self.whole_frames += whole
        return Covered(keep, whole)


def uncovered(items: Sequence[Tracked]) -> list[int]:
    """Which of these frames, that need not follow each other, show a face with nothing before it."""
    looks = [_look(item, load_covers()) for item in items]
    return [number for number, look in enumerate(looks) if look is not None and look.certain <= BEGINS]


def _look(item: Tracked, net: CoverNet) -> _Look | None:
    """None where there is no face."""
    if item.pose is None:
        return None
    matrix = crop_matrix(item.pose, SIZE)
    points = None if item.landmarks is None else transform_points(item.landmarks, matrix)
    mouth = mouth_mask(SIZE, points)[TOP:] > 0.5
    found = cover_probability(crop_face(item.frame.image, matrix, SIZE), net)
    return _Look(item, points, mouth, found, float((found[mouth] > CERTAIN).mean()))


def _keep_mask(probability: np.ndarray) -> np.ndarray:
    """(96, 96) float32 of ``Covered.keep`` from (72, 96) probabilities."""
    part: np.ndarray = np.clip((probability - DOUBT) / (SURE - DOUBT), 0, 1)
    part = np.pad(part, ((TOP, 0), (0, 0)), "edge").astype(np.float32)
    side = 2 * AROUND + 1
    part = cv2.dilate(part, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    # What is kept whole stays so: the soft edge lies outside.
    return np.maximum(cv2.GaussianBlur(part, (0, 0), SOFT), part >= 1).astype(np.float32)


def _lips(points: np.ndarray | None) -> np.ndarray:
    """(96, 96) bool, where the lips are, of (478, 2) landmarks in the crop, or where they usually are."""
    area: np.ndarray = np.zeros((SIZE, SIZE), np.uint8)
    if points is None:
        cv2.ellipse(area, (SIZE // 2, round(0.7 * SIZE)), (SIZE // 6, SIZE // 12), 0, 0, 360, 1, -1)
    else:
        cv2.fillPoly(area, [points[list(LIPS_OUTER)].round().astype(np.int32)], 1)
    return area > 0


@lru_cache(maxsize=1)
def load_covers() -> CoverNet:
    """The network that ships with the project."""
    config = json.loads((EMBEDDED / "config.json").read_text(encoding="utf-8"))
    net = CoverNet(CoverConfig(**config))
    net.load_state_dict(load_file(EMBEDDED / "model.safetensors"))
    return net.eval().requires_grad_(False)


@torch.inference_mode()
def cover_probability(crop: np.ndarray, net: CoverNet) -> np.ndarray:
    """(72, 96) float32 in 0..1 that a pixel shows something before the face, of (96, 96, 3) uint8 RGB."""
    return net(as_input(torch.from_numpy(crop[None, TOP:])))[0].sigmoid().numpy()


def as_input(pictures: Tensor) -> Tensor:
    """(B, 3, 72, 96) in 0..1, as the network takes them, of (B, 72, 96, 3) uint8."""
    return pictures.permute(0, 3, 1, 2).float() / 255
