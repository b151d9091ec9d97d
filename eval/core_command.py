"""The ``core`` command: the scores of a model card, on people that the model never saw."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

METRICS = ("lipcorr", "psnr", "ssim", "lpips", "lmd")


def add(commands: Any) -> None:
    """Add the command to the subparsers of ``python -m eval``."""
    parser = commands.add_parser(
        "core", help="drive held-out people with their own and with others' speech, and score the results"
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with manifest.csv (file, id, split) and its clips"
    )
    parser.add_argument(
        "--split", default="val", help="rows of the manifest that are measured (default: %(default)s)"
    )
    parser.add_argument(
        "--trained-on", nargs="*", default=["train", "extra"], metavar="SPLIT",
        help="splits the core learnt from; people in one of them are left out (default: train extra)",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for videos, rows and tables"
    )
    parser.add_argument(
        "--method", default=None, help="one of the portal's methods (default: the embedded core)"
    )
    parser.add_argument("--checkpoint", type=Path, help="weights to use instead of the method's own")
    parser.add_argument(
        "--region", choices=("face", "mouth", "full"), default="mouth", help="default: %(default)s"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Generate what is missing, score it beside the controls, print the table of the model card."""
    from eval.batch import Options
    from eval.batch import run as run_batch
    from eval.controls import CONTROLS
    from eval.expert_command import unseen
    from eval.manifest import Row, with_controls
    from eval.report.files import write_tables
    from eval.summary import summarise_rows
    from lipsync.generate import Request, generate
    from lipsync.methods import DEFAULT

    clips = unseen(options.data, held_out(options.data, options.split), options.trained_on)
    options.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, clip in clips.items():
        for kind, voice in (("own speech", clip), ("other speech", clips[speaker_for(name, clips)])):
            made = options.out / f"{name} {kind}.mp4"
            if not made.is_file():
                request = Request(
                    face=clip, audio=voice, output=made, method=options.method or DEFAULT,
                    checkpoint=options.checkpoint, length="video", label=False,
                )  # fmt: skip
                print(f"{made.name}: {generate(request).frames} frames", file=sys.stderr, flush=True)
            rows.append(Row(item=name, method=kind, generated=made, reference=clip))
    wanted = [control for control in CONTROLS if control.name == "still frame"]
    settings = Options(metrics=METRICS, region=options.region)
    results = run_batch(with_controls(rows, wanted), settings, options.out)
    print(write_tables(summarise_rows(results, options.out), options.out))
    return 0


def held_out(data: Path, split: str) -> dict[str, Path]:
    """The clips of a split, by name.

    Raises:
        ConfigError: there is no manifest, or it lists fewer than two people of that split.
    """
    import pandas as pd

    from lipsync.errors import ConfigError

    manifest = data / "manifest.csv"
    if not manifest.is_file():
        raise ConfigError(f"{data} holds no manifest.csv with the columns file, id and split.")
    rows = pd.read_csv(manifest, dtype=str)
    rows = rows[rows["split"] == split]
    if rows["id"].nunique() < 2:
        raise ConfigError(
            f"{manifest} lists fewer than two people of the split {split!r}; other speech needs two."
        )
    return {Path(file).stem: data / file for file in rows["file"]}


def speaker_for(name: str, clips: dict[str, Path]) -> str:
    """Whose speech drives a face that is not to follow its own: the next clip of another person, in order."""
    names = list(clips)
    start = names.index(name)
    person = name.split("_")[0]
    return next(other for other in names[start + 1 :] + names[:start] if other.split("_")[0] != person)
