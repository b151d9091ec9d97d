"""Whole processes, from the start of Python to its end: the commands' help, a generation, a score.

``python -m tests.benchmarks.programs [--against CHECKOUT] [--rounds 3]`` prints for each the seconds of the
clock and of the processor and the peak memory, the smallest of all rounds; with another checkout of this
project, run in turn with it, also how many times as much that one takes.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from lipsync.assets import asset

HERE = Path(__file__).resolve().parents[2]
SECONDS = 8  # of the pair that is scored, 256 pixels a side


class Cost(NamedTuple):
    """What one process took."""

    clock: float  # s
    processor: float  # s, of all its threads
    memory: float  # MB at its peak


def make_pair(folder: Path) -> None:
    """Two videos of one face, the first with noise; run in a process of its own, as it takes memory."""
    import numpy as np

    from lipsync.media import VideoWriter, WriterOptions, loop_frames

    rng = np.random.default_rng(0)
    paths = folder / "generated.mp4", folder / "reference.mp4"
    options = WriterOptions(duration=SECONDS)
    sound = asset("examples", "english.wav")
    writers = [VideoWriter(path, 256, 256, 25, audio=sound, options=options) for path in paths]
    with writers[0] as generated, writers[1] as reference:
        for frame in loop_frames(asset("examples", "portrait.mp4"), 25, 25 * SECONDS):
            picture = np.ascontiguousarray(frame.image[40:296, 64:320])
            reference.write(picture)
            generated.write(np.maximum(picture, 8) - rng.integers(0, 8, picture.shape, dtype=np.uint8))


def commands(folder: Path) -> dict[str, list[str]]:
    """The arguments of Python, by what they do."""
    subprocess.run([sys.executable, "-m", __spec__.name, "--pair", str(folder)], check=True)
    generated, reference = str(folder / "generated.mp4"), str(folder / "reference.mp4")
    face, voice = str(asset("examples", "portrait.mp4")), str(asset("examples", "english.wav"))
    result = str(folder / "result.mp4")
    score = ["-m", "eval", "score", "--generated", generated, "--reference", reference]
    return {
        "lipsync --help": ["-m", "lipsync", "--help"],
        "lipsync-eval --help": ["-m", "eval", "--help"],
        "generate 4.6 s": ["-m", "lipsync", "generate", "--face", face, "--audio", voice, "--out", result],
        f"score {SECONDS} s": [*score, "--json", str(folder / "score.json")],
    }


def cost(checkout: Path, arguments: list[str]) -> Cost:
    """Run it once in a checkout.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=checkout, env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise subprocess.CalledProcessError(status, arguments)
    clock = time.perf_counter() - began
    return Cost(clock, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--against", type=Path, metavar="CHECKOUT")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", metavar="WORD", default="", help="the programs whose name has this in it")
    parser.add_argument("--pair", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.pair is not None:
        make_pair(options.pair)
        return
    checkouts = [HERE, *([options.against.resolve()] if options.against else [])]
    print(f"{platform.node()}: {platform.machine()}, {os.cpu_count()} processors, {platform.platform()}")
    print(f"{'':<22}{'clock':>9}{'processor':>11}{'memory':>10}")
    with tempfile.TemporaryDirectory() as folder:
        for name, arguments in commands(Path(folder)).items():
            if options.only not in name:
                continue
            rounds = [[cost(checkout, arguments) for checkout in checkouts] for _ in range(options.rounds)]
            least = [Cost(*map(min, zip(*costs, strict=True))) for costs in zip(*rounds, strict=True)]
            own = least[0]
            print(f"{name:<22}{own.clock:7.2f} s{own.processor:9.2f} s{own.memory:7.0f} MB", end="")
            if len(least) > 1:
                ratios = [theirs / ours for theirs, ours in zip(least[1], own, strict=True)]
                print(", the other {:.2f}, {:.2f} and {:.2f} times as much".format(*ratios), end="")
            print(flush=True)


if __name__ == "__main__":
    main()
