"""``python -m tests.benchmarks.memory``: MB of memory that the portal and the command line hold.

The portal does small jobs of every kind (each core that ships, a score with all metrics, the charts of a
comparison), over and over: what it holds at its start, after the first, after one of each core, after a score
and after all. The command line generates 10 s and 120 s, with ``--hour`` also an hour, of a small video with
each of two cores: its peak. With another checkout of this project the same of that one beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.programs import HERE, cost

CORES = ("mcsawav2lip-embedded", "visual-dubbing-whisper")  # of the command line: the smallest, the largest
SIDE, FPS = 384, 25  # of the face videos
HOUR_SIDE = 128


def make_recording(folder: Path, seconds: int, side: int) -> tuple[Path, Path]:
    """A face video of 8 s, which plays back and forth, and speech of so many seconds."""
    import cv2
    import numpy as np
    import soundfile

    from lipsync.assets import asset
    from lipsync.media import VideoWriter, loop_frames
    from lipsync.media.sound import read_audio

    face, speech = folder / f"{side}.mp4", folder / f"{seconds}.wav"
    with VideoWriter(face, side, side, FPS) as writer:
        for frame in loop_frames(asset("examples", "portrait.mp4"), FPS, 8 * FPS):
            writer.write(cv2.resize(frame.image, (side, side), interpolation=cv2.INTER_AREA))
    soundfile.write(speech, np.resize(read_audio(asset("examples", "english.wav")), seconds * 16_000), 16_000)
    return face, speech


def portal(checkout: Path, jobs: int) -> dict[str, float]:
    """MB held by a portal of a checkout, by when."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(HERE / "tests" / "mixed_jobs.py"), folder, "--jobs", str(jobs)]
        environment = os.environ | {"PYTHONPATH": str(checkout)}
        done = subprocess.run(
            command, cwd=checkout, env=environment, stdout=subprocess.PIPE, text=True, check=True
        )
    sizes = [(kind, size) for kind, size in map(json.loads, done.stdout.splitlines())]
    kinds = [kind for kind, _ in sizes]
    score = kinds.index("score")
    return {
        "portal, at its start": sizes[0][1],
        "portal, after the first job": sizes[1][1],
        "portal, after one job of each core": sizes[score - 1][1],
        "portal, after a score with all metrics": sizes[score][1],
        f"portal, after {len(sizes) - 1} mixed jobs": sizes[-1][1],
    }


def command_line(checkout: Path, core: str, face: Path, speech: Path) -> float:
    """MB at the peak of ``python -m lipsync generate``."""
    result = speech.with_name("result.mp4")
    given = ["--face", str(face), "--audio", str(speech), "--out", str(result), "--method", core]
    return cost(checkout, ["-m", "lipsync", "generate", *given]).memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--against", type=Path, metavar="CHECKOUT")
    parser.add_argument("--jobs", type=int, default=50, help="of the portal")
    parser.add_argument("--hour", action="store_true", help="also an hour of video, which takes an hour")
    options = parser.parse_args()
    checkouts = [HERE, *([options.against.resolve()] if options.against else [])]
    print(f"{platform.node()}: {platform.machine()}, {os.cpu_count()} processors, {platform.platform()}")

    def show(name: str, sizes: list[float]) -> None:
        print(f"{name:<60}" + "".join(f"{size:8.0f} MB" for size in sizes), flush=True)

    portals = [portal(checkout, options.jobs) for checkout in checkouts]
    for name in portals[0]:
        show(name, [sizes[name] for sizes in portals])
    with tempfile.TemporaryDirectory() as folder:
        lengths = [(10, SIDE), (120, SIDE), *([(3600, HOUR_SIDE)] if options.hour else [])]
        for seconds, side in lengths:
            face, speech = make_recording(Path(folder), seconds, side)
            for core in CORES:
                sizes = [command_line(checkout, core, face, speech) for checkout in checkouts]
                show(f"generate, {seconds} s of {side} pixels, {core}", sizes)


if __name__ == "__main__":
    main()
