"""Whisper's encoder as a speech encoder, through CTranslate2 (the engine of faster-whisper)."""

from __future__ import annotations

from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from lipsync.audio.encoders.overlap import Overlap, encode_overlapping
from lipsync.audio.mel import RATE
from lipsync.audio.spectrum import mel_bank, stft
from lipsync.errors import ConfigError
from lipsync.weights import hub
from lipsync.weights.hub import Progress

N_FFT = 400  # samples: 25 ms
HOP = 160  # samples: 10 ms; the encoder's second convolution halves the rate
N_MELS = 80


class WhisperEncoder:
    """The output of Whisper's encoder at 50 Hz.

    Args:
        name: of ``ENCODERS``.
        folder: CTranslate2's files: ``model.bin``, ``config.json`` and the vocabulary.
        overlap: how long sound is cut.
        threads: of the processor; 0 as CTranslate2 thinks best.

    Raises:
        ConfigError: ctranslate2 is not installed, or the folder holds no such model.
    """

    rate = 50.0

    def __init__(self, name: str, folder: Path, overlap: Overlap | None = None, threads: int = 0) -> None:
        _require_engine(name)
        self.name, self.overlap = name, overlap or Overlap()
        self._folder, self._threads = folder, threads
        model = Path(folder) / "model.bin"
        if not model.is_file():
            raise ConfigError("encoder.no_whisper", folder=folder, problem=model.name)
        weights = hub.checksum(model)[:16]
        self.version = f"{weights}-{self.overlap.chunk:g}-{self.overlap.hop:g}"
        self.lookahead = self.overlap.chunk

    @cached_property
    def dimension(self) -> int:
        """Length of a vector: the engine tells it only by encoding."""
        return self.encode(np.zeros(1, np.float32)).shape[1]

    def encode(self, samples: np.ndarray) -> np.ndarray:
        """See ``SpeechEncoder.encode``.

        Engine and weights are loaded for it: who finds the features of a recording in the cache does without.
        The weights are in memory only meanwhile: those of tiny.en take 150 MB, most of it for the decoder,
        which nobody asks, and 0.1 s to read.

        Raises:
            ConfigError: they are damaged.
        """
        from ctranslate2 import StorageView

        model = self._load()

        def encode_chunk(chunk: np.ndarray) -> np.ndarray:
            """(N / 320, D) float32 of one chunk of at most 30 s."""
            mel = log_mel(chunk)[None]  # (1, 80, N / 160)
            return np.array(model.encode(StorageView.from_array(np.ascontiguousarray(mel))))[0]

        return encode_overlapping(samples, self.rate, self.overlap, encode_chunk)

    def _load(self) -> Any:
        import ctranslate2

        try:
            return ctranslate2.models.Whisper(
                str(self._folder), device="cpu", intra_threads=self._threads, compute_type="float32"
            )
        except (RuntimeError, ValueError) as problem:
            raise ConfigError("encoder.no_whisper", folder=self._folder, problem=problem) from problem


def _require_engine(name: str) -> None:
    """Refuse where ctranslate2 is not installed; it is not loaded yet."""
    if find_spec("ctranslate2") is None:
        raise ConfigError("encoder.needs_package", encoder=name, package="ctranslate2")


@lru_cache(maxsize=1)
def _filter_bank() -> np.ndarray:
    return mel_bank(RATE, N_FFT, N_MELS)  # (80, 201)


def log_mel(samples: np.ndarray) -> np.ndarray:
    """(80, N // 160) float32 log-mel spectrogram as Whisper defines it; column k centred on k / 100 s.

    Power in a periodic Hann window of 400 samples with ``reflect`` padding, mel filter bank (Slaney),
    log10, limited to 8 below the loudest value, then (x + 4) / 4.
    """
    padded = np.pad(samples, N_FFT // 2, mode="reflect")
    spectrum = stft(padded, N_FFT, HOP)[:, :-1].astype(np.complex64)
    level = np.log10(np.maximum(_filter_bank() @ np.abs(spectrum) ** 2, 1e-10))
    return ((np.maximum(level, level.max() - 8) + 4) / 4).astype(np.float32)


def load_whisper(name: str, weights: Path | None = None, progress: Progress | None = None) -> WhisperEncoder:
    """A Whisper encoder by its name of ``ENCODERS``; its files are fetched on first use.

    Raises:
        ConfigError: ctranslate2 is missing, or ``weights`` is not a folder of such a model.
        ArtefactError: the weights are unavailable.
    """
    if weights is None:
        _require_engine(name)  # before megabytes are fetched for it
        row = name.replace("-", "_").replace(".", "_")
        for part in ("config", "vocabulary"):
            hub.fetch(f"{row}_{part}", progress)
        weights = hub.fetch(row, progress).parent
    return WhisperEncoder(name, Path(weights))
