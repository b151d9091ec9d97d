"""``python -m eval study results``: the tables of a study."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from lipsync.texts import for_terminal

FORMATS = ("csv", "json", "latex", "md")  # those of `eval.report.study_files`, which loads SciPy


def add(verbs: Any) -> None:
    """Add the verb to the subparsers of ``python -m eval study``."""
    parser = verbs.add_parser("results", help=for_terminal("help.study.results"))
    add_arguments(parser)
    parser.set_defaults(run=run)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the verb."""
    parser.add_argument("--study", required=True, metavar="S", help=for_terminal("help.study.study"))
    parser.add_argument("--format", choices=FORMATS, default="md", help=for_terminal("help.study.format"))
    parser.add_argument("--no-screening", action="store_true", help=for_terminal("help.study.no_screening"))
    parser.add_argument("--shrink", action="store_true", help=for_terminal("help.study.shrink"))
    parser.add_argument(
        "--scores",
        type=Path,
        metavar="PATH",
        help=for_terminal("help.study.scores"),
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help=for_terminal("help.study.results_out"))


def run(options: argparse.Namespace) -> int:
    """Print one format, or write all files."""
    from eval.compare.sets import Sets
    from eval.report.study_files import render, write_study
    from eval.report.study_plots import write_plots
    from eval.study.statistics.results import evaluate
    from eval.study.statistics.study_scores import scores_of_study
    from eval.study.storage.store import Store

    store = Store()
    try:
        study = store.get(options.study)
        scores = scores_of_study(study.spec.source.set, Sets(store.folder), options.scores)
        found = evaluate(store, options.study, not options.no_screening, scores, options.shrink)
    finally:
        store.close()
    if options.out is None:
        print(render(found, options.format), end="")
        return 0
    tables = write_study(found, options.out, study=study.spec.title.en)
    for path in (*tables, *write_plots(found, options.out)):
        print(path)
    return 0
