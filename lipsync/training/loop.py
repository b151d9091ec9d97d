"""The training loop of all stages: seeds, mixed precision, checkpoints, resume, logs, processes."""

from __future__ import annotations

import contextlib
import csv
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from lipsync.errors import ConfigError


@dataclass(frozen=True)
class RunConfig:
    """How long and on what a stage trains."""

    steps: int = 10_000
    seed: int = 0
    precision: str = "fp32"  # "fp32", "bf16" or "fp16" (CUDA) autocast
    device: str = "auto"  # "auto", "cpu", "cuda"
    threads: int = 0  # CPU threads; 0 leaves PyTorch's choice
    clip_gradient: float = 1.0  # largest norm
    log_every: int = 50  # steps
    save_every: int = 500  # steps between checkpoints
    check_every: int = 1000  # steps between validations and sample images; 0 for never


class Stage(Protocol):
    """What is trained: modules, their optimisers, and one step.

    A stage that looks at frozen networks names them in ``frozen: dict[str, nn.Module]``; they go to the
    same device, and neither into checkpoints nor back to training mode.
    """

    modules: dict[str, nn.Module]
    optimizers: dict[str, torch.optim.Optimizer]

    def batch(self, rng: np.random.Generator) -> dict[str, Tensor]: ...
    def step(self, batch: dict[str, Tensor], update: Update, progress: float) -> dict[str, float]: ...
    def check(self, folder: Path, step: int) -> dict[str, float]: ...
    def export(self, folder: Path) -> None: ...


class Update:
    """One optimiser step: backward, averaging over processes, clipping, stepping."""

    def __init__(self, config: RunConfig, device: torch.device):
        self.config, self.device = config, device
        self.scaler = torch.amp.GradScaler(device.type, enabled=config.precision == "fp16")

    def autocast(self):
        if self.config.precision == "fp32":
            return contextlib.nullcontext()
        kind = {"bf16": torch.bfloat16, "fp16": torch.float16}[self.config.precision]
        return torch.autocast(self.device.type, kind)

    def __call__(self, loss: Tensor, module: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        if dist.is_initialized():
            # Before unscaling, which looks for infinities: all processes must skip the same steps.
            for parameter in module.parameters():
                if parameter.grad is not None:
                    dist.all_reduce(parameter.grad)
                    parameter.grad /= dist.get_world_size()
        self.scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(module.parameters(), self.config.clip_gradient)
        self.scaler.step(optimizer)
        self.scaler.update()


def pick_device(name: str) -> torch.device:
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError(
            'device = "cuda" was asked for, but PyTorch sees no CUDA device. Use "cpu" or "auto".'
        )
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def fit(stage: Stage, config: RunConfig, folder: Path, resume: bool = False, quiet: bool = False) -> None:
    """Train ``stage`` and leave checkpoints, ``log.csv``, sample images and the exported model in ``folder``.

    The randomness of a step depends on seed, process and step number alone, so a resumed run draws
    what an uninterrupted one would have drawn.
    """
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / "checkpoint.pt"
    rank = dist.get_rank() if dist.is_initialized() else 0
    device = pick_device(config.device)
    if config.threads:
        torch.set_num_threads(config.threads)
    update = Update(config, device)
    for module in getattr(stage, "frozen", {}).values():
        module.to(device)
    for module in stage.modules.values():
        module.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if dist.is_initialized():
            for value in module.state_dict().values():
                dist.broadcast(value, 0)
    first = 0
    if resume:
        if not checkpoint.is_file():
            raise ConfigError(f"Nothing to resume: {checkpoint} does not exist.")
        first = _load(stage, update, checkpoint, device)
        if rank == 0:
            for name in ("log.csv", "checks.csv"):
                _cut_log(folder / name, first)
    start, history = time.monotonic(), []
    for step, batch in _batches(stage, config, rank, first, device):
        torch.manual_seed(hash((config.seed, rank, step)) % 2**31)
        values = stage.step(batch, update, step / config.steps)
        history.append(values)
        done = step + 1
        last = done == config.steps
        if rank == 0 and (done % config.log_every == 0 or last):
            mean = {key: float(np.mean([h[key] for h in history if key in h])) for key in history[-1]}
            mean["steps_per_second"] = (done - first) / (time.monotonic() - start)
            _log(folder / "log.csv", done, mean)
            if not quiet:
                print(
                    f"step {done}/{config.steps} " + " ".join(f"{k} {v:.4g}" for k, v in mean.items()),
                    flush=True,
                )
            history = []
        if rank == 0 and config.check_every and (done % config.check_every == 0 or last):
            for module in stage.modules.values():
                module.eval()
            with torch.no_grad():
                found = stage.check(folder, done)
            for module in stage.modules.values():
                module.train()
            if found:
                _log(folder / "checks.csv", done, found)
                if not quiet:
                    print(f"check {done} " + " ".join(f"{k} {v:.4g}" for k, v in found.items()), flush=True)
        if rank == 0 and (done % config.save_every == 0 or last):
            _save(stage, update, checkpoint, done)
            stage.export(folder)


def _batches(
    stage: Stage, config: RunConfig, rank: int, first: int, device: torch.device
) -> Iterator[tuple[int, dict[str, Tensor]]]:
    """Batches made one step ahead on another thread."""

    def make(step: int) -> dict[str, Tensor]:
        return stage.batch(np.random.default_rng([config.seed, rank, step]))

    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(make, first) if first < config.steps else None
        for step in range(first, config.steps):
            assert following is not None
            batch = following.result()
            following = pool.submit(make, step + 1) if step + 1 < config.steps else None
            yield step, {key: value.to(device, non_blocking=True) for key, value in batch.items()}


def _save(stage: Stage, update: Update, path: Path, step: int) -> None:
    partial = path.with_suffix(".partial")
    state = {
        "step": step,
        "modules": {name: module.state_dict() for name, module in stage.modules.items()},
        "optimizers": {name: optimizer.state_dict() for name, optimizer in stage.optimizers.items()},
        "scaler": update.scaler.state_dict(),
    }
    torch.save(state, partial)
    partial.replace(path)  # a run that is killed here keeps its last whole checkpoint


def _load(stage: Stage, update: Update, path: Path, device: torch.device) -> int:
    state = torch.load(path, map_location=device, weights_only=True)
    try:
        for name, module in stage.modules.items():
            module.load_state_dict(state["modules"][name])
        for name, optimizer in stage.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
    except (KeyError, RuntimeError, ValueError) as problem:
        raise ConfigError(
            f"{path} was trained with another configuration ({str(problem).splitlines()[0][:120]}). "
            "Resume with the configuration it began with."
        ) from problem
    update.scaler.load_state_dict(state["scaler"])
    return int(state["step"])


def _log(path: Path, step: int, values: dict[str, float]) -> None:
    """Append a row; a value that comes for the first time, such as a loss that joins late, gets a column."""
    row = {"step": str(step), **{key: f"{value:.6g}" for key, value in values.items()}}
    columns, rows = _read_log(path)
    if path.exists() and set(row) <= set(columns):
        with path.open("a", newline="") as file:
            csv.DictWriter(file, columns).writerow(row)
    else:
        _write_log(path, [*columns, *(key for key in row if key not in columns)], [*rows, row])


def _cut_log(path: Path, step: int) -> None:
    """Drop what was logged after the checkpoint that a run goes on from: it is about to be done again."""
    columns, rows = _read_log(path)
    if columns:
        _write_log(path, columns, [row for row in rows if int(row["step"]) <= step])


def _read_log(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    if not path.exists():
        return [], []
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        return list(reader.fieldnames or []), list(reader)


def _write_log(path: Path, columns: list[str], rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
