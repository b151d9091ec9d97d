"""The ``bench`` command: from methods to a table that others can repeat."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.batch.suites.published_lists import TEST_LISTS
from eval.batch.suites.suite import suite_names
from lipsync.errors import ConfigError
from lipsync.texts import for_terminal, languages, terminal_language

if TYPE_CHECKING:
    from eval.batch.suites.suite import Suite


def add(commands: Any) -> None:
    """Add the command to the subparsers of ``python -m eval``."""
    parser = commands.add_parser(
        "bench", help=for_terminal("help.bench.help"), description=for_terminal("help.bench.description")
    )
    parser.add_argument("suite", help=for_terminal("help.bench.suite", names=", ".join(suite_names())))
    parser.add_argument(
        "--methods", nargs="+", action="extend", metavar="NAME|NAME=DIR",
        help=for_terminal("help.bench.methods"),
    )  # fmt: skip
    parser.add_argument("--data", type=Path, metavar="DIR|CSV", help=for_terminal("help.bench.data"))
    parser.add_argument("--profile", choices=TEST_LISTS, help=for_terminal("help.bench.profile"))
    parser.add_argument("--list", type=Path, metavar="FILE", help=for_terminal("help.bench.list"))
    parser.add_argument("--split", default="", help=for_terminal("help.bench.split"))
    parser.add_argument("--clips", type=int, default=0, metavar="N", help=for_terminal("help.bench.clips"))
    parser.add_argument("--resize", action="store_true", help=for_terminal("help.score.resize"))
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help=for_terminal("help.bench.out"))
    engine = parser.add_mutually_exclusive_group()
    engine.add_argument(
        "--workers", type=int, default=1, metavar="N", help=for_terminal("help.batch.workers")
    )
    engine.add_argument("--ray", metavar="auto|ADDRESS", help=for_terminal("help.batch.ray"))
    parser.add_argument("--language", choices=languages(), help=for_terminal("help.bench.language"))
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Generate and score what is missing, and write the report."""
    from eval.batch.suites.bench_run import chosen_methods, run_bench
    from eval.batch.suites.suite import read_suite
    from eval.batch.suites.suite_items import ItemSource, suite_items
    from eval.report.bench.bench_files import write_bench
    from lipsync.batch.engines import Engine
    from lipsync.batch.progress_bars import ProgressBars

    engine = Engine(options.workers, options.ray)
    if options.clips < 0:
        raise ConfigError("core.clips_least")
    suite = read_suite(options.suite)
    if options.resize:
        suite = replace(suite, resize=True)
    source = ItemSource(
        options.data, options.profile or "", options.list, options.split, options.clips, options.out
    )
    items = suite_items(suite, source)
    names = options.methods or suite.methods
    if not names:
        raise ConfigError("bench.name_methods")
    methods = chosen_methods(names)
    with ProgressBars() as bars:
        done = run_bench(
            suite, items, methods, options.out, engine,
            lambda stage, done, total: bars(for_terminal(stage), done, total),
        )  # fmt: skip
    path = write_bench(done, _command(options, suite), options.language or terminal_language())
    print((done.scores / "table.md").read_text(encoding="utf-8"))
    print(for_terminal("bench.written", path=path))
    return 0


def _command(options: argparse.Namespace, suite: Suite) -> str:
    """The command that repeats the run, with the methods that the suite chose."""
    words = ["lipsync-eval", "bench", options.suite]
    for name in ("data", "profile", "list", "split", "clips"):
        value = getattr(options, name)
        words += [f"--{name}", str(value)] if value else []
    words += ["--resize"] if options.resize else []
    return shlex.join([*words, "--methods", *(options.methods or suite.methods), "--out", str(options.out)])
