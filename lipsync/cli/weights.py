"""``python -m lipsync weights``: the weights of others, listed and fetched."""

from __future__ import annotations

import argparse
import sys

from lipsync.texts import for_terminal


def _fetch_defaults() -> None:
    """Fetch what the portal wants from the start, with a progress line for each file."""
    from lipsync.methods.auto import wanted
    from lipsync.weights import hub

    begun: list[str] = []

    def progress(file: str) -> hub.Progress:
        def show(done: int, total: int | None) -> None:
            if not done:
                return
            if file not in begun:
                print(end="\n" if begun else "", file=sys.stderr)
                begun.append(file)
            line = f"{file}: {done / 1e6:.1f}" + (f"/{total / 1e6:.1f} MB" if total else " MB")
            print(f"\r{line:<70}", end="", file=sys.stderr, flush=True)

        return show

    problems = hub.fetch_defaults(wanted(), progress)
    print(end="\n" if begun else "", file=sys.stderr)
    for sentence in problems:
        print(for_terminal(sentence), file=sys.stderr)


def add_weights_command(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("weights", help=for_terminal("help.weights.help"))
    parser.add_argument(
        "--fetch", nargs="+", metavar="NAME", default=[], help=for_terminal("help.weights.fetch")
    )
    parser.add_argument("--defaults", action="store_true", help=for_terminal("help.weights.defaults"))
    parser.set_defaults(handler=_weights)


def _weights(options: argparse.Namespace) -> None:
    from lipsync.weights import hub

    if options.defaults:
        _fetch_defaults()
        return
    for name in options.fetch:
        print(hub.fetch(name))
    if not options.fetch:
        for row in hub.status():
            where = str(row.path) if row.path else row.place or for_terminal("cli.not_here")
            print(
                f"{row.name:<22} {row.size / 1e6:7.1f} MB  {row.licence:<28.28} {row.purpose:<44.44} {where}"
            )
