"""``python -m lipsync fit`` and ``python -m lipsync fit-face-model``."""

from __future__ import annotations

import argparse
from pathlib import Path

from lipsync.texts import for_terminal


def add_fit_command(subparsers: argparse._SubParsersAction) -> None:
    """Add ``fit``; its ``handler`` runs it and returns the exit status."""
    parser = subparsers.add_parser("fit", help=for_terminal("help.fit.help"))
    parser.add_argument("--data", type=Path, required=True, help=for_terminal("help.fit.data"))
    parser.add_argument("--splits", nargs="+", default=[], help=for_terminal("help.fit.splits"))
    parser.add_argument("--workers", type=int, default=1, help=for_terminal("help.fit.workers"))
    parser.add_argument(
        "--model",
        type=Path,
        help=for_terminal("help.fit.model"),
    )
    parser.add_argument("--again", action="store_true", help=for_terminal("help.fit.again"))
    parser.set_defaults(handler=_fit_command)


def _fit_command(options: argparse.Namespace) -> int:
    from lipsync.data.face_fitting import fit_folder

    summary = fit_folder(
        options.data,
        tuple(options.splits),
        workers=options.workers,
        model=options.model,
        again=options.again,
        report=_show,
    )
    print(summary)
    return 0


def add_face_model_command(subparsers: argparse._SubParsersAction) -> None:
    """Add ``fit-face-model``; its ``handler`` runs it and returns the exit status."""
    parser = subparsers.add_parser("fit-face-model", help=for_terminal("help.fit_face_model.help"))
    parser.add_argument("--data", type=Path, required=True, help=for_terminal("help.fit.data"))
    parser.add_argument(
        "--splits", nargs="+", default=["train"], help=for_terminal("help.fit_face_model.splits")
    )
    parser.add_argument("--out", type=Path, required=True, help=for_terminal("help.fit_face_model.out"))
    parser.set_defaults(handler=_face_model_command)


def _face_model_command(options: argparse.Namespace) -> int:
    from lipsync.data.face_model import learn_face
    from lipsync.faces.model3d.embedded import write_embedded
    from lipsync.weights import hub

    landmarker = hub.locate("face_landmarker") or hub.fetch("face_landmarker")
    face = learn_face(options.data, tuple(options.splits), landmarker, report=_show)
    print(write_embedded(face, options.out))
    return 0


def _show(line: str) -> None:
    print(for_terminal(line), flush=True)
