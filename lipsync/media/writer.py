"""Videos that browsers play: H.264 and AAC in an MP4, VP9 and Opus in a WebM, or an animated GIF."""

import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import cv2
import numpy as np
from av.video.reformatter import (
    ColorPrimaries,
    ColorRange,
    Colorspace,
    ColorTrc,
    Interpolation,
    VideoReformatter,
)

from lipsync.errors import MediaError
from lipsync.media.output.caption_track import CaptionTrack
from lipsync.media.output.captions import Caption
from lipsync.media.output.formats import CHROMA, GIF, Quality, format_of
from lipsync.media.output.gif import COLOURS, copy_with_comment, write_gif
from lipsync.media.soundtrack import CopiedSound, EncodedSound, open_soundtrack
from lipsync.media.source import THREADS
from lipsync.media.timeline import WHOLE, TimeRange

PLAIN_TAGS = frozenset({"title", "artist", "album", "comment", "copyright", "date", "description", "genre"})
KEY_FRAME_EVERY = 2.0  # s; seeking and playing backwards stay quick
_BT709 = 1  # AVCOL_SPC_BT709


@dataclass(frozen=True)
class WriterOptions:
    """How a video is encoded, and what is written besides its pictures.

    Attributes:
        duration: seconds of sound to keep; None cuts it where the picture ends.
        quality: "high" is hardly told from the source, "medium" and "small" take less room.
        crf: the encoder's own measure of it instead; x264's is 0 (lossless) to 51.
        preset: of x264 by its name, instead of the settings in `lipsync.media.output.formats.X264`.
        metadata: tags of the file, such as title and comment; other names are kept too.
        key_frame_every: seconds at most between frames that decode alone.
        sound_part: of the sound's file that goes in.
        captions: that go into a track of their own.
        language: of the captions, ISO 639-1.
    """

    duration: float | None = None
    quality: Quality = "high"
    crf: int | None = None
    preset: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    key_frame_every: float = KEY_FRAME_EVERY
    sound_part: TimeRange = WHOLE
    captions: Sequence[Caption] = ()
    language: str = ""


def written_size(width: int, height: int) -> tuple[int, int]:
    """Width and height in the file of images of this size: the next even ones, which H.264 wants."""
    return width + width % 2, height + height % 2


def check_output(path: Path) -> None:
    """That a video can be written under this name, before long work begins.

    Raises:
        MediaError: another ending, no such folder, or one that nothing can be written to.
    """
    format_of(path)
    if not path.parent.is_dir():
        raise MediaError("writer.no_folder", name=path.name, folder=path.parent)
    part = _part_of(path)
    try:
        part.touch(exist_ok=False)
        part.unlink()
    except OSError as problem:
        raise MediaError("writer.cannot_write", name=path.name, problem=problem.strerror) from problem


def _part_of(path: Path) -> Path:
    return path.with_name(f".{uuid.uuid4().hex}.part")


class VideoWriter:
    """Writes a video frame by frame; use it in ``with``.

    The file appears under its name only when all went well; on an exception nothing is left behind.
    Colours are BT.709, limited range, tagged so. Odd sizes get one more row or column, a copy of the edge.
    Picture and sound start together at 0.

    Args:
        path: file to write; its ending is one of `lipsync.media.output.formats.FORMATS`.
        width, height: of the images, in pixels.
        fps: frames per second.
        audio: file whose sound goes in, in its own rate and channels; from a video, the sound keeps its
            place relative to that video's first frame. A GIF has none.
        options: how it is encoded, and what is written besides.

    Raises:
        MediaError: (on entering) the name or the sound is not usable; (on leaving) nothing was written,
            or the disk refused.
    """

    def __init__(
        self,
        path: str | Path,
        width: int,
        height: int,
        fps: float,
        audio: str | Path | None = None,
        options: WriterOptions = WriterOptions(),
    ) -> None:
        if width < 1 or height < 1 or not 0 < fps < float("inf"):
            raise ValueError(f"a video of {width}x{height} at {fps} fps is not possible")
        self._path = Path(path)
        self._size = (width, height)
        self._rate = Fraction(fps).limit_denominator(1001)
        self._audio = audio
        self._options = options
        self._sound: CopiedSound | EncodedSound | None = None
        self._captions: CaptionTrack | None = None
        self._frames = 0

    def __enter__(self) -> "VideoWriter":
        check_output(self._path)
        self._part = _part_of(self._path)
        self._format = format_of(self._path)
        # Other tags need a second table that music players do not read, so only when there are any.
        options = self._options
        flags = "+faststart+use_metadata_tags" if set(options.metadata) - PLAIN_TAGS else "+faststart"
        self._container = av.open(
            f"file:{self._part}",
            "w",
            format=self._format.container,
            container_options={} if self._format.container == "webm" else {"movflags": flags},
        )
        try:
            self._container.metadata.update(options.metadata)
            self._add_picture()
            if self._audio is not None and self._format.sound:
                self._sound = open_soundtrack(self._container, self._audio, options.sound_part)
            if options.captions and self._format.captions:
                encoder = self._format.captions
                self._captions = CaptionTrack(self._container, encoder, options.captions, options.language)
        except BaseException:
            self._discard()
            raise
        return self

    def _add_picture(self) -> None:
        encoder, options = self._format.encoder, self._options
        crf = self._format.crf[options.quality] if options.crf is None else options.crf
        given = {**self._format.encoder_options, "crf": str(crf)}
        if options.preset is not None and encoder == "libx264":
            given |= {"preset": options.preset, "x264-params": CHROMA}
        stream: Any = self._container.add_stream(encoder, rate=self._rate, options=given)
        stream.width, stream.height = written_size(*self._size)
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.gop_size = max(1, round(self._options.key_frame_every * self._rate))
        context.colorspace = _BT709
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.BT709
        context.color_range = ColorRange.MPEG
        context.thread_count = THREADS
        self._stream = stream
        self._scaler = VideoReformatter()

    def write(self, image: np.ndarray) -> None:
        """Append one frame.

        Args:
            image: (height, width, 3) uint8 RGB.

        Raises:
            MediaError: the file cannot be written to, for instance because the disk is full.
            ValueError: another size or type than announced.
        """
        width, height = self._size
        if image.shape != (height, width, 3) or image.dtype != np.uint8:
            raise ValueError(
                f"expected {height}x{width}x3 uint8, got {'x'.join(map(str, image.shape))} {image.dtype}"
            )
        if width % 2 or height % 2:
            image = cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        frame = self._scaler.reformat(
            av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(image), format="rgb24"),  # not copied
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            interpolation=Interpolation.BILINEAR | Interpolation.ACCURATE_RND,
            threads=THREADS,
        )
        frame.pts = self._frames
        frame.time_base = 1 / self._rate
        self._frames += 1
        try:
            self._container.mux(self._stream.encode(frame))
            if self._sound is not None:
                self._sound.advance(self._end())
            if self._captions is not None:
                self._captions.advance(self._end())
        except av.error.FFmpegError as error:
            raise MediaError("writer.cannot_write", name=self._path.name, problem=error.strerror) from error

    def _end(self) -> float:
        """Seconds up to which sound may be written by now."""
        written = float(self._frames / self._rate)
        duration = self._options.duration
        return written if duration is None else min(written, duration)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._discard()

    def _finish(self) -> None:
        name = self._path.name
        if not self._frames:
            raise MediaError("writer.no_frame", name=name)
        try:
            self._container.mux(self._stream.encode(None))
            if self._sound is not None:
                duration = self._options.duration
                self._sound.finish(self._end() if duration is None else duration)
            self._container.close()
            if self._format is GIF:
                self._draw_gif()
            self._part.replace(self._path)
        except (av.error.FFmpegError, OSError) as problem:
            raise MediaError("writer.cannot_write", name=name, problem=problem.strerror) from problem

    def _draw_gif(self) -> None:
        """Put a GIF in the place of the video that was written."""
        drawn = _part_of(self._path)
        try:
            write_gif(self._part, drawn, COLOURS[self._options.quality])
            copy_with_comment(drawn, self._part, "\n".join(self._options.metadata.values()))
        finally:
            drawn.unlink(missing_ok=True)

    def _discard(self) -> None:
        try:
            if self._sound is not None:
                self._sound.close()
            with suppress(av.error.FFmpegError, OSError):  # what went wrong has been raised before
                self._container.close()
        finally:  # also when somebody presses Ctrl-C once more
            self._part.unlink(missing_ok=True)
