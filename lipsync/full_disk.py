"""A full disk is a sentence, not a bug."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from lipsync.errors import ConfigError

FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def full_disk_told() -> Iterator[None]:
    """What is done inside raises a sentence where the disk, or the user's share of it, is full.

    Raises:
        ConfigError: it is.
    """
    try:
        yield
    except OSError as problem:
        if problem.errno not in FULL:
            raise
        raise ConfigError("disk.full") from problem
