"""Speech encoders: what they give, where in time, and what they remember."""

from __future__ import annotations

import importlib.util
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest

from lipsync.audio.encoders import ENCODERS, Cached, load_encoder
from lipsync.audio.encoders.mel_encoder import MelEncoder
from lipsync.audio.encoders.whisper import WhisperEncoder, log_mel
from lipsync.audio.selector import select
from lipsync.errors import ConfigError
from lipsync.weights import hub

RATE = 16_000


def here(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


@pytest.fixture(scope="module")
def whisper() -> WhisperEncoder:
    """Whisper tiny.en with its real weights, where they are on this machine."""
    if not here("ctranslate2"):
        pytest.skip("needs ctranslate2")
    if any(hub.locate(f"whisper_tiny_en{part}") is None for part in ("", "_config", "_vocabulary")):
        pytest.skip("needs Whisper tiny.en: python -m lipsync weights --fetch whisper_tiny_en "
                    "whisper_tiny_en_config whisper_tiny_en_vocabulary")  # fmt: skip
    return load_encoder("whisper-tiny.en", cache=False)  # type: ignore[return-value]


def tiny(kind: str):
    """A real class of transformers, randomly initialised, with the published convolutions but small."""
    if not here("transformers"):
        pytest.skip("needs transformers")
    import torch

    from lipsync.compat import ensure_torchvision

    ensure_torchvision()
    import transformers

    small = {
        "hidden_size": 24,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "conv_dim": (16,) * 7,
        "num_conv_pos_embeddings": 16,
        "num_conv_pos_embedding_groups": 4,
    }
    torch.manual_seed(0)
    config, net = {
        "hubert": (transformers.HubertConfig, transformers.HubertModel),
        "wav2vec2": (transformers.Wav2Vec2Config, transformers.Wav2Vec2Model),
    }[kind]
    return net(config(**small))


def click(at: float, seconds: float = 3.0) -> np.ndarray:
    """Silence with one click of 2 ms."""
    samples = np.random.default_rng(0).normal(0, 1e-4, int(seconds * RATE)).astype(np.float32)
    samples[round(at * RATE) : round(at * RATE) + 32] += 0.8
    return samples


def loudest(encoder, at: float) -> float:
    """Second at which a click shows most: where the vectors differ most from those of silence."""
    quiet, heard = encoder.encode(click(9.9)), encoder.encode(click(at))  # the first has none
    return float(np.argmax(np.linalg.norm(heard - quiet, axis=1)) / encoder.rate)


@pytest.mark.parametrize("at", [0.52, 1.3, 2.24])
def test_a_click_lands_in_the_window_of_its_frame_with_mel(at):
    encoder = MelEncoder()
    assert abs(loudest(encoder, at) - at) <= 0.025
    lands_in_its_window(encoder, at, lookahead=0.2)


@pytest.mark.parametrize("at", [0.52, 1.3, 2.24])
def test_a_click_lands_in_the_window_of_its_frame_with_whisper(whisper, at):
    assert abs(loudest(whisper, at) - at) <= 0.08
    lands_in_its_window(whisper, at, lookahead=0.2)


def lands_in_its_window(encoder, at: float, lookahead: float) -> None:
    """Of all frames' windows the one at the click differs most from silence, up to the window's own width."""
    times = np.arange(0, 3, 0.04)
    heard, quiet = (select(encoder.encode(s), encoder.rate, times) for s in (click(at), click(9.9)))
    change = np.linalg.norm(heard - quiet, axis=(1, 2))
    frame = int(at * 25)  # the frame on screen at that time
    assert change[frame] > 0.5 * change.max()
    assert abs(times[np.argmax(change)] - at) <= lookahead


@pytest.mark.parametrize("seconds", [0.3, 2.0, 5.0])
def test_every_encoder_counts_its_vectors_alike(whisper, seconds):
    samples = np.random.default_rng(0).normal(0, 0.1, int(seconds * RATE)).astype(np.float32)
    for encoder in (MelEncoder(), whisper):
        found = encoder.encode(samples)
        assert found.shape == (1 + int(seconds * encoder.rate + 1e-9), encoder.dimension)
        assert found.dtype == np.float32
        assert np.isfinite(found).all()


def test_whisper_hears_the_spectrogram_that_it_was_trained_on(speech):
    if not here("faster_whisper"):
        pytest.skip("needs faster-whisper, whose spectrogram is compared")
    from faster_whisper.feature_extractor import FeatureExtractor

    part = speech[:32000]
    theirs = FeatureExtractor()(part, padding=0)[:, :200]
    found = log_mel(part)
    assert found.shape == (80, 200)
    np.testing.assert_allclose(found, theirs, atol=2e-3)


def test_long_speech_has_no_seams_and_does_not_care_when_it_was_said(whisper, speech):
    long = np.tile(speech, 5)[: 33 * RATE]  # longer than the 30 s that Whisper can hear at once
    found = whisper.encode(long)
    assert len(found) == 33 * 50 + 1
    period = len(speech) / RATE * 50
    assert period == int(period)
    a, b = found[100:300], found[100 + 3 * int(period) : 300 + 3 * int(period)]
    mean = found.mean(0)
    cosine = (
        ((a - mean) * (b - mean)).sum(1) / np.linalg.norm(a - mean, axis=1) / np.linalg.norm(b - mean, axis=1)
    )
    assert np.median(cosine) > 0.98
    steps = np.linalg.norm(np.diff(found, axis=0), axis=1)
    at_cuts = steps[np.arange(24, len(steps), 25)]  # where chunks begin, every 0.5 s
    assert at_cuts.mean() < 1.1 * steps.mean()


@pytest.mark.parametrize("kind", ["hubert", "wav2vec2"])
def test_waveform_models_are_centred_on_their_seconds(kind, tmp_path):
    net = tiny(kind)
    from lipsync.audio.encoders.overlap import Overlap
    from lipsync.audio.encoders.waveform import WaveformEncoder

    encoder = WaveformEncoder(f"{kind}-base", net, Overlap(1.0, 0.5))
    samples = np.random.default_rng(0).normal(0, 0.1, 30000).astype(np.float32)
    found = encoder.encode(samples)
    assert found.shape == (1 + 30000 // 320, 24)
    # Vector k's convolutions see samples 320 k - 200 to 320 k + 199 and no others.
    chunk = samples[:16000]
    changed = chunk.copy()
    changed[320 * 20 - 200 : 320 * 20 + 200] = 0

    def convolved(x):
        import torch

        scaled = torch.from_numpy(np.pad(x, 200)[None])
        layers = net.feature_extractor.conv_layers
        scaled = scaled[:, None]
        # The first layer's group norm looks at all of the sound: only the rest is local.
        for layer in layers:
            scaled = layer.conv(scaled)
        return scaled[0].T.detach().numpy()

    difference = np.abs(convolved(chunk) - convolved(changed)).max(1)
    assert np.argmax(difference) == 20
    assert set(np.flatnonzero(difference > 1e-7)) <= {19, 20, 21}


def test_a_local_folder_of_a_real_class_loads(tmp_path):
    net = tiny("hubert")
    net.save_pretrained(tmp_path / "hubert")
    encoder = load_encoder("hubert-base", tmp_path / "hubert", cache=False)
    samples = np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32)
    from lipsync.audio.encoders.waveform import WaveformEncoder

    same = WaveformEncoder("hubert-base", net)
    np.testing.assert_allclose(encoder.encode(samples), same.encode(samples), atol=1e-5)
    assert encoder.version == same.version


class Counting:
    name, version, dimension, rate, lookahead = "counting", "1", 2, 10.0, 0.0

    def __init__(self):
        self.heard = 0

    def encode(self, samples):
        self.heard += 1
        return np.full((1 + len(samples) * 10 // RATE, 2), samples.sum(), np.float32)


def test_the_same_sound_is_heard_once(tmp_path):
    encoder = Counting()
    cached = Cached(encoder, tmp_path)
    one, two = np.ones(1600, np.float32), np.zeros(1600, np.float32)
    first = cached.encode(one)
    np.testing.assert_array_equal(cached.encode(one.copy()), first)
    assert encoder.heard == 1
    cached.encode(two)
    assert encoder.heard == 2
    encoder.version = "2"
    Cached(encoder, tmp_path).encode(one)
    assert encoder.heard == 3, "another version hears for itself"
    next(iter(tmp_path.glob("*.npy"))).write_bytes(b"damaged")
    for sound in (one, two):
        assert len(cached.encode(sound)) == 2
    assert encoder.heard <= 4


def test_a_file_is_known_by_its_content(tmp_path):
    import shutil

    import soundfile

    sound = np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", sound, RATE)
    shutil.copy(tmp_path / "a.wav", tmp_path / "b.wav")
    encoder = Counting()
    cached = Cached(encoder, tmp_path / "cache")
    first = cached.encode_file(tmp_path / "a.wav")
    np.testing.assert_array_equal(cached.encode_file(tmp_path / "b.wav"), first)
    assert encoder.heard == 1
    soundfile.write(tmp_path / "b.wav", -sound, RATE)
    # 16 bits round each of the 16,000 samples by up to half a step.
    assert cached.encode_file(tmp_path / "b.wav")[0, 0] == pytest.approx(-first[0, 0], abs=1)


def test_the_cache_keeps_to_its_size_and_drops_what_was_used_longest_ago(tmp_path):
    import os

    encoder = Counting()
    size = 128 + 2 * 2 * 4  # header and two vectors
    cached = Cached(encoder, tmp_path, limit=3 * size)
    sounds = [np.full(1600, k, np.float32) for k in range(4)]
    for sound in sounds[:3]:
        cached.encode(sound)
        for path in tmp_path.glob("*.npy"):
            stat = path.stat()
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns - 10**9))  # a second goes by
    cached.encode(sounds[0])  # used again
    cached.encode(sounds[3])
    assert len(list(tmp_path.glob("*.npy"))) == 3
    before = encoder.heard
    cached.encode(sounds[0])
    assert encoder.heard == before
    cached.encode(sounds[1])
    assert encoder.heard == before + 1
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize(
    ("name", "package"), [("whisper-base", "ctranslate2"), ("hubert-base", "transformers")]
)
def test_a_missing_package_is_named(name, package, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError, match=f"needs the package {package}"):
        load_encoder(name, tmp_path)


def test_whisper_is_in_memory_only_while_it_encodes(whisper, monkeypatch):
    """Its weights take 150 MB, and a job encodes once."""
    engine, models = importlib.import_module("ctranslate2"), []

    class Watched(engine.models.Whisper):  # type: ignore[misc,name-defined]
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            models.append(weakref.ref(self))

    monkeypatch.setattr(engine.models, "Whisper", Watched)
    encoder = load_encoder("whisper-tiny.en", cache=False)
    assert encoder.encode(np.zeros(RATE, np.float32)).shape == (51, encoder.dimension)
    assert models
    assert all(model() is None for model in models)


def test_unknown_names_and_wrong_folders_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="Did you mean 'whisper-base'"):
        load_encoder("whisper-bas")
    with pytest.raises(ConfigError, match="has no weights"):
        load_encoder("mel", Path("x"))
    if here("ctranslate2"):
        (tmp_path / "config.json").write_text("{}")
        with pytest.raises(ConfigError, match="holds no Whisper model"):
            load_encoder("whisper-base", tmp_path)


def test_the_menu_of_encoders_imports_none_of_them():
    assert ENCODERS.names()[0] == "mel"
    assert "whisper-base" in ENCODERS
