"""Training of visual dubbing: its losses against independent ones, Ranger, and a clip learnt by heart."""

import json
from copy import deepcopy
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from skimage.metrics import structural_similarity
from torch import nn

from lipsync.data.clips import MARGIN, STORED, load_clips
from lipsync.data.expression_curves import load_curves
from lipsync.data.fitted_clips import fitted
from lipsync.errors import ConfigError
from lipsync.faces.model3d.fitting import fit_clip
from lipsync.faces.model3d.load import load_morphable
from lipsync.methods.stages import read_config, recipe, train
from lipsync.methods.visual_dubbing.config import RendererConfig, VisualDubbingConfig
from lipsync.methods.visual_dubbing.expression import load_expression
from lipsync.methods.visual_dubbing.model import VisualDubbing
from lipsync.methods.visual_dubbing.renderer.critic import Critic, critic_loss
from lipsync.methods.visual_dubbing.renderer.losses import (
    correspondence_loss,
    masked_l1,
    optical_flow,
    perceptual_loss,
    ssim_loss,
    style_loss,
)
from lipsync.methods.visual_dubbing.renderer.motion import identity_grid, warp
from lipsync.methods.visual_dubbing.train_expression import expression_losses
from lipsync.methods.visual_dubbing.train_renderer import DubbingStage
from lipsync.methods.visual_dubbing.validation import usual_references
from lipsync.training.config import read_toml
from lipsync.training.ranger import Ranger


@pytest.mark.parametrize(
    ("kind", "name"),
    [("expression", "visual_dubbing-expression"), ("expression", "embedded-expression"),
     ("dubbing", "visual_dubbing-dubbing"), ("dubbing", "embedded-dubbing"),
     ("expression", "ablation-expression"), ("dubbing", "ablation-dubbing")],
)  # fmt: skip
def test_recipes_are_configurations(kind, name):
    config = read_config(kind, read_toml(recipe(f"{name}")), ["run.steps=7"])
    assert config.run.steps == 7


def test_rows_of_the_tables_are_reached_by_name():
    row = read_config("dubbing", {}, ["stage.model.ablation=sigma-one", "stage.model.width=0.1"])
    assert (row.stage.model.sigma, row.stage.model.width) == ("one", 0.1)
    row = read_config("expression", {}, ["stage.model.ablation=base"])
    assert not row.stage.model.attention
    with pytest.raises(ConfigError, match="sigma-zero"):
        read_config("dubbing", {}, ["stage.model.ablation=sigma-zeroo"])


def pictures(size: int = 48) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(0)
    a = cv2.GaussianBlur(rng.random((size, size, 3)).astype(np.float32), (0, 0), 3)
    a = (a - a.min()) / (a.max() - a.min())
    b = np.clip(a + rng.normal(0, 0.05, a.shape), 0, 1).astype(np.float32)
    return tuple(torch.from_numpy(x).permute(2, 0, 1)[None] for x in (a, b))  # type: ignore[return-value]


def test_ssim_is_that_of_scikit_image():
    a, b = pictures()
    x, y = (t[0].permute(1, 2, 0).numpy() for t in (a, b))
    _, full = structural_similarity(
        x, y, channel_axis=2, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
        full=True,
    )  # fmt: skip
    assert ssim_loss(a, b).item() == pytest.approx(1 - full[5:-5, 5:-5].mean(), abs=1e-4)


def test_masked_l1_by_hand():
    a, b = torch.zeros(1, 2, 1, 2), torch.tensor([[[[1.0, 5.0]], [[3.0, 7.0]]]])
    assert masked_l1(a, b, torch.tensor([[[[1.0, 0.0]]]])).item() == pytest.approx(2.0)
    assert masked_l1(a, b, torch.tensor([[[[3.0, 1.0]]]])).item() == pytest.approx((3 * 4 + 12) / 8)


def test_correspondence_loss_measures_the_shift_and_pulls_the_grid_back():
    picture, _ = pictures(96)
    grid = identity_grid(96, 96, picture) + torch.tensor([3 * 2 / 95, 0.0])  # three pixels too far right
    grid.requires_grad_(True)
    warped = warp(picture, grid)
    found = optical_flow(picture, warped)[0, 20:-20, 20:-20]
    assert np.allclose(found.mean((0, 1)), (-3, 0), atol=0.3)
    inside = torch.zeros(1, 1, 96, 96)
    inside[..., 20:-20, 20:-20] = 1
    loss = correspondence_loss(grid, warped, picture, inside, most=8)
    assert loss.item() == pytest.approx(3, abs=0.3)
    loss.backward()
    slope = grid.grad[0, 20:-20, 20:-20]
    assert (slope[..., 0] > 0).float().mean() > 0.95  # downhill is to the left
    assert correspondence_loss(grid, warped, picture, inside, most=1).item() < 0.2  # not believed


def test_feature_losses_by_hand():
    a, b = torch.tensor([[[[1.0, 2.0]]]]), torch.tensor([[[[0.0, 4.0]]]])
    assert perceptual_loss([a, a], [b, a]).item() == pytest.approx(1.5)
    # G = 1 + 4 and 16, over (1 * 1 * 2) squared.
    assert style_loss([a], [b]).item() == pytest.approx(abs(5 - 16) / 4)


def test_the_critic_is_eq_26():
    """A linear critic, whose gradient is known: E[D(I_t)] - E[D(I_i)] - E[D(I_e)] - λ E(|∇D| - 1)²."""
    rng = np.random.default_rng(0)
    weight = rng.normal(0, 0.2, (3, 4, 4)).astype(np.float32)
    target, inpainted, mended = rng.random((3, 5, 3, 4, 4), np.float32)

    class Linear(nn.Module):
        def forward(self, x):
            return (x * torch.from_numpy(weight)).sum((1, 2, 3), keepdim=True)

    def d(x):
        return (x * weight).sum((1, 2, 3)).mean()

    penalty = 10 * (np.sqrt((weight**2).sum()) - 1) ** 2
    maximised = d(target) - d(inpainted) - d(mended) - penalty
    real, *fakes = map(torch.from_numpy, (target, inpainted, mended))
    assert critic_loss(Linear(), real, fakes, 10.0).item() == pytest.approx(-maximised, rel=1e-4)


def test_expression_losses_are_eq_11_and_12():
    rng = np.random.default_rng(0)
    error, apart = rng.normal(size=(2, 4, 3)), rng.normal(size=(2, 4, 5, 2))  # two clips of four frames
    valid = np.ones((2, 4))
    valid[1, 3] = 0
    exp, shape = np.zeros(2), np.zeros(2)
    for clip in range(2):
        for t in range(4):
            if valid[clip, t]:
                exp[clip] += np.linalg.norm(error[clip, t], 1)
                shape[clip] += np.linalg.norm(apart[clip, t].reshape(-1), 1)  # of a vector of 2 N
    given = [torch.from_numpy(x) for x in (error, apart, valid)]
    summed, mean = (expression_losses(*given, how) for how in ("sum", "mean"))
    assert [x.item() for x in summed] == pytest.approx([exp.mean(), shape.mean()])
    assert [x.item() for x in mean] == pytest.approx([exp.sum() / 7, shape.sum() / 7 / 10])


def test_the_critic_pays_for_its_slope():
    class Linear(nn.Module):
        def forward(self, x):
            return 3 * x.sum((1, 2, 3), keepdim=True) / x[0].numel() ** 0.5  # gradient of norm 3

    real, fake = torch.ones(4, 3, 4, 4), torch.zeros(4, 3, 4, 4)
    expected = -3 * 48**0.5 + 0 + 10 * (3 - 1) ** 2
    assert critic_loss(Linear(), real, [fake, fake], 10.0).item() == pytest.approx(expected, rel=1e-5)
    torch.manual_seed(0)
    critic = Critic(0.1)
    optimizer = torch.optim.Adam(critic.parameters(), 1e-3)
    for _ in range(15):
        optimizer.zero_grad()
        critic_loss(critic, real.repeat(1, 1, 8, 8), [fake.repeat(1, 1, 8, 8)], 10.0).backward()
        optimizer.step()
    assert critic(real.repeat(1, 1, 8, 8)).mean() > critic(fake.repeat(1, 1, 8, 8)).mean() + 0.1


def test_ranger_is_radam_with_lookahead(tmp_path):
    torch.manual_seed(0)
    p = nn.Parameter(torch.randn(5))
    q = nn.Parameter(p.detach().clone())
    ranger = Ranger([p], lr=0.1, every=3, pull=0.5)
    radam = torch.optim.RAdam([q], lr=0.1, betas=(0.95, 0.999))
    slow = q.detach().clone()
    target = torch.randn(5)
    for step in range(1, 11):
        for x, optimizer in ((p, ranger), (q, radam)):
            optimizer.zero_grad()
            (x - target).square().sum().backward()
            optimizer.step()
        if step % 3 == 0:
            slow = slow + 0.5 * (q.detach() - slow)
            with torch.no_grad():
                q.copy_(slow)
        assert torch.allclose(p, q, atol=1e-6)
    again = Ranger([nn.Parameter(p.detach().clone())], lr=0.1, every=3, pull=0.5)
    again.load_state_dict(deepcopy(ranger.state_dict()))
    (twin,) = again.param_groups[0]["params"]
    for x, optimizer in ((p, ranger), (twin, again)):
        for _ in range(3):
            optimizer.zero_grad()
            (x - target).square().sum().backward()
            optimizer.step()
    assert torch.equal(p, twin)  # the slow weights travel with a checkpoint


def test_curves_come_at_25_frames_a_second(tmp_path, shared):
    import soundfile

    weights = np.zeros((31, 3), np.float16)
    weights[:, 1] = np.linspace(0, 1, 31)
    np.savez(
        tmp_path / "a.npz", weights=weights, names=["brow_up", "mouth_open", "jaw_left"], fps=np.float32(30)
    )
    soundfile.write(tmp_path / "a.flac", np.zeros(16000), 16000)
    (found,) = load_curves(tmp_path)
    assert found.values.shape == (25, 2)  # brows are not spoken
    assert found.values[:, 0] == pytest.approx(np.arange(25) / 25, abs=2e-3)
    assert load_curves(shared / "data" / "expression")[0].values.shape[1] > 20
    with pytest.raises(ConfigError, match="expression curves"):
        load_curves(tmp_path / "nowhere")


@pytest.fixture(scope="module")
def prepared(shared, tmp_path_factory) -> Path:
    """20 frames of a clip as ``prepare`` and ``fit`` leave them, with the 3D face that ships."""
    from lipsync.data.preparation.clipping import clip_video
    from lipsync.data.preparation.limits import Limits
    from lipsync.faces.tracking.landmarks import Landmarker
    from lipsync.weights import hub

    landmarker = hub.locate("face_landmarker")
    if landmarker is None:
        pytest.skip("needs the face_landmarker artefact (make weights)")
    folder = tmp_path_factory.mktemp("prepared")
    source = sorted((shared / "data" / "train").glob("*.mp4"))[0]
    cut, _ = clip_video(source, folder, "one", landmarker, Limits())
    clip = cut[0]["clip"]
    points = np.load(folder / f"{clip}.npy")[:20]
    np.save(folder / f"{clip}.npy", points)
    rows = [{"clip": clip, "identity": "one", "split": "train", "frames": 20}]
    pd.DataFrame(rows).to_csv(folder / "manifest.csv", index=False)
    fit = fit_clip(load_morphable("embedded"), points.astype(np.float32), STORED, None, MARGIN)
    fit.save(folder / f"{clip}.fit.npz")
    del Landmarker
    return folder


SMALL = ["run.threads=1", "run.log_every=1", "stage.perceptual_weight=0", "stage.style_weight=0"]


def test_both_stages_train_and_leave_one_core(prepared, shared, monkeypatch, tmp_path):
    monkeypatch.setenv("LIPSYNC_WEIGHTS", str(shared / "weights"))
    short = ["run.steps=2", "run.check_every=2", 'data.check=["train"]', "run.threads=1"]
    sets = [*short, "stage.stretches=2", "stage.frames=10"]
    config = read_config("expression", read_toml(recipe("embedded-expression")), sets)
    train("expression", config, prepared, tmp_path / "one", quiet=True)
    sets = [*short, "stage.gan_weight=0.01", "stage.joint_from=0.5", "stage.model.width=0.3",
             "stage.model.references=2"]  # fmt: skip
    sets.append(f"stage.expression={tmp_path / 'one' / 'expression'}")
    config = read_config("dubbing", read_toml(recipe("embedded-dubbing")), sets + SMALL)
    train("dubbing", config, prepared, tmp_path / "two", quiet=True)
    core = VisualDubbing.from_pretrained(tmp_path / "two" / "generator")
    assert core.config.expression.tower == "wav2lip"
    assert core.config.renderer.geometric_flow
    for name, columns in (("one", {"exp", "shape", "r_gap"}), ("two", {"warp_l1", "critic", "inpainted"})):
        assert columns <= set(pd.read_csv(tmp_path / name / "log.csv").columns)
        assert (tmp_path / name / "checks.csv").is_file()
    assert (tmp_path / "two" / "sheet-000002.png").is_file()
    assert json.loads((tmp_path / "two" / "train.json").read_text())["kind"] == "dubbing"


def test_the_base_model_has_nothing_to_train_before_the_inpainting(prepared, shared, monkeypatch, tmp_path):
    monkeypatch.setenv("LIPSYNC_WEIGHTS", str(shared / "weights"))
    sets = ["run.steps=1", "run.check_every=0", "stage.gan_weight=0", "stage.faces=1",
            "stage.model.ablation=base", "stage.model.width=0.02", "stage.model.top=96",
            "stage.morphable=embedded"]  # fmt: skip
    config = read_config("dubbing", {}, sets + SMALL)
    train("dubbing", config, prepared, tmp_path, quiet=True)
    assert pd.read_csv(tmp_path / "log.csv")["face_l1"].iloc[0] > 0


def test_stage_1_takes_the_renderer_of_a_core(prepared, shared, monkeypatch, tmp_path):
    monkeypatch.setenv("LIPSYNC_WEIGHTS", str(shared / "weights"))
    torch.manual_seed(3)
    given = VisualDubbing(VisualDubbingConfig(renderer=RendererConfig(width=0.05, sigma="one")))
    given.save_pretrained(tmp_path / "given")
    sets = ["run.steps=1", "run.check_every=0", "run.threads=1", "stage.stretches=1", "stage.frames=5",
            "stage.model.semantic_images=false", "stage.model.width=0.1", "stage.morphable=embedded",
            "stage.model.expression_size=51"]  # fmt: skip
    sets.append(f"stage.renderer={tmp_path / 'given'}")
    config = read_config("expression", {}, sets)
    train("expression", config, prepared, tmp_path / "run", quiet=True)
    made = VisualDubbing.from_pretrained(tmp_path / "run" / "generator")
    assert (made.config.expression.width, made.config.renderer.sigma) == (0.1, "one")
    for name, value in given.renderer.state_dict().items():
        assert torch.equal(made.renderer.state_dict()[name], value)
    alone = load_expression(str(tmp_path / "run" / "expression")).state_dict()
    assert all(torch.equal(value, alone[name]) for name, value in made.expression.state_dict().items())


def test_training_without_fits_says_what_to_run(prepared, shared, monkeypatch, tmp_path):
    monkeypatch.setenv("LIPSYNC_WEIGHTS", str(shared / "weights"))
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "manifest.csv").write_text((prepared / "manifest.csv").read_text())
    with pytest.raises(ConfigError, match="lipsync fit"):
        fitted(load_clips(bare), needed=True)
    config = read_config("expression", {}, [])
    with pytest.raises(ConfigError, match="semantic images"):
        train("expression", config, prepared, tmp_path / "run")


@pytest.mark.minutes
def test_twenty_frames_are_learnt_by_heart(prepared, shared, monkeypatch, tmp_path):
    monkeypatch.setenv("LIPSYNC_WEIGHTS", str(shared / "weights"))
    # The references are those of the check, and no others from step to step.
    monkeypatch.setattr(DubbingStage, "_references", lambda stage, clip, *_: usual_references(clip, 1))
    # At half the size, which a fifth of the time learns; what the mouth looks like, and nothing else.
    sets = ["run.steps=620", "run.check_every=155", "run.save_every=620", 'data.check=["train"]']
    sets += ["stage.model.size=96", "stage.model.top=32", "stage.joint_from=0", "stage.late_from=0"]
    sets += ["stage.late=0.8", "stage.learning_rate=1.5e-3", "stage.decay_from=0.5", "stage.augment=false"]
    sets += ["stage.ssim_weight=0", "stage.correspondence_weight=0", "stage.faces=4"]
    config = read_config("dubbing", read_toml(recipe("embedded-dubbing")), sets + SMALL)
    train("dubbing", config, prepared, tmp_path, quiet=True)
    found = pd.read_csv(tmp_path / "checks.csv")["mouth_psnr"]
    assert found.iloc[-1] > 30
