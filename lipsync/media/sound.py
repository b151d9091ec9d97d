"""Sound of any file, on the clock of its picture."""

from collections.abc import Iterator
from itertools import chain
from math import isinf
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import soxr

from lipsync.errors import MediaError
from lipsync.media.photo import photo_size
from lipsync.media.source import decode, open_media, sound_stream, video_stream
from lipsync.media.timeline import MAX_HOLD, RESET, WHOLE, TimeRange
from lipsync.texts import Message

CANCELLED = 0.01  # of the loudest channel's energy: a mean that holds less is of channels out of phase
MIN_RATE, MAX_RATE = 1_000, 1_000_000  # Hz; at a rate of 1 Hz, a kilobyte would be a quarter of an hour
MAX_HOURS = 4.0  # of one recording: time stamps may claim any length, and the sound is held in memory
SOUGHT = {"mov", "matroska", "wav", "w64", "flac", "aiff"}  # formats whose stamps are exact after a seek
PREROLL = 0.5  # s; codecs take some packets (Opus: 80 ms) until what they give is what it would have been
MAX_SLIP = 0.04  # s; stamps of live recordings jitter below this, one frame of lag shows above


class SoundReader:
    """Streams the sound of a file in its own rate and channels; use it in ``with``.

    Time 0 is the first video frame, or the first sample where there is no video. The delay of the
    encoder (AAC, MP3, Opus) and edit lists are already taken off.

    Args:
        path: any file with sound.
        part: only this is given, and ``offset`` counts from its start. It is sought where the file allows
            that; what comes before is decoded and passed over else.

    Attributes:
        rate: samples per second.
        channels: number of channels.
        layout: FFmpeg's name of the channel layout, such as "stereo".
        offset: seconds from time 0 to the first sample; negative when the sound begins earlier.
        first_pts: time stamp of the first sample in the time base of the stream.

    Raises:
        MediaError: no sound track, none that can be decoded, or a rate that no recording has.
    """

    def __init__(self, path: str | Path, part: TimeRange = WHOLE) -> None:
        name = Path(path).name
        if photo_size(path) is not None:
            raise MediaError("sound.of_photo", name=name)
        self._container = open_media(path)
        try:
            stream = sound_stream(self._container)
            if stream is None:
                raise MediaError("sound.no_track", name=name)
            frames = decode(self._container, stream)
            first = next((frame for frame in frames if frame.samples), None)
            if first is None:
                raise MediaError("sound.no_samples", name=name)
            self._frames: Iterator[Any] = chain([first], frames)
            self.rate: int = first.sample_rate
            if not MIN_RATE <= self.rate <= MAX_RATE:
                raise MediaError("sound.rate", name=name, rate=self.rate)
            self._name = name
            self.channels: int = first.layout.nb_channels
            self.layout: str = first.layout.name
            begin = first.time or 0.0
            origin = first_frame_time(path)
            self._origin = begin if origin is None else origin
            self.offset: float = begin - self._origin
            self.first_pts: int = first.pts or 0
            self._part, self._skipped = part, 0
            end = (stream.start_time or 0) + (stream.duration or 0)
            self._length = round((float(end * stream.time_base) - self._origin) * self.rate)
            if part.start > 0:
                self._seek(stream)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._container.close()

    def __enter__(self) -> "SoundReader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _seek(self, stream: Any) -> None:
        """Go to the start of the part, or note how many samples lie before it."""
        start = self._part.start
        self.offset -= start
        if SOUGHT & set(self._container.format.name.split(",")):
            self._container.seek(
                max(0, int((self._origin + start - PREROLL) / stream.time_base)), stream=stream
            )
            frames = decode(self._container, stream)
            first = next((frame for frame in frames if frame.samples), None)
            if first is None or first.time is None or first.time <= self._origin + start:
                self._frames = chain([] if first is None else [first], frames)
                self._origin += start
                self._length -= round(start * self.rate)
                return
            self._container.seek(stream.start_time or 0, stream=stream)
            self._frames = decode(self._container, stream)
        self._skipped = round(start * self.rate)

    def blocks(self) -> Iterator[np.ndarray]:
        """(channels, n) float32 blocks of the part without a gap; samples that are not finite become 0.

        A late start and lost packets are filled with silence, an early start is cut. So is the tail of
        the last block behind the declared end: AAC pads its last packet.

        Raises:
            MediaError: longer than `MAX_HOURS`.
        """
        skip, length = self._skipped, self._part.end - self._part.start
        left = None if isinf(length) else round(length * self.rate)
        for block in self._whole():
            wanted, skip = block[:, skip:][:, :left], max(0, skip - block.shape[1])
            if wanted.shape[1]:
                yield wanted
            if left is not None:
                left -= wanted.shape[1]
                if left <= 0:
                    return

    def _whole(self) -> Iterator[np.ndarray]:
        """From time 0, or from where the part was sought, to the end."""
        done = 0
        held: np.ndarray | None = None
        for block in self._placed():
            if held is not None:
                yield held
                done += held.shape[1]
                if done > MAX_HOURS * 3600 * self.rate:
                    raise MediaError("sound.too_long", name=self._name, hours=MAX_HOURS)
            held = block
        if held is not None:
            yield held[:, : self._length - done] if self._length > done else held

    def _placed(self) -> Iterator[np.ndarray]:
        done = 0
        for frame in self._frames:
            block = self._samples(frame)
            if frame.time is not None:
                late = round((frame.time - self._origin) * self.rate) - done
                if done and not -RESET * self.rate <= late <= MAX_HOLD * self.rate:
                    self._origin += late / self.rate  # a new clock, as in joined transport streams
                    late = 0
                # The start is placed to the sample; later on only real breaks are mended.
                if abs(late) > (MAX_SLIP * self.rate if done else 0):
                    if late < 0:
                        block = block[:, -late:]
                    for begin in range(0, late, self.rate):  # by the second: a lead may be long
                        yield np.zeros((self.channels, min(self.rate, late - begin)), np.float32)
                    done += max(0, late)
            if block.shape[1]:
                yield block
                done += block.shape[1]

    def _samples(self, frame: Any) -> np.ndarray:
        """(channels, n) float32 of one decoded frame, in the rate and channels of the first one."""
        samples = frame.to_ndarray()
        if not frame.format.is_planar:
            samples = samples.reshape(-1, frame.layout.nb_channels).T
        if samples.dtype == np.uint8:
            samples = samples.astype(np.float32) / 128 - 1
        elif np.issubdtype(samples.dtype, np.integer):
            samples = samples.astype(np.float32) / -float(np.iinfo(samples.dtype).min)
        samples = np.nan_to_num(samples.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
        if len(samples) != self.channels:  # broadcasts switch between stereo and 5.1 on the fly
            samples = np.repeat(samples.mean(axis=0, keepdims=True), self.channels, axis=0)
        if frame.sample_rate != self.rate:
            if not MIN_RATE <= frame.sample_rate <= MAX_RATE:
                raise MediaError("sound.rate", name=self._name, rate=frame.sample_rate)
            samples = soxr.resample(samples.T, frame.sample_rate, self.rate).T
        return np.ascontiguousarray(samples)


class Mono:
    """Joins the channels of one recording, block by block: their mean, which is what players do.

    Where the mean has been far quieter than the channels so far they are out of phase, and it is the loudest
    one. So a silent result means that every channel is silent.
    """

    def __init__(self) -> None:
        self._mean = 0.0
        self._channels = np.zeros(1)  # energies

    def __call__(self, block: np.ndarray) -> np.ndarray:
        """(n,) float32 of a (channels, n) float32 block."""
        if len(block) == 1:
            return block[0]
        mean = block.mean(axis=0)
        self._mean += float(mean @ mean)
        self._channels = self._channels + np.einsum("cn,cn->c", block, block)
        if self._mean < CANCELLED * self._channels.max():
            return block[self._channels.argmax()]
        return mean


def sound_before_picture(path: str | Path) -> float:
    """Seconds of sound before the first video frame, which are not read; 0 without a video.

    Raises:
        MediaError: as :func:`read_audio`.
    """
    with SoundReader(path) as reader:
        return max(0.0, -reader.offset)


def first_frame_time(path: str | Path) -> float | None:
    """Time stamp in seconds of the first video frame that can be decoded; None without a video."""
    with open_media(path) as container:
        stream = video_stream(container)
        if stream is None:
            return None
        frame = next(decode(container, stream), None)
        if frame is not None and frame.pts is not None and container.format.name != "avi":
            return float(frame.time)
        return None if stream.start_time is None else float(stream.start_time * stream.time_base)


def read_audio(path: str | Path, rate: int = 16000, part: TimeRange = WHOLE) -> np.ndarray:
    """(N,) float32 mono in [-1, 1], the sound of any file from time 0 of its picture.

    Channels are averaged (:class:`Mono`); resampling is soxr's high quality. Samples that are not finite
    become 0.

    Args:
        path: sound or video file.
        rate: samples per second wanted.

    Raises:
        MediaError: no sound track, no samples, or not a readable file.
    """
    samples = bytearray()  # grows in place: a list of pieces to join would take twice the memory
    for piece in _resampled(path, rate, part):
        samples += piece.tobytes()
    return np.frombuffer(samples, np.float32)


def read_audio_blocks(path: str | Path, rate: int = 16000, block_s: float = 10.0) -> Iterator[np.ndarray]:
    """:func:`read_audio` in blocks of ``block_s`` seconds (the last one shorter), for long files.

    Raises:
        MediaError: as :func:`read_audio`.
    """
    size = max(1, round(block_s * rate))
    held = np.empty(0, np.float32)
    for piece in _resampled(path, rate):
        held = np.concatenate([held, piece])
        while len(held) >= size:
            yield held[:size]
            held = held[size:]
    if len(held):
        yield held


def audio_duration(path: str | Path, part: TimeRange = WHOLE) -> float:
    """Seconds of sound from time 0 of the picture, or in a part of it, decoded and counted, hence exact.

    Raises:
        MediaError: as :func:`read_audio`.
    """
    with SoundReader(path, part) as reader:
        samples = sum(block.shape[1] for block in reader.blocks())
        if not samples:
            raise MediaError(_nothing_left(path, part))
        return samples / reader.rate


def _resampled(path: str | Path, rate: int, part: TimeRange = WHOLE) -> Iterator[np.ndarray]:
    if rate <= 0:
        raise ValueError(f"rate must be above 0, not {rate}")
    with SoundReader(path, part) as reader:
        resampler = soxr.ResampleStream(reader.rate, rate, 1, dtype="float32", quality="HQ")
        empty, mono = True, Mono()
        for block in reader.blocks():
            empty = False
            yield np.clip(resampler.resample_chunk(mono(block)), -1.0, 1.0)
        if empty:
            raise MediaError(_nothing_left(path, part))
        yield np.clip(resampler.resample_chunk(np.empty(0, np.float32), last=True), -1.0, 1.0)


def _nothing_left(path: str | Path, part: TimeRange) -> str:
    if part.start > 0:
        return Message("sound.after_end", path=Path(path).name, start=part.start)
    return Message("sound.ends_early", path=Path(path).name)
