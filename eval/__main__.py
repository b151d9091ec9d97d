"""``python -m eval``: score a video, or a table of them."""

from __future__ import annotations

import argparse
import sys

from eval import batch_command, core_command, expert_command, score_command
from lipsync.errors import LipSyncError

COMMANDS = (score_command, batch_command, core_command, expert_command)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 when it worked, 2 with one sentence when the person can mend what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m eval", description="Score lip-sync videos.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    options = parser.parse_args(arguments)
    try:
        return options.run(options)
    except LipSyncError as problem:
        print(problem, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
