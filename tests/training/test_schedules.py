"""Learning rates against torch's own schedulers over a run of known length, and through a run."""

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, LRScheduler, OneCycleLR, SequentialLR

from lipsync.training.schedules import LearningRates, linear_decay, one_cycle, warm_cosine

STEPS, RATE = 100, 0.02


def torch_rates(make: Callable[[SGD], LRScheduler]) -> list[float]:
    optimizer = SGD([nn.Parameter(torch.zeros(1))], RATE)
    scheduler, found = make(optimizer), []
    for _ in range(STEPS):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


class Toy:
    """A stage as far as its learning rates go."""

    def __init__(self, factor: Callable[[float], float]):
        self.learning_rate_factor = factor
        self.optimizers = {name: SGD([nn.Parameter(torch.zeros(1))], RATE) for name in ("one", "other")}


def our_rates(factor: Callable[[float], float]) -> list[float]:
    stage = Toy(factor)
    rates, found = LearningRates(stage), []
    for step in range(STEPS):
        rates.set(step / STEPS)
        one, other = (optimizer.param_groups[0]["lr"] for optimizer in stage.optimizers.values())
        assert one == other == RATE * factor(step / STEPS)  # bit by bit
        found.append(one)
    return found


@pytest.mark.parametrize("warm", [0.1, 0.3])
def test_one_cycle(warm):
    # torch's last step is where ours would be after the last one.
    wanted = torch_rates(
        lambda o: OneCycleLR(
            o, RATE, STEPS + 1, pct_start=(warm * STEPS + 1) / (STEPS + 1), final_div_factor=1e12
        )
    )
    assert our_rates(lambda progress: one_cycle(progress, warm)) == pytest.approx(wanted, abs=1e-9)


def test_warm_cosine():
    def make(optimizer: SGD) -> LRScheduler:
        up = LinearLR(optimizer, 1e-9, 1.0, total_iters=10)
        return SequentialLR(optimizer, [up, CosineAnnealingLR(optimizer, STEPS - 10)], [10])

    assert our_rates(lambda progress: warm_cosine(progress, 0.1)) == pytest.approx(
        torch_rates(make), abs=1e-9
    )


def test_linear_decay():
    wanted = torch_rates(lambda o: LinearLR(o, 1.0, 0.0, total_iters=STEPS))
    assert our_rates(lambda progress: linear_decay(progress, 0.0)) == pytest.approx(wanted)
    assert [linear_decay(p, 0.5) for p in (0.0, 0.5, 0.75, 1.0)] == [1, 1, 0.5, 0]
    assert linear_decay(0.999, 1.0) == 1


def test_a_resumed_run_has_the_rates_of_the_configuration():
    """Also from a checkpoint of before, whose optimisers know nothing of schedulers."""
    stage = Toy(lambda progress: 1 - progress)
    rates = LearningRates(stage)
    saved = SGD([nn.Parameter(torch.zeros(1))], RATE * 0.5).state_dict()
    for optimizer in stage.optimizers.values():
        optimizer.load_state_dict(saved)
    rates.set(0.75)
    assert stage.optimizers["one"].param_groups[0]["lr"] == pytest.approx(RATE * 0.25)
