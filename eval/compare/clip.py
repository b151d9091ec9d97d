"""One video of a comparison set: imported once, so that every browser plays it and it is read only once."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av

from lipsync.checksum import file_sha256
from lipsync.errors import MediaError
from lipsync.media import MediaInfo, VideoWriter, WriterOptions, probe, read_frames
from lipsync.media.sound import SoundReader, first_frame_time
from lipsync.media.soundtrack import open_soundtrack
from lipsync.media.source import open_media, packets, sound_stream, video_stream
from lipsync.texts import Message

PROFILES = frozenset({"Baseline", "Constrained Baseline", "Main", "High"})
CRF = 16  # of a converted video; the eye sees no difference, and scores are taken from the original
LONGEST_INDEX = 64 * 1024**2  # bytes of an index that are looked through
NOT_A_START = 0.5  # of a frame; a first frame later than that would shift every frame number


@dataclass(frozen=True)
class ComparisonClip:
    """A video that browsers play, and the facts that were measured on import.

    Attributes:
        path: the file to play, H.264 in an MP4 under a random name.
        seconds, fps, width, height: of the picture of ``path``; the first frame is at time 0.
        audio: there is sound in it.
        sha256: of the uploaded file.
        converted: the upload could not be played as it was, so ``path`` is another file.
        source: the file to measure: the uploaded one where its pixels had to be encoded again,
            else ``path``.
    """

    path: Path
    seconds: float
    fps: float
    width: int
    height: int
    audio: bool
    sha256: str
    converted: bool
    source: Path


def take_in(
    path: Path, folder: Path, move: bool = False, original: Path | None = None, sha256: str | None = None
) -> ComparisonClip:
    """Import a video into a folder under random names, converted only where a browser needs it.

    What every browser plays is kept byte for byte. Where only the container is wrong (an index at the end,
    Matroska, a late start) the packets are copied into a new one. All else is encoded once, upright, in
    square pixels, in its own size (odd ones get one more row or column, a copy of the edge), every frame
    at the time it is shown; then the original stays beside it for measuring.

    Args:
        move: the files may be moved instead of copied.
        original: what ``path`` was encoded from earlier.
        sha256: of what ``path`` was repacked from earlier.

    Raises:
        MediaError: it is no video, or it is damaged.
    """
    info = _video(path)
    if original is not None:
        _video(original)
        if not is_playable(path, info):
            return take_in(original, folder, move)
        target, source = _fresh(folder, ".mp4"), _fresh(folder, original.suffix.lower())
        digest = file_sha256(original)
        _bring(path, target, move)
        _bring(original, source, move)
        return _clip(target, info, digest, True, source)
    digest = file_sha256(path)
    target = _fresh(folder, ".mp4")
    if is_playable(path, info):
        _bring(path, target, move)
        return _clip(target, info, sha256 or digest, sha256 is not None, target)
    try:
        if _same_pixels(path, info) and _repack(path, target):
            return _clip(target, probe(target), digest, True, target)
        _encode(path, target, info)
        source = _fresh(folder, path.suffix.lower())
        _bring(path, source, move)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return _clip(target, probe(target), digest, True, source)


def is_playable(path: Path, info: MediaInfo | None = None) -> bool:
    """Whether all browsers play and seek this video as it is, its first frame at time 0."""
    info = info or probe(path)
    if not _same_pixels(path, info) or not _index_first(path):
        return False
    with open_media(path) as container:
        if "mp4" not in container.format.name.split(","):
            return False
        if container.metadata.get("major_brand", "").strip() == "qt":
            return False
        sound = sound_stream(container)
        if sound is not None and sound.codec_context.name not in ("aac", "mp3", "mp3float"):
            return False
    begin = first_frame_time(path)
    return begin is not None and abs(begin) <= NOT_A_START / info.fps


def _video(path: Path) -> MediaInfo:
    info = probe(path)
    if info.kind != "video":
        kind = Message({"photo": "compare.a_photo", "audio": "compare.a_sound_file"}[info.kind])
        raise MediaError("compare.needs_video", path=path.name, kind=kind)
    return info


def _same_pixels(path: Path, info: MediaInfo) -> bool:
    """Whether the coded picture itself is one that browsers show upright and undistorted."""
    with open_media(path) as container:
        stream = video_stream(container)
        context = stream.codec_context  # type: ignore[union-attr]
        return (
            context.name == "h264"
            and context.pix_fmt in ("yuv420p", "yuvj420p")
            and context.profile in PROFILES
            and info.rotation == 0
            and (info.width, info.height) == (context.width, context.height)
            and container.format.name != "avi"  # its packets carry no times
        )


def _index_first(path: Path) -> bool:
    """Whether an MP4 has its index before its frames, in one piece (ISO/IEC 14496-12, 4.2)."""
    with path.open("rb") as file:
        while len(head := file.read(8)) == 8:
            size, kind = int.from_bytes(head[:4], "big"), head[4:]
            if kind in (b"moov", b"mdat", b"moof"):
                return kind == b"moov" and b"mvex" not in file.read(min(size - 8, LONGEST_INDEX))
            if size == 1:
                size = int.from_bytes(file.read(8), "big") - 8
            if size < 8:
                return False
            file.seek(size - 8, 1)
    return False


def _repack(path: Path, target: Path) -> bool:
    """Copy the packets into a new MP4, sound with them; False if the result is not playable."""
    try:
        with open_media(path) as source, av.open(
            f"file:{target}", "w", format="mp4", container_options={"movflags": "+faststart"}
        ) as out:  # fmt: skip
            stream = video_stream(source)
            track = out.add_stream_from_template(stream)  # type: ignore[type-var]
            sound = open_soundtrack(out, path) if _audible(path) else None
            zero = round((first_frame_time(path) or 0.0) / stream.time_base)  # type: ignore[union-attr]
            end = 0.0
            for packet in _with_decoding_times(packets(source, stream)):
                packet.pts -= zero
                packet.dts -= zero
                packet.stream = track
                end = max(end, float((packet.pts + (packet.duration or 0)) * stream.time_base))  # type: ignore[union-attr]
                out.mux(packet)
                if sound is not None:
                    sound.advance(end)
            if sound is not None:
                sound.finish(end)
        before, after = probe(path), probe(target)
        good = is_playable(target, after) and abs(before.duration - after.duration) < 1 / before.fps
    except (av.error.FFmpegError, MediaError, OSError, ValueError):
        good = False
    if not good:
        target.unlink(missing_ok=True)
    return good


def _with_decoding_times(found: Iterable[Any]) -> Iterator[Any]:
    """Packets that can be shown; the first ones of a Matroska file have no decoding time."""
    waiting: list[Any] = []
    for packet in found:
        if not packet.size or packet.pts is None:
            continue
        if packet.dts is None:
            waiting.append(packet)
            continue
        for before, early in enumerate(reversed(waiting), start=1):
            early.dts = packet.dts - before * (packet.duration or 1)
        yield from waiting
        waiting = []
        yield packet


def _encode(path: Path, target: Path, info: MediaInfo) -> None:
    audio = path if _audible(path) else None
    with VideoWriter(
        target, info.width, info.height, info.fps, audio=audio, options=WriterOptions(crf=CRF)
    ) as writer:
        for frame in read_frames(path):
            writer.write(frame.image)


def _audible(path: Path) -> bool:
    """Whether there is sound that can be decoded; a video whose sound is broken is shown without."""
    try:
        SoundReader(path).close()
    except MediaError:
        return False
    return True


def _clip(path: Path, info: MediaInfo, sha256: str, converted: bool, source: Path) -> ComparisonClip:
    return ComparisonClip(
        path, info.duration, info.fps, info.width, info.height, info.has_audio, sha256, converted, source
    )


def _fresh(folder: Path, suffix: str) -> Path:
    return folder / f"{secrets.token_hex(12)}{suffix}"


def _bring(path: Path, target: Path, move: bool) -> None:
    if move:
        shutil.move(path, target)
    else:
        shutil.copyfile(path, target)
