"""One pass over a generated video and its reference: all metrics, each frame decoded and tracked once."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from eval.scoring.accumulators import Accumulators
from eval.scoring.controls import Control
from eval.scoring.metrics import METRICS, Metric
from eval.scoring.metrics.base import SaveFeatures, Setup
from eval.scoring.networks import Networks, load_networks
from eval.scoring.protocol import BEYOND, FPS, Region, Variant
from eval.scoring.scores import Score, Scores, ordered
from eval.scoring.scoring_pass import Pass, Report, VideoFiles
from eval.scoring.sync import read_speech
from lipsync.errors import ConfigError, LipSyncError, MediaError
from lipsync.media import probe
from lipsync.texts import Message


def score(
    generated: str | Path,
    reference: str | Path | None = None,
    reference_image: str | Path | None = None,
    *,
    speaker: str | Path | None = None,
    metrics: Collection[str] | None = None,
    region: Region = "face",
    variant: Variant = "track",
    resize: bool = False,
    syncnet: str | Path | None = None,
    networks: Networks | None = None,
    progress: Report | None = None,
    keep_features: SaveFeatures | None = None,
    control: Control | None = None,
) -> Scores:
    """All metrics of one video in one pass, in memory that does not grow with its length.

    Args:
        generated: the video to score, any rate; it is read at 25 fps.
        reference: ground-truth video, paired by time. Without it only LSE (and CSIM) can be had.
        reference_image: one picture of the person; CSIM then compares with it.
        speaker: video of the person who said the driving speech, paired by time; for cross-driving.
        metrics: names of `eval.scoring.metrics`; None takes all that are usual and that the inputs allow.
        region: what PSNR, SSIM and LPIPS look at.
        variant: how LSE cuts the lips, see `eval.scoring.sync.SyncStream`.
        resize: allow a generated video of another size to be resized to the reference's.
        syncnet: checkpoint of the SyncNet v2 architecture; ignored where ``networks`` are given.
        networks: loaded before, to share them among videos.
        progress: called with (frames done, frames expected); an exception from it stops the pass.
        keep_features: gets the features of each batch, for FID and FVD over many videos.
        control: what is done to the generated video (or its sound) first, see `eval.scoring.controls`.

    Raises:
        LipSyncError: one sentence: a file is unreadable, has no face, fewer than 5 usable frames, no
            sound where only LSE was asked for, sizes that differ, weights without which nothing is left.
    """
    began = time.perf_counter()
    image = None if reference_image is None else Path(reference_image)
    files = VideoFiles(
        Path(generated),
        None if reference is None else Path(reference),
        image,
        None if speaker is None else Path(speaker),
        control,
    )
    names = wanted(metrics, reference is not None, reference_image is not None, speaker is not None)
    if networks is None:
        networks = load_networks(names, None if syncnet is None else Path(syncnet))
    missing = {name: networks.missing[name] for name in names if name in networks.missing}
    able = [METRICS.get(name) for name in names if name not in missing]
    speech, silence = _speech(files, able)
    if silence is not None:
        missing.update({metric.name: silence for metric in able if "audio" in metric.needs})
        able = [metric for metric in able if metric.name not in missing]
    if not able:
        raise LipSyncError(missing[names[0]])

    setup = Setup(networks, region, variant, reference is not None, image, speech, keep_features)
    job = Pass(files, able, setup, resize, progress)
    accumulators = Accumulators(able, setup)
    job.run(accumulators)
    job.check_faces()
    found = {name: Score(name, METRICS.get(name).label, None, reason=why) for name, why in missing.items()}
    found |= {metric.name: _score(metric, accumulators, setup, job) for metric in able}
    if all(entry.value is None for entry in found.values()):
        raise LipSyncError(found[able[0].name].reason)
    return Scores(
        generated=files.generated.name,
        reference=None if files.reference is None else files.reference.name,
        reference_image=None if image is None else image.name,
        scores=ordered(found),
        frames=tuple(_table(accumulators, job)),
        curve=next((curve for metric in able if (curve := metric.curve(accumulators.state(metric)))), ()),
        skipped=tuple((row, reason) for row, reason in enumerate(accumulators.reasons) if reason),
        notes=tuple(dict.fromkeys(_notes(found, job, networks))),
        seconds={**job.seconds, "total": time.perf_counter() - began},
    )


def possible(reference: bool, image: bool, speaker: bool = False) -> tuple[str, ...]:
    """The metrics that the inputs allow, in the order of the table."""
    return tuple(
        metric.name
        for metric in METRICS.all()
        if (speaker or "speaker" not in metric.needs)
        and ("reference" not in metric.needs or reference or (metric.takes_image and image))
    )


def wanted(metrics: Collection[str] | None, reference: bool, image: bool, speaker: bool = False) -> list[str]:
    """The metrics to compute, in the order of the table.

    Raises:
        ConfigError: an unknown name, or a metric that needs a reference or a speaker without one.
    """
    can = possible(reference, image, speaker)
    if metrics is None:
        return [name for name in METRICS.default() if name in can]
    for name in metrics:
        metric = METRICS.get(name)  # says what it may have meant
        if name not in can and "speaker" in metric.needs and not speaker:
            raise ConfigError("metrics.needs_speaker", metric=metric.label)
        if name not in can:
            raise ConfigError("metrics.needs_reference", metric=metric.label)
    if not metrics:
        raise ConfigError("metrics.choose_one")
    return [name for name in METRICS if name in metrics]


def _speech(files: VideoFiles, metrics: Sequence[Metric]) -> tuple[np.ndarray | None, Message | None]:
    """The sound, where a metric needs it, or the reason why there is none.

    Raises:
        MediaError: the video itself is unreadable.
    """
    if not any("audio" in metric.needs for metric in metrics):
        return None, None
    try:
        return read_speech(files.sound), None
    except MediaError as problem:
        probe(files.generated)  # an unreadable file stops here, whatever is asked for
        return None, problem.message


def _score(metric: Metric, accumulators: Accumulators, setup: Setup, job: Pass) -> Score:
    """The score of one metric with its protocol, or the reason why there is none."""
    state, label = accumulators.state(metric), metric.title(setup.networks)
    try:
        score = metric.compute(state)
    except ValueError as problem:
        return Score(metric.name, label, None, reason=metric.unscored(job.files.generated.name, problem))
    protocol = metric.protocol(score, state, setup, job)
    return Score(metric.name, label, score.value, score.frames, protocol, detail=score.detail)


def _table(accumulators: Accumulators, job: Pass) -> Iterator[Mapping[str, float | int | str | None]]:
    """One row per frame of the generated video."""
    values = accumulators.rows(job.frames)
    for frame in range(job.frames):
        row: dict[str, float | int | str | None] = {"frame": frame, "time": frame / FPS}
        for name, column in values.items():
            row[name] = None if np.isnan(column[frame]) else float(column[frame])
        row["reason"] = accumulators.reasons[frame] if frame < len(accumulators.reasons) else BEYOND
        yield row


def _notes(found: Mapping[str, Score], job: Pass, networks: Networks) -> Iterator[str]:
    """What must be read beside the numbers."""
    if job.beyond:
        yield Message("score.no_partner", count=job.beyond)
    if job.resized:
        yield Message("score.resized")
    if networks.landmarker is None:
        yield Message("score.five_points")
    for name in METRICS:
        if name in found:
            yield from METRICS.get(name).notes(found[name], networks)
