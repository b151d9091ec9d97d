"""VideoWriter: plays everywhere, keeps colours and sound, leaves nothing half done."""

import errno
import os
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import soundfile
from skimage import data

from lipsync.assets import asset
from lipsync.errors import MediaError
from lipsync.media import (
    VideoWriter,
    WriterOptions,
    audio_duration,
    loop_frames,
    probe,
    read_audio,
    read_frames,
)
from lipsync.media.writer import check_output
from tests.media.clips import card, click, number_of, peak_time, write, write_clip


def test_stream_is_what_browsers_play(tmp_path: Path) -> None:
    sound = write_clip(tmp_path / "a.wav", sound=click(2, 1, 44100, 2), sound_codec="pcm_s16le")
    path = write(tmp_path / "a.mp4", [card(i) for i in range(50)], audio=sound)
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0].codec_context, container.streams.audio[0].codec_context
        assert (video.name, video.pix_fmt) == ("h264", "yuv420p")
        assert (video.colorspace, video.color_primaries, video.color_trc, video.color_range) == (1, 1, 1, 1)
        assert (audio.name, audio.sample_rate, audio.layout.name) == ("aac", 44100, "stereo")
        assert container.streams.video[0].start_time == container.streams.audio[0].start_time == 0
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # faststart
    assert [number_of(frame.image) for frame in read_frames(path)] == list(range(50))
    assert list(tmp_path.glob(".*")) == []


def test_round_trip_keeps_colours(tmp_path: Path) -> None:
    picture = cv2.resize(data.astronaut(), (1280, 720), interpolation=cv2.INTER_CUBIC)
    back = next(read_frames(write(tmp_path / "a.mp4", [picture] * 3, crf=8))).image
    difference = back.astype(int) - picture
    assert np.abs(difference).mean() < 1.5
    assert np.abs(difference.mean(axis=(0, 1))).max() < 0.3  # no shift of any channel
    _, theirs = cv2.VideoCapture(str(tmp_path / "a.mp4")).read()  # another reader of the same file
    assert np.abs(back[..., 1].astype(int) - theirs[..., 1]).mean() < 6


def test_round_trip_of_a_real_frame(shared: Path, tmp_path: Path) -> None:
    frames = [f.image for f in read_frames(shared / "data" / "originals" / "orig02.mp4", max_frames=5)]
    back = [f.image for f in read_frames(write(tmp_path / "a.mp4", frames))]
    difference = np.stack(back).astype(int) - np.stack(frames)
    assert np.abs(difference).mean() < 1.5
    assert abs(difference.mean()) < 0.3


def test_as_good_and_as_small_as_a_slower_preset_of_x264(tmp_path: Path) -> None:
    """`superfast` as it is would write larger files, `veryfast` would write them no better."""
    frames = [frame.image for frame in read_frames(asset("examples", "portrait.mp4"), max_frames=50)]
    size, noise = {}, {}
    for preset in (None, "superfast", "veryfast"):
        path = write(tmp_path / f"{preset}.mp4", frames, preset=preset)
        size[preset] = path.stat().st_size
        back = np.stack([frame.image for frame in read_frames(path)])
        noise[preset] = 10 * np.log10(np.square(back.astype(float) - np.stack(frames)).mean())
    assert noise[None] < noise["veryfast"] + 0.4  # dB
    assert size[None] < 1.05 * size["veryfast"]
    assert size["superfast"] > 1.3 * size["veryfast"]


def test_five_generations_neither_darken_nor_move_the_colours(tmp_path: Path) -> None:
    """PyAV's own defaults lose a grey level each time and shift the colours by half a pixel."""
    picture = cv2.GaussianBlur(
        cv2.resize(data.astronaut(), (256, 256), interpolation=cv2.INTER_AREA), (0, 0), 3
    )
    image = picture
    for generation in range(5):
        path = write(tmp_path / f"{generation}.mp4", [image], crf=0)
        image = next(read_frames(path)).image
    difference = image.astype(int) - picture
    assert np.abs(difference.mean(axis=(0, 1))).max() < 0.1
    assert np.abs(difference).mean() < 0.9


@pytest.mark.parametrize(("width", "height"), [(81, 64), (80, 63), (21, 19), (2, 2), (1, 1)])
def test_odd_sizes_repeat_the_edge(tmp_path: Path, width: int, height: int) -> None:
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, width // 2 :] = 200
    back = next(read_frames(write(tmp_path / "a.mp4", [picture] * 2, crf=5))).image
    assert back.shape == (height + height % 2, width + width % 2, 3)
    assert np.abs(back[:height, :width].astype(int) - picture).mean() < 6
    assert np.abs(back[-1, -1].astype(int) - picture[-1, -1]).max() < 8


@pytest.mark.parametrize("fps", [12.5, 15, 23.976023976, 25, 29.97, 30000 / 1001, 50, 59.94])
def test_rates(tmp_path: Path, fps: float) -> None:
    info = probe(write(tmp_path / "a.mp4", [card(i) for i in range(40)], fps))
    assert info.fps == pytest.approx(fps, rel=1e-5)
    assert (info.frames, info.variable_rate) == (40, False)


def write_sound(folder: Path, kind: str, seconds: float = 3.0, at: float = 1.0, channels: int = 2) -> Path:
    sound = click(seconds, at, 48000, channels)
    if kind == "video":
        pictures = [card(i) for i in range(75)]
        times = [0.2 + i / 25 for i in range(75)]  # the picture begins late: the sound must be moved
        sound = click(seconds + 0.2, at + 0.2, 48000)
        return write_clip(folder / "s.mp4", pictures, times=times, sound=sound, rate=48000)
    codec = {"wav": "pcm_s16le", "m4a": "aac", "mp3": "libmp3lame", "opus": "libopus"}[kind]
    return write_clip(folder / f"s.{kind}", sound=sound, rate=48000, sound_codec=codec)


@pytest.mark.parametrize("kind", ["wav", "m4a", "mp3", "opus", "video"])
@pytest.mark.parametrize("duration", [None, 1.503, 3.0])
def test_sound_keeps_its_place_and_length(tmp_path: Path, kind: str, duration: float | None) -> None:
    source = write_sound(tmp_path, kind)
    path = write(tmp_path / "a.mp4", [card(i) for i in range(50)], audio=source, duration=duration)
    assert peak_time(read_audio(path), 16000) == pytest.approx(1.0, abs=0.001)
    assert audio_duration(path) == pytest.approx(2.0 if duration is None else duration, abs=0.003)
    with av.open(str(path)) as container:
        assert container.streams.audio[0].rate == 48000


@pytest.mark.parametrize(("start", "sound_start"), [(0, 0), (0.4 - 1056 / 48000, 0.4)])
def test_aac_is_copied_bit_by_bit(tmp_path: Path, start: float, sound_start: float) -> None:
    """Also when picture and sound both begin late (a late track shows its 1024 + 32 samples of delay)."""
    pictures = [card(i) for i in range(50)]
    times = [start + i / 25 for i in range(50)]
    sound = click(2, 1, 48000, 2)
    source = write_clip(
        tmp_path / "s.mp4", pictures, times=times, sound=sound, rate=48000, sound_start=sound_start
    )
    path = write(tmp_path / "a.mp4", [card(i) for i in range(60)], audio=source)
    packets = []
    for file in (source, path):
        with av.open(str(file)) as container:
            packets.append([bytes(packet) for packet in container.demux(audio=0) if packet.size])
    assert packets[1] == packets[0]
    np.testing.assert_array_equal(read_audio(path, 48000), read_audio(source, 48000))


@pytest.mark.parametrize(
    ("rate", "channels", "kept"),
    [
        (8000, 1, (8000, 1)),
        (16000, 2, (16000, 2)),
        (44100, 6, (44100, 6)),
        (192000, 2, (96000, 2)),
        (37800, 1, (44100, 1)),
        (16000, 3, (16000, 1)),
    ],
)
def test_unusual_sound(tmp_path: Path, rate: int, channels: int, kept: tuple[int, int]) -> None:
    soundfile.write(tmp_path / "s.wav", click(2, 1, rate, channels).T, rate)
    path = write(tmp_path / "a.mp4", [card(i) for i in range(50)], audio=tmp_path / "s.wav")
    with av.open(str(path)) as container:
        audio = container.streams.audio[0]
        assert (audio.rate, audio.channels) == kept
    assert peak_time(read_audio(path), 16000) == pytest.approx(1.0, abs=0.002)


def test_quality_of_encoded_sound(tmp_path: Path) -> None:
    t = np.arange(48000 * 2) / 48000
    tone = 0.3 * np.sin(2 * np.pi * 1000 * t) + 0.2 * np.sin(2 * np.pi * 9000 * t)
    soundfile.write(tmp_path / "s.wav", np.stack([tone, tone], 1), 48000)
    path = write(tmp_path / "a.mp4", [card(i) for i in range(50)], audio=tmp_path / "s.wav")
    error = read_audio(path, 48000)[4800:-4800] - tone[4800 : len(t) - 4800]
    assert 10 * np.log10(np.mean(tone**2) / np.mean(error**2)) > 30


def test_flash_and_beep_stay_together(tmp_path: Path) -> None:
    """Reader to writer to reader, through a loop and another rate: at most one frame apart."""
    flash = [np.full((64, 64, 3), 255 if i == 40 else 20, np.uint8) for i in range(75)]
    sound = click(2.5, 40 / 25 + 0.02, 44100)  # the middle of the bright frame
    source = write_clip(tmp_path / "in.mkv", flash, sound=sound)
    path = tmp_path / "out.mp4"
    with VideoWriter(path, 64, 64, 30, audio=source) as writer:
        for frame in loop_frames(source, 30, 85):
            writer.write(frame.image)
    bright = [f.time for f in read_frames(path) if f.image.mean() > 127]
    beep = peak_time(read_audio(path), 16000)
    assert bright
    assert bright[0] - 1 / 30 <= beep <= bright[-1] + 2 / 30
    assert beep == pytest.approx(1.62, abs=0.002)


def test_metadata(tmp_path: Path) -> None:
    tags = {"title": "标题", "comment": "made by a machine"}
    for extra in ({}, {"lipsync_method": "wav2lip"}):
        path = write(tmp_path / "a.mp4", [card(1)], metadata=tags | extra)
        with av.open(str(path)) as container:
            assert container.metadata.items() >= (tags | extra).items()


def write_and_fail(path: Path, sound: Path) -> None:
    with VideoWriter(path, 80, 64, 25, audio=sound) as writer:
        for i in range(30):
            writer.write(card(i))
        raise RuntimeError("network")


def test_nothing_is_left_after_an_error(tmp_path: Path) -> None:
    old = tmp_path / "a.mp4"
    old.write_bytes(b"older result")
    sound = write_sound(tmp_path, "wav")
    with pytest.raises(RuntimeError, match="network"):
        write_and_fail(old, sound)
    assert sorted(tmp_path.iterdir()) == sorted([old, sound])
    assert old.read_bytes() == b"older result"

    with pytest.raises(MediaError, match="no frame"), VideoWriter(tmp_path / "b.mp4", 80, 64, 25):
        pass
    with pytest.raises(ValueError, match="80"), VideoWriter(tmp_path / "b.mp4", 80, 64, 25) as writer:
        writer.write(card(1)[:, :40])
    mute = write_clip(tmp_path / "mute.mp4", [card(1)])
    with pytest.raises(MediaError, match="no sound"):
        write(tmp_path / "b.mp4", [card(1)], audio=mute)
    assert sorted(tmp_path.iterdir()) == sorted([old, sound, mute])


def test_impossible_names(tmp_path: Path) -> None:
    for path in (tmp_path / "a.avi", tmp_path / "missing" / "a.mp4", tmp_path / "noending"):
        with pytest.raises(MediaError, match=path.name), VideoWriter(path, 80, 64, 25):
            pass


def test_names_with_spaces_and_chinese(tmp_path: Path) -> None:
    for name in ("my clip (1).mp4", "结果 视频.mp4", "a:b%d.mp4"):
        assert probe(write(tmp_path / name, [card(i) for i in range(3)])).frames == 3


@pytest.mark.parametrize("share", [0, 0.0001, 0.1, 0.5, 0.999])
def test_a_disk_that_fills_up_is_said_in_one_sentence(tmp_path: Path, share: float) -> None:
    """Wherever it happens: in the header, among the pictures, or when the index is moved to the front."""
    resource = pytest.importorskip("resource")
    sound = write_sound(tmp_path, "wav")
    noise = list(np.random.default_rng(0).integers(0, 255, (30, 256, 256, 3), dtype=np.uint8))
    whole = write(tmp_path / "a.mp4", noise, audio=sound)
    room = int(share * whole.stat().st_size)
    whole.unlink()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        with pytest.raises(MediaError) as caught:
            write(whole, noise, audio=sound)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(caught.value) == "a.mp4 cannot be written (File too large)."
    assert list(tmp_path.iterdir()) == [sound]


def test_a_folder_that_cannot_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(MediaError, match=r"^a\.mp4 cannot be written \(Read-only file system\)\.$"):
        check_output(tmp_path / "a.mp4")


def write_noise_to(device: Path, path: Path) -> None:
    noise = np.random.default_rng(0)
    with VideoWriter(path, 256, 256, 25, options=WriterOptions(crf=1)) as writer:
        writer._part.symlink_to(device)
        for _ in range(60):
            writer.write(noise.integers(0, 255, (256, 256, 3), dtype=np.uint8))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full to stand for a full disk")
def test_full_disk_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"a\.mp4 cannot be written"):
        write_noise_to(Path("/dev/full"), tmp_path / "a.mp4")
    assert list(tmp_path.iterdir()) == []
