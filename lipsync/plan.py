"""What the result of a request will be: length, rate and size, and what can be wrong with the request."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lipsync.audio.recognition import installed
from lipsync.errors import ConfigError, MediaError
from lipsync.faces.tracking.choose import Choice
from lipsync.media import WHOLE, MediaInfo, TimeRange, audio_duration, probe
from lipsync.media.output.captions import CAPTION_STYLES
from lipsync.media.output.formats import QUALITIES, format_of
from lipsync.media.photo import fitting
from lipsync.media.sound import sound_before_picture
from lipsync.methods.adapted import PREFIX as ADAPTED
from lipsync.request import Request
from lipsync.texts import Message

PHOTO_SIDE = 1920  # pixels; a phone's photo of 12 megapixels as a video plays on few devices
QUEUE_BYTES = 96e6  # of frames that wait between two stages
SMALLEST = 64  # pixels of the shorter side; a mouth is then a few pixels wide
SHORTEST = 0.1  # s of a part of a recording
EARLY = 0.1  # s of sound before the first picture; less is shorter than a syllable


@dataclass(frozen=True)
class Plan:
    """What the result will be."""

    frames: int
    fps: float
    width: int  # pixels of the frames that are drawn on
    height: int
    written: tuple[int, int]  # width and height of the result, pixels
    choice: Choice  # its point in these pixels
    face_part: TimeRange = WHOLE  # of the face video; its start is that of a frame
    sound_part: TimeRange = WHOLE  # of the speech
    notes: tuple[str, ...] = ()  # what was changed about the footage

    def depth(self, wanted: int) -> int:
        """How many frames may wait in a queue: fewer of large pictures."""
        return int(max(1, min(wanted, QUEUE_BYTES // (3 * self.width * self.height))))


def plan_result(request: Request, face: MediaInfo, voice: Path) -> Plan:
    """Length, rate and size of the result, after all that can be wrong with the request as a whole."""
    if face.kind == "audio":
        raise MediaError("generate.no_picture", path=request.face.name)
    if voice == request.face and not face.has_audio:
        raise MediaError("generate.no_sound", path=request.face.name)
    if request.length not in ("audio", "video"):
        raise ConfigError("generate.length", length=request.length)
    if request.faces not in ("one", "all"):
        raise ConfigError("generate.faces", faces=request.faces)
    if request.faces == "all" and request.method.startswith(ADAPTED):
        raise ConfigError("generate.learned_one", method=request.method)
    if request.batch_size < 1:
        raise ConfigError("generate.batch_size", size=request.batch_size)
    if not 0 <= request.sharpen <= 1:
        raise ConfigError("generate.sharpen", sharpen=request.sharpen)
    if not 0.2 <= request.mouth_opening <= 3:
        raise ConfigError("generate.mouth_opening", opening=request.mouth_opening)
    if request.quality not in QUALITIES:
        raise ConfigError("generate.quality", quality=request.quality)
    if request.size is not None and request.size < SMALLEST:
        raise ConfigError("generate.size", size=request.size, least=SMALLEST)
    check_captions(request)
    for source in (request.face, voice):
        if request.output.exists() and request.output.samefile(source):
            raise ConfigError("generate.overwrites", path=source.name)
    as_video = face.kind == "video" and (request.length == "video" or request.audio is None)
    as_file = format_of(request.output)
    fps = as_file.rate(face.output_fps)
    face_part, sound_part = used_parts(request, face, fps)
    lasts = min(face_part.end, face.duration) - face_part.start
    seconds = lasts if as_video else audio_duration(voice, sound_part)
    if request.max_seconds is not None and seconds > request.max_seconds:
        raise ConfigError("generate.too_long", seconds=seconds, most=request.max_seconds)
    width, height, point = face.width, face.height, request.face_point
    if face.kind == "photo":
        width, height = fitting(width, height, PHOTO_SIDE)
        point = point and (point[0] * width / face.width, point[1] * height / face.height)
    if as_file.longest is not None and seconds > as_file.longest:
        raise ConfigError("generate.gif_too_long", seconds=seconds, most=as_file.longest)
    choice = Choice(request.face_index, point, request.person)
    notes = _footage_notes(face, voice, sound_part)
    notes += () if as_file.sound else (Message("generate.gif_sound"),)
    written = _reduced(width, height, request.size)
    frames = max(1, round(seconds * fps))
    return Plan(frames, fps, width, height, written, choice, face_part, sound_part, notes)


def used_parts(request: Request, face: MediaInfo, fps: float) -> tuple[TimeRange, TimeRange]:
    """The parts of face video and speech that are used.

    The video's begins with a frame, and its own sound there too, so that the two stay together.

    Raises:
        ConfigError: there is no such part.
    """
    for name, given in (("face_range", request.face_range), ("audio_range", request.audio_range)):
        if given is not None and not 0 <= given[0] <= given[1] - SHORTEST:
            raise ConfigError("generate.range", name=name, start=given[0], end=given[1], least=SHORTEST)
    if request.audio is None and request.audio_range is not None:
        raise ConfigError("generate.range_no_audio")
    face_part, sound_part = WHOLE, TimeRange(*(request.audio_range or WHOLE))
    if request.face_range is not None:
        if face.kind == "photo":
            raise ConfigError("generate.range_photo", path=request.face.name)
        start, end = request.face_range
        if start > face.duration - SHORTEST:
            lasts = {"path": request.face.name, "seconds": face.duration}
            raise ConfigError("generate.range_after_end", start=start, **lasts)
        face_part = TimeRange(round(start * fps) / fps, min(end, face.duration))
    return face_part, face_part if request.audio is None else sound_part


def check_captions(request: Request) -> None:
    """That the captions a request asks for can be made.

    Raises:
        ConfigError: there are none of that name, the format has no track, or there is no recogniser.
    """
    if request.captions not in CAPTION_STYLES:
        raise ConfigError("generate.captions", captions=request.captions, styles=", ".join(CAPTION_STYLES))
    if request.captions == "track" and not format_of(request.output).captions:
        raise ConfigError("generate.no_caption_track", format=request.output.suffix.removeprefix("."))
    if request.captions != "none" and not installed():
        raise ConfigError("transcripts.no_whisper")


def _reduced(width: int, height: int, size: int | None) -> tuple[int, int]:
    """The even width and height of the same shape whose shorter side has ``size`` pixels at most."""
    if size is None or size >= min(width, height):
        return width, height
    zoom = size / min(width, height)
    return 2 * round(width * zoom / 2), 2 * round(height * zoom / 2)


def result_seconds(request: Request) -> float:
    """How long the result of a request will last, in seconds.

    Raises:
        LipSyncError: it cannot be done; the same sentences as those of :func:`generate`.
    """
    plan = plan_result(request, probe(request.face), request.audio or request.face)
    return plan.frames / plan.fps


def _footage_notes(face: MediaInfo, voice: Path, sound_part: TimeRange) -> tuple[str, ...]:
    """What is changed about the picture and the sound before any face is drawn."""
    notes = [Message("generate.hdr")] if face.hdr else []
    early = 0.0 if sound_part.start > 0 else sound_before_picture(voice)
    if early > EARLY:
        notes.append(Message("generate.early_sound", path=voice.name, seconds=early))
    return tuple(notes)
