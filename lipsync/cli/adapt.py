"""``python -m lipsync adapt``: learn one person, list and delete what was learned."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lipsync.errors import ConfigError
from lipsync.texts import for_terminal


def add_adapt_command(commands: argparse._SubParsersAction) -> None:
    """Add ``adapt`` to the subparsers of ``python -m lipsync``."""
    parser = commands.add_parser("adapt", help=for_terminal("help.adapt.help"))
    parser.add_argument("--face", type=Path, help=for_terminal("help.adapt.face"))
    parser.add_argument(
        "--out",
        metavar="CORE",
        help=for_terminal("help.adapt.out"),
    )
    parser.add_argument("--method", default="auto", metavar="NAME", help=for_terminal("help.adapt.method"))
    parser.add_argument("--checkpoint", type=Path, help=for_terminal("help.adapt.checkpoint"))
    parser.add_argument("--minutes", type=float, default=2.0, help=for_terminal("help.adapt.minutes"))
    parser.add_argument("--list", action="store_true", help=for_terminal("help.adapt.list"))
    parser.add_argument("--delete", metavar="NAME", help=for_terminal("help.adapt.delete"))
    parser.set_defaults(handler=_run)


def _run(options: argparse.Namespace) -> None:
    from lipsync.methods.adapted import adapted_names, delete_adapted

    if options.list:
        print("\n".join(adapted_names(secret=True)) or for_terminal("cli.none_adapted"))
    elif options.delete:
        delete_adapted(options.delete)
        print(for_terminal("cli.deleted", name=options.delete))
    elif options.face is None or options.out is None:
        raise ConfigError("adapt.usage")
    else:
        _adapt(options)


def _adapt(options: argparse.Namespace) -> None:
    from lipsync.adapt import AdaptRequest, adapt
    from lipsync.generate import Progress
    from lipsync.methods.adapted import PREFIX, adapted_folder

    named = "/" not in options.out and "\\" not in options.out
    out = adapted_folder(options.out) if named else Path(options.out)

    def show(step: Progress) -> None:
        line = for_terminal(f"job.{step.stage}")
        if step.total:
            line += f" {step.done / 1e6:.1f}/{step.total / 1e6:.1f} MB" if step.stage == "weights" else ""
            line += f" {step.done}/{step.total} s" if step.stage != "weights" else ""
        print(f"\r{line:<60}", end="", file=sys.stderr, flush=True)

    try:
        request = AdaptRequest(options.face, out, options.method, options.checkpoint, options.minutes)
        made = adapt(request, show)
    finally:
        print(file=sys.stderr)
    use = f"--method {PREFIX}{out.name}" if named else f"--checkpoint {out}"
    print(for_terminal(made.summary), for_terminal("cli.use", path=made.path, use=use), sep="\n")
