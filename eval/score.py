"""One pass over a generated video and its reference: all metrics, each frame decoded and tracked once."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np

from eval.columns import PIXEL, Columns
from eval.controls import Control
from eval.functional.lse import lse_mean
from eval.metrics import METRICS, TABLE
from eval.networks import LSE_METRICS, Networks, load_networks
from eval.pair import Batch, look
from eval.protocol import FPS, Protocol, Region
from eval.scores import Score, Scores, ordered
from eval.stream import Pass, Tell
from eval.sync import MIN_TRACK, SyncStream, SyncTrack, Variant, mean_curve, per_frame, read_speech
from lipsync.errors import ConfigError, FaceError, LipSyncError, MediaError
from lipsync.faces.track import FaceTracker
from lipsync.media import probe, read_frames
from lipsync.texts import Message

# Metrics that look at the face region whatever region is chosen for the pictures.
IN_FACE = frozenset({"csim", "fid", "lmd", "lmd_all68"})
BEYOND = Message("frames.beyond_common")
Keep = Callable[[np.ndarray, np.ndarray], None]


def score(
    generated: str | Path,
    reference: str | Path | None = None,
    reference_image: str | Path | None = None,
    *,
    metrics: Collection[str] | None = None,
    region: Region = "face",
    variant: Variant = "track",
    resize: bool = False,
    syncnet: str | Path | None = None,
    networks: Networks | None = None,
    progress: Tell | None = None,
    keep_features: Keep | None = None,
    control: Control | None = None,
) -> Scores:
    """All metrics of one video in one pass, in memory that does not grow with its length.

    Args:
        generated: the video to score, any rate; it is read at 25 fps.
        reference: ground-truth video, paired by time. Without it only LSE (and CSIM) can be had.
        reference_image: one picture of the person; CSIM then compares with it.
        metrics: names of `eval.metrics`; None takes all that the inputs allow.
        region: what PSNR, SSIM and LPIPS look at.
        variant: how LSE cuts the lips, see `eval.sync.SyncStream`.
        resize: allow a generated video of another size to be resized to the reference's.
        syncnet: checkpoint of the SyncNet v2 architecture; ignored where ``networks`` are given.
        networks: loaded before, to share them among videos.
        progress: called with (frames done, frames expected); an exception from it stops the pass.
        keep_features: gets the Inception features of each batch, for FID over many videos.
        control: what is done to the generated video (or its sound) first, see `eval.controls`.

    Raises:
        LipSyncError: one sentence: a file is unreadable, has no face, fewer than 5 usable frames, no
            sound where only LSE was asked for, sizes that differ, weights without which nothing is left.
    """
    began = time.perf_counter()
    names = wanted(metrics, reference is not None, reference_image is not None)
    if networks is None:
        networks = load_networks(names, None if syncnet is None else Path(syncnet))
    missing = {name: networks.missing[name] for name in names if name in networks.missing}
    able = [name for name in names if name not in missing]
    speech = None
    if LSE_METRICS & set(able):
        try:
            speech = read_speech(control.audio if control and control.audio else generated)
        except MediaError as problem:
            probe(generated)  # an unreadable file stops here, whatever is asked for
            missing.update({name: problem.message for name in LSE_METRICS & set(able)})
            able = [name for name in able if name not in LSE_METRICS]
    if not able:
        raise LipSyncError(missing[names[0]])

    job = Pass(
        Path(generated), None if reference is None else Path(reference), networks, region,
        _needs_face(able, region, variant), "aed" in able, resize, progress, control,
    )  # fmt: skip
    stream = None
    if speech is not None and networks.judge is not None:
        stream = SyncStream(networks.judge, speech, variant)
    portrait = None
    if "csim" in able and reference_image is not None:
        portrait = _portrait(Path(reference_image), networks)
    columns = Columns([n for n in able if n not in LSE_METRICS], networks, portrait, keep_features)
    job.run(columns, stream)
    job.check_faces()

    found = {name: Score(name, METRICS.get(name).label, None, reason=why) for name, why in missing.items()}
    tracks = stream.finish() if stream else []
    for name in able:
        found[name] = (
            _lse(name, tracks, stream, job, networks, variant)
            if name in LSE_METRICS and stream is not None
            else _framewise(name, columns, job, networks, region)
        )
    if all(entry.value is None for entry in found.values()):
        raise LipSyncError(next(entry.reason for name, entry in found.items() if name in able))
    return Scores(
        generated=Path(generated).name,
        reference=None if reference is None else Path(reference).name,
        reference_image=None if reference_image is None else Path(reference_image).name,
        scores=ordered(found),
        frames=tuple(_table(columns, tracks, job)),
        curve=tuple(float(v) for v in mean_curve(tracks)) if tracks else (),
        skipped=tuple((row, reason) for row, reason in enumerate(columns.reasons) if reason),
        notes=tuple(_notes(found, job, networks)),
        seconds={**job.seconds, "total": time.perf_counter() - began},
    )


def wanted(metrics: Collection[str] | None, reference: bool, image: bool) -> list[str]:
    """The metrics to compute, in the order of the table.

    Raises:
        ConfigError: an unknown name, or a metric that needs a reference without one.
    """
    possible = [
        m.name for m in TABLE if "reference" not in m.needs or reference or (m.name == "csim" and image)
    ]
    if metrics is None:
        return possible
    for name in metrics:
        METRICS.get(name)  # says what it may have meant
        if name not in possible:
            raise ConfigError("metrics.needs_reference", metric=METRICS.get(name).label)
    if not metrics:
        raise ConfigError("metrics.choose_one")
    return [m.name for m in TABLE if m.name in metrics]


def _needs_face(names: Collection[str], region: Region, variant: Variant) -> bool:
    """Whether anything that is asked for looks at a face."""
    free = (PIXEL if region == "full" else frozenset()) | (LSE_METRICS if variant == "lrs" else frozenset())
    return bool(set(names) - free)


def _framewise(metric: str, columns: Columns, job: Pass, networks: Networks, region: Region) -> Score:
    entry = METRICS.get(metric)
    try:
        value, frames, skipped, detail = columns.score(metric)
    except ValueError as problem:
        return Score(
            metric,
            entry.label,
            None,
            reason=Message("score.because", video=job.generated.name, problem=problem),
        )
    if job.beyond:
        skipped[BEYOND] += job.beyond
    network = networks.names.get(metric)
    if metric == "csim" and columns.portrait is not None:
        network = f"{network}, against one reference picture"
    protocol = Protocol(
        entry.label,
        frames,
        region=region if entry.by_region else "face" if metric in IN_FACE else None,
        network=network,
        weights=networks.hashes.get(metric),
        alignment="box of the face track" if job.reference is None else Protocol.alignment,
        skipped=skipped,
    )
    text = f"{protocol}; resized to the reference" if job.resized else str(protocol)
    return Score(metric, entry.label, value, frames, text, detail=detail)


def _lse(
    metric: str, tracks: list[SyncTrack], stream: SyncStream, job: Pass, networks: Networks, variant: Variant
) -> Score:
    judge = networks.judge
    assert judge is not None
    entry = METRICS.get(metric)
    label = f"{entry.label} (own expert)" if judge.own else entry.label
    if not tracks:
        why = Message("score.no_track", video=job.generated.name, frames=MIN_TRACK)
        return Score(metric, label, None, reason=why)
    mean = lse_mean([track.score for track in tracks])
    longest = max(tracks, key=lambda track: track.score.windows).score
    value = {"lse_d": mean.distance, "lse_c": mean.confidence, "offset": float(longest.offset)}[metric]
    detail = {
        "offsets": list(mean.offsets),
        "tracks": [{"start": track.start, "frames": track.frames, **asdict(track.score)} for track in tracks],
    }
    without = job.frames - job.faces_generated if variant == "track" else 0
    protocol = Protocol(
        label,
        mean.windows,
        network=judge.name,
        weights=judge.sha256,
        skipped={
            Message("frames.no_face_generated"): without,
            Message("frames.short_tracks", frames=MIN_TRACK): stream.short,
        },
    )
    parts = [str(protocol).replace("; frames ", "; windows ", 1), f"variant {variant}"]
    parts.append(judge.alignment if variant == "track" else "whole frame squeezed, no detector")
    full = sum(track.score.full_support for track in tracks)
    parts.append(f"{full} of {mean.windows} windows with full support of ±15 frames")
    if metric != "offset":
        parts.append(f"offset {', '.join(f'{o:+d}' for o in mean.offsets)}")
    if len(tracks) > 1:
        parts.append(f"mean of {len(tracks)} tracks weighted by windows")
    if any(track.score.short for track in tracks):
        parts.append("short: a track has 100 frames or fewer, which the reference code drops")
    return Score(metric, label, value, mean.windows, "; ".join(parts), detail=detail)


def _portrait(path: Path, networks: Networks) -> np.ndarray:
    """(D,) embedding of the face on one picture.

    Raises:
        FaceError: there is none.
    """
    tracker = FaceTracker(networks.landmarker, FPS)
    try:
        item = next(iter(tracker.track(read_frames(path, fps=FPS, max_frames=1))))
    finally:
        tracker.close()
    embedding = Batch([look(item, None, "face")], networks, "face").embed(0)[0]
    if np.isnan(embedding).any():
        raise FaceError("score.no_face_photo", path=path.name)
    return embedding


def _table(
    columns: Columns, tracks: list[SyncTrack], job: Pass
) -> Iterator[Mapping[str, float | int | str | None]]:
    """One row per frame of the generated video."""
    values = columns.rows(job.frames)
    if tracks:
        values["lse_distance"] = per_frame(tracks, job.frames)
    for frame in range(job.frames):
        row: dict[str, float | int | str | None] = {"frame": frame, "time": frame / FPS}
        for name, column in values.items():
            row[name] = None if np.isnan(column[frame]) else float(column[frame])
        row["reason"] = columns.reasons[frame] if frame < len(columns.reasons) else BEYOND
        yield row


def _notes(found: Mapping[str, Score], job: Pass, networks: Networks) -> Iterator[str]:
    """What must be read beside the numbers."""
    if job.beyond:
        yield Message("score.no_partner", count=job.beyond)
    if job.resized:
        yield Message("score.resized")
    if networks.landmarker is None:
        yield Message("score.five_points")
    fid = found.get("fid")
    if fid is not None and fid.value is not None and not fid.detail["enough_frames"]:
        yield Message("score.fid_few", frames=fid.frames)
    if networks.judge is not None and networks.judge.own and any(n in found for n in LSE_METRICS):
        yield Message("score.own_expert", measured=networks.judge.worth)
