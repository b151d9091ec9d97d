"""Attention against its equations in plain numpy, and the shared blocks."""

import numpy as np
import pytest
import torch

from lipsync.audio.features import AudioFeatures
from lipsync.nn.attention import CBAM, ChannelAttention, SpatialAttention
from lipsync.nn.blocks import ConvBlock, UpBlock
from lipsync.nn.towers import audio_tower


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(2, 32, 5, 7, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("max_pool", [False, True])
def test_channel_attention_is_eq_4_and_5(x, max_pool):
    net = ChannelAttention(32, reduction=4, max_pool=max_pool)
    w1, b1 = net.squeeze.weight.detach().numpy()[:, :, 0, 0], net.squeeze.bias.detach().numpy()
    w2, b2 = net.expand.weight.detach().numpy()[:, :, 0, 0], net.expand.bias.detach().numpy()
    assert w1.shape == (8, 32)

    def gate(pooled: np.ndarray) -> np.ndarray:
        return np.maximum(pooled @ w1.T + b1, 0) @ w2.T + b2

    a = x.numpy()
    logits = gate(a.mean(axis=(2, 3))) + (gate(a.max(axis=(2, 3))) if max_pool else 0)
    wanted = a * sigmoid(logits)[:, :, None, None]
    np.testing.assert_allclose(net(x).detach().numpy(), wanted, atol=1e-5)


def test_spatial_attention_is_eq_6_to_9(x):
    net = SpatialAttention(kernel=7)
    kernel, bias = net.conv.weight.detach().numpy()[0], float(net.conv.bias.detach())
    a = x.numpy()
    pooled = np.stack([a.max(axis=1), a.mean(axis=1)], axis=1)
    padded = np.pad(pooled, ((0, 0), (0, 0), (3, 3), (3, 3)))
    logits = np.empty((2, 5, 7))
    for i in range(5):
        for j in range(7):
            logits[:, i, j] = (padded[:, :, i : i + 7, j : j + 7] * kernel).sum(axis=(1, 2, 3)) + bias
    np.testing.assert_allclose(net(x).detach().numpy(), a * sigmoid(logits)[:, None], atol=1e-5)


def test_cbam_is_eq_2_channel_first(x):
    """F' = M_c(F) ⊗ F, F'' = M_s(F') ⊗ F', in plain numpy."""
    net = CBAM(32, reduction=8, kernel=3)
    keys = ("0.squeeze.weight", "0.squeeze.bias", "0.expand.weight", "0.expand.bias")
    w1, b1, w2, b2 = (net.state_dict()[key].numpy().squeeze() for key in keys)
    f = x.numpy()
    mlp = [np.maximum(pooled @ w1.T + b1, 0) @ w2.T + b2 for pooled in (f.mean((2, 3)), f.max((2, 3)))]
    f1 = f * sigmoid(mlp[0] + mlp[1])[:, :, None, None]
    pooled = np.pad(np.stack([f1.max(1), f1.mean(1)], 1), ((0, 0), (0, 0), (1, 1), (1, 1)))
    kernel, bias = net[1].conv.weight.detach().numpy()[0], float(net[1].conv.bias.detach())
    views = np.lib.stride_tricks.sliding_window_view(pooled, (3, 3), axis=(2, 3))  # (B, 2, H, W, 3, 3)
    wanted = f1 * sigmoid(np.einsum("bchwij,cij->bhw", views, kernel) + bias)[:, None]
    np.testing.assert_allclose(net(x).detach().numpy(), wanted, atol=1e-5)


def test_attention_weighs_and_never_amplifies(x):
    for net in (ChannelAttention(32), SpatialAttention(), CBAM(32)):
        ratio = (net(x) / x).detach()
        assert float(ratio.min()) > 0
        assert float(ratio.max()) < 1
    channel = (ChannelAttention(32)(x) / x).detach()
    assert torch.allclose(channel, channel[..., :1, :1].expand_as(channel), atol=1e-5)
    spatial = (SpatialAttention()(x) / x).detach()
    assert torch.allclose(spatial, spatial[:, :1].expand_as(spatial), atol=1e-5)


def test_residual_block_adds_its_input_before_the_activation(x):
    block = ConvBlock(32, 32, 3, 1, 1, residual=True).eval()
    with torch.no_grad():
        block.conv_block[0].weight.zero_()
        block.conv_block[0].bias.zero_()
        assert torch.allclose(block(x), x.relu(), atol=1e-4)


def test_up_block_doubles(x):
    assert UpBlock(32, 8, 3, 2, 1, 1)(x).shape == (2, 8, 10, 14)


@pytest.mark.parametrize(("kind", "kernel"), [("mel", (3, 3)), ("mel+mfcc", (5, 3)), ("mfcc", (2, 3))])
@pytest.mark.parametrize("deep", [1, 2])
def test_audio_tower_ends_in_one_vector(kind, kernel, deep):
    spec = AudioFeatures(kind=kind)
    tower = torch.nn.Sequential(*audio_tower(spec, (8, 8, 8, 8, 16), deep))
    assert tower(torch.randn(2, 1, spec.rows, spec.window)).shape == (2, 16, 1, 1)
    assert tower[-2].conv_block[0].kernel_size == kernel
    assert len(tower) == 12 + deep
