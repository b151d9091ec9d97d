"""Videos of people who speak to aligned clips for training, with a reason for all that is left out."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd

from lipsync.errors import ConfigError
from lipsync.media.source import VIDEO_SUFFIXES
from lipsync.training.clipping import clip_video
from lipsync.training.limits import Limits

COLUMNS = ("clip", "identity", "split", "source", "start_s", "frames", "face_px", "sharpness", "yaw")
REJECTED = ("source", "start_s", "seconds", "reason", "detail")


@dataclass(frozen=True)
class Video:
    """One source."""

    path: Path
    name: str  # relative to the folder of videos, with forward slashes
    identity: str
    split: str = ""  # "" leaves the choice to the seed


@dataclass(frozen=True)
class Summary:
    """What came of a folder; ``str()`` is the printed text."""

    videos: int
    done_before: int  # of them, taken over from an earlier run
    clips: int
    identities: int
    minutes: float
    splits: dict[str, int]  # clips
    rejected: dict[str, float]  # reason to seconds of video; whole files that cannot be read count 0

    def __str__(self) -> str:
        lines = [
            f"{self.clips} clips, {self.minutes:.1f} min, {self.identities} people from {self.videos} videos"
            + (f" ({self.done_before} done before)" if self.done_before else "")
            + ": "
            + (", ".join(f"{count} {name}" for name, count in self.splits.items()) or "nothing usable")
        ]
        lines += [f"  left out {seconds:7.1f} s: {reason}" for reason, seconds in self.rejected.items()]
        return "\n".join(lines)


def prepare(
    videos: Path,
    out: Path,
    manifest: Path | None = None,
    workers: int = 1,
    limits: Limits | None = None,
    val_share: float = 0.1,
    seed: int = 0,
    landmarker: Path | None = None,
    tell: Callable[[str], None] = lambda line: None,
    splits: tuple[str, ...] = (),
) -> Summary:
    """Cut all videos of a folder into clips of one face each, 25 fps and 16 kHz.

    ``out`` gets, per clip, ``NAME.mp4`` (128 x 128 crops and sound) and ``NAME.npy`` ((T, 478, 2)
    float32 landmarks in crop pixels), and ``manifest.csv`` and ``rejected.csv``. What a video gave is
    kept in ``records``: a second call goes on where the first one stopped, and redoes only videos
    that changed or that were cut with other limits.

    Args:
        manifest: CSV with ``file`` (relative to ``videos``), ``id`` and maybe ``split``. Without it a
            person is a subfolder of ``videos``, or a single file that lies in none.
        val_share: of the people without a split, kept for validation; at least one if there are two.
        landmarker: the ``face_landmarker`` artefact; None finds or fetches it.
        tell: gets one line per video.
        splits: take only the rows of the manifest with one of these splits; empty takes all.

    Raises:
        ConfigError: there is no video, or the manifest cannot be used.
        ArtefactError: the landmarker cannot be had.
    """
    limits = limits or Limits()
    found = _listed(videos, manifest) if manifest else _discovered(videos)
    if splits:
        found = [video for video in found if video.split in splits]
        if not found:
            raise ConfigError(f"The manifest lists no video of the split {' or '.join(splits)}.")
    if landmarker is None:
        from lipsync import hub

        landmarker = hub.locate("face_landmarker") or hub.fetch("face_landmarker")
    records = out / "records"
    records.mkdir(parents=True, exist_ok=True)
    done = {video.name: _done(records, video, limits) for video in found}
    todo = [video for video in found if done[video.name] is None]
    work = partial(_work, out=out, limits=limits, landmarker=landmarker)
    for finished, (video, record) in enumerate(_run(work, todo, workers), 1):
        done[video.name] = record
        kept, left = len(record["clips"]), sum(row["seconds"] for row in record["rejected"])
        why = "; ".join(sorted({row["reason"] for row in record["rejected"]}))
        tell(
            f"[{finished}/{len(todo)}] {video.name}: {kept} clips"
            + (f", {left:.1f} s left out ({why})" if why else "")
        )
    return _write_tables(out, found, done, len(found) - len(todo), val_share, seed)


def assign_splits(videos: Iterable[Video], val_share: float, seed: int) -> dict[str, str]:
    """Identity to "train" or "val" by a seeded draw over people, for those whose manifest names no split."""
    people = sorted({video.identity for video in videos})
    drawn = sorted(people, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest())
    count = round(val_share * len(people))
    if val_share > 0 and len(people) > 1:
        count = min(max(1, count), len(people) - 1)
    return {name: "val" if place < count else "train" for place, name in enumerate(drawn)}


def _discovered(folder: Path) -> list[Video]:
    if not folder.is_dir():
        raise ConfigError(f"There is no folder {folder}.")
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in VIDEO_SUFFIXES and p.is_file())
    if not paths:
        raise ConfigError(f"{folder} holds no video ({', '.join(sorted(VIDEO_SUFFIXES))}).")
    videos = []
    for path in paths:
        inside = path.relative_to(folder)
        identity = inside.parent.as_posix() if len(inside.parts) > 1 else path.stem
        videos.append(Video(path, inside.as_posix(), identity))
    return videos


def _listed(folder: Path, manifest: Path) -> list[Video]:
    try:
        rows = pd.read_csv(manifest, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as problem:
        raise ConfigError(f"The manifest {manifest} cannot be read ({problem}).") from problem
    for column in ("file", "id"):
        if column not in rows:
            raise ConfigError(f"{manifest} lacks the column {column}; it needs file, id and maybe split.")
    if rows.empty or rows["file"].duplicated().any():
        raise ConfigError(f"{manifest} lists no video, or one of them twice.")
    splits = rows["split"] if "split" in rows else [""] * len(rows)
    return [
        Video(folder / file, file, identity, split)
        for file, identity, split in zip(rows["file"], rows["id"], splits, strict=True)
    ]


def _work(video: Video, out: Path, limits: Limits, landmarker: Path) -> dict[str, Any]:
    clips, rejected = clip_video(video.path, out, _slug(video.name), landmarker, limits)
    for row in rejected:
        row["source"] = video.name
    record = {**_stamp(video, limits), "clips": clips, "rejected": rejected}
    path = out / "records" / f"{_slug(video.name)}.json"
    partial_ = path.with_suffix(".partial")
    partial_.write_text(json.dumps(record, indent=1), encoding="utf-8")
    partial_.replace(path)
    return record


def _run(work: Callable[[Video], dict], todo: list[Video], workers: int) -> Iterable[tuple[Video, dict]]:
    if workers < 2:
        for video in todo:
            yield video, work(video)
        return
    # Forking after the landmarker's threads have started would hang.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(work, video): video for video in todo}
        for future in as_completed(futures):
            yield futures[future], future.result()


def _stamp(video: Video, limits: Limits) -> dict[str, Any]:
    """What a record must agree with to stand for this video."""
    status = video.path.stat() if video.path.is_file() else None
    size, changed = (status.st_size, status.st_mtime_ns) if status else (None, None)
    return {"source": video.name, "size": size, "changed": changed, "limits": asdict(limits)}


def _done(records: Path, video: Video, limits: Limits) -> dict[str, Any] | None:
    path = records / f"{_slug(video.name)}.json"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    stamp = _stamp(video, limits)
    whole = all((records.parent / f"{row['clip']}.mp4").is_file() for row in record.get("clips", []))
    return record if whole and {key: record.get(key) for key in stamp} == stamp else None


def _slug(name: str) -> str:
    """A file name that tells two sources apart, also ``a.mp4`` and ``a.mov``."""
    stem = "".join(c if c.isalnum() or c in "-_" else "-" for c in name.rpartition(".")[0] or name)
    return f"{stem[-60:]}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def _write_tables(
    out: Path, videos: list[Video], done: dict[str, Any], before: int, val_share: float, seed: int
) -> Summary:
    # A split is drawn over people of whom something is left.
    usable = [video for video in videos if done[video.name]["clips"]]
    named = {video.identity: video.split for video in videos if video.split}
    # Nobody is in two splits, also where the manifest names the split of some of a person's videos only.
    open_ = [video for video in usable if video.identity not in named]
    drawn = {**assign_splits(open_, val_share, seed), **named}
    clips = [
        {
            **row,
            "identity": video.identity,
            "split": video.split or drawn[video.identity],
            "source": video.name,
        }
        for video in usable
        for row in done[video.name]["clips"]
    ]
    rejected = [row for video in videos for row in done[video.name]["rejected"]]
    for name, rows, columns in (("manifest", clips, COLUMNS), ("rejected", rejected, REJECTED)):
        partial_ = out / f"{name}.partial"
        pd.DataFrame(rows, columns=list(columns)).to_csv(partial_, index=False)
        partial_.replace(out / f"{name}.csv")
    left: Counter[str] = Counter()
    for row in rejected:
        left[row["reason"]] += row["seconds"]
    return Summary(
        videos=len(videos),
        done_before=before,
        clips=len(clips),
        identities=len({row["identity"] for row in clips}),
        minutes=sum(row["frames"] for row in clips) / 25 / 60,
        splits=dict(sorted(Counter(str(row["split"]) for row in clips).items())),
        rejected=dict(sorted(left.items(), key=lambda item: -item[1])),
    )
