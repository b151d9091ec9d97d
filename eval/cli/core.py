"""The ``core`` command: the scores of a model card, on people that the model never saw."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from eval.batch.held_out import add_arguments, held_out, unseen
from eval.cli.batch import scored_line
from lipsync.errors import ConfigError
from lipsync.texts import for_terminal


def add(commands: Any) -> None:
    """Add the command to the subparsers of ``python -m eval``."""
    parser = commands.add_parser(
        "core",
        help=for_terminal("help.core.help"),
    )
    add_arguments(parser)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR",
        help=for_terminal("help.core.out"),
    )  # fmt: skip
    parser.add_argument(
        "--method", nargs="+", action="extend", metavar="NAME",
        help=for_terminal("help.core.method"),
    )  # fmt: skip
    parser.add_argument("--checkpoint", type=Path, help=for_terminal("help.core.checkpoint"))
    parser.add_argument("--clips", type=int, metavar="N", help=for_terminal("help.core.clips"))
    parser.add_argument(
        "--region",
        choices=("face", "mouth", "full"),
        default="mouth",
        help=for_terminal("help.ablate.region"),
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Draw and score what is missing, beside the controls, and print the table of the cores."""
    from eval.batch.core_scores import CoreResults
    from eval.batch.cores import METRICS, draw, faces_of, find_cores, real_rows
    from eval.batch.rows import Options
    from eval.batch.rows import run as run_batch
    from eval.batch.silences import write_silences
    from eval.report.cores import write_cores
    from eval.report.files import write_tables
    from lipsync.methods import EMBEDDED

    names = options.method or [EMBEDDED]
    if options.checkpoint is not None and len(set(names)) > 1:
        raise ConfigError("core.checkpoint_needs_method")
    if options.clips is not None and options.clips < 1:
        raise ConfigError("core.clips_least")
    clips = unseen(options.data, held_out(options.data, options.split), options.trained_on)
    faces = faces_of(clips, options.clips)
    cores = find_cores(names, options.checkpoint)
    silences = write_silences(options.out / "silences")
    rows = real_rows(faces)
    for core in cores:  # one core at a time: its weights stay in the cache of the machine
        folder = options.out / core.folder / f"videos-{core.sha256[:10]}"
        for face in faces:
            rows += draw(core, face, silences, folder, _report)
    results = run_batch(rows, Options(metrics=METRICS, region=options.region), options.out, report=_scored)
    scored = CoreResults(results, options.out, faces)
    for core in cores:
        write_tables(scored.table(core), options.out / core.folder)
    print(write_cores(scored, cores, options.out))
    return 0


def _report(line: str) -> None:
    print(for_terminal(line), file=sys.stderr, flush=True)


def _scored(done: int, total: int, result: dict[str, Any]) -> None:
    _report(scored_line(done, total, result))
