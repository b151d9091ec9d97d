"""Cores that were adapted to one person: where they are kept, and the description in each.

Such a core is a folder as any other, with ``adapt.json`` beside its weights. Those of the portal's folder
have a name, ``adapted:NAME``. A name with a ``~`` was given by the page, ends in a part that nobody can
guess, and is listed to nobody: the browser that made it remembers it.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from lipsync.data_folder import data_folder
from lipsync.errors import ConfigError
from lipsync.methods.base import MethodCard
from lipsync.texts import Message

PREFIX = "adapted:"
FACTS = "adapt.json"
SECRET = "~"  # before the part of a name that nobody can guess
_NAME = re.compile(r"\w[\w.~-]{0,99}")


@dataclass(frozen=True)
class Facts:
    """Contents of ``adapt.json``.

    Attributes:
        name: of the core.
        method: name of the core it came from, and ``title`` for people.
        source_sha256: of that core's weights.
        face: file name of the video.
        resolution: pixels, side of the face square it draws.
        supports_mouth_opening: whether it can open the mouth further or less than the speech has it.
        kept_original: nothing was gained, so the weights are those it came from.
        video_seconds: usable video, learned and held out together.
        seconds: of learning; ``steps`` made, and ``best_step``, whose weights these are.
        before, after: measured on the held-out last fifth (``lipsync.methods.tuning.HeldOutScore``).
    """

    name: str
    method: str
    title: str
    source_sha256: str
    face: str
    resolution: int
    supports_mouth_opening: bool
    kept_original: bool
    video_seconds: float
    seconds: float
    steps: int
    best_step: int
    before: dict[str, float]
    after: dict[str, float]

    @property
    def label(self) -> str:
        """The name as people read it, without the part that nobody can guess."""
        return self.name.partition(SECRET)[0]

    def write(self, folder: Path) -> None:
        text = json.dumps(asdict(self), ensure_ascii=False, indent=2)
        (folder / FACTS).write_text(text + "\n", encoding="utf-8")


def read_facts(folder: Path) -> Facts | None:
    """The description in an adapted core's folder, or beside a file in it; None where it is another core.

    Raises:
        ConfigError: ``adapt.json`` is damaged.
    """
    path = (folder if folder.is_dir() else folder.parent) / FACTS
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if "opens" in found:  # what ``supports_mouth_opening`` was called
            found["supports_mouth_opening"] = found.pop("opens")
        return Facts(**{name: found[name] for name in Facts.__dataclass_fields__})
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise ConfigError("adapted.not_one", path=path) from problem


def card_of(facts: Facts, source: MethodCard) -> MethodCard:
    """The card of an adapted core, which bears its own name, in results as in menus: without the part that
    nobody can guess, which must not travel with a video.

    Args:
        source: of the method that it came from.
    """
    return MethodCard(
        name=f"{PREFIX}{facts.label}",
        title=facts.label,
        paper=source.paper,
        licence=source.licence,
        resolution=facts.resolution,
        weights=Message("adapted.weights"),
        summary=Message("adapted.summary", title=facts.title, face=facts.face, seconds=facts.video_seconds),
        supports_mouth_opening=facts.supports_mouth_opening,
    )


def cores_folder() -> Path:
    """Where adapted cores with a name are kept: ``cores`` in the data folder. It may not exist yet."""
    return data_folder() / "cores"


def adapted_folder(name: str) -> Path:
    """The folder of the adapted core NAME, with or without ``adapted:``, whether it exists or not.

    Raises:
        ConfigError: no core can have that name.
    """
    name = name.removeprefix(PREFIX)
    if not _NAME.fullmatch(name):
        raise ConfigError("adapted.name_form", name=name)
    return cores_folder() / name


def adapted_core(name: str) -> tuple[Path, Facts]:
    """Folder and facts of the adapted core of a name.

    Raises:
        ConfigError: there is none.
    """
    folder = adapted_folder(name)
    facts = read_facts(folder) if folder.is_dir() else None
    if facts is None:
        raise ConfigError("adapted.missing", name=name.removeprefix(PREFIX))
    return folder, facts


def adapted_names(secret: bool = False) -> list[str]:
    """Names of the adapted cores that are kept, in order; those that a page made only with ``secret``."""
    folder = cores_folder()
    found = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    return [
        name for name in found if not name.startswith(".") and (secret or SECRET not in name)
        and (folder / name / FACTS).is_file()
    ]  # fmt: skip


def secret_name(face: Path) -> str:
    """A new name for a core that a page makes of this video: its file name, and a part nobody can guess."""
    stem = re.sub(r"[^\w-]+", "-", face.stem).strip("-_")[:40] or "face"
    return f"{stem}{SECRET}{secrets.token_hex(8)}"


def delete_adapted(name: str) -> None:
    """Remove an adapted core. Its folder is all that is kept of the video and the person.

    Raises:
        ConfigError: there is none, or it cannot be removed.
    """
    folder, _ = adapted_core(name)
    try:
        shutil.rmtree(folder)
    except OSError as problem:
        raise ConfigError("file.cannot_delete", path=folder, problem=problem.strerror) from problem
