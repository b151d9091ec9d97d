"""The ``sync-expert`` command: how often the own sync expert finds what is known to be true."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from eval.batch.held_out import add_arguments, held_out, speaker_for, unseen
from lipsync.texts import for_terminal


def add(commands: Any) -> None:
    """Add the command to the subparsers of ``python -m eval``."""
    parser = commands.add_parser("sync-expert", help=for_terminal("help.sync_expert.help"))
    add_arguments(parser)
    parser.add_argument("--model", type=Path, metavar="DIR", help=for_terminal("help.sync_expert.model"))
    parser.add_argument(
        "--json", type=Path, metavar="OUT",
        help=for_terminal("help.sync_expert.json"),
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Score every clip with its own sound and with another person's, print each and the totals."""
    from eval.scoring.controls import Control
    from eval.scoring.expert import EXPERT, Check, load_expert, measure
    from eval.scoring.metrics import METRICS
    from eval.scoring.networks import Networks
    from eval.scoring.score import score
    from lipsync.weights import hub

    folder = options.model or EXPERT
    sync_network = load_expert(folder)
    networks = Networks(landmarker=hub.locate("face_landmarker"), loaded={"lse": sync_network})
    clips = unseen(options.data, held_out(options.data, options.split), options.trained_on)
    learnt = " or ".join(options.trained_on) or "no other split"
    checks = []
    print(f"{'clip':<20} windows  own sound: offset  LSE-D  LSE-C   other sound: offset  LSE-D")
    for name, clip in clips.items():
        other = Control("other audio", other_audio=True, audio=clips[speaker_for(name, clips)])
        own, swapped = (
            score(clip, metrics=METRICS.in_group("lse"), networks=networks, control=control)
            for control in (None, other)
        )
        if own["lse_d"] is None or swapped["lse_d"] is None:
            print(f"{name:<20} {own.scores['lse_d'].reason or swapped.scores['lse_d'].reason}")
            continue
        check = Check(
            round(own["offset"] or 0), own["lse_d"], round(swapped["offset"] or 0), swapped["lse_d"]
        )
        checks.append(check)
        print(
            f"{name:<20} {own.scores['lse_d'].frames:>7}  {check.offset:>+17d}  {check.distance:.3f}  "
            f"{own['lse_c']:.3f}   {check.other_offset:>+19d}  {check.other_distance:.3f}"
            f"{'' if check.found else '   missed'}",
            flush=True,
        )
    measured = measure(checks, sync_network.sha256, f"split {options.split} without people of {learnt}")
    print(measured.report())
    if options.json is not None:
        options.json.write_text(json.dumps(measured.as_dict(), indent=2) + "\n", encoding="utf-8")
    return 0
