"""How fast the 3D face is drawn and fitted: ``python -m tests.benchmarks.faces [--threads 2]``.

Drawing is timed at 192 pixels without gradients, faces of one person who turns and speaks, in batches.
Fitting is timed on the landmarks those faces have, with half a pixel of noise, a clip of 1,000 frames.
Processor time is given beside the clock's, as the clock says little on a machine that is busy.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

from lipsync.faces.model3d.camera import Camera, place
from lipsync.faces.model3d.fitting import fit_clip
from lipsync.faces.model3d.load import load_morphable
from lipsync.faces.model3d.morphable import MorphableModel
from lipsync.faces.model3d.render import flow, render

SIZE = 192


def faces(model: MorphableModel, count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(1, I) identity, (T, E) expressions and (T, 6) poses of a made-up performance at 25 fps."""
    generator = torch.Generator().manual_seed(0)
    seconds = torch.arange(count)[:, None] / 25
    identity = torch.randn(1, model.identity_size, generator=generator) * 0.5
    rates = 0.5 + 3 * torch.rand(1, model.expression_size, generator=generator)
    expression = 0.1 - 0.1 * torch.cos(2 * torch.pi * rates * seconds)
    turn = torch.sin(seconds * torch.tensor([1.0, 1.5, 0.7])) * torch.tensor([0.1, 0.4, 0.1])
    shift = torch.tensor([0.0, -6, 890]).expand(count, 3)
    return identity, expression, torch.cat([turn, shift], 1)


@torch.no_grad()
def drawing(model: MorphableModel, batch: int, runs: int = 4) -> tuple[float, float, float]:
    """Pictures a second, flows a second, and pictures a second of one processor's time."""
    identity, expression, pose = faces(model, batch)
    drawn = render(model, identity, expression, pose, SIZE)
    began, busy = time.perf_counter(), time.process_time()
    for _ in range(runs):
        drawn = render(model, identity, expression, pose, SIZE)
    middle, busy = time.perf_counter(), time.process_time() - busy
    for _ in range(runs):
        flow(drawn, drawn.projected[:1])
    flows = runs * batch / (time.perf_counter() - middle)
    return runs * batch / (middle - began), flows, runs * batch / busy


@torch.no_grad()
def fitting(model: MorphableModel, count: int = 1000) -> tuple[float, float]:
    """Seconds for ``count`` frames, by the clock and of processors' time."""
    identity, expression, pose = faces(model, count)
    seen = Camera.of_crop(SIZE).project(place(model.landmarks(identity, expression), pose))[..., :2].numpy()
    points = np.zeros((count, 478, 2), np.float32)
    points[:, model.mediapipe_indices] = seen + np.random.default_rng(0).normal(0, 0.5, seen.shape)
    began, busy = time.perf_counter(), time.process_time()
    fit_clip(model, points, SIZE)
    return time.perf_counter() - began, time.process_time() - busy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--threads", type=int, default=2, help="of PyTorch and the rasteriser")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = load_morphable()
    print(
        f"{model.name}: {model.vertices} vertices, {len(model.triangles)} triangles, "
        f"{len(model.landmark_vertices)} landmarks; {options.threads} threads"
    )
    for batch in (1, 16):
        pictures, flows, alone = drawing(model, batch)
        print(
            f"batch {batch}: {pictures:.0f} renders/s ({alone:.0f} a second of processor time), "
            f"{flows:.0f} flows/s at {SIZE} px"
        )
    seconds, busy = fitting(model)
    print(f"fitting 1,000 frames: {seconds:.1f} s ({busy:.1f} s of processor time)")


if __name__ == "__main__":
    main()
