"""``python -m lipsync train``: a stage of training on prepared clips."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from lipsync import methods  # noqa: F401  registers the stages of the methods
from lipsync.errors import ConfigError
from lipsync.experts import training  # noqa: F401  and this those of the experts
from lipsync.texts import for_terminal
from lipsync.training.stages import STAGES


def _stages() -> str:
    """A line for each stage; what it trains. Imports no network."""
    lines = (f"  {name:<16}{for_terminal(STAGES.metadata(name)['help'])}" for name in STAGES)
    return "\n".join((for_terminal("help.train.stages"), *lines, ""))


def add_train_command(subparsers: argparse._SubParsersAction) -> None:
    """Add ``train``; its ``handler`` runs it and returns the exit status."""
    parser = subparsers.add_parser(
        "train",
        help=for_terminal("help.train.help"),
        epilog=f"{for_terminal('help.train.order')}\n{_stages()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("stage", metavar="STAGE", help=for_terminal("help.train.stage"))
    parser.add_argument("--data", type=Path, required=True, help=for_terminal("help.fit.data"))
    parser.add_argument("--out", type=Path, required=True, help=for_terminal("help.train.out"))
    parser.add_argument(
        "--config",
        type=Path,
        metavar="NAME",
        help=for_terminal("help.train.config"),
    )
    parser.add_argument(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help=for_terminal("help.train.set"),
    )
    parser.add_argument("--resume", action="store_true", help=for_terminal("help.train.resume"))
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
        report=lambda line: print(for_terminal(line), flush=True),
    )
    return 0
