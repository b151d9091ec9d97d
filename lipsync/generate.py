"""The pipeline: a face and speech in, a video whose lips follow the speech out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from lipsync import hub
from lipsync.audio import RATE
from lipsync.audio.activity import Speech, find_speech
from lipsync.errors import Cancelled, ConfigError, FaceError, MediaError
from lipsync.faces.blend import paste
from lipsync.faces.choose import Choice
from lipsync.faces.references import Reference, choose, scan
from lipsync.faces.track import FaceTracker, Tracked
from lipsync.faces.view import View, views
from lipsync.label import Label
from lipsync.media import MediaInfo, VideoWriter, audio_duration, loop_frames, probe, read_audio
from lipsync.media.size import fitting
from lipsync.methods import DEFAULT, LipSyncMethod, load_method
from lipsync.methods.base import Batch
from lipsync.stream import Clock, background
from lipsync.texts import Message

PHOTO_SIDE = 1920  # pixels; a phone's photo of 12 megapixels as a video plays on few devices
SILENCE = 1e-4  # largest sample of a recording that holds nothing, of full scale
QUEUE_BYTES = 96e6  # of frames that wait between two stages
COARSE = Message("generate.no_landmarker")
NO_SPEECH = Message("generate.silence")


@dataclass(frozen=True)
class Request:
    """One job. Paths are read where they are; only ``output`` is written."""

    face: Path  # video or photo
    audio: Path | None  # any file with sound; None: the video's own sound
    output: Path  # .mp4
    # ``auto``, a name of ``lipsync.methods.METHODS``, or ``hub:org/name[@revision]``
    method: str = DEFAULT
    checkpoint: Path | None = None  # weights instead of the method's own
    # Which face, counted from the left in the first frame with faces; None: the largest.
    face_index: int | None = None
    face_point: tuple[float, float] | None = None  # or the face at this place, pixels of the upright picture
    # "audio": as long as the speech, the video plays back and forth; "video": as the video.
    length: str = "audio"
    label: bool = True  # visible "AI-generated" mark; the metadata mark is always there
    # How far the mouth opens against what the speech asks for; for methods with ``opens``.
    mouth_opening: float = 1.0
    sharpen: float = 0.0  # 0..1, how far drawn detail is brought to the strength of the skin around it
    batch_size: int = 16
    # Draw for a recording that holds nothing too, to see whether the lips rest; else it is a mistake.
    allow_silence: bool = False
    max_seconds: float | None = None  # refuse longer results (the app's limit); None: no limit


@dataclass(frozen=True)
class Progress:
    stage: str  # "weights", "audio", "references", "frames", "finish"
    done: int = 0  # frames
    total: int | None = None  # frames
    fps: float = 0.0  # frames per second so far
    seconds_left: float | None = None


@dataclass(frozen=True)
class ReferenceFrame:
    """A frame that showed the method what this person's mouth looks like."""

    time: float  # s in the face video
    box: tuple[int, int, int, int]  # of the face on it: x0, y0, x1, y1, pixels of the result


@dataclass(frozen=True)
class Result:
    """What was done. ``to_dict`` is what ``--json`` prints."""

    path: Path
    frames: int
    frames_without_face: int
    width: int
    height: int
    fps: float
    duration: float  # seconds
    method: str
    weights_sha256: str
    faces_seen: int  # faces in the frame the choice was made on
    seconds: dict[str, float] = field(default_factory=dict)  # per stage, and "total"
    notes: tuple[str, ...] = ()  # sentences worth showing, e.g. coarse tracking without the landmarker
    revision: str | None = None  # commit of the Hub repository that the weights were taken from
    references: tuple[ReferenceFrame, ...] = ()  # from the most closed mouth to the most open one
    requested_method: str = ""  # the request's, where ``method`` is what was taken for ``auto``
    fallback: str | None = None  # one sentence why ``auto`` took no better core; None: there is none

    def to_dict(self) -> dict:
        """Plain values for JSON, seconds rounded to milliseconds."""
        return {
            **asdict(self),
            "path": str(self.path),
            "seconds": {stage: round(value, 3) for stage, value in self.seconds.items()},
            "notes": list(self.notes),
        }


def generate(
    request: Request,
    progress: Callable[[Progress], None] | None = None,
    cancel: threading.Event | None = None,
) -> Result:
    """Write ``request.output`` and say what was done.

    Decoding and tracking, the network, and blending and encoding run side by side, each on a
    thread of its own, joined by short queues: memory does not grow with the length of the video.

    Raises:
        LipSyncError: one sentence about what was wrong with which input; nothing is left behind.
        Cancelled: ``cancel`` was set.
    """
    began, clock = time.perf_counter(), Clock()
    report = _Report(progress or (lambda _: None), cancel or threading.Event())
    report("weights")
    face = probe(request.face)
    voice = request.audio or request.face
    plan = _plan(request, face, voice)
    count, fps = plan.frames, plan.fps
    with clock("weights"):
        method = load_method(
            request.method, request.checkpoint, report.bytes, opens=request.mouth_opening != 1
        )
    if request.mouth_opening != 1 and not method.opens:
        raise ConfigError("generate.no_opening", method=method.card.title)
    report("audio")
    with clock("audio"):
        samples = _samples(voice, count / fps, request.allow_silence)
        speech = _Speech(method.listen(samples), find_speech(samples))

    size = plan.depth(request.batch_size)
    landmarker = hub.locate("face_landmarker")
    chosen: list[Reference] = []
    if method.references > 1 and face.kind == "video":
        report("references")
        with clock("references"):
            chosen += scan(request.face, method.crop_size, method.references, landmarker, plan.choice)
    tracker = FaceTracker(landmarker, fps, plan.choice, blendshapes=method.blendshapes)
    with_face = 0
    try:
        frames = clock.over("decode", loop_frames(request.face, fps, count, PHOTO_SIDE))
        tracked = clock.over("track", tracker.track(frames))
        seen = clock.over("crop", views(tracked, method.crop_size))
        with (
            background(seen, depth=plan.depth(2 * request.batch_size)) as ready,
            background(
                clock.over("network", _speak(ready, method, speech, request, fps, size, chosen)), depth=size
            ) as spoken,
            VideoWriter(
                request.output, plan.width, plan.height, fps, audio=voice, duration=count / fps,
                metadata={"comment": f"AI-generated: lips synchronised to speech with {method.card.name}"},
            ) as writer,
        ):  # fmt: skip
            mark = Label(plan.width, plan.height) if request.label else None
            for done, (item, drawn) in enumerate(spoken, 1):
                image = item.frame.image
                if drawn is not None and item.pose is not None:
                    with_face += 1
                    with clock("blend"):
                        image = paste(
                            image, drawn, item.pose, item.landmarks, request.sharpen, method.passthrough
                        )
                with clock("encode"):
                    writer.write(mark.on(image) if mark else image)
                report("frames", done, count)
            if with_face == 0:
                raise FaceError("face.none_found", path=request.face.name)
            report("finish", count, count)
    finally:
        tracker.close()
    return Result(
        path=request.output,
        frames=count,
        frames_without_face=count - with_face,
        width=plan.width,
        height=plan.height,
        fps=fps,
        duration=count / fps,
        method=method.card.name,
        weights_sha256=method.weights_sha256,
        revision=method.card.revision,
        faces_seen=tracker.faces_seen,
        seconds={**clock.exclusive(("decode", "track", "crop")), "total": time.perf_counter() - began},
        notes=_notes(tracker.coarse, len(speech.spoken.stretches) == 0, getattr(method, "kept", 0), count),
        references=tuple(ReferenceFrame(frame.time, frame.box) for frame in chosen),
        requested_method=request.method,
        fallback=method.card.fallback,
    )


def _notes(coarse: bool, silent: bool, kept: int, count: int) -> tuple[str, ...]:
    """What a person should know of a result: coarse tracking, no speech, frames left as they were."""
    notes = [COARSE] if coarse else []
    if silent:
        notes.append(NO_SPEECH)
    if kept:
        notes.append(Message("generate.kept_mouths", kept=kept, count=count))
    return tuple(notes)


def result_seconds(request: Request) -> float:
    """How long the result of a request will last, in seconds.

    Raises:
        LipSyncError: it cannot be done; the same sentences as those of :func:`generate`.
    """
    plan = _plan(request, probe(request.face), request.audio or request.face)
    return plan.frames / plan.fps


@dataclass(frozen=True)
class _Plan:
    """What the result will be."""

    frames: int
    fps: float
    width: int  # pixels
    height: int
    choice: Choice  # its point in these pixels

    def depth(self, wanted: int) -> int:
        """How many frames may wait in a queue: fewer of large pictures."""
        return int(max(1, min(wanted, QUEUE_BYTES // (3 * self.width * self.height))))


def _plan(request: Request, face: MediaInfo, voice: Path) -> _Plan:
    """Length, rate and size of the result, after all that can be wrong with the request as a whole."""
    if face.kind == "audio":
        raise MediaError("generate.no_picture", path=request.face.name)
    if voice == request.face and not face.has_audio:
        raise MediaError("generate.no_sound", path=request.face.name)
    if request.length not in ("audio", "video"):
        raise ConfigError("generate.length", length=request.length)
    if request.batch_size < 1:
        raise ConfigError("generate.batch_size", size=request.batch_size)
    if not 0 <= request.sharpen <= 1:
        raise ConfigError("generate.sharpen", sharpen=request.sharpen)
    if not 0.2 <= request.mouth_opening <= 3:
        raise ConfigError("generate.mouth_opening", opening=request.mouth_opening)
    for source in (request.face, voice):
        if request.output.exists() and request.output.samefile(source):
            raise ConfigError("generate.overwrites", path=source.name)
    as_video = face.kind == "video" and (request.length == "video" or request.audio is None)
    seconds = face.duration if as_video else audio_duration(voice)
    if request.max_seconds is not None and seconds > request.max_seconds:
        raise ConfigError("generate.too_long", seconds=seconds, most=request.max_seconds)
    width, height, point = face.width, face.height, request.face_point
    if face.kind == "photo":
        width, height = fitting(width, height, PHOTO_SIDE)
        point = point and (point[0] * width / face.width, point[1] * height / face.height)
    fps = face.output_fps
    return _Plan(max(1, round(seconds * fps)), fps, width, height, Choice(request.face_index, point))


def _samples(voice: Path, seconds: float, allow_silence: bool) -> np.ndarray:
    """(N,) mono 16 kHz samples, with silence up to ``seconds`` after a speech that ends before the video."""
    samples = read_audio(voice)
    if not allow_silence and np.abs(samples).max(initial=0.0) < SILENCE:
        raise MediaError("generate.silent", path=voice.name)
    return np.pad(samples, (0, max(0, round(seconds * RATE) - len(samples))))


@dataclass(frozen=True)
class _Speech:
    """What is known of the recording."""

    features: Any  # what ``listen`` returned
    spoken: Speech  # when somebody speaks


def _speak(
    seen: Iterator[tuple[Tracked, View | None]],
    method: LipSyncMethod,
    speech: _Speech,
    request: Request,
    fps: float,
    size: int,
    chosen: list[Reference],
) -> Iterator[tuple[Tracked, np.ndarray | None]]:
    """Each frame with the face that the method drew; batches hold ``size`` frames.

    Where ``chosen`` is empty it is filled from the first batch with a face, so that writing can begin
    before reading ends.
    """
    position = 0
    while group := list(islice(seen, size)):
        faces = [face for _, face in group if face is not None]
        drawn: Iterator[np.ndarray] = iter(())
        if faces:
            if not chosen:
                known = [(item, face) for item, face in group if face is not None]
                chosen += choose(known, method.references)
            references = [frame.view for frame in chosen]
            at = np.array([position + k for k, (_, face) in enumerate(group) if face is not None]) / fps
            activity = speech.spoken.activity(at)
            batch = Batch.of(faces, at, speech.features, references, request.mouth_opening, activity)
            drawn = iter(method.synthesize(batch))
        for item, face in group:
            yield item, next(drawn) if face is not None else None
        position += len(group)


class _Report:
    """Tells how far the job is, at most ten times a second, and stops it when asked to."""

    def __init__(self, tell: Callable[[Progress], None], cancel: threading.Event):
        self._tell, self._cancel = tell, cancel
        self._last = 0.0
        self._first: float | None = None

    def __call__(self, stage: str, done: int = 0, total: int | None = None) -> None:
        if self._cancel.is_set():
            raise Cancelled("job.stopped")
        now = time.monotonic()
        if stage == "frames":
            self._first = self._first or now
            if done != total and now - self._last < 0.1:
                return
        self._last = now
        elapsed = now - self._first if self._first else 0.0
        fps = (done - 1) / elapsed if elapsed > 0 and done > 1 else 0.0
        left = (total - done) / fps if total is not None and fps > 0 else None
        self._tell(Progress(stage, done, total, fps, left))

    def bytes(self, done: int, total: int | None) -> None:
        self("weights", done, total)
