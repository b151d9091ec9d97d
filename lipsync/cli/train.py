"""``python -m lipsync train``: a stage of training on prepared clips."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from lipsync import methods  # noqa: F401  registers the stages of the methods
from lipsync.errors import ConfigError
from lipsync.experts import training  # noqa: F401  and this those of the experts
from lipsync.training.stages import STAGES

_TRAIN_HELP = """\
Stages build on each other: speech and mouth need prepared clips alone; sync can start from speech; generator
takes all three. LSTM-CBAM: sync with stage.model.ablation=lstm-cbam, then joint. Visual dubbing: `fit` on the
prepared folder, then expression, then dubbing. Multi-reference: listener, then multi-reference; syncx and
lip-reader train its experts. activity separates speech from
everything else, and cover finds what is before a mouth, for all methods. The configurations that ship lie in
lipsync/methods/*/configs and lipsync/experts/training/configs.
Several processes: torchrun --nproc-per-node N -m lipsync train ...
"""


def _stages() -> str:
    """A line for each stage; what it trains. Imports no network."""
    lines = (f"  {name:<16}{STAGES.metadata(name)['help']}" for name in STAGES)
    return "\n".join(("Stages:", *lines, ""))


def add_train_command(subparsers: argparse._SubParsersAction) -> None:
    """Add ``train``; its ``handler`` runs it and returns the exit status."""
    parser = subparsers.add_parser(
        "train",
        help="train a stage on prepared clips",
        epilog=_TRAIN_HELP + _stages(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("stage", metavar="STAGE", help="such as speech, mouth, sync or generator; see below")
    parser.add_argument("--data", type=Path, required=True, help="folder that `prepare` wrote")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder of the run: checkpoints, logs, weights"
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="NAME",
        help="a configuration that ships, such as mcsawav2lip-sync, or a TOML file with the tables [run], "
        "[data] and [stage]",
    )
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
    from lipsync.methods.stages import read_config, read_saved_run, recipe, train
    from lipsync.training.config import read_toml
    from lipsync.training.run import SAVED

    tables: dict[str, Any] = {}
    if options.config is not None:
        tables = read_toml(options.config if options.config.suffix else recipe(str(options.config)))
    elif options.resume and (options.out / SAVED).is_file():
        kind, tables = read_saved_run(options.out)
        if kind != options.stage:
            raise ConfigError("train.other_stage", out=options.out, stage=options.stage)
    config = read_config(options.stage, tables, options.set)
    train(
        options.stage,
        config,
        options.data,
        options.out,
        resume=options.resume,
        report=lambda line: print(line, flush=True),
    )
    return 0
