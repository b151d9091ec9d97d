"""How much memory a process holds: bounded at its start, given back after work, networks let go when idle."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import time
from collections.abc import Callable
from functools import cache, update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

ARENAS = 2  # heaps of the C library; by itself it makes up to eight for a processor
# Kernels, each for one shape of input, that oneDNN keeps, in place of 1024: a portal held 300 MB of them. One
# takes 0.2 ms to make; a job of the largest core that ships makes 300, most of them used once.
KERNELS = 128
IDLE = 300.0  # s for which networks are kept that nobody asks for
_M_ARENA_MAX = -8  # of mallopt


def bound_memory() -> None:
    """Limit what libraries keep for themselves. Called first in a program; what its user has set stays."""
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(KERNELS))
    if "MALLOC_ARENA_MAX" not in os.environ and (libc := _glibc()) is not None:
        libc.mallopt(_M_ARENA_MAX, ARENAS)


def give_back() -> None:
    """Return to the system what was freed and what the C library would keep."""
    if (libc := _glibc()) is not None:
        libc.malloc_trim(0)


class CachedWhileUsed(Generic[P, T]):
    """A decorator: what the function returned last is kept for the next call, until nobody calls for a while.

    Its arguments are hashable. Whoever has the result may go on with it after that.

    Attributes:
        idle: seconds without a call after which the result is let go.
    """

    idle = IDLE

    def __init__(self, function: Callable[P, T]) -> None:
        update_wrapper(self, function)
        self._function = function
        self._lock = threading.Lock()
        self._cached: tuple[Any, T] | None = None  # arguments and result
        self._called = 0.0  # on the monotonic clock, s
        self._timer: threading.Timer | None = None

    def __call__(self, *args: P.args, **options: P.kwargs) -> T:
        key = args, tuple(sorted(options.items()))
        with self._lock:
            if self._cached is None or self._cached[0] != key:
                self._cached = None  # before the next one takes memory
                self._cached = key, self._function(*args, **options)
            self._called = time.monotonic()
            if self._timer is None:
                self._look_in(self.idle)
            return self._cached[1]

    def clear(self) -> None:
        """Keep nothing."""
        with self._lock:
            self._cached = None

    def _look_in(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._look)
        self._timer.daemon = True
        self._timer.start()

    def _look(self) -> None:
        with self._lock:
            self._timer = None
            left = self._called + self.idle - time.monotonic()
            if left > 0:
                self._look_in(left)
                return
            self._cached = None
        give_back()


@cache
def _glibc() -> Any:
    """The C library, where it is the GNU one."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "malloc_trim") else None
