"""``python -m tests.benchmarks.cores``: how fast every core that ships makes 10 s of 720p, end to end.

Prints frames/s by the clock without loading, and milliseconds of processor time a frame with it, each core in
a process of its own with two threads. On a machine that is busy only the latter says something.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the programs do
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from tests.benchmarks.generate import make_clip, make_speech

SECONDS = 10


def job(face: Path, audio: Path, method: str) -> dict[str, float]:
    """Frames, seconds by the clock without loading, and seconds of processor time in all."""
    import torch

    from lipsync.generate import Request, generate
    from lipsync.nn.memory import bound_memory

    bound_memory()
    torch.set_num_threads(2)
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        result = generate(Request(face, audio, Path(folder) / "out.mp4", method=method)).to_dict()
    spent = result["seconds"]
    return {
        "frames": result["frames"],
        "clock": spent["total"] - spent["weights"] - spent["audio"],
        "processor": time.process_time() - began,
    }


def shipped() -> list[str]:
    """Names of the methods whose weights lie in the repository."""
    from lipsync.methods import METHODS

    return [name for name in METHODS if METHODS.get(name).folder is not None and METHODS.get(name).ready]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--methods", nargs="+", metavar="NAME", help="default: all that ship")
    parser.add_argument("--job", nargs=3, metavar=("FACE", "AUDIO", "METHOD"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        face, audio, method = options.job
        print(json.dumps(job(Path(face), Path(audio), method)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip, sound = make_clip(folder / "clip.mp4", SECONDS), make_speech(folder / "sound.wav", SECONDS)
        for method in options.methods or shipped():
            command = [sys.executable, "-m", "tests.benchmarks.cores", "--job", str(clip), str(sound), method]
            told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
            print(
                f"{method}: {told['frames'] / told['clock']:.1f} frames/s end to end (two threads), "
                f"{1000 * told['processor'] / told['frames']:.0f} ms of processor time a frame",
                flush=True,
            )


if __name__ == "__main__":
    main()
