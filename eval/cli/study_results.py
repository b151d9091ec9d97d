"""``python -m eval study results``: the tables of a study."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

FORMATS = ("csv", "json", "latex", "md")  # those of `eval.report.study_files`, which loads SciPy


def add(verbs: Any) -> None:
    """Add the verb to the subparsers of ``python -m eval study``."""
    parser = verbs.add_parser("results", help="means with intervals, tests, agreement: the tables of a paper")
    add_arguments(parser)
    parser.set_defaults(run=run)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the verb."""
    parser.add_argument("--study", required=True, metavar="S", help="id, as `study list` shows it")
    parser.add_argument("--format", choices=FORMATS, default="md", help="default: md")
    parser.add_argument("--no-screening", action="store_true", help="leave nobody out")
    parser.add_argument(
        "--scores",
        type=Path,
        metavar="CSV",
        help="videos.csv of `eval batch`: correlate its metrics with MOS",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="write all tables and plots into this folder")


def run(options: argparse.Namespace) -> int:
    """Print one format, or write all files."""
    from eval.report.study_files import render, write_study
    from eval.report.study_plots import write_plots
    from eval.study.statistics.correlation import read_scores
    from eval.study.statistics.results import evaluate
    from eval.study.storage.store import Store

    scores = None if options.scores is None else read_scores(options.scores)
    store = Store()
    try:
        found = evaluate(store, options.study, not options.no_screening, scores)
    finally:
        store.close()
    if options.out is None:
        print(render(found, options.format), end="")
        return 0
    for path in (*write_study(found, options.out), *write_plots(found, options.out)):
        print(path)
    return 0
