"""The critic of WGAN-GP (eq 25-26). It has no norm over the batch, which the gradient penalty forbids."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn


class Critic(nn.Sequential):
    """(B, 3, S, S) faces in 0..1 to (B, 1, h, w) scores of patches, high for real; there is no sigmoid."""

    def __init__(self, width: float = 1.0):
        channels = [3, *(max(8, round(c * width)) for c in (64, 128, 256, 512))]
        layers: list[nn.Module] = []
        for cin, cout in pairwise(channels):
            layers += [nn.Conv2d(cin, cout, 4, 2, 1), nn.LeakyReLU(0.2)]
        super().__init__(*layers, nn.Conv2d(channels[-1], 1, 3, 1, 1))


def critic_loss(critic: nn.Module, real: Tensor, fakes: list[Tensor], penalty: float) -> Tensor:
    """Eq 26 with its sign turned, for a minimiser: the fakes are summed, and x̂ is drawn from all of them.

    With two fakes to one real picture the critic's constant drifts; the renderer learns from its slope alone.

    Args:
        real: (B, 3, S, S) I_t.
        fakes: I_i and I_e, or one of them; detached.
        penalty: λ_gp.
    """
    loss = -critic(real).mean()
    for fake in fakes:
        share = torch.rand(len(real), 1, 1, 1, device=real.device)
        between = (share * real + (1 - share) * fake).requires_grad_(True)
        (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
        loss = loss + critic(fake).mean()
        loss = loss + penalty * (slope.flatten(1).norm(dim=1) - 1).square().mean() / len(fakes)
    return loss
