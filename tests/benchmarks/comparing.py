"""Time to open a comparison set of 20 items × 4 methods with references: 100 videos.

``python -m tests.benchmarks.comparing [--items 20] [--methods 4] [--seconds 2]`` makes the set of small
videos in a folder of its own, then opens it as a page does: a new `Sets`, the list, the set, a look at
every file. The best and the worst of ten runs are printed, and what taking the videos in cost.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from eval.compare.pictures.montage import montage
from eval.compare.sets import REFERENCE, Entry, Sets
from lipsync.media import VideoWriter, WriterOptions


def make(folder: Path, number: int, seconds: float) -> Path:
    """A small video of noise, different for every number."""
    path = folder / f"{number}.mp4"
    rng = np.random.default_rng(number)
    with VideoWriter(path, 256, 256, 25, options=WriterOptions(crf=30)) as writer:
        for _ in range(round(25 * seconds)):
            writer.write(np.repeat(rng.integers(0, 255, (256, 16, 3), np.uint8), 16, axis=1))
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=20)
    parser.add_argument("--methods", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--montage", type=float, default=0.0, help="also a montage of so many seconds")
    options = parser.parse_args()
    methods = [REFERENCE, *(f"method {n}" for n in range(options.methods))]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        entries = [
            Entry(f"item {i}", method, make(folder, i * len(methods) + m, options.seconds))
            for i in range(options.items)
            for m, method in enumerate(methods)
        ]
        began = time.perf_counter()
        id = Sets(folder / "data").create("benchmark", entries)
        print(f"taking in {len(entries)} videos: {time.perf_counter() - began:.2f} s")
        times = []
        for _ in range(10):
            began = time.perf_counter()
            sets = Sets(folder / "data")
            sets.list()
            set_ = sets.open(id)
            assert all(len(item.clips) == options.methods for item in set_.items)
            times.append(time.perf_counter() - began)
        print(f"opening the set: {min(times) * 1000:.1f} to {max(times) * 1000:.1f} ms")
        if options.montage:
            long = [make(folder, n, options.montage) for n in range(4)]
            id = sets.create("long", [Entry("one", str(n), path) for n, path in enumerate(long)])
            set_ = sets.open(id)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            began = time.perf_counter()
            montage(set_, set_.items[0], folder / "m.mp4")
            frames = round(25 * options.montage)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            print(
                f"montage of four {options.montage:g} s videos: {frames / (time.perf_counter() - began):.1f} "
                f"frames/s, peak memory {peak / 1024:.0f} MB (before: {before / 1024:.0f} MB)"
            )


if __name__ == "__main__":
    main()
