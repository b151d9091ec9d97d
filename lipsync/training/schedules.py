"""Learning rates over a run, as factors of the highest one.

They are functions of the run's progress and not of a number of steps, since a run may end by the clock.
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING

from torch.optim.lr_scheduler import LambdaLR

if TYPE_CHECKING:
    from lipsync.training.loop import Stage


def one_cycle(progress: float, warm: float = 0.3) -> float:
    """Learning-rate factor: cosine up over ``warm`` of the run, cosine down to 0 after it."""
    if progress < warm:
        return 0.04 + 0.48 * (1 - math.cos(math.pi * progress / warm))
    return 0.5 * (1 + math.cos(math.pi * (progress - warm) / (1 - warm)))


def warm_cosine(progress: float, warm: float) -> float:
    """Learning-rate factor: linearly up from 0 over the share ``warm`` of a run, then a cosine down to 0."""
    if progress < warm:
        return progress / warm
    return 0.5 * (1 + math.cos(math.pi * (progress - warm) / (1 - warm)))


def linear_decay(progress: float, start: float) -> float:
    """Learning-rate factor: 1 up to the share ``start`` of a run, then linearly down to 0."""
    return min(1.0, (1 - progress) / max(1e-9, 1 - start))


class LearningRates:
    """Torch's scheduler for each optimiser of a stage, driven by the progress of the run.

    Made before a checkpoint is loaded, when the optimisers still have the rates of the configuration: then
    checkpoints need not hold the state of schedulers.
    """

    def __init__(self, stage: Stage):
        self.progress = 0.0

        def factor(_: int) -> float:
            return stage.learning_rate_factor(self.progress)

        self.schedulers = [LambdaLR(optimizer, factor) for optimizer in stage.optimizers.values()]

    def set(self, progress: float) -> None:
        """Set the rates for a step, before it is made, ``progress`` 0..1 into the run."""
        self.progress = progress
        with warnings.catch_warnings():
            # Of an optimiser that has not moved yet: a discriminator may join late, and fp16 skips steps.
            warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step", UserWarning)
            for scheduler in self.schedulers:
                scheduler.step()
