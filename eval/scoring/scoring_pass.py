"""The pass itself: two videos decoded, tracked and cut side by side, once, for all metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from eval.scoring.accumulators import Accumulators
from eval.scoring.controls import Control
from eval.scoring.pair import Pair, PairBatch, look
from eval.scoring.protocol import BEYOND, FPS, PairedFrames, require_frames, require_size, resize
from lipsync.errors import FaceError
from lipsync.faces.tracking.track import FaceTracker, Tracked
from lipsync.media import Frame, probe, read_frames
from lipsync.stream import Clock, background
from lipsync.texts import Message

if TYPE_CHECKING:
    from eval.scoring.metrics.base import Metric, Setup

BATCH = 16  # pairs looked at together
AHEAD = 4  # frames that each video is decoded and tracked ahead of the metrics, on a thread; 0: none
AT_ONCE = 2  # groups of metrics at work: while one computes in Python, another has the processor
Report = Callable[[int, int], None]


@dataclass(frozen=True)
class VideoFiles:
    """What is scored, and what it is compared with.

    Attributes:
        generated: the video.
        reference: ground truth; None: there is none.
        reference_image: a picture of the person; None: there is none.
        speaker: the person who said the driving speech; None: unknown.
        control: what is done to the generated video (or its sound) first.
    """

    generated: Path
    reference: Path | None = None
    reference_image: Path | None = None
    speaker: Path | None = None
    control: Control | None = None

    @property
    def sound(self) -> Path:
        """The file whose sound is scored."""
        return self.control.audio if self.control and self.control.audio else self.generated


class Pass:
    """Two videos side by side, and what is counted on the way."""

    def __init__(
        self,
        files: VideoFiles,
        metrics: Sequence[Metric],
        setup: Setup,
        may_resize: bool,
        report: Report | None,
    ) -> None:
        self.files = files
        self.frames = self.faces_generated = self.faces_reference = 0
        self.beyond = 0
        self.resized = False
        self._clocks = [Clock()]  # of the metrics, then of each video's own thread
        self._networks, self._region = setup.networks, setup.region
        self._needs_face = any(_needs_face(metric, setup) for metric in metrics)
        self._expressions = any("blendshapes" in metric.needs for metric in metrics)
        self._needs_speaker = any("speaker" in metric.needs for metric in metrics)
        self._over: Callable[..., Iterable[None]] = map
        self._may_resize, self._report = may_resize, report or (lambda done, total: None)

    @property
    def seconds(self) -> dict[str, float]:
        """Time by stage; the videos are decoded and tracked while the metrics are at work."""
        stages = dict.fromkeys(("decode", "track", "look", "metrics", "lip sync"), 0.0)
        for clock in self._clocks:
            for stage, spent in clock.exclusive(("decode", "track")).items():
                stages[stage] += spent
        return stages

    @property
    def skipped(self) -> Counter[str]:
        """Frames that no metric of both videos sees, by reason."""
        return Counter({BEYOND: self.beyond} if self.beyond else {})

    def run(self, accumulators: Accumulators) -> None:
        """Decode, track, look and hand on, until both videos are over."""
        with ExitStack() as stack:
            if AT_ONCE > 1:
                import torch

                from lipsync.nn.threads import take_threads

                threads = torch.get_num_threads()
                pool = ThreadPoolExecutor(AT_ONCE, initializer=take_threads, initargs=(threads,))
                self._over = stack.enter_context(pool).map
            clocks = Clock(), Clock()
            self._clocks += clocks
            files = self.files
            ours = clocks[0].over("decode", read_frames(files.generated, fps=FPS))
            if files.control is not None:
                ours = files.control.frames(ours)
            theirs = None
            if files.reference is not None:
                theirs = clocks[1].over("decode", read_frames(files.reference, fps=FPS))
                ours, theirs = self._same_size(ours, theirs)
            seen = self._watch(self._track(ours, stack, clocks[0], None), accumulators)
            speaker = self._speaker(stack)
            if theirs is None:
                pairs: Iterable[tuple[Tracked, Tracked | None]] = ((item, None) for item in seen)
                self._feed(pairs, speaker, accumulators)
                return
            paired = PairedFrames(seen, self._track(theirs, stack, clocks[1], files.reference))
            self._feed(iter(paired), speaker, accumulators)
            self.beyond = paired.left_over_generated + paired.left_over_reference

    def check_faces(self) -> None:
        """Stop where one of the videos has (nearly) no face, naming it.

        Raises:
            FaceError: no face at all, or fewer than 5 frames to use.
        """
        files = self.files
        require_frames(self.frames, files.generated.name, Message("score.all_frames_at_25"))
        if not self._needs_face:
            return
        counts = [(files.generated, self.faces_generated)]
        if files.reference is not None:
            counts.append((files.reference, self.faces_reference))
        for path, faces in counts:
            if not faces:
                raise FaceError("score.no_face", path=path.name)
            require_frames(faces, path.name)

    def _speaker(self, stack: ExitStack) -> Iterator[Tracked]:
        """What is seen of the person who said the driving speech; nothing where no metric asks for it."""
        path = self.files.speaker
        if path is None or not self._needs_speaker:
            return iter(())
        clock = Clock()
        self._clocks.append(clock)
        return self._track(clock.over("decode", read_frames(path, fps=FPS)), stack, clock, path)

    def _same_size(
        self, ours: Iterator[Frame], theirs: Iterator[Frame]
    ) -> tuple[Iterator[Frame], Iterator[Frame]]:
        """Both streams at the size of the reference; an error where they differ and may not.

        H.264 wants even sizes, so a result of odd footage has its last row or column twice: it is cut off.
        """
        first, other = next(ours), next(theirs)
        have, want = first.image.shape[:2], other.image.shape[:2]
        if have != want and have == tuple(side + side % 2 for side in want):
            high, wide = have = want
            ours = (frame._replace(image=frame.image[:high, :wide]) for frame in chain([first], ours))
            first = next(ours)
        require_size(have, want, self._may_resize, self.files.generated.name)  # type: ignore[arg-type]
        self.resized = have != want
        ours = chain([first], ours)
        if self.resized:
            ours = (frame._replace(image=resize(frame.image, want)) for frame in ours)  # type: ignore[arg-type]
        return ours, chain([other], theirs)

    def _track(
        self, frames: Iterator[Frame], stack: ExitStack, clock: Clock, known: Path | None
    ) -> Iterator[Tracked]:
        """What the tracker sees on each frame, made ahead on a thread of its own.

        Args:
            known: the file, where its faces are to be remembered for the next pass over it.
        """

        def track(frames: Iterable[Frame]) -> Iterator[Tracked]:
            tracker = FaceTracker(self._networks.landmarker, FPS, blendshapes=self._expressions)
            stack.callback(tracker.close)
            return tracker.track(frames)

        if not self._needs_face:
            tracked: Iterator[Tracked] = (Tracked(frame, None) for frame in frames)
        elif known is None:
            tracked = track(frames)
        else:
            file = known.stat()
            key = str(known.absolute()), file.st_size, file.st_mtime_ns, self._expressions
            tracked = self._networks.tracks(key, frames, track)
        tracked = clock.over("track", tracked)
        return stack.enter_context(background(tracked, AHEAD)) if AHEAD else tracked

    def _watch(self, tracked: Iterator[Tracked], accumulators: Accumulators) -> Iterator[Tracked]:
        """Every generated frame passes here, those without a partner too: LSE needs no reference."""
        total = max(1, round(probe(self.files.generated).duration * FPS))
        for item in tracked:
            with self._clocks[0]("lip sync"):
                accumulators.watch(item)
            self.frames += 1
            self.faces_generated += item.pose is not None
            self._report(self.frames, total)
            yield item

    def _feed(
        self,
        pairs: Iterable[tuple[Tracked, Tracked | None]],
        speaker: Iterator[Tracked],
        accumulators: Accumulators,
    ) -> None:
        waiting: list[Pair] = []
        for ours, theirs in pairs:
            self.faces_reference += theirs is not None and theirs.pose is not None
            spoken = next(speaker, None)
            with self._clocks[0]("look"):
                waiting.append(look(ours, theirs, self._region, spoken))
            if len(waiting) == BATCH:
                self._add(waiting, accumulators)
                waiting = []
        if waiting:
            self._add(waiting, accumulators)

    def _add(self, pairs: list[Pair], accumulators: Accumulators) -> None:
        with self._clocks[0]("metrics"):
            accumulators.add(PairBatch(pairs, self._region), self._over)


def _needs_face(metric: Metric, setup: Setup) -> bool:
    """Whether a metric looks at a face."""
    if metric.by_region:
        return setup.region != "full"
    return "landmarks" in metric.needs or "audio" not in metric.needs or setup.variant != "lrs"
