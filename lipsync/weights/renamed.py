"""What earlier versions called settings and weights: files that they saved load under the names of today."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

_AUGMENT = {"vary": "augment"}
# By the class of the configuration: what a key was called, and what it is called.
SETTINGS = {
    "SpeechInput": {"hears": "features"},
    "MultiReferenceConfig": {"told": "token_modulation", "moves": "warp_references"},
    "ExpressionConfig": {"hear": "audio_residual"},
    "GeneratorConfig": {**_AUGMENT, "swapped": "mismatched_audio_fraction"},
    "JointConfig": _AUGMENT,
    "SyncConfig": _AUGMENT,
    "LipReaderTraining": _AUGMENT,
    "ExpressionStageConfig": _AUGMENT,
    "DubbingConfig": _AUGMENT,
    "MultiReferenceTraining": {
        **_AUGMENT,
        "stills": "single_reference_fraction",
        "wide": "wide_mouth_fraction",
        "shrunk": "train_at_network_size",
    },
}
# By the class of the module: how the names of its weights began, and how they begin.
WEIGHTS = {
    "Fusion": {"hear.": "audio_attention.", "hear_norm.": "audio_norm."},
    "ImageDecoder": {"tell.": "modulation."},
    "ExpressionNet": {"hear.": "audio_residual."},
    "QualityDiscriminator": {"judge.": "score."},
}


def current_settings(kind: type, saved: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a configuration as a file holds them, by the names of today.

    Where both names of a setting are there, the later one counts: ``--set`` comes after the file.
    """
    names = {old: new for base in kind.__mro__ for old, new in SETTINGS.get(base.__name__, {}).items()}
    return {names.get(key, key): value for key, value in saved.items()}


def current_weights(net: nn.Module, saved: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a network as a file holds them, by the names of today."""
    state = dict(saved)
    for path, module in net.named_modules():
        _rename(module, state, f"{path}." if path else "")
    return state


def accept_old_weights(module: nn.Module) -> None:
    """Let ``load_state_dict`` take the names of earlier versions, wherever in a network the module is."""
    module.register_load_state_dict_pre_hook(_rename)


def _rename(module: nn.Module, state: dict[str, Tensor], prefix: str, *_: Any) -> None:
    for old, new in WEIGHTS.get(type(module).__name__, {}).items():
        for name in [name for name in state if name.startswith(prefix + old)]:
            state[prefix + new + name.removeprefix(prefix + old)] = state.pop(name)
