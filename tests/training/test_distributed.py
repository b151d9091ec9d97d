"""Two processes average their gradients and stay in step."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn

from lipsync.audio.features import AudioFeatures
from lipsync.methods.wav2lip.config import Wav2LipConfig
from lipsync.methods.wav2lip.train import GeneratorConfig, GeneratorStage
from lipsync.training.loop import RunConfig, Stage, Update, fit
from tests.portal import free_port
from tests.training.toy import toy_clip, toy_folder

RUN = RunConfig(steps=2, device="cpu", threads=1, check_every=0, save_every=1, log_every=1)


class LinearStage(Stage):
    """Least squares on eight fixed samples, of which each process draws its part; no batch norm."""

    def __init__(self, rank: int, world: int):
        torch.manual_seed(rank)  # different first weights: the loop must make them equal
        self.net = nn.Linear(3, 2)
        self.rank, self.world = rank, world
        self.modules = {"net": self.net}
        self.optimizers = {"net": torch.optim.SGD(self.net.parameters(), 0.1)}

    def batch(self, rng):
        draw = np.random.default_rng(0)
        x, y = draw.normal(size=(8, 3)).astype(np.float32), draw.normal(size=(8, 2)).astype(np.float32)
        part = slice(self.rank, None, self.world)
        return {"x": torch.from_numpy(x[part]), "y": torch.from_numpy(y[part])}

    def step(self, batch, update: Update, progress: float):
        loss = ((self.net(batch["x"]) - batch["y"]) ** 2).mean()
        update(loss, self.net, self.optimizers["net"])
        return {"loss": loss.item()}

    def check(self, folder, step):
        return {}

    def export(self, folder):
        torch.save(self.net.state_dict(), folder / "net.pt")


def generator_stage(rank: int) -> GeneratorStage:
    torch.manual_seed(rank)
    model = Wav2LipConfig(AudioFeatures(), True, True, width=0.03, size=32)
    config = GeneratorConfig(model=model, windows=2, sync_weight=0.0, ema=0.9)
    return GeneratorStage(config, [toy_clip("a", frames=30), toy_clip("b", frames=30, seed=1)], [])


def worker(rank: int, port: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", world_size=2, rank=rank)
    out = Path(folder)
    fit(LinearStage(rank, 2), RUN, out / "linear", quiet=True)
    stage = generator_stage(rank)
    fit(stage, RUN, out / "generator", quiet=True)
    torch.save(stage.net.state_dict(), out / f"generator-{rank}.pt")
    # The same in two goes.
    fit(generator_stage(rank), replace(RUN, steps=1), out / "again", quiet=True)
    resumed = generator_stage(rank)
    fit(resumed, RUN, out / "again", resume=True, quiet=True)
    torch.save(resumed.net.state_dict(), out / f"again-{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.slow
@pytest.mark.minutes
def test_two_processes_equal_one_with_the_joint_batch(tmp_path):
    mp.spawn(worker, (free_port(), str(tmp_path)), nprocs=2)
    fit(LinearStage(0, 1), RUN, tmp_path / "alone", quiet=True)
    alone, joint = (torch.load(tmp_path / name / "net.pt", weights_only=True) for name in ("alone", "linear"))
    for key in alone:
        assert torch.allclose(alone[key], joint[key], atol=1e-6), key
    # One process alone on its half of the batch would have gone elsewhere.
    half = LinearStage(0, 1)
    half.world = 2
    fit(half, RUN, tmp_path / "half", quiet=True)
    other = torch.load(tmp_path / "half" / "net.pt", weights_only=True)
    assert not torch.allclose(alone["weight"], other["weight"], atol=1e-3)

    first, second = (torch.load(tmp_path / f"generator-{rank}.pt", weights_only=True) for rank in (0, 1))
    # Statistics too, though each process saw other faces.
    assert all(torch.equal(first[key], second[key]) for key in first)
    for rank in (0, 1):
        again = torch.load(tmp_path / f"again-{rank}.pt", weights_only=True)
        assert all(torch.equal(first[key], again[key]) for key in first)
    fresh = dict(generator_stage(1).net.named_parameters())
    assert not torch.equal(first["output_block.1.weight"], fresh["output_block.1.weight"])
    log = (tmp_path / "linear" / "log.csv").read_text().splitlines()
    assert len(log) == 1 + RUN.steps  # the second process writes nothing


@pytest.mark.slow
@pytest.mark.minutes
def test_torchrun_trains_with_two_processes(tmp_path):
    data = toy_folder(tmp_path, ("train", "train"), frames=40)
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
        "-m", "lipsync", "train", "mouth", "--data", str(data), "--out", str(tmp_path / "run"),
        "--set", "run.steps=2", "run.device=cpu", "run.threads=1", "run.log_every=1", "stage.clips=2",
        "stage.frames=2",
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("step 2/2") == 1  # the second process says nothing
    assert (tmp_path / "run" / "mouth.safetensors").is_file()
