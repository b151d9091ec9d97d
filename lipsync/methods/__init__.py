"""The methods by name, and how one is loaded."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from lipsync.errors import ConfigError
from lipsync.methods.adapted import read_facts
from lipsync.methods.base import LipSyncMethod, MethodCard
from lipsync.methods.entry import METHODS, MethodEntry, adapted_entry, find_methods
from lipsync.methods.registry import EMBEDDED, Core, register_method

__all__ = [
    "AUTO",
    "DEFAULT",
    "EMBEDDED",
    "METHODS",
    "Core",
    "LipSyncMethod",
    "MethodCard",
    "MethodEntry",
    "cards",
    "load_method",
    "register_method",
]

AUTO = "auto"  # not a method: the best one available, see ``lipsync.methods.auto``
DEFAULT = AUTO

find_methods(sys.modules[__name__])


def cards() -> list[MethodCard]:
    """The cards of the methods that can be chosen: all whose weights are here or can be fetched."""
    entries = [METHODS.get(name) for name in METHODS]
    return [entry.card for entry in entries if entry.fetchable]


def load_method(
    name: str = DEFAULT,
    checkpoint: Path | None = None,
    progress: Callable[[int, int | None], None] | None = None,
    live: bool = False,
    supports_mouth_opening: bool = False,
) -> LipSyncMethod:
    """A method ready to speak.

    Args:
        name: of ``METHODS``, or ``hub:org/name`` (see ``lipsync.methods.hub_name``), or ``AUTO``: the best
            core that is available now, see :func:`lipsync.methods.auto.load_best`.
        checkpoint: weights to use instead of the method's own: a file in the published Wav2Lip format,
            or a folder (or the ``.safetensors`` in it) that this project wrote. With ``AUTO`` it has to be
            of the Wav2Lip family. It bears its own name, that of the folder or file. One that was adapted to
            a person states which method it is of.
        progress: called with bytes done and in all while weights are fetched.
        live, supports_mouth_opening: ``AUTO`` takes only a core that can speak live, or change how far the
            mouth opens.

    Raises:
        ConfigError: unknown name, or a checkpoint of another network.
        ArtefactError: the weights are unavailable or are damaged.
    """
    if name == AUTO and checkpoint is None:
        from lipsync.methods.auto import load_best

        return load_best(progress, live, supports_mouth_opening)
    if checkpoint is not None and not Path(checkpoint).exists():
        raise ConfigError("checkpoint.missing", path=checkpoint)
    if checkpoint is not None and (facts := read_facts(Path(checkpoint))) is not None:
        folder = Path(checkpoint) if Path(checkpoint).is_dir() else Path(checkpoint).parent
        return adapted_entry(folder, facts).method(progress)
    entry = METHODS.get(EMBEDDED if name == AUTO else name)
    if checkpoint is None:
        return entry.method(progress)
    own = _own_name(Path(checkpoint))
    return entry.load(replace(entry.card, name=own, title=own), Path(checkpoint), False)


def _own_name(weights: Path) -> str:
    """What people call weights that ship with nobody: their folder, or their file where it has a name."""
    weights = weights.resolve()
    return weights.parent.name if weights.name == "model.safetensors" else weights.stem
