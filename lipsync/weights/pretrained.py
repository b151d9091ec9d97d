"""A trained network as the folder that ``save_pretrained`` wrote: config.json and model.safetensors."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from lipsync.errors import ArtefactError, ConfigError, LipSyncError
from lipsync.weights import hub
from lipsync.weights.checkpoint import load_checkpoint
from lipsync.weights.renamed import current_settings, current_weights

C = TypeVar("C")
N = TypeVar("N", bound=nn.Module)
Reshape = Callable[[str, Tensor, torch.Size], Tensor | None]
SPARE = 50_000_000  # weights (200 MB) that a network may have more than its file; what differs is named then
LARGEST = 10_000  # number in a config.json: no size, count or factor of a network is larger


def read_config(path: Path, kind: type[C], what: str, needs: str = "audio") -> C:
    """The dataclass ``kind`` from a config.json of any version; keys it does not know are passed over.

    Args:
        what: the network for the sentence, such as ``"a generator of LSTM-CBAM"``.
        needs: a key that every such file has.

    Raises:
        ArtefactError: the file cannot be read.
        ConfigError: it describes another network.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
        if not isinstance(found, dict) or needs not in found:
            raise ConfigError("saved.not_described", path=path, what=what)
        settings = current_settings(kind, found)
        _check_types(kind, settings)
        return kind(**{key: value for key, value in settings.items() if key in known})
    except (OSError, ValueError, RecursionError) as problem:
        raise ArtefactError("saved.unreadable", path=path, problem=problem) from problem
    except TypeError as problem:
        raise ConfigError("saved.not_described_because", path=path, what=what, problem=problem) from problem


def read_saved(path: str | Path, net: type[N], kind: type[Any], what: str, needs: str = "audio") -> N:
    """The network of a folder, or of the ``.safetensors`` in it, with its weights.

    Args:
        net: class of the network, made from one ``kind``.
        kind: class of its configuration.
        what: the network for the sentences.
        needs: a key that every such config.json has.

    Raises:
        ArtefactError: a file is missing or damaged.
        ConfigError: the folder holds another network.
    """
    path = Path(path)
    weights = path / "model.safetensors" if path.is_dir() else path
    state = load_checkpoint(weights)
    made = make(net, read_config(weights.with_name("config.json"), kind, what, needs), state, weights, what)
    try:
        made.load_state_dict(state)
    except RuntimeError as problem:
        first = str(problem).splitlines()[1].strip()[:120]
        raise ConfigError("saved.not_that", path=weights, what=what, problem=first) from problem
    return made


def make(net: type[N], config: Any, state: Mapping[str, Any], path: Path, what: str) -> N:
    """The network of a configuration, which may be a stranger's: not much larger than its weights are.

    Args:
        state: the weights; values that are no tensors do not count.
        path, what: their file and the network, for the sentence.

    Raises:
        ConfigError: there is no such network, or it has `SPARE` more weights than the file.
    """
    left = sum(value.numel() for value in state.values() if isinstance(value, Tensor)) + SPARE
    thread = threading.get_ident()

    def count(module: nn.Module, name: str, weight: nn.Parameter) -> None:  # before it is filled with numbers
        nonlocal left
        left -= weight.numel() if threading.get_ident() == thread else 0
        if left < 0:
            raise ConfigError("saved.larger", path=path, what=what)

    hook = register_module_parameter_registration_hook(count)
    try:
        return net(config)
    except LipSyncError:
        raise
    except Exception as problem:  # whatever a network says of settings that nobody thought of
        raise ConfigError("saved.not_described_because", path=path, what=what, problem=problem) from problem
    finally:
        hook.remove()


def start_from(
    net: nn.Module,
    folder: str,
    missing: str = "train.no_network",
    reshape: Reshape = lambda name, value, shape: None,
) -> None:
    """Take over what fits of another network; the other layers stay as they are.

    Args:
        folder: of the other network.
        missing: key of the error where there is none.
        reshape: makes weights of another shape fit: gets their name, their values and the shape that is
            wanted; None where they cannot.

    Raises:
        ConfigError: there is no network in the folder.
    """
    path = Path(folder) / "model.safetensors"
    if not path.is_file():
        raise ConfigError(missing, folder=folder)
    own = net.state_dict()
    fitting = {}
    for name, value in current_weights(net, load_file(path)).items():
        if name in own:
            same = own[name].shape == value.shape
            taken = value if same else reshape(name, value, own[name].shape)
            if taken is not None:
                fitting[name] = taken
    net.load_state_dict(fitting, strict=False)


def weights_sha256(weights: Path) -> str:
    """SHA-256, in hex, of a file of weights, or of the ``model.safetensors`` in a folder."""
    return hub.checksum(weights / "model.safetensors" if weights.is_dir() else weights)


def _check_types(kind: type, settings: Mapping[str, Any]) -> None:
    """Refuse values of another type than the configuration's, and numbers that no network has.

    Raises:
        TypeError: there is one.
    """
    types = get_type_hints(kind)
    for name, value in settings.items():
        wanted = types.get(name)
        if is_dataclass(wanted) and isinstance(value, dict):
            _check_types(wanted, current_settings(wanted, value))  # type: ignore[arg-type]
        elif is_dataclass(wanted) or (wanted in (bool, str) and type(value) is not wanted):
            raise TypeError(f"{name} is {value!r:.60}")
        elif wanted in (int, float):
            allowed = (int, float) if wanted is float else (int,)
            if type(value) not in allowed or not abs(value) <= LARGEST:
                raise TypeError(f"{name} is {value!r:.60}")
