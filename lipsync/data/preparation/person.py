"""One person's video for adapting a core: what is refused, clips to train on and clips to evaluate on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lipsync.data.clips import FPS, Clip
from lipsync.data.preparation.clipping import Piece, cut_piece, pieces, write_piece
from lipsync.data.preparation.limits import Limits
from lipsync.data.preparation.quality import FRAME, RATE, sound_fault
from lipsync.errors import FaceError, MediaError
from lipsync.faces.speakers import speakers
from lipsync.faces.tracking.choose import Choice
from lipsync.faces.tracking.detect import FaceDetector
from lipsync.faces.tracking.landmarks import mouth_opening
from lipsync.media import MediaInfo, probe, read_audio, read_frames
from lipsync.media.frames import Frame

SHORTEST = 4.0  # s of a video
LONGEST = 60.0  # s of usable video that are looked at: more does not fit into some minutes of learning
LEAST_SPEECH = 2.0  # s of speech
HELD = 0.2  # share of the usable frames, the last ones, on which the result is measured
LOOKS = 12  # frames spread over the video on which faces are counted
BESIDE = 0.25  # of the largest face's area, from which on another face counts as a second person
LEAST_MOVEMENT = 0.008  # spread of the mouth's opening, inter-ocular distances; 413 clips of speech: 0.02 up
QUIET = 10.0  # dB above the quietest tenth of a recording: from there on somebody speaks


@dataclass(frozen=True)
class PersonClips:
    """Prepared clips of one person, in the order of the video."""

    train: list[Clip]
    held: list[Clip]  # the last fifth: nothing is learnt from it

    @property
    def seconds(self) -> float:
        """Of usable video, all clips together."""
        return sum(map(len, (*self.train, *self.held))) / FPS


def prepare_person(
    video: Path,
    out: Path,
    landmarker: Path,
    report: Callable[[float, float], None] = lambda done, total: None,
) -> PersonClips:
    """Cut a video of one person who speaks into crops with landmarks and sound, in ``out``.

    Args:
        landmarker: the ``face_landmarker`` artefact.
        report: gets seconds of video done and in all; what it raises ends the work.

    Raises:
        MediaError: the file cannot be read, is no video, is too short, or nobody speaks in it.
        FaceError: it shows no face, several people, or too little of one face.
    """
    info = check_video(video)
    samples = read_audio(video, RATE)
    check_speech(video, samples)
    check_faces(video, info)
    limits = Limits(min_face=0.0, max_seconds=LONGEST / 2)
    most = min(info.duration, LONGEST)
    (choice,), _ = speakers(video, Choice())  # after a cut to somebody else nothing is learned
    chosen: list[Piece] = []

    def watch(frame: int) -> None:
        report(min(most, frame / FPS), most)

    for piece in pieces(video, landmarker, limits, watch=watch, choice=choice):
        sound = samples[piece.start * FRAME : (piece.start + piece.frames) * FRAME]
        if piece.fault is None and len(sound) >= 0.9 * piece.frames * FRAME:
            chosen.append(piece)
        if sum(found.frames for found in chosen) / FPS >= LONGEST:
            break
    check_pieces(video, chosen)
    return PersonClips(
        *(_write(part, samples, out, name) for part, name in zip(_split(chosen), ("a", "b"), strict=True))
    )


def check_video(path: Path) -> MediaInfo:
    """What the file is.

    Raises:
        MediaError: it cannot be read, is a photo or a recording, has no sound, or is too short.
    """
    info = probe(path)
    if info.kind == "photo":
        raise MediaError("person.photo", path=path.name)
    if info.kind == "audio":
        raise MediaError("person.no_picture", path=path.name)
    if not info.has_audio:
        raise MediaError("person.no_sound", path=path.name)
    if info.duration < SHORTEST:
        raise MediaError("person.too_short", path=path.name, seconds=info.duration, least=SHORTEST)
    return info


def check_speech(path: Path, samples: np.ndarray) -> None:
    """Refuse a recording that holds no speech, measured by its level.

    Args:
        samples: (N,) at 16 kHz.

    Raises:
        MediaError: it is silent, holds no speech or too little.
    """
    fault = sound_fault(samples, Limits(min_loud=0.0))
    loud = speech_seconds(samples)
    if loud == 0.0 or fault is not None:
        raise MediaError("person.silent", path=path.name)
    if loud < LEAST_SPEECH:
        raise MediaError("person.little_speech", path=path.name, seconds=loud, least=LEAST_SPEECH)


def speech_seconds(samples: np.ndarray) -> float:
    """Seconds of (N,) samples at 16 kHz that are loud, and louder than the recording's own background."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME).astype(np.float64)
    if not len(frames):
        return 0.0
    level = 10 * np.log10((frames**2).mean(axis=1) + 1e-12)
    # Where somebody speaks without a pause, the quietest tenth is speech too: half of the range will do.
    background = min(np.percentile(level, 10) + QUIET, (level.min() + level.max()) / 2)
    return float((level > max(Limits.loud, background)).sum()) / FPS


def check_faces(path: Path, info: MediaInfo) -> None:
    """Look at some frames.

    Raises:
        FaceError: none shows a face, or more than a few show a second one that is not small.
    """
    detector, rate = FaceDetector(), LOOKS / min(info.duration, LONGEST)
    counts = [_count(detector, frame) for frame in read_frames(path, rate, max_frames=LOOKS)]
    if not any(counts):
        raise FaceError("face.none_in_video", path=path.name)
    if sum(count > 1 for count in counts) > len(counts) / 6:
        raise FaceError("person.several", path=path.name)


def _count(detector: FaceDetector, frame: Frame) -> int:
    """Faces that are not much smaller than the largest."""
    areas = [face.area for face in detector(frame.image)]
    return sum(area >= BESIDE * max(areas) for area in areas)


def check_pieces(path: Path, chosen: list[Piece]) -> None:
    """Refuse tracks that hold too little of a speaking face.

    Raises:
        FaceError: they do.
    """
    seconds = sum(piece.frames for piece in chosen) / FPS
    if seconds < 0.75 * SHORTEST:
        raise FaceError("person.not_followed", path=path.name, seconds=seconds)
    openings = mouth_opening(np.concatenate([np.stack(piece.landmarks) for piece in chosen]))
    if openings.std() < LEAST_MOVEMENT:
        raise FaceError("person.still_lips", path=path.name)


def _split(chosen: list[Piece]) -> tuple[list[Piece], list[Piece]]:
    """The frames to learn from, and the last ``HELD`` of them."""
    left = round(sum(piece.frames for piece in chosen) * (1 - HELD))
    train: list[Piece] = []
    held: list[Piece] = []
    for piece in chosen:
        if left <= 0:
            held.append(piece)
        elif piece.frames <= left:
            train.append(piece)
        else:
            before, after = cut_piece(piece, left)
            train.append(before)
            held.append(after)
        left -= piece.frames
    return train, held


def _write(chosen: list[Piece], samples: np.ndarray, out: Path, name: str) -> list[Clip]:
    """Clips of pieces of half a second or more, in ``out``."""
    clips = []
    for number, piece in enumerate(piece for piece in chosen if piece.frames >= FPS / 2):
        clip = Clip(f"{name}{number:02d}", "person", name, out, piece.frames)
        write_piece(
            piece, samples[piece.start * FRAME : (piece.start + piece.frames) * FRAME], out / clip.name
        )
        clips.append(clip)
    return clips
