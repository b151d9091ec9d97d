"""The frozen networks that a generator learns from, and what each of them is shown."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from lipsync.errors import ConfigError
from lipsync.experts.mouth_shape import SIZE as MOUTH_SIZE
from lipsync.experts.mouth_shape import MouthExpert
from lipsync.experts.sync_expert import SyncExpert

N = TypeVar("N", bound=nn.Module)


def load_frozen(kind: type[N], folder: str, missing: str) -> N:
    """A trained network that is not trained further.

    Args:
        missing: key of the error where the folder holds none.

    Raises:
        ConfigError: not such a folder.
    """
    if not (Path(folder) / "config.json").is_file():
        raise ConfigError(missing, folder=folder)
    return kind.from_pretrained(folder).eval().requires_grad_(False)  # type: ignore[attr-defined]


def load_sync_expert(folder: str) -> SyncExpert:
    """The frozen sync expert of ``train sync``.

    Raises:
        ConfigError: not such a folder.
    """
    return load_frozen(SyncExpert, folder, "train.no_sync_expert")


def load_mouth_expert(path: str) -> MouthExpert:
    """The frozen mouth expert of ``train mouth``.

    Raises:
        ConfigError: the file is missing.
    """
    if not Path(path).is_file():
        raise ConfigError("train.no_mouth_expert", path=path)
    net = MouthExpert()
    net(torch.zeros(2, 3, MOUTH_SIZE, MOUTH_SIZE))
    net.load_state_dict(load_file(path))
    return net.eval().requires_grad_(False)


def mouth_input(crops: Tensor) -> Tensor:
    """Crops (B, 3, S, S) at the size that the mouth expert was trained at."""
    if crops.shape[-1] == MOUTH_SIZE:
        return crops
    return F.interpolate(crops.float(), size=(MOUTH_SIZE, MOUTH_SIZE), mode="bilinear", antialias=True)


def mouth_square(crops: Tensor) -> Tensor:
    """(B, 3, S/2, S/2) middle of the lower half of crops (B, 3, S, S)."""
    size = crops.shape[-1]
    return crops[:, :, size // 2 :, size // 4 : size // 4 + size // 2]
