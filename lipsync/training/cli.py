"""``python -m lipsync prepare`` and ``python -m lipsync train``."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync.errors import ConfigError
from lipsync.training.limits import Limits

if TYPE_CHECKING:
    from lipsync.training.timing import SyncCheck

_TRAIN_HELP = """\
Stages build on each other: speech and mouth need prepared clips alone; sync can start from speech; generator
takes all three. LSTM-CBAM: sync with stage.model.ablation=lstm-cbam, then joint. Visual dubbing: `fit` on the
prepared folder, then expression, then dubbing. Multi-reference: listener, then multi-reference; syncx and
lip-reader train its experts. activity tells speech from
everything else, for all methods. Example configurations lie beside this package in
lipsync/training/configs/.
Several processes: torchrun --nproc-per-node N -m lipsync train ...
"""


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
    from lipsync.training.prepare import prepare
    from lipsync.training.profiles import PROFILES

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
        tell=lambda line: print(line, flush=True),
    )
    print(summary)
    return 0


def _sync_check(options: argparse.Namespace) -> SyncCheck | None:
    if not options.sync_check:
        if options.sync_expert is not None or options.sync_trust is not None:
            raise ConfigError("train.needs_sync_check")
        return None
    from lipsync.training.timing import EMBEDDED, SyncCheck, Trust

    trust = Trust(*options.sync_trust) if options.sync_trust is not None else Trust()
    return SyncCheck(options.sync_expert or EMBEDDED, trust)


class _About(argparse.Action):
    """Prints about a data set and ends, like --help."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: Any = None) -> None:
        from lipsync.training.profiles import PROFILES

        print(PROFILES.get(str(values)).about())
        parser.exit()


def add_train_command(subparsers: argparse._SubParsersAction) -> None:
    """Add ``train``; its ``handler`` runs it and returns the exit status."""
    parser = subparsers.add_parser(
        "train",
        help="train a stage on prepared clips",
        epilog=_TRAIN_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("stage", metavar="STAGE", help="such as speech, mouth, sync or generator; see below")
    parser.add_argument("--data", type=Path, required=True, help="folder that `prepare` wrote")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder of the run: checkpoints, logs, weights"
    )
    parser.add_argument("--config", type=Path, help="TOML file with the tables [run], [data] and [stage]")
    parser.add_argument(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="settings that win over the file, such as run.steps=500 stage.model.ablation=csa",
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on from the run's last checkpoint, with its configuration"
    )
    parser.set_defaults(handler=_train)


def _train(options: argparse.Namespace) -> int:
    from lipsync.training.config import read_config, read_toml
    from lipsync.training.run import KEPT, read_kept, train

    tables: dict[str, Any] = {}
    if options.config is not None:
        tables = read_toml(options.config)
    elif options.resume and (options.out / KEPT).is_file():
        kind, tables = read_kept(options.out)
        if kind != options.stage:
            raise ConfigError("train.other_stage", out=options.out, stage=options.stage)
    config = read_config(options.stage, tables, options.set)
    train(
        options.stage,
        config,
        options.data,
        options.out,
        resume=options.resume,
        tell=lambda line: print(line, flush=True),
    )
    return 0
