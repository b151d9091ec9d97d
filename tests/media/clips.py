"""Test clips whose frames carry their number, written with PyAV directly and not with the code under test."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from skimage import data

from lipsync.media import VideoWriter, WriterOptions

BITS = 10
TICK = Fraction(1, 90000)  # time base of the pictures: fine enough for uneven times


def card(number: int, width: int = 80, height: int = 64) -> np.ndarray:
    """(H, W, 3) picture: the number as ten black or white bars, most significant first."""
    image = np.zeros((height, width, 3), np.uint8)
    for bit in range(BITS):
        if number >> (BITS - 1 - bit) & 1:
            image[:, bit * width // BITS : (bit + 1) * width // BITS] = 255
    return image


def astronaut(width: int, height: int) -> np.ndarray:
    """(H, W, 3) a real portrait of that size."""
    return cv2.resize(data.astronaut(), (width, height), interpolation=cv2.INTER_AREA)


def number_of(image: np.ndarray) -> int:
    """The number on a card after lossy coding."""
    height, width, _ = image.shape
    row = image[height // 2].mean(axis=1)
    bars = [row[(2 * bit + 1) * width // (2 * BITS)] > 127 for bit in range(BITS)]
    return sum(1 << (BITS - 1 - bit) for bit, lit in enumerate(bars) if lit)


def click(seconds: float, at: float, rate: int, channels: int = 1) -> np.ndarray:
    """(channels, N) silence with one short pulse that survives lossy coding, centred at ``at`` seconds."""
    t = np.arange(round(seconds * rate)) / rate - at
    pulse = 0.8 * np.exp(-((t / 0.002) ** 2)) * np.cos(2 * np.pi * 800 * t)
    return np.repeat(pulse[None].astype(np.float32), channels, axis=0)


def peak_time(samples: np.ndarray, rate: int) -> float:
    """Seconds of the centre of the pulse."""
    energy = samples.astype(np.float64) ** 2
    return float((energy * np.arange(len(samples))).sum() / energy.sum() / rate)


def write_clip(
    path: Path,
    images: Sequence[np.ndarray] = (),
    fps: float = 25,
    times: Sequence[float] | None = None,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    rotation: tuple[float, bool, bool] | None = None,
    aspect: Fraction | None = None,
    sound: np.ndarray | None = None,
    rate: int = 44100,
    sound_codec: str = "aac",
    sound_start: float = 0.0,
) -> Path:
    """Write pictures (H, W, 3) and sound (channels, N) with the given times in seconds."""
    with av.open(str(path), "w") as container:
        video = None
        if len(images):
            frame_rate = Fraction(fps).limit_denominator(1001)
            video = container.add_stream(codec, rate=frame_rate, options=options or {})
            video.height, video.width = images[0].shape[:2]
            video.pix_fmt = pix_fmt
            if codec not in ("mpeg1video", "mpeg2video", "mpeg4", "gif", "libvpx"):
                video.codec_context.time_base = TICK
            if rotation is not None:
                video.set_display_rotation(rotation[0], hflip=rotation[1], vflip=rotation[2])
            if aspect is not None:
                video.codec_context.sample_aspect_ratio = aspect
        audio = None
        if sound is not None:
            audio = container.add_stream(sound_codec, rate=rate)
            audio.layout = {1: "mono", 2: "stereo", 6: "5.1"}[len(sound)]
        if video is not None:
            base = video.codec_context.time_base or 1 / frame_rate
            for number, image in enumerate(images):
                frame = av.VideoFrame.from_ndarray(image, format="rgba" if image.shape[2] == 4 else "rgb24")
                seconds = number / fps if times is None else times[number]
                frame.pts, frame.time_base = round(seconds / base), base
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
        if audio is not None and sound is not None:
            # Small pieces: one large frame would be refused by codecs without a frame size.
            for begin in range(0, sound.shape[1], 1024):
                piece = np.ascontiguousarray(sound[:, begin : begin + 1024])
                frame = av.AudioFrame.from_ndarray(piece, "fltp", audio.layout.name)
                frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
                frame.pts = begin + round(sound_start * rate)
                container.mux(audio.encode(frame))
            container.mux(audio.encode(None))
    return path


def write(
    path: Path, images: list[np.ndarray], fps: float = 25, audio: Path | None = None, **options: Any
) -> Path:
    """The frames and the sound of a file, as `VideoWriter` writes them."""
    height, width = images[0].shape[:2]
    with VideoWriter(path, width, height, fps, audio, WriterOptions(**options)) as writer:
        for image in images:
            writer.write(image)
    return path


def write_hdr(path: Path, images: Sequence[np.ndarray], transfer: int, fps: int = 25) -> Path:
    """A lossless 10-bit video of pictures (H, W, 3) tagged as BT.2020 with a transfer curve (ITU-T H.273)."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=fps)
        stream.height, stream.width, stream.pix_fmt = *images[0].shape[:2], "yuv420p10le"
        for image in images:
            frame = av.VideoFrame.from_ndarray(image, "rgb24").reformat(
                format="yuv420p10le", dst_colorspace=9
            )
            for tagged in (frame, stream.codec_context):
                tagged.colorspace, tagged.color_primaries = 9, 9
                tagged.color_trc, tagged.color_range = transfer, 1
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
