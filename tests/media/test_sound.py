"""read_audio: the right sample at the right time, whatever the file."""

import tracemalloc
from pathlib import Path

import av
import librosa
import numpy as np
import pytest
import soundfile

from lipsync.errors import MediaError
from lipsync.media import audio_duration, read_audio, read_audio_blocks, read_frames
from lipsync.media.sound import sound_before_picture
from tests.media.clips import card, click, number_of, peak_time, write_clip

RATE = 16000


@pytest.mark.parametrize(
    ("name", "codec", "rate", "tolerance"),
    [
        ("a.wav", "pcm_s16le", 44100, 0.0001),
        ("b.wav", "pcm_f32le", 48000, 0.0001),
        ("c.wav", "pcm_u8", 22050, 0.0001),
        ("d.wav", "pcm_s32le", 8000, 0.0001),
        ("a.flac", "flac", 44100, 0.0001),
        ("a.m4a", "aac", 44100, 0.0005),
        ("b.m4a", "aac", 16000, 0.0005),
        ("a.mp3", "libmp3lame", 44100, 0.0005),
        ("a.opus", "libopus", 48000, 0.0005),
    ],
)
def test_click_in_sound_files(tmp_path: Path, name: str, codec: str, rate: int, tolerance: float) -> None:
    path = write_clip(tmp_path / name, sound=click(3, 1.5, rate, 2), rate=rate, sound_codec=codec)
    samples = read_audio(path, RATE)
    assert (samples.dtype, samples.ndim) == (np.float32, 1)
    assert len(samples) == pytest.approx(3 * RATE, abs=2)
    assert peak_time(samples, RATE) == pytest.approx(1.5, abs=tolerance)
    assert np.abs(samples).max() == pytest.approx(0.8, abs=0.08)


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "a.ts", "a.webm", "a.mpg"])
@pytest.mark.parametrize("picture_start", [0.0, 0.6])
@pytest.mark.parametrize("sound_start", [0.0, 0.4])
def test_click_in_videos_is_on_the_picture_clock(
    tmp_path: Path, name: str, picture_start: float, sound_start: float
) -> None:
    """Whichever track starts late, a click 2 s into the file is 2 s minus the picture's start into it."""
    codecs = {"a.webm": ("libvpx-vp9", "libopus"), "a.mpg": ("mpeg1video", "mp2")}
    picture, sound = codecs.get(name, ("libx264", "aac"))
    path = write_clip(
        tmp_path / name,
        [card(i) for i in range(75)],
        times=[picture_start + i / 25 for i in range(75)],
        codec=picture,
        sound=click(3, 2 - sound_start, 48000),
        rate=48000,
        sound_codec=sound,
        sound_start=sound_start,
    )
    # Matroska keeps milliseconds; MPEG-1 layer II has 481 samples of filter delay that the file hides.
    tolerance = 0.012 if name == "a.mpg" else 0.0015
    assert peak_time(read_audio(path, RATE), RATE) == pytest.approx(2 - picture_start, abs=tolerance)


def test_matches_librosa(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, (44100, 2)).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", noise, 44100, subtype="FLOAT")
    theirs, _ = librosa.load(tmp_path / "a.wav", sr=RATE, res_type="soxr_hq")
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav", RATE), theirs, atol=1e-5)


def test_dual_mono_keeps_its_level_and_loud_float_is_limited(tmp_path: Path) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    for channels in (1, 2, 3, 6):
        copies = np.repeat(0.5 * tone[:, None], channels, axis=1)
        soundfile.write(tmp_path / "a.wav", copies, 16000, subtype="FLOAT")
        np.testing.assert_allclose(read_audio(tmp_path / "a.wav", 16000), 0.5 * tone, atol=1e-4)
    soundfile.write(tmp_path / "loud.wav", 3 * tone, 16000, subtype="FLOAT")
    np.testing.assert_allclose(read_audio(tmp_path / "loud.wav", 16000), np.clip(3 * tone, -1, 1), atol=1e-4)


def test_samples_that_are_not_finite_become_silence(tmp_path: Path) -> None:
    tone = (0.5 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)).astype(np.float32)
    broken = tone.copy()
    broken[100:110] = np.nan
    broken[200], broken[300] = np.inf, -np.inf
    soundfile.write(tmp_path / "a.wav", broken, 16000, subtype="FLOAT")
    expected = np.where(np.isfinite(broken), tone, 0)
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav", 16000), expected, atol=1e-6)
    assert np.isfinite(read_audio(tmp_path / "a.wav", 22050)).all()


def test_silence_is_sound(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(8000), 16000)
    samples = read_audio(tmp_path / "a.wav")
    assert len(samples) == 8000
    assert not samples.any()


def test_no_sound(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "none.wav", np.zeros(0), 16000)
    mute = write_clip(tmp_path / "mute.mp4", [card(i) for i in range(5)])
    for path in (tmp_path / "none.wav", mute):
        for read in (read_audio, audio_duration, lambda p: next(read_audio_blocks(p))):
            with pytest.raises(MediaError, match=path.name):
                read(path)
    early = write_clip(
        tmp_path / "early.mkv",
        [card(i) for i in range(5)],
        times=[3 + i / 25 for i in range(5)],
        sound=click(1, 0.5, 48000),
        rate=48000,
    )
    with pytest.raises(MediaError, match="before its picture"):
        read_audio(early)


def test_lost_packets_leave_a_gap_and_no_shift(tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "a.mka", sound=click(3, 2, 48000), rate=48000, sound_codec="libopus")
    with av.open(str(whole)) as source, av.open(str(tmp_path / "b.mka"), "w") as target:
        track = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.size and not 0.5 < packet.pts * packet.time_base < 1.0:
                packet.stream = track
                target.mux(packet)
    samples = read_audio(tmp_path / "b.mka", RATE)
    assert peak_time(samples, RATE) == pytest.approx(2, abs=0.002)
    assert len(samples) == pytest.approx(3 * RATE, abs=RATE * 0.03)


def test_joined_transport_streams_go_on(tmp_path: Path) -> None:
    """Camcorders and recorders join files whose clocks and picture sizes start anew."""
    first = write_clip(tmp_path / "1.ts", [card(i) for i in range(50)], sound=click(2, 1, 48000), rate=48000)
    second = write_clip(
        tmp_path / "2.ts", [card(i, 160, 128) for i in range(50, 100)], sound=click(2, 1.5, 48000), rate=48000
    )
    path = tmp_path / "joined.ts"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    frames = list(read_frames(path))
    assert [number_of(frame.image) for frame in frames] == list(range(100))
    assert {frame.image.shape for frame in frames} == {(64, 80, 3)}
    samples = read_audio(path, RATE)
    assert peak_time(samples[: 2 * RATE], RATE) == pytest.approx(1.0, abs=0.002)
    assert peak_time(samples[2 * RATE :], RATE) == pytest.approx(1.5, abs=0.04)


def test_duration_and_blocks(tmp_path: Path) -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, (1, 44100 * 5 // 2)).astype(np.float32)
    path = write_clip(tmp_path / "a.flac", sound=sound, sound_codec="flac")
    assert audio_duration(path) == pytest.approx(2.5, abs=1e-6)
    blocks = list(read_audio_blocks(path, RATE, 0.7))
    assert [len(block) for block in blocks] == [11200, 11200, 11200, 6400]
    np.testing.assert_array_equal(np.concatenate(blocks), read_audio(path, RATE))


def test_real_clips(shared: Path) -> None:
    for clip in sorted((shared / "data" / "train").glob("*.mp4"))[:5]:
        with av.open(str(clip)) as container:
            seconds = container.duration / av.time_base
        assert audio_duration(clip) == pytest.approx(seconds, abs=0.001)
    opus = read_audio(shared / "data" / "originals" / "orig10.webm")
    assert len(opus) / RATE == pytest.approx(11.07, abs=0.02)
    assert 0.3 < np.abs(opus).max() <= 1


def test_channels_out_of_phase_are_not_silent(tmp_path: Path) -> None:
    """The loudest channel is heard where the mean has died; any other stereo keeps its mean."""
    rng = np.random.default_rng(1)
    voice = (0.2 * rng.standard_normal(2 * RATE)).clip(-1, 1).astype(np.float32)
    voice[: RATE // 2] = 0
    for name, right, heard in (
        ("opposite", -voice, voice),
        ("nearly", -0.97 * voice, voice),
        ("louder", -1.1 * voice, -1.1 * voice),
        ("one_side", 0 * voice, voice / 2),
        ("weaker", -0.5 * voice, voice / 4),
    ):
        path = tmp_path / f"{name}.wav"
        soundfile.write(path, np.stack([voice, right], 1), RATE, "FLOAT")
        expected = np.clip(heard, -1, 1)
        np.testing.assert_allclose(read_audio(path, RATE), expected, atol=1e-6)
        np.testing.assert_array_equal(
            np.concatenate(list(read_audio_blocks(path, RATE, 0.3))), read_audio(path)
        )


def test_sound_before_the_picture_is_measured(tmp_path: Path) -> None:
    for start in (0.0, 0.6):
        times = [start + k / 25 for k in range(25)]
        sound = click(1.5, 1, 48000)
        path = write_clip(
            tmp_path / "a.mp4", [card(k) for k in range(25)], times=times, sound=sound, rate=48000
        )
        assert sound_before_picture(path) == pytest.approx(start, abs=0.001)
    soundfile.write(tmp_path / "a.wav", sound[0], 48000)
    assert sound_before_picture(tmp_path / "a.wav") == 0


def test_long_sound_is_not_held_twice(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(600 * RATE, np.int16), RATE)
    tracemalloc.start()
    try:
        samples = read_audio(tmp_path / "a.wav", RATE)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert samples.nbytes == 4 * 600 * RATE
    assert peak < 1.3 * samples.nbytes
