"""Speed of one shared pass against one pass per metric.

``python -m tests.benchmarks.scoring [--seconds 10]`` scores a 720p pair made from the bundled
portrait. The naive way is what separate scripts do: each metric decodes and tracks both videos for
itself (its network is loaded before, which favours it). SyncNet's weights do not change its speed,
so random ones stand in for them where they cannot be had. The floor is decoding, tracking and the
networks, each timed alone; the pass cannot be faster than their sum on one thread.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from eval.judges import SyncNetJudge
from eval.networks import Networks, load_networks
from eval.score import score
from lipsync.experts.syncnet import SyncNet
from lipsync.media import VideoWriter, loop_frames

EXAMPLES = Path(__file__).resolve().parents[2] / "assets" / "examples"
# What one script each would compute.
SCRIPTS = {
    "PSNR": ["psnr", "psnr_pooled"],
    "SSIM": ["ssim"],
    "LPIPS": ["lpips"],
    "LMD": ["lmd", "lmd_all68", "lmd_normalised", "lmd_vico"],
    "CSIM": ["csim"],
    "FID": ["fid"],
    "AED": ["aed"],
    "LSE": ["lse_d", "lse_c", "offset"],
    "LipCorr": ["lipcorr"],
}


def make(folder: Path, seconds: float) -> tuple[Path, Path]:
    """A 720p video and a noisy copy of it, with speech."""
    rng = np.random.default_rng(0)
    files = folder / "generated.mp4", folder / "reference.mp4"
    count = round(25 * seconds)
    sound = EXAMPLES / "english.wav"
    writers = [VideoWriter(file, 1280, 720, 25, audio=sound, duration=seconds) for file in files]
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
    names = [name for script in SCRIPTS.values() for name in script]
    found = load_networks(names)
    if found.judge is None:
        missing = {k: v for k, v in found.missing.items() if k not in SCRIPTS["LSE"]}
        found = replace(found, judge=SyncNetJudge(SyncNet().eval(), "0" * 64), missing=missing)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="length of the pair")
    seconds = parser.parse_args().seconds
    shared = networks()
    scripts = {label: [n for n in names if n not in shared.missing] for label, names in SCRIPTS.items()}
    scripts = {label: names for label, names in scripts.items() if names}
    with tempfile.TemporaryDirectory() as folder:
        generated, reference = make(Path(folder), seconds)
        began = time.perf_counter()
        together = score(
            generated, reference, metrics=[n for names in scripts.values() for n in names], networks=shared
        )
        one = time.perf_counter() - began
        frames = len(together.frames)
        print(f"pair of {frames} frames, 1280×720")
        print(f"one pass    {one:7.1f} s  {frames / one:5.1f} pairs/s")
        for stage in ("decode", "track", "look", "metrics", "lip sync"):
            print(f"  {stage:<10}{together.seconds[stage]:7.1f} s")
        floor = sum(together.seconds[stage] for stage in ("decode", "track", "metrics", "lip sync"))
        print(f"  floor (decode, track, networks) {floor:.1f} s: {100 * floor / one:.0f} % of the pass")
        naive = fid = 0.0
        for label, names in scripts.items():
            began = time.perf_counter()
            score(generated, reference, metrics=names, networks=shared)
            spent = time.perf_counter() - began
            naive += spent
            fid = spent if label == "FID" else fid
            print(f"{label:<12}{spent:7.1f} s")
        print(f"one by one  {naive:7.1f} s: {naive / one:.1f} times the shared pass")
        if "FID" in scripts:  # Inception, on every frame of both videos, outweighs all the rest
            began = time.perf_counter()
            names = [n for label, names in scripts.items() for n in names if label != "FID"]
            score(generated, reference, metrics=names, networks=shared)
            one = time.perf_counter() - began
            print(
                f"without FID {one:7.1f} s; one by one {naive - fid:.1f} s: {(naive - fid) / one:.1f} times"
            )
        print(f"not measured, no weights: {', '.join(sorted(SCRIPTS.keys() - scripts.keys())) or 'nothing'}")


if __name__ == "__main__":
    main()
