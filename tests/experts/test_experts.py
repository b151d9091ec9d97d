"""The frozen judges: published keys, shapes, unit vectors, what they look at."""

import json
from pathlib import Path

import pytest
import torch

from lipsync.audio.features import AudioFeatures
from lipsync.experts.mouth_shape import MouthExpert
from lipsync.experts.quality_discriminator import QualityDiscriminator
from lipsync.experts.sync_expert import SyncExpert, SyncExpertConfig, lower_halves, pair_windows

KEYS = Path(__file__).parents[1] / "reference" / "wav2lip_keys.json"


def test_sync_expert_has_the_published_keys_and_shapes():
    wanted = {key: tuple(shape) for key, shape in json.loads(KEYS.read_text())["sync_expert"].items()}
    with torch.device("meta"):
        net = SyncExpert(SyncExpertConfig(audio=AudioFeatures(kind="mel"), width=1.0, deep=2))
    assert {key: tuple(value.shape) for key, value in net.state_dict().items()} == wanted


@pytest.mark.parametrize("kind", ["mel", "mfcc", "mel+mfcc"])
def test_embeddings_have_length_one(kind):
    config = SyncExpertConfig(audio=AudioFeatures(kind=kind), width=0.125)
    net = SyncExpert(config).eval()
    with torch.no_grad():
        audio, face = net(torch.randn(3, 1, config.audio.rows, 16), torch.rand(3, 15, 48, 96))
    assert audio.shape == face.shape == (3, 64)
    for vectors in (audio, face):
        assert torch.allclose(vectors.norm(dim=1), torch.ones(3), atol=1e-5)
        assert (vectors >= 0).all()  # a ReLU stands before


def test_lower_halves_put_frame_after_frame_on_the_channels():
    frames = torch.arange(5 * 3).float().view(1, 5, 3, 1, 1).expand(1, 5, 3, 8, 8).clone()
    frames[..., :4, :] = -1
    assert lower_halves(frames).shape == (1, 15, 4, 8)
    assert torch.equal(lower_halves(frames)[0, :, 0, 0], torch.arange(15).float())


def test_pair_windows_begin_at_each_frame():
    frames = torch.arange(9).float().view(9, 1, 1, 1).expand(9, 3, 8, 8)
    windows = pair_windows(frames)
    assert windows.shape == (5, 15, 4, 8)
    assert windows[2, ::3, 0, 0].tolist() == [2, 3, 4, 5, 6]


def test_saved_expert_comes_back_with_its_config(tmp_path):
    config = SyncExpertConfig(
        audio=AudioFeatures(kind="mfcc", start=-2), width=0.125, deep=1, guard="sigmoid"
    )
    net = SyncExpert(config)
    net.save_pretrained(tmp_path / "s")
    again = SyncExpert.from_pretrained(str(tmp_path / "s"))
    assert again.config == config
    assert all(torch.equal(v, again.state_dict()[k]) for k, v in net.state_dict().items())


@pytest.mark.parametrize("net", [QualityDiscriminator(0.25), MouthExpert()])
def test_judges_look_at_the_lower_half_only(net):
    crops = torch.rand(2, 3, 96, 96)
    other = crops.clone()
    other[:, :, :48] = torch.rand(2, 3, 48, 96)
    below = crops.clone()
    below[:, :, 60:80] = 0
    net(crops)  # gives the lazy layer its size
    net.eval()
    with torch.no_grad():
        assert torch.equal(net(crops), net(other))
        assert not torch.allclose(net(crops), net(below))


def test_quality_discriminator_has_the_layers_of_the_paper():
    kinds = [type(m).__name__ for m in QualityDiscriminator().blocks.modules()]
    assert kinds.count("InstanceNorm2d") == kinds.count("LeakyReLU") == kinds.count("Conv2d") == 7
    assert QualityDiscriminator(0.25)(torch.rand(1, 3, 96, 96)).shape == (1, 1, 12, 12)
