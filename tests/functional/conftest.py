"""Real faces for the metrics: the astronaut of scikit-image, and clips of the shared folder where it is."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import skimage.data


def read_frames(path: Path, count: int, start: int = 0) -> np.ndarray:
    """(count, H, W, 3) uint8 RGB frames from ``start`` on."""
    with av.open(str(path)) as container:
        frames = [
            frame.to_ndarray(format="rgb24")
            for index, frame in zip(range(start + count), container.decode(video=0), strict=False)
            if index >= start
        ]
    return np.stack(frames)


@pytest.fixture(scope="session")
def astronaut() -> np.ndarray:
    """(256, 256, 3) uint8 RGB."""
    return cv2.resize(skimage.data.astronaut(), (256, 256), interpolation=cv2.INTER_AREA)


@pytest.fixture(scope="session")
def degraded(astronaut: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N, 256, 256, 3) pictures and their references: noise, blur, saturation, flat areas, extremes."""
    rng = np.random.default_rng(0)

    def noisy(picture: np.ndarray, sigma: float) -> np.ndarray:
        return np.clip(picture + rng.normal(0, sigma, picture.shape).round(), 0, 255).astype(np.uint8)

    half = noisy(astronaut, 10)
    half[:60] = astronaut[:60]
    bright = np.full_like(astronaut, 250)
    pairs = [
        (half, astronaut),
        (cv2.GaussianBlur(astronaut, (0, 0), 2), astronaut),
        (noisy(bright, 2), noisy(bright, 2)),
        (255 - astronaut, astronaut),
        (np.zeros_like(astronaut), astronaut),
        (np.zeros_like(astronaut), bright),
        (np.roll(astronaut, 1, axis=1), astronaut),
    ]
    generated, reference = (np.stack(side) for side in zip(*pairs, strict=True))
    return generated, reference


@pytest.fixture(scope="session")
def real_pair(shared: Path) -> tuple[np.ndarray, np.ndarray]:
    """(12, 256, 256, 3) frames of a published method's output and of the real clip it reconstructs."""
    generated = read_frames(shared / "data/generated/DiffDub_id003_clip09.mp4", 12, start=20)
    return generated, read_frames(shared / "data/train/id003_clip04.mp4", 12, start=20)
