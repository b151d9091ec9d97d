"""The sounds without a voice are what their protocol line says."""

import numpy as np
import pytest
import soundfile
from scipy.signal import welch

from eval.batch.silences import RATE, SECONDS, SILENCES, write_silences


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    files = write_silences(tmp_path_factory.mktemp("sounds"))
    return {name: soundfile.read(path) for name, path in files.items()}


def test_lengths_rates_and_levels_are_those_stated(sounds):
    assert [kind.name for kind in SILENCES] == list(sounds)
    for kind in SILENCES:
        samples, rate = sounds[kind.name]
        assert (rate, len(samples)) == (RATE, SECONDS * RATE)
        if kind.level is None:
            assert not samples.any()
        else:
            assert 10 * np.log10(np.mean(samples**2)) == pytest.approx(kind.level, abs=0.1)
            assert np.abs(samples).max() < 0.99, "clipped"


def test_room_noise_has_the_same_power_in_every_octave(sounds):
    frequency, density = welch(sounds["room noise"][0], RATE, nperseg=4096)
    octaves = [density[(frequency >= low) & (frequency < 2 * low)].sum() for low in 100 * 2 ** np.arange(6)]
    assert 10 * np.log10(max(octaves) / min(octaves)) < 2
    assert density[frequency < 40].sum() < 0.01 * octaves[0]


def test_music_has_the_tones_of_its_chords(sounds):
    samples = sounds["music"][0]
    for beat, tones in enumerate(((261.6, 329.6, 392.0), (220.0, 261.6, 329.6))):
        part = samples[beat * RATE // 2 : (beat + 1) * RATE // 2] * np.hanning(RATE // 2)
        power = np.abs(np.fft.rfft(part, 4 * RATE)) ** 2  # a bin is 0.25 Hz
        at = [power[round(4 * tone) - 8 : round(4 * tone) + 9].max() for tone in tones]
        between = power[4 * 295 : 4 * 305].max()  # D is in none of them
        assert min(at) > 20 * between


def test_the_same_sound_at_every_call_and_what_is_there_stays(tmp_path):
    first = {name: path.read_bytes() for name, path in write_silences(tmp_path / "a").items()}
    files = write_silences(tmp_path / "b")
    assert {name: path.read_bytes() for name, path in files.items()} == first
    made = {path: path.stat().st_mtime_ns for path in files.values()}
    write_silences(tmp_path / "b")
    assert {path: path.stat().st_mtime_ns for path in files.values()} == made
