"""``python -m lipsync prepare``: videos of people who speak to clips for training."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync.data.preparation.limits import Limits
from lipsync.errors import ConfigError
from lipsync.texts import for_terminal

if TYPE_CHECKING:
    from lipsync.data.preparation.timing import SyncCheck


def add_prepare_command(subparsers: argparse._SubParsersAction) -> None:
    """Add ``prepare``; its ``handler`` runs it and returns the exit status."""
    parser = subparsers.add_parser("prepare", help=for_terminal("help.prepare.help"))
    parser.add_argument("--videos", type=Path, required=True, help=for_terminal("help.prepare.videos"))
    parser.add_argument(
        "--profile",
        default="folder",
        metavar="NAME",
        help=for_terminal("help.prepare.profile"),
    )
    parser.add_argument(
        "--help-profile",
        action=_About,
        metavar="NAME",
        help=for_terminal("help.prepare.help_profile"),
    )
    parser.add_argument("--out", type=Path, required=True, help=for_terminal("help.prepare.out"))
    parser.add_argument(
        "--manifest",
        type=Path,
        help=for_terminal("help.prepare.manifest"),
    )
    _add_splits(parser)
    parser.add_argument("--workers", type=int, default=1, help=for_terminal("help.fit.workers"))
    _add_limits(parser)
    _add_sync_check(parser)
    parser.set_defaults(handler=_prepare)


def _add_splits(parser: argparse.ArgumentParser) -> None:
    """Which splits are prepared, and how people are drawn for them."""
    parser.add_argument("--splits", nargs="+", default=[], help=for_terminal("help.prepare.splits"))
    parser.add_argument(
        "--split-by",
        default="",
        metavar="HOW",
        help=for_terminal("help.prepare.split_by"),
    )
    parser.add_argument(
        "--val-share",
        type=float,
        default=0.1,
        help=for_terminal("help.prepare.val_share"),
    )
    parser.add_argument("--seed", type=int, default=0, help=for_terminal("help.prepare.seed"))


def _add_limits(parser: argparse.ArgumentParser) -> None:
    """What a clip must be like to be taken."""
    limits = Limits()
    parser.add_argument(
        "--min-face",
        type=float,
        metavar="PX",
        help=for_terminal("help.prepare.min_face", min_face=limits.min_face),
    )
    parser.add_argument(
        "--max-yaw",
        type=float,
        metavar="DEG",
        help=for_terminal("help.prepare.max_yaw", max_yaw=limits.max_yaw),
    )
    parser.add_argument(
        "--max-seconds",
        type=float,
        help=for_terminal("help.prepare.max_seconds", max_seconds=limits.max_seconds),
    )
    parser.add_argument(
        "--min-sharpness",
        type=float,
        metavar="S",
        help=for_terminal("help.prepare.min_sharpness", min_sharpness=limits.min_sharpness),
    )


def _add_sync_check(parser: argparse.ArgumentParser) -> None:
    """Whether and how the sound is checked against the lips."""
    parser.add_argument(
        "--sync-check",
        action="store_true",
        help=for_terminal("help.prepare.sync_check"),
    )
    parser.add_argument(
        "--sync-expert", type=Path, metavar="DIR", help=for_terminal("help.prepare.sync_expert")
    )
    parser.add_argument(
        "--sync-trust",
        type=float,
        nargs=2,
        metavar=("KEEP", "MOVE"),
        help=for_terminal("help.prepare.sync_trust"),
    )


def _prepare(options: argparse.Namespace) -> int:
    from lipsync.data.preparation.prepare import prepare
    from lipsync.data.preparation.profiles import PROFILES

    profile = PROFILES.get(options.profile)
    if options.manifest is not None and options.profile != "folder":
        raise ConfigError("train.manifest_or_profile")
    names = ("min_face", "max_yaw", "max_seconds", "min_sharpness")
    changed = {name: value for name in names if (value := getattr(options, name)) is not None}
    summary = prepare(
        options.videos,
        options.out,
        manifest=options.manifest,
        workers=options.workers,
        limits=replace(profile.limits, **changed),
        val_share=options.val_share,
        seed=options.seed,
        splits=tuple(options.splits),
        profile=profile,
        split_by=options.split_by,
        sync=_sync_check(options),
        report=lambda line: print(for_terminal(line), flush=True),
    )
    print(summary)
    return 0


def _sync_check(options: argparse.Namespace) -> SyncCheck | None:
    if not options.sync_check:
        if options.sync_expert is not None or options.sync_trust is not None:
            raise ConfigError("train.needs_sync_check")
        return None
    from lipsync.data.preparation.timing import EMBEDDED, SyncCheck, Trust

    trust = Trust(*options.sync_trust) if options.sync_trust is not None else Trust()
    return SyncCheck(options.sync_expert or EMBEDDED, trust)


class _About(argparse.Action):
    """Prints about a data set and ends, like --help."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: Any = None) -> None:
        from lipsync.data.preparation.profiles import PROFILES

        print(PROFILES.get(str(values)).about())
        parser.exit()
