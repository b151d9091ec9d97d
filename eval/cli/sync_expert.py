"""The ``sync-expert`` command: how often the own sync expert finds what is known to be true."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from eval.batch.held_out import add_arguments, held_out, speakers_of_clips, unseen
from lipsync.texts import for_terminal


def add(commands: Any) -> None:
    """Add the command to the subparsers of ``python -m eval``."""
    parser = commands.add_parser("sync-expert", help=for_terminal("help.sync_expert.help"))
    add_arguments(parser)
    parser.add_argument("--model", type=Path, metavar="DIR", help=for_terminal("help.sync_expert.model"))
    parser.add_argument(
        "--seconds", type=float, default=0.0, metavar="S", help=for_terminal("help.sync_expert.seconds")
    )
    parser.add_argument(
        "--json", type=Path, metavar="OUT",
        help=for_terminal("help.sync_expert.json"),
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Measure every clip with its own sound and with another person's, print each and the totals."""
    from eval.batch.sync_check import check_clip
    from eval.scoring.expert import load_expert, measure
    from lipsync.errors import MediaError
    from lipsync.media.probe import probe
    from lipsync.weights import hub

    sync_network = load_expert(options.model)
    landmarker = hub.fetch("face_landmarker")
    clips = unseen(options.data, held_out(options.data, options.split), options.trained_on)
    long = [name for name, clip in clips.items() if probe(clip).duration >= options.seconds]
    trained_on = " or ".join(options.trained_on) or "no other split"
    speakers, checks = speakers_of_clips(clips), []
    print(f"{'clip':<20} windows found  own sound: offset  LSE-D  ranked   other sound: offset  LSE-D")
    for name in long:
        try:
            check = check_clip(sync_network, clips[name], clips[speakers[name]], landmarker)
        except MediaError as problem:
            print(f"{name:<20} {for_terminal(problem.message)}")
            continue
        checks.append(check)
        print(
            f"{name:<20} {check.windows:>7} {check.windows_found / max(1, check.windows):>5.0%}  "
            f"{check.offset:>+17d}  {check.distance:.3f}  {'yes' if check.ranked else 'no':>6}   "
            f"{check.other_offset:>+19d}  {check.other_distance:.3f}{'' if check.found else '   missed'}",
            flush=True,
        )
    data = f"split {options.split} without people of {trained_on}"
    if options.seconds:
        data += f", clips of {options.seconds:g} s and more"
    measured = measure(checks, sync_network.sha256, data)
    print(measured.report())
    if options.json is not None:
        options.json.write_text(json.dumps(measured.as_dict(), indent=2) + "\n", encoding="utf-8")
    return 0
