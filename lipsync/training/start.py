"""A network that starts from the weights of another one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from lipsync.errors import ConfigError

Reshape = Callable[[str, Tensor, torch.Size], Tensor | None]


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
    for name, value in load_file(path).items():
        if name in own:
            same = own[name].shape == value.shape
            taken = value if same else reshape(name, value, own[name].shape)
            if taken is not None:
                fitting[name] = taken
    net.load_state_dict(fitting, strict=False)
