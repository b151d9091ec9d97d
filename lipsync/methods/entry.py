"""The methods by name: one entry for each core, with what can be done with it before it is loaded."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from lipsync.errors import ArtefactError, ConfigError
from lipsync.methods.adapted import PREFIX as ADAPTED
from lipsync.methods.adapted import Facts, adapted_core, card_of
from lipsync.methods.base import LipSyncMethod, MethodCard
from lipsync.methods.hub_name import PREFIX, HubCore, parse_core
from lipsync.methods.registry import CORES, EMBEDDED, LAST, Core
from lipsync.registry import Registry
from lipsync.texts import Message

if TYPE_CHECKING:
    from lipsync.weights.manifest import Artefact


@dataclass(frozen=True)
class MethodEntry:
    """One line of the menu: what a person reads, and where the weights are."""

    card: MethodCard
    # From a file or folder of weights; True: they will be used again, so converting them pays.
    load: Callable[[MethodCard, Path, bool], LipSyncMethod]
    folder: Path | None = None  # a core that ships with the project
    artefact: str | None = None  # or a name of the artefact table
    core: HubCore | None = None  # or a core on the Hub
    needs: tuple[str, ...] = ()  # names of the artefact table that the method cannot work without
    signature: str = ""  # name of a tensor that its network alone has; "": none
    recipe: str = ""  # "module:attribute" of how it learns one person; "": it cannot
    order: int = LAST  # place in the menu

    @classmethod
    def of(cls, core: type[Core]) -> MethodEntry:
        """The entry of what a method declares."""
        return cls(
            core.card,
            core.load,
            core.folder,
            core.artefact,
            needs=core.needs,
            signature=core.signature,
            recipe=core.recipe,
            order=core.order,
        )

    def weights(self, progress: Callable[[int, int | None], None] | None = None) -> Path:
        """Path of the weights, fetched where they are not here yet; of a core on the Hub, see ``core``."""
        if self.folder is not None:
            if not self.folder.is_dir():
                raise ArtefactError("method.no_weights", method=self.card.title, folder=self.folder.name)
            return self.folder
        from lipsync.weights import hub

        assert self.artefact is not None
        return hub.fetch(self.artefact, progress)

    def method(self, progress: Callable[[int, int | None], None] | None = None) -> LipSyncMethod:
        """The method with its own weights; those from the Hub are pinned by their commit on its card."""
        from lipsync.weights import hub

        if self.core is None:
            weights = self.weights(progress)
            for name in self.needs:  # here, and not where it is opened, so that a person sees how far it is
                hub.fetch(name, progress)
            return self.load(self.card, weights, True)
        from lipsync.methods.hub_core import fetch_core

        found = fetch_core(self.core, progress)
        try:
            return self.load(replace(self.card, revision=found.commit), found.path, True)
        except (ArtefactError, ConfigError) as problem:
            # The folder of the client's cache means nothing to a user; the repository does.
            named = problem.message.with_names({str(found.root): str(self.core.repo)})
            raise type(problem)(named) from problem

    @property
    def artefacts(self) -> tuple[Artefact, ...]:
        """The rows of the artefact table that it cannot work without."""
        from lipsync.weights import hub

        names = self.needs if self.artefact is None else (self.artefact, *self.needs)
        return tuple(hub.artefacts()[name] for name in names)

    @property
    def ready(self) -> bool:
        """Whether everything it works with is on this machine."""
        from lipsync.weights import hub

        if self.core is not None:
            from lipsync.methods.hub_core import locate_core

            return locate_core(self.core) is not None
        return self.fetchable and all(hub.locate(row.name) is not None for row in self.artefacts)

    @property
    def fetchable(self) -> bool:
        """Whether weights that are not here come by themselves with the first run."""
        return self.folder is None or self.folder.is_dir()  # then it lacks only what it ``needs``


class _Methods(Registry[MethodEntry]):
    """The methods by name; beside the registered ones every core on the Hub, as ``hub:org/name``, and those
    that were adapted to one person, as ``adapted:NAME``.
    """

    def get(self, name: str) -> MethodEntry:
        if name.startswith(ADAPTED):
            return adapted_entry(*adapted_core(name))
        return _hub_entry(parse_core(name)) if name.startswith(PREFIX) else super().get(name)

    def names(self) -> tuple[str, ...]:
        """The registered names, in the order of the menu."""
        return tuple(sorted(self._entries, key=lambda name: (self.get(name).order, name)))

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())


METHODS: Registry[MethodEntry] = _Methods("kind.method")


def folders(package: ModuleType) -> list[str]:
    """The full names of the folders in a package, a method's each."""
    modules = pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
    return [module.name for module in modules if module.ispkg]


def find_methods(package: ModuleType) -> None:
    """Import ``card`` of every folder in a package; the cores that they register are then in ``METHODS``."""
    for name in folders(package):
        importlib.import_module(f"{name}.card")
    for name in CORES:
        METHODS.register(name, MethodEntry.of(CORES.get(name)))


def entry_for(weights: Path) -> MethodEntry:
    """The method whose network the weights of a file or folder are of.

    That of the Wav2Lip family where they bear nobody's signature: a published file, or a damaged one, of
    which its loader then explains what is wrong.
    """
    names = _names(weights / "model.safetensors") if weights.is_dir() else set()
    entries = (METHODS.get(name) for name in METHODS)
    return next((entry for entry in entries if entry.signature in names), METHODS.get(EMBEDDED))


def _load_any(card: MethodCard, weights: Path, again: bool) -> LipSyncMethod:
    return entry_for(weights).load(card, weights, again)


def _names(weights: Path) -> set[str]:
    """The names of the tensors in a safetensors file; none when it is damaged, which its reader reports."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(weights, framework="pt") as file:
            return set(file.keys())
    except (SafetensorError, OSError):
        return set()


def _hub_entry(core: HubCore) -> MethodEntry:
    from lipsync.methods.hub_core import licence_of

    card = MethodCard(
        name=str(core),
        title=str(core).removeprefix(PREFIX),
        paper="",
        licence=licence_of(core) or Message("method.licence.hub"),
        resolution=0,
        weights=Message("method.weights.hub"),
        summary=Message("method.summary.hub"),
        supports_mouth_opening=True,  # most can; one that cannot raises an error when asked
    )
    return MethodEntry(card, _load_any, core=core)


def adapted_entry(folder: Path, facts: Facts) -> MethodEntry:
    """A core that was adapted to one person; whatever its source was, its weights decide how it is loaded."""
    source = METHODS.get(facts.method) if facts.method in METHODS else None
    card = source.card if source else MethodCard(facts.method, facts.title, "", "", facts.resolution, "", "")
    return MethodEntry(card_of(facts, card), _load_any, folder=folder, needs=source.needs if source else ())
