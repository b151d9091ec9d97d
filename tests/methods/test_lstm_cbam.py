"""LSTM-CBAM: attention after every convolution, the rows of Table 1, and a face drawn by a tiny core."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from lipsync.assets import asset
from lipsync.audio.features import AudioFeatures
from lipsync.errors import ArtefactError, ConfigError
from lipsync.experts.sync_expert import SyncExpert, SyncExpertConfig
from lipsync.generate import Request, generate
from lipsync.media import read_frames
from lipsync.methods import METHODS, load_method
from lipsync.methods.lstm_cbam.config import ABLATIONS, LstmCbamConfig, discriminator_config
from lipsync.methods.lstm_cbam.model import LipGANGenerator
from lipsync.methods.wav2lip.config import Wav2LipConfig
from lipsync.methods.wav2lip.model import Generator
from lipsync.nn.attention import CBAM
from lipsync.nn.blocks import ConvBlock
from lipsync.nn.towers import SpeechLSTM
from lipsync.training.losses import sync_bce, sync_loss, sync_probability

EXAMPLES = asset("examples")
TINY = LstmCbamConfig(width=0.05)


def shapes(name: str) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        net = SyncExpert(discriminator_config(name))
    return {key: tuple(value.shape) for key, value in net.state_dict().items()}


def test_table_1_is_complete_and_starts_from_the_published_expert(published):
    assert ABLATIONS.names() == ("without-both", "without-lstm", "without-cbam", "lstm-cbam")
    assert shapes("without-both") == published["sync_expert"]
    with pytest.raises(ConfigError, match="without-lstm"):
        discriminator_config("without-lsmt")
    with pytest.raises(ConfigError, match="width"):
        discriminator_config("lstm-cbam", 0)


@pytest.mark.parametrize("name", ["lstm-cbam", "without-lstm"])
def test_every_convolution_is_followed_by_attention_then_batch_norm(name):
    net = SyncExpert(discriminator_config(name, width=0.05))
    blocks = [module for module in net.modules() if isinstance(module, ConvBlock)]
    gates = [module for block in blocks for module in block.modules() if isinstance(module, CBAM)]
    inside = {conv for gate in gates for conv in gate.modules() if isinstance(conv, nn.Conv2d)}
    convs = [m for m in net.modules() if isinstance(m, nn.Conv2d) and m not in inside]
    assert len(convs) == len(blocks) == len(gates) == 17 + 14  # of the faces and of the speech
    for block in blocks:
        conv, gate, norm = block.conv_block
        assert [type(part) for part in (conv, gate, norm)] == [nn.Conv2d, CBAM, nn.BatchNorm2d]
        assert gate[0].expand.weight.shape[0] == gate[0].squeeze.weight.shape[1] == conv.out_channels
        assert isinstance(block.act, nn.ReLU)


def test_ablations_differ_in_exactly_what_table_1_says():
    full, lstm, cbam, both = (
        shapes(n) for n in ("lstm-cbam", "without-lstm", "without-cbam", "without-both")
    )
    # The LSTM stands first, so the blocks after it are numbered one higher.
    shifted = {
        (f"audio_encoder.{int(k.split('.')[1]) + 1}.{k.split('.', 2)[2]}" if k.startswith("audio") else k): v
        for k, v in both.items()
    }
    added = {key: shape for key, shape in cbam.items() if key not in shifted}
    assert {key.split(".")[2] for key in added} == {"lstm"}
    weights = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    assert set(added) == {f"audio_encoder.0.lstm.{key}_l0" for key in weights}
    assert not any("lstm" in key for key in lstm)
    gates = [key for key in lstm if ".conv_block.1.0." in key or ".conv_block.1.1." in key]
    assert len(gates) == 31 * 6  # squeeze and expand with biases, the spatial convolution with its bias
    assert len(lstm) == len(both) + len(gates)
    assert len(full) == len(both) + len(gates) + 4


def test_parameter_counts_follow_from_the_paper():
    def count(name: str) -> int:
        keys = ("running_mean", "running_var", "num_batches_tracked")
        return sum(torch.Size(s).numel() for k, s in shapes(name).items() if not k.endswith(keys))

    plain = count("without-both")
    # 4 gates, 80 inputs, 80 hidden units, two biases.
    assert count("without-cbam") - plain == 4 * 80 * (80 + 80 + 2)
    faces = (32, *3 * (64,), *4 * (128,), *3 * (256,), *3 * (512,), 512, 512, 512)
    speech = (*3 * (32,), *3 * (64,), *3 * (128,), *3 * (256,), 512, 512)
    gates = [(c, c // 16 if c > 64 else 4) for c in (*faces, *speech)]
    assert count("without-lstm") - plain == sum(2 * c * s + s + c + 2 * 49 + 1 for c, s in gates)
    with torch.device("meta"):
        generator = LipGANGenerator(LstmCbamConfig())
    assert sum(p.numel() for p in generator.parameters()) == 34_689_811


def test_lstm_is_the_recurrence_of_its_equations():
    torch.manual_seed(0)
    net, speech = SpeechLSTM(5), torch.randn(2, 1, 5, 7)
    lstm = net.lstm
    w, u = lstm.weight_ih_l0.detach().numpy(), lstm.weight_hh_l0.detach().numpy()
    b = (lstm.bias_ih_l0 + lstm.bias_hh_l0).detach().numpy()
    hidden, cell = np.zeros((2, 5)), np.zeros((2, 5))
    wanted = np.empty((2, 1, 5, 7))
    for time in range(7):
        i, f, g, o = np.split(speech.numpy()[:, 0, :, time] @ w.T + hidden @ u.T + b, 4, axis=1)
        cell = cell / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        hidden = np.tanh(cell) / (1 + np.exp(-o))
        wanted[:, 0, :, time] = hidden
    np.testing.assert_allclose(net(speech).detach().numpy(), wanted, atol=1e-5)


@pytest.mark.parametrize("name", ABLATIONS.names())
@pytest.mark.parametrize("kind", ["mel", "mel+mfcc"])
def test_gradients_of_the_sync_loss_reach_every_parameter(name, kind):
    torch.manual_seed(0)
    config = replace(discriminator_config(name, width=0.25), audio=AudioFeatures(kind=kind))
    net = SyncExpert(config)
    # Half right, half wrong: with all right, -log P has no gradient once P is 1.
    speech, faces = torch.randn(6, 1, config.audio.rows, 16), torch.rand(6, 15, 48, 96)
    audio, face = net(speech, faces)
    probability = sync_probability(face, audio)
    assert probability.shape == (6,)
    assert 0 <= probability.min().item() <= probability.max().item() <= 1
    sync_loss(probability).backward()
    dead = [key for key, p in net.named_parameters() if p.grad is None or not float(p.grad.abs().sum())]
    assert dead == []


@pytest.mark.parametrize("size", [96, 128])
def test_generator_draws_the_crop_size_and_gradients_reach_every_parameter(size):
    torch.manual_seed(0)
    net = LipGANGenerator(replace(TINY, size=size))
    drawn = net(torch.randn(3, 1, 80, 16), torch.rand(3, 6, size, size))
    assert drawn.shape == (3, 3, size, size)
    assert 0 <= drawn.min().item() <= drawn.max().item() <= 1
    (drawn - torch.rand_like(drawn)).abs().mean().backward()
    dead = [key for key, p in net.named_parameters() if p.grad is None or not float(p.grad.abs().sum())]
    assert dead == []


def test_speech_and_face_both_reach_the_picture():
    torch.manual_seed(0)
    net, speech, face = LipGANGenerator(TINY), torch.randn(2, 1, 80, 16), torch.rand(2, 6, 96, 96)
    with torch.no_grad():
        drawn = net(speech, face)
        assert not torch.allclose(drawn, net(speech.flip(0), face), atol=1e-4)
        assert not torch.allclose(drawn, net(speech, face.flip(0)), atol=1e-4)


def test_discriminator_learns_eight_pairs_by_heart():
    torch.manual_seed(0)
    net = SyncExpert(discriminator_config("lstm-cbam", width=0.05))
    speech, faces = torch.randn(8, 1, 80, 16), torch.rand(8, 15, 48, 96)
    adam = torch.optim.Adam(net.parameters(), 5e-3)
    losses = []
    for _ in range(16):
        audio, face = net(speech, faces)
        probability = torch.cat([sync_probability(face, audio), sync_probability(face, audio.roll(1, 0))])
        loss = sync_bce(probability, torch.cat([torch.ones(8), torch.zeros(8)]))
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    assert losses[-1] < 0.25 < 0.5 < max(losses)  # 0.69 is a guess


def test_generator_learns_four_mouths_by_heart():
    torch.manual_seed(0)
    net = LipGANGenerator(replace(TINY, width=0.1))
    speech, faces = torch.randn(4, 1, 80, 16), torch.rand(4, 6, 96, 96)
    faces[1:] = faces[:1]  # only the speech tells the four apart
    wanted = torch.linspace(0.2, 0.8, 4)[:, None, None, None].expand(4, 3, 96, 96)
    adam = torch.optim.Adam(net.parameters(), 5e-3)
    losses = []
    for _ in range(30):
        loss = (net(speech, faces) - wanted).abs().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1  # 0.2 is the best for who does not hear
    assert losses[0] > 0.15


@pytest.fixture(scope="module")
def core(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("core")
    torch.manual_seed(0)
    LipGANGenerator(TINY).save_pretrained(folder)
    return folder


def test_saved_generator_and_discriminator_come_back(core, tmp_path):
    torch.manual_seed(0)
    net, again = LipGANGenerator(TINY), LipGANGenerator.from_pretrained(str(core))
    assert again.config == TINY
    for key, value in net.state_dict().items():
        assert torch.equal(value, again.state_dict()[key]), key
    config = discriminator_config("lstm-cbam", width=0.05)
    SyncExpert(config).save_pretrained(tmp_path)
    assert SyncExpert.from_pretrained(str(tmp_path)).config == config


def test_pipeline_draws_with_a_tiny_core(core, tmp_path):
    request = Request(
        EXAMPLES / "portrait.mp4", EXAMPLES / "english.wav", tmp_path / "out.mp4", method="lstm-cbam",
        checkpoint=core, label=False, length="video",
    )  # fmt: skip
    short = tmp_path / "short.mp4"
    frames = [frame.image for frame in read_frames(request.face, fps=25, max_frames=6)]
    from lipsync.media import VideoWriter

    with VideoWriter(short, frames[0].shape[1], frames[0].shape[0], 25) as writer:
        for frame in frames:
            writer.write(frame)
    result = generate(replace(request, face=short))
    assert (result.frames, result.frames_without_face) == (6, 0)
    assert result.method == core.name
    drawn = np.stack([frame.image for frame in read_frames(result.path)])
    changed = np.abs(drawn.astype(int) - np.stack(frames)).mean((0, 3)) > 20
    where = np.argwhere(changed)
    # A core with random weights draws grey: only the lower face may have changed.
    assert 0.01 < changed.mean() < 0.3
    assert where[:, 0].min() > 0.15 * changed.shape[0]


def test_entry_without_weights_says_so(tmp_path, monkeypatch):
    entry = replace(METHODS.get("lstm-cbam"), folder=tmp_path / "lstm-cbam-embedded")
    monkeypatch.setitem(METHODS._entries, "lstm-cbam", entry)
    assert not entry.ready
    assert not entry.fetchable
    with pytest.raises(ArtefactError, match=r"train them .* assets/models/lstm-cbam-embedded"):
        load_method("lstm-cbam")


def test_weights_of_another_method_are_refused(core, tmp_path):
    Generator(Wav2LipConfig(width=0.05)).save_pretrained(tmp_path / "w")
    with pytest.raises(ConfigError, match="does not hold a generator of LSTM-CBAM"):
        load_method("lstm-cbam", tmp_path / "w")
    with pytest.raises(ConfigError, match="choose the method lstm-cbam"):
        load_method(checkpoint=core)
    SyncExpert(SyncExpertConfig(width=0.05)).save_pretrained(tmp_path / "s")
    with pytest.raises(ConfigError, match="LSTM-CBAM"):
        load_method("lstm-cbam", tmp_path / "s")
    (tmp_path / "w" / "config.json").write_text("[1]")
    with pytest.raises(ConfigError, match="does not describe a generator of LSTM-CBAM"):
        load_method("lstm-cbam", tmp_path / "w")
    (tmp_path / "w" / "config.json").unlink()
    with pytest.raises(ArtefactError, match="cannot be read"):
        load_method("lstm-cbam", tmp_path / "w")
