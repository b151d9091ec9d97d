"""Reading the tensors of a checkpoint file, and never running code from it."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

from lipsync.errors import ArtefactError, ConfigError

PICKLED = {".pth", ".pt", ".model"}


def load_checkpoint(path: str | Path) -> dict[str, Any]:
    """The content of a checkpoint, tensors on the CPU.

    ``.safetensors`` holds nothing but tensors; ``.pth``, ``.pt`` and ``.model`` are pickles and are
    read with ``weights_only=True``, which refuses everything that is not a tensor or a plain value.

    Args:
        path: the file; its extension decides the format.

    Returns:
        What was saved: a state dict, or a dict that holds one under a key such as ``"state_dict"``.

    Raises:
        ConfigError: an ending that is no checkpoint format read here.
        ArtefactError: the file is missing, damaged, not a checkpoint, or holds more than weights.
    """
    path = Path(path)
    ending = check_ending(path)
    if not path.is_file():
        raise ArtefactError("checkpoint.missing_fetch", path=path)
    loaded = _read_safetensors(path) if ending == ".safetensors" else _read_torch(path)
    if not isinstance(loaded, dict):
        kind = type(loaded).__name__
        raise ArtefactError("checkpoint.not_weights", path=path, kind=kind)
    return dict(loaded)


def check_ending(path: str | Path) -> str:
    """The ending of a checkpoint's name, in lower case.

    Raises:
        ConfigError: it is no checkpoint format read here.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if ending not in PICKLED | {".safetensors"}:
        raise ConfigError("checkpoint.format", path=path.name)
    return ending


def _read_safetensors(path: Path) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path, device="cpu")
    except SafetensorError as problem:
        raise _damaged(path, problem) from problem
    except OSError as problem:
        raise ArtefactError("file.cannot_read", path=path, problem=problem.strerror or problem) from problem


def _read_torch(path: Path) -> Any:
    import torch

    if _is_torchscript(path):
        raise ArtefactError("checkpoint.torchscript", path=path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as problem:
        raise ArtefactError("file.cannot_read", path=path, problem=problem.strerror or problem) from problem
    except Exception as problem:
        # A damaged pickle can raise anything at all; none of it is a bug of ours.
        foreign = re.search(r"GLOBAL ([\w.]+\w) (?:was not an allowed|whose module)", str(problem))
        if foreign:
            raise ArtefactError("checkpoint.unsafe", path=path, what=foreign[1]) from problem
        raise _damaged(path, problem) from problem


def _is_torchscript(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("/constants.pkl") for name in archive.namelist())
    except Exception:  # damaged in any way: torch says how
        return False


def _damaged(path: Path, problem: Exception) -> ArtefactError:
    lines = str(problem).splitlines()
    # torch puts a page of advice to programmers there, which helps nobody who has half a file.
    explained = lines and not lines[0].startswith("Weights only load failed")
    if not explained:
        return ArtefactError("checkpoint.damaged", path=path)
    return ArtefactError("checkpoint.damaged_because", path=path, problem=lines[0].split(". ")[0][:120])
