"""Speed of one shared pass against the metrics one after the other.

``python -m tests.benchmarks.scoring [--seconds 2]`` scores a 720p pair made from the bundled portrait in
three ways: in one pass; one metric after the other with this project's own tracking; and with the scripts of
`tests.benchmarks.naive`, each of which decodes and detects for itself. SyncNet's weights do not change its
speed, so random ones stand in for them where they cannot be had. Beside the seconds of the clock stand those
of the processor, which other programs on the machine disturb less.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np

from eval.functional.picture.lpips import lpips_update
from eval.scoring.feature_cache import FeatureCache
from eval.scoring.metrics import METRICS as ALL
from eval.scoring.networks import Networks, load_networks
from eval.scoring.score import score
from eval.scoring.scores import Scores
from eval.scoring.sync_networks import SyncNetV2
from lipsync.assets import asset
from lipsync.experts.syncnet import SyncNet
from lipsync.media import VideoWriter, WriterOptions, loop_frames
from lipsync.stream import Clock
from tests.benchmarks import naive

EXAMPLES = asset("examples")
METRICS = ("psnr", "ssim", "lpips", "lmd", "csim", "fid", "aed", "lse_d", "lse_c", "offset", "lipcorr")
FLOOR = ("decode", "track", "Inception", "LPIPS", "face encoder", "lip sync")


def make(folder: Path, seconds: float) -> tuple[Path, Path]:
    """A 720p video and a noisy copy of it, with speech."""
    rng = np.random.default_rng(0)
    files = folder / "generated.mp4", folder / "reference.mp4"
    count = round(25 * seconds)
    sound = EXAMPLES / "english.wav"
    writers = [
        VideoWriter(file, 1280, 720, 25, audio=sound, options=WriterOptions(duration=seconds))
        for file in files
    ]
    with writers[0] as ours, writers[1] as theirs:
        for frame in loop_frames(EXAMPLES / "portrait.mp4", 25, count):
            picture = np.full((720, 1280, 3), 90, np.uint8)
            zoom = 720 / frame.image.shape[0]
            small = cv2.resize(frame.image, None, fx=zoom, fy=zoom)[:, :1280]
            left = (1280 - small.shape[1]) // 2
            picture[:, left : left + small.shape[1]] = small
            theirs.write(picture)
            noise = rng.integers(0, 12, picture.shape[:2], dtype=np.uint8)[..., None]
            ours.write(np.maximum(picture, noise) - noise)
    return files


def networks() -> Networks:
    """All networks that can be had, SyncNet with random weights where it cannot."""
    found = load_networks(METRICS)
    sync_network = found.loaded.get("lse")
    if sync_network is None or sync_network.own:
        lse = ALL.in_group("lse")
        missing = {metric: why for metric, why in found.missing.items() if metric not in lse}
        loaded = {**found.loaded, "lse": SyncNetV2(SyncNet().eval(), "0" * 64)}
        found = replace(found, loaded=loaded, missing=missing)
    return found


def forgetful(networks: Networks) -> Networks:
    """The same, with no picture remembered from the run before."""
    loaded = {
        group: network.fresh() if isinstance(network, FeatureCache) else network
        for group, network in networks.loaded.items()
    }
    return replace(networks, loaded=loaded)


def parts(pair: Sequence[Path], names: Sequence[str], networks: Networks) -> dict[str, float]:
    """Seconds of each stage and each network of a pass in which nothing runs beside anything else."""
    clock = Clock()

    def timed(part: str, call: Any) -> Callable[..., Any]:
        def run(*inputs: Any) -> Any:
            with clock(part):
                return call(*inputs)

        return run

    networks = forgetful(networks)
    parts = {"fid": "Inception", "csim": "face encoder"}
    loaded = {
        group: timed(parts[group], network) if group in parts else network
        for group, network in networks.loaded.items()
    }
    networks = replace(networks, loaded=loaded)
    lpips = patch("eval.functional.picture.lpips.lpips_update", timed("LPIPS", lpips_update))
    one_by_one = patch("eval.scoring.scoring_pass.AT_ONCE", 1)
    with patch("eval.scoring.scoring_pass.AHEAD", 0), one_by_one, lpips:
        spent = dict(score(*pair, metrics=names, networks=networks).seconds)
    spent["other metrics"] = spent.pop("metrics") - sum(clock.seconds.values())
    return {**spent, **clock.seconds}


@contextmanager
def stopwatch(label: str) -> Iterator[list[float]]:
    """Prints and keeps the seconds of the clock and of the processor that the block takes."""
    spent: list[float] = []
    began = time.perf_counter(), time.process_time()
    yield spent
    spent += [time.perf_counter() - began[0], time.process_time() - began[1]]
    print(f"{label:<36}{spent[0]:8.1f} s{spent[1]:8.1f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="length of the pair")
    seconds = parser.parse_args().seconds
    shared = networks()
    names = [name for name in METRICS if name not in shared.missing]
    print(f"not measured, no weights: {', '.join(sorted(set(METRICS) - set(names))) or 'nothing'}")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "short").mkdir()
        score(*make(Path(folder) / "short", 1), metrics=names, networks=forgetful(shared))  # warm up
        compare(make(Path(folder), seconds), names, shared)


def compare(pair: tuple[Path, Path], names: Sequence[str], shared: Networks) -> None:
    """Time the three ways and print them, with the numbers they come to."""
    print(f"{'':<36}{'clock':>10}{'processor':>10}")
    with stopwatch("one pass") as one:
        together = score(*pair, metrics=names, networks=forgetful(shared))
    with stopwatch("one pass without FID") as less:  # Inception outweighs all the rest
        score(*pair, metrics=[name for name in names if name != "fid"], networks=forgetful(shared))
    spent = parts(pair, names, shared)
    total = spent.pop("total")
    for part, took in sorted(spent.items(), key=lambda item: -item[1]):
        print(f"  {part:<34}{took:8.1f} s")
    floor = sum(spent[part] for part in FLOOR if part in spent)
    print(f"  decode, track and networks alone: {floor:.1f} s of {total:.1f} s")
    for way, took_by in (
        ("own tracking", own(pair, names, shared)),
        ("naive scripts", scripts(pair, names, shared, together)),
    ):
        for label, base in (("", one), (" without FID", less)):
            slow = np.sum([took for name, took in took_by.items() if name != "fid" or base is one], axis=0)
            clock, processor = slow / base
            print(f"{way}{label}: {clock:.1f} times the pass by the clock, {processor:.1f} by the processor")
    print(f"{len(together.frames)} frames of 1280×720")


def own(pair: tuple[Path, Path], names: Sequence[str], shared: Networks) -> dict[str, list[float]]:
    """Seconds of one metric after the other, with this project's own, quick tracking."""
    took = {}
    for name in filter(names.__contains__, naive.SCRIPTS):
        with stopwatch(f"own tracking, {name}") as took[name]:
            score(*pair, metrics=[name], networks=forgetful(shared))
    return took


def scripts(
    pair: tuple[Path, Path], names: Sequence[str], shared: Networks, together: Scores
) -> dict[str, list[float]]:
    """Seconds of one naive script after the other; their numbers stand beside those of the pass."""
    took = {}
    for name in filter(names.__contains__, naive.SCRIPTS):
        with stopwatch(f"naive script, {name}") as took[name]:
            value = naive.SCRIPTS[name](*pair, forgetful(shared))
        print(f"  it says {value:.4g}, the shared pass {together[name]:.4g}")
    return took


if __name__ == "__main__":
    main()
