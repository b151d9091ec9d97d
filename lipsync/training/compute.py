"""Where a run computes, and how: the device, ``torch.compile``, kernels that repeat bit by bit."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
import torch.distributed as dist

from lipsync.errors import ConfigError
from lipsync.registry import unknown

if TYPE_CHECKING:
    from lipsync.training.loop import Stage


def pick_device(name: str) -> torch.device:
    """The device that ``RunConfig.device`` names; "auto" is the GPU where there is one.

    Raises:
        ConfigError: "cuda", and there is none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError("train.no_cuda")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def place(stage: Stage, device: torch.device) -> None:
    """Move the networks to a device; all processes begin with the weights of the first."""
    for module in stage.frozen.values():
        module.to(device)
    for module in stage.modules.values():
        module.to(device)
        if all(p.dim() != 5 for p in module.parameters()):  # convolutions over time have another layout
            module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if dist.is_initialized():
            for value in module.state_dict().values():
                dist.broadcast(value, 0)


def compile_stage(stage: Stage, backend: str, device: torch.device) -> None:
    """Let ``torch.compile`` translate the stage's modules when they first run.

    Raises:
        ConfigError: no such back end, or the compiler it needs is missing.
    """
    known = torch._dynamo.list_backends(exclude_tags=())
    if backend not in known:
        raise ConfigError(unknown("kind.compile_backend", backend, known))
    compilers = map(shutil.which, ("g++", "clang++", "c++"))
    if backend == "inductor" and device.type == "cpu" and not any(compilers):
        raise ConfigError("train.no_compiler")
    for module in stage.modules.values() if stage.compiled is None else stage.compiled:
        module.compile(backend=backend)


@contextlib.contextmanager
def repeatable() -> Iterator[None]:
    """Deterministic kernels while it lasts; PyTorch warns of each that has no deterministic form."""
    before = torch.are_deterministic_algorithms_enabled()
    warned = torch.is_deterministic_algorithms_warn_only_enabled()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when CUDA's matrix library starts
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warned)
