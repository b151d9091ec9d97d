"""What a generator's training may add to the paper: a core to start from, other people's speech, LPIPS."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lipsync.errors import ConfigError
from lipsync.experts.frozen import mouth_input, mouth_square
from lipsync.methods.wav2lip.config import Wav2LipConfig
from lipsync.methods.wav2lip.model import Generator
from lipsync.methods.wav2lip.train import GeneratorConfig, GeneratorStage
from lipsync.training.loop import RunConfig, Update
from lipsync.weights import hub
from tests.training.toy import toy_clip

MODEL = Wav2LipConfig(channel_attention=True, spatial_attention=True, width=0.03)
BASE = GeneratorConfig(model=MODEL, windows=4, frames=1, sync_weight=0.0, gan_weight=0.0)


@pytest.fixture(scope="module")
def clips():
    return [toy_clip(f"c{i}", seed=i, frames=60) for i in range(3)]


def stage_of(clips, **changes) -> GeneratorStage:
    torch.manual_seed(1)
    return GeneratorStage(replace(BASE, **changes), clips, clips[:1])


def first_values(stage: GeneratorStage, batch: dict[str, torch.Tensor]) -> dict[str, float]:
    return stage.step(batch, Update(RunConfig(device="cpu"), torch.device("cpu")), 0.0)


def test_starts_from_what_fits_of_a_smaller_picture(clips, tmp_path):
    torch.manual_seed(7)
    small = Generator(MODEL)
    small.save_pretrained(tmp_path)
    large = stage_of(clips, model=replace(MODEL, size=128), start=str(tmp_path)).net
    given, taken = small.state_dict(), large.state_dict()
    other = {key for key in given if given[key].shape != taken[key].shape}
    # Only the two layers around the 1 x 1 bottleneck depend on the size of the picture.
    assert other == {
        "face_encoder_blocks.6.0.conv_block.0.weight",
        "face_decoder_blocks.1.0.conv_block.0.weight",
    }
    assert all(torch.equal(given[key], taken[key]) for key in given.keys() - other)


def test_the_audio_channel_learns(clips):
    stage = stage_of(clips, model=replace(MODEL, audio_channel=True))
    stem = stage.net.face_encoder_blocks[0][0].conv_block[0].weight
    before = stem.detach().clone()
    first_values(stage, stage.batch(np.random.default_rng(3)))
    assert stem.shape[1] == 7
    assert (stem[:, 6] != before[:, 6]).all(dim=(1, 2)).any()


def test_a_missing_start_is_named(clips, tmp_path):
    with pytest.raises(ConfigError, match=r"no generator in .* to start from"):
        stage_of(clips, start=str(tmp_path))


def test_swapped_windows_hear_the_next_and_keep_their_picture(clips):
    plain = stage_of(clips).batch(np.random.default_rng(3))
    mismatched = stage_of(clips, mismatched_audio_fraction=0.5).batch(np.random.default_rng(3))
    for name in ("speech", "shape"):
        assert torch.equal(mismatched[name][:2], plain[name][1:3])
        assert torch.equal(mismatched[name][2:], plain[name][2:])
        assert not torch.equal(plain[name][0], plain[name][1])
    assert torch.equal(mismatched["frames"], plain["frames"])


@pytest.mark.parametrize(("share", "matters"), [(0.0, True), (0.25, False)])
def test_the_picture_of_a_swapped_window_is_not_asked_for(clips, share, matters):
    batch = stage_of(clips, mismatched_audio_fraction=share).batch(np.random.default_rng(3))
    values = first_values(stage_of(clips, mismatched_audio_fraction=share), batch)
    batch["frames"][0, :, :, 48:] = (
        255 - batch["frames"][0, :, :, 48:]
    )  # the half that the network never sees
    changed = first_values(stage_of(clips, mismatched_audio_fraction=share), batch)
    assert (abs(changed["l1"] - values["l1"]) > 1e-3) == matters


def test_mouth_square_and_input():
    crops = torch.arange(128.0).view(1, 1, 1, 128).expand(1, 3, 128, 128) / 127
    assert mouth_square(crops).shape == (1, 3, 64, 64)
    assert mouth_square(crops)[0, 0, 0, 0] * 127 == pytest.approx(32)
    small = mouth_input(crops)
    assert small.shape == (1, 3, 96, 96)
    # Antialiased: column i of 96 shows the columns around (i + 0.5) * 4 / 3 - 0.5 of 128.
    assert small[0, 0, 0, 48] * 127 == pytest.approx(48.5 * 4 / 3 - 0.5, abs=0.02)


def test_perceptual_loss_is_lpips_of_the_mouth_and_moves_the_generator(clips):
    if hub.locate("lpips_vgg") is None:
        pytest.skip("needs the weights of LPIPS (VGG)")
    stage = stage_of(clips, perceptual_weight=1.0, perceptual_frames=2)
    batch = stage.batch(np.random.default_rng(3))
    before = [parameter.clone() for parameter in stage.net.face_decoder_blocks.parameters()]
    first = first_values(stage, batch)["perceptual"]
    assert any(
        not torch.equal(a, b) for a, b in zip(before, stage.net.face_decoder_blocks.parameters(), strict=True)
    )
    for _ in range(3):
        last = first_values(stage, batch)["perceptual"]
    assert last < first
    real = mouth_square(batch["frames"][:, 0].float() / 255) * 2 - 1
    assert float(stage.perceptual(real, real).max()) < 1e-6
