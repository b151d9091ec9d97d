"""The pipeline: a face and speech in, a video whose lips follow the speech out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import islice, tee
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from lipsync.audio import RATE
from lipsync.audio.activity import Speech, find_speech
from lipsync.audio.captioning import Captioning, caption
from lipsync.audio.text_to_speech import SYNTHETIC, synthetic_voice
from lipsync.errors import ConfigError, FaceError, MediaError
from lipsync.faces.covers import CoverFinder, paste_behind
from lipsync.faces.exposure import Exposure, as_references
from lipsync.faces.references import Reference, choose, scan
from lipsync.faces.speakers import speakers
from lipsync.faces.tracking.choose import Choice
from lipsync.faces.tracking.crop import Pose, crop_face, crop_matrix
from lipsync.faces.tracking.face_view import FaceView, views
from lipsync.faces.tracking.track import FaceTracker, Tracked
from lipsync.media import (
    Frame,
    MediaInfo,
    VideoWriter,
    WriterOptions,
    loop_frames,
    probe,
    read_audio,
)
from lipsync.media.label import Label
from lipsync.media.output.burnt_captions import BurntCaptions
from lipsync.media.output.captions import caption_file, write_srt
from lipsync.media.writer import check_output, written_size
from lipsync.methods import LipSyncMethod, load_method
from lipsync.methods.base import Batch
from lipsync.plan import PHOTO_SIDE, Plan, plan_result
from lipsync.progress import Progress, Report
from lipsync.request import ReferenceFrame, Request, Result
from lipsync.stream import Clock, background
from lipsync.texts import Message
from lipsync.weights import hub

PICTURE_SIDE = 160  # pixels of the face that is shown while a job runs
SILENCE = 1e-4  # largest sample of a recording that holds nothing, of full scale
COARSE = Message("generate.no_landmarker")
NO_SPEECH = Message("generate.silence")


def generate(
    request: Request,
    progress: Callable[[Progress], None] | None = None,
    cancel: threading.Event | None = None,
    load: Callable[..., LipSyncMethod] = load_method,
) -> Result:
    """Write ``request.output`` and describe what was done.

    Every stage takes an iterator of frames and yields them on. Decoding and tracking, the network, and
    blending and encoding run side by side, each on a thread of its own, joined by short queues: memory does
    not grow with the length of the video.

    Args:
        load: gives the method, called as :func:`load_method`; whoever makes many videos keeps the networks.

    Raises:
        LipSyncError: one sentence about what was wrong with which input; nothing is left behind.
        Cancelled: ``cancel`` was set.
    """
    began, clock = time.perf_counter(), Clock()
    report = Report(progress or (lambda _: None), cancel or threading.Event())
    report("weights")
    check_output(request.output)
    face, voice = probe(request.face), request.audio or request.face
    plan = plan_result(request, face, voice)
    with ThreadPoolExecutor(1) as beside:  # people are looked for while the networks load
        found = beside.submit(speakers, request.face, plan.choice, request.faces == "all", plan.face_part)
        with clock("weights"):
            method = _load(request, report, load)
        report("audio")
        with clock("audio"):
            samples = _samples(voice, plan, request.allow_silence)
            speech = _Speech(method.encode_audio(samples), find_speech(samples))
        with clock("captions"):
            text = caption(samples, request.captions, plan.frames / plan.fps, report)
        del samples  # 230 MB an hour
        job = _Job(request, plan, method, speech, text, load)
        if face.kind == "video":
            report("references")
        with clock("references"):
            choices, people = found.result()
    with clock("references"):
        cast = [_speaker(job, choice, face, report if k else None) for k, choice in enumerate(choices)]
    with_face = 0
    with ExitStack() as stack:
        frames = clock.over("decode", _frames(request.face, plan))
        for speaker in cast:  # usually one; each is drawn on what the one before left
            stack.callback(speaker.tracker.close)
            tracked = clock.over("track", speaker.tracker.track(frames))
            cropped = clock.over("crop", views(tracked, method.crop_size, method.crop_margin))
            ahead = stack.enter_context(background(cropped, plan.depth(request.batch_size)))
            drawn = clock.over("network", _synthesize(ahead, job, speaker))
            waiting = stack.enter_context(background(drawn, plan.depth(request.batch_size)))
            frames = _blend(waiting, job, speaker, clock, report)
        writer = stack.enter_context(_writer(job, voice))
        for done, frame in enumerate(_write(frames, writer, job, clock), 1):
            with_face += frame.drawn
            report("frames", done, plan.frames)
        if with_face == 0:
            raise FaceError("face.none_found", path=request.face.name)
        report("finish", plan.frames, plan.frames)
    if job.text.captions:
        try:
            write_srt(job.text.captions, caption_file(request.output))
        except MediaError:
            request.output.unlink()
            raise
    seconds = {**clock.exclusive(("decode", "track", "crop")), "total": time.perf_counter() - began}
    return _result(job, cast, people, with_face, seconds)


def _frames(face: Path, plan: Plan) -> Iterator[Frame]:
    return loop_frames(face, plan.fps, plan.frames, PHOTO_SIDE, plan.face_part)


def _notes(job: _Job, cast: list[_Speaker], people: int) -> tuple[str, ...]:
    """Warnings about a result: coarse tracking, no speech, frames and people left as they were."""
    trackers = [speaker.tracker for speaker in cast]
    notes: list[str] = [COARSE] if any(tracker.coarse for tracker in trackers) else []
    if len(job.speech.speech_times.stretches) == 0:
        notes.append(NO_SPEECH)
    passthrough = sum(speaker.method.passthrough_frames for speaker in cast)
    if passthrough:
        notes.append(Message("generate.kept_mouths", passthrough=passthrough, count=job.plan.frames))
    covered = sum(speaker.covers.whole_frames for speaker in cast)
    if covered:
        notes.append(Message("generate.covered_mouths", covered=covered, count=job.plan.frames))
    notes += job.text.notes()
    if people > len(cast):
        notes.append(Message("generate.others", count=people - len(cast)))
    if people == 0 and any(tracker.cuts or tracker.faces_seen > 1 for tracker in trackers):
        notes.append(Message("generate.no_recogniser"))
    return tuple(notes)


def _samples(voice: Path, plan: Plan, allow_silence: bool) -> np.ndarray:
    """(N,) mono 16 kHz samples, with silence behind a speech that ends before the video."""
    samples = read_audio(voice, part=plan.sound_part)
    if not allow_silence and max(samples.max(initial=0.0), -samples.min(initial=0.0)) < SILENCE:
        raise MediaError("generate.silent", path=voice.name)
    missing = round(plan.frames / plan.fps * RATE) - len(samples)
    return np.pad(samples, (0, missing)) if missing > 0 else samples  # hours of speech are not copied


@dataclass(frozen=True)
class _Speech:
    """What is known of the recording."""

    features: Any  # what ``encode_audio`` returned
    speech_times: Speech  # when somebody speaks


@dataclass(frozen=True)
class _Job:
    """What all frames of a request share."""

    request: Request
    plan: Plan
    method: LipSyncMethod
    speech: _Speech
    text: Captioning
    load: Callable[..., LipSyncMethod]


@dataclass
class _Speaker:
    """Somebody whose lips are drawn, and what is theirs alone."""

    tracker: FaceTracker
    method: LipSyncMethod  # which may remember a person, as their 3D face
    references: tuple[Reference, ...]  # empty until the first batch, where a quick look found none
    covers: CoverFinder = field(default_factory=CoverFinder)


class _Drawn(NamedTuple):
    """A tracked frame, and the face that the method drew for it."""

    item: Tracked
    face: np.ndarray | None  # (S, S, 3) uint8; None where the frame shows no face


def _load(request: Request, report: Report, load: Callable[..., LipSyncMethod]) -> LipSyncMethod:
    opened = request.mouth_opening != 1
    method = load(request.method, request.checkpoint, report.bytes, supports_mouth_opening=opened)
    if opened and not method.supports_mouth_opening:
        raise ConfigError("generate.no_opening", method=method.card.title)
    return method


def _speaker(job: _Job, choice: Choice, face: MediaInfo, report: Report | None) -> _Speaker:
    """What is needed to draw one person; ``report`` where it takes a method of their own."""
    landmarker = hub.locate("face_landmarker")
    method = job.method if report is None else _load(job.request, report, job.load)
    references: tuple[Reference, ...] = ()
    if face.kind == "video":
        references = scan(
            job.request.face, method.crop_size, method.references, landmarker, choice, job.plan.face_part
        )
    # A fitted 3D face shows every landmark's noise: there the face is looked at on each frame.
    every = 1 if method.blendshapes else 2
    tracker = FaceTracker(landmarker, job.plan.fps, choice, blendshapes=method.blendshapes, every=every)
    return _Speaker(tracker, method, references)


def _synthesize(
    cropped: Iterator[tuple[Tracked, FaceView | None]], job: _Job, speaker: _Speaker
) -> Iterator[_Drawn]:
    """Each frame with the face that the method drew, a batch at a time.

    The method sees every face as the references are exposed; what it draws gets the frame's exposure back.
    References that a quick look did not find are chosen from the first batch with a face.
    """
    position, size = 0, job.plan.depth(job.request.batch_size)
    while group := list(islice(cropped, size)):
        known = [(item, view) for item, view in group if view is not None]
        drawn: Iterator[np.ndarray] = iter(())
        if known:
            speaker.references = speaker.references or tuple(choose(known, speaker.method.references))
            shown = [reference.view for reference in speaker.references]
            faces, exposures = as_references([view for _, view in known], shown)
            at = np.array([position + k for k, (_, view) in enumerate(group) if view is not None])
            batch = _batch(faces, at / job.plan.fps, job, shown)
            drawn = map(Exposure.applied, exposures, speaker.method.synthesize(batch))
        for item, view in group:
            yield _Drawn(item, None if view is None else next(drawn))
        position += len(group)


def _batch(faces: list[FaceView], times: np.ndarray, job: _Job, references: list[FaceView]) -> Batch:
    """What the method is given of these faces at ``times`` (B,) seconds."""
    activity = job.speech.speech_times.activity(times)
    return Batch.of(faces, times, job.speech.features, references, job.request.mouth_opening, activity)


def _blend(
    drawn: Iterable[_Drawn], job: _Job, speaker: _Speaker, clock: Clock, report: Report
) -> Iterator[Frame]:
    """Each frame with its drawn face on it, behind what covers it."""
    ahead, drawn = tee(drawn)
    covers = speaker.covers.follow(item for item, _ in ahead)
    for (item, face), cover in zip(drawn, covers, strict=True):
        image = None
        if face is not None:
            with clock("blend"):
                image = paste_behind(face, item, cover, job.request.sharpen, job.method.passthrough)
                if image is not None and item.pose is not None:
                    report.show(partial(_face_picture, image, item.pose))
        yield item.frame if image is None else item.frame._replace(image=image, drawn=True)


def _face_picture(image: np.ndarray, pose: Pose) -> bytes:
    """A small JPEG of the face on a (H, W, 3) uint8 frame."""
    face = crop_face(image, crop_matrix(pose, PICTURE_SIDE), PICTURE_SIDE)
    return cv2.imencode(".jpg", face[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()


def _write(blended: Iterable[Frame], writer: VideoWriter, job: _Job, clock: Clock) -> Iterator[Frame]:
    """The same frames, each of them written in the result's size, with the visible mark if it is wanted."""
    size = job.plan.written
    mark = Label(*size) if job.request.label else None
    captions = BurntCaptions(*size, job.text.burnt, mark.rows if mark else 0)
    for done, frame in enumerate(blended):
        with clock("encode"):
            image = frame.image
            if size != (job.plan.width, job.plan.height):
                image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            image = captions.on(image, done / job.plan.fps)
            writer.write(mark.on(image) if mark else image)
        yield frame


def _writer(job: _Job, voice: Path) -> VideoWriter:
    """The file of the result; its metadata describe it."""
    plan = job.plan
    options = WriterOptions(
        quality=job.request.quality,
        duration=plan.frames / plan.fps,
        sound_part=plan.sound_part,
        metadata={"comment": _comment(job, voice)},
        captions=job.text.track,
        language=job.text.language,
    )
    return VideoWriter(job.request.output, *plan.written, plan.fps, voice, options)


def _comment(job: _Job, voice: Path) -> str:
    """What the metadata of every result say, and that the voice is synthetic where it is known to be."""
    made = f"AI-generated: lips synchronised to speech with {job.method.card.name}"
    speaker = synthetic_voice(voice)
    return made if speaker is None else f"{made}; {SYNTHETIC}{speaker}"


def _result(
    job: _Job, cast: list[_Speaker], people: int, with_face: int, seconds: dict[str, float]
) -> Result:
    """What was done, after the last frame."""
    plan, method = job.plan, job.method
    width, height = written_size(*plan.written)
    zoom = plan.written[0] / plan.width
    references = [reference for speaker in cast for reference in speaker.references]
    return Result(
        path=job.request.output,
        frames=plan.frames,
        frames_without_face=plan.frames - with_face,
        width=width,
        height=height,
        fps=plan.fps,
        duration=plan.frames / plan.fps,
        method=method.card.name,
        weights_sha256=method.weights_sha256,
        revision=method.card.revision,
        faces_seen=max(speaker.tracker.faces_seen for speaker in cast),
        people=people,
        seconds=seconds,
        notes=plan.notes + _notes(job, cast, people),
        references=tuple(ReferenceFrame(frame.time, _scaled(frame.box, zoom)) for frame in references),
        requested_method=job.request.method,
        fallback=method.card.fallback,
        captions=job.text.captions,
    )


def _scaled(box: tuple[int, int, int, int], zoom: float) -> tuple[int, int, int, int]:
    x0, y0, x1, y1 = (round(value * zoom) for value in box)
    return x0, y0, x1, y1
