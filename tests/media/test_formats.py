"""What a video is written as, measured against the frames that were written."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data
from skimage.metrics import peak_signal_noise_ratio as psnr

from lipsync.errors import MediaError
from lipsync.media import audio_duration, probe, read_audio, read_frames
from lipsync.media.output.formats import FORMATS, GIF, QUALITIES
from tests.media.clips import card, click, number_of, peak_time, write, write_clip

COMMENT = "AI-generated: 由机器生成 " + "and so on " * 60  # longer than a block of a GIF's comment
INSIDE = {
    ".mp4": ("mov,mp4,m4a,3gp,3g2,mj2", "h264", "aac"),
    ".m4v": ("mov,mp4,m4a,3gp,3g2,mj2", "h264", "aac"),
    ".mov": ("mov,mp4,m4a,3gp,3g2,mj2", "h264", "aac"),
    ".webm": ("matroska,webm", "vp9", "opus"),
    ".gif": ("gif", "gif", None),
}


@pytest.mark.parametrize("ending", FORMATS)
def test_every_format_holds_what_was_written(tmp_path: Path, ending: str) -> None:
    container, picture, sound = INSIDE[ending]
    voice = write_clip(tmp_path / "a.wav", sound=click(3, 1, 44100, 2), sound_codec="pcm_s16le")
    images = [card(i) for i in range(50)]
    path = write(tmp_path / f"a{ending}", images, audio=voice, duration=2.0, metadata={"comment": COMMENT})
    with av.open(str(path)) as file:
        assert (file.format.name, file.streams.video[0].codec_context.name) == (container, picture)
        assert [stream.codec_context.name for stream in file.streams.audio] == ([sound] if sound else [])
        assert {key.lower(): value for key, value in file.metadata.items()}["comment"] == COMMENT
        if picture != "gif":
            context = file.streams.video[0].codec_context
            assert (context.pix_fmt, context.colorspace, context.color_range) == ("yuv420p", 1, 1)
    info = probe(path)
    assert (info.frames, info.fps, info.variable_rate) == (50, pytest.approx(25), False)
    assert info.duration == pytest.approx(2.0, abs=0.001)
    assert [number_of(frame.image) for frame in read_frames(path)] == list(range(50))
    if sound:
        assert peak_time(read_audio(path), 16000) == pytest.approx(1.0, abs=0.001)
        assert audio_duration(path) == pytest.approx(2.0, abs=0.003)
    assert sorted(tmp_path.iterdir()) == sorted([path, tmp_path / "a.wav"])


@pytest.mark.parametrize(("rate", "channels"), [(16000, 1), (96000, 2), (44100, 6)])
def test_any_sound_goes_into_a_webm(tmp_path: Path, rate: int, channels: int) -> None:
    voice = write_clip(
        tmp_path / "a.wav", sound=click(2, 1, rate, channels), rate=rate, sound_codec="pcm_s16le"
    )
    path = write(tmp_path / "a.webm", [card(i) for i in range(50)], audio=voice)
    with av.open(str(path)) as file:
        assert file.streams.audio[0].channels == channels
    assert peak_time(read_audio(path), 16000) == pytest.approx(1.0, abs=0.002)


@pytest.mark.parametrize(
    ("ending", "least"),
    [(".mp4", (40.8, 38, 35)), (".webm", (42, 39, 35.5)), (".gif", (34.5, 33, 31))],
)
def test_quality_costs_room(shared: Path, tmp_path: Path, ending: str, least: tuple[float, ...]) -> None:
    """Decibels against the frames that were written, of a real video; and each step is a smaller file."""
    source = shared / "data" / "originals" / "orig02.mp4"
    images = [np.ascontiguousarray(f.image[180:540, 320:960]) for f in read_frames(source, max_frames=12)]
    sizes, measured = [], []
    for quality in QUALITIES:
        path = write(tmp_path / f"{quality}{ending}", images, quality=quality)
        sizes.append(path.stat().st_size)
        back = np.stack([frame.image for frame in read_frames(path)])
        measured.append(psnr(np.stack(images), back))
    assert all(got >= wanted for got, wanted in zip(measured, least, strict=True)), measured
    assert sizes[0] > 1.15 * sizes[1] > 1.3 * sizes[2], sizes
    assert measured[0] > measured[1] + 1 > measured[2] + 2, measured


def test_the_default_is_the_best(tmp_path: Path) -> None:
    images = [cv2.resize(data.astronaut(), (128, 128))] * 3
    default, best = write(tmp_path / "a.mp4", images), write(tmp_path / "b.mp4", images, quality="high")
    assert default.read_bytes() == best.read_bytes()
    assert write(tmp_path / "c.mp4", images, crf=18).read_bytes() == best.read_bytes()


def test_a_gif_plays_in_time_for_ever_with_one_palette(tmp_path: Path) -> None:
    """30 frames a second are no whole hundredths: they must not add up."""
    images = [np.roll(cv2.resize(data.astronaut(), (96, 96)), i, axis=1) for i in range(30)]
    for quality, colours in zip(QUALITIES, (256, 128, 64), strict=True):
        path = write(
            tmp_path / f"{quality}.gif", images, fps=30, quality=quality, metadata={"comment": COMMENT}
        )
        with Image.open(path) as gif:
            assert (gif.n_frames, gif.size, gif.info["loop"]) == (30, (96, 96), 0)  # type: ignore[attr-defined]
            assert gif.info["comment"].decode() == COMMENT
            lasts, used = [], set()
            for k in range(30):
                gif.seek(k)
                lasts.append(gif.info["duration"])
                used |= set(map(tuple, np.asarray(gif.convert("RGB")).reshape(-1, 3).tolist()))
        assert sum(lasts) == 1000
        assert set(lasts) == {30, 40}
        assert colours // 2 < len(used) <= colours


def test_rates_that_a_gif_cannot_show() -> None:
    assert [GIF.rate(fps) for fps in (12.5, 25, 50, 60, 120)] == [12.5, 25, 50, 30, 40]
    assert FORMATS[".webm"].rate(60) == 60


def test_writing_a_webm_again_and_again_neither_darkens_nor_moves_the_colours(tmp_path: Path) -> None:
    picture = cv2.GaussianBlur(
        cv2.resize(data.astronaut(), (256, 256), interpolation=cv2.INTER_AREA), (0, 0), 3
    )
    image = picture
    for generation in range(5):
        image = next(read_frames(write(tmp_path / f"{generation}.webm", [image], crf=2)))[0]
    difference = image.astype(int) - picture
    assert np.abs(difference.mean(axis=(0, 1))).max() < 0.1
    assert np.abs(difference).mean() < 0.9


@pytest.mark.parametrize("share", [0.0001, 0.5, 0.999])
@pytest.mark.parametrize("ending", [".webm", ".gif"])
def test_a_disk_that_fills_up_is_said_in_one_sentence(tmp_path: Path, ending: str, share: float) -> None:
    resource = pytest.importorskip("resource")
    noise = list(np.random.default_rng(0).integers(0, 255, (15, 128, 128, 3), dtype=np.uint8))
    whole = write(tmp_path / f"a{ending}", noise)
    room = int(share * whole.stat().st_size)
    whole.unlink()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        with pytest.raises(MediaError) as caught:
            write(whole, noise)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(caught.value) == f"a{ending} cannot be written (File too large)."
    assert list(tmp_path.iterdir()) == []
