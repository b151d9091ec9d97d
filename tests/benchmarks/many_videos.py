"""``python -m tests.benchmarks.many_videos``: what two workers gain over one when many videos are generated.

One worker has one processor, two have two, each with one thread. Prints for both the seconds a video by the
clock and of processor time once all are at work, and those by the clock of the whole run with its start; then
how many times as fast two are, and how many times they would be on processors that nobody else uses: twice
the processor time of one over that of two.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the programs do
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

METHOD = "mcsawav2lip-embedded"


def processor_time() -> float:
    """Seconds that this process and its workers have computed."""
    ticks = 0
    for process in (os.getpid(), *(child.pid for child in multiprocessing.active_children())):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(workers: int, count: int, methods: list[str]) -> dict[str, float]:
    """Seconds a video of ``count`` rows by each method: ``clock``, ``processor``, ``run`` with the start."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:workers])  # before anything counts them
    from lipsync.assets import asset
    from lipsync.batch.engines import Engine
    from lipsync.batch.generate_batch import generate_batch
    from lipsync.data.face_speech_pairs import FaceSpeechPair

    face, speech = asset("examples", "portrait.mp4"), asset("examples", "english.wav")
    rows = [FaceSpeechPair(f"{number}", face, speech) for number in range(count)]
    ends: list[tuple[float, float]] = []
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        videos = generate_batch(
            rows,
            methods,
            Path(folder),
            Engine(workers),
            lambda *_: ends.append((time.perf_counter(), processor_time())),
        )
    assert all(video.error is None for video in videos), [video.error for video in videos]
    first, last = ends[workers], ends[-1]  # the first of them is the start; each worker has then made one
    made = len(videos) - workers
    return {
        "clock": (last[0] - first[0]) / made,
        "processor": (last[1] - first[1]) / made,
        "run": (last[0] - began) / len(videos),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=12, metavar="N", help="4.6 s each")
    parser.add_argument("--methods", nargs="+", default=[METHOD], metavar="NAME")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="the smallest of each counts")
    parser.add_argument("--workers", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.workers:
        print(json.dumps(measure(options.workers, options.rows, options.methods)))
        return
    print(f"{platform.machine()}, {os.cpu_count()} processors, {platform.platform()}; {options.rows} rows")
    smallest: dict[int, dict[str, float]] = {}
    for _ in range(options.rounds):
        for workers in (1, 2):
            command = [sys.executable, "-m", "tests.benchmarks.many_videos", "--workers", str(workers)]
            command += ["--rows", str(options.rows), "--methods", *options.methods]
            told = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
            before = smallest.get(workers, told)
            smallest[workers] = {name: min(value, before[name]) for name, value in told.items()}
    for workers, told in smallest.items():
        print(f"{workers} of one thread:", ", ".join(f"{name} {value:.2f} s" for name, value in told.items()))
    one, two = smallest[1], smallest[2]
    print(
        f"two are {one['clock'] / two['clock']:.2f} times as fast, {one['run'] / two['run']:.2f} with the "
        f"start; {2 * one['processor'] / two['processor']:.2f} on processors of their own"
    )


if __name__ == "__main__":
    main()
