"""Averaged weights against the sums they stand for, and states of before."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from lipsync.training.averaging import averaged

COUNTER = "1.num_batches_tracked"


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


def moved(net: nn.Module) -> torch.Tensor:
    """Weights after one step of some training."""
    with torch.no_grad():
        net(torch.randn(8, 3))
        net[0].weight.add_(torch.randn(4, 3))
    return net[0].weight.detach().clone()


def test_begins_as_a_plain_mean_and_goes_on_with_the_decay():
    net = network()
    model, seen = averaged(net, 0.75), []
    for _ in range(8):
        seen.append(moved(net))
        model.update_parameters(net)
    expected = torch.stack(seen[:4]).mean(0)  # the mean of four gives each new one a quarter, as 0.75 does
    for weight in seen[4:]:
        expected = 0.75 * expected + 0.25 * weight
    assert torch.allclose(model.module[0].weight, expected, atol=1e-6)
    assert int(model.module[1].num_batches_tracked) == 8


def test_trained_weights_stay_in_the_average():
    net = network()
    first = net[0].weight.detach().clone()
    net[1].num_batches_tracked.fill_(1000)
    model = averaged(net, 0.9, counter=COUNTER)
    now = moved(net)
    model.update_parameters(net)
    assert torch.allclose(model.module[0].weight, 0.9 * first + 0.1 * now, atol=1e-6)


@pytest.mark.parametrize("steps", [3, 100])
def test_a_checkpoint_of_before_goes_on_as_it_would_have(steps):
    """It held a plain copy of the network; its batch norms counted the steps."""
    net = network()
    for _ in range(steps):
        now = moved(net)
    kept = deepcopy(net)
    with torch.no_grad():
        kept[0].weight.mul_(0.5)
    model = averaged(network(), 0.9, counter=COUNTER)
    model.load_state_dict(kept.state_dict())
    assert torch.equal(model.module[0].weight, kept[0].weight)
    before, now = kept[0].weight.detach().clone(), moved(net)
    model.update_parameters(net)
    decay = min(0.9, steps / (steps + 1))
    assert torch.allclose(model.module[0].weight, decay * before + (1 - decay) * now, atol=1e-6)
    again = averaged(network(), 0.9, counter=COUNTER)
    again.load_state_dict(model.state_dict())
    assert int(again.n_averaged) == steps + 1
