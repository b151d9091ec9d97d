"""Animated pictures (WebP, APNG, AVIF) as videos, with their own timing."""

import io
from fractions import Fraction
from pathlib import Path

import av
from av.container import OutputContainer
from PIL import Image

from lipsync.errors import MediaError
from lipsync.file_cache import cached_per_file

BACKGROUND = 255  # transparent parts become white, as on a page
FORMATS = ("PNG", "WEBP", "AVIF")
SHORTEST, DEFAULT = 11, 100  # ms; browsers show a frame that asks for less than 11 for 100
MAX_FRAMES = 10_000
MAX_PIXELS = 2_000_000_000  # of all frames together; 1000 of Full HD
MAX_BYTES = 1_000_000_000  # of the video that is made of them, in memory
_MILLISECOND = Fraction(1, 1000)


def is_animated(photo: Image.Image) -> bool:
    """Whether a picture moves; pages of a TIFF and the second pictures of cameras do not."""
    return photo.format in FORMATS and getattr(photo, "n_frames", 1) > 1


def animated_video(path: Path) -> io.BytesIO | None:
    """A lossless MP4 of an animated picture, or None when the file is none.

    Those decoders are not in FFmpeg, or stop at the first picture. Transparency is laid over white.

    Raises:
        MediaError: the pictures are damaged or unfinished, or too many.
    """
    video = _video(path)
    return None if video is None else io.BytesIO(video)


@cached_per_file(2)  # one job opens its files several times
def _video(path: Path) -> bytes | None:
    try:
        photo = Image.open(path, formats=FORMATS)
    except (OSError, Image.DecompressionBombError):
        return None
    try:
        with photo:
            return _encoded(photo, path.name) if is_animated(photo) else None
    except MediaError:
        raise
    except Exception as error:  # Pillow's decoders raise almost any kind at broken bytes
        raise MediaError("photo.damaged", path=path.name) from error


def _encoded(photo: Image.Image, name: str) -> bytes:
    count = photo.n_frames  # type: ignore[attr-defined]
    if count > MAX_FRAMES or count * photo.width * photo.height > MAX_PIXELS:
        raise MediaError("photo.too_many_frames", path=name, count=count)
    file, shown = io.BytesIO(), 0
    with av.open(file, "w", format="mp4") as container:
        options = {"crf": "0", "preset": "ultrafast", "bf": "0"}
        stream = container.add_stream("libx264rgb", rate=1000, options=options)
        stream.width, stream.height = photo.size
        stream.pix_fmt = "rgb24"
        stream.codec_context.time_base = _MILLISECOND
        lengths: dict[int | None, int] = {}
        # A picture for viewers that know no animation comes first and is not one of it.
        for index in range(1 if photo.info.get("default_image") else 0, count):
            photo.seek(index)
            if file.tell() > MAX_BYTES:
                raise MediaError("photo.too_many_frames", path=name, count=count)
            frame = av.VideoFrame.from_image(opaque(photo))
            length = round(photo.info.get("duration", DEFAULT))
            frame.pts, frame.time_base = shown, _MILLISECOND
            lengths[shown] = length if length >= SHORTEST else DEFAULT
            shown += lengths[shown]
            _mux(container, stream.encode(frame), lengths)
        _mux(container, stream.encode(None), lengths)
    return file.getvalue()


def _mux(container: OutputContainer, packets: list[av.Packet], lengths: dict[int | None, int]) -> None:
    for packet in packets:
        packet.duration = lengths[packet.pts]  # the encoder knows but the average
        container.mux(packet)


def opaque(photo: Image.Image) -> Image.Image:
    """The picture in RGB, over the background."""
    picture = photo.convert("RGBA")
    ground = Image.new("RGBA", picture.size, (BACKGROUND,) * 3 + (255,))
    return Image.alpha_composite(ground, picture).convert("RGB")
