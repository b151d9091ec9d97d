"""SPADE against its formula, written out in numpy."""

import numpy as np
import torch
from scipy.signal import correlate2d

from lipsync.nn.spade import SpadeNorm, SpadeResBlock


def _conv(x: np.ndarray, layer: torch.nn.Conv2d) -> np.ndarray:
    weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    planes = [sum(correlate2d(a, w, mode="same") for a, w in zip(x, out, strict=True)) for out in weight]
    return np.stack(planes) + bias[:, None, None]


def test_spade_is_its_formula():
    torch.manual_seed(0)
    spade = SpadeNorm(4, 2, hidden=3)
    x, label = torch.randn(1, 4, 6, 5) * 3 + 1, torch.randn(1, 2, 6, 5)
    shared = np.maximum(_conv(label[0].numpy(), spade.shared), 0)
    plane = x[0].numpy()
    mean, var = plane.mean((1, 2), keepdims=True), plane.var((1, 2), keepdims=True)
    expected = (plane - mean) / np.sqrt(var + 1e-5) * (1 + _conv(shared, spade.gamma)) + _conv(
        shared, spade.beta
    )
    np.testing.assert_allclose(spade(x, label)[0].detach().numpy(), expected, atol=1e-5)


def test_a_label_of_another_size_is_resized_and_matters():
    torch.manual_seed(0)
    block = SpadeResBlock(8, 6, 3)
    x = torch.randn(2, 8, 12, 12)
    first, second = block(x, torch.zeros(2, 3, 24, 24)), block(x, torch.ones(2, 3, 24, 24))
    assert first.shape == (2, 6, 12, 12)
    assert (first - second).abs().max() > 1e-3


def test_gradients_reach_every_parameter():
    block = SpadeResBlock(4, 6, 3)
    block(torch.randn(2, 4, 8, 8), torch.randn(2, 3, 8, 8)).square().mean().backward()
    # a bias in front of an instance norm is undone by it, so conv1's may be zero up to rounding
    assert all(p.grad is not None for p in block.parameters())
