"""One training run from its configuration, alone or among the processes that torchrun started."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync.errors import ConfigError
from lipsync.texts import Message
from lipsync.training.config import TrainConfig
from lipsync.training.stages import STAGES

if TYPE_CHECKING:
    from lipsync.data.clips import Clip

SAVED = "train.json"  # configuration of a run, beside its checkpoint


def train(
    kind: str,
    config: TrainConfig,
    data: Path,
    out: Path,
    resume: bool = False,
    report: Callable[[str], None] = lambda line: None,
    quiet: bool = False,
    load: Callable[[Path, tuple[str, ...]], list[Clip]] | None = None,
) -> None:
    """Train a stage and leave its checkpoint, logs, weights and ``train.json`` in ``out``.

    Args:
        kind: of ``STAGES``.
        data: folder that ``prepare`` wrote.
        resume: go on from the run's last checkpoint.
        report: gets a line about the data.
        quiet: print nothing about the steps.
        load: gives the clips of the splits; runs that share them decode them once. None: from ``data``.

    Raises:
        ConfigError: ``out`` holds a run already, there is nothing to resume, or the data cannot be used.
    """
    import torch

    from lipsync.data.clips import load_clips
    from lipsync.training.loop import fit

    if not resume and (out / "checkpoint.pt").exists():
        raise ConfigError("train.run_exists", out=out)
    load = load or load_clips
    clips = load(data, config.data.train)
    try:
        dev = load(data, config.data.check) if config.data.check else []
    except ConfigError:
        dev = []  # nobody was kept out of training, so there is nothing to check on
    distributed = join_processes(config.run.device)
    try:
        torch.manual_seed(config.run.seed)  # of the first weights
        stage = STAGES.get(kind)(config.stage, clips, dev)
        first = not distributed or torch.distributed.get_rank() == 0
        if first:
            out.mkdir(parents=True, exist_ok=True)
            (out / SAVED).write_text(json.dumps(saved_form(kind, config), indent=2), encoding="utf-8")
            learned = Message("count.clips", count=len(clips))
            report(Message("train.begins", stage=kind, clips=learned, check=len(dev)))
        fit(stage, config.run, out, resume=resume, quiet=quiet or not first)
    finally:
        if distributed:
            torch.distributed.destroy_process_group()


def saved_form(kind: str, config: TrainConfig) -> dict[str, Any]:
    """What ``train.json`` holds."""
    return {"kind": kind, **config.to_dict()}


def join_processes(device: str) -> bool:
    """Join the other processes that torchrun started; False where this one is alone."""
    import torch

    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return False
    cuda = device != "cpu" and torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    torch.distributed.init_process_group("nccl" if cuda else "gloo")
    return True
