"""The ``leaderboard`` command: the table anew from votes, marks and reports, and what stands in it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.cli.text_output import put_text
from lipsync.errors import ConfigError
from lipsync.texts import for_terminal

if TYPE_CHECKING:
    from eval.leaderboard.board import Board

FORMATS = ("md", "csv", "json")  # those of `eval.leaderboard.export`, which loads pandas


def add(commands: Any) -> None:
    """Add the command to the subparsers of ``python -m eval``."""
    parser = commands.add_parser("leaderboard", help=for_terminal("help.leaderboard.help"))
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    verb = verbs.add_parser("show", help=for_terminal("help.leaderboard.show"))
    verb.add_argument("--suite", help=for_terminal("help.leaderboard.suite"))
    verb.add_argument("--language", help=for_terminal("help.leaderboard.language"))
    verb.add_argument("--format", choices=FORMATS, default="md", help=for_terminal("help.leaderboard.format"))
    verb.add_argument("--anonymous", action="store_true", help=for_terminal("help.leaderboard.anonymous"))
    verb.add_argument("--out", type=Path, metavar="FILE", help=for_terminal("help.leaderboard.out"))
    verb.set_defaults(run=_show)
    verb = verbs.add_parser("list", help=for_terminal("help.leaderboard.list"))
    verb.set_defaults(run=_list)
    for name, run in (("add", _add), ("remove", _remove)):
        verb = verbs.add_parser(name, help=for_terminal(f"help.leaderboard.{name}"))
        verb.add_argument("report", nargs="?", help=for_terminal(f"help.leaderboard.{name}.report"))
        verb.add_argument("--study", metavar="S", help=for_terminal("help.leaderboard.study"))
        verb.set_defaults(run=run)
    for name, published in (("publish", True), ("hide", False)):
        verb = verbs.add_parser(name, help=for_terminal(f"help.leaderboard.{name}"))
        verb.add_argument("methods", nargs="+", metavar="METHOD")
        verb.set_defaults(run=_publish, published=published)
    verb = verbs.add_parser("set", help=for_terminal("help.leaderboard.set"))
    who = verb.add_mutually_exclusive_group()
    who.add_argument(
        "--public", action="store_true", default=None, help=for_terminal("help.leaderboard.public")
    )
    who.add_argument(
        "--private", action="store_false", dest="public", help=for_terminal("help.leaderboard.private")
    )
    verb.add_argument("--minimum", type=int, metavar="VOTES", help=for_terminal("help.leaderboard.minimum"))
    verb.set_defaults(run=_set)


def _board() -> Board:
    from eval.leaderboard.board import Board
    from eval.study.storage.store import Store

    return Board(Store())


def _show(options: argparse.Namespace) -> int:
    from eval.compare.rights import Visitor
    from eval.leaderboard.export import render
    from eval.leaderboard.personal_board import PersonalBoard
    from eval.leaderboard.standings import Filters

    board = _board()
    as_owner = PersonalBoard(board, Visitor("", owner=True))
    found = as_owner.standings(Filters(options.suite, options.language), anonymous=options.anonymous)
    for damaged in board.reports()[1]:
        print(for_terminal(damaged), file=sys.stderr)
    text = render(found, options.format)
    put_text(text, options.out)
    return 0


def _list(options: argparse.Namespace) -> int:
    board = _board()
    published = board.settings.published
    for added in board.reports()[0]:
        suite = added.report.suite
        print(f"{added.id}  {added.report.date[:10]}  {suite.name} {suite.version}")
    for study in board.store.on_leaderboard():
        print(f"{study.id}  {study.state}  {study.spec.title.en}")
    for method in board.methods():
        print(f"{method}  {'' if method in published else board.anonymous(method)}".rstrip())
    return 0


def _add(options: argparse.Namespace) -> int:
    board = _board()
    if options.study:
        print(board.store.put_on_leaderboard(options.study, True).id)
    elif options.report:
        print(board.add(Path(options.report)).id)
    else:
        raise ConfigError("leaderboard.nothing_named")
    return 0


def _remove(options: argparse.Namespace) -> int:
    board = _board()
    if options.study:
        board.store.put_on_leaderboard(options.study, False)
    elif options.report:
        board.remove(options.report)
    else:
        raise ConfigError("leaderboard.nothing_named")
    return 0


def _publish(options: argparse.Namespace) -> int:
    _board().publish(options.methods, options.published)
    return 0


def _set(options: argparse.Namespace) -> int:
    board = _board()
    if options.public is not None:
        board.show_to_visitors(options.public)
    if options.minimum is not None:
        board.rank_from(options.minimum)
    return 0
