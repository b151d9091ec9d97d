"""The pipeline: a face and speech in, a video whose lips follow the speech out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lipsync.audio import RATE
from lipsync.audio.activity import Speech, find_speech
from lipsync.errors import ConfigError, FaceError, MediaError
from lipsync.faces.blend import paste
from lipsync.faces.covers import CoverFinder
from lipsync.faces.references import Reference, choose, scan
from lipsync.faces.tracking.choose import Choice
from lipsync.faces.tracking.track import FaceTracker, Tracked
from lipsync.faces.tracking.view import View, views
from lipsync.media import MediaInfo, VideoWriter, audio_duration, loop_frames, probe, read_audio
from lipsync.media.label import Label
from lipsync.media.size import fitting
from lipsync.methods import LipSyncMethod, load_method
from lipsync.methods.base import Batch
from lipsync.progress import Progress, Report
from lipsync.request import ReferenceFrame, Request, Result
from lipsync.stream import Clock, background
from lipsync.texts import Message
from lipsync.weights import hub

PHOTO_SIDE = 1920  # pixels; a phone's photo of 12 megapixels as a video plays on few devices
SILENCE = 1e-4  # largest sample of a recording that holds nothing, of full scale
QUEUE_BYTES = 96e6  # of frames that wait between two stages
COARSE = Message("generate.no_landmarker")
NO_SPEECH = Message("generate.silence")


def generate(
    request: Request,
    progress: Callable[[Progress], None] | None = None,
    cancel: threading.Event | None = None,
) -> Result:
    """Write ``request.output`` and describe what was done.

    Every stage takes an iterator of frames and yields them on. Decoding and tracking, the network, and
    blending and encoding run side by side, each on a thread of its own, joined by short queues: memory does
    not grow with the length of the video.

    Raises:
        LipSyncError: one sentence about what was wrong with which input; nothing is left behind.
        Cancelled: ``cancel`` was set.
    """
    began, clock = time.perf_counter(), Clock()
    report = Report(progress or (lambda _: None), cancel or threading.Event())
    report("weights")
    face, voice = probe(request.face), request.audio or request.face
    plan = _plan(request, face, voice)
    with clock("weights"):
        method = _load(request, report)
    report("audio")
    with clock("audio"):
        speech = _encode_audio(method, voice, plan, request.allow_silence)
    references: tuple[Reference, ...] = ()
    landmarker = hub.locate("face_landmarker")
    if method.references > 1 and face.kind == "video":
        report("references")
        with clock("references"):
            references = scan(request.face, method.crop_size, method.references, landmarker, plan.choice)
    tracker = FaceTracker(landmarker, plan.fps, plan.choice, blendshapes=method.blendshapes)
    job, with_face = _Job(request, plan, method, speech), 0
    with ExitStack() as stack:
        stack.callback(tracker.close)
        frames = clock.over("decode", loop_frames(request.face, plan.fps, plan.frames, PHOTO_SIDE))
        tracked = clock.over("track", tracker.track(frames))
        cropped = clock.over("crop", views(tracked, method.crop_size))
        ahead = stack.enter_context(background(cropped, plan.depth(2 * request.batch_size)))
        drawn = clock.over("network", _synthesize(ahead, job, references))
        waiting = stack.enter_context(background(drawn, plan.depth(request.batch_size)))
        writer = stack.enter_context(_writer(job, voice))
        written = _write(_blend(waiting, job, clock), writer, job, clock)
        for done, frame in enumerate(written, 1):
            references, with_face = frame.references, with_face + frame.changed
            report("frames", done, plan.frames)
        if with_face == 0:
            raise FaceError("face.none_found", path=request.face.name)
        report("finish", plan.frames, plan.frames)
    seconds = {**clock.exclusive(("decode", "track", "crop")), "total": time.perf_counter() - began}
    return _result(job, tracker, with_face, references, seconds)


def _notes(coarse: bool, silent: bool, kept: int, covered: int, count: int) -> tuple[str, ...]:
    """Warnings about a result: coarse tracking, no speech, frames left as they were or with a cover."""
    notes = [COARSE] if coarse else []
    if silent:
        notes.append(NO_SPEECH)
    if kept:
        notes.append(Message("generate.kept_mouths", kept=kept, count=count))
    if covered:
        notes.append(Message("generate.covered_mouths", covered=covered, count=count))
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

    features: Any  # what ``encode_audio`` returned
    speech_times: Speech  # when somebody speaks


@dataclass(frozen=True)
class _Job:
    """What all frames of a request share."""

    request: Request
    plan: _Plan
    method: LipSyncMethod
    speech: _Speech
    covers: CoverFinder = field(default_factory=CoverFinder)


class _Drawn(NamedTuple):
    """A tracked frame, the face that the method drew for it, and the references that it had."""

    item: Tracked
    face: np.ndarray | None  # (S, S, 3) uint8; None where the frame shows no face
    references: tuple[Reference, ...]


class _Finished(NamedTuple):
    """A frame of the result."""

    image: np.ndarray  # (H, W, 3) uint8
    changed: bool  # whether a face was drawn on it
    references: tuple[Reference, ...]


def _load(request: Request, report: Report) -> LipSyncMethod:
    opened = request.mouth_opening != 1
    method = load_method(request.method, request.checkpoint, report.bytes, supports_mouth_opening=opened)
    if opened and not method.supports_mouth_opening:
        raise ConfigError("generate.no_opening", method=method.card.title)
    return method


def _encode_audio(method: LipSyncMethod, voice: Path, plan: _Plan, allow_silence: bool) -> _Speech:
    samples = _samples(voice, plan.frames / plan.fps, allow_silence)
    return _Speech(method.encode_audio(samples), find_speech(samples))


def _synthesize(
    cropped: Iterator[tuple[Tracked, View | None]], job: _Job, references: tuple[Reference, ...]
) -> Iterator[_Drawn]:
    """Each frame with the face that the method drew, a batch at a time.

    Where ``references`` is empty they are chosen from the first batch with a face, so that writing can begin
    before reading ends.
    """
    position, size = 0, job.plan.depth(job.request.batch_size)
    while group := list(islice(cropped, size)):
        known = [(item, view) for item, view in group if view is not None]
        drawn: Iterator[np.ndarray] = iter(())
        if known:
            references = references or tuple(choose(known, job.method.references))
            at = np.array([position + k for k, (_, view) in enumerate(group) if view is not None])
            batch = _batch([view for _, view in known], at / job.plan.fps, job, references)
            drawn = iter(job.method.synthesize(batch))
        for item, view in group:
            yield _Drawn(item, None if view is None else next(drawn), references)
        position += len(group)


def _batch(faces: list[View], times: np.ndarray, job: _Job, references: tuple[Reference, ...]) -> Batch:
    """What the method is given of these faces at ``times`` (B,) seconds."""
    activity = job.speech.speech_times.activity(times)
    shown = [frame.view for frame in references]
    return Batch.of(faces, times, job.speech.features, shown, job.request.mouth_opening, activity)


def _blend(drawn: Iterable[_Drawn], job: _Job, clock: Clock) -> Iterator[_Finished]:
    """Each frame with its drawn face on it, behind what covers it."""
    for item, face, references in drawn:
        image, changed = item.frame.image, face is not None and item.pose is not None
        with clock("blend"):
            cover = job.covers(item)
            if face is not None and item.pose is not None and (cover is None or not cover.whole):
                before, pose = image, item.pose
                face = face if cover is None else cover.under(face, before, pose)
                image = paste(image, face, pose, item.landmarks, job.request.sharpen, job.method.passthrough)
                image = image if cover is None else cover.over(image, before, pose)
        yield _Finished(image, changed, references)


def _write(blended: Iterable[_Finished], writer: VideoWriter, job: _Job, clock: Clock) -> Iterator[_Finished]:
    """The same frames, each of them written, with the visible mark if it is wanted."""
    mark = Label(job.plan.width, job.plan.height) if job.request.label else None
    for frame in blended:
        with clock("encode"):
            writer.write(mark.on(frame.image) if mark else frame.image)
        yield frame


def _writer(job: _Job, voice: Path) -> VideoWriter:
    """The file of the result; its metadata describe it."""
    plan = job.plan
    return VideoWriter(
        job.request.output, plan.width, plan.height, plan.fps, audio=voice, duration=plan.frames / plan.fps,
        metadata={"comment": f"AI-generated: lips synchronised to speech with {job.method.card.name}"},
    )  # fmt: skip


def _result(
    job: _Job,
    tracker: FaceTracker,
    with_face: int,
    references: tuple[Reference, ...],
    seconds: dict[str, float],
) -> Result:
    """What was done, after the last frame."""
    plan, method, covered = job.plan, job.method, job.covers.whole_frames
    silent = len(job.speech.speech_times.stretches) == 0
    return Result(
        path=job.request.output,
        frames=plan.frames,
        frames_without_face=plan.frames - with_face,
        width=plan.width,
        height=plan.height,
        fps=plan.fps,
        duration=plan.frames / plan.fps,
        method=method.card.name,
        weights_sha256=method.weights_sha256,
        revision=method.card.revision,
        faces_seen=tracker.faces_seen,
        seconds=seconds,
        notes=_notes(tracker.coarse, silent, method.passthrough_frames, covered, plan.frames),
        references=tuple(ReferenceFrame(frame.time, frame.box) for frame in references),
        requested_method=job.request.method,
        fallback=method.card.fallback,
    )
