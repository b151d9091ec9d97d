"""Starting a network's speech half from the weights that ``train speech`` left."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import load_file
from torch import nn

from lipsync.errors import ConfigError


def load_speech(net: nn.Module, path: str) -> None:
    """Start the speech half of a generator or a sync expert from a ``speech.safetensors``.

    Or from the speech half of a whole generator's ``model.safetensors``.

    Raises:
        ConfigError: the file is missing, or belongs to other features, widths or attention.
    """
    if not Path(path).is_file():
        raise ConfigError("train.no_speech_encoder", path=path)
    own = {k: v for k, v in net.state_dict().items() if k.startswith(("audio_encoder", "audio_attention"))}
    # A sync expert has no attention; it takes the encoder alone.
    parts = tuple({"audio_encoder", "audio_attention"} & dict(net.named_children()).keys())
    state = {k: v for k, v in load_file(path).items() if k.startswith(parts)}
    wrong = [key for key in own if key not in state or state[key].shape != own[key].shape]
    wrong += [key for key in state if key not in own]
    if wrong:
        raise ConfigError("train.speech_encoder_differs", path=path, weight=wrong[0])
    net.load_state_dict(state, strict=False)
