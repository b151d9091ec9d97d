"""Speech features: mel spectrogram, MFCC, the fused features of M-CSAWav2Lip, windows per video frame."""

from lipsync.audio.features import AudioFeatures, features, frame_windows, sync_windows
from lipsync.audio.mel import HOP, RATE, mel_spectrogram
from lipsync.audio.mfcc import mfcc

__all__ = [
    "HOP",
    "RATE",
    "AudioFeatures",
    "features",
    "frame_windows",
    "mel_spectrogram",
    "mfcc",
    "sync_windows",
]
