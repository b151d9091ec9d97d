"""LSTM-CBAM's joint stage: whose turn moves what, eq 6, and what the discriminator is told."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lipsync.data.windows import another_time
from lipsync.errors import ConfigError
from lipsync.experts.sync_expert import SyncExpert
from lipsync.methods import load_method
from lipsync.methods.lstm_cbam.config import LstmCbamConfig, discriminator_config
from lipsync.methods.lstm_cbam.train import JointConfig, JointStage
from lipsync.training.loop import RunConfig, Update, fit
from tests.training.toy import toy_clip

RUN = RunConfig(steps=1, device="cpu", threads=1, check_every=0)


@pytest.fixture(scope="module")
def clips():
    return [toy_clip(f"c{i}", seed=i, frames=60) for i in range(3)]


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("disc")
    torch.manual_seed(0)
    SyncExpert(discriminator_config("lstm-cbam", 0.03)).save_pretrained(folder)
    return str(folder)


def make(clips, pretrained, **changes) -> JointStage:
    torch.manual_seed(1)
    config = JointConfig(model=LstmCbamConfig(width=0.03), discriminator=pretrained, windows=3)
    return JointStage(replace(config, **changes), clips, clips[:1])


def weights(module) -> dict[str, torch.Tensor]:
    return {key: value.clone() for key, value in module.state_dict().items()}


class Turns(Update):
    """Notes the state of both modules around each turn."""

    def __init__(self, stage):
        super().__init__(RUN, torch.device("cpu"))
        self.stage = stage
        self.seen = [self.both()]

    def both(self):
        return {name: weights(module) for name, module in self.stage.modules.items()}

    def __call__(self, loss, module, optimizer):
        before = self.both()  # statistics may have moved in the forward pass
        super().__call__(loss, module, optimizer)
        self.seen += [before, self.both()]


def moved(a: dict, b: dict) -> bool:
    return any(not torch.equal(a[key], b[key]) for key in a)


def test_each_turn_moves_its_own_network_alone(clips, pretrained):
    stage = make(clips, pretrained)
    turns = Turns(stage)
    stage.step(stage.batch(np.random.default_rng(0)), turns, 0.0)
    start, first, second, third, last = turns.seen
    # The generator's turn: the discriminator, its statistics too, stays as it was.
    assert not moved(start["discriminator"], second["discriminator"])
    assert moved(first["generator"], second["generator"])
    # The discriminator's turn: its statistics move in the forward pass, then its weights.
    assert not moved(second["generator"], last["generator"])
    assert moved(second["discriminator"], third["discriminator"])
    assert moved(third["discriminator"], last["discriminator"])


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_loss_is_eq_6(clips, pretrained, precision):
    stage = make(clips, pretrained, l1_weight=0.7, sync_weight=0.2)
    update = Update(replace(RUN, precision=precision), torch.device("cpu"))
    values = stage.step(stage.batch(np.random.default_rng(0)), update, 0.0)
    assert values["loss"] == pytest.approx(0.7 * values["l1"] + 0.2 * values["sync"], rel=1e-4)
    assert all(np.isfinite(value) for value in values.values())
    assert all(0 <= values[name] <= 1 for name in ("p_real", "p_late", "p_drawn"))


def test_sync_loss_pulls_the_generator_only_through_its_weight(clips, pretrained):
    batch = make(clips, pretrained).batch(np.random.default_rng(0))
    ends = []
    for weight in (0.0, 0.5):
        stage = make(clips, pretrained, sync_weight=weight)
        stage.step(batch, Update(RUN, torch.device("cpu")), 0.0)
        ends.append(weights(stage.net))
    assert moved(*ends)


def test_discriminator_learns_to_tell_real_from_late_and_drawn(clips, pretrained):
    stage = make(clips, pretrained, learning_rate=5e-3, windows=4, augment=True)
    update, batch = Update(RUN, torch.device("cpu")), stage.batch(np.random.default_rng(0))
    for _ in range(9):
        values = stage.step(batch, update, 0.0)
    assert values["p_real"] > values["p_late"] + 0.2
    assert values["p_real"] > values["p_drawn"] + 0.2


def test_wrong_speech_is_of_the_same_clip_at_another_time(clips, pretrained):
    stage = make(clips, pretrained, windows=8)
    drawn, real = [], stage.sampler.draw
    stage.sampler.draw = lambda count, rng: drawn.extend(real(count, rng)) or drawn
    batch = stage.batch(np.random.default_rng(5))
    spec = stage.disc.config.audio
    for clip, own, wrong in zip(drawn, batch["sync_speech"], batch["wrong_speech"], strict=True):
        every = torch.from_numpy(clip.speech(np.arange(len(clip) - 4), spec))
        at, other = (int((every - heard).abs().sum((1, 2, 3)).argmin()) for heard in (own, wrong))
        assert torch.equal(every[other], wrong)
        assert abs(at - other) >= stage.config.apart


def test_another_time_keeps_its_distance_or_goes_as_far_as_it_can():
    rng = np.random.default_rng(0)
    found = {another_time(20, 10, 5, rng) for _ in range(200)}
    assert found == {*range(6), *range(15, 21)}
    assert another_time(3, 0, 5, rng) == 3
    assert another_time(3, 3, 5, rng) == 0
    assert another_time(0, 0, 5, rng) == 0


def test_results_are_a_method_and_a_discriminator(clips, pretrained, tmp_path):
    stage = make(clips, pretrained)
    fit(stage, replace(RUN, check_every=1), tmp_path, quiet=True)
    assert (tmp_path / "sheet-000001.png").stat().st_size > 1000
    assert load_method("lstm-cbam", tmp_path / "generator").crop_size == 96
    assert SyncExpert.from_pretrained(str(tmp_path / "sync-expert")).config == stage.disc.config


def test_a_discriminator_must_be_given(clips):
    with pytest.raises(ConfigError, match="train sync"):
        JointStage(JointConfig(), clips, [])
    with pytest.raises(ConfigError, match="nowhere"):
        JointStage(JointConfig(discriminator="nowhere"), clips, [])
