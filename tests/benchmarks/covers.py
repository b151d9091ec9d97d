"""``python -m tests.benchmarks.covers``: what becomes of things before a mouth, on people kept out.

On prepared clips (``python -m lipsync prepare``). Each clip gets the mouth of one of its other frames, first
as it is and then behind each kind of cover of ``lipsync.data.drawn_covers``, which moves. Prints: in how many
frames a cover is found where nothing was put; of the pixels of each kind of cover, how many change by less
than 3 levels, of all and of those that would change without the search; how much of the mouth beside the
cover is drawn; on how many frames nothing is; and the processor time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from lipsync.data.clips import MARGIN, STORED, Clip, load_clips
from lipsync.data.drawn_covers import COVERS, Cover, CoveredFace, laid
from lipsync.faces.blend import paste
from lipsync.faces.covers import CoverFinder
from lipsync.faces.tracking.crop import Pose, crop_face, crop_matrix
from lipsync.faces.tracking.landmarks import LIPS_OUTER, five_points
from lipsync.faces.tracking.track import Tracked
from lipsync.media import Frame

SIZE = 128  # pixels, of the drawn mouth
SAME = 3  # levels
POSE = Pose(np.full(2, (STORED - 1) / 2), np.array(STORED / MARGIN), np.array(0.0))  # of every stored crop

Make = Callable[[CoveredFace, np.random.Generator], Cover]


@dataclass(frozen=True)
class Frames:
    """A clip with a cover, and what it looks like with another mouth, without the search and with it."""

    images: np.ndarray  # (T, 160, 160, 3) uint8, behind the cover
    covered: np.ndarray  # (T, 160, 160) bool
    careless: np.ndarray  # (T, 160, 160, 3) uint8
    careful: np.ndarray  # (T, 160, 160, 3) uint8
    whole: int  # frames on which nothing was drawn


def run(clip: Clip, make: Make | None, seed: int = 0, most: int = 25) -> Frames:
    """The first frames of a clip with the mouth of half a second later, behind a cover that moves."""
    rng = np.random.default_rng(seed)
    faces, points = clip.faces[:most], clip.landmarks[:most]
    lips = points[0][list(LIPS_OUTER)]
    at = lips.mean(0) + rng.normal(0, 0.15, 2) * np.ptp(lips[:, 0])
    cover = None if make is None else make(CoveredFace(faces[0], points[0], faces[-1][::-1], at), rng)
    swing, finder = rng.uniform(-25, 25, 2), CoverFinder()
    out: list[list[np.ndarray]] = [[], [], [], []]
    for k, (face, marks) in enumerate(zip(faces, points, strict=True)):
        image, covered = face, np.zeros((STORED, STORED), bool)
        if cover is not None:
            by = swing * np.sin(2 * np.pi * k / 75)
            move = np.array([[1, 0, by[0]], [0, 1, by[1]]])
            moved = [cv2.warpAffine(x, move, (STORED,) * 2, borderMode=cv2.BORDER_CONSTANT) for x in cover]
            still = np.random.default_rng(seed)  # the same shadow every time
            image = laid(CoveredFace(face, marks, face, at), (moved[0], moved[1]), still).astype(np.uint8)
            covered = moved[1] > 0.9
        item = Tracked(Frame(image, k / 25, k), POSE, marks, five_points(marks), None, k == 0)
        mouth = crop_face(faces[(k + 12) % len(faces)], crop_matrix(POSE, SIZE), SIZE)
        found = finder(item)
        careless = paste(image, mouth, POSE, marks)
        if found is None:
            careful = careless
        elif found.whole:
            careful = image
        else:
            careful = found.over(paste(image, found.under(mouth, image, POSE), POSE, marks), image, POSE)
        for kept, value in zip(out, (image, covered, careless, careful), strict=True):
            kept.append(value)
    images, behind, without, with_ = (np.stack(values) for values in out)
    return Frames(images, behind, without, with_, finder.whole_frames)


def changes(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """(T, H, W) largest change of the three channels."""
    return np.abs(after.astype(int) - before).max(3)


def row(name: str, found: list[Frames]) -> str:
    """A line of the table for one kind of cover."""
    covered = np.concatenate([f.covered for f in found])
    careless = np.concatenate([changes(f.images, f.careless) for f in found])
    careful = np.concatenate([changes(f.images, f.careful) for f in found])
    drawn = careless >= SAME
    same = (careful[covered] < SAME).mean()
    spared = (careful[covered & drawn] < SAME).mean()
    beside = (careful[~covered & drawn] >= SAME).mean()
    whole = sum(f.whole for f in found)
    return f"| {name} | {same:.1%} | {spared:.1%} | {beside:.1%} | {whole} of {len(covered)} |"


def uncovered(clips: list[Clip]) -> str:
    """A line on clips as they are."""
    alarms = frames = changed = 0
    for clip in clips:
        found = run(clip, None, most=len(clip))
        kept = changes(found.careless, found.careful).max((1, 2)) > 0
        frames, alarms, changed = frames + len(kept), alarms + int(kept.sum()), changed + bool(kept.any())
        if kept.any():
            print(f"  {clip.name}: {kept.sum()} frames from {np.flatnonzero(kept)[0]} on")
    return f"without a cover: {alarms} of {frames} frames of {changed} of {len(clips)} clips change"


def milliseconds(clip: Clip) -> float:
    """Processor time of the search, a frame, on one thread."""
    torch.set_num_threads(1)
    finder = CoverFinder()
    items = [Tracked(Frame(clip.faces[k], 0.0, k), POSE, clip.landmarks[k]) for k in range(20)]
    for item in items:
        finder(item)
    began = time.process_time()
    for item in items * 5:
        finder(item)
    return (time.process_time() - began) / len(items) / 5 * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--splits", nargs="+", default=["dev"])
    options = parser.parse_args()
    clips = load_clips(options.data, tuple(options.splits))
    print(uncovered(clips))
    print("| cover | pixels that stay | of those drawn on | mouth beside it drawn | nothing drawn |")
    print("|---|---:|---:|---:|---:|")
    for make in COVERS:
        print(row(make.__name__, [run(clip, make, seed) for seed, clip in enumerate(clips)]), flush=True)
    print(f"{milliseconds(clips[0]):.2f} ms of processor time a frame")


if __name__ == "__main__":
    main()
