"""A network at work on several threads, each with its own part of the pictures."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Thread
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

P = TypeVar("P")
T = TypeVar("T")


def over_parts(work: Callable[..., np.ndarray], size: int, *inputs: np.ndarray) -> np.ndarray:
    """What ``work`` gives for (N, ...) inputs, computed in parts of at most ``size`` rows.

    As many parts are at work as PyTorch has threads here, each on one thread of its own: threads within a
    layer wait for one another every few milliseconds, and for every other program on the machine.

    Args:
        work: (M, ...) of M rows of each input; for none of them too. It must not call this function.
        size: rows; small, so that what a layer gives is still in the processor's cache for the next one.
    """
    parts = [[part[at : at + size] for part in inputs] for at in range(0, max(1, len(inputs[0])), size)]
    return np.concatenate(on_threads(lambda part: work(*part), parts))


def on_threads(work: Callable[[P], T], parts: Sequence[P]) -> list[T]:
    """What ``work`` gives for each part, in their order, on the threads of :func:`over_parts`.

    Args:
        work: must not call this function, and sets what PyTorch has for each thread, as its inference mode.
    """
    threads = torch.get_num_threads()
    if threads == 1 or len(parts) == 1:
        return list(map(work, parts))
    return list(_pool(threads).map(work, parts))


def in_parts(draw: Callable[..., Tensor], size: int, *inputs: Tensor) -> Tensor:
    """What a network draws to (N, ...) inputs: on a processor in parts of ``size`` rows, else all at once."""

    @torch.inference_mode()
    def drawn(part: Sequence[Tensor]) -> Tensor:
        return draw(*part)

    rows = size if inputs[0].device.type == "cpu" else len(inputs[0])
    return torch.cat(on_threads(drawn, list(zip(*(whole.split(rows) for whole in inputs), strict=True))))


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """One for all networks and all callers: threads that come and go would each leave their memory behind."""
    return ThreadPoolExecutor(threads, "network", take_threads, (1,))


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_pool.cache_clear)  # a child has none of its parent's threads


def take_threads(count: int) -> None:
    """PyTorch on so many threads in this thread, whatever others set later.

    What one thread sets is also what threads that begin later take over: another one sets that back.
    """
    before = torch.get_num_threads()  # the first question makes a thread take over what was set last
    torch.set_num_threads(count)
    if count != before:
        other = Thread(target=torch.set_num_threads, args=(before,))
        other.start()
        other.join()
