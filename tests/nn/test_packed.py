"""Packed convolutions against PyTorch's own, and parts on threads against the whole."""

from threading import Barrier, Thread, get_ident

import numpy as np
import pytest
import torch
from torch import nn

from lipsync.nn.packed import PackedConvolution, packed
from lipsync.nn.threads import over_parts


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def chain() -> nn.Sequential:
    """What the published networks have: by channel, flat and upright, strides, without ReLU, nested."""
    torch.manual_seed(0)
    inner = nn.Sequential(
        nn.Conv2d(16, 24, 1), nn.ReLU(inplace=True), nn.Conv2d(24, 24, (1, 7), padding=(0, 3))
    )
    return nn.Sequential(
        nn.Conv2d(3, 16, 5, stride=2, padding=2), nn.ReLU(),
        nn.Conv2d(16, 16, 3, padding=1, groups=16, bias=False), nn.PReLU(16),
        inner, nn.MaxPool2d(3, 2), nn.Conv2d(24, 8, (3, 1)),
    ).eval().requires_grad_(False)  # fmt: skip


def test_packed_chain_gives_the_same_for_every_size_and_number():
    plain, pictures = chain(), torch.randn(3, 3, 41, 37)
    quick = packed(chain())
    assert sum(isinstance(module, PackedConvolution) for module in quick.modules()) == 5
    assert not any(isinstance(module, nn.ReLU) for module in quick.modules())
    with torch.inference_mode():
        for x in (
            pictures,
            pictures[:1],
            torch.randn(2, 3, 64, 50),
            pictures.to(memory_format=torch.channels_last),
        ):
            torch.testing.assert_close(quick(x), plain(x), rtol=1e-5, atol=1e-5)


def test_packed_weights_are_held_once():
    quick = packed(chain())
    with torch.inference_mode():
        quick(torch.zeros(1, 3, 32, 32))
    assert [name for name, _ in quick.named_parameters()] == ["3.weight"]  # the PReLU's


def test_parts_are_joined_in_order_and_run_on_one_thread_each(two_threads):
    together, seen = Barrier(2, timeout=60), {}

    def work(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        if get_ident() not in seen:
            together.wait()  # a second thread has to be at work too
        seen[get_ident()] = torch.get_num_threads()
        return left + right

    rows = np.arange(20).reshape(10, 2)
    np.testing.assert_array_equal(over_parts(work, 3, rows, 10 * rows), 11 * rows)
    assert list(seen.values()) == [1, 1]
    assert get_ident() not in seen


def test_threads_of_others_stay_as_they_were(two_threads):
    over_parts(lambda part: part, 1, np.zeros((4, 1)))
    assert torch.get_num_threads() == 2
    later: list[int] = []
    thread = Thread(target=lambda: later.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert later == [2]


def test_one_part_and_none_need_no_threads(two_threads):
    def work(part: np.ndarray) -> np.ndarray:
        return np.full((len(part), 2), get_ident())

    np.testing.assert_array_equal(over_parts(work, 4, np.zeros((3, 1))), np.full((3, 2), get_ident()))
    assert over_parts(work, 4, np.zeros((0, 1))).shape == (0, 2)
