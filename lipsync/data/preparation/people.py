"""Who is who among loose videos: their faces are compared, so that nobody is on both sides of a split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage

from lipsync.data.clips import FPS
from lipsync.data.preparation import records
from lipsync.data.preparation.sources import Video
from lipsync.faces.recognise import SAME, load_sface
from lipsync.faces.tracking.landmarks import five_points
from lipsync.media import read_excerpt

FRAMES = 5  # of a video that are looked at, spread over its clips
BY_FACE = (
    "A subfolder is a person. Videos that lie in none were grouped by their faces (SFace, a cosine of "
    f"{SAME:g} or more on average, which is OpenCV's threshold): look at the column identity."
)
BY_FILE = (
    "A subfolder is a person, and so is every video that lies in none: one person may be on both sides of a "
    "split."
)


def is_loose(video: Video) -> bool:
    """Whether it lies in no subfolder, which would identify the person."""
    return "/" not in video.name


def look(video: Video, record: dict[str, Any], out: Path, recogniser: Path) -> dict[str, Any]:
    """The record of a prepared video with its ``face``, an embedding."""
    found = embedding(record["clips"], out, recogniser)
    record = {**record, "face": [round(float(value), 5) for value in found]}
    records.write(out, video, record)
    return record


def embedding(rows: Sequence[Mapping[str, Any]], out: Path, recogniser: Path) -> np.ndarray:
    """(128,) mean embedding of a video's face, of length 1.

    Args:
        rows: clip and frames of its prepared clips, which lie in ``out``.
        recogniser: the ``sface`` artefact.
    """
    clips, lengths = [row["clip"] for row in rows], np.array([row["frames"] for row in rows])
    starts = np.cumsum(lengths) - lengths
    pictures, points = [], []
    for place in np.linspace(0, lengths.sum(), FRAMES + 2)[1:-1].astype(int):
        clip = int(np.flatnonzero(starts <= place)[-1])
        frame = int(place - starts[clip])
        pictures.append(read_excerpt(out / f"{clips[clip]}.mp4", FPS, frame, 1)[0])
        points.append(np.load(out / f"{clips[clip]}.npy", mmap_mode="r")[frame])
    found = load_sface(recogniser)(np.stack(pictures), five_points(np.stack(points).astype(np.float32)))
    return _unit(_unit(found).mean(0))


def grouped(videos: Sequence[Video], faces: Mapping[str, np.ndarray]) -> list[Video]:
    """The videos, loose ones of one person under one identity: a folder's, or the first one's of them.

    A loose video goes to the folder that it is most like, if it is as like as ``SAME``. The others are
    clustered by average linkage: groups are joined as long as their members are, on average, as like.

    Args:
        faces: (128,) embeddings of length 1 by name of the video; what is not there stays as it is.
    """
    compared = [video for video in videos if video.name in faces]
    folders: dict[str, list[np.ndarray]] = {}
    for video in compared:
        if not is_loose(video):
            folders.setdefault(video.identity, []).append(faces[video.name])
    names, known = list(folders), [_unit(np.mean(each, axis=0)) for each in folders.values()]
    identities, rest = {}, []
    for video in sorted(filter(is_loose, compared), key=lambda video: video.name):
        cosines = np.array([face @ faces[video.name] for face in known])
        if len(cosines) and cosines.max() >= SAME:
            identities[video.name] = names[int(cosines.argmax())]
        else:
            rest.append(video)
    if len(rest) > 1:
        stacked = np.stack([faces[video.name] for video in rest])
        of = fcluster(linkage(stacked, "average", "cosine"), 1 - SAME, "distance")
        first: dict[int, str] = {}
        for video, group in zip(rest, of, strict=True):
            identities[video.name] = first.setdefault(int(group), video.identity)
    return [replace(video, identity=identities.get(video.name, video.identity)) for video in videos]


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True).clip(1e-9)
