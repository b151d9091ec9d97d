"""``python -m lipsync export``: a trained model as a folder for the Hub."""

from __future__ import annotations

import argparse
from pathlib import Path

from lipsync.training.export import export, keep_log


def add_export_command(commands: argparse._SubParsersAction) -> None:
    """Add ``export`` to the subparsers of ``python -m lipsync``."""
    parser = commands.add_parser("export", help="a trained model as a folder for the Hub, in half precision")
    parser.add_argument(
        "--model", type=Path, required=True, help="folder of a run: RUN/generator or RUN/sync-expert"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--card", type=Path, help="model card (Markdown) to put beside it")
    parser.add_argument("--run", type=Path, help="folder of the run, whose log and curves go along")
    parser.set_defaults(handler=_run)


def _run(options: argparse.Namespace) -> None:
    digest = export(options.model, options.out, options.card)
    if options.run is not None:
        keep_log(options.run, options.out)
    size = (options.out / "model.safetensors").stat().st_size
    print(f"{options.out}: {size / 1e6:.1f} MB, sha256 {digest}")
