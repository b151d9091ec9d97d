"""The commands of ``python -m eval``: score videos, compare methods, ask people. One file for each."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from importlib.util import find_spec

from lipsync.errors import exit_status
from lipsync.texts import for_terminal

COMMANDS = {
    "score": "eval.cli.score",
    "batch": "eval.cli.batch",
    "compare": "eval.cli.compare",
    "bench": "eval.cli.bench",
    "core": "eval.cli.core",
    "ablate": "eval.cli.ablate",
    "sync-expert": "eval.cli.sync_expert",
    "study": "eval.cli.study",
    "leaderboard": "eval.cli.leaderboard",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; its exit status, see `exit_status`."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog="python -m eval", description=for_terminal("help.eval"))
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    # Some load networks' libraries, which takes seconds: only the command that is asked for is loaded. What
    # trains is not on a Space.
    for name in arguments[:1] if arguments[:1] and arguments[0] in COMMANDS else COMMANDS:
        if find_spec(COMMANDS[name]):
            import_module(COMMANDS[name]).add(commands)
    options = parser.parse_args(arguments)
    return exit_status(lambda: options.run(options))
