"""``python -m lipsync export``: a trained model as a folder for the Hub."""

from __future__ import annotations

import argparse
from pathlib import Path

from lipsync.texts import for_terminal
from lipsync.training.export import export, keep_log


def add_export_command(commands: argparse._SubParsersAction) -> None:
    """Add ``export`` to the subparsers of ``python -m lipsync``."""
    parser = commands.add_parser("export", help=for_terminal("help.export.help"))
    parser.add_argument("--model", type=Path, required=True, help=for_terminal("help.export.model"))
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--card", type=Path, help=for_terminal("help.export.card"))
    parser.add_argument("--run", type=Path, help=for_terminal("help.export.run"))
    parser.set_defaults(handler=_run)


def _run(options: argparse.Namespace) -> None:
    digest = export(options.model, options.out, options.card)
    if options.run is not None:
        keep_log(options.run, options.out)
    size = (options.out / "model.safetensors").stat().st_size
    print(f"{options.out}: {size / 1e6:.1f} MB, sha256 {digest}")
