"""Batches are the same whoever makes them, come in order, and one step can take several."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from lipsync.data.clips import Sampler
from lipsync.errors import ConfigError
from lipsync.experts.training.mouth_stage import MouthConfig, MouthStage
from lipsync.training.compute import compile_stage
from lipsync.training.feed import Batches, feed
from lipsync.training.loop import RunConfig, Stage, Update, fit
from tests.training.toy import toy_clip

RUN = RunConfig(steps=3, device="cpu", threads=1, log_every=1, check_every=0)


@pytest.fixture(scope="module")
def clips():
    return [toy_clip(f"c{i}", seed=i, frames=40) for i in range(3)]


class Slices(Stage):
    """Least squares on eight samples, ``parts`` batches of them a step; no batch norm, no randomness."""

    def __init__(self, parts: int):
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
        self.parts, self.drawn = parts, 0
        self.modules = {"net": self.net}
        self.optimizers = {"net": torch.optim.Adam(self.net.parameters(), 0.1)}

    def batch(self, rng):
        draw = np.random.default_rng(0)
        x, y = draw.normal(size=(8, 3)).astype(np.float32), draw.normal(size=(8, 2)).astype(np.float32)
        part, self.drawn = slice(self.drawn % self.parts, None, self.parts), self.drawn + 1
        return {"x": torch.from_numpy(x[part]), "y": torch.from_numpy(y[part])}

    def step(self, batch, update: Update, progress: float):
        loss = ((self.net(batch["x"]) - batch["y"]) ** 2).mean()
        update(loss, self.net, self.optimizers["net"])
        return {"loss": loss.item()}

    def check(self, folder, step):
        return {}

    def export(self, folder):
        pass


def test_accumulated_batches_equal_one_large_batch(tmp_path):
    whole, halves = Slices(1), Slices(2)
    start = [p.clone() for p in whole.net.parameters()]
    fit(whole, RUN, tmp_path / "whole", quiet=True)
    fit(halves, replace(RUN, accumulate=2), tmp_path / "halves", quiet=True)
    for before, a, b in zip(start, whole.net.parameters(), halves.net.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)
        assert not torch.allclose(a, before, atol=1e-2)
    assert halves.drawn == 2 * whole.drawn == 2 * RUN.steps
    logs = [(tmp_path / name / "log.csv").read_text().splitlines() for name in ("whole", "halves")]
    losses = [[float(row.split(",")[1]) for row in log[1:]] for log in logs]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_gradients_stay_out_of_networks_that_the_loss_only_passes_through():
    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    update = Update(RUN, torch.device("cpu"))
    update(second(first(torch.ones(1, 2))).sum(), first, torch.optim.SGD(first.parameters(), 0.1))
    assert all(p.grad is None for p in second.parameters())
    assert all(p.grad is not None for p in first.parameters())


@pytest.mark.parametrize("workers", [1, 2])
def test_processes_make_the_same_batches_in_the_same_order(clips, workers):
    stage = MouthStage(MouthConfig(clips=2, frames=2), clips, [])
    alone, made = (list(feed(Batches(stage, seed=3), 1, 6, count)) for count in (0, workers))
    assert len(alone) == len(made) == 5
    for a, b in zip(alone, made, strict=True):
        assert a.keys() == b.keys()
        assert all(torch.equal(a[key], b[key]) for key in a)
    assert not torch.equal(alone[0]["faces"], alone[1]["faces"])
    other = next(feed(Batches(stage, seed=3, rank=1), 1, 6))
    assert not torch.equal(alone[0]["faces"], other["faces"])  # another process of torchrun


class Told(Stage):
    """A stage whose batch is the memory that its sampler may use."""

    def __init__(self, clips):
        self.sampler = Sampler(clips, 1, memory=8e9)

    def batch(self, rng):
        return {"memory": torch.tensor(self.sampler.memory)}


def test_processes_share_the_memory_for_decoded_clips(clips):
    told = Told(clips)
    assert {float(b["memory"]) for b in feed(Batches(told, 0), 0, 4, 2)} == {4e9}
    assert told.sampler.memory == 8e9


def test_nothing_is_made_where_nothing_is_wanted(clips):
    stage = MouthStage(MouthConfig(clips=2, frames=2), clips, [])
    assert list(feed(Batches(stage, 0), 5, 5)) == []


def test_compiled_stage_learns_the_same(tmp_path):
    plain, compiled = Slices(1), Slices(1)
    fit(plain, RUN, tmp_path / "a", quiet=True)
    fit(compiled, replace(RUN, compile="aot_eager"), tmp_path / "b", quiet=True)
    assert compiled.net._compiled_call_impl is not None
    for a, b in zip(plain.net.parameters(), compiled.net.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)


def test_compilers_that_are_not_there_are_said(monkeypatch):
    with pytest.raises(ConfigError, match="Did you mean 'inductor'"):
        compile_stage(Slices(1), "inductr", torch.device("cpu"))
    monkeypatch.setattr("lipsync.training.compute.shutil.which", lambda name: None)
    with pytest.raises(ConfigError, match=r"C\+\+ compiler"):
        compile_stage(Slices(1), "inductor", torch.device("cpu"))


def test_deterministic_kernels_are_asked_for_while_the_run_lasts(tmp_path):
    stage, seen = Slices(1), []
    step = stage.step
    stage.step = lambda *a: seen.append(torch.are_deterministic_algorithms_enabled()) or step(*a)
    before = torch.are_deterministic_algorithms_enabled()
    fit(stage, replace(RUN, deterministic=True), tmp_path, quiet=True)
    assert seen == [True] * RUN.steps
    assert torch.are_deterministic_algorithms_enabled() == before


class Pictures(Slices):
    """The same for a small convolution, which notes how it was called."""

    def __init__(self):
        super().__init__(1)
        self.net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 3, 3, padding=1))
        self.modules, self.seen = {"net": self.net}, []
        self.optimizers = {"net": torch.optim.SGD(self.net.parameters(), 0.1)}

    def batch(self, rng):
        draw = np.random.default_rng(0)
        return {name: torch.from_numpy(draw.normal(size=(2, 3, 8, 8)).astype(np.float32)) for name in "xy"}

    def step(self, batch, update: Update, progress: float):
        with update.autocast():
            out = self.net(batch["x"].contiguous(memory_format=torch.channels_last))
            loss = ((out - batch["y"]) ** 2).mean()
        weight = self.net[0].weight
        self.seen.append((out.dtype, weight.dtype, weight.is_contiguous(memory_format=torch.channels_last)))
        update(loss, self.net, self.optimizers["net"])
        return {"loss": loss.item()}


@pytest.mark.parametrize(("precision", "kind", "within"), [("fp32", torch.float32, 1e-6),
                                                          ("bf16", torch.bfloat16, 2e-3)])  # fmt: skip
def test_weights_lie_channels_last_and_stay_in_fp32_under_bf16(tmp_path, precision, kind, within):
    torch.manual_seed(0)
    stage, plain = Pictures(), Pictures()
    plain.net.load_state_dict(stage.net.state_dict())
    fit(stage, replace(RUN, precision=precision), tmp_path, quiet=True)
    assert stage.seen == [(kind, torch.float32, True)] * RUN.steps
    # The same steps by hand, in fp32 and with the channels where PyTorch puts them.
    optimizer, batch = torch.optim.SGD(plain.net.parameters(), 0.1), plain.batch(None)
    for _ in range(RUN.steps):
        optimizer.zero_grad()
        ((plain.net(batch["x"]) - batch["y"]) ** 2).mean().backward()
        torch.nn.utils.clip_grad_norm_(plain.net.parameters(), RUN.clip_gradient)
        optimizer.step()
    for a, b in zip(stage.net.parameters(), plain.net.parameters(), strict=True):
        assert torch.allclose(a, b, atol=within)
    fresh = Pictures().net[0].weight
    assert not torch.allclose(plain.net[0].weight, fresh, atol=1e-2)
