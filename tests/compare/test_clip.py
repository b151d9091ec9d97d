"""Videos are taken in once: what browsers play is kept bit by bit, the rest is made playable."""

import av
import numpy as np
import pytest

import eval.compare.clip
from eval.compare.clip import is_playable, take_in
from lipsync.checksum import file_sha256
from lipsync.errors import MediaError
from lipsync.media import read_audio, read_frames
from tests.media.clips import card, click, number_of, peak_time, write_clip

NUMBERS = list(range(300, 320))
CARDS = [card(number) for number in NUMBERS]


def numbers(path) -> list[int]:
    return [number_of(frame.image) for frame in read_frames(path)]


def test_what_browsers_play_is_not_touched(video, tmp_path):
    source = video("x", 300, sound=True)
    clip = take_in(source, tmp_path)
    assert clip.path.read_bytes() == source.read_bytes()
    assert (clip.converted, clip.source, clip.sha256) == (False, clip.path, file_sha256(source))
    assert (clip.fps, clip.width, clip.height, clip.audio) == (25, 80, 64, True)
    assert clip.seconds == pytest.approx(0.8, abs=0.001)
    assert source.stem not in clip.path.name


@pytest.mark.parametrize(("name", "options"), [
    ("a.mpg", {"codec": "mpeg1video"}),
    ("a.webm", {"codec": "libvpx-vp9", "options": {"crf": "10", "cpu-used": "8"}}),
    ("a.avi", {"codec": "mpeg4", "options": {"q": "2"}}),
    ("a.mov", {"codec": "libx264", "pix_fmt": "yuv444p"}),
])  # fmt: skip
def test_what_browsers_do_not_play_is_encoded_once_and_the_original_kept(tmp_path, name, options):
    source = write_clip(tmp_path / name, CARDS, **options)
    assert not is_playable(source)
    (tmp_path / "out").mkdir()
    clip = take_in(source, tmp_path / "out")
    assert is_playable(clip.path)
    assert numbers(clip.path) == NUMBERS
    assert clip.converted
    assert clip.source != clip.path
    assert clip.source.read_bytes() == source.read_bytes()
    assert clip.sha256 == file_sha256(source)
    assert (clip.width, clip.height) == (80, 64)


def test_a_wrong_container_alone_is_repacked_without_touching_the_pixels(tmp_path):
    source = write_clip(tmp_path / "a.mkv", CARDS, sound=click(0.8, 0.3, 44100), options={"bf": "2"})
    clip = take_in(source, tmp_path)
    assert is_playable(clip.path)
    assert (clip.converted, clip.source) == (True, clip.path)
    before, after = ([frame.image for frame in read_frames(path)] for path in (source, clip.path))
    assert np.array_equal(before, after)
    sounds = [peak_time(read_audio(path), 16000) for path in (source, clip.path)]
    assert sounds[0] == pytest.approx(sounds[1], abs=0.002)


def test_an_index_at_the_end_is_moved_to_the_front(tmp_path):
    source = write_clip(tmp_path / "late.mp4", CARDS)
    data = source.read_bytes()
    assert data.index(b"mdat") < data.index(b"moov")
    clip = take_in(source, tmp_path)
    data = clip.path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    assert numbers(clip.path) == NUMBERS


def test_a_turned_video_stands_upright_in_the_file_itself(tmp_path):
    source = write_clip(tmp_path / "turned.mp4", CARDS, rotation=(90, False, False))
    clip = take_in(source, tmp_path)
    assert (clip.width, clip.height) == (64, 80)
    with av.open(str(clip.path)) as container:
        frame = next(container.decode(video=0))
        assert (frame.width, frame.height) == (64, 80)
        assert "DISPLAYMATRIX" not in frame.side_data
    for ours, theirs in zip(read_frames(clip.path), read_frames(source), strict=True):
        assert np.abs(ours.image.astype(int) - theirs.image).mean() < 4


def test_a_first_frame_after_time_zero_is_moved_there(tmp_path):
    source = write_clip(tmp_path / "late.mkv", CARDS, times=[0.5 + i / 25 for i in range(20)])
    clip = take_in(source, tmp_path)
    assert numbers(clip.path) == NUMBERS
    with av.open(str(clip.path)) as container:
        assert next(container.decode(video=0)).time == pytest.approx(0, abs=0.001)


def test_uneven_times_are_kept(tmp_path):
    times = [i / 25 if i < 10 else 0.4 + (i - 10) / 12.5 for i in range(20)]
    source = write_clip(tmp_path / "uneven.webm", CARDS, times=times, codec="libvpx-vp9")
    clip = take_in(source, tmp_path)
    shown = {round(frame.time, 3): number_of(frame.image) for frame in read_frames(clip.path)}
    for time, number in shown.items():
        if time < 1.1:
            nearest = min(range(20), key=lambda i: abs(times[i] - time))
            assert abs(number - NUMBERS[nearest]) <= 1, time


@pytest.mark.parametrize("name", ["notes.mp4", "portrait.jpg", "english.wav"])
def test_what_is_no_video_is_refused_and_leaves_nothing(tmp_path, name):
    from tests.test_examples import EXAMPLES

    source = tmp_path / name
    source.write_bytes(b"not a video" if name == "notes.mp4" else (EXAMPLES / name).read_bytes())
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(MediaError) as caught:
        take_in(source, out)
    assert name in str(caught.value)
    assert not list(out.iterdir())


def test_a_conversion_that_stops_leaves_nothing(tmp_path, monkeypatch):
    source = write_clip(tmp_path / "a.avi", CARDS, codec="mpeg4")
    out = tmp_path / "out"
    out.mkdir()

    def stops(path):
        yield from list(read_frames(path))[:5]
        raise KeyboardInterrupt

    monkeypatch.setattr(eval.compare.clip, "read_frames", stops)
    with pytest.raises(KeyboardInterrupt):
        take_in(source, out)
    assert not list(out.iterdir())


def test_real_uploads_become_playable(shared, tmp_path):
    folder = shared / "data" / "originals"
    for name in ("orig07.mpg", "orig08.mp4"):
        clip = take_in(folder / name, tmp_path)
        assert is_playable(clip.path)
        assert clip.sha256 == file_sha256(folder / name)
