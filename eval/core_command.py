"""The ``core`` command: the scores of a model card, on people that the model never saw."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from eval.held_out import add_arguments, held_out, speaker_for, unseen

METRICS = ("lipcorr", "psnr", "ssim", "lpips", "lmd", "csim")


def add(commands: Any) -> None:
    """Add the command to the subparsers of ``python -m eval``."""
    parser = commands.add_parser(
        "core", help="drive held-out people with their own and with others' speech, and score the results"
    )
    add_arguments(parser)
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
    from eval.manifest import Row, with_controls
    from eval.report.files import write_tables
    from eval.summary import summarise_rows
    from lipsync.generate import Request, generate
    from lipsync.methods import EMBEDDED

    clips = unseen(options.data, held_out(options.data, options.split), options.trained_on)
    options.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, clip in clips.items():
        for kind, voice in (("own speech", clip), ("other speech", clips[speaker_for(name, clips)])):
            made = options.out / f"{name} {kind}.mp4"
            if not made.is_file():
                request = Request(
                    face=clip, audio=voice, output=made, method=options.method or EMBEDDED,
                    checkpoint=options.checkpoint, length="video", label=False,
                )  # fmt: skip
                print(f"{made.name}: {generate(request).frames} frames", file=sys.stderr, flush=True)
            rows.append(Row(item=name, method=kind, generated=made, reference=clip))
    wanted = [control for control in CONTROLS if control.name == "still frame"]
    settings = Options(metrics=METRICS, region=options.region)
    results = run_batch(with_controls(rows, wanted), settings, options.out)
    print(write_tables(summarise_rows(results, options.out), options.out))
    return 0
