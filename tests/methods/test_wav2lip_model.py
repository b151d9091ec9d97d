"""The generator against the published checkpoint's keys, and its ablations against each other."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from lipsync.audio.features import AudioFeatures
from lipsync.errors import ConfigError
from lipsync.methods import EMBEDDED, METHODS, load_method
from lipsync.methods.base import Batch
from lipsync.methods.mcsawav2lip.config import ABLATIONS, generator_config, sync_expert_config
from lipsync.methods.wav2lip.config import Wav2LipConfig
from lipsync.methods.wav2lip.infer import Wav2LipMethod
from lipsync.methods.wav2lip.model import Generator
from lipsync.methods.wav2lip.opening import Opening


def shapes(config) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        return {key: tuple(value.shape) for key, value in Generator(config).state_dict().items()}


def test_default_has_the_published_keys_and_shapes(published):
    assert shapes(Wav2LipConfig()) == published["generator"]
    assert shapes(generator_config("wav2lip")) == published["generator"]


CHANNEL = {
    f"{place}.0.{part}.{kind}"
    for place in ("audio_attention", "face_attention.1", "face_attention.4")
    for part in ("squeeze", "expand")
    for kind in ("weight", "bias")
}
SPATIAL = {
    f"{place}.0.conv.{kind}"
    for place in ("audio_attention", "face_attention.1", "face_attention.4")
    for kind in ("weight", "bias")
}
BOTH = CHANNEL | {key.replace(".0.conv", ".1.conv") for key in SPATIAL}


@pytest.mark.parametrize(
    ("name", "added", "rows"),
    [
        ("wav2lip", set(), 80),
        ("mfcc", set(), 39),
        ("m", set(), 119),
        ("ca", CHANNEL, 80),
        ("sa", SPATIAL, 80),
        ("csa", BOTH, 80),
        ("full", BOTH, 119),
        ("audio-channel", BOTH, 119),
    ],
)
def test_ablation_changes_exactly_its_keys(published, name, added, rows):
    config = generator_config(name)
    found = shapes(config)
    assert set(found) - set(published["generator"]) == added
    assert set(published["generator"]) <= set(found)
    resized = {key for key, shape in published["generator"].items() if found[key] != shape}
    # Only the kernel that covers what is left of the speech plane depends on the number of rows.
    wanted = {"audio_encoder.11.conv_block.0.weight"} if rows != 80 else set()
    # And only the first convolution of the identity encoder on how many channels the faces have.
    stem = "face_encoder_blocks.0.0.conv_block.0.weight"
    assert resized == wanted | ({stem} if name == "audio-channel" else set())
    assert found[stem][1] == (7 if name == "audio-channel" else 6)
    assert config.audio.rows == rows
    assert sync_expert_config(name).audio == config.audio


def test_table_2_is_complete_and_has_one_row_more():
    assert ABLATIONS.names() == ("wav2lip", "mfcc", "m", "ca", "sa", "csa", "full", "audio-channel")


def test_attention_sits_at_the_channels_that_the_paper_names():
    found = shapes(generator_config("full"))
    assert found["audio_attention.0.expand.weight"][0] == 256
    assert found["face_attention.1.0.expand.weight"][0] == 32
    assert found["face_attention.4.0.expand.weight"][0] == 256


def test_unknown_ablation_suggests_the_nearest_and_width_must_be_positive():
    with pytest.raises(ConfigError, match="csa"):
        generator_config("casa")
    with pytest.raises(ConfigError, match="width"):
        generator_config("full", width=0)


def test_width_scales_parameters_about_with_its_square():
    def count(width: float) -> int:
        return sum(torch.Size(s).numel() for s in shapes(generator_config("full", width)).values())

    assert 3.6 < count(1.0) / count(0.5) < 4.1
    assert shapes(generator_config("full", 0.25))["face_decoder_blocks.0.0.conv_block.0.weight"] == (
        128,
        128,
        1,
        1,
    )


@pytest.mark.parametrize("name", ["mfcc", "full", "audio-channel"])
@pytest.mark.parametrize("size", [96, 128])
def test_forward_draws_a_picture_of_the_crop_size(name, size):
    config = replace(generator_config(name, width=0.125), size=size)
    net = Generator(config).eval()
    with torch.no_grad():
        drawn = net(torch.randn(2, 1, config.audio.rows, 16), torch.rand(2, 6, size, size))
    assert drawn.shape == (2, 3, size, size)
    assert 0 <= float(drawn.min()) <= float(drawn.max()) <= 1


def test_speech_and_face_both_reach_the_picture():
    torch.manual_seed(0)
    # In training mode batch norm keeps every signal alive through random weights.
    net = Generator(generator_config("full", width=0.125)).train()
    speech, face = torch.randn(2, 1, 119, 16), torch.rand(2, 6, 96, 96)
    with torch.no_grad():
        drawn = net(speech, face)
        assert not torch.allclose(drawn, net(speech.flip(0), face), atol=1e-4)
        assert not torch.allclose(drawn, net(speech, face.flip(0)), atol=1e-4)


def test_saved_generator_comes_back_with_its_config(tmp_path):
    audio = AudioFeatures(kind="mel+mfcc", coefficients=12, start=-4)
    config = Wav2LipConfig(audio=audio, channel_attention=True, width=0.125, size=128)
    net = Generator(config)
    net.save_pretrained(tmp_path / "g")
    again = Generator.from_pretrained(str(tmp_path / "g"))
    assert again.config == config
    for key, value in net.state_dict().items():
        assert torch.equal(value, again.state_dict()[key]), key


def test_the_features_are_laid_over_the_faces_as_a_seventh_channel():
    rng = np.random.default_rng(0)
    speech = rng.uniform(-4, 4, (2, 1, 119, 16)).astype(np.float32)
    faces = torch.from_numpy(rng.random((2, 6, 96, 96), np.float32))
    with_it, without = (Generator(generator_config(name, 0.125)) for name in ("audio-channel", "full"))
    assert without.with_audio(faces, torch.from_numpy(speech)) is faces
    laid = with_it.with_audio(faces, torch.from_numpy(speech))
    assert torch.equal(laid[:, :6], faces)
    for found, window in zip(laid[:, 6].numpy(), speech[:, 0], strict=True):
        stretched = cv2.resize((window + 4) / 8, (96, 96), interpolation=cv2.INTER_LINEAR)
        np.testing.assert_allclose(found, stretched, atol=1e-5)


def test_a_core_with_the_audio_channel_is_saved_and_speaks(tmp_path):
    torch.manual_seed(0)
    Generator(generator_config("audio-channel", width=0.125)).save_pretrained(tmp_path)
    method = load_method(EMBEDDED, tmp_path)
    assert method.config.audio_channel
    # What the speech encoder says is taken away: only the seventh channel is left to tell the speech.
    method.net.encode_audio = lambda windows: torch.zeros(len(windows), 64, 1, 1)
    rng = np.random.default_rng(0)
    faces, reference = rng.integers(0, 255, (2, 1, 96, 96, 3), np.uint8)
    speech = method.encode_audio(rng.normal(0, 0.1, 16000).astype(np.float32))
    first, second = (
        method.synthesize(Batch(faces, np.array([time]), speech, reference)) for time in (0.2, 0.7)
    )
    assert (first != second).any()
    method.opening = Opening(torch.zeros(64), 0.1, torch.zeros(64), 0.0)
    opened = method.synthesize(Batch(faces, np.array([0.2]), speech, reference, mouth_opening=1.5))
    assert (opened == first).all()  # a direction of no length changes nothing


def test_what_is_hidden_of_the_frame_changes_nothing():
    torch.manual_seed(0)
    method = Wav2LipMethod(METHODS.get(EMBEDDED).card, Generator(Wav2LipConfig(width=0.1, visible=0.25)), "")
    rng = np.random.default_rng(0)
    faces, other = rng.integers(0, 255, (2, 1, 96, 96, 3), np.uint8)
    speech = method.encode_audio(rng.normal(0, 0.1, 16000).astype(np.float32))

    def draw(face: np.ndarray) -> np.ndarray:
        return method.synthesize(Batch(face, np.array([0.4]), speech, other))

    below, above = faces.copy(), faces.copy()
    below[:, 24:] = other[:, 24:]
    above[:, 23:24] = other[:, 23:24]
    assert (draw(below) == draw(faces)).all()
    assert (draw(above) != draw(faces)).any()
