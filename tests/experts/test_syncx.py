"""syncXnet: shapes, lengths, groups; it learns which speech belongs to which mouth."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lipsync.audio.speech_input import SpeechInput
from lipsync.data.speech_stretches import SpeechStretches
from lipsync.experts.syncx import ResNeXtBlock, SyncX, SyncXConfig
from lipsync.experts.training.syncx_stage import SyncXStage, SyncXTraining
from lipsync.training.loop import RunConfig, Update
from tests.training.toy import toy_clip

SMALL = SyncXConfig(SpeechInput(dimension=16, count=3), width=0.125, groups=4, dimension=32)


def test_embeddings_have_length_one_and_no_negative_value(tmp_path):
    net = SyncX(SMALL).eval()
    audio, face = net(torch.randn(3, 3, 119, 16), torch.rand(3, 15, 48, 96))
    for found in (audio, face):
        assert found.shape == (3, 32)
        assert torch.allclose(found.norm(dim=1), torch.ones(3), atol=1e-5)
        assert (found >= 0).all()
    net.save_pretrained(tmp_path)
    assert SyncX.from_pretrained(tmp_path).config == SMALL


def test_a_block_without_its_body_is_its_skip():
    block = ResNeXtBlock(8, 8, 4, groups=4, stride=1).eval()
    torch.nn.init.zeros_(block.body[-2].weight)
    x = torch.rand(1, 8, 5, 5)
    assert torch.equal(block(x), x)
    # Each of the four groups sees one channel alone: 1 x 3 x 3 weights for each of the four it makes.
    assert block.body[3].weight.shape == (4, 1, 3, 3)


def test_takes_what_a_pretrained_encoder_heard():
    config = replace(SMALL, audio=SpeechInput("whisper-base", 512, 50.0, count=11, spacing=2))
    assert SyncX(config).embed_audio(torch.randn(2, 11, 512)).shape == (2, 32)


def test_what_is_heard_around_a_frame():
    clip = toy_clip("a", frames=60)
    spec = SpeechInput(dimension=16, count=3, spacing=2)
    around = SpeechStretches(spec).around(clip, 20)
    # Vectors at the frame and two frames (two vectors at 25 Hz) to either side, windows of the clip's own.
    assert np.array_equal(around, clip.speech(np.array([18, 20, 22]), spec.features)[:, 0])


@pytest.mark.parametrize("objective", ["contrastive", "bce"])
def test_a_step_moves_both_towers(objective):
    clips = [toy_clip(f"c{i}", seed=i, frames=60) for i in range(3)]
    torch.manual_seed(0)
    stage = SyncXStage(SyncXTraining(SMALL, objective=objective, clips=2, windows=3), clips, clips[:1])
    before = {name: value.clone() for name, value in stage.net.named_parameters()}
    batch = stage.batch(np.random.default_rng(0))
    assert batch["speech"].shape == (6, 3, 119, 16)
    values = stage.step(batch, Update(RunConfig(device="cpu"), torch.device("cpu")), 0.05)
    assert 0 < values["loss"] < 10
    moved = {
        name.split(".")[0] for name, v in stage.net.named_parameters() if not torch.equal(v, before[name])
    }
    assert moved == {"face_encoder", "audio_encoder"}
    stage.net.eval()
    found = stage.check(None, 1)
    assert found["clips"] == 1
    assert 0 <= found["frame_accuracy"] <= 1


def test_both_embeddings_are_asked_for_the_mouths_shape():
    clips = [toy_clip(f"c{i}", seed=i, frames=60) for i in range(2)]
    torch.manual_seed(0)
    stage = SyncXStage(SyncXTraining(SMALL, shape_weight=2.0, clips=2, windows=3), clips, [])
    batch = stage.batch(np.random.default_rng(0))
    assert batch["shape"].shape == (6, 10)
    values = stage.step(batch, Update(RunConfig(device="cpu"), torch.device("cpu")), 0.05)
    plain = replace(stage.config, shape_weight=0.0)
    torch.manual_seed(0)
    without = SyncXStage(plain, clips, []).step(
        batch, Update(RunConfig(device="cpu"), torch.device("cpu")), 0.05
    )
    aid = 2 * (values["shape_audio"] + values["shape_face"])
    assert aid > 0
    assert values["loss"] == pytest.approx(without["loss"] + aid, rel=1e-4)
