"""``python -m lipsync prepare``: videos of people who speak to clips for training."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync.data.preparation.limits import Limits
from lipsync.errors import ConfigError

if TYPE_CHECKING:
    from lipsync.data.preparation.timing import SyncCheck


def add_prepare_command(subparsers: argparse._SubParsersAction) -> None:
    """Add ``prepare``; its ``handler`` runs it and returns the exit status."""
    limits = Limits()
    parser = subparsers.add_parser(
        "prepare", help="cut a folder of talking-face videos into aligned clips for training"
    )
    parser.add_argument("--videos", type=Path, required=True, help="folder, searched with its subfolders")
    parser.add_argument(
        "--profile",
        default="folder",
        metavar="NAME",
        help="the data set in it: folder, lrs2, lrw, cmlr, voxceleb or grid (default: %(default)s)",
    )
    parser.add_argument(
        "--help-profile",
        action=_About,
        metavar="NAME",
        help="print a data set's expected folders, splits, licence and where to ask for it, and stop",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for clips and manifest.csv")
    parser.add_argument(
        "--manifest",
        type=Path,
        help="CSV with the columns file, id and maybe split; without it a person is a subfolder, and files "
        "that lie in none are grouped by their faces",
    )
    parser.add_argument(
        "--splits", nargs="+", default=[], help="of the manifest or the data set; the others are left out"
    )
    parser.add_argument(
        "--split-by",
        default="",
        metavar="HOW",
        help="official: the splits that are named; people: drawn over people, so that nobody is in two "
        "(default: as the profile or the manifest has it)",
    )
    parser.add_argument("--workers", type=int, default=1, help="processes (default: %(default)s)")
    parser.add_argument(
        "--val-share",
        type=float,
        default=0.1,
        help="of the people, kept for validation (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of that choice (default: %(default)s)")
    parser.add_argument(
        "--min-face",
        type=float,
        metavar="PX",
        help=f"side of the face square in the video (default: the profile's, usually {limits.min_face:g})",
    )
    parser.add_argument(
        "--max-yaw",
        type=float,
        metavar="DEG",
        help=f"how far a face may be turned (default: {limits.max_yaw:g})",
    )
    parser.add_argument("--max-seconds", type=float, help=f"of a clip (default: {limits.max_seconds:g})")
    parser.add_argument(
        "--min-sharpness",
        type=float,
        metavar="S",
        help=f"below it a face counts as blurred (default: {limits.min_sharpness:g})",
    )
    parser.add_argument(
        "--sync-check",
        action="store_true",
        help="let a sync expert look at the sound of every recording: move it where it is off by more than "
        "two frames, leave the recording out where it cannot be trusted",
    )
    parser.add_argument(
        "--sync-expert", type=Path, metavar="DIR", help="who judges (default: the one that ships)"
    )
    parser.add_argument(
        "--sync-trust",
        type=float,
        nargs=2,
        metavar=("KEEP", "MOVE"),
        help="trust that is asked to leave the sound and to move it (default: 0.08 0.15)",
    )
    parser.set_defaults(handler=_prepare)


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
        report=lambda line: print(line, flush=True),
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
