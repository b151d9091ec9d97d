"""The training loop of all stages: seeds, mixed precision, checkpoints, resume, logs, processes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from lipsync.errors import ConfigError
from lipsync.registry import unknown
from lipsync.texts import for_terminal
from lipsync.training.compute import compile_stage, pick_device, place, repeatable
from lipsync.training.feed import Batches, feed
from lipsync.training.log import StepLog, add_row, cut_rows, figures
from lipsync.training.schedules import LearningRates
from lipsync.weights.renamed import current_settings

if TYPE_CHECKING:
    from lipsync.data.clips import Clip, Sampler


@dataclass(frozen=True)
class RunConfig:
    """How long and on what a stage trains."""

    steps: int = 10_000
    seed: int = 0
    precision: str = "fp32"  # "fp32", "bf16" or "fp16" (CUDA) autocast
    device: str = "auto"  # "auto", "cpu", "cuda"
    threads: int = 0  # CPU threads; 0 leaves PyTorch's choice
    workers: int = 0  # processes that make batches; 0 makes them on a thread of this one
    accumulate: int = 1  # batches whose gradients make one step; batch norm sees each of them alone
    compile: str = ""  # back end of torch.compile, such as "inductor"; "" runs without
    deterministic: bool = False  # only kernels that repeat bit by bit (on CUDA; a CPU's do anyway)
    clip_gradient: float = 1.0  # largest norm
    log_every: int = 50  # steps
    save_every: int = 500  # steps between checkpoints; 0 for never
    check_every: int = 1000  # steps between validations and sample images; 0 for never
    # For short runs of one process, such as those that adapt a core to one person:
    seconds: float = 0.0  # after which the run ends as if it had made all its steps; 0 for no limit
    check_seconds: float = 0.0  # the same for validations, beside ``check_every``
    best: str = ""  # a value of the validations: the model of the lowest is exported, the first weights count
    patience: int = 0  # validations in a row without a lower one that end the run; 0 for any number


class Stage:
    """What is trained: modules, their optimisers, and one step. A stage derives from this class.

    Args:
        config: its ``settings``.
        train: clips to learn from.
        dev: clips for validations; none where nobody was kept out of training.

    Attributes:
        settings: dataclass of its settings, the table ``[stage]`` of a configuration.
        before: settings that came later than the first runs, with what was done before they came.
        modules: networks that are trained, by name.
        optimizers: that move them, by name.
        frozen: networks that it looks at; they go to the same device, and neither into checkpoints nor back
            to training mode.
        compiled: parts of its modules that it calls instead of the modules, for ``torch.compile``; None: it
            calls the modules.
        sampler: what draws its clips; processes that make batches share out the memory that it may use.
    """

    settings: ClassVar[type]
    before: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    modules: dict[str, nn.Module]
    optimizers: dict[str, torch.optim.Optimizer]
    frozen: Mapping[str, nn.Module] = MappingProxyType({})
    compiled: Sequence[nn.Module] | None = None
    sampler: Sampler | None = None

    def __init__(self, config: Any, train: list[Clip], dev: list[Clip]):
        raise NotImplementedError

    def batch(self, rng: np.random.Generator) -> dict[str, Tensor]:
        """What one step is made from."""
        raise NotImplementedError

    def step(self, batch: dict[str, Tensor], update: Update, progress: float) -> dict[str, float]:
        """Move the weights, ``progress`` 0..1 into the run; values for the log by name."""
        raise NotImplementedError

    def learning_rate_factor(self, progress: float) -> float:
        """What all learning rates of the configuration are multiplied by, ``progress`` 0..1 into the run."""
        return 1.0

    def export(self, folder: Path) -> None:
        """Leave what was trained in a folder."""
        raise NotImplementedError

    def check(self, folder: Path, step: int) -> dict[str, float]:
        """What a validation finds, by name; none where nothing is validated."""
        return {}

    @classmethod
    def restored(cls, settings: dict[str, Any]) -> dict[str, Any]:
        """The settings of a run of any earlier version, as they are read now: it goes on as it began."""
        return {**cls.before, **current_settings(cls.settings, settings)}


class Update:
    """One optimiser step: backward, averaging over batches and processes, clipping, stepping.

    Attributes:
        part: which of the ``accumulate`` batches of this step it is.
    """

    def __init__(self, config: RunConfig, device: torch.device):
        self.config, self.device, self.part = config, device, 0
        self.scaler = torch.amp.GradScaler(device.type, enabled=config.precision == "fp16")

    @property
    def steps(self) -> bool:
        """Whether the weights move with this batch, the last one of its step."""
        return self.part == self.config.accumulate - 1

    def autocast(self):
        if self.config.precision == "fp32":
            return contextlib.nullcontext()
        kind = {"bf16": torch.bfloat16, "fp16": torch.float16}[self.config.precision]
        return torch.autocast(self.device.type, kind)

    def __call__(self, loss: Tensor, module: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        if self.part == 0:
            optimizer.zero_grad(set_to_none=True)
        # Only into what this optimiser moves: a loss that passes through a discriminator leaves no gradient
        # there, which the discriminator's own batches would add to.
        moved = [p for group in optimizer.param_groups for p in group["params"] if p.requires_grad]
        self.scaler.scale(loss / self.config.accumulate).backward(inputs=moved)
        if not self.steps:
            return
        # Before unscaling, which looks for infinities: all processes must skip the same steps.
        average([p.grad for p in moved if p.grad is not None])
        self.scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(module.parameters(), self.config.clip_gradient)
        self.scaler.step(optimizer)
        self.scaler.update()


def average(values: Iterable[Tensor]) -> None:
    """Replace tensors by their mean over all processes, in one message for each type."""
    if not dist.is_initialized():
        return
    kinds: dict[torch.dtype, list[Tensor]] = {}
    for value in values:
        kinds.setdefault(value.dtype, []).append(value)
    for alike in kinds.values():
        flat = torch.cat([value.reshape(-1) for value in alike])
        dist.all_reduce(flat)
        flat /= dist.get_world_size()
        for value, part in zip(alike, flat.split([value.numel() for value in alike]), strict=True):
            value.copy_(part.view_as(value))


def fit(
    stage: Stage,
    config: RunConfig,
    folder: Path,
    resume: bool = False,
    quiet: bool = False,
    watch: Callable[[float], None] = lambda seconds: None,
) -> None:
    """Train ``stage`` and leave checkpoints, ``log.csv``, sample images and the exported model in ``folder``.

    The randomness of a step depends on seed, process and step number alone, so a resumed run draws
    what an uninterrupted one would have drawn, and on a CPU in fp32 ends with the same bits.

    Args:
        watch: gets the seconds so far after every step; what it raises ends the run.

    Raises:
        ConfigError: the device or the compiler is not there, or there is nothing to resume.
    """
    with repeatable() if config.deterministic else contextlib.nullcontext():
        _fit(stage, config, folder, resume, quiet, watch)


def _fit(
    stage: Stage,
    config: RunConfig,
    folder: Path,
    resume: bool,
    quiet: bool,
    watch: Callable[[float], None],
) -> None:
    if dist.is_initialized() and (config.seconds or config.best):
        raise ConfigError("train.one_process")
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / "checkpoint.pt"
    rank = dist.get_rank() if dist.is_initialized() else 0
    device = pick_device(config.device)
    if config.threads:
        torch.set_num_threads(config.threads)
    update = Update(config, device)
    place(stage, device)
    if config.compile:
        compile_stage(stage, config.compile, device)
    rates = LearningRates(stage)
    first = _resume(stage, update, checkpoint, device) if resume else 0
    drawn = Batches(stage, config.seed, rank)
    parts, total = config.accumulate, config.steps * config.accumulate
    start = time.monotonic()
    schedule, steps = Schedule(config, start), StepLog(folder / "log.csv", first, config.steps, quiet)
    if config.best and schedule.improved(validate(stage, folder, 0, quiet)):
        stage.export(folder)
    batches = feed(drawn, first * parts, total, config.workers, device)
    for step in range(first, config.steps):
        rates.set(schedule.progress(step))
        for update.part in range(parts):
            batch = steps.wait_for(batches)
            torch.manual_seed(hash((config.seed, rank, step * parts + update.part)) % 2**31)
            steps.add(stage.step(batch, update, schedule.progress(step)))
        average(statistics(stage))
        watch(time.monotonic() - start)
        done = step + 1
        last = schedule.ends(done)
        if rank == 0 and (done % config.log_every == 0 or last):
            steps.write(done)
        if done % config.log_every == 0:
            steps.forget()
        if rank == 0 and schedule.checks(done, last):
            found = validate(stage, folder, done, quiet)
            if config.best and schedule.improved(found):
                stage.export(folder)
            last = last or schedule.exhausted
        if rank == 0 and config.save_every and (done % config.save_every == 0 or last):
            _save(stage, update, checkpoint, done)
        if rank == 0 and not config.best and (last or (config.save_every and done % config.save_every == 0)):
            stage.export(folder)
        if last:
            break


def _resume(stage: Stage, update: Update, checkpoint: Path, device: torch.device) -> int:
    """Take up a run where its checkpoint is: the steps that are done. Later rows of its logs go.

    Raises:
        ConfigError: there is nothing to resume.
    """
    if not checkpoint.is_file():
        raise ConfigError("train.nothing_to_resume", path=checkpoint)
    first = _load(stage, update, checkpoint, device)
    if not dist.is_initialized() or dist.get_rank() == 0:
        for name in ("log.csv", "checks.csv"):
            cut_rows(checkpoint.parent / name, first)
    return first


class Schedule:
    """When a run validates and when it ends: by steps, by the clock, or because nothing gets better."""

    def __init__(self, config: RunConfig, start: float):
        self.config, self.start, self.checked = config, start, start
        self.lowest = float("inf")
        self.stale = 0  # validations since the lowest

    def progress(self, step: int) -> float:
        """Share of the run that is over before step number ``step``, 0..1."""
        spent = (time.monotonic() - self.start) / self.config.seconds if self.config.seconds else 0.0
        return min(1.0, max(step / self.config.steps, spent))

    def ends(self, done: int) -> bool:
        """Whether the run is over after ``done`` steps."""
        return self.progress(done) >= 1

    def checks(self, done: int, last: bool) -> bool:
        """Whether a validation is due after ``done`` steps."""
        every, seconds = self.config.check_every, self.config.check_seconds
        by_steps = bool(every) and (done % every == 0 or last)
        by_clock = bool(seconds) and (time.monotonic() - self.checked >= seconds or last)
        if by_clock:
            self.checked = time.monotonic()
        return by_steps or by_clock

    def improved(self, found: dict[str, float]) -> bool:
        """Whether a validation's ``config.best`` is the lowest so far.

        Raises:
            ConfigError: the stage does not measure it.
        """
        if self.config.best not in found:
            raise ConfigError(unknown("kind.validation_value", self.config.best, found))
        lower = found[self.config.best] < self.lowest
        self.lowest = min(self.lowest, found[self.config.best])
        self.stale = 0 if lower else self.stale + 1
        return lower

    @property
    def exhausted(self) -> bool:
        """Whether nothing got better for too long."""
        return 0 < self.config.patience <= self.stale


def validate(stage: Stage, folder: Path, done: int, quiet: bool) -> dict[str, float]:
    """What the stage's check finds, as a row of ``checks.csv`` too; afterwards the modes are as before."""
    for module in stage.modules.values():
        module.eval()
    with torch.no_grad():
        found = stage.check(folder, done)
    for module in stage.modules.values():
        module.train()
    if found:
        add_row(folder / "checks.csv", done, found)
        if not quiet:
            print(for_terminal("train.check", done=done, figures=figures(found)), flush=True)
    return found


def statistics(stage: Stage) -> list[Tensor]:
    """Running means and variances: each process sees other batches, and one of them saves and resumes."""
    found = (value for module in stage.modules.values() for value in module.buffers())
    return [value for value in found if value.is_floating_point()]


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
            "train.other_configuration", path=path, problem=str(problem).splitlines()[0][:120]
        ) from problem
    update.scaler.load_state_dict(state["scaler"])
    return int(state["step"])
