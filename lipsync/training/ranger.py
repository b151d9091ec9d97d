"""Ranger: RAdam (Liu et al. 2019) whose weights are pulled back towards a slow copy (Zhang et al. 2019)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn


class Ranger(torch.optim.RAdam):
    """PyTorch's RAdam with Lookahead around it; PyTorch has the one and no maintained form of the other.

    Args:
        params: as of any optimiser.
        lr: of RAdam.
        every: k of Lookahead, steps between two meetings of the fast and the slow weights.
        pull: α of Lookahead, how far the slow weights go to the fast ones.
    """

    def __init__(self, params: Iterable[nn.Parameter], lr: float, every: int = 6, pull: float = 0.5):
        super().__init__(params, lr=lr, betas=(0.95, 0.999))
        self.every, self.pull = every, pull

    def step(self, closure: Any = None) -> Any:
        """One step of RAdam; at every k-th the slow weights follow and the fast ones start from there."""
        # RAdam makes its own state where it finds none at all, so ours comes after its first step.
        fresh = [p for p in self._moving() if "slow" not in self.state[p]]
        starts = [p.detach().clone() for p in fresh]
        result = super().step(closure)
        with torch.no_grad():
            for p, start in zip(fresh, starts, strict=True):
                self.state[p]["slow"] = start
            for p in self._moving():
                state = self.state[p]
                if int(state["step"]) % self.every == 0:
                    state["slow"].lerp_(p, self.pull)
                    p.copy_(state["slow"])
        return result

    def _moving(self) -> list[Tensor]:
        return [p for group in self.param_groups for p in group["params"] if p.grad is not None]
