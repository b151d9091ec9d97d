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


def batch_methods(methods: Iterable[str | BatchMethod], opened: bool = False) -> tuple[BatchMethod, ...]:
    """The methods of these names, each loaded once to be sure that it can be.

    Args:
        methods: as ``--method`` takes them, or folders and files of weights, or what this gave before.
        opened: ``auto`` takes only one that can change how far the mouth opens.

    Raises:
        ConfigError: a name is unknown, or no file can be called so, or two would have the same files.
        ArtefactError: the weights are unavailable or are damaged.
    """
    found: dict[str, BatchMethod] = {}
    for name in reversed(list(dict.fromkeys(methods))):  # the first one stays loaded, for it is used first
        method = name if isinstance(name, BatchMethod) else _loaded(name, opened)
        if method == found.get(method.name):  # ``auto`` beside its own name
            continue
        if method.name in found or method.name.lower() in ("", REFERENCE):
            raise ConfigError("batch.method_name", name=method.name)
        found[method.name] = method
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


def _loaded(name: str, opened: bool) -> BatchMethod:
    """The method of a name, with the weights that it has now."""
    method, checkpoint = _parsed(name, opened)
    forget_networks()  # those of an earlier batch of this process: their file may be another one by now
    core = _networks(method, checkpoint)
    own = re.sub(r"[^\w.~+@-]+", "-", core.card.name).strip(".-")
    return BatchMethod(own, method, checkpoint, core.weights_sha256)


def _parsed(name: str, opened: bool) -> tuple[str, Path | None]:
    """The method and the weights that a name stands for."""
    if name == AUTO:
        return load_method(AUTO, supports_mouth_opening=opened).card.name, None
    if name not in METHODS and not name.startswith((HUB, ADAPTED)) and Path(name).exists():
        weights = Path(name).absolute()
        return entry_for(weights).card.name, weights
    METHODS.get(name)  # or a sentence with the name that is meant
    return name, None
