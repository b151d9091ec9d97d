"""Weights of the Wav2Lip family as they lie on disk: the published files and this project's folders."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from lipsync.errors import ArtefactError, ConfigError
from lipsync.methods.wav2lip.config import Wav2LipConfig
from lipsync.methods.wav2lip.model import Generator
from lipsync.texts import Message
from lipsync.weights import hub
from lipsync.weights.checkpoint import load_checkpoint
from lipsync.weights.pretrained import make, read_config

_STEM, _LAST = "face_encoder_blocks.0.0.conv_block.0.weight", "output_block.1"
# Other networks' files that users may have, recognised by a key or two.
_OTHERS = (
    ({"face_encoder.0.0.conv_block.0.weight"}, "lstm_cbam"),
    ({"face_encoder.0.conv_block.0.weight"}, "sync_expert"),
    ({"netcnnaud.0.weight", "netcnnlip.0.weight"}, "syncnet"),
    ({_STEM, "binary_pred.0.weight"}, "wav2lip_discriminator"),
    ({"judge.weight", "blocks.0.block.0.weight"}, "discriminator"),  # of earlier versions
    ({"score.weight", "blocks.0.block.0.weight"}, "discriminator"),
    ({"features.0.weight", "head.1.weight"}, "mouth_expert"),
    ({"conv1_1.weight", "conv1_1.bias"}, "s3fd"),
)


def read_generator(path: str | Path) -> tuple[Wav2LipConfig, dict[str, Tensor]]:
    """Configuration and weights of a generator, for ``Generator(config).load_state_dict(state)``.

    Published files hold no configuration and were trained on pictures in OpenCV's channel order
    (BGR). Their first and last convolutions are reordered here, so that every generator of this
    project takes and gives RGB.

    Args:
        path: a published ``.pth`` (weights under ``state_dict`` or bare, with or without the prefix
            ``module.``), or a folder that ``save_pretrained`` wrote, or the ``.safetensors`` in it.

    Raises:
        ArtefactError: a file is missing or damaged.
        ConfigError: the weights are those of another network; the message names it.
    """
    path = Path(path)
    weights = path / "model.safetensors" if path.is_dir() else path
    loaded = load_checkpoint(weights)
    config_file = weights.with_name("config.json")
    if weights.suffix.lower() == ".safetensors" and config_file.is_file():
        config = read_config(config_file, Wav2LipConfig, Message("wav2lip.network"))
        _must_match(loaded, config, weights)
        return config, loaded
    state, config = _bare(loaded), Wav2LipConfig(framing="s3fd")
    _must_match(state, config, weights)
    return config, swap_channels(state)


def read_published(path: str | Path) -> tuple[Wav2LipConfig, dict[str, Tensor]]:
    """As :func:`read_generator`, for a file that will be used often.

    The first time it is converted to a folder of this project in the cache, under the checksum of the
    file: without the optimiser's state it is a third of the size, and no pickle is opened any more.

    Raises:
        ArtefactError, ConfigError: see :func:`read_generator`.
    """
    folder = hub.cache_folder() / "converted" / hub.checksum(Path(path))
    if folder.is_dir():
        with suppress(ArtefactError, ConfigError):  # damaged: converted again
            config, state = read_generator(folder)
            if config.framing == "s3fd":  # one of an earlier version does not say so: converted again
                return config, state
    config, state = read_generator(path)
    with suppress(OSError):  # a full disk only costs the next start some seconds
        _keep(config, state, folder)
    return config, state


def _keep(config: Wav2LipConfig, state: dict[str, Tensor], folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=".") as work:
        made = Path(work) / "core"
        made.mkdir()
        save_file(state, made / "model.safetensors", metadata={"format": "pt"})
        (made / "config.json").write_text(json.dumps(asdict(config), indent=2), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)


def swap_channels(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same generator for RGB pictures instead of BGR, or the other way round."""
    reordered = dict(state)
    reordered[_STEM] = state[_STEM][:, [2, 1, 0, 5, 4, 3]].contiguous()  # pose prior, then reference
    for part in ("weight", "bias"):
        reordered[f"{_LAST}.{part}"] = state[f"{_LAST}.{part}"].flip(0).contiguous()
    return reordered


def _bare(loaded: dict[str, Any]) -> dict[str, Any]:
    """The state dict inside a training checkpoint, without the prefix of a parallel run."""
    inner = loaded.get("state_dict")
    inner = inner if isinstance(inner, dict) else loaded
    return {str(key).removeprefix("module."): value for key, value in inner.items()}


def _must_match(state: dict[str, Any], config: Wav2LipConfig, path: Path) -> None:
    with torch.device("meta"):
        net = make(Generator, config, state, path, Message("wav2lip.network"))
    wanted = {key: tuple(value.shape) for key, value in net.state_dict().items()}
    found = {key: tuple(value.shape) for key, value in state.items() if isinstance(value, Tensor)}
    if found != wanted:
        raise ConfigError("saved.other_generator", path=path, difference=_difference(found, wanted))


def _difference(found: dict[str, tuple[int, ...]], wanted: dict[str, tuple[int, ...]]) -> str:
    """What the foreign weights look like, in half a sentence."""
    for signs, name in _OTHERS:
        if signs <= set(found):
            return Message(f"generator.looks_like.{name}")
    missing, extra = sorted(set(wanted) - set(found)), sorted(set(found) - set(wanted))
    if not set(wanted) & set(found):
        if not extra:
            return Message("generator.looks_like.nothing")
        return Message("generator.looks_like.other", weight=extra[0])
    if any(key.startswith(("audio_attention", "face_attention")) for key in extra):
        return Message("generator.looks_like.mcsawav2lip")
    if missing or extra:
        parts = [
            Message(f"generator.weights.{what}", count=len(keys), first=keys[0])
            for what, keys in (("missing", missing), ("unknown", extra))
            if keys
        ]
        return Message("generator.looks_like.variant", parts=parts)
    key = next(key for key in wanted if found[key] != wanted[key])
    sizes = ["x".join(map(str, shape[key])) for shape in (found, wanted)]
    return Message("generator.looks_like.other_sizes", weight=key, found=sizes[0], wanted=sizes[1])
