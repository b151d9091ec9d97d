"""The ``batch`` command: a manifest of videos, a table of methods."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from eval.cli.score import add_predictions, add_protocol, metric_names
from lipsync.texts import Message, for_terminal


def add(commands: Any) -> None:
    """Add the command to the subparsers of ``python -m eval``."""
    parser = commands.add_parser("batch", help=for_terminal("help.batch.help"))
    parser.add_argument(
        "--manifest", type=Path, required=True,
        help=for_terminal("help.batch.manifest"),
    )  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help=for_terminal("help.batch.out"))
    engine = parser.add_mutually_exclusive_group()
    engine.add_argument(
        "--workers", type=int, default=1, metavar="N", help=for_terminal("help.batch.workers")
    )
    engine.add_argument(
        "--ray", metavar="auto|ADDRESS",
        help=for_terminal("help.batch.ray"),
    )  # fmt: skip
    parser.add_argument("--controls", action="store_true", help=for_terminal("help.batch.controls"))
    add_protocol(parser)
    add_predictions(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Score what is not scored yet and write the tables."""
    from eval.batch.batch_manifest import read_manifest, with_controls
    from eval.batch.rows import Engine, Options
    from eval.batch.rows import run as run_batch
    from eval.batch.summary import summarise_rows
    from eval.report.files import write_tables
    from eval.scoring.controls import CONTROLS
    from eval.scoring.metrics import METRICS
    from eval.study.statistics.prediction.model_file import read_models
    from eval.study.statistics.prediction.mos_model import with_predictions

    engine = Engine(options.workers, options.ray)
    models = read_models(options.predict_mos)
    rows = read_manifest(options.manifest)
    if options.controls:
        rows = with_controls(rows, CONTROLS)
    names = metric_names(options)
    for model in models:
        model.require(METRICS if names is None else names)
    settings = Options(
        None if names is None else tuple(names), options.region, options.variant, options.syncnet,
        options.lpips, options.resize,
    )  # fmt: skip
    results = run_batch(rows, settings, options.out, engine, _show)
    table = summarise_rows(results, options.out)
    text = write_tables(table, options.out)
    print(write_tables(with_predictions(table, models), options.out) if models else text)
    return 0


def _show(done: int, total: int, result: dict[str, Any]) -> None:
    print(for_terminal(scored_line(done, total, result)), file=sys.stderr, flush=True)


def scored_line(done: int, total: int, result: dict[str, Any]) -> Message:
    """What is said when a row was scored, or could not be."""
    where = Message("cli.done", done=done, total=total, name=f"{result['item']}, {result['method']}")
    return Message("cli.failed", where=where, problem=result["error"]) if "error" in result else where
