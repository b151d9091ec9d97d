"""The rows of M-CSAWav2Lip's ablation (Table 2), one configuration each, and one that it does not print."""

from __future__ import annotations

from dataclasses import replace

from lipsync.audio.features import AudioFeatures
from lipsync.errors import ConfigError
from lipsync.experts.sync_expert import SyncExpertConfig
from lipsync.methods.wav2lip.config import Wav2LipConfig
from lipsync.registry import Registry
from lipsync.training.ablations import register_rows

_MEL, _MFCC, _FUSED = (AudioFeatures(kind=kind) for kind in ("mel", "mfcc", "mel+mfcc"))

# Table 2 lists CSA-Wav2Lip and the full model as two rows with different numbers, and section 4.2.3
# describes CAT-, SAT- and CSA-Wav2Lip by their attention alone. The full model is M- and CSA-Wav2Lip
# together, so the attention rows must keep Wav2Lip's own mel features. The last row is not in the table: the
# full model as section 3.1.1 has it and figure 1 does not, with the fused features as a channel of the faces.
ABLATIONS: Registry[Wav2LipConfig] = Registry("kind.ablation")
for _name, _config in {
    "wav2lip": Wav2LipConfig(audio=_MEL),
    "mfcc": Wav2LipConfig(audio=_MFCC),
    "m": Wav2LipConfig(audio=_FUSED),
    "ca": Wav2LipConfig(audio=_MEL, channel_attention=True),
    "sa": Wav2LipConfig(audio=_MEL, spatial_attention=True),
    "csa": Wav2LipConfig(audio=_MEL, channel_attention=True, spatial_attention=True),
    "full": Wav2LipConfig(audio=_FUSED, channel_attention=True, spatial_attention=True),
    "audio-channel": Wav2LipConfig(
        audio=_FUSED, channel_attention=True, spatial_attention=True, audio_channel=True
    ),
}.items():
    ABLATIONS.register(_name, _config)


def generator_config(ablation: str = "full", width: float = 1.0) -> Wav2LipConfig:
    """The generator of one row.

    Args:
        ablation: a name of ``ABLATIONS``.
        width: factor on all channel counts; 1 is the published size.

    Raises:
        ConfigError: unknown name.
    """
    return replace(ABLATIONS.get(ablation), width=_positive(width))


def sync_expert_config(ablation: str = "full", width: float = 1.0) -> SyncExpertConfig:
    """The lip-sync discriminator for the generator of that row, with the same audio features.

    Raises:
        ConfigError: unknown name.
    """
    return SyncExpertConfig(audio=ABLATIONS.get(ablation).audio, width=_positive(width))


def _positive(width: float) -> float:
    if not width > 0:
        raise ConfigError("config.width", width=width)
    return width


register_rows(Wav2LipConfig, ABLATIONS, generator_config)
register_rows(SyncExpertConfig, ABLATIONS, sync_expert_config)
