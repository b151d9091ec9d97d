"""``python -m lipsync fit``."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_fit_command(subparsers: argparse._SubParsersAction) -> None:
    """Add ``fit``; its ``handler`` runs it and returns the exit status."""
    parser = subparsers.add_parser("fit", help="fit the 3D face to prepared clips, for visual dubbing")
    parser.add_argument("--data", type=Path, required=True, help="folder that `prepare` wrote")
    parser.add_argument("--splits", nargs="+", default=[], help="of the manifest (default: all)")
    parser.add_argument("--workers", type=int, default=1, help="processes (default: %(default)s)")
    parser.add_argument("--model", type=Path, help="a Basel Face Model's .mat or .npz (default: ICT-FaceKit)")
    parser.add_argument("--again", action="store_true", help="also clips that have a fit already")
    parser.set_defaults(handler=_fit_command)


def _fit_command(options: argparse.Namespace) -> int:
    from lipsync.training.fit import fit_folder

    summary = fit_folder(
        options.data,
        tuple(options.splits),
        options.workers,
        options.model,
        options.again,
        tell=lambda line: print(line, flush=True),
    )
    print(summary)
    return 0
