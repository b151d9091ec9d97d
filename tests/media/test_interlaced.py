"""Interlaced video: no combs, the same frames at the same times; progressive video is not touched."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from lipsync.media import loop_frames, probe, read_frames
from lipsync.media.source import decode, open_media, video_stream
from tests.media.clips import astronaut, write_clip

COUNT = 20
INTERLACED = {
    "libx264": {"crf": "4", "x264-params": "bff=1"},
    "mpeg2video": {"flags": "+ildct+ilme", "qmin": "1", "qmax": "2"},
}


def moments(count: int) -> list[np.ndarray]:
    """(H, W, 3) pictures of a portrait that moves 4 pixels to the right each."""
    wide = astronaut(160 + 4 * count, 128)
    return [np.ascontiguousarray(wide[:, 4 * (count - k) :][:, :160]) for k in range(count)]


def woven() -> list[np.ndarray]:
    """Frames whose odd rows are of one moment and whose even rows of the next: bottom first."""
    pictures, frames = moments(2 * COUNT), []
    for first, second in zip(pictures[::2], pictures[1::2], strict=True):
        frame = second.copy()
        frame[1::2] = first[1::2]
        frames.append(frame)
    return frames


def combs(image: np.ndarray) -> float:
    """How much a row differs from the mean of its neighbours, beyond what rows two apart differ."""
    rows = image.astype(float)
    return float(np.abs(rows[1:-1] - (rows[:-2] + rows[2:]) / 2).mean() / np.abs(rows[2:] - rows[:-2]).mean())


@pytest.mark.parametrize("codec", list(INTERLACED))
def test_combs_are_taken_out_and_times_stay(tmp_path: Path, codec: str) -> None:
    name = "a.mp4" if codec == "libx264" else "a.ts"
    path = write_clip(tmp_path / name, woven(), codec=codec, options=INTERLACED[codec])
    frames = list(read_frames(path))
    assert [frame.index for frame in frames] == list(range(COUNT)) == list(range(probe(path).frames))
    whole = np.mean([combs(picture) for picture in moments(COUNT)])
    assert np.mean([combs(picture) for picture in woven()]) > 1.5 * whole
    assert np.mean([combs(frame.image) for frame in frames]) < 1.15 * whole
    for frame, picture in zip(frames[1:-1], moments(2 * COUNT)[2::2], strict=False):
        assert np.abs(frame.image.astype(int) - picture).mean() < 12  # 24 to the moment after
    with open_media(path) as container:
        times = [frame.time for frame in decode(container, video_stream(container))]
    np.testing.assert_allclose(np.diff(times), 1 / 25, atol=1e-4)


def test_backwards_they_are_the_same_frames(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", woven(), codec="libx264", options=INTERLACED["libx264"])
    frames = list(loop_frames(path, 25, 2 * COUNT - 1))
    assert [frame.index for frame in frames] == [*range(COUNT), *range(COUNT - 2, -1, -1)]
    for back in frames[COUNT:-1]:
        np.testing.assert_array_equal(back.image, frames[back.index].image)


def test_progressive_video_meets_no_filter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("av.filter.Graph", None)
    path = write_clip(tmp_path / "a.mp4", moments(5))
    assert len(list(islice(read_frames(path), 5))) == 5
