"""Learning rates over a run, as factors of the highest one."""

from __future__ import annotations

import math


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
