"""Keeps what was found out about a file for as long as the file stays the same."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def cached_per_file(
    files: int,
) -> Callable[[Callable[Concatenate[Path, P], T]], Callable[Concatenate[str | Path, P], T]]:
    """A decorator for functions of a file, given first, whose other arguments are hashable.

    What they return is kept for the last ``files`` calls that differ, and found anew when size or time of the
    file has changed. An exception is not kept.
    """

    def decorate(function: Callable[Concatenate[Path, P], T]) -> Callable[Concatenate[str | Path, P], T]:
        @lru_cache(maxsize=files)
        def cached(path: Path, changed_ns: int, size: int, *args: P.args, **options: P.kwargs) -> T:
            return function(path, *args, **options)

        @wraps(function)
        def call(path: str | Path, *args: P.args, **options: P.kwargs) -> T:
            path = Path(path)
            try:
                facts = path.stat()
            except OSError:  # the function has the sentence for it
                return function(path, *args, **options)
            return cached(path, facts.st_mtime_ns, facts.st_size, *args, **options)  # type: ignore[arg-type]

        return call

    return decorate
