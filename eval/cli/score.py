"""The ``score`` command: one video, its numbers on the screen and in files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from eval.scoring.metrics import METRICS
from eval.scoring.protocol import Region, Variant
from lipsync.texts import for_terminal

if TYPE_CHECKING:
    from eval.scoring.scores import Scores
    from eval.study.statistics.prediction.mos_model import MosModel

ALL = "all"  # in place of names: every metric that the inputs allow


def add(commands: Any) -> None:
    """Add the command to the subparsers of ``python -m eval``."""
    parser = commands.add_parser("score", help=for_terminal("help.score.help"))
    parser.add_argument("--generated", type=Path, required=True, help=for_terminal("help.score.generated"))
    parser.add_argument("--reference", type=Path, help=for_terminal("help.score.reference"))
    parser.add_argument("--reference-image", type=Path, help=for_terminal("help.score.reference_image"))
    parser.add_argument("--speaker", type=Path, help=for_terminal("help.score.speaker"))
    add_protocol(parser)
    parser.add_argument(
        "--json", type=Path, required=True, metavar="OUT", help=for_terminal("help.score.json")
    )
    add_predictions(parser)
    parser.add_argument("--frames-csv", type=Path, metavar="OUT", help=for_terminal("help.score.frames_csv"))
    parser.set_defaults(run=run)


def add_protocol(parser: argparse.ArgumentParser) -> None:
    """The options that say how scores are made, the same for one video and for many."""
    parser.add_argument(
        "--metrics",
        nargs="+",
        metavar="NAME",
        help=for_terminal("help.score.metrics", names=", ".join(METRICS)),
    )
    parser.add_argument(
        "--region", choices=get_args(Region), default="face", help=for_terminal("help.score.region")
    )
    parser.add_argument(
        "--variant", choices=get_args(Variant), default="track", help=for_terminal("help.score.variant")
    )
    parser.add_argument("--syncnet", type=Path, metavar="FILE", help=for_terminal("help.score.syncnet"))
    parser.add_argument(
        "--lpips", choices=("alex", "vgg"), default="alex", help=for_terminal("help.score.lpips")
    )
    parser.add_argument("--resize", action="store_true", help=for_terminal("help.score.resize"))


def add_predictions(parser: argparse.ArgumentParser) -> None:
    """The option for files of predicted MOS."""
    parser.add_argument(
        "--predict-mos", type=Path, nargs="+", metavar="FILE", help=for_terminal("help.score.predict_mos")
    )


def metric_names(options: argparse.Namespace) -> list[str] | None:
    """The chosen metrics, None for the usual ones; both spaces and commas separate them."""
    if options.metrics is None:
        return None
    names = [name for part in options.metrics for name in part.split(",") if name]
    return list(METRICS) if names == [ALL] else names


def run(options: argparse.Namespace) -> int:
    """Score one video, print its numbers, write what was asked for."""
    from eval.scoring.networks import load_networks
    from eval.scoring.score import possible, score, wanted

    models = _models(options.predict_mos)
    inputs = tuple(path is not None for path in (options.reference, options.reference_image, options.speaker))
    chosen = metric_names(options)
    names = list(possible(*inputs)) if chosen == list(METRICS) else wanted(chosen, *inputs)
    for model in models:
        model.require(names)
    scores = score(
        options.generated,
        options.reference,
        options.reference_image,
        speaker=options.speaker,
        metrics=names,
        region=options.region,
        variant=options.variant,
        resize=options.resize,
        networks=load_networks(names, options.syncnet, options.lpips),
        progress=_show if sys.stderr.isatty() else None,
    )
    scores.write_json(options.json)
    if options.frames_csv is not None:
        scores.write_frames(options.frames_csv)
    print(report(scores))
    if models:
        from eval.study.statistics.prediction.mos_model import predicted

        found = predicted(scores, models)
        scores.write_json(options.json, predicted_mos=[prediction.to_dict() for prediction in found])
        print("\n".join(for_terminal(prediction.text) for prediction in found))
    return 0


def _models(paths: Sequence[Path] | None) -> Sequence[MosModel]:
    """The files of predicted MOS; what they need is loaded only for them."""
    if not paths:
        return ()
    from eval.study.statistics.prediction.model_file import read_models

    return read_models(paths)


def report(scores: Scores) -> str:
    """The scores as lines of text, each number with its protocol."""
    lines = []
    for entry in scores.scores.values():
        metric = METRICS.get(entry.metric)
        if entry.value is None:
            lines.append(f"{entry.label:<28} -         {for_terminal(entry.reason)}")
        else:
            number = f"{entry.value:.{metric.decimals}f} {metric.unit}".strip()
            lines.append(f"{entry.label + ' ' + metric.arrow:<28} {number:<10} {entry.protocol}")
    return "\n".join([*lines, *(for_terminal("cli.note", note=note) for note in scores.notes)])


def _show(done: int, total: int) -> None:
    if done % 10 == 0 or done == total:
        print(
            "\r" + for_terminal("job.count", done=done, total=total),
            end="\n" if done == total else "",
            file=sys.stderr,
            flush=True,
        )
