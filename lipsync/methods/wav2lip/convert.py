"""Weights of the Wav2Lip family from a file: the published format, or what this project writes."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

from torch import Tensor

from lipsync.audio.features import AudioFeatures
from lipsync.checkpoint import load_checkpoint
from lipsync.errors import ArtefactError, ConfigError
from lipsync.methods.wav2lip.config import Wav2LipConfig
from lipsync.methods.wav2lip.model import Generator


def read_generator(weights: Path) -> tuple[Wav2LipConfig, dict[str, Tensor]]:
    """Configuration and state dict of a generator.

    Args:
        weights: a published checkpoint (``wav2lip.pth``: a state dict, alone or under ``state_dict``, with
            or without the ``module.`` prefix of a parallel run), a folder of ours with ``config.json`` and
            ``model.safetensors``, or the ``.safetensors`` file in such a folder.

    Raises:
        ConfigError: the weights belong to another network.
        ArtefactError: a file is missing or damaged.
    """
    weights = Path(weights)
    if weights.is_dir():
        weights = weights / "model.safetensors"
    loaded = load_checkpoint(weights)
    state = loaded.get("state_dict", loaded)
    if not isinstance(state, dict):
        raise ConfigError(f"{weights} holds no state dict.")
    state = {key.removeprefix("module."): value for key, value in state.items()}
    config = _config_beside(weights) or Wav2LipConfig()
    wanted = {key: tuple(value.shape) for key, value in Generator(config).state_dict().items()}
    found = {key: tuple(value.shape) for key, value in state.items() if isinstance(value, Tensor)}
    if wanted != found:
        raise ConfigError(
            f"{weights.name} does not hold a generator of the Wav2Lip family: {_difference(wanted, found)}"
        )
    return config, state


def _config_beside(weights: Path) -> Wav2LipConfig | None:
    path = weights.with_name("config.json")
    if weights.suffix != ".safetensors" or not path.is_file():
        return None
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        audio = AudioFeatures(**data["audio"])
        known = {field.name for field in fields(Wav2LipConfig)}
        return Wav2LipConfig(
            **{key: value for key, value in data.items() if key in known and key != "audio"}, audio=audio
        )
    except (ValueError, KeyError, TypeError) as problem:
        raise ArtefactError(f"{path} is not a configuration of this method ({problem}).") from problem


def _difference(wanted: dict[str, tuple], found: dict[str, tuple]) -> str:
    """What a foreign checkpoint looks like, in half a sentence."""
    if not found:
        return "it holds no weights."
    if "face_encoder.0.conv_block.0.weight" in found:
        return "it looks like a sync expert (SyncNet), which judges videos and cannot draw them."
    missing, extra = sorted(set(wanted) - set(found)), sorted(set(found) - set(wanted))
    if missing or extra:
        first = (missing or extra)[0]
        return f"{len(missing)} weights are missing and {len(extra)} are unknown, {first} for one."
    first = next(key for key in wanted if wanted[key] != found[key])
    return f"{first} has shape {found[first]} instead of {wanted[first]}; was it trained with another width?"
