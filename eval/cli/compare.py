"""The ``compare`` command: sets made, listed, scored, and turned into tables, montages and contact sheets."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.cli.score import add_protocol, metric_names
from lipsync.errors import ConfigError
from lipsync.texts import Message, for_terminal

if TYPE_CHECKING:
    from eval.compare.index import ComparisonSet, Item
    from eval.compare.sets import Sets


def add(commands: Any) -> None:
    """Add the command to the subparsers of ``python -m eval``."""
    parser = commands.add_parser(
        "compare", help=for_terminal("help.compare.help"),
        description=for_terminal("help.compare.description"),
    )  # fmt: skip
    parser.add_argument("--data", type=Path, metavar="DIR", help=for_terminal("help.compare.data"))
    which = parser.add_argument_group(for_terminal("help.compare.which")).add_mutually_exclusive_group()
    which.add_argument("--set", metavar="S", help=for_terminal("help.compare.set"))
    which.add_argument(
        "--make", type=Path, metavar="PATH",
        help=for_terminal("help.compare.make"),
    )  # fmt: skip
    which.add_argument(
        "--import", type=Path, dest="bring", metavar="ZIP", help=for_terminal("help.compare.import")
    )
    which.add_argument("--list", action="store_true", help=for_terminal("help.compare.list"))
    which.add_argument(
        "--published", choices=("tex", "csv", "md"), help=for_terminal("help.compare.published")
    )
    parser.add_argument("--title", help=for_terminal("help.compare.title"))
    _add_results(parser)
    _add_pictures(parser)
    parser.add_argument("--export", type=Path, metavar="ZIP", help=for_terminal("help.compare.export"))
    parser.add_argument("--delete", action="store_true", help=for_terminal("help.compare.delete"))
    parser.set_defaults(run=run)


def _add_results(parser: argparse.ArgumentParser) -> None:
    results = parser.add_argument_group(for_terminal("help.compare.results"))
    results.add_argument("--score", action="store_true", help=for_terminal("help.compare.score"))
    results.add_argument("--controls", action="store_true", help=for_terminal("help.compare.controls"))
    results.add_argument(
        "--workers", type=int, default=1, metavar="N", help=for_terminal("help.batch.workers")
    )
    add_protocol(parser)
    results.add_argument("--table", choices=("tex", "csv", "md"), help=for_terminal("help.compare.table"))
    results.add_argument("--papers", action="store_true", help=for_terminal("help.compare.papers"))
    results.add_argument("--plot", type=Path, metavar="OUT", help=for_terminal("help.compare.plot"))


def _add_pictures(parser: argparse.ArgumentParser) -> None:
    pictures = parser.add_argument_group(for_terminal("help.compare.pictures"))
    pictures.add_argument("--item", metavar="NAME", help=for_terminal("help.compare.item"))
    pictures.add_argument("--methods", nargs="+", metavar="NAME", help=for_terminal("help.compare.methods"))
    pictures.add_argument(
        "--montage", type=Path, metavar="OUT.mp4", help=for_terminal("help.compare.montage")
    )
    pictures.add_argument("--sound", default="", metavar="METHOD", help=for_terminal("help.compare.sound"))
    pictures.add_argument(
        "--columns", type=int, default=0, metavar="N", help=for_terminal("help.compare.columns")
    )
    pictures.add_argument("--sheet", type=Path, metavar="OUT.png", help=for_terminal("help.compare.sheet"))
    pictures.add_argument(
        "--frames", default="", metavar="10,20,30", help=for_terminal("help.compare.frames")
    )
    pictures.add_argument("--zoom", action="store_true", help=for_terminal("help.compare.zoom"))
    pictures.add_argument(
        "--labels",
        action=argparse.BooleanOptionalAction,
        default=True,
        help=for_terminal("help.compare.labels"),
    )
    pictures.add_argument("--blind", action="store_true", help=for_terminal("help.compare.blind"))


def run(options: argparse.Namespace) -> int:
    """Do what was asked for, step by step."""
    from lipsync.data_folder import data_folder

    if options.published:
        from eval.published.papers import published
        from eval.report.published_tables import printed

        print(printed(published(), options.published), end="")
        return 0
    from eval.compare.sets import Sets

    sets = Sets(options.data if options.data is not None else data_folder())
    if options.list:
        for line in sets.list():
            size = for_terminal(
                "sets.size",
                clips=Message("count.clips", count=line.items),
                methods=Message("count.methods", count=line.methods),
            )
            print(f"{line.id}  {line.title}  ({size}, {line.modified:%Y-%m-%d %H:%M} UTC)")
        return 0
    set_ = _chosen(options, sets)
    if options.score or options.table or options.plot:
        _results(options, set_)
    if options.montage or options.sheet:
        _pictures(options, set_)
    if options.export:
        sets.export(set_.id, options.export)
    if options.delete:
        sets.delete(set_.id)
    return 0


def _chosen(options: argparse.Namespace, sets: Sets) -> ComparisonSet:
    """The set that is worked on, made first where that was asked for."""
    title = options.title or ""
    if options.make is not None:
        id = _make(options.make, title, sets)
    elif options.bring is not None:
        id = sets.bring(options.bring, title, _show)
    elif options.set is not None:
        set_ = sets.find(options.set)
        if title:
            sets.rename(set_.id, title)
        return sets.open(set_.id)
    else:
        raise ConfigError("sets.name_one")
    set_ = sets.open(id)
    print(f"{set_.id}  {set_.title}")
    for item in set_.items:
        for why in item.missing.values():
            print(for_terminal("cli.missing", item=item.name, reason=why), file=sys.stderr)
    return set_


def _make(path: Path, title: str, sets: Sets) -> str:
    from eval.compare.video_import import entries_of_folder, entries_of_manifest

    if path.is_dir():
        return sets.create(title or path.resolve().name, entries_of_folder(path), _show)
    if path.suffix.lower() == ".csv":
        return sets.create(title or path.stem, entries_of_manifest(path), _show)
    return sets.bring(path, title, _show)


def _results(options: argparse.Namespace, set_: ComparisonSet) -> None:
    from eval.batch.rows import Options
    from eval.compare.table import score_set, scored
    from eval.report.comparison import table_text
    from eval.report.table_plot import plot_table

    if options.score:
        if options.workers < 1:
            raise ConfigError("run.workers_least")
        names = metric_names(options)
        settings = Options(
            None if names is None else tuple(names), options.region, options.variant, options.syncnet,
            options.lpips, options.resize,
        )  # fmt: skip
        table = score_set(
            set_, settings, controls=options.controls, workers=options.workers,
            report=lambda done, total, item, method: _show(done, total, f"{item}, {method}"),
        )  # fmt: skip
    else:
        found = scored(set_)
        if found is None:
            raise ConfigError("sets.unscored", title=set_.title)
        table = found
    if options.table:
        print(table_text(table, options.table, options.papers), end="")
    if options.plot:
        plot_table(table, options.plot)


def _pictures(options: argparse.Namespace, set_: ComparisonSet) -> None:
    from eval.compare.names import REFERENCE
    from eval.compare.pictures.cells import letters
    from eval.compare.pictures.contact_sheet import contact_sheet
    from eval.compare.pictures.montage import montage

    item = _item(options, set_)
    methods, names = options.methods or [], None
    if options.blind:
        real = [REFERENCE] if item.reference is not None and REFERENCE in (methods or [REFERENCE]) else []
        names = letters([name for name in methods or item.clips if name != REFERENCE])
        methods = [*real, *names]
    if options.montage:
        montage(
            set_, item, options.montage, methods, names=names, labels=options.labels, zoom=options.zoom,
            sound=options.sound, columns=options.columns, report=_show_frames,
        )  # fmt: skip
    if options.sheet:
        contact_sheet(
            set_, item, options.sheet, _numbers(options.frames), methods, names=names, labels=options.labels,
            zoom=options.zoom,
        )  # fmt: skip
    for method, letter in (names or {}).items():
        print(f"{letter}: {method}")


def _item(options: argparse.Namespace, set_: ComparisonSet) -> Item:
    if options.item is not None:
        return set_.item(options.item)
    if not set_.items:
        raise ConfigError("sets.empty", title=set_.title)
    if len(set_.items) > 1:
        print(for_terminal("cli.first_item", item=set_.items[0].name, count=len(set_.items)), file=sys.stderr)
    return set_.items[0]


def _numbers(text: str) -> list[int]:
    """Frame numbers separated by commas or blanks."""
    try:
        return [int(part) for part in text.replace(",", " ").split()]
    except ValueError as problem:
        raise ConfigError("sheet.frames_form", text=text) from problem


def _show(done: int, total: int, name: str) -> None:
    if name:
        print(for_terminal("cli.done", done=done, total=total, name=name), file=sys.stderr, flush=True)


def _show_frames(done: int, total: int) -> None:
    if sys.stderr.isatty() and (done % 10 == 0 or done == total):
        print(
            "\r" + for_terminal("job.count", done=done, total=total),
            end="\n" if done == total else "",
            file=sys.stderr,
            flush=True,
        )
