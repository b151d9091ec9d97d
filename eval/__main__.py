"""``python -m eval``: score videos, compare methods, ask people."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from importlib.util import find_spec

from lipsync.errors import LipSyncError
from lipsync.texts import for_terminal

COMMANDS = {
    "score": "eval.score_command",
    "batch": "eval.batch_command",
    "compare": "eval.compare.command",
    "core": "eval.core_command",
    "ablate": "eval.ablate_command",
    "sync-expert": "eval.expert_command",
    "study": "eval.study.command",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 when it worked, 2 with one sentence when the person can mend what is wrong."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # see lipsync.__main__
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog="python -m eval", description="Score lip-sync videos.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    # Some load networks' libraries, which takes seconds: only the command that is asked for is loaded. What
    # trains is not on a Space.
    for name in arguments[:1] if arguments[:1] and arguments[0] in COMMANDS else COMMANDS:
        if find_spec(COMMANDS[name]):
            import_module(COMMANDS[name]).add(commands)
    options = parser.parse_args(arguments)
    try:
        return options.run(options)
    except LipSyncError as problem:
        print(for_terminal(problem.message), file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
