"""The captions of a job: recognised from its speech, as a track, drawn, or in a file of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lipsync.audio.caption_lines import captions_of
from lipsync.audio.mel import RATE
from lipsync.audio.recognition import recognise
from lipsync.media.output.burnt_captions import unknown_letters
from lipsync.media.output.captions import Caption, CaptionStyle
from lipsync.progress import Report
from lipsync.texts import Message

UNSURE = 0.7  # mean probability of the words below which somebody should look at them


@dataclass(frozen=True)
class Captioning:
    """Captions and how they were found.

    Attributes:
        style: as of a request.
        captions: in the order of time.
        language: of the words, ISO 639-1.
        certainty: 0..1, mean probability of the words.
    """

    style: CaptionStyle = "none"
    captions: tuple[Caption, ...] = ()
    language: str = ""
    certainty: float = 1.0

    @property
    def track(self) -> tuple[Caption, ...]:
        """What goes into a track of the video."""
        return self.captions if self.style == "track" else ()

    @property
    def burnt(self) -> tuple[Caption, ...]:
        """What is drawn into the picture."""
        return self.captions if self.style == "burnt" else ()

    def notes(self) -> list[Message]:
        """What a person should know about them."""
        if self.style == "none":
            return []
        if not self.captions:
            return [Message("captions.no_words")]
        notes = [Message("captions.unsure")] if self.certainty < UNSURE else []
        if letters := unknown_letters(self.burnt):
            notes.append(Message("captions.unknown_letters", letters=letters[:20]))
        return notes


def caption(samples: np.ndarray, style: CaptionStyle, seconds: float, report: Report) -> Captioning:
    """Recognise a speech and lay it out as captions of a video.

    Args:
        samples: (N,) float32, mono, 16 kHz; time 0 is the video's.
        seconds: length of the video.

    Raises:
        ConfigError, ArtefactError: the recogniser's package or its weights are not here.
        Cancelled: the job was stopped.
    """
    if style == "none":
        return Captioning()
    whole = round(len(samples) / RATE)

    def recognised(until: float) -> None:
        report("captions", min(whole, round(until)), whole)

    recognised(0)
    transcript = recognise(samples, recognised, report.bytes)
    captions = captions_of(transcript.words, seconds)
    return Captioning(style, captions, transcript.language, transcript.certainty)
