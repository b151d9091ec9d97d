"""Audio features: mel, MFCC or both, cut into one window per video frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lipsync.audio.mel import HOP, N_FFT, N_MELS, RATE, mel_spectrogram
from lipsync.audio.mfcc import DIFFERENCES, mfcc
from lipsync.errors import ConfigError
from lipsync.registry import unknown

MEL_RATE = RATE / HOP  # 80 mel frames a second
KINDS = ("mel", "mfcc", "mel+mfcc")
WINDOW = 16  # mel frames a network sees at once: 0.2 s


@dataclass(frozen=True)
class AudioFeatures:
    """Which speech features a network takes, and which 0.2 s of them belong to a video frame."""

    kind: str = "mel+mfcc"  # "mel" (Wav2Lip), "mfcc", or "mel+mfcc" (M-CSAWav2Lip)
    coefficients: int = 13  # cepstral coefficients before differences; rows are 3 times as many
    window: int = WINDOW  # mel frames per window
    start: int = 0  # first mel frame of the window relative to the video frame's own time

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(unknown("kind.speech_features", self.kind, KINDS))

    @property
    def rows(self) -> int:
        """Height of a window: 80 for mel, 39 for MFCC with the default 13 coefficients, 119 for both."""
        cepstral = 3 * self.coefficients
        return {"mel": N_MELS, "mfcc": cepstral, "mel+mfcc": N_MELS + cepstral}[self.kind]

    @property
    def lookahead(self) -> float:
        """Seconds of sound before and after a video frame on which its window depends."""
        columns = max(-self.start, self.start + self.window - 1) + 1  # a frame lies between two columns
        columns += 0 if self.kind == "mel" else DIFFERENCES // 2
        return columns / MEL_RATE + (N_FFT // 2 + 1) / RATE


def features(samples: np.ndarray, spec: AudioFeatures) -> np.ndarray:
    """(rows, T) float32 speech features at 80 Hz of (N,) mono 16 kHz samples."""
    mel = mel_spectrogram(samples)
    if spec.kind == "mel":
        return mel
    cepstral = mfcc(mel, spec.coefficients)
    return cepstral if spec.kind == "mfcc" else np.concatenate([mel, cepstral])


def frame_windows(feature: np.ndarray, times: np.ndarray, spec: AudioFeatures) -> np.ndarray:
    """One window of features per video frame.

    Args:
        feature: (rows, T) as ``features`` returns it.
        times: (B,) seconds of the video frames.
        spec: length and start of the window.

    Returns:
        (B, 1, rows, window) float32. Beyond the ends of the sound the edge column repeats.
    """
    first = np.floor(np.asarray(times) * MEL_RATE + 1e-6).astype(int) + spec.start
    columns = np.clip(first[:, None] + np.arange(spec.window), 0, feature.shape[1] - 1)  # (B, window)
    return np.ascontiguousarray(feature[:, columns].transpose(1, 0, 2)[:, None])


def sync_windows(
    feature: np.ndarray, frames: np.ndarray, fps: float = 25.0, window: int = WINDOW
) -> np.ndarray:
    """(B, 1, rows, window): the 0.2 s of features that begin with a video frame (five frames at 25 fps)."""
    return frame_windows(feature, np.asarray(frames) / fps, AudioFeatures(window=window, start=0))
