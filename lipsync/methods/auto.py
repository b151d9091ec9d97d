"""``auto``: the best core whose files are here or can be fetched now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lipsync.errors import ArtefactError, ConfigError
from lipsync.methods import METHODS, LipSyncMethod, MethodEntry
from lipsync.methods.ranking import ranking
from lipsync.texts import Message
from lipsync.weights import hub


def candidates(live: bool = False, supports_mouth_opening: bool = False) -> list[MethodEntry]:
    """The cores that ``auto`` tries, best first: those that ship and have a line in the table of scores.

    Args:
        live: only those that can speak live.
        supports_mouth_opening: only those that can change how far the mouth opens.

    Raises:
        ConfigError: the table of scores cannot be read.
    """
    entries = [METHODS.get(name) for name in ranking() if name in METHODS]
    return [
        entry
        for entry in entries
        if entry.folder is not None
        and entry.folder.is_dir()
        and (entry.card.live or not live)
        and (entry.card.supports_mouth_opening or not supports_mouth_opening)
    ]


def load_best(
    progress: Callable[[int, int | None], None] | None = None,
    live: bool = False,
    supports_mouth_opening: bool = False,
) -> LipSyncMethod:
    """The best core that can be loaded now; its card explains in ``fallback`` why it is not a better one.

    What a core lacks is fetched, but a source that does not answer soon is given up, see ``hub.fetch``.

    Args:
        progress: called with bytes done and in all while weights are fetched.
        live, supports_mouth_opening: see :func:`candidates`.

    Raises:
        ArtefactError: not one of them can be loaded.
        ConfigError: the table of scores cannot be read.
    """
    unavailable: list[Message] = []
    for entry in candidates(live, supports_mouth_opening):
        missing = _fetch_needs(entry, progress)
        if missing is None:
            card = replace(entry.card, fallback=_sentence(unavailable))
            try:
                return replace(entry, card=card).method(progress)
            except (ArtefactError, ConfigError) as problem:
                missing = Message("auto.cannot_load", method=entry.card.title, problem=problem.message.clause)
        unavailable.append(missing)
    raise ArtefactError("auto.none", reasons=unavailable)


def wanted() -> list[str]:
    """Names of the artefacts to fetch at set-up, so that ``auto`` can take the best core.

    They are what the cores need that stand above the first one that needs nothing.
    """
    names: list[str] = []
    for entry in candidates():
        if not entry.needs:
            break
        names += entry.needs
    return list(dict.fromkeys(names))


def _fetch_needs(entry: MethodEntry, progress: Callable[[int, int | None], None] | None) -> Message | None:
    """Fetch what a core needs; what it lacks and why, where that is unavailable."""
    for name in entry.needs:
        try:
            hub.fetch(name, progress, prompt=True)
        except ArtefactError as problem:
            file = hub.artefacts()[name].file
            return Message("auto.needs_file", method=entry.card.title, file=file, reason=problem.reason)
    return None


def _sentence(unavailable: list[Message]) -> Message | None:
    if not unavailable:
        return None
    return Message("auto.unavailable", count=len(unavailable), reasons=unavailable)
