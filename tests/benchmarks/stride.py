"""``python -m tests.benchmarks.stride DATA``: may the tracker look at every second frame only?

For the clips of a prepared folder it takes the stored landmarks of every second frame, puts the mean of their
neighbours in between, and prints how far those lie from what was found there, in per cent of the face's
width (ear to ear), and how far the smoothed crop moves. A tracker that skips frames is worth having where
the first column stays below 0.5 on every clip.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from lipsync.data.clips import FPS, load_clips
from lipsync.faces.blend import ACROSS, JAW
from lipsync.faces.tracking.crop import pose_from_points, smooth_pose
from lipsync.faces.tracking.landmarks import five_points, mouth_opening
from tests.benchmarks.flicker import LIPS

EARS = (234, 454)
LIMIT = 0.5  # per cent
COLUMNS = ("all", "all, p95", "mask", "lips", "crop", "crop, worst", "opening")


def every_second(landmarks: np.ndarray) -> np.ndarray:
    """(T, 478, 2) with odd frames, but for a last one, replaced by the mean of their neighbours."""
    thinned = landmarks.copy()
    thinned[1:-1:2] = (landmarks[:-2:2] + landmarks[2::2])[: len(thinned[1:-1:2])] / 2
    return thinned


def errors(landmarks: np.ndarray) -> np.ndarray:
    """(7,) as ``COLUMNS``: per cent of the face's width, the last one in units of ``mouth_opening``.

    Args:
        landmarks: (T, 478, 2) float64 pixels, T >= 3.
    """
    width = np.linalg.norm(landmarks[:, EARS[0]] - landmarks[:, EARS[1]], axis=1).mean()
    thinned, odd = every_second(landmarks), slice(1, len(landmarks) - 1, 2)
    off = 100 * np.linalg.norm(thinned - landmarks, axis=2)[odd] / width
    before, after = (smooth_pose(pose_from_points(five_points(p)), FPS) for p in (landmarks, thinned))
    moved = 100 * np.linalg.norm(before.centre - after.centre, axis=1) / width
    opened = np.abs(mouth_opening(thinned) - mouth_opening(landmarks))[odd]
    mask, lips = off[:, [*JAW, *ACROSS]], off[:, list(LIPS)]
    tail = np.percentile(off, 95)
    return np.array([off.mean(), tail, mask.mean(), lips.mean(), moved.mean(), moved.max(), opened.mean()])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("data", type=Path, help="folder that `prepare` wrote")
    parser.add_argument("--split", default="dev")
    options = parser.parse_args()
    print(f"{'clip':<32}" + "".join(f"{column:>12}" for column in COLUMNS))
    found = []
    for clip in load_clips(options.data, (options.split,)):
        found.append(errors(np.asarray(clip.landmarks, np.float64)))
        print(f"{clip.name:<32}" + "".join(f"{value:12.3f}" for value in found[-1]))
    print(f"{'mean':<32}" + "".join(f"{value:12.3f}" for value in np.mean(found, axis=0)))
    beyond = sum(row[0] >= LIMIT for row in found)
    print(f"{beyond} of {len(found)} clips are beyond {LIMIT} % of the face's width")


if __name__ == "__main__":
    main()
