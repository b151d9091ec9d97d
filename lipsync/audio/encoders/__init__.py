"""Speech encoders by name: samples in, a sequence of feature vectors out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lipsync.audio.encoders.base import SpeechEncoder
from lipsync.audio.encoders.cache import Cached
from lipsync.registry import Registry
from lipsync.weights.hub import Progress

__all__ = ["ENCODERS", "Cached", "SpeechEncoder", "load_encoder"]

Load = Callable[[str, Path | None, Progress | None], SpeechEncoder]
"""Loads the encoder of a name: from a folder of weights, or with None from the source of that name."""

ENCODERS: Registry[Load] = Registry("kind.speech_encoder")
QUICK = ("mel", "log-mel")  # as fast as a disk: their features are not kept
for _name in QUICK:
    ENCODERS.register(_name, "lipsync.audio.encoders.mel_encoder:load_mel")
for _name in ("whisper-tiny.en", "whisper-base"):
    ENCODERS.register(_name, "lipsync.audio.encoders.whisper:load_whisper")
for _name in ("hubert-base", "wav2vec2-base", "wav2vec2-xlsr"):
    ENCODERS.register(_name, "lipsync.audio.encoders.waveform:load_waveform")


def load_encoder(
    name: str, weights: Path | None = None, progress: Progress | None = None, cache: bool = True
) -> SpeechEncoder:
    """A loaded speech encoder.

    Args:
        name: of ``ENCODERS``.
        weights: a local folder of its weights instead of fetched ones; those of ``QUICK`` have none.
        progress: called with bytes done and in all while weights are fetched.
        cache: keep its features in the cache folder (see ``Cached``); those of ``QUICK`` are not kept.

    Raises:
        ConfigError: unknown name, weights of another network, or its optional package is not installed.
        ArtefactError: the weights are unavailable.
    """
    encoder = ENCODERS.get(name)(name, weights, progress)
    return Cached(encoder) if cache and name not in QUICK else encoder
