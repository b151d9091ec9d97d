"""``python -m tests.benchmarks.loader``: can the loader keep the network busy?

Prints the frames/s of the loader alone, with all clips decoded (warm) and with none kept (cold, as with a
data set that does not fit into memory), made on a thread and in processes; beside them the frames/s at
which a generator trains on one batch that is already there. Without ``--data`` on synthetic clips.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from lipsync.data.clips import load_clips
from lipsync.methods.mcsawav2lip.config import generator_config
from lipsync.methods.wav2lip.train import GeneratorConfig, GeneratorStage
from lipsync.training.compute import pick_device
from lipsync.training.feed import Batches, feed
from lipsync.training.loop import RunConfig, Update
from tests.training.toy import toy_folder

FRAMES = 5  # of a window


class Meter:
    """Frames/s by the clock, and the processor time of a frame, which other programs do not change."""

    def __init__(self, seconds: float):
        self.seconds, self.done = seconds, 0
        self.began, self.worked = time.perf_counter(), time.process_time()

    @property
    def running(self) -> bool:
        return time.perf_counter() - self.began < self.seconds

    def add(self, frames: int) -> None:
        self.done += frames
        self.spent, self.used = time.perf_counter() - self.began, time.process_time() - self.worked

    @property
    def work(self) -> str:
        return f", {1000 * self.used / self.done:8.2f} ms of processor time a frame"

    def __str__(self) -> str:
        return f"{self.done / self.spent:8.0f} frames/s"


def loader_speed(stage: GeneratorStage, workers: int, warm: bool, seconds: float) -> str:
    """Frames/s of batches alone; starting the processes is not counted."""
    stage.sampler.memory = 1e15 if warm else 0.0
    if warm:
        for clip in stage.sampler.clips:
            for name in ("faces", "landmarks", "mel", "shape"):
                getattr(clip, name)
    else:
        for clip in stage.sampler.clips:
            clip.forget()
    batches: Iterator = feed(Batches(stage, seed=0), 0, 1_000_000, workers)
    for _ in range(max(1, 2 * workers)):
        next(batches)
    meter = Meter(seconds)
    while meter.running:
        meter.add(next(batches)["frames"].shape[:2].numel())
    batches.close()  # type: ignore[attr-defined]
    return str(meter) + ("" if workers else meter.work)


def training_speed(stage: GeneratorStage, run: RunConfig, seconds: float) -> str:
    """Frames/s of steps on a batch that is there."""
    device = pick_device(run.device)
    for module in stage.modules.values():
        module.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    batch = {key: value.to(device) for key, value in next(feed(Batches(stage, 0), 0, 1)).items()}
    update, frames = Update(run, device), batch["frames"].shape[:2].numel()
    stage.step(batch, update, 0.0)
    meter = Meter(seconds)
    while not meter.done or meter.running:
        stage.step(batch, update, 0.0)  # its losses are read, so it waits for the device
        meter.add(frames)
    return str(meter) + meter.work


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder that `prepare` wrote")
    parser.add_argument("--split", nargs="+", default=["train", "val"])
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--windows", type=int, default=12, help="of five frames, per batch")
    parser.add_argument("--width", type=float, nargs="+", default=[0.25, 1.0], help="of the generator")
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--seconds", type=float, default=6.0, help="of each measurement")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = options.data or toy_folder(Path(name), ("train",) * 6)
        clips = load_clips(folder, tuple(options.split))
        device = pick_device("auto")
        print(f"{len(clips)} clips, {options.windows} windows of {FRAMES} frames, {device.type}, "
              f"{torch.get_num_threads()} threads")  # fmt: skip
        for width in options.width:
            config = GeneratorConfig(
                model=generator_config("full", width), windows=options.windows, sync_weight=0.0
            )
            stage = GeneratorStage(config, clips, [])
            run = RunConfig(precision=options.precision)
            speed = training_speed(stage, run, options.seconds)
            print(f"  training, width {width:g}, L1 and adversarial loss: {speed}", flush=True)
        for warm in (True, False):
            for workers in options.workers:
                made = f"{workers} processes" if workers else "a thread"
                speed = loader_speed(stage, workers, warm, options.seconds)
                print(f"  loader, {'warm' if warm else 'cold'}, {made}: {speed}", flush=True)


if __name__ == "__main__":
    main()
