"""``python -m tests.benchmarks.generate``: seconds per stage, pipeline against bare network, peak memory.

Prints, for a 10 s 720p clip made from scikit-image's portrait, for the shipped core and for the
published Wav2Lip size (random weights: speed does not depend on them): seconds per stage, frames/s
end to end, the bare network's frames/s at the same batch size, and their ratio. Then the peak
memory of a 10 s and a 120 s job, each in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the programs do
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import cv2
import numpy as np

FPS = 25


def make_clip(path: Path, seconds: int) -> Path:
    """A 1280x720 video of a portrait that sways, H.264."""
    from skimage.data import astronaut

    from lipsync.media import VideoWriter

    portrait = cv2.resize(astronaut()[:400, 20:420], (720, 720), interpolation=cv2.INTER_CUBIC)
    rng = np.random.default_rng(0)
    background = cv2.resize(
        rng.integers(60, 120, (36, 64, 3), np.uint8), (1280, 720), interpolation=cv2.INTER_CUBIC
    )
    with VideoWriter(path, 1280, 720, FPS) as writer:
        for k in range(seconds * FPS):
            image = background.copy()
            x = 280 + round(60 * np.sin(k / 40))
            image[:, x : x + 720] = portrait
            writer.write(image)
    return path


def make_speech(path: Path, seconds: int) -> Path:
    import soundfile

    t = np.arange(seconds * 16000) / 16000
    voice = 0.3 * np.sign(np.sin(2 * np.pi * 120 * t)) * np.maximum(0, np.sin(2 * np.pi * 3 * t))
    soundfile.write(path, voice, 16000)
    return path


def published_size(path: Path) -> Path:
    """A checkpoint of the published Wav2Lip's shape with random weights."""
    import torch

    from lipsync.methods.wav2lip.config import Wav2LipConfig
    from lipsync.methods.wav2lip.model import Generator

    torch.save({"state_dict": Generator(Wav2LipConfig()).state_dict()}, path)
    return path


def bare_network(checkpoint: Path | None, batch: int, seconds: float = 8.0) -> float:
    """Frames/s of ``synthesize`` alone."""
    from lipsync.methods import EMBEDDED, load_method
    from lipsync.methods.base import Batch

    method = load_method(EMBEDDED, checkpoint)
    size = method.crop_size
    faces = np.random.default_rng(0).integers(0, 255, (batch, size, size, 3), np.uint8)
    speech = method.encode_audio(np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32))
    work = Batch(faces, np.arange(batch) / FPS, speech, faces[:1])
    method.synthesize(work)
    start, done = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        method.synthesize(work)
        done += batch
    return done / (time.perf_counter() - start)


def job(face: Path, audio: Path, checkpoint: Path | None, batch: int) -> dict:
    """One job in this process: its result and the process's peak memory, MB."""
    from lipsync.generate import Request, generate
    from lipsync.methods import EMBEDDED
    from lipsync.nn.memory import bound_memory

    bound_memory()
    with tempfile.TemporaryDirectory() as folder:
        request = Request(face, audio, Path(folder) / "out.mp4", EMBEDDED, checkpoint, batch_size=batch)
        result = generate(request).to_dict()
    result["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return result


def in_process(*arguments: str) -> dict:
    command = [sys.executable, "-m", "tests.benchmarks.generate", *arguments]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--job", nargs=3, metavar=("FACE", "AUDIO", "CHECKPOINT"), help=argparse.SUPPRESS)
    parser.add_argument("--bare", help=argparse.SUPPRESS)
    options = parser.parse_args()
    batch = options.batch_size
    if options.job:
        face, audio, checkpoint = options.job
        print(json.dumps(job(Path(face), Path(audio), Path(checkpoint) if checkpoint else None, batch)))
        return
    if options.bare is not None:
        print(json.dumps(bare_network(Path(options.bare) if options.bare else None, batch)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips = {s: make_clip(folder / f"{s}.mp4", s) for s in (10, 120)}
        sounds = {s: make_speech(folder / f"{s}.wav", s) for s in (10, 120)}
        published = published_size(folder / "published.pth")
        sized = ("--batch-size", str(batch))
        for title, checkpoint in (("embedded core", ""), ("published Wav2Lip size", str(published))):
            told = in_process("--job", str(clips[10]), str(sounds[10]), checkpoint, *sized)
            bare = in_process("--bare", checkpoint, *sized)
            spent = told["seconds"]
            work = spent["total"] - spent["weights"] - spent["audio"]
            print(f"{title}, 10 s of 720p, batch {batch}")
            for stage, value in spent.items():
                print(f"  {stage:<8} {value:7.2f} s   {1000 * value / told['frames']:6.1f} ms a frame")
            fps = told["frames"] / work
            print(
                f"  end to end {fps:.1f} frames/s (without loading), bare network {bare:.1f} frames/s, "
                f"ratio {fps / bare:.2f}"
            )
        peaks = {
            s: in_process("--job", str(clips[s]), str(sounds[s]), "", *sized)["peak_mb"] for s in (10, 120)
        }
        print(
            f"peak memory {peaks[10]:.0f} MB for 10 s, {peaks[120]:.0f} MB for 120 s, "
            f"ratio {peaks[120] / peaks[10]:.2f}"
        )


if __name__ == "__main__":
    main()
