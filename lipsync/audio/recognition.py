"""The words of a recording with their times, from a speech recogniser: Whisper, by faster-whisper."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from lipsync.audio.mel import RATE
from lipsync.errors import ConfigError
from lipsync.weights import hub

PACKAGE = "faster_whisper"
FILES = ("whisper_base_config", "whisper_base_tokenizer", "whisper_base_vocabulary", "whisper_base")
# What stands before the speech is continued in its style: here simplified characters with punctuation.
# "The following are sentences in Mandarin."
PROMPTS = {"zh": "\u4ee5\u4e0b\u662f\u666e\u901a\u8bdd\u7684\u53e5\u5b50\u3002"}
TEMPERATURES = (0.0, 0.4)  # of the second attempt, where the first one repeats itself


@dataclass(frozen=True)
class SpokenWord:
    """A word with its punctuation and, in a language that has them, the space before it."""

    start: float  # seconds
    end: float
    text: str
    probability: float = 1.0  # 0..1, how sure the recogniser is


@dataclass(frozen=True)
class Transcript:
    """What was said, and in which language (ISO 639-1)."""

    words: tuple[SpokenWord, ...]
    language: str

    @property
    def certainty(self) -> float:
        """0..1, mean probability of the words; 1 where there are none."""
        return float(np.mean([word.probability for word in self.words])) if self.words else 1.0


def installed() -> bool:
    """Whether the recogniser's package is there; it is optional."""
    return find_spec(PACKAGE) is not None


def recognise(
    samples: np.ndarray,
    progress: Callable[[float], None] = lambda seconds: None,
    fetched: hub.Progress | None = None,
) -> Transcript:
    """The words of a recording; its language is found out first.

    Args:
        samples: (N,) float32, mono, 16 kHz.
        progress: called with the seconds that are done; an exception from it stops the work.
        fetched: progress of the download of the weights, where they are not here yet.

    Raises:
        ConfigError: the package faster-whisper is not installed.
        ArtefactError: the weights are unavailable.
    """
    if not installed():
        raise ConfigError("transcripts.no_whisper")
    from faster_whisper import WhisperModel

    folder = [hub.fetch(name, fetched) for name in FILES][-1].parent
    model = WhisperModel(str(folder), device="cpu", compute_type="int8")
    if len(samples) < RATE // 2:
        return Transcript((), "en")
    options = {
        "word_timestamps": True,
        "vad_filter": True,  # in silence the recogniser makes words up
        "condition_on_previous_text": False,
        "temperature": TEMPERATURES,
    }
    segments, info = model.transcribe(samples, **options)  # type: ignore[arg-type]
    if prompt := PROMPTS.get(info.language):  # nothing but the language has been looked at so far
        segments, _ = model.transcribe(
            samples, language=info.language, initial_prompt=prompt, **options  # type: ignore[arg-type]
        )  # fmt: skip

    def words() -> Iterator[SpokenWord]:
        for segment in segments:
            progress(segment.end)
            for word in segment.words or ():
                yield SpokenWord(float(word.start), float(word.end), word.word, float(word.probability))

    return Transcript(tuple(words()), info.language)
