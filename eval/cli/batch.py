"""The ``batch`` command: a manifest of videos, a table of methods."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from eval.cli.score import add_protocol, metric_names


def add(commands: Any) -> None:
    """Add the command to the subparsers of ``python -m eval``."""
    parser = commands.add_parser("batch", help="score many videos and compare their methods")
    parser.add_argument(
        "--manifest", type=Path, required=True,
        help="CSV with the columns item, method, generated, reference, reference_image",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for rows and tables")
    engine = parser.add_mutually_exclusive_group()
    engine.add_argument("--workers", type=int, default=1, metavar="N", help="processes on this machine")
    engine.add_argument(
        "--ray", metavar="auto|ADDRESS",
        help="run on a Ray cluster; auto: that of this machine, or one started here for this run",
    )  # fmt: skip
    parser.add_argument("--controls", action="store_true", help="add the real video and degraded copies")
    add_protocol(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Score what is not scored yet and write the tables."""
    from eval.batch.batch_manifest import read_manifest, with_controls
    from eval.batch.rows import Options
    from eval.batch.rows import run as run_batch
    from eval.batch.summary import summarise_rows
    from eval.report.files import write_tables
    from eval.scoring.controls import CONTROLS
    from lipsync.errors import ConfigError

    if options.workers < 1:
        raise ConfigError("run.workers_least")
    rows = read_manifest(options.manifest)
    if options.controls:
        rows = with_controls(rows, CONTROLS)
    names = metric_names(options)
    settings = Options(
        None if names is None else tuple(names), options.region, options.variant, options.syncnet,
        options.lpips, options.resize,
    )  # fmt: skip
    results = run_batch(rows, settings, options.out, options.workers, options.ray, _show)
    table = summarise_rows(results, options.out)
    print(write_tables(table, options.out))
    return 0


def _show(done: int, total: int, result: dict[str, Any]) -> None:
    end = f": failed. {result['error']}" if "error" in result else ""
    print(f"{done} of {total}  {result['item']}, {result['method']}{end}", file=sys.stderr, flush=True)
