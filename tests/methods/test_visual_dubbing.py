"""Visual dubbing's networks: identities that must hold exactly, the paper's sizes, gradients everywhere."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from lipsync.assets import asset
from lipsync.errors import ConfigError
from lipsync.methods.visual_dubbing.config import (
    EXPRESSION_ABLATIONS,
    RENDERER_ABLATIONS,
    ExpressionConfig,
    RendererConfig,
    VisualDubbingConfig,
    expression_config,
    renderer_config,
)
from lipsync.methods.visual_dubbing.expression import ExpressionNet, LocalCrossAttention
from lipsync.methods.visual_dubbing.model import Renderer, RendererInput, VisualDubbing
from lipsync.methods.visual_dubbing.renderer.inpaint import MultiScaleFusion
from lipsync.methods.visual_dubbing.renderer.motion import identity_grid, warp

SIZE = 64
TINY = {"size": SIZE, "width": 0.1, "references": 1}
ASSETS = asset("models")


def view(batch: int = 2, size: int = SIZE, references: int = 1) -> RendererInput:
    torch.manual_seed(0)
    pictures = [torch.rand(batch, channels, size, size) for channels in (3, 3 * references, 3)]
    hole = torch.zeros(batch, 1, size, size)
    hole[:, :, size // 2 :, 8:-8] = 1
    guide, reference, face = pictures
    geometry = identity_grid(size, size, face).repeat(batch, 1, 1, references)
    return RendererInput(guide, reference, face * (1 - hole), hole, geometry)


@pytest.mark.parametrize("geometric", [False, True])
def test_zero_flow_warps_to_identity(geometric):
    seen = view()
    assert torch.allclose(warp(seen.reference, seen.geometry), seen.reference, atol=1e-5)
    # The last convolution of SFM starts at zero: so does its flow.
    drawn = Renderer(RendererConfig(**TINY, geometric_flow=geometric))(seen)
    assert torch.allclose(drawn.warped, seen.reference, atol=1e-5)


@pytest.mark.parametrize("geometric", [False, True])
def test_each_reference_is_warped_by_its_own_flow_and_joined_by_its_share(geometric):
    seen = view(references=3)
    net = Renderer(RendererConfig(**{**TINY, "references": 3}, geometric_flow=geometric))
    # At the start all three have the same share and lie where they lie.
    plain = seen.reference.unflatten(1, (3, 3))
    assert torch.allclose(net(seen).warped, plain.mean(1), atol=1e-5)
    right = torch.tensor([0.0, 1.0, 3.0])  # whole pixels, of each reference
    flows = torch.zeros(2, 3, SIZE, SIZE, 2)
    flows[..., 0] = (right * 2 / (SIZE - 1))[:, None, None]
    shares = torch.rand(2, 3, SIZE, SIZE).softmax(1)
    net.motion.forward = lambda guide, references: (flows, shares)
    drawn = net(seen)
    inside = slice(0, SIZE - 3)
    expected = sum(
        shares[:, r, :, inside, None] * plain[:, r].permute(0, 2, 3, 1)[:, :, shift : SIZE - 3 + shift]
        for r, shift in enumerate((0, 1, 3))
    )
    assert torch.allclose(drawn.warped[..., inside].permute(0, 2, 3, 1), expected, atol=1e-4)
    assert drawn.moved.shape == (6, 3, SIZE, SIZE)
    assert drawn.grid.shape == (6, SIZE, SIZE, 2)


def test_a_core_of_before_has_one_reference_and_passes_over_a_size_that_no_decoder_has():
    saved = {"spade_scales": [12, 24, 48], "width": 0.1}
    renderer = VisualDubbingConfig(renderer=saved).renderer
    assert (renderer.references, renderer.spade_scales) == (1, (24, 48))
    # With one level more the decoder has that size.
    deeper = {**saved, "inpaint_channels": [8] * 6, "texture_channels": [8] * 6}
    assert VisualDubbingConfig(renderer=deeper).renderer.spade_scales == (12, 24, 48)
    assert VisualDubbingConfig(renderer={"references": 2}).renderer.references == 2
    shipped = VisualDubbing.from_pretrained(ASSETS / "visual-dubbing-embedded")
    assert shipped.config.renderer.references == 1
    blocks = [level.block for level in shipped.renderer.texture.decoder]  # 24, 48, 96 and 192 pixels
    assert [block is not None for block in blocks] == [True, True, False, False]


def test_a_flow_of_whole_pixels_moves_the_picture():
    picture = torch.rand(1, 3, 8, 9)
    grid = identity_grid(8, 9, picture) + torch.tensor([2 * 2 / 8, 1 * 2 / 7])  # two pixels right, one down
    moved = warp(picture, grid)
    assert torch.allclose(moved[..., :-1, :-2], picture[..., 1:, 2:], atol=1e-5)


@pytest.mark.parametrize("window", [0, 1, 3])
def test_attention_outside_the_window_is_exactly_zero(window):
    torch.manual_seed(0)
    attention = LocalCrossAttention(6, 5, 4, window)
    audio, visual = torch.randn(2, 9, 6), torch.randn(2, 9, 5)
    weights = attention.weights(audio, visual)
    time = np.arange(9)
    far = np.abs(time[:, None] - time) > window
    assert (weights.detach().numpy()[:, far] == 0).all()
    assert (weights.detach().numpy()[:, ~far] > 0).all()
    assert torch.allclose(weights.sum(-1), torch.ones(2, 9))
    # Eq 7 of one frame, written out.
    t, near = 4, slice(4 - window, 4 + window + 1)
    q, k = attention.query(audio)[0, t], attention.key(visual)[0, near]
    alpha = (k @ q / 2).softmax(0)  # d = 4
    assert torch.allclose(attention(audio, visual)[0, t], alpha @ attention.value(visual)[0, near], atol=1e-6)


def test_fusion_with_sigma_zero_is_no_fusion():
    torch.manual_seed(0)
    with_zero = Renderer(RendererConfig(**TINY, sigma="zero")).eval()
    without = Renderer(RendererConfig(**TINY, fusion=False)).eval()
    missing = without.load_state_dict(with_zero.state_dict(), strict=False)
    assert not missing.missing_keys
    assert all("fusion" in key for key in missing.unexpected_keys)
    seen = view()
    assert torch.equal(with_zero(seen).face, without(seen).face)
    one = Renderer(RendererConfig(**TINY, sigma="one")).eval()
    one.load_state_dict(
        {**with_zero.state_dict(), **{k: v for k, v in one.state_dict().items() if "sigma" in k}}
    )
    assert (one(seen).face - without(seen).face).abs().max() > 1e-4


def test_fusion_is_its_equations():
    torch.manual_seed(0)
    fusion = MultiScaleFusion(3, 5)
    with torch.no_grad():
        fusion.gamma.copy_(torch.tensor([0.3, -1.0, 0.5]))
    x, texture = torch.randn(2, 3, 7, 7), torch.randn(2, 5, 7, 7)
    t = [conv(texture) for conv in fusion.scales]
    assert [tuple(conv.kernel_size) for conv in fusion.scales] == [(3, 3), (5, 5), (7, 7)]
    w = np.exp([0.3, -1.0, 0.5]) / np.exp([0.3, -1.0, 0.5]).sum()
    gate = torch.sigmoid(torch.einsum("oc,bchw->bohw", fusion.gate.weight[:, :, 0, 0], torch.cat([x, *t], 1))
                         + fusion.gate.bias[:, None, None])  # fmt: skip
    expected = x + 0.1 * gate * sum(float(a) * b for a, b in zip(w, t, strict=True))
    assert torch.allclose(fusion(x, texture), expected, atol=1e-5)


def without_zeros(net: nn.Module) -> nn.Module:
    """Layers that start at zero, for the sake of a quiet start, hide those before them."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d) and not layer.weight.any():
            nn.init.normal_(layer.weight, std=0.1)
    return net


@pytest.mark.parametrize("name", RENDERER_ABLATIONS.names())
@pytest.mark.parametrize("residual", [False, True])
def test_gradients_reach_every_parameter_of_the_renderer(name, residual):
    config = replace(renderer_config(name, 0.05), size=SIZE, residual=residual, geometric_flow=residual)
    net = without_zeros(Renderer(config))
    drawn = net(view(references=config.references))
    (drawn.face.square().mean() + drawn.mended.square().mean()).backward()
    lost = [key for key, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    # A bias before an instance norm is undone by it, and the first skip of a norm's input likewise;
    # with σ = 0 the branch is off.
    lost = [key for key in lost if "conv1.bias" not in key]
    if name == "sigma-zero":
        lost = [key for key in lost if "fusion" not in key]
    assert not lost


@pytest.mark.parametrize("name", EXPRESSION_ABLATIONS.names())
@pytest.mark.parametrize("extra", [{}, {"audio_residual": True, "tower": "wav2lip"}])
def test_gradients_reach_every_parameter_of_stage_1(name, extra):
    torch.manual_seed(0)
    config = replace(
        expression_config(name, 0.1), features=16, hidden=8, expression_size=7, image_size=32, **extra
    )
    net = ExpressionNet(config)
    speech = torch.randn(2, 6, 1, config.audio.rows, config.audio.window)
    out = net(speech, torch.rand(2, 6, 3, 48, 48))
    assert out.shape == (2, 6, 7)
    out.square().sum().backward()
    lost = [key for key, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert not [key for key in lost if ".conv_block.0.bias" not in key]  # undone by batch norm


def test_stage_1_sees_the_semantic_images_only_where_it_should():
    torch.manual_seed(0)
    speech, pictures = torch.randn(1, 9, 1, 39, 16), torch.rand(1, 9, 3, 32, 32)
    changed = pictures.clone()
    changed[:, 8] = 0
    small = {"width": 0.1, "features": 16, "hidden": 8, "image_size": 32}
    net = ExpressionNet(ExpressionConfig(**small, window=1)).eval()
    f_a, f_v, f_w = (torch.randn(1, 9, 16) for _ in range(3))
    f_w[:, :8] = f_v[:, :8]
    local = LocalCrossAttention(16, 16, 16, 1)
    same = (local(f_a, f_v) == local(f_a, f_w)).all(-1)[0]
    assert same.tolist() == [True] * 7 + [False] * 2
    assert not torch.equal(net(speech, pictures), net(speech, changed))
    deaf = ExpressionNet(ExpressionConfig(**small, semantic_images=False)).eval()
    assert torch.equal(deaf(speech, pictures), deaf(speech, changed))
    with pytest.raises(ValueError, match="semantic images"):
        net(speech)


def test_settling_adds_the_rest_and_keeps_the_bounds():
    net = ExpressionNet(ExpressionConfig(width=0.1, features=8, hidden=4, expression_size=3, relative=True))
    said, rest = torch.tensor([[0.2, -0.5, 0.9]]), torch.tensor([0.1, 0.2, 0.3])
    assert torch.allclose(net.settle(said, rest), torch.tensor([[0.3, 0.0, 1.0]]))
    net.config = replace(net.config, gain=2.0)
    assert torch.allclose(net.settle(said, rest), torch.tensor([[0.5, 0.0, 1.0]]))


def test_full_size_is_near_table_7():
    with torch.device("meta"):
        net = VisualDubbing(VisualDubbingConfig())
    parts = {"expression": net.expression, "motion": net.renderer.motion, "texture": net.renderer.texture,
             "inpaint": net.renderer.inpaint}  # fmt: skip
    published = {
        "expression": 12.50,
        "motion": 38.68,
        "texture": 12.53,
        "inpaint": 37.68,
    }  # millions, Table 7
    for name, part in parts.items():
        millions = sum(p.numel() for p in part.parameters()) / 1e6
        assert millions == pytest.approx(published[name], rel=0.12), name
    total = sum(p.numel() for p in net.parameters()) / 1e6
    assert total == pytest.approx(101.17, rel=0.06)


def test_a_core_comes_back_from_its_folder(tmp_path: Path):
    config = VisualDubbingConfig(
        ExpressionConfig(width=0.1, features=8, hidden=4, window=1),
        RendererConfig(width=0.05, size=64, top=32),
    )
    net = VisualDubbing(config)
    net.save_pretrained(tmp_path)
    again = VisualDubbing.from_pretrained(tmp_path)
    assert again.config == config
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), again.parameters(), strict=True))


def test_rows_above_the_hole_stay_as_they_are():
    net = Renderer(RendererConfig(**{**TINY, "references": 2}, top=32)).eval()
    seen = view(references=2)
    drawn = net(seen)
    assert torch.equal(drawn.face[:, :, :32], seen.cropped[:, :, :32])
    assert drawn.face.shape == seen.cropped.shape


@pytest.mark.parametrize(
    ("bad", "says"),
    [({"sigma": "on"}, "one"), ({"guide": "shadde"}, "shaded"), ({"size": 100}, "32"), ({"top": 20}, "32"),
     ({"width": 0}, "width"), ({"references": 0}, "a reference"),
     ({"references": 2, "motion": False}, "motion"),
     ({"spade_scales": (12,)}, "feature size '12'"), ({"fusion_scales": (12, 48)}, "feature size '12'")],
)  # fmt: skip
def test_configurations_that_cannot_be(bad, says):
    with pytest.raises(ConfigError, match=says):
        RendererConfig(**bad)
    with pytest.raises(ConfigError, match="feature size"):
        Renderer(RendererConfig(width=0.05, fusion_scales=(50,)))
