"""Live mode: speech comes in piece by piece, frames come out with a bounded delay.

The face is prepared once: its frames are tracked and cut before the first word, and then play back and
forth. A frame is drawn as soon as the speech that its picture depends on has arrived, so what comes out
equals what the pipeline makes of the whole recording.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soxr

from lipsync.audio import RATE
from lipsync.audio.activity import LIVE_PAUSE, find_speech, needed_context
from lipsync.errors import ConfigError, FaceError
from lipsync.faces.covers import CoverFinder, paste_behind
from lipsync.faces.exposure import Exposure, as_references
from lipsync.faces.references import choose
from lipsync.faces.speakers import speakers
from lipsync.faces.tracking.choose import Choice
from lipsync.faces.tracking.face_view import FaceView, views
from lipsync.faces.tracking.track import FaceTracker, Tracked
from lipsync.media import Frame, probe, read_frames
from lipsync.media.photo import reduced
from lipsync.methods.base import Batch, LipSyncMethod
from lipsync.weights import hub

LONGEST = 512  # pixels a side of the pictures; larger ones are reduced
KEEP_BYTES = 96e6  # of prepared pictures: 128 of 512 pixels, about 5 s
MOST = 1.0  # s of speech that may be waited for
# The speech so far is cut at whole seconds: then columns and vectors of any rate stay where they were.
GRID = RATE


class Microphone:
    """Pieces of sound as a browser records them, as mono 16 kHz samples without seams.

    Args:
        rate: Hz, of the pieces.
    """

    def __init__(self, rate: int) -> None:
        self._resample = soxr.ResampleStream(rate, RATE, 1, dtype="float32")

    def take(self, piece: np.ndarray) -> np.ndarray:
        """(M,) float32 in -1..1 of the next (N,) or (N, channels) samples, integers or float."""
        scale = np.iinfo(piece.dtype).max if np.issubdtype(piece.dtype, np.integer) else 1.0
        mono = (piece.mean(1) if piece.ndim == 2 else piece).astype(np.float32) / np.float32(scale)
        return self._resample.resample_chunk(np.ascontiguousarray(mono))


class Live:
    """One face that is lip-synced to speech while the speech arrives. Not for several threads.

    Args:
        face: video or photo. Of a video the first seconds are prepared, as many as fit in memory.
        method: with an ``audio_lookahead`` of at most ``MOST``; for this face alone.
        choice: which face.
        mouth_opening: for a method with ``supports_mouth_opening``.

    Attributes:
        fps: frames per second that come out.
        wait: seconds of speech after a frame's own time that are needed to draw it: the method's look-ahead,
            or the time it takes to detect speech. The delay from sound to picture is this, the
            length of a piece, and the time that drawing takes.

    Raises:
        ConfigError: the method's look-ahead is longer than ``MOST``.
        FaceError: no face.
        MediaError: not a readable video or photo.
    """

    def __init__(
        self, face: Path, method: LipSyncMethod, choice: Choice | None = None, mouth_opening: float = 1.0
    ) -> None:
        lookahead = method.audio_lookahead
        if lookahead > MOST:
            raise ConfigError("live.too_late", method=method.card.title, seconds=MOST)
        before, after = needed_context(LIVE_PAUSE)
        self.wait: float = max(lookahead, after)
        self._lookahead = lookahead  # s, around a frame
        self._context = max(lookahead, before)  # s before it that are encoded
        self.fps = probe(face).output_fps
        self._method, self._opening = method, mouth_opening
        self._plates = _prepare(face, self.fps, speakers(face, choice or Choice())[0][0], method)
        finder = CoverFinder()
        self._covers = list(finder.follow(item for item, _ in self._plates))
        known = [(item, view) for item, view in self._plates if view is not None]
        if not known:
            raise FaceError("face.none_found", path=face.name)
        self._references = [frame.view for frame in choose(known, method.references)]
        self._samples = np.zeros(0, np.float32)  # samples from ``_begin`` on
        self._begin = 0  # sample, a multiple of GRID
        self._next = 0  # number of the frame to draw next

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the frames, pixels."""
        height, width = self._plates[0][0].frame.image.shape[:2]
        return width, height

    def push(self, samples: np.ndarray, most: int | None = None) -> list[np.ndarray]:
        """The (H, W, 3) uint8 RGB frames that can be drawn now that these (N,) 16 kHz samples are known.

        Args:
            samples: the next piece of the speech.
            most: draw no more than so many, evenly spread over those that are due, and pass over the others:
                on a machine that is too slow this keeps the delay from growing.
        """
        self._samples = np.concatenate([self._samples, samples.astype(np.float32)])
        known = (self._begin + len(self._samples)) / RATE  # s
        # A frame exactly ``wait`` before the end of what is known can be drawn.
        return self._draw_until(int(np.floor((known - self.wait) * self.fps + 1e-6)) + 1, most)

    hear = push  # its first name, which programs may call

    def finish(self) -> list[np.ndarray]:
        """The frames that were still waiting, up to the end of the speech; silence stands for its future."""
        return self._draw_until(max(1, round((self._begin + len(self._samples)) / RATE * self.fps)))

    def _draw_until(self, stop: int, most: int | None = None) -> list[np.ndarray]:
        """The frames from the next one to ``stop``, which is not included; ``most`` of them."""
        numbers = np.arange(self._next, stop)
        if not len(numbers) or not len(self._samples):
            return []
        if most is not None and len(numbers) > most:
            numbers = numbers[(np.arange(1, most + 1) * len(numbers)) // most - 1]  # the newest among them
        places = [_back_and_forth(int(n), len(self._plates)) for n in numbers]
        plates = [self._plates[place] for place in places]
        faces = [view for _, view in plates if view is not None]
        drawn: Iterator[np.ndarray] = iter(())
        if faces:
            at = numbers[[view is not None for _, view in plates]]
            activity = find_speech(self._samples, LIVE_PAUSE).activity(at / self.fps - self._begin / RATE)
            begin = _since(self._next / self.fps - self._lookahead)
            speech = self._method.encode_audio(self._samples[begin - self._begin :])
            times = at / self.fps - begin / RATE
            faces, exposures = as_references(faces, self._references)
            batch = Batch.of(faces, times, speech, self._references, self._opening, activity)
            drawn = map(Exposure.applied, exposures, self._method.synthesize(batch))
        frames = []
        for place, (item, view) in zip(places, plates, strict=True):
            pasted = None
            if view is not None:
                pasted = paste_behind(next(drawn), item, self._covers[place], top=self._method.passthrough)
            frames.append(item.frame.image.copy() if pasted is None else pasted)
        self._next = stop
        self._forget()
        return frames

    def _forget(self) -> None:
        """Let go of speech that no later frame depends on."""
        begin = _since(self._next / self.fps - self._context)
        if begin > self._begin:
            self._samples = self._samples[begin - self._begin :]
            self._begin = begin


def _prepare(
    face: Path, fps: float, choice: Choice, method: LipSyncMethod
) -> list[tuple[Tracked, FaceView | None]]:
    """The tracked frames that will play, with the face on each."""
    tracker = FaceTracker(hub.locate("face_landmarker"), fps, choice, blendshapes=method.blendshapes)
    try:
        return list(views(tracker.track(_pictures(face, fps)), method.crop_size, method.crop_margin))
    finally:
        tracker.close()


def _pictures(face: Path, fps: float) -> Iterator[Frame]:
    """The first frames, at most ``LONGEST`` pixels a side and ``KEEP_BYTES`` in all."""
    total = 0
    for frame in read_frames(face, fps):
        image = np.ascontiguousarray(reduced(frame.image, LONGEST))
        total += image.nbytes
        if total > KEEP_BYTES:
            return
        yield frame._replace(image=image)


def _since(seconds: float) -> int:
    """First sample of the speech that is needed from ``seconds`` on, a multiple of ``GRID``."""
    return max(0, round(seconds * RATE) // GRID * GRID)


def _back_and_forth(number: int, count: int) -> int:
    """Which of ``count`` frames plays as the ``number``-th: 0 1 2 3 2 1 0 1 ..."""
    if count == 1:
        return 0
    place = number % (2 * count - 2)
    return int(min(place, 2 * count - 2 - place))
