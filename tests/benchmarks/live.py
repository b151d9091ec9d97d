"""``python -m tests.benchmarks.live``: frames per second and delay of live mode on this machine.

Speech is given in pieces as a microphone would give it, first as fast as it is taken (how many frames a
second can be drawn), then at the pace of real time (how long after a frame's own sound it is there). For a
photo and for a video, with the shipped core and with any other method or checkpoint.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the programs do

import numpy as np
import torch

from lipsync.assets import asset
from lipsync.audio import RATE
from lipsync.live import Live
from lipsync.media import read_audio
from lipsync.methods import EMBEDDED, load_method

EXAMPLES = asset("examples")


@dataclass(frozen=True)
class Measured:
    """What one run came to."""

    prepared: float  # s before the first word
    fps: float  # frames drawn a second, as fast as possible
    processor: float  # s of processor time a frame, which other work on the machine changes little
    delays: np.ndarray  # (T,) s from a frame's own sound to the frame, at the pace of real time
    dropped: int  # frames passed over


def measure(face: Path, method: str, checkpoint: Path | None, voice: np.ndarray, piece: float) -> Measured:
    """One face and one method."""
    began = time.perf_counter()
    live = Live(face, load_method(method, checkpoint))
    prepared = time.perf_counter() - began
    pieces = np.array_split(voice, max(1, round(len(voice) / RATE / piece)))
    for part in pieces[:3]:
        live.push(part)  # the first batch of each size is slower
    began, spent, done = time.perf_counter(), time.process_time(), 0
    for part in pieces:
        done += len(live.push(part))
    fps, processor = done / (time.perf_counter() - began), (time.process_time() - spent) / done

    live = Live(face, load_method(method, checkpoint))
    delays: list[float] = []
    began, heard, number, dropped, drawing = time.perf_counter(), 0, 0, 0, 0.0
    for part in pieces:
        heard += len(part)
        time.sleep(max(0.0, began + heard / RATE - time.perf_counter()))  # spoken by now
        start = time.perf_counter()
        frames = live.push(part, max(1, int(0.8 * piece / drawing)) if drawing else None)
        due = max(number, int((heard / RATE - live.wait) * live.fps + 1e-6) + 1) if frames else number
        now = time.perf_counter()
        drawing = (now - start) / len(frames) if frames else drawing
        delays += [now - began - k / live.fps for k in range(due - len(frames), due)]
        dropped += due - number - len(frames)
        number = due
    return Measured(prepared, fps, processor, np.array(delays), dropped)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--method", default=EMBEDDED)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--seconds", type=float, default=8.0, help="of speech")
    parser.add_argument("--piece", type=float, default=0.2, help="seconds of sound that come at a time")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    voice = np.resize(read_audio(EXAMPLES / "english.wav"), round(options.seconds * RATE))
    wait = Live(EXAMPLES / "portrait.jpg", load_method(options.method, options.checkpoint)).wait
    print(
        f"{options.method}: waits for {1000 * wait:.0f} ms of speech, pieces of "
        f"{1000 * options.piece:.0f} ms, {options.threads} threads"
    )
    with tempfile.TemporaryDirectory() as name:
        from tests.benchmarks.generate import make_clip

        faces = {
            "photo": EXAMPLES / "portrait.jpg",
            "720p video, shown at 512 px": make_clip(Path(name) / "clip.mp4", 4),
        }
        for title, face in faces.items():
            found = measure(face, options.method, options.checkpoint, voice, options.piece)
            median, most = (1000 * np.quantile(found.delays, share) for share in (0.5, 0.95))
            print(
                f"  {title}: prepared in {found.prepared:.1f} s, {found.fps:.1f} frames/s "
                f"({1000 * found.processor:.0f} ms of processor time each); delay median {median:.0f} ms, "
                f"95 % {most:.0f} ms; {found.dropped} frames passed over"
            )


if __name__ == "__main__":
    main()
