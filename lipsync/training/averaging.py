"""Averaged weights of a network in training, which are the ones exported."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


def averaged(net: nn.Module, decay: float, use_buffers: bool = True, counter: str = "") -> AveragedModel:
    """An exponential moving average of a network's weights that starts as their plain mean.

    So random first weights do not linger in the average of a short run.

    Args:
        net: whose weights are averaged; it is copied.
        decay: of the average, 0..1; the plain mean gives way to it once it weighs the past as much.
        use_buffers: average the running statistics too; else those of the last step are taken over.
        counter: name of the buffer in which a batch norm counts the batches that ``net`` has seen. A network
            that starts from trained weights keeps them in its average as that many steps. Checkpoints from
            before ``AveragedModel`` was used, which hold a plain copy of the network, load too.
    """

    def average(mean: Tensor, now: Tensor, count: Tensor | int) -> Tensor:
        if not mean.is_floating_point():  # batch norm counts its batches
            return now
        return torch.lerp(now, mean, min(decay, 1 - 1 / (1 + int(count))))

    model = AveragedModel(net, avg_fn=average, use_buffers=use_buffers)
    model.requires_grad_(False)

    def load_plain(_: nn.Module, state: dict[str, Any], prefix: str, *__: Any) -> None:
        if f"{prefix}n_averaged" in state:
            return
        for key in [key for key in state if key.startswith(prefix)]:
            state[f"{prefix}module.{key.removeprefix(prefix)}"] = state.pop(key)
        state[f"{prefix}n_averaged"] = state[f"{prefix}module.{counter}"].clone()

    if counter:
        model.n_averaged.copy_(net.state_dict()[counter])
        model.register_load_state_dict_pre_hook(load_plain)
    return model
