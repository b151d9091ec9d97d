"""``python -m lipsync push``: a core to the Hugging Face Hub."""

from __future__ import annotations

import argparse
from pathlib import Path

from lipsync.texts import for_terminal
from lipsync.weights.push import push


def add_push_command(commands: argparse._SubParsersAction) -> None:
    """Add ``push`` to the subparsers of ``python -m lipsync``."""
    parser = commands.add_parser("push", help=for_terminal("help.push.help"))
    parser.add_argument("--model", type=Path, required=True, help=for_terminal("help.push.model"))
    parser.add_argument("--repo", required=True, metavar="ORG/NAME", help=for_terminal("help.push.repo"))
    parser.add_argument("--private", action="store_true", help=for_terminal("help.push.private"))
    parser.add_argument("--dry-run", action="store_true", help=for_terminal("help.push.dry_run"))
    parser.set_defaults(handler=_run)


def _run(options: argparse.Namespace) -> None:
    done = push(options.model, options.repo, options.private, options.dry_run)
    for name, size in done.files:
        print(f"{size / 1e6:9.3f} MB  {name}")
    if done.url is None:
        print(for_terminal("cli.not_pushed", repo=options.repo))
    else:
        print(for_terminal("cli.pushed", url=done.url, repo=options.repo, commit=done.commit))
