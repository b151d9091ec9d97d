"""What a method declares of itself, and the decorator by which it joins the menu; imports no network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from lipsync.assets import asset
from lipsync.methods.base import LipSyncMethod, MethodCard
from lipsync.registry import Registry

if TYPE_CHECKING:
    from lipsync.data.clips import Clip
    from lipsync.training.loop import Stage

MODELS = asset("models")
EMBEDDED = "mcsawav2lip-embedded"  # always here; loads checkpoints of the Wav2Lip family
WHISPER = ("whisper_tiny_en", "whisper_tiny_en_config", "whisper_tiny_en_vocabulary")  # of the artefact table
LAST = 1000  # place in the menu of a method that declares none


class Core:
    """What one line of the menu declares; a subclass is registered with :func:`register_method`.

    It lives in ``lipsync/methods/NAME/card.py``, which imports no network: ``load`` does when it is called.

    Attributes:
        card: what a person reads before choosing it.
        folder: weights that ship with the project.
        artefact: or the name of the weights in the artefact table (``artefacts.toml`` beside ``card.py``).
        needs: names of the artefact table that it cannot work without besides its weights.
        signature: name of a tensor that no other method's network has: it identifies the weights in a folder.
        recipe: ``"module:attribute"`` of the ``Recipe`` by which it learns one person; "" where it cannot.
        order: place in the menu, from the lowest on; those of one place are in the order of their names.
    """

    card: ClassVar[MethodCard]
    folder: ClassVar[Path | None] = None
    artefact: ClassVar[str | None] = None
    needs: ClassVar[tuple[str, ...]] = ()
    signature: ClassVar[str] = ""
    recipe: ClassVar[str] = ""
    order: ClassVar[int] = LAST

    @staticmethod
    def load(card: MethodCard, weights: Path, again: bool) -> LipSyncMethod:
        """The method with the weights of a file or folder.

        Args:
            card: to be kept as its own; ``auto`` and cores on the Hub change some of its fields.
            weights: the ``folder``, the fetched ``artefact``, or what a person gave as checkpoint.
            again: the weights will be used again, so converting them pays.

        Raises:
            ArtefactError: a file is missing or damaged.
            ConfigError: these are the weights of another network.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Recipe:
    """How one kind of core learns a person; it lives in ``lipsync/methods/NAME/tune.py``.

    Attributes:
        stage: from the folder of a core and the clips to learn from.
        method: the stage's present weights as the pipeline would use them.
        folder: where the stage's ``export`` leaves them, in the run's.
        morphable: from the folder of a core the 3D face model that has to be fitted to the clips, as for
            ``lipsync.data.face_fitting.keep_fit``; None where the stage needs no fit.
    """

    stage: Callable[[Path, list[Clip]], Stage]
    method: Callable[[Any, MethodCard], LipSyncMethod]
    folder: str
    morphable: Callable[[Path], Path | None] | None = None


CORES: Registry[type[Core]] = Registry("kind.method")

C = TypeVar("C", bound=type[Core])


def register_method(core: C) -> C:
    """Put a core into the menu, under the name on its card; a decorator.

    Raises:
        ValueError: the name is taken.
    """
    CORES.register(core.card.name, core)
    return core
