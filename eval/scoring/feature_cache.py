"""What is known of pictures already: features by what they show, faces by the video they are in.

The same reference is compared with many methods, and frames stand still: each picture is embedded once and
each reference is tracked once.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import replace

import numpy as np

from lipsync.faces.tracking.track import Tracked
from lipsync.media import Frame

MOST = 4096  # rows kept; of 2048 float32 each that is 32 MB
MOST_FRAMES = 8192  # whose faces are kept; of 478 points each that is 33 MB
_NO_PICTURE = np.zeros((0, 0, 3), np.uint8)


class FeatureCache:
    """Remembers rows of features by the content of what they were made from; the oldest go first.

    Args:
        embed: gives (N, D) rows for N pictures and what lies beside them.
        most: rows kept.
    """

    def __init__(self, embed: Callable[..., np.ndarray], most: int = MOST):
        self._embed, self._most = embed, most
        self._rows: OrderedDict[bytes, np.ndarray] = OrderedDict()

    def __call__(self, pictures: np.ndarray, *beside: np.ndarray) -> np.ndarray:
        """(N, D) rows of (N, ...) pictures; only those that were not seen before go through the network.

        Args:
            beside: further inputs, (N, ...) each.
        """
        keys = [_key(*inputs) for inputs in zip(pictures, *beside, strict=True)]
        new = {key: row for row, key in enumerate(keys) if key not in self._rows}
        if new or not keys:
            rows = list(new.values())
            found = self._embed(pictures[rows], *(part[rows] for part in beside))
            if not keys:
                return found
            self._rows.update((key, row.copy()) for key, row in zip(new, found, strict=True))
        for key in keys:
            self._rows.move_to_end(key)
        out = np.stack([self._rows[key] for key in keys])
        while len(self._rows) > self._most:
            self._rows.popitem(last=False)
        return out

    def fresh(self) -> FeatureCache:
        """The same network with nothing remembered."""
        return FeatureCache(self._embed, self._most)


class TrackFeatureCache:
    """Remembers the faces that a tracker saw in whole videos, without their pictures; the oldest go first.

    Args:
        most: frames kept, of all videos together.
    """

    def __init__(self, most: int = MOST_FRAMES):
        self._most = most
        self._videos: OrderedDict[Hashable, list[Tracked]] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(
        self, key: Hashable, frames: Iterable[Frame], track: Callable[[Iterable[Frame]], Iterator[Tracked]]
    ) -> Iterator[Tracked]:
        """Every frame with its face; ``track`` is called for videos that were not seen to their end before.

        Args:
            key: of the video and of all that its track depends on.
            frames: all frames of the video.
            track: makes a tracker and gives what it sees.
        """
        with self._lock:
            known = self._videos.get(key)
            if known is not None:
                self._videos.move_to_end(key)
        if known is None:
            return self._watch(key, track(frames))
        return (replace(item, frame=frame) for item, frame in zip(known, frames, strict=False))

    def _watch(self, key: Hashable, tracked: Iterator[Tracked]) -> Iterator[Tracked]:
        seen: list[Tracked] = []
        for item in tracked:
            if len(seen) <= self._most:
                seen.append(replace(item, frame=item.frame._replace(image=_NO_PICTURE)))
            yield item
        if len(seen) > self._most:
            return
        with self._lock:
            self._videos[key] = seen
            while sum(map(len, self._videos.values())) > self._most:
                self._videos.popitem(last=False)


def _key(*inputs: np.ndarray) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for part in inputs:
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.digest()
