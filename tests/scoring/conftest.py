"""Networks, short real clips and judges for the scoring tests."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from eval.scoring.networks import Networks, load_networks
from lipsync.faces.tracking.crop import Pose
from lipsync.media import VideoWriter, WriterOptions, read_frames

METRICS = ("psnr", "psnr_pooled", "ssim", "lpips", "lmd", "lmd_vico", "csim", "aed", "lipcorr")


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")  # longer, and the tests that follow elsewhere would be offline too
def weights(shared, tmp_path_factory) -> Iterator[Path]:
    """Only the weights of the shared folder can be had, as on a machine without a network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIPSYNC_WEIGHTS", str(shared / "weights"))
        patch.setenv("LIPSYNC_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("LIPSYNC_OFFLINE", "1")
        yield shared / "weights"


@pytest.fixture(scope="module")
def networks(weights) -> Networks:
    return load_networks(METRICS)


@pytest.fixture(scope="session")
def cut(shared, tmp_path_factory):
    """A function that copies the first frames of a real clip, with its sound."""
    folder = tmp_path_factory.mktemp("clips")

    def make(name: str, frames: int, fps: float = 25.0, size: int | None = None, sound: bool = True) -> Path:
        source = shared / "data" / name
        out = folder / f"{source.stem}-{frames}-{fps:g}-{size}-{sound}.mp4"
        if not out.exists():
            images = [f.image for f in read_frames(source, fps=fps, max_frames=frames)]
            if size is not None:
                import cv2

                images = [cv2.resize(image, (size, size)) for image in images]
            height, width = images[0].shape[:2]
            audio = source if sound else None
            with VideoWriter(
                out,
                width,
                height,
                fps,
                audio=audio,
                options=WriterOptions(duration=len(images) / fps, crf=12),
            ) as writer:
                for image in images:
                    writer.write(image)
        return out

    return make


class LinearJudge:
    """A judge simple enough to redo by hand: brightness of lips against loudness of speech."""

    name, own, sha256, smoothing, margin, alignment = "linear", False, "0" * 64, 1, 0, "whole picture"

    def __init__(self, smoothing: int = 1, margin: int = 0):
        self.smoothing, self.margin = smoothing, margin
        self.poses: list[list[Pose] | None] = []

    def cut(self, image: np.ndarray, pose: Pose | None, around: list[Pose]) -> np.ndarray:
        self.poses.append(None if pose is None else list(around))
        return image[:2, :2]

    def embed_video(self, crops: np.ndarray) -> np.ndarray:
        level = crops.astype(np.float32).mean((1, 2, 3))
        around = np.lib.stride_tricks.sliding_window_view(np.pad(level, self.margin), 2 * self.margin + 1)
        level = level - around.mean(1) * (self.margin > 0)
        return np.stack([np.resize(level[i : i + 5], 8) for i in range(len(level) - 4)])

    def embed_audio(self, speech: np.ndarray, first: int, count: int) -> np.ndarray:
        return np.stack(
            [np.resize(speech[640 * t : 640 * (t + 5) : 640], 8) for t in range(first, first + count)]
        )


@pytest.fixture
def linear_judge():
    return LinearJudge
