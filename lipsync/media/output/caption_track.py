"""Captions as a track of their own in a video that is being written, which a player can hide."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from html import escape
from typing import Any

from av.container import OutputContainer
from av.subtitles.subtitle import SubtitleSet

from lipsync.media.output.captions import Caption

MILLISECOND = Fraction(1, 1000)
# FFmpeg's encoders of subtitles take Advanced SubStation Alpha, and its header describes the look.
STYLE = "Default,sans-serif,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,0"
HEADER = f"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, \
Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, \
MarginR, MarginV, Encoding
Style: {STYLE}

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""
DIALOGUE = "0,0,Default,,0,0,0,,"
# Of the languages of Whisper, those that are spoken most, as ISO 639-2/B has them, which all containers take.
LANGUAGES = {
    "ar": "ara", "de": "ger", "en": "eng", "es": "spa", "fr": "fre", "hi": "hin", "it": "ita", "ja": "jpn",
    "ko": "kor", "pt": "por", "ru": "rus", "zh": "chi",
}  # fmt: skip


class CaptionTrack:
    """A track of text; its packets are written as the picture goes on.

    Args:
        container: of the video, before anything has been written to it.
        encoder: FFmpeg's name, ``mov_text`` or ``webvtt``.
        captions: in the order of time.
        language: of the text, ISO 639-1; one that `LANGUAGES` lacks is written as undetermined.
    """

    def __init__(
        self, container: OutputContainer, encoder: str, captions: Sequence[Caption], language: str
    ) -> None:
        self._container, self._captions = container, list(captions)
        self._marks_up = encoder == "webvtt"
        stream: Any = container.add_stream(encoder)
        stream.codec_context.subtitle_header = HEADER.encode()
        stream.metadata["language"] = LANGUAGES.get(language, "und")
        self._stream = stream

    def advance(self, until: float) -> None:
        """Write the captions that begin before ``until`` seconds."""
        while self._captions and self._captions[0].start < until:
            self._write(self._captions.pop(0))

    def _write(self, caption: Caption) -> None:
        text = r"\N".join(line.replace("\\", "/") for line in caption.lines)
        text = escape(text, quote=False) if self._marks_up else text
        start, length = round(1000 * caption.start), round(1000 * (caption.end - caption.start))
        subtitle = SubtitleSet.create((DIALOGUE + text).encode(), 0, length, pts=1000 * start)
        packet = self._stream.codec_context.encode_subtitle(subtitle)
        packet.stream = self._stream
        packet.pts = packet.dts = start
        packet.duration, packet.time_base = length, MILLISECOND
        self._container.mux(packet)
