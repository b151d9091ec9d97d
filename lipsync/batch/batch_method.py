"""The methods of a batch: which they are, what their files are called, and their networks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lipsync.errors import ConfigError
from lipsync.methods import AUTO, METHODS, LipSyncMethod, load_method
from lipsync.methods.adapted import PREFIX as ADAPTED
from lipsync.methods.entry import entry_for
from lipsync.methods.hub_name import PREFIX as HUB
from lipsync.nn.memory import CachedWhileUsed

REFERENCE = "reference"  # what the real video is called among those of an item


@dataclass(frozen=True)
class BatchMethod:
    """A method of a batch.

    Attributes:
        name: of its files, and in tables.
        method, checkpoint: as in a `Request`; never ``auto``.
        weights_sha256: of its weights, 64 hex digits.
    """

    name: str
    method: str
    checkpoint: Path | None
    weights_sha256: str


def batch_methods(names: Iterable[str], opened: bool = False) -> tuple[BatchMethod, ...]:
    """The methods of these names, each loaded once to be sure that it can be.

    Args:
        names: as ``--method`` takes them, or folders and files of weights.
        opened: ``auto`` takes only one that can change how far the mouth opens.

    Raises:
        ConfigError: a name is unknown, or no file can be called so, or two would have the same files.
        ArtefactError: the weights are unavailable or are damaged.
    """
    found: dict[str, BatchMethod] = {}
    for name in reversed(list(dict.fromkeys(names))):  # the first one stays loaded, for it is used first
        method, checkpoint = _parsed(name, opened)
        core = _networks(method, checkpoint)
        own = re.sub(r"[^\w.~+@-]+", "-", core.card.name).strip(".-")
        if own in found and found[own].checkpoint == checkpoint:  # ``auto`` beside its own name
            continue
        if own in found or own.lower() in ("", REFERENCE):
            raise ConfigError("batch.method_name", name=own)
        found[own] = BatchMethod(own, method, checkpoint, core.weights_sha256)
    return tuple(reversed(found.values()))


def load_for_job(
    name: str, checkpoint: Path | None, progress: object = None, supports_mouth_opening: bool = False
) -> LipSyncMethod:
    """What :func:`load_method` gives, with networks that are kept for the next job."""
    return _networks(name, checkpoint).for_job()


def forget_networks() -> None:
    """Keep no networks in this process."""
    _networks.clear()


@CachedWhileUsed
def _networks(name: str, checkpoint: Path | None) -> LipSyncMethod:
    return load_method(name, checkpoint)


def _parsed(name: str, opened: bool) -> tuple[str, Path | None]:
    """The method and the weights that a name stands for."""
    if name == AUTO:
        return load_method(AUTO, supports_mouth_opening=opened).card.name, None
    if name not in METHODS and not name.startswith((HUB, ADAPTED)) and Path(name).exists():
        weights = Path(name).absolute()
        return entry_for(weights).card.name, weights
    METHODS.get(name)  # or a sentence with the name that is meant
    return name, None
