"""The ``ablate`` command: a paper's ablation table, trained and measured row by row."""

from __future__ import annotations

import argparse
import functools
import sys
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    """Add the command to the subparsers of ``python -m eval``."""
    parser = commands.add_parser(
        "ablate",
        help="train all rows of a paper's ablation table under one budget, measure them, print the table",
        description="Trains every row of an ablation table with one budget and one seed, measures each on "
        "people who were not trained on, and prints the paper's table with our numbers beside the published "
        "ones. It may be stopped: finished runs, videos and scores are kept, and the next call goes on.",
    )
    parser.add_argument(
        "--table",
        required=True,
        metavar="NAME",
        help="2 (M-CSAWav2Lip, seven rows) or lstm-1 (LSTM-CBAM, four)",
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="folder that `python -m lipsync prepare` wrote"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for runs, videos and tables"
    )
    parser.add_argument("--steps", type=int, required=True, help="of each row's generator")
    parser.add_argument("--sync-steps", type=int, help="of each discriminator (default: as --steps)")
    parser.add_argument("--seed", type=int, default=0, help="of all runs (default: %(default)s)")
    parser.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE",
        help="settings of the training that win over the paper's recipe: for both stages, such as "
        "stage.model.width=0.25, or for one of them, such as generator:stage.windows=4 (its stages: sync and "
        "generator, or sync and joint)",
    )  # fmt: skip
    parser.add_argument(
        "--rows", nargs="+", metavar="NAME", help="only these rows, by their configuration's name"
    )
    parser.add_argument("--split", default="val", help="that is measured on (default: %(default)s)")
    parser.add_argument(
        "--clips", type=int, default=12, help="at most, of all people in turn (default: %(default)s)"
    )
    parser.add_argument(
        "--region", choices=("face", "mouth", "full"), default="face", help="default: %(default)s"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train, draw, score what is missing, and print the table."""
    from eval.ablation import held_out, measure, printed, write
    from lipsync.errors import ConfigError
    from lipsync.registry import unknown
    from lipsync.training.ablation import rows_of, table_named, train_part
    from lipsync.training.data import load_clips

    def tell(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    table, out = table_named(options.table), options.out.resolve()
    rows = rows_of(table, out, options.steps, options.sync_steps or options.steps, options.seed, options.set)
    for name in options.rows or ():
        if name not in table.rows:
            raise ConfigError(unknown("row of this table", name, table.rows))
    rows = [row for row in rows if options.rows is None or row.name in options.rows]
    trained = rows[0].parts[1].config.data.train
    people = held_out(options.data, trained, options.split, options.clips)
    out.mkdir(parents=True, exist_ok=True)
    load = functools.cache(load_clips)  # what one run decoded serves the next
    for row in rows:
        for part in row.parts:
            train_part(part, options.data, tell, load)
        tell(f"{row.name}: trained")
    text = printed(table, rows, measure(table, rows, people, out, options.region, tell), people, options.data)
    write(text, table, rows, options.data, out)
    print(text)
    return 0
