"""``python -m tests.benchmarks.drift [--minutes 20]``: does sound drift against picture over a long video?

A small video with a flash and a click together every ten seconds is read and written as the pipeline does it,
without a network. Printed is by how many ms the click comes after the flash in the result, first and last.
"""

from __future__ import annotations

import argparse
import tempfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from lipsync.media import VideoWriter, WriterOptions, loop_frames, probe
from tests.media.clips import click, peak_time

RATES = (Fraction(30000, 1001), Fraction(60000, 1001))
SOUND_RATE = 48_000  # Hz
SIDE = 32  # pixels
APART = 10  # s between two flashes, about: a whole number of frames


def source(path: Path, seconds: float, fps: Fraction) -> Path:
    """A video with a flash of one frame, and a click as it begins, every ``APART`` seconds."""
    step = round(APART * fps)
    dark, bright = np.full((SIDE, SIDE, 3), 30, np.uint8), np.full((SIDE, SIDE, 3), 220, np.uint8)
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=fps)
        video.width = video.height = SIDE
        video.pix_fmt = "yuv420p"
        audio = container.add_stream("aac", rate=SOUND_RATE)
        audio.layout = "mono"
        done = 0
        for number in range(round(seconds * fps)):
            frame = av.VideoFrame.from_ndarray(bright if number % step == step // 2 else dark, "rgb24")
            frame.pts, frame.time_base = number, 1 / fps
            container.mux(video.encode(frame))
            if number % step == 0:  # the sound until the next round begins, placed to the sample
                end = round((number + step) / fps * SOUND_RATE)
                at = float((number + step // 2) / fps) - done / SOUND_RATE
                sound = av.AudioFrame.from_ndarray(
                    click((end - done) / SOUND_RATE, at, SOUND_RATE), "fltp", "mono"
                )
                sound.sample_rate, sound.pts, sound.time_base = SOUND_RATE, done, Fraction(1, SOUND_RATE)
                container.mux(audio.encode(sound))
                done = end
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return path


def written(path: Path, output: Path) -> Path:
    """The video and its sound as ``generate`` reads and writes them, with nothing drawn."""
    info = probe(path)
    count = round(info.duration * info.output_fps)
    options = WriterOptions(duration=count / info.output_fps)
    with VideoWriter(output, info.width, info.height, info.output_fps, path, options) as writer:
        for frame in loop_frames(path, info.output_fps, count):
            writer.write(frame.image)
    return output


def clicks_after_flashes(path: Path) -> np.ndarray:
    """(N,) ms by which each click comes after its flash; negative: before. Read by PyAV alone."""
    with av.open(str(path)) as container:
        frames = container.decode(video=0)
        flashes = [frame.time for frame in frames if frame.to_ndarray()[:SIDE].mean() > 125]
    with av.open(str(path)) as container:
        rate = container.streams.audio[0].rate
        blocks = [(frame.time, frame.to_ndarray().mean(0)) for frame in container.decode(audio=0)]
    begin = blocks[0][0]
    samples = np.concatenate([block for _, block in blocks])
    late = []
    for flash in flashes:
        first = max(0, round((flash - begin - APART / 2) * rate))
        part = samples[first : first + APART * rate]
        late.append(1000 * (begin + first / rate + peak_time(part, rate) - flash))
    return np.array(late)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=20)
    minutes = parser.parse_args().minutes
    print("fps    source  flashes  first ms  last ms  largest ms")
    for fps in RATES:
        for kind in ("mp4", "mkv"):  # the clock of Matroska counts whole ms
            with tempfile.TemporaryDirectory() as folder:
                made = source(Path(folder, f"source.{kind}"), 60 * minutes, fps)
                late = clicks_after_flashes(written(made, Path(folder, "result.mp4")))
            facts = f"{late[0]:8.2f}  {late[-1]:7.2f}  {np.abs(late).max():10.2f}"
            print(f"{float(fps):.2f}  {kind:6s}  {len(late):7d}  {facts}", flush=True)


if __name__ == "__main__":
    main()
