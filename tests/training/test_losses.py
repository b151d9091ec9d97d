"""Losses against values worked out by hand."""

import math

import pytest
import torch

from lipsync.training.losses import (
    adversarial_loss,
    correlation,
    discriminator_loss,
    sync_bce,
    sync_loss,
    sync_probability,
)


def test_sync_probability_is_the_cosine():
    face = torch.tensor([[3.0, 4.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    audio = torch.tensor([[4.0, 3.0], [0.0, 2.0], [5.0, 5.0], [1.0, 0.0]])
    wanted = torch.tensor([24 / 25, 0.0, 1.0, 0.0])
    assert torch.allclose(sync_probability(face, audio), wanted, atol=1e-6)
    assert torch.allclose(sync_probability(face, audio, "sigmoid"), 1 / (1 + torch.exp(-wanted)), atol=1e-6)


def test_the_patents_epsilon_guards_the_product_of_the_lengths():
    face, audio = torch.tensor([[3e-4, 0.0], [30.0, 40.0]]), torch.tensor([[1e-3, 0.0], [1e-9, 0.0]])
    found = sync_probability(face, audio, epsilon=1e-6)
    # 3e-7 / max(3e-7, 1e-6), and 3e-8 / max(5e-8, 1e-6).
    assert found.tolist() == pytest.approx([0.3, 0.03], rel=1e-4)


def test_sync_loss_is_the_mean_of_minus_log():
    assert sync_loss(torch.tensor([0.5, 0.25])).item() == pytest.approx(math.log(2) * 1.5, abs=1e-6)
    assert sync_loss(torch.tensor([0.0])).item() == pytest.approx(-math.log(1e-6), rel=1e-5)


def test_sync_bce_at_chance_is_log_2():
    half = torch.full((4,), 0.5)
    assert sync_bce(half, torch.tensor([1.0, 1, 0, 0])).item() == pytest.approx(0.6931, abs=1e-4)
    found = sync_bce(torch.tensor([0.8, 0.1]), torch.tensor([1.0, 0.0])).item()
    assert found == pytest.approx(-(math.log(0.8) + math.log(0.9)) / 2, abs=1e-6)
    assert math.isfinite(sync_bce(torch.tensor([0.0, 1.0]), torch.tensor([1.0, 0.0])).item())


def test_gan_losses_are_eq_13_and_14():
    real, fake = torch.tensor([2.0, 0.0]), torch.tensor([-1.0, 3.0])
    d = lambda x: 1 / (1 + math.exp(-x))  # noqa: E731
    wanted = -(math.log(d(2)) + math.log(d(0))) / 2 - (math.log(1 - d(-1)) + math.log(1 - d(3))) / 2
    assert discriminator_loss(real, fake).item() == pytest.approx(wanted, abs=1e-6)
    assert adversarial_loss(fake).item() == pytest.approx(-(math.log(d(-1)) + math.log(d(3))) / 2, abs=1e-6)


def test_correlation_is_pearson():
    t = torch.tensor([[1.0, 2, 4, 3, 7]])[..., None]
    p = torch.tensor([[2.0, 1, 5, 3, 9]])[..., None]
    wanted = torch.corrcoef(torch.stack([t.flatten(), p.flatten()]))[0, 1].item()
    assert correlation(p, t).item() == pytest.approx(wanted, abs=1e-5)
    assert correlation(-3 * t + 5, t).item() == pytest.approx(-1, abs=1e-5)
    assert correlation(torch.ones_like(t), t).item() == 0
