"""The pass itself: two videos decoded, tracked and cut side by side, once, for all metrics."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path

from eval.columns import Columns
from eval.controls import Control
from eval.networks import Networks
from eval.pair import Batch, Pair, look
from eval.protocol import FPS, PairedFrames, Region, require_frames, require_size, resize
from eval.sync import SyncStream
from lipsync.errors import FaceError
from lipsync.faces.track import FaceTracker, Tracked
from lipsync.media import Frame, probe, read_frames

BATCH = 16  # pairs looked at together
Tell = Callable[[int, int], None]


class Pass:
    """Two videos side by side, and what is counted on the way."""

    def __init__(
        self, generated: Path, reference: Path | None, networks: Networks, region: Region, needs_face: bool,
        expressions: bool, may_resize: bool, tell: Tell | None, control: Control | None = None,
    ):  # fmt: skip
        self.generated = generated
        self.reference = reference
        self.frames = self.faces_generated = self.faces_reference = 0
        self.beyond = 0
        self.resized = False
        self.seconds = {"decode": 0.0, "track": 0.0, "look": 0.0, "metrics": 0.0, "lip sync": 0.0}
        self._networks, self._region = networks, region
        self._control = control
        self._needs_face, self._expressions = needs_face, expressions
        self._may_resize, self._tell = may_resize, tell or (lambda done, total: None)

    def run(self, columns: Columns, stream: SyncStream | None) -> None:
        """Decode, track, look and hand on, until both videos are over."""
        with ExitStack() as stack:
            ours = self._decode(self.generated)
            if self._control is not None:
                ours = self._control.frames(ours)
            theirs = None if self.reference is None else self._decode(self.reference)
            if theirs is not None:
                ours, theirs = self._same_size(ours, theirs)
            seen = self._watch(self._track(ours, stack), stream)
            if theirs is None:
                pairs: Iterable[tuple[Tracked, Tracked | None]] = ((item, None) for item in seen)
                self._feed(pairs, columns)
                return
            paired = PairedFrames(seen, self._track(theirs, stack))
            self._feed(iter(paired), columns)
            self.beyond = paired.left_over_generated + paired.left_over_reference

    def check_faces(self) -> None:
        """Stop where one of the videos has (nearly) no face, naming it.

        Raises:
            FaceError: no face at all, or fewer than 5 frames to use.
        """
        require_frames(self.frames, self.generated.name, "that is all there is at 25 fps")
        if not self._needs_face:
            return
        counts = [(self.generated, self.faces_generated)]
        if self.reference is not None:
            counts.append((self.reference, self.faces_reference))
        for path, faces in counts:
            if not faces:
                raise FaceError(
                    f"No face was found in {path.name}; use a video in which the face is larger, "
                    "brighter and turned to the camera, or score whole frames with --region full."
                )
            require_frames(faces, path.name)

    def _decode(self, path: Path) -> Iterator[Frame]:
        frames = read_frames(path, fps=FPS)
        while True:
            began = time.perf_counter()
            frame = next(frames, None)
            self.seconds["decode"] += time.perf_counter() - began
            if frame is None:
                return
            yield frame

    def _same_size(
        self, ours: Iterator[Frame], theirs: Iterator[Frame]
    ) -> tuple[Iterator[Frame], Iterator[Frame]]:
        """Both streams at the size of the reference; an error where they differ and may not."""
        first, other = next(ours), next(theirs)
        have, want = first.image.shape[:2], other.image.shape[:2]
        require_size(have, want, self._may_resize, self.generated.name)  # type: ignore[arg-type]
        self.resized = have != want
        ours = chain([first], ours)
        if self.resized:
            ours = (frame._replace(image=resize(frame.image, want)) for frame in ours)  # type: ignore[arg-type]
        return ours, chain([other], theirs)

    def _track(self, frames: Iterator[Frame], stack: ExitStack) -> Iterator[Tracked]:
        if not self._needs_face:
            return (Tracked(frame, None) for frame in frames)
        tracker = FaceTracker(self._networks.landmarker, FPS, blendshapes=self._expressions)
        stack.callback(tracker.close)
        return self._timed(tracker.track(frames))

    def _timed(self, tracked: Iterator[Tracked]) -> Iterator[Tracked]:
        while True:
            began, decoding = time.perf_counter(), self.seconds["decode"]
            item = next(tracked, None)
            spent = time.perf_counter() - began - (self.seconds["decode"] - decoding)
            self.seconds["track"] += spent
            if item is None:
                return
            yield item

    def _watch(self, tracked: Iterator[Tracked], stream: SyncStream | None) -> Iterator[Tracked]:
        """Every generated frame passes here, those without a partner too: LSE needs no reference."""
        total = max(1, round(probe(self.generated).duration * FPS))
        for item in tracked:
            if stream is not None:
                began = time.perf_counter()
                stream.see(item)
                self.seconds["lip sync"] += time.perf_counter() - began
            self.frames += 1
            self.faces_generated += item.pose is not None
            self._tell(self.frames, total)
            yield item

    def _feed(self, pairs: Iterable[tuple[Tracked, Tracked | None]], columns: Columns) -> None:
        waiting: list[Pair] = []
        for ours, theirs in pairs:
            self.faces_reference += theirs is not None and theirs.pose is not None
            began = time.perf_counter()
            waiting.append(look(ours, theirs, self._region))
            self.seconds["look"] += time.perf_counter() - began
            if len(waiting) == BATCH:
                self._add(waiting, columns)
                waiting = []
        if waiting:
            self._add(waiting, columns)

    def _add(self, pairs: list[Pair], columns: Columns) -> None:
        began = time.perf_counter()
        columns.add(Batch(pairs, self._networks, self._region))
        self.seconds["metrics"] += time.perf_counter() - began
