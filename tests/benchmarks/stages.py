"""``python -m tests.benchmarks.stages``: processor time of each stage of the pipeline, alone and together.

Each stage runs over all frames of a 720p clip before the next one begins, so that nothing runs beside it;
then the whole pipeline runs as it does for a user. Prints milliseconds of processor time a frame, of all
threads, each the least of some rounds, and how many times as much the whole takes as the sum.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the programs do
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from lipsync import generate as pipeline
from lipsync.faces.tracking.face_view import views
from lipsync.media import loop_frames, probe
from lipsync.plan import plan_result
from lipsync.progress import Report
from lipsync.request import Request
from lipsync.stream import Clock
from tests.benchmarks.generate import FPS, make_clip, make_speech

SECONDS = 6
DEFAULT = ["visual-dubbing-whisper", "mcsawav2lip-embedded"]


def stages(request: Request) -> dict[str, float]:
    """Seconds of processor time of each stage alone, and of ``pipeline.generate``, of one request."""
    spent: dict[str, float] = {}

    def timed(stage: str, work: Callable):
        began = time.process_time()
        found = work()
        spent[stage] = time.process_time() - began
        return found

    report, face = Report(lambda _: None, threading.Event()), probe(request.face)
    plan = plan_result(request, face, request.audio)
    method = timed("load", lambda: pipeline._load(request, report))
    samples = pipeline._samples(request.audio, plan, False)
    features = timed("audio", lambda: method.encode_audio(samples))
    job = pipeline._Job(
        request, plan, method, pipeline._Speech(features, pipeline.find_speech(samples)),
        pipeline.caption(samples, request.captions, plan.frames / plan.fps, report),
    )  # fmt: skip
    request.face.touch()  # nothing is remembered of it
    choices, _ = timed("people", lambda: pipeline.speakers(request.face, plan.choice))
    speaker = timed("references", lambda: pipeline._speaker(job, choices[0], face, None))
    frames = timed("decode", lambda: list(loop_frames(request.face, plan.fps, plan.frames)))
    tracked = timed("track", lambda: list(speaker.tracker.track(frames)))
    cropped = timed("crop", lambda: list(views(tracked, method.crop_size, method.crop_margin)))
    drawn = timed("network", lambda: list(pipeline._synthesize(iter(cropped), job, speaker)))
    clock = Clock()
    blended = timed("blend", lambda: list(pipeline._blend(iter(drawn), job, speaker, clock, report)))

    def write() -> None:
        with pipeline._writer(job, request.audio) as writer:
            for _ in pipeline._write(blended, writer, job, clock):
                pass

    timed("encode", write)
    speaker.tracker.close()
    spent["sum"] = sum(spent.values())
    request.face.touch()
    timed("whole", lambda: pipeline.generate(request))
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", nargs="+", metavar="NAME", default=DEFAULT)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} processors, {platform.platform()}; {SECONDS} s of 720p")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip, sound = make_clip(folder / "clip.mp4", SECONDS), make_speech(folder / "sound.wav", SECONDS)
        for method in options.methods:
            request = Request(clip, sound, folder / "out.mp4", method=method)
            rounds = [stages(request) for _ in range(options.rounds)]
            print(method)
            least = {stage: min(spent[stage] for spent in rounds) for stage in rounds[0]}
            for stage, seconds in least.items():
                print(f"  {stage:<12}{1000 * seconds / (FPS * SECONDS):7.1f} ms a frame")
            print(f"  the whole takes {least['whole'] / least['sum']:.2f} of the sum")


if __name__ == "__main__":
    main()
