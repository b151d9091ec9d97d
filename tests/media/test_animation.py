"""Animated WebP, APNG and AVIF play with their own timing."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lipsync.errors import MediaError
from lipsync.media import loop_frames, probe, read_audio, read_frames
from tests.media.clips import card, number_of

LENGTHS = [40, 120, 80, 200, 40, 120]  # ms
FORMATS = {".webp": {"lossless": True}, ".png": {}, ".avif": {"quality": 100}}


def write_animation(path: Path, pictures: list[np.ndarray], lengths: list[int]) -> Path:
    first, *rest = (Image.fromarray(picture) for picture in pictures)
    options = FORMATS[path.suffix]
    first.save(path, save_all=True, append_images=rest, duration=lengths, loop=0, **options)
    return path


@pytest.mark.parametrize("ending", list(FORMATS))
def test_an_animation_plays_with_its_own_timing(tmp_path: Path, ending: str) -> None:
    path = write_animation(tmp_path / f"a{ending}", [card(k) for k in range(6)], LENGTHS)
    info = probe(path)
    assert (info.kind, info.width, info.height, info.has_audio) == ("video", 80, 64, False)
    assert info.duration == pytest.approx(0.6, abs=0.002)
    shown = [number_of(frame.image) for frame in read_frames(path, 50)]
    assert shown == [k for k, length in enumerate(LENGTHS) for _ in range(length // 20)]
    again = [number_of(frame.image) for frame in loop_frames(path, 50, 59)]
    assert again == shown + shown[-2::-1]


@pytest.mark.parametrize("ending", list(FORMATS))
def test_its_transparency_lies_over_white(tmp_path: Path, ending: str) -> None:
    rng = np.random.default_rng(0)
    pictures = [np.full((48, 65, 4), (*rng.integers(0, 255, 3), 255), np.uint8) for _ in range(3)]
    for picture in pictures:
        picture[:16, :, 3] = 0
        picture[16:32, :, 3] = 128
    path = write_animation(tmp_path / f"a{ending}", pictures, [40, 40, 40])
    for frame, picture in zip(read_frames(path, 25), pictures, strict=True):
        colour = picture[40, 30, :3].astype(float)
        for row, right in ((8, 255.0), (24, colour * 128 / 255 + 127), (40, colour)):
            np.testing.assert_allclose(frame.image[row, 30], right, atol=3)


def test_a_gif_plays_with_its_own_timing(tmp_path: Path) -> None:
    first, *rest = (Image.fromarray(card(k)) for k in range(6))
    first.save(tmp_path / "a.gif", append_images=rest, save_all=True, duration=LENGTHS, loop=0)
    shown = [number_of(frame.image) for frame in read_frames(tmp_path / "a.gif", 50)]
    assert shown == [k for k, length in enumerate(LENGTHS) for _ in range(length // 20)]


def test_a_file_that_changes_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    for numbers in ((1, 2), (3, 4, 5)):
        write_animation(path, [card(k) for k in numbers], [40] * len(numbers))
        assert [number_of(frame.image) for frame in read_frames(path)] == list(numbers)


def test_it_has_no_sound_and_a_broken_one_is_one_sentence(tmp_path: Path) -> None:
    path = write_animation(tmp_path / "a.webp", [card(k) for k in range(6)], LENGTHS)
    with pytest.raises(MediaError, match="no sound"):
        read_audio(path)
    noise = [np.random.default_rng(k).integers(0, 255, (64, 80, 3), np.uint8) for k in range(6)]
    for ending in FORMATS:
        whole = write_animation(tmp_path / f"b{ending}", noise, LENGTHS).read_bytes()
        (tmp_path / f"cut{ending}").write_bytes(whole[: len(whole) // 2])
        with pytest.raises(MediaError, match=f"cut{ending}"):
            probe(tmp_path / f"cut{ending}")
