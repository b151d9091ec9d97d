"""Configuration of LSTM-CBAM (Hong & Zhang 2023): the generator, and the rows of its Table 1.

The ablations change the sync discriminator alone; the generator is the same in all four rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from lipsync.audio.features import AudioFeatures
from lipsync.errors import ConfigError
from lipsync.experts.sync_expert import SyncExpertConfig
from lipsync.registry import Registry
from lipsync.training.ablations import register_rows


@dataclass(frozen=True)
class LstmCbamConfig:
    """The generator's shape. The defaults are LipGAN's residual generator with Wav2Lip's mel window."""

    # The paper does not name its speech features; it takes Wav2Lip's loss and compares with it, so its input.
    audio: AudioFeatures = field(default_factory=lambda: AudioFeatures(kind="mel"))
    width: float = 1.0  # factor on all channel counts; 1 is LipGAN's size
    size: int = 96  # pixels, height and width of the face crop, a multiple of 32
    visible: float = 0.5  # share of its height, from the top, that is seen of the frame itself

    def __post_init__(self) -> None:
        if isinstance(self.audio, dict):  # as it comes out of config.json
            object.__setattr__(self, "audio", AudioFeatures(**self.audio))
        if not self.width > 0:
            raise ConfigError("config.width", width=self.width)

    def channels(self, published: int) -> int:
        """Channel count of a layer that has ``published`` channels at width 1."""
        return max(8, round(published * self.width))


# Table 1, one configuration per row. Without both it is Wav2Lip's sync expert, which the paper starts from.
ABLATIONS: Registry[SyncExpertConfig] = Registry("kind.ablation_lstm_cbam")
for _name, _lstm, _cbam in (
    ("without-both", False, False),
    ("without-lstm", False, True),
    ("without-cbam", True, False),
    ("lstm-cbam", True, True),
):
    ABLATIONS.register(_name, SyncExpertConfig(audio=AudioFeatures(kind="mel"), lstm=_lstm, cbam=_cbam))


def discriminator_config(ablation: str = "lstm-cbam", width: float = 1.0) -> SyncExpertConfig:
    """The sync discriminator of one row of Table 1.

    Args:
        ablation: a name of ``ABLATIONS``.
        width: factor on all channel counts.

    Raises:
        ConfigError: unknown name, or a width that is not positive.
    """
    if not width > 0:
        raise ConfigError("config.width", width=width)
    return replace(ABLATIONS.get(ablation), width=width)


register_rows(SyncExpertConfig, ABLATIONS, discriminator_config)
