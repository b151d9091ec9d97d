"""The trainer learns: on people whose mouths follow the loudness of their voice."""

import pytest
import torch

from lipsync.audio.features import AudioFeatures
from lipsync.experts.sync_expert import SyncExpertConfig
from lipsync.experts.training.sync_stage import SyncConfig, SyncStage, offset_accuracy
from lipsync.training.loop import RunConfig, fit
from tests.training.toy import toy_clip


@pytest.mark.slow
@pytest.mark.minutes
def test_sync_expert_starts_at_chance_and_learns(tmp_path):
    train = [toy_clip(f"t{i}", seed=i, frames=75) for i in range(8)]
    dev = [toy_clip(f"d{i}", seed=100 + i, frames=75) for i in range(2)]
    torch.manual_seed(0)
    model = SyncExpertConfig(audio=AudioFeatures(kind="mel"), width=0.06, deep=1)
    config = SyncConfig(model=model, objective="bce", clips=6, windows=4, learning_rate=2e-3, augment=True)
    stage = SyncStage(config, train, dev)
    run = RunConfig(steps=160, device="cpu", threads=1, log_every=10, check_every=0, save_every=1000)
    fit(stage, run, tmp_path, quiet=True)
    rows = [line.split(",") for line in (tmp_path / "log.csv").read_text().split()]
    loss = [float(row[rows[0].index("loss")]) for row in rows[1:]]
    picked = [float(row[rows[0].index("picked")]) for row in rows[1:]]
    assert min(loss[-3:]) < 0.5  # 0.69 is chance
    assert picked[-1] > 0.6  # of four times of a clip; 0.25 is chance
    found = offset_accuracy(stage.net.eval(), dev, torch.device("cpu"), max_offset=10)
    assert found["frame_accuracy"] > 0.45  # of people it never saw; 0.14 is chance
