"""Memory is bounded, given back, and not held for networks that nobody asks for."""

from __future__ import annotations

import subprocess
import sys
import time
import weakref
from pathlib import Path

import numpy as np
import pytest

from eval.batch.rows import _networks
from lipsync.faces.recognise import SFace, _network
from lipsync.nn.memory import CachedWhileUsed

# Many small arrays, of which the last, at the end of the heap, stays: the C library keeps the rest by itself.
GIVEN_BACK = """
import resource
from pathlib import Path
from lipsync.nn.memory import give_back
resident = lambda: int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6
arrays = [bytearray(10_000) for _ in range(20_000)]
del arrays[:-1]
before = resident()
give_back()
print(before - resident())
"""
BOUND = """
import os
from lipsync.nn.memory import bound_memory
bound_memory()
import ctypes, threading
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
barrier = threading.Barrier(12)
heaps = set()
def work():
    barrier.wait()
    place = libc.malloc(ctypes.c_size_t(1000))
    heaps.add(place >> 26)  # the heap of an arena is 64 MB, at a multiple of its size
    barrier.wait()
threads = [threading.Thread(target=work) for _ in range(12)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(heaps), os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"])
"""


class Network:
    """Stands for one: that it is there is all that counts."""


def run(program: str) -> list[str]:
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.skipif(sys.platform != "linux", reason="of the GNU C library")
def test_what_was_freed_is_given_back() -> None:
    assert float(run(GIVEN_BACK)[-1]) > 150  # MB, of 200


@pytest.mark.skipif(sys.platform != "linux", reason="of the GNU C library")
def test_threads_share_two_heaps_and_few_kernels_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    monkeypatch.delenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", raising=False)
    heaps, kernels = run(BOUND)
    assert int(heaps) <= 2
    assert int(kernels) <= 256
    monkeypatch.setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "1000")
    assert run(BOUND)[1] == "1000"


def test_a_network_is_kept_for_the_next_job_and_let_go_when_idle() -> None:
    loaded: list[weakref.ref[Network]] = []

    @CachedWhileUsed
    def load(name: str) -> Network:
        network = Network()
        loaded.append(weakref.ref(network))
        return network

    load.idle = 0.4
    began = time.monotonic()
    for _ in range(6):  # asked for more often than that, it stays longer than that
        assert load("a") is loaded[0]()
        time.sleep(0.1)
    assert len(loaded) == 1 or time.monotonic() - began > 0.8  # a machine that stood still
    held = load("a")
    wait_until(lambda: load._cached is None)
    assert loaded[-1]() is held  # whoever works with it goes on
    del held
    assert loaded[-1]() is None
    assert load("a") is loaded[-1]()


def test_another_network_takes_the_place_of_the_one_before() -> None:
    load = CachedWhileUsed(lambda name: Network())
    first = weakref.ref(load("a"))
    assert first() is not None
    load("b")
    assert first() is None
    load.clear()
    with pytest.raises(ZeroDivisionError):
        CachedWhileUsed(lambda: 1 // 0)()


def test_networks_of_scores_and_the_one_that_knows_people_are_such(shared: Path) -> None:
    assert isinstance(_networks, CachedWhileUsed)
    path = shared / "weights/face_recognition_sface_2021dec_int8bq.onnx"
    five = np.array([[40, 50], [70, 50], [55, 65], [43, 80], [67, 80]], float)
    picture = np.random.default_rng(0).integers(0, 255, (1, 112, 112, 3), np.uint8)
    knows = SFace(path)  # as a person's identity holds it for as long as their video is remembered
    before = knows(picture, five[None])
    _network.clear()
    assert _network._cached is None
    np.testing.assert_array_equal(knows(picture, five[None]), before)


def wait_until(condition) -> None:  # type: ignore[no-untyped-def]
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
