"""Videos of people who speak to aligned clips for training, with a reason for all that is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from lipsync.data.preparation import people, records
from lipsync.data.preparation.clipping import SoundTrack, clip_video
from lipsync.data.preparation.limits import Limits
from lipsync.data.preparation.options import PrepareOptions
from lipsync.data.preparation.preparation_tables import PreparationSummary, write_tables
from lipsync.data.preparation.sources import Video, by_folder, by_manifest
from lipsync.data.preparation.timing import Verdict, decide, is_measured
from lipsync.errors import ArtefactError, ConfigError
from lipsync.texts import Message
from lipsync.weights import hub


def prepare(
    videos: Path,
    out: Path,
    options: PrepareOptions | None = None,
    report: Callable[[str], None] = lambda line: None,
    **settings: Any,
) -> PreparationSummary:
    """Cut all videos of a folder into clips of one face each, 25 fps and 16 kHz.

    ``out`` gets, per clip, ``NAME.mp4`` (160 x 160 crops and sound) and ``NAME.npy`` ((T, 478, 2)
    float32 landmarks in crop pixels), and ``manifest.csv``, ``rejected.csv`` and ``report.md``. What a
    video gave is kept in ``records``: a second call goes on where the first one stopped, and redoes only
    videos that changed or that were cut with other limits.

    Args:
        report: gets one line per video.
        settings: fields of :class:`PrepareOptions` by name, in place of those of ``options``.

    Raises:
        ConfigError: there is no video, or the manifest, the lists or the options cannot be used.
        ArtefactError: the landmarker is unavailable.
    """
    options = replace(options or PrepareOptions(), **settings)
    found = _found(videos, options)
    landmarker = options.landmarker or hub.locate("face_landmarker") or hub.fetch("face_landmarker")
    (out / "records").mkdir(parents=True, exist_ok=True)
    done = {video.name: records.read(out, video, options.fit) for video in found}
    sync = options.sync
    sha256 = sync.sha256 if sync else ""

    def stale(record: dict[str, Any] | None) -> bool:
        # Another expert has to measure the sound where it was.
        return record is None or bool(sync and record.get("shift") and not is_measured(record, sha256))

    todo = [(video, 0) for video in found if stale(done[video.name])]
    cut = partial(_cut, out=out, limits=options.fit, landmarker=landmarker)
    for place, video, record in _run(cut, todo, options.workers):
        done[video.name] = record
        report(Message("text.named", name=place, text=_outcome(record)))
    before = len(found) - len(todo)
    complete = {name: record for name, record in done.items() if record is not None}
    verdicts: dict[str, Verdict] = {}
    if sync:
        _measure_sound(found, complete, out, options, report)
        verdicts = decide(found, complete, sync.trust)
        _put_right(found, complete, verdicts, cut, options.workers, report)
    if options.manifest is None and options.data_set.find is by_folder:
        found, who = _by_face(found, complete, out, options, report)
        options = replace(options, profile=replace(options.data_set, people=who))
    return write_tables(out, found, complete, verdicts, before, options)


def _found(videos: Path, options: PrepareOptions) -> list[Video]:
    """The videos that are asked for.

    Raises:
        ConfigError: there is none.
    """
    found = by_manifest(videos, options.manifest) if options.manifest else options.data_set.find(videos)
    if options.splits:
        found = [video for video in found if video.split in options.splits]
        if not found:
            raise ConfigError("data.no_video", splits=" or ".join(options.splits))
    return [replace(video, split="") for video in found] if options.draws_people else found


def _by_face(
    videos: list[Video],
    done: dict[str, dict[str, Any]],
    out: Path,
    options: PrepareOptions,
    report: Callable[[str], None],
) -> tuple[list[Video], str]:
    """The videos with loose ones of one person under one identity, and how that was found, for the report."""
    shown = [video for video in videos if done[video.name]["clips"]]
    if len(shown) < 2 or not any(map(people.is_loose, shown)):
        return videos, people.BY_FILE
    try:
        recogniser = options.recogniser or hub.fetch("sface")
    except ArtefactError as problem:
        report(Message("prepare.faces_not_compared", problem=problem, how=people.BY_FILE))
        return videos, people.BY_FILE
    todo = [(video, done[video.name]) for video in shown if "face" not in done[video.name]]
    look = partial(people.look, out=out, recogniser=recogniser)
    for place, video, record in _run(look, todo, options.workers):
        done[video.name] = record
        report(Message("prepare.face_compared", place=place))
    found = people.grouped(videos, {video.name: np.array(done[video.name]["face"]) for video in shown})
    return found, people.BY_FACE


def _measure_sound(
    videos: list[Video],
    done: dict[str, dict[str, Any]],
    out: Path,
    options: PrepareOptions,
    tell: Callable[[str], None],
) -> None:
    """Let the expert look at the sound of every video that it has not looked at yet."""
    from lipsync.data.preparation.offsets import measure  # it needs PyTorch, which cutting does not

    check = options.sync
    assert check is not None
    sha256 = check.sha256
    todo = [(video, done[video.name]) for video in videos if not is_measured(done[video.name], sha256)]
    look = partial(measure, out=out, check=check)
    for place, video, record in _run(look, todo, options.workers):
        done[video.name] = record
        tell(Message("prepare.sound_compared", place=place))


def _put_right(
    videos: list[Video],
    done: dict[str, dict[str, Any]],
    verdicts: Mapping[str, Verdict],
    cut: partial[dict[str, Any]],
    workers: int,
    report: Callable[[str], None],
) -> None:
    """Cut videos whose sound comes early or late again, with it moved."""
    shifted = []
    for video in videos:
        verdict = verdicts.get(video.group)
        wanted = verdict.shift.frames if verdict and verdict.shift and verdict.fate == "move" else 0
        if done[video.name].get("shift", 0) != wanted:
            shifted.append((video, wanted))
    for place, video, record in _run(cut, shifted, workers):
        before = done[video.name]
        record |= {name: before[name] for name in ("sync", "face") if name in before}
        records.write(cut.keywords["out"], video, record)
        done[video.name] = record
        report(Message("prepare.sound_moved", place=place, frames=record["shift"]))


def _outcome(record: dict[str, Any]) -> Message:
    left = sum(row["seconds"] for row in record["rejected"])
    why = "; ".join(sorted({row["reason"] for row in record["rejected"]}))
    clips = Message("count.clips", count=len(record["clips"]))
    return Message("prepare.left_out", clips=clips, seconds=left, reasons=why) if why else clips


def _cut(video: Video, shift: int, out: Path, limits: Limits, landmarker: Path) -> dict[str, Any]:
    track = SoundTrack(video.sound, shift)
    clips, rejected = clip_video(video.path, out, records.slug(video.name), landmarker, limits, track)
    for row in rejected:
        row["source"] = video.name
    record = {**records.stamp(video, limits), "shift": shift, "clips": clips, "rejected": rejected}
    records.write(out, video, record)
    return record


def _run(
    work: Callable[..., dict], todo: Sequence[tuple[Video, Any]], workers: int
) -> Iterable[tuple[str, Video, dict]]:
    """Records of ``work(video, argument)`` as they come, each with its place: "[2/9] NAME"."""
    for number, (video, record) in enumerate(_records(work, todo, workers), 1):
        yield f"[{number}/{len(todo)}] {video.name}", video, record


def _records(
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
