"""One video to clips of unbroken, usable face tracks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import soundfile

from lipsync.audio.mel import mel_spectrogram
from lipsync.data.clips import FPS, MARGIN, STORED, mel_file
from lipsync.data.preparation.limits import Limits
from lipsync.data.preparation.quality import FRAME, RATE, sharpness, sound_fault, yaw
from lipsync.errors import MediaError
from lipsync.faces.tracking.choose import Choice
from lipsync.faces.tracking.crop import crop_face, crop_matrix, transform_points
from lipsync.faces.tracking.detection import Detection
from lipsync.faces.tracking.follow import Follower, Strides
from lipsync.faces.tracking.track import FaceTracker, Tracked
from lipsync.media import VideoWriter, WriterOptions, probe, read_audio, read_frames
from lipsync.texts import Message

KEY_FRAME_EVERY = 0.2  # s: training reads a few frames out of the middle of a clip


@dataclass
class Piece:
    """Frames in a row that are fit, or unfit for one reason."""

    start: int  # frame of the video
    fault: str | None = None
    frames: int = 0
    crops: list[np.ndarray] = field(default_factory=list)  # (160, 160, 3) uint8
    landmarks: list[np.ndarray] = field(default_factory=list)  # (478, 2) float32, crop pixels
    sides: list[float] = field(default_factory=list)  # pixels of the video


@dataclass(frozen=True)
class SoundTrack:
    """Where the sound of a video lies.

    Attributes:
        file: that has it; None: the video itself.
        shift: frames by which it comes late, and is taken from later on; negative: early.
    """

    file: Path | None = None
    shift: int = 0

    def samples(self, video: Path) -> tuple[np.ndarray, range | None]:
        """(N,) 16 kHz samples that begin with the video, and the frames that have sound; None: no matter.

        Raises:
            MediaError: there is no sound that can be read.
        """
        samples = read_audio(self.file or video, RATE)
        if not self.shift:
            return samples, None
        lead = self.shift * FRAME
        samples = np.pad(samples, (max(0, -lead), 0))[max(0, lead) :]
        return samples, range(max(0, -self.shift), len(samples) // FRAME)


def clip_video(
    path: Path,
    out: Path,
    name: str,
    landmarker: Path,
    limits: Limits,
    track: SoundTrack | None = None,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Write the usable stretches of a video as ``out/NAME_KK.mp4`` and ``.npy``.

    The largest face is followed. A stretch ends where the face is lost, at a cut, and where the head
    turns too far or the face gets too small.

    Args:
        track: the sound; None: the video's own as it is. Frames that a shift leaves without sound are left
            out.

    Returns:
        One row per clip (clip, start_s, frames, face_px, sharpness, yaw), and one row per stretch left
        out (start_s, seconds, reason, detail). A file that cannot be read is one row of 0 seconds.
    """
    for stale in (*out.glob(f"{name}_[0-9]*.mp4"), *out.glob(f"{name}_[0-9]*.npy")):
        stale.unlink()
    clips: list[dict[str, Any]] = []
    rejected: list[dict[str, Any]] = []

    def reject(start: int, frames: int, reason: str, detail: str = "") -> None:
        rejected.append({"start_s": start / FPS, "seconds": frames / FPS, "reason": reason, "detail": detail})

    try:
        track = track or SoundTrack()
        if track.file is None and not probe(path).has_audio:
            reject(0, 0, "no sound track")
            return clips, rejected
        samples, with_sound = track.samples(path)
        for piece in pieces(path, landmarker, limits, with_sound):
            if piece.fault is not None:
                reject(piece.start, piece.frames, piece.fault)
                continue
            sound = samples[piece.start * FRAME : (piece.start + piece.frames) * FRAME]
            fault, detail, measured = check(piece, sound, limits)
            if fault is not None:
                reject(piece.start, piece.frames, fault, detail)
                continue
            clip = f"{name}_{len(clips):02d}"
            write_piece(piece, sound, out / clip)
            clips.append({"clip": clip, "start_s": piece.start / FPS, "frames": piece.frames, **measured})
    except MediaError as problem:
        reject(0, 0, "cannot be read", str(problem))
    return clips, rejected


def check(piece: Piece, sound: np.ndarray, limits: Limits) -> tuple[str | None, str, dict[str, float]]:
    """Reason and detail why a piece is left out, or None and what was measured on it."""
    seconds = piece.frames / FPS
    if seconds < limits.min_seconds:
        return "too short", f"{seconds:.2f} s, {limits.min_seconds:g} s are needed", {}
    sharp = sharpness(np.stack(piece.crops))
    if sharp < limits.min_sharpness:
        return "blurred", f"sharpness {sharp:.2f}, {limits.min_sharpness:g} is needed", {}
    if len(sound) < 0.9 * piece.frames * FRAME:
        return "no speech: the sound ends before", "", {}
    fault = sound_fault(sound, limits)
    if fault is not None:
        return fault, "", {}
    turned = float(np.median(yaw(np.stack(piece.landmarks))))
    side = float(np.median(piece.sides))
    return None, "", {"face_px": round(side, 1), "sharpness": round(sharp, 3), "yaw": round(turned, 1)}


def pieces(
    path: Path,
    landmarker: Path,
    limits: Limits,
    with_sound: range | None = None,
    watch: Callable[[int], None] = lambda frame: None,
    choice: Choice | None = None,
) -> Iterator[Piece]:
    """The video as pieces in order, fit ones no longer than ``max_seconds``.

    Args:
        with_sound: frames that have sound; None: no matter.
        watch: gets the number of every frame as it is reached; what it raises ends the work.
        choice: whose face; None: the largest.

    Raises:
        MediaError: the video cannot be read.
    """
    most = max(1, round(limits.max_seconds * FPS))
    current: Piece | None = None
    for tracked, new in _tracked(path, landmarker, choice or Choice()):
        watch(tracked.frame.index)
        fault = _fault(tracked, limits)
        if fault is None and with_sound is not None and tracked.frame.index not in with_sound:
            fault = "no sound after it was moved"
        if current is not None and (fault != current.fault or (new and fault is None)):
            yield from _split(current, most)
            current = None
        if current is None:
            current = Piece(tracked.frame.index, fault)
        _append(current, tracked)
        # Twice the length is held back, so that the rest of a track is never a stump.
        if current.fault is None and current.frames >= 2 * most:
            first, current = cut_piece(current, most)
            yield first
    if current is not None:
        yield from _split(current, most)


def _tracked(path: Path, landmarker: Path, choice: Choice) -> Iterator[tuple[Tracked, bool]]:
    """Every frame with its smoothed pose, and whether a new track begins on it."""
    starts: set[int] = set()

    def noted(detections: Iterable[Detection]) -> Iterator[Detection]:
        for item in detections:
            if item.new:
                starts.add(item.frame.index)
            yield item

    tracker = FaceTracker(None, FPS)
    follower = Follower(landmarker, FPS, choice, Strides(fine=1, coarse=1))
    try:
        for tracked in tracker.smooth(noted(follower.follow(read_frames(path, fps=FPS)))):
            yield tracked, tracked.frame.index in starts
    finally:
        follower.close()
        tracker.close()


def _fault(tracked: Tracked, limits: Limits) -> str | None:
    if tracked.pose is None:
        return "no face"
    if tracked.landmarks is None:
        return Message("frames.no_landmarks")
    if float(tracked.pose.side) < limits.min_face:
        return "face too small"
    return "turned too far" if abs(float(yaw(tracked.landmarks))) > limits.max_yaw else None


def _append(piece: Piece, tracked: Tracked) -> None:
    piece.frames += 1
    if piece.fault is not None:
        return
    assert tracked.pose is not None
    assert tracked.landmarks is not None
    matrix = crop_matrix(tracked.pose, STORED, MARGIN)
    piece.crops.append(crop_face(tracked.frame.image, matrix, STORED))
    piece.landmarks.append(transform_points(tracked.landmarks, matrix).astype(np.float32))
    piece.sides.append(float(tracked.pose.side))


def _split(piece: Piece, most: int) -> Iterator[Piece]:
    """Equal parts of at most ``most`` frames."""
    if piece.fault is None:
        for parts in range(ceil(piece.frames / most), 1, -1):
            first, piece = cut_piece(piece, ceil(piece.frames / parts))
            yield first
    yield piece


def cut_piece(piece: Piece, at: int) -> tuple[Piece, Piece]:
    """A fit piece before and from its frame ``at``."""
    crops, landmarks, sides = piece.crops, piece.landmarks, piece.sides
    return (
        Piece(piece.start, None, at, crops[:at], landmarks[:at], sides[:at]),
        Piece(piece.start + at, None, piece.frames - at, crops[at:], landmarks[at:], sides[at:]),
    )


def write_piece(piece: Piece, sound: np.ndarray, stem: Path) -> None:
    """A fit piece and its (N,) 16 kHz samples as ``STEM.mp4``, ``STEM.npy`` and ``STEM.mel.npy``."""
    with TemporaryDirectory() as folder:
        wav = Path(folder) / "sound.wav"
        padded = np.pad(sound, (0, piece.frames * FRAME - len(sound)))
        soundfile.write(wav, padded, RATE, subtype="PCM_16")
        # The picture comes last and whole: where it exists, the landmarks do too.
        np.save(stem.with_suffix(".npy"), np.stack(piece.landmarks))
        picture = stem.with_suffix(".mp4")
        with VideoWriter(
            picture,
            STORED,
            STORED,
            FPS,
            audio=wav,
            options=WriterOptions(crf=12, key_frame_every=KEY_FRAME_EVERY),
        ) as writer:
            for crop in piece.crops:
                writer.write(crop)
    np.save(mel_file(picture), mel_spectrogram(read_audio(picture)))
