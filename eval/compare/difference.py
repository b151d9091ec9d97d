"""Where a video differs from its reference, as a heat map that plays beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, repeat
from pathlib import Path

import cv2
import numpy as np

from eval.compare import set_cache
from eval.compare.clip import ComparisonClip
from eval.compare.index import ComparisonSet
from eval.scoring.protocol import resize
from lipsync.media import VideoWriter, read_frames

VERSION = 1
FULL = 64  # grey levels of 255 that are shown as the end of the scale; the same for all videos
NOTHING = (96, 96, 96)  # grey where the reference is over and there is nothing to compare with
Report = Callable[[int, int], None]


def difference_video(
    set_: ComparisonSet, clip: ComparisonClip, reference: ComparisonClip, report: Report | None = None
) -> Path:
    """The heat map of a clip against its reference, made once: same size, rate and length, without sound.

    The largest of the three colour differences of a pixel runs from black (none) over violet and orange
    to yellow (64 of 255 levels or more), and gets lighter all the way, so it reads in grey as well. A
    reference of another size is resized to the clip's.

    Args:
        report: called with (frames done, frames expected); an exception from it leaves nothing behind.

    Raises:
        MediaError: one of the videos cannot be read any more.
    """
    path = set_cache.place(set_, "difference", ".mp4", VERSION, clip.sha256, reference.sha256)
    if path.is_file():
        return path
    total = max(1, round(clip.seconds * clip.fps))
    with VideoWriter(path, clip.width, clip.height, clip.fps) as writer:
        for number, picture in enumerate(_heat(clip, reference), start=1):
            writer.write(picture)
            if report is not None:
                report(number, max(number, total))
    return path


def heat(generated: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 RGB heat map of two (H, W, 3) uint8 RGB pictures."""
    worst = cv2.absdiff(generated, reference).max(axis=2)
    level = cv2.convertScaleAbs(worst, alpha=255 / FULL)
    return cv2.cvtColor(cv2.applyColorMap(level, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)


def _heat(clip: ComparisonClip, reference: ComparisonClip) -> Iterator[np.ndarray]:
    size = clip.height, clip.width
    real = chain((frame.image for frame in read_frames(reference.path, fps=clip.fps)), repeat(None))
    for frame, other in zip(read_frames(clip.path, fps=clip.fps), real, strict=False):
        if other is None:
            yield np.full((*size, 3), NOTHING, np.uint8)
        else:
            yield heat(frame.image, resize(other, size))
