"""Batches for the loop, made ahead of their step: on a thread, or in processes of their own."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, get_worker_info

if TYPE_CHECKING:
    from lipsync.data.clips import Sampler

AHEAD = 2  # batches that each process keeps ready


class Draws(Protocol):
    """What a batch is drawn from: a stage of the training."""

    sampler: Sampler | None

    def batch(self, rng: np.random.Generator) -> dict[str, Tensor]: ...


class Batches(Dataset[dict[str, Tensor]]):
    """Batch ``n`` of a run. It depends on seed, process and number alone, never on who draws it or when."""

    def __init__(self, stage: Draws, seed: int, rank: int = 0):
        self.stage, self.seed, self.rank = stage, seed, rank

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        return self.stage.batch(np.random.default_rng([self.seed, self.rank, number]))


def feed(
    batches: Batches, first: int, count: int, workers: int = 0, device: torch.device | None = None
) -> Iterator[dict[str, Tensor]]:
    """Batches ``first`` to ``count - 1`` in order, on the device.

    Args:
        workers: processes; 0 makes them one ahead on a thread of this process, which is enough where
            the clips fit into memory and the network is slow.
    """
    device = device or torch.device("cpu")
    if workers < 1:
        made = _threaded(batches, first, count)
    else:
        made = _processes(batches, first, count, workers, device)
    for batch in made:
        yield {key: value.to(device, non_blocking=True) for key, value in batch.items()}


def _threaded(batches: Batches, first: int, count: int) -> Iterator[dict[str, Tensor]]:
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(batches.__getitem__, first) if first < count else None
        for number in range(first, count):
            assert following is not None
            batch = following.result()
            following = pool.submit(batches.__getitem__, number + 1) if number + 1 < count else None
            yield batch


def _processes(
    batches: Batches, first: int, count: int, workers: int, device: torch.device
) -> Iterator[dict[str, Tensor]]:
    yield from DataLoader(
        batches,
        batch_size=None,  # a stage draws whole batches
        sampler=range(first, count),
        num_workers=workers,
        prefetch_factor=AHEAD,
        pin_memory=device.type == "cuda",
        worker_init_fn=_start,
    )


def _start(worker: int) -> None:
    """One thread for each process, and its share of the memory for decoded clips."""
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    info = get_worker_info()
    assert info is not None
    sampler = info.dataset.stage.sampler  # type: ignore[attr-defined]
    if sampler is not None:
        sampler.memory /= info.num_workers
