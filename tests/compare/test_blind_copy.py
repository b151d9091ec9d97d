"""Blind copies: the same picture and sound, no word about the program, one size, one time."""

import zlib
from pathlib import Path

import av
import numpy as np
import pytest

from eval.compare.blind_copy import STEP, cached_blind_copies, write_blind_copies
from eval.compare.clip import is_playable
from eval.compare.sets import Sets
from lipsync.errors import MediaError
from lipsync.media import VideoWriter, WriterOptions, probe, read_audio, read_frames
from tests.compare.conftest import write_sound
from tests.media.clips import astronaut

SECRET = "made by Method Number Nine"
WORDS = (SECRET.encode(), b"Lavf", b"Lavc", b"x264")


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two videos of different sizes and frame rates, with tags and sound."""
    folder = tmp_path_factory.mktemp("tagged")
    sound = write_sound(folder / "sound.wav", 1.0, 0.3)
    made = []
    for number, (fps, crf) in enumerate([(25.0, 10), (24000 / 1001, 30)]):
        made.append(folder / f"{number}.mp4")
        options = WriterOptions(crf=crf, metadata={"comment": SECRET, "x-tool": SECRET})
        with VideoWriter(made[-1], 96, 96, fps, audio=sound, options=options) as writer:
            for frame in range(12):
                writer.write(np.roll(astronaut(96, 96), 3 * frame, axis=1))
    return made


def test_picture_and_sound_are_the_same_to_the_bit(videos: list[Path], tmp_path: Path) -> None:
    copies = {video: tmp_path / video.name for video in videos}
    write_blind_copies(copies)
    for video, copy in copies.items():
        before, after = ([frame.image for frame in read_frames(path)] for path in (video, copy))
        assert len(before) == 12
        assert np.array_equal(before, after)
        assert np.array_equal(read_audio(video), read_audio(copy))
        assert probe(video) == probe(copy)
        assert is_playable(copy)


def test_copies_have_one_size_one_time_and_no_word(videos: list[Path], tmp_path: Path) -> None:
    assert all(word in video.read_bytes() for word in WORDS for video in videos)
    copies = [tmp_path / video.name for video in videos]
    write_blind_copies(dict(zip(videos, copies, strict=True)))
    assert len({(copy.stat().st_size, copy.stat().st_mtime_ns) for copy in copies}) == 1
    assert copies[0].stat().st_size % STEP == 0
    for copy in copies:
        data = copy.read_bytes()
        padding = data[data.rindex(b"free") + 12 :]  # the last box; FFmpeg leaves one before the picture
        assert len(zlib.compress(padding)) > len(padding), "packed it would have its own size"
        assert 512 * copy.stat().st_blocks >= len(data), "a hole is read faster than a video"
        assert not any(word in copy.read_bytes() for word in WORDS)
        with av.open(str(copy)) as container:
            assert set(container.metadata) == {"major_brand", "minor_version", "compatible_brands"}
            names = [stream.metadata["handler_name"] for stream in container.streams]
        assert names == ["VideoHandler", "SoundHandler"]
    assert {copy.name for copy in tmp_path.iterdir()} == {"0.mp4", "1.mp4"}


def test_a_damaged_video_leaves_no_copy(videos: list[Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a video")
    with pytest.raises(MediaError, match=r"broken\.mp4"):
        write_blind_copies({videos[0]: tmp_path / "one.mp4", broken: tmp_path / "two.mp4"})
    assert [path.name for path in tmp_path.iterdir()] == ["broken.mp4"]


def test_copies_of_a_set_are_made_once_and_go_with_it(sets: Sets, made: str) -> None:
    set_ = sets.open(made)
    clips = [clip.path for clip in set_.items[0].clips.values()]
    copies = cached_blind_copies(set_, clips)
    assert set(copies) == set(clips)
    before = {copy: copy.stat().st_ino for copy in copies.values()}
    again = cached_blind_copies(set_, [*clips[::-1], clips[0].with_name("gone.mp4")])
    assert {copy: copy.stat().st_ino for copy in again.values()} == before
    sets.delete(made)
    assert not any(copy.exists() for copy in before)


def test_a_damaged_video_of_a_set_gives_no_copies_of_other_sizes(sets: Sets, made: str) -> None:
    set_ = sets.open(made)
    clips = [clip.path for clip in set_.items[0].clips.values()]
    clips[0].write_bytes(b"not a video")
    assert cached_blind_copies(set_, clips) == {}
