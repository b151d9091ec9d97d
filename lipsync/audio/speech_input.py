"""Which feature vectors around a video frame a network is given."""

from __future__ import annotations

from dataclasses import dataclass, field

from lipsync.audio.features import AudioFeatures
from lipsync.errors import ConfigError

LEARNED = "learned"  # the encoder of figure 3, which is part of the network


@dataclass(frozen=True)
class SpeechInput:
    """The speech that a network is given for each video frame: ``count`` feature vectors around it."""

    encoder: str = LEARNED  # name of a speech encoder (``lipsync.audio.encoders``), or "learned": figure 3's
    dimension: int = 512  # D, values of a feature vector
    rate: float = 25.0  # Hz of the feature vectors
    # Input of figure 3's encoder for each vector; the window reaches 50 ms back and 150 ms ahead.
    features: AudioFeatures = field(default_factory=lambda: AudioFeatures(start=-4))
    count: int = 11  # F, vectors around the frame
    spacing: int = 1  # vectors from one to the next; the patent names 1 and 2
    # Vectors each way that figure 3's encoder uses as context (``LearnedEncoder``); 0: one window alone.
    context: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.features, dict):  # as it comes out of config.json
            object.__setattr__(self, "features", AudioFeatures(**self.features))
        if self.count < 1 or self.count % 2 == 0 or self.spacing < 1:
            raise ConfigError("config.audio_window", count=self.count, spacing=self.spacing)

    @property
    def lookahead(self) -> float:
        """Seconds between the frame and the last vector that it depends on."""
        return ((self.count - 1) // 2 * self.spacing + self.context) / self.rate
