"""Silero's speech activity, which labels recordings for a small network of our own.

Silero VAD is a teacher and no part of the product: https://github.com/snakers4/silero-vad (MIT).
"""

from __future__ import annotations

import numpy as np

from lipsync.audio.mel import RATE
from lipsync.errors import ConfigError
from lipsync.weights import hub

PIECE, CONTEXT = 512, 64  # samples that Silero takes at a time, and those before them that it takes again
# Silero reports speech for a while after the last sound: what is softer than the stretch by so much
# is taken off its end, but not more pieces than a stop between two sounds of one word is long.
SOFT, TAIL = 30.0, 4  # dB, pieces


class Silero:
    """Raises:
    ArtefactError: its file is unavailable.
    ConfigError: onnxruntime is not installed.
    """

    def __init__(self) -> None:
        try:
            import onnxruntime
        except ImportError as problem:
            raise ConfigError("silero.no_onnxruntime") from problem
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(hub.fetch("silero_vad")), options)

    def probability(self, samples: np.ndarray) -> np.ndarray:
        """(P,) float32 that somebody speaks, of each 32 ms of (N,) float32 mono 16 kHz samples."""
        pieces = -(-len(samples) // PIECE)
        padded = np.pad(samples.astype(np.float32), (CONTEXT, pieces * PIECE - len(samples)))
        state, found = np.zeros((2, 1, 128), np.float32), []
        for first in range(0, pieces * PIECE, PIECE):
            piece = padded[None, first : first + CONTEXT + PIECE]
            given = {"input": piece, "state": state, "sr": np.array(RATE, np.int64)}
            spoken, state = self._session.run(None, given)
            found.append(spoken[0, 0])
        return np.array(found, np.float32)

    def label(self, samples: np.ndarray, rate: float) -> np.ndarray:
        """(K,) bool whether somebody speaks at second ``k / rate``, K = 1 + floor(N * rate / 16000)."""
        spoken = trim(self.probability(samples) > 0.5, loudness(samples))
        at = (np.arange(1 + int(len(samples) * rate / RATE)) / rate * RATE / PIECE).astype(int)
        return spoken[np.minimum(at, len(spoken) - 1)]


def loudness(samples: np.ndarray) -> np.ndarray:
    """(P,) dB of each 32 ms of (N,) samples in -1..1."""
    pieces = -(-len(samples) // PIECE)
    cut = np.pad(samples, (0, pieces * PIECE - len(samples))).reshape(pieces, PIECE)
    return 10 * np.log10((cut**2).mean(1) + 1e-12)


def trim(spoken: np.ndarray, level: np.ndarray) -> np.ndarray:
    """(P,) bool: stretches of ``spoken`` (P,) without the soft pieces at their ends.

    Args:
        level: (P,) dB.
    """
    out = spoken.copy()
    edges = np.flatnonzero(np.diff(np.concatenate([[False], spoken, [False]]).astype(int))).reshape(-1, 2)
    for begin, end in edges:
        soft = level[begin:end] < np.percentile(level[begin:end], 90) - SOFT
        for last in range(end - 1, max(begin, end - 1 - TAIL), -1):
            if not soft[last - begin]:
                break
            out[last] = False
    return out
