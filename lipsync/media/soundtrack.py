"""The sound of one file as a track of a video that is being written."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.container import InputContainer, OutputContainer

from lipsync.media.sound import Mono, SoundReader
from lipsync.media.source import open_media, packets, sound_stream
from lipsync.media.timeline import WHOLE, TimeRange

ALIGNED = 0.001  # s; AAC whose first sample is this close to time 0 is copied as it is
BIT_RATE = 192_000  # for one or two channels; more get their share
USUAL_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}  # of plain WAV, which names none


@dataclass(frozen=True)
class SoundEncoder:
    """Of sound: FFmpeg's name, the rates and the layouts that it knows."""

    name: str
    rates: tuple[int, ...]
    layouts: tuple[str, ...]


AAC = SoundEncoder(
    "aac",
    (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000),
    ("mono", "stereo", "3.0", "4.0", "5.0", "5.1", "5.1(side)", "7.1"),
)
OPUS = SoundEncoder("libopus", (8000, 12000, 16000, 24000, 48000), ("mono", "stereo", "5.1", "7.1"))


def open_soundtrack(
    container: OutputContainer, path: str | Path, part: TimeRange = WHOLE
) -> "CopiedSound | EncodedSound":
    """Adds a sound track: AAC that starts with the picture is copied into an MP4, the rest is encoded.

    Args:
        part: of the sound that goes in, from the start of the picture on; a part is always encoded, as a copy
            could begin with whole packets only.

    Raises:
        MediaError: the file has no sound that can be decoded.
    """
    reader = SoundReader(path, part)
    if container.format.name == "webm":
        return EncodedSound(container, reader, OPUS)
    if abs(reader.offset) <= ALIGNED and part == WHOLE:
        source = open_media(path)
        stream: Any = sound_stream(source)
        codec = stream.codec_context
        if codec.name == "aac" and codec.profile == "LC" and "mp4" in source.format.name.split(","):
            reader.close()
            return CopiedSound(container, source, reader.first_pts)
        source.close()
    return EncodedSound(container, reader)


class CopiedSound:
    """Packets of an AAC track as they are, shifted so that the first sample is at time 0."""

    def __init__(self, container: OutputContainer, source: InputContainer, zero: int) -> None:
        self._container = container
        self._source = source
        self._zero = zero
        stream: Any = sound_stream(source)
        self._packets: Iterator[Any] = packets(source, stream)
        self._track = container.add_stream_from_template(stream)
        self._time_base: Fraction = stream.time_base
        self._next = self._pull()

    def _pull(self) -> Any | None:
        for packet in self._packets:
            if packet.size and packet.pts is not None:
                packet.pts -= self._zero
                packet.dts = packet.pts
                packet.stream = self._track
                return packet
        return None

    def advance(self, until: float) -> None:
        """Write what begins before ``until`` seconds, holding back one packet that may be the last."""
        while self._next is not None and (self._next.pts + self._next.duration) * self._time_base <= until:
            packet, self._next = self._next, self._pull()
            self._container.mux(packet)

    def finish(self, end: float) -> None:
        """Write up to ``end`` seconds; the last packet is declared shorter where it reaches beyond."""
        self.advance(end)
        if self._next is not None:
            rest = round(end / self._time_base) - self._next.pts
            if rest > 0:
                self._next.duration = min(rest, self._next.duration)
                self._container.mux(self._next)
        self.close()

    def close(self) -> None:
        """Let go of the source."""
        self._source.close()


class EncodedSound:
    """Any sound in its own rate and channels, where the encoder knows them."""

    def __init__(self, container: OutputContainer, reader: SoundReader, encoder: SoundEncoder = AAC) -> None:
        self._reader = reader
        rate, layout = reader.rate, reader.layout
        self._layout = layout if layout in encoder.layouts else USUAL_LAYOUTS.get(reader.channels, "mono")
        self._mono = Mono() if self._layout == "mono" else None
        self._container = container
        nearest = min((r for r in encoder.rates if r >= rate), default=encoder.rates[-1])
        self._track = cast(av.AudioStream, container.add_stream(encoder.name, rate=nearest))
        self._track.layout = self._layout
        self._track.bit_rate = BIT_RATE * max(2, reader.channels) // 2
        self._blocks = reader.blocks()
        self._held = np.empty((reader.channels, 0), np.float32)
        self._done = 0

    def advance(self, until: float) -> None:
        """Encode the samples before ``until`` seconds."""
        wanted = round(until * self._reader.rate) - self._done
        while self._held.shape[1] < wanted and (block := next(self._blocks, None)) is not None:
            self._held = np.concatenate([self._held, block], axis=1)
        samples, self._held = self._held[:, : max(0, wanted)], self._held[:, max(0, wanted) :]
        if samples.shape[1]:
            self._encode(self._mono(samples)[None] if self._mono else samples)

    def _encode(self, samples: np.ndarray) -> None:
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples.clip(-1, 1)), format="fltp", layout=self._layout
        )
        frame.sample_rate = self._reader.rate
        frame.time_base = Fraction(1, self._reader.rate)
        frame.pts = self._done
        self._done += samples.shape[1]
        self._container.mux(self._track.encode(frame))

    def finish(self, end: float) -> None:
        """Encode up to ``end`` seconds and what the encoder still holds."""
        self.advance(end)
        self._container.mux(self._track.encode(None))
        self.close()

    def close(self) -> None:
        """Let go of the source."""
        self._reader.close()
