"""Frames out of the middle are those that reading from the start gives."""

from pathlib import Path

import numpy as np
import pytest

from lipsync.errors import MediaError
from lipsync.media import VideoWriter, WriterOptions, read_excerpt, read_frames


def moving(path: Path, frames: int, key_frame_every: float) -> Path:
    """A noisy picture that drifts, so that no two frames are alike."""
    noise = np.random.default_rng(0).integers(0, 255, (96, 96 + frames, 3), np.uint8)
    with VideoWriter(
        path, 96, 96, 25, options=WriterOptions(crf=12, key_frame_every=key_frame_every)
    ) as writer:
        for k in range(frames):
            writer.write(np.ascontiguousarray(noise[:, k : k + 96]))
    return path


@pytest.mark.parametrize("key_frame_every", [0.04, 0.2, 2.0])
def test_every_frame_is_found_where_it_is(tmp_path, key_frame_every):
    path = moving(tmp_path / "v.mp4", 60, key_frame_every)
    whole = np.stack([frame.image for frame in read_frames(path)])
    assert len(whole) == 60
    for first in (0, 1, 4, 5, 6, 24, 49, 50, 51, 57):
        np.testing.assert_array_equal(read_excerpt(path, 25, first, 3), whole[first : first + 3])


def test_key_frames_are_as_close_as_asked(tmp_path):
    import av

    with av.open(str(moving(tmp_path / "v.mp4", 30, 0.2))) as container:
        keys = [round(float(p.pts * p.time_base) * 25) for p in container.demux(video=0) if p.is_keyframe]
    assert keys[0] == 0
    assert max(np.diff(keys)) <= 5


def test_an_excerpt_beyond_the_end_is_said(tmp_path):
    path = moving(tmp_path / "v.mp4", 10, 0.2)
    with pytest.raises(MediaError, match=r"ends before frame 10"):
        read_excerpt(path, 25, 8, 3)
