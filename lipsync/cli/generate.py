"""``python -m lipsync generate``: a face and speech in, a video whose lips follow the speech out; or many."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lipsync.errors import ConfigError
from lipsync.methods import AUTO, DEFAULT, METHODS
from lipsync.texts import Message, for_terminal

# Options that only one video can have, and those that only many can.
OF_ONE = ("audio", "method", "checkpoint", "face_point", "face_range", "audio_range")
OF_MANY = ("methods", "workers", "ray")


def add_generate_command(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("generate", help=for_terminal("help.generate.help"))
    inputs = parser.add_mutually_exclusive_group(required=True)
    inputs.add_argument("--face", type=Path, help=for_terminal("help.generate.face"))
    inputs.add_argument("--manifest", type=Path, metavar="CSV", help=for_terminal("help.generate.manifest"))
    parser.add_argument("--audio", type=Path, help=for_terminal("help.generate.audio"))
    parser.add_argument("--out", type=Path, required=True, help=for_terminal("help.generate.out"))
    parser.add_argument(
        "--method",
        default=DEFAULT,
        help=for_terminal("help.generate.method", auto=AUTO, names=", ".join(METHODS.names())),
    )
    parser.add_argument("--methods", nargs="+", metavar="METHOD", help=for_terminal("help.generate.methods"))
    parser.add_argument("--checkpoint", type=Path, help=for_terminal("help.generate.checkpoint"))
    parser.add_argument(
        "--face-index",
        type=int,
        metavar="N",
        help=for_terminal("help.generate.face_index"),
    )
    parser.add_argument(
        "--face-point", type=float, nargs=2, metavar=("X", "Y"), help=for_terminal("help.generate.face_point")
    )
    parser.add_argument(
        "--person",
        type=int,
        metavar="N",
        help=for_terminal("help.generate.person"),
    )
    parser.add_argument(
        "--faces",
        choices=("one", "all"),
        default="one",
        help=for_terminal("help.generate.faces"),
    )
    parser.add_argument(
        "--length",
        choices=("audio", "video"),
        default="audio",
        help=for_terminal("help.generate.length"),
    )
    parser.add_argument(
        "--mouth-opening",
        type=float,
        default=1.0,
        metavar="FACTOR",
        help=for_terminal("help.generate.mouth_opening"),
    )
    parser.add_argument(
        "--sharpen",
        type=float,
        default=0.0,
        metavar="SHARE",
        help=for_terminal("help.generate.sharpen"),
    )
    parser.add_argument("--size", type=int, metavar="PIXELS", help=for_terminal("help.generate.size"))
    parser.add_argument(
        "--quality",
        choices=("high", "medium", "small"),
        default="high",
        help=for_terminal("help.generate.quality"),
    )
    for name in ("face", "audio"):
        parser.add_argument(
            f"--{name}-range",
            type=float,
            nargs=2,
            metavar=("START", "END"),
            help=for_terminal(f"help.generate.{name}_range"),
        )
    parser.add_argument(
        "--captions",
        choices=("none", "file", "track", "burnt"),
        default="none",
        help=for_terminal("help.generate.captions"),
    )
    parser.add_argument("--batch-size", type=int, default=16, help=for_terminal("help.generate.batch_size"))
    engine = parser.add_mutually_exclusive_group()
    engine.add_argument("--workers", type=int, metavar="N", help=for_terminal("help.batch.workers"))
    engine.add_argument("--ray", metavar="auto|ADDRESS", help=for_terminal("help.batch.ray"))
    parser.add_argument("--no-label", action="store_true", help=for_terminal("help.generate.no_label"))
    parser.add_argument("--json", action="store_true", help=for_terminal("help.generate.json"))
    parser.set_defaults(handler=_generate)


def _generate(options: argparse.Namespace) -> int:
    refused = OF_MANY if options.manifest is None else OF_ONE
    for name in refused:
        if getattr(options, name) not in (None, DEFAULT):
            key = "generate.only_with_manifest" if refused is OF_MANY else "generate.not_with_manifest"
            raise ConfigError(key, option=f"--{name.replace('_', '-')}")
    return _generate_one(options) if options.manifest is None else _generate_many(options)


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    """What one and many videos can be asked for: fields of a `Request`."""
    return {
        "face_index": options.face_index,
        "person": options.person,
        "faces": options.faces,
        "length": options.length,
        "label": not options.no_label,
        "mouth_opening": options.mouth_opening,
        "sharpen": options.sharpen,
        "batch_size": options.batch_size,
        "size": options.size,
        "quality": options.quality,
        "captions": options.captions,
    }


def _generate_many(options: argparse.Namespace) -> int:
    """Make what a manifest lists; 2 where a row failed."""
    from lipsync.batch.engines import Engine
    from lipsync.batch.generate_batch import generate_batch
    from lipsync.batch.progress_bars import ProgressBars
    from lipsync.data.face_speech_pairs import read_manifest

    rows = read_manifest(options.manifest)
    engine = Engine(1 if options.workers is None else options.workers, options.ray)
    settings = _settings(options)
    with ProgressBars() as bars:
        videos = generate_batch(
            rows,
            options.methods or [AUTO],
            options.out,
            engine,
            lambda done, total, _: bars("", done, total),
            settings,
        )
    failed = [video for video in videos if video.error is not None]
    if options.json:
        print(json.dumps([asdict(video) for video in videos], ensure_ascii=False, indent=2, default=str))
    else:
        done = len(videos) - len(failed)
        print(for_terminal("cli.batch_made", folder=options.out, done=done, total=len(videos)))
    for video in failed:
        line = Message("cli.row_failed", item=video.item, method=video.method, problem=video.error)
        print(for_terminal(line), file=sys.stderr)
    return 2 if failed else 0


def _generate_one(options: argparse.Namespace) -> int:
    from lipsync.generate import Progress, Request, generate
    from lipsync.media.output.captions import caption_file

    def show(progress: Progress) -> None:
        parts = [for_terminal(f"job.{progress.stage}")]
        if progress.stage == "weights" and progress.total:
            done, total = f"{progress.done / 1e6:.1f}", f"{progress.total / 1e6:.1f}"
            parts.append(for_terminal("job.bytes", done=done, total=total))
        if progress.stage == "frames" and progress.total:
            parts.append(for_terminal("job.count", done=progress.done, total=progress.total))
            parts.append(for_terminal("job.fps", fps=f"{progress.fps:.0f}"))
            if progress.seconds_left is not None:
                parts.append(for_terminal("job.left", seconds=f"{progress.seconds_left:.0f}"))
        print(f"\r{', '.join(parts):<70}", end="", file=sys.stderr, flush=True)

    request = Request(
        face=options.face,
        audio=options.audio,
        output=options.out,
        method=options.method,
        checkpoint=options.checkpoint,
        face_point=tuple(options.face_point) if options.face_point else None,
        face_range=tuple(options.face_range) if options.face_range else None,
        audio_range=tuple(options.audio_range) if options.audio_range else None,
        **_settings(options),
    )
    try:
        result = generate(request, progress=show)
    finally:
        print(file=sys.stderr)
    if options.json:
        print(json.dumps(result.to_dict(), ensure_ascii=False, indent=2))
    else:
        print(
            for_terminal(
                "cli.generated",
                path=result.path,
                frames=Message("count.frames", count=result.frames),
                without=result.frames_without_face,
                size=f"{result.width}x{result.height}",
                fps=result.fps,
                seconds=result.seconds["total"],
            )
            + f", {result.method}@{result.weights_sha256[:8]}"
            + (f" ({AUTO})" if result.requested_method == AUTO else "")
            + (
                f", {for_terminal('facts.revision', revision=result.revision[:12])}"
                if result.revision
                else ""
            )
        )
    if result.captions:
        print(for_terminal("cli.captions", path=caption_file(result.path)), file=sys.stderr)
    for note in filter(None, (result.fallback, *result.notes)):
        print(for_terminal(note), file=sys.stderr)
    return 0
