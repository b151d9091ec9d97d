"""Videos of people who speak to aligned clips for training, with a reason for all that is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from lipsync.data.preparation import people, records
from lipsync.data.preparation.clipping import clip_video
from lipsync.data.preparation.limits import Limits
from lipsync.data.preparation.profiles import PROFILES, Profile
from lipsync.data.preparation.sources import Video, by_folder, by_manifest
from lipsync.data.preparation.tables import Summary, write_tables
from lipsync.data.preparation.timing import SyncCheck, Verdict, decide, is_measured
from lipsync.errors import ArtefactError, ConfigError
from lipsync.registry import unknown
from lipsync.weights import hub


def prepare(
    videos: Path,
    out: Path,
    manifest: Path | None = None,
    workers: int = 1,
    limits: Limits | None = None,
    val_share: float = 0.1,
    seed: int = 0,
    landmarker: Path | None = None,
    report: Callable[[str], None] = lambda line: None,
    splits: tuple[str, ...] = (),
    profile: Profile | None = None,
    split_by: str = "",
    sync: SyncCheck | None = None,
    recogniser: Path | None = None,
) -> Summary:
    """Cut all videos of a folder into clips of one face each, 25 fps and 16 kHz.

    ``out`` gets, per clip, ``NAME.mp4`` (160 x 160 crops and sound) and ``NAME.npy`` ((T, 478, 2)
    float32 landmarks in crop pixels), and ``manifest.csv``, ``rejected.csv`` and ``report.md``. What a
    video gave is kept in ``records``: a second call goes on where the first one stopped, and redoes only
    videos that changed or that were cut with other limits.

    Args:
        manifest: CSV with ``file`` (relative to ``videos``), ``id`` and maybe ``split``. Without it and
            without a profile a person is a subfolder of ``videos``; files that lie in none are grouped by
            their faces.
        limits: what is dropped; None takes the profile's, or the usual.
        val_share: of the people without a split, kept for validation; at least one if there are two.
        landmarker: the ``face_landmarker`` artefact; None finds or fetches it.
        report: gets one line per video.
        splits: take only videos with one of these named splits; empty takes all.
        profile: the data set that ``videos`` holds.
        split_by: "official" keeps the splits that are named, "people" draws over people; "" as the
            profile defines, and for a manifest "official".
        sync: looks at the sound of every recording; moves it, or leaves the recording out. What was
            moved by an earlier call stays so without it.
        recogniser: the ``sface`` artefact, with which faces are compared; None finds or fetches it, and where
            it is unavailable every loose file counts as a person, which is reported.

    Raises:
        ConfigError: there is no video, or the manifest, the lists or the options cannot be used.
        ArtefactError: the landmarker is unavailable.
    """
    profile = profile or PROFILES.get("folder")
    limits = limits or profile.limits
    found = by_manifest(videos, manifest) if manifest else profile.find(videos)
    if splits:
        found = [video for video in found if video.split in splits]
        if not found:
            raise ConfigError("data.no_video", splits=" or ".join(splits))
    split_by = split_by or ("official" if manifest else profile.split_by)
    if split_by not in ("official", "people"):
        raise ConfigError(unknown("kind.split", split_by, ("official", "people")))
    if split_by == "people":
        found = [replace(video, split="") for video in found]
    if landmarker is None:
        landmarker = hub.locate("face_landmarker") or hub.fetch("face_landmarker")
    (out / "records").mkdir(parents=True, exist_ok=True)
    done = {video.name: records.read(out, video, limits) for video in found}
    sha256 = sync.sha256 if sync else ""

    def stale(record: dict[str, Any] | None) -> bool:
        # Another expert has to measure the sound where it was.
        return record is None or bool(sync and record.get("shift") and not is_measured(record, sha256))

    todo = [(video, 0) for video in found if stale(done[video.name])]
    cut = partial(_cut, out=out, limits=limits, landmarker=landmarker)
    for number, (video, record) in enumerate(_run(cut, todo, workers), 1):
        done[video.name] = record
        report(f"[{number}/{len(todo)}] {video.name}: {_outcome(record)}")
    before = len(found) - len(todo)
    complete = {name: record for name, record in done.items() if record is not None}
    verdicts = _put_right(found, complete, sync, out, cut, workers, report) if sync else {}
    if manifest is None and profile.find is by_folder:
        found, who = _by_face(found, complete, out, recogniser, workers, report)
        profile = replace(profile, people=who)
    return write_tables(out, found, complete, verdicts, before, val_share, seed, profile, limits, sync)


def _by_face(
    videos: list[Video],
    done: dict[str, dict[str, Any]],
    out: Path,
    recogniser: Path | None,
    workers: int,
    report: Callable[[str], None],
) -> tuple[list[Video], str]:
    """The videos with loose ones of one person under one identity, and how that was found, for the report."""
    shown = [video for video in videos if done[video.name]["clips"]]
    if len(shown) < 2 or not any(map(people.is_loose, shown)):
        return videos, people.BY_FILE
    try:
        recogniser = recogniser or hub.fetch("sface")
    except ArtefactError as problem:
        report(
            f"Faces could not be compared: {problem} {people.BY_FILE} Put each person's videos into a "
            "folder, or give a --manifest."
        )
        return videos, people.BY_FILE
    todo = [(video, done[video.name]) for video in shown if "face" not in done[video.name]]
    look = partial(people.look, out=out, recogniser=recogniser)
    for number, (video, record) in enumerate(_run(look, todo, workers), 1):
        done[video.name] = record
        report(f"[{number}/{len(todo)}] {video.name}: face compared")
    found = people.grouped(videos, {video.name: np.array(done[video.name]["face"]) for video in shown})
    return found, people.BY_FACE


def _put_right(
    videos: list[Video],
    done: dict[str, dict[str, Any]],
    check: SyncCheck,
    out: Path,
    cut: Callable[..., dict[str, Any]],
    workers: int,
    report: Callable[[str], None],
) -> dict[str, Verdict]:
    """Verdicts by recording; videos whose sound comes early or late are cut again with it moved."""
    from lipsync.data.preparation.offsets import measure  # it needs PyTorch, which cutting does not

    sha256 = check.sha256
    todo = [(video, done[video.name]) for video in videos if not is_measured(done[video.name], sha256)]
    look = partial(measure, out=out, check=check)
    for number, (video, record) in enumerate(_run(look, todo, workers), 1):
        done[video.name] = record
        report(f"[{number}/{len(todo)}] {video.name}: sound compared")
    verdicts = decide(videos, done, check.trust)
    shifted = []
    for video in videos:
        verdict = verdicts.get(video.group)
        wanted = verdict.shift.frames if verdict and verdict.shift and verdict.fate == "move" else 0
        if done[video.name].get("shift", 0) != wanted:
            shifted.append((video, wanted))
    for number, (video, record) in enumerate(_run(cut, shifted, workers), 1):
        before = done[video.name]
        record |= {name: before[name] for name in ("sync", "face") if name in before}
        records.write(out, video, record)
        done[video.name] = record
        report(f"[{number}/{len(shifted)}] {video.name}: sound moved by {record['shift']:+d} frames")
    return verdicts


def _outcome(record: dict[str, Any]) -> str:
    left = sum(row["seconds"] for row in record["rejected"])
    why = "; ".join(sorted({row["reason"] for row in record["rejected"]}))
    return f"{len(record['clips'])} clips" + (f", {left:.1f} s left out ({why})" if why else "")


def _cut(video: Video, shift: int, out: Path, limits: Limits, landmarker: Path) -> dict[str, Any]:
    clips, rejected = clip_video(
        video.path, out, records.slug(video.name), landmarker, limits, video.sound, shift
    )
    for row in rejected:
        row["source"] = video.name
    record = {**records.stamp(video, limits), "shift": shift, "clips": clips, "rejected": rejected}
    records.write(out, video, record)
    return record


def _run(
    work: Callable[..., dict], todo: Sequence[tuple[Video, Any]], workers: int
) -> Iterable[tuple[Video, dict]]:
    """Records of ``work(video, argument)`` as they come."""
    if workers < 2:
        for video, argument in todo:
            yield video, work(video, argument)
        return
    # Forking after the landmarker's threads have started would hang.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(work, video, argument): video for video, argument in todo}
        for future in as_completed(futures):
            yield futures[future], future.result()
