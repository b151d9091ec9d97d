"""``python -m lipsync prepare`` and ``python -m lipsync train``."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from lipsync.errors import ConfigError
from lipsync.training.limits import Limits

_TRAIN_HELP = """\
Stages build on each other: speech and mouth need prepared clips alone; sync can start from speech; generator
takes all three. Example configurations lie beside this package in lipsync/training/configs/.
Several processes: torchrun --nproc-per-node N -m lipsync train ...
"""


def add_prepare_command(subparsers: argparse._SubParsersAction) -> None:
    """Add ``prepare``; its ``handler`` runs it and returns the exit status."""
    limits = Limits()
    parser = subparsers.add_parser(
        "prepare", help="cut a folder of talking-face videos into aligned clips for training"
    )
    parser.add_argument("--videos", type=Path, required=True, help="folder, searched with its subfolders")
    parser.add_argument("--out", type=Path, required=True, help="folder for clips and manifest.csv")
    parser.add_argument(
        "--manifest",
        type=Path,
        help="CSV with the columns file, id and maybe split; without it a person is a subfolder, or a file "
        "that lies in none",
    )
    parser.add_argument("--splits", nargs="+", default=[], help="of the manifest; the others are left out")
    parser.add_argument("--workers", type=int, default=1, help="processes (default: %(default)s)")
    parser.add_argument(
        "--val-share",
        type=float,
        default=0.1,
        help="of the people, kept for validation (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of that choice (default: %(default)s)")
    parser.add_argument(
        "--min-face",
        type=float,
        default=limits.min_face,
        metavar="PX",
        help="side of the face square in the video (default: %(default)g)",
    )
    parser.add_argument(
        "--max-yaw",
        type=float,
        default=limits.max_yaw,
        metavar="DEG",
        help="how far a face may be turned (default: %(default)g)",
    )
    parser.add_argument(
        "--max-seconds", type=float, default=limits.max_seconds, help="of a clip (default: %(default)g)"
    )
    parser.set_defaults(handler=_prepare)


def _prepare(options: argparse.Namespace) -> int:
    from lipsync.training.prepare import prepare

    limits = Limits(min_face=options.min_face, max_yaw=options.max_yaw, max_seconds=options.max_seconds)
    summary = prepare(
        options.videos,
        options.out,
        manifest=options.manifest,
        workers=options.workers,
        limits=limits,
        val_share=options.val_share,
        seed=options.seed,
        splits=tuple(options.splits),
        tell=lambda line: print(line, flush=True),
    )
    print(summary)
    return 0


def add_train_command(subparsers: argparse._SubParsersAction) -> None:
    """Add ``train``; its ``handler`` runs it and returns the exit status."""
    parser = subparsers.add_parser(
        "train",
        help="train a stage on prepared clips",
        epilog=_TRAIN_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("stage", metavar="STAGE", help="speech, mouth, sync or generator")
    parser.add_argument("--data", type=Path, required=True, help="folder that `prepare` wrote")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder of the run: checkpoints, logs, weights"
    )
    parser.add_argument("--config", type=Path, help="TOML file with the tables [run], [data] and [stage]")
    parser.add_argument(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="settings that win over the file, such as run.steps=500 stage.model.ablation=csa",
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on from the run's last checkpoint, with its configuration"
    )
    parser.set_defaults(handler=_train)


def _train(options: argparse.Namespace) -> int:
    import torch

    from lipsync.training.config import STAGES, read_config, read_toml
    from lipsync.training.data import load_clips
    from lipsync.training.loop import fit

    kept = options.out / "train.json"
    tables: dict[str, Any] = {}
    if options.config is not None:
        tables = read_toml(options.config)
    elif options.resume and kept.is_file():
        tables = json.loads(kept.read_text(encoding="utf-8"))
        if tables.pop("kind") != options.stage:
            raise ConfigError(f"{options.out} holds a run of another stage than {options.stage}.")
    config = read_config(options.stage, tables, options.set)
    if not options.resume and (options.out / "checkpoint.pt").exists():
        raise ConfigError(f"{options.out} already holds a run: add --resume, or choose another folder.")
    train = load_clips(options.data, config.data.train)
    try:
        dev = load_clips(options.data, config.data.check) if config.data.check else []
    except ConfigError:
        dev = []  # nobody was kept out of training, so there is nothing to check on
    distributed = join_processes(config.run.device)
    try:
        torch.manual_seed(config.run.seed)  # of the first weights
        stage = STAGES[options.stage][1](config.stage, train, dev)
        first = not distributed or torch.distributed.get_rank() == 0
        if first:
            options.out.mkdir(parents=True, exist_ok=True)
            kept.write_text(
                json.dumps({"kind": options.stage, **config.to_dict()}, indent=2), encoding="utf-8"
            )
            print(f"{options.stage}: {len(train)} clips to train on, {len(dev)} to check on", flush=True)
        fit(stage, config.run, options.out, resume=options.resume, quiet=not first)
    finally:
        if distributed:
            torch.distributed.destroy_process_group()
    return 0


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
