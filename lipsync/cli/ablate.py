"""``python -m lipsync ablate``: names the command that replaced it."""

from __future__ import annotations

import argparse

from lipsync.errors import ConfigError
from lipsync.texts import for_terminal


def add_ablate_command(commands: argparse._SubParsersAction) -> None:
    """Add ``ablate`` to the subparsers of ``python -m lipsync``."""
    parser = commands.add_parser(
        "ablate", help=for_terminal("help.ablate.moved"),
        add_help=False, prefix_chars="\0",
    )  # fmt: skip  # no option is one here: whatever follows is taken
    parser.add_argument("arguments", nargs="*")
    parser.set_defaults(handler=_run)


def _run(options: argparse.Namespace) -> None:
    # It trains with this package and measures with the one above it.
    raise ConfigError("ablation.moved")
