"""Sounds with known content, and real speech where the shared clips are."""

import numpy as np
import pytest

RATE = 16_000


@pytest.fixture(scope="session")
def chirp() -> np.ndarray:
    """(24000,) float32: a rising tone under noise, 1.5 s."""
    t = np.arange(24_000) / RATE
    rng = np.random.default_rng(0)
    tone = 0.3 * np.sin(2 * np.pi * (200 * t + 900 * t**2))
    return (tone + 0.01 * rng.standard_normal(len(t))).astype(np.float32)


@pytest.fixture(scope="session")
def speech(shared) -> np.ndarray:
    """(N,) float32 of a real clip."""
    from lipsync.media import read_audio

    return read_audio(shared / "data" / "train" / "id001_clip01.mp4")
