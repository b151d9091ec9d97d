"""Small videos whose frames carry their number, and places to put sets."""

from pathlib import Path

import numpy as np
import pytest

from eval.compare.sets import Entry, Sets
from lipsync.media import VideoWriter, WriterOptions
from tests.media.clips import card, click
from tests.scoring.conftest import cut, one_thread, weights  # noqa: F401

LENGTH = 20  # frames


def write_sound(path: Path, seconds: float, at: float) -> Path:
    """A WAV file with one pulse."""
    import soundfile

    soundfile.write(path, click(seconds, at, 16000)[0], 16000)
    return path


@pytest.fixture(scope="session")
def video(tmp_path_factory):
    """A function that writes a video that every browser plays: frame n shows the number first + n."""
    folder = tmp_path_factory.mktemp("videos")

    def make(
        name: str, first: int = 0, frames: int = LENGTH, fps: float = 25, size=(80, 64), shade=0, sound=False
    ) -> Path:
        path = folder / f"{name}-{first}-{frames}-{fps:g}-{size[0]}x{size[1]}-{shade}-{sound}.mp4"
        if not path.exists():
            audio = write_sound(path.with_suffix(".wav"), frames / fps, 0.2) if sound else None
            with VideoWriter(path, *size, fps, audio=audio, options=WriterOptions(crf=8)) as writer:
                for number in range(frames):
                    picture = card(first + number, *size)
                    writer.write(np.maximum(picture, np.uint8(shade)))
        return path

    return make


@pytest.fixture
def sets(tmp_path) -> Sets:
    return Sets(tmp_path / "data")


@pytest.fixture
def made(sets, video):
    """A set of two items with three methods, one of them missing once."""
    entries = [
        Entry("one", "reference", video("ref", 100, sound=True)),
        Entry("one", "A", video("a", 100, shade=20)),
        Entry("one", "B_&_50%", video("b", 100, shade=60)),
        Entry("two 二", "reference", video("ref", 200)),
        Entry("two 二", "A", video("a", 200, shade=20)),
        Entry("two 二", "方法 C", video("c", 200, shade=40)),
    ]
    return sets.create("My set 对比", entries)


def tree(folder: Path) -> dict[str, bytes | None]:
    """Everything under a folder: names and contents."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }
