"""Published checkpoints, fabricated from the published keys and shapes, and the project's own folders."""

import json
import shutil

import pytest
import torch
from safetensors.torch import save_file

from lipsync.errors import ArtefactError, ConfigError
from lipsync.experts.sync_expert import SyncExpert
from lipsync.methods.mcsawav2lip.config import generator_config, sync_expert_config
from lipsync.methods.wav2lip.config import Wav2LipConfig
from lipsync.methods.wav2lip.convert import read_generator
from lipsync.methods.wav2lip.model import Generator


@pytest.fixture(scope="module")
def state(published):
    """Weights with the published keys and shapes; small random values."""
    draw = torch.Generator().manual_seed(0)
    made = {}
    for key, shape in published["generator"].items():
        if key.endswith("num_batches_tracked"):
            made[key] = torch.tensor(7)
        elif key.endswith("running_var"):
            made[key] = torch.ones(shape)
        else:
            fan = max(1, torch.Size(shape[1:]).numel())
            made[key] = torch.randn(shape, generator=draw) / fan**0.5
    return made


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("wrapped", [True, False])
def test_published_file_loads_strictly(tmp_path, state, prefix, wrapped):
    inner = {prefix + key: value for key, value in state.items()}
    content = {"state_dict": inner, "optimizer": None, "global_step": 3} if wrapped else inner
    torch.save(content, tmp_path / "wav2lip.pth")
    config, found = read_generator(tmp_path / "wav2lip.pth")
    assert config == Wav2LipConfig(framing="s3fd")
    Generator(config).load_state_dict(found, strict=True)


def test_published_generator_draws_rgb_what_it_drew_in_bgr(tmp_path, state):
    torch.save({"state_dict": state}, tmp_path / "wav2lip.pth")
    config, found = read_generator(tmp_path / "wav2lip.pth")
    original, converted = Generator(config).eval(), Generator(config).eval()
    original.load_state_dict(state)
    converted.load_state_dict(found)
    speech, rgb = torch.randn(1, 1, 80, 16), torch.rand(1, 6, 96, 96)
    bgr = torch.cat([rgb[:, :3].flip(1), rgb[:, 3:].flip(1)], dim=1)
    with torch.no_grad():
        expected, drawn = original(speech, bgr).flip(1), converted(speech, rgb)
        other = original(speech, rgb)
    assert torch.allclose(drawn, expected, atol=1e-5)
    assert not torch.allclose(drawn, other, atol=1e-3)


def test_own_folder_and_the_file_in_it(tmp_path):
    config = generator_config("full", width=0.125)
    net = Generator(config)
    net.save_pretrained(tmp_path / "g")
    for path in (tmp_path / "g", tmp_path / "g" / "model.safetensors"):
        found_config, found = read_generator(path)
        assert found_config == config
        assert all(torch.equal(found[key], value) for key, value in net.state_dict().items())


def test_file_without_its_config_says_so(tmp_path):
    net = Generator(generator_config("csa"))
    save_file(net.state_dict(), tmp_path / "x.safetensors")
    with pytest.raises(ConfigError, match=r"config\.json"):
        read_generator(tmp_path / "x.safetensors")


def test_config_of_other_sizes_is_refused(tmp_path):
    Generator(generator_config("full", width=0.125)).save_pretrained(tmp_path / "g")
    file = tmp_path / "g" / "config.json"
    found = json.loads(file.read_text())
    file.write_text(json.dumps({**found, "width": 0.25}))
    with pytest.raises(ConfigError, match="other sizes"):
        read_generator(tmp_path / "g")
    file.write_text(json.dumps({**found, "audio": {"sort": "mel"}}))
    with pytest.raises(ConfigError, match="sort"):
        read_generator(tmp_path / "g")
    file.write_text(json.dumps({"unet": {}}))
    with pytest.raises(ConfigError, match="does not describe"):
        read_generator(tmp_path / "g")
    file.write_text("{")
    with pytest.raises(ArtefactError, match="cannot be read"):
        read_generator(tmp_path / "g")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (["netcnnaud.0.weight", "netcnnlip.0.weight"], "SyncNet v2"),
        (["conv1_1.weight", "conv1_1.bias"], "S3FD"),
        (["face_encoder_blocks.0.0.conv_block.0.weight", "binary_pred.0.weight"], "quality discriminator"),
        (["unet.mid.weight"], "another architecture"),
    ],
)
def test_other_networks_are_named(tmp_path, keys, said):
    torch.save({"state_dict": {key: torch.zeros(2) for key in keys}}, tmp_path / "x.pth")
    with pytest.raises(ConfigError, match=said):
        read_generator(tmp_path / "x.pth")


def test_sync_expert_and_variants_are_named(tmp_path, state):
    torch.save(SyncExpert(sync_expert_config("wav2lip", 0.125)).state_dict(), tmp_path / "s.pth")
    with pytest.raises(ConfigError, match="sync expert"):
        read_generator(tmp_path / "s.pth")
    more = {**state, "sam.conv.weight": torch.zeros(1)}
    torch.save(more, tmp_path / "v.pth")
    with pytest.raises(ConfigError, match="variant of Wav2Lip"):
        read_generator(tmp_path / "v.pth")
    fewer = {key: value for key, value in state.items() if not key.startswith("output_block")}
    torch.save(fewer, tmp_path / "f.pth")
    with pytest.raises(ConfigError, match="missing"):
        read_generator(tmp_path / "f.pth")


def test_missing_file_and_incomplete_folder(tmp_path):
    with pytest.raises(ArtefactError):
        read_generator(tmp_path / "none.pth")
    Generator(generator_config("full", width=0.125)).save_pretrained(tmp_path / "g")
    shutil.move(tmp_path / "g" / "model.safetensors", tmp_path / "away")
    with pytest.raises(ArtefactError):
        read_generator(tmp_path / "g")
