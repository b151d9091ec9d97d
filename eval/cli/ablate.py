"""The ``ablate`` command: a paper's ablation table, trained and measured row by row."""

from __future__ import annotations

import argparse
import functools
import sys
from pathlib import Path
from typing import Any

from lipsync.texts import Message, for_terminal


def add(commands: Any) -> None:
    """Add the command to the subparsers of ``python -m eval``."""
    parser = commands.add_parser(
        "ablate",
        help=for_terminal("help.ablate.help"),
        description=for_terminal("help.ablate.description"),
    )
    parser.add_argument(
        "--table",
        required=True,
        metavar="NAME",
        help=for_terminal("help.ablate.table"),
    )
    parser.add_argument("--data", type=Path, required=True, help=for_terminal("help.ablate.data"))
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help=for_terminal("help.ablate.out")
    )
    parser.add_argument("--steps", type=int, required=True, help=for_terminal("help.ablate.steps"))
    parser.add_argument(
        "--first-steps", "--sync-steps", type=int,
        help=for_terminal("help.ablate.first_steps"),
    )  # fmt: skip
    parser.add_argument(
        "--runs", type=Path, metavar="DIR",
        help=for_terminal("help.ablate.runs"),
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help=for_terminal("help.ablate.seed"))
    parser.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE",
        help=for_terminal("help.ablate.set"),
    )  # fmt: skip
    parser.add_argument(
        "--recipe", nargs="+", action="extend", default=[], metavar="STAGE=FILE",
        help=for_terminal("help.ablate.recipe"),
    )  # fmt: skip
    parser.add_argument("--rows", nargs="+", metavar="NAME", help=for_terminal("help.ablate.rows"))
    parser.add_argument("--split", default="val", help=for_terminal("help.ablate.split"))
    parser.add_argument(
        "--clips",
        type=int,
        default=12,
        help=for_terminal("help.ablate.clips"),
    )
    parser.add_argument(
        "--region", choices=("face", "mouth", "full"), default="face", help=for_terminal("help.ablate.region")
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train, draw, score what is missing, and print the table."""
    from eval.batch.ablation import Budget, rows_of, table_named, train_part
    from eval.batch.held_out import in_turn
    from eval.report.ablation import generate_videos, measure, printed, write
    from lipsync.data.clips import load_clips
    from lipsync.errors import ConfigError
    from lipsync.registry import unknown

    def report(line: str) -> None:
        print(for_terminal(line), file=sys.stderr, flush=True)

    table, out = table_named(options.table), options.out.resolve()
    runs = (options.runs or out).resolve()
    budget = Budget(options.steps, options.first_steps or options.steps, options.seed)
    rows = rows_of(table, runs, budget, options.set, _recipes(options.recipe))
    for name in options.rows or ():
        if name not in table.rows:
            raise ConfigError(unknown("kind.table_row", name, table.rows))
    rows = [row for row in rows if options.rows is None or row.name in options.rows]
    trained = tuple({split for part in rows[0].parts for split in part.config.data.train})
    people = in_turn(options.data, trained, options.split, options.clips)
    out.mkdir(parents=True, exist_ok=True)
    load = functools.cache(load_clips)  # what one run decoded serves the next
    for row in rows:
        for part in row.parts:
            train_part(part, options.data, report, load)
        report(Message("ablate.trained", row=row.name))
    videos = generate_videos(table, rows, people, runs, report)
    measured = measure(table, videos, runs, out, options.region)
    text = printed(table, rows, measured, people, options.data)
    write(text, table, rows, options.data, out)
    print(text)
    return 0


def _recipes(texts: list[str]) -> dict[str, Path]:
    """Files by stage, of ``STAGE=FILE``."""
    from lipsync.errors import ConfigError

    for text in texts:
        if not all(text.partition("=")):
            raise ConfigError("ablate.recipe_form", text=text)
    return {stage: Path(file) for stage, _, file in (text.partition("=") for text in texts)}
