"""Stage 1 of visual dubbing on toy people: a pre-trained encoder's features, silence, how far lips move."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lipsync.audio.encoders import load_encoder
from lipsync.audio.selector import select
from lipsync.data.clips import STORED, load_clips
from lipsync.faces.model3d.fit import Fit
from lipsync.faces.model3d.load import load_morphable
from lipsync.media import read_audio
from lipsync.methods.visual_dubbing.config import ExpressionConfig
from lipsync.methods.visual_dubbing.expression import load_expression
from lipsync.methods.visual_dubbing.renderer_input import Scene
from lipsync.methods.visual_dubbing.train_expression import (
    ExpressionStage,
    ExpressionStageConfig,
)
from lipsync.training.loop import RunConfig, Update
from tests.training.toy import toy_folder

FACE = load_morphable("embedded")
MODEL = ExpressionConfig(
    expression_size=FACE.expression_size, semantic_images=False, width=0.1, features=16, hidden=8,
    bounded=False, relative=True, tower="encoder", encoder="mel", encoder_dimension=80, encoder_rate=80.0,
    encoder_count=3,
)  # fmt: skip
CONFIG = ExpressionStageConfig(MODEL, morphable="embedded", stretches=4, frames=10, reduction="mean")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Path:
    """Two people whose first spoken coefficient is the gap of their lips; frame 5 could not be fitted."""
    folder = toy_folder(tmp_path_factory.mktemp("prepared"), ("train", "dev"), frames=40)
    rng, speech_driven = np.random.default_rng(0), Scene(FACE).speech_driven.numpy()
    for clip in load_clips(folder, ("train", "dev")):
        expression = np.zeros((40, FACE.expression_size), np.float32)
        expression[:, speech_driven] = rng.normal(0, 0.02, (40, len(speech_driven)))
        expression[:, speech_driven[0]] = 3 * clip.shape[:, 0]
        valid = np.arange(40) != 5
        pose = np.tile(np.float32([0, 0, 0, 0, 0, 600]), (40, 1))
        identity = np.zeros(FACE.identity_size, np.float32)
        error = np.ones(40, np.float32)
        fit = Fit(identity, expression, pose, error, valid, STORED, 400.0, "embedded")
        fit.save(folder / f"{clip.name}.fit.npz")
    return folder


def stage_of(prepared: Path, **changes) -> ExpressionStage:
    torch.manual_seed(1)
    train, dev = (load_clips(prepared, (split,)) for split in ("train", "dev"))
    return ExpressionStage(replace(CONFIG, **changes), train, dev)


def update() -> Update:
    return Update(RunConfig(device="cpu"), torch.device("cpu"))


def test_frames_hear_the_vectors_around_them_centred_and_scaled(prepared):
    stage = stage_of(prepared)
    heard = load_encoder("mel").encode(read_audio(prepared / "c0.mp4"))
    tower = stage.net.speech
    # Statistics are those of every fourth vector, in the half precision in which they are kept.
    assert np.allclose(tower.mean.numpy(), heard[::4].mean(0), atol=0.02)
    assert np.allclose(tower.deviation.numpy(), heard[::4].std(0, ddof=1), atol=0.02)
    (clip,) = stage.sampler.clips
    part = stage._stretch(clip, np.arange(7, 17))
    expected = select(heard, 80.0, np.arange(7, 17) / 25, 3)
    assert part["speech"].shape == (10, 3, 80)
    assert np.allclose(part["speech"], expected, atol=5e-3)


def test_in_silence_the_lips_are_this_persons_closed_ones(prepared):
    stage = stage_of(prepared, silent_stretches=3)
    batch = stage.batch(np.random.default_rng(0))
    assert batch["silent"][:, 0].tolist() == [0, 1, 1, 1]
    fit = Fit.load(prepared / "c0.fit.npz")
    gap = load_clips(prepared)[0].shape[:, 0]
    shut = fit.valid & (gap <= np.quantile(gap, 0.25))
    assert torch.allclose(
        batch["expression"][1:], torch.from_numpy(fit.expression[shut].mean(0)).expand(3, 10, -1), atol=1e-6
    )
    first = fit.expression[:, stage.scene.speech_driven[0]]
    assert first[shut].mean() < 0.7 * first.mean()
    heard = load_encoder("mel").encode(read_audio(prepared / "c0.mp4"))
    vectors = {vector.tobytes() for vector in heard.astype(np.float16).astype(np.float32)}
    own = [np.mean([v.tobytes() in vectors for v in row.reshape(-1, 80).numpy()]) for row in batch["speech"]]
    assert own == [1, 0, 0, 0]


def test_silence_does_not_count_as_movement_that_was_missed(prepared):
    """Size and correlation are asked for where somebody speaks; in silence both would be of a constant."""
    stage = stage_of(prepared, silent_stretches=2)
    batch = stage.batch(np.random.default_rng(0))
    right = stage._losses(batch["expression"], batch, "mean")
    assert float(right["exp"]) == float(right["shape"]) == 0
    assert (float(right["r_gap"]), float(right["size"])) == pytest.approx((1, 0), abs=1e-4)
    assert float(right["spread"]) == pytest.approx(1, abs=1e-4)
    still = batch["expression"].mean(1, keepdim=True).expand_as(batch["expression"])
    shy = stage._losses(still, batch, "mean")
    assert float(shy["spread"]) < 0.05
    assert float(shy["size"]) > 0.01
    loud = batch["expression"].clone()
    loud[2:] += torch.randn(2, 10, loud.shape[-1])  # lips that move in silence cost what eq 11 and 12 say
    noisy = stage._losses(loud, batch, "mean")
    assert (float(noisy["r_gap"]), float(noisy["size"])) == pytest.approx((1, 0), abs=1e-4)
    assert float(noisy["exp"]) > 0.1


def test_a_step_is_eq_13_and_its_aids_and_the_network_is_kept_with_its_scaling(prepared, tmp_path):
    stage = stage_of(
        prepared, silent_stretches=1, size_weight=0.5, correlation_weight=2.0, learning_rate=1e-2
    )
    batch = stage.batch(np.random.default_rng(0))
    values = [stage.step(batch, update(), 0.0) for _ in range(30)]
    first = values[0]
    asked = first["exp"] + 0.5 * first["shape"] + 2 * (1 - first["r_gap"]) + 0.5 * first["size"]
    assert first["loss"] == pytest.approx(asked, rel=1e-4)
    assert values[-1]["loss"] < 0.7 * first["loss"]
    stage.net.eval()
    with torch.no_grad():
        assert {"dev_r_gap", "dev_aed", "dev_shape", "dev_spread"} == stage.check(tmp_path, 1).keys()
        stage.export(tmp_path)
        again = load_expression(str(tmp_path / "expression")).eval()
        assert again.config == MODEL
        assert torch.equal(again(batch["speech"]), stage.net(batch["speech"]))
