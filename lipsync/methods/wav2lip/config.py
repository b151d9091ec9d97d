"""Configuration of the Wav2Lip family: every ablation of M-CSAWav2Lip's Table 2 is one value of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from lipsync.audio.features import AudioFeatures


@dataclass(frozen=True)
class Wav2LipConfig:
    """The generator's shape. The defaults are Wav2Lip as published: a checkpoint loads with strict keys."""

    audio: AudioFeatures = field(default_factory=lambda: AudioFeatures(kind="mel"))
    channel_attention: bool = False  # eq 4-5, at the three places of the paper
    spatial_attention: bool = False  # eq 6-9, after the channel attention
    # Section 3.1.1 of M-CSAWav2Lip lays the speech features over the faces as one more channel before they
    # are encoded together. Its figure 1 shows speech enter by the speech encoder alone, as in Wav2Lip: off.
    audio_channel: bool = False
    width: float = 1.0  # factor on all channel counts; 1 is the published size
    size: int = 96  # pixels, height and width of the face crop
    # Share of a crop's height, from the top, that the network sees of the frame itself. The papers' half
    # shows the cheeks, which move with the mouth that is to be replaced.
    visible: float = 0.5
    # What a crop shows: "upright", the face square of this project, or "s3fd", the detector's box, stretched,
    # with the frame itself as its reference (``lipsync.methods.wav2lip.published``).
    framing: str = "upright"

    def __post_init__(self) -> None:
        if isinstance(self.audio, dict):  # as it comes out of config.json
            object.__setattr__(self, "audio", AudioFeatures(**self.audio))

    def channels(self, published: int) -> int:
        """Channel count of a layer that has ``published`` channels at width 1."""
        return max(8, round(published * self.width))
