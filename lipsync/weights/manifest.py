"""What an artefact is, and the table of them.

An artefact is one file that somebody else made and that the portal may need: weights, mostly.
The table (``lipsync/weights/artefacts.toml``) is data: adding a file is adding a row. Every row
carries the SHA-256 of its file, without exception: a file whose checksum nobody has stated is
not an artefact. (A person's own checkpoint is given by its path and goes through
:func:`lipsync.weights.checkpoint.load_checkpoint`, which runs no code from it.)
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from lipsync.errors import ConfigError

_FILE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*/)?[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class HubFile:
    """A file in a model repository of the Hugging Face Hub."""

    repo: str
    file: str
    revision: str = "main"

    def __str__(self) -> str:
        at = "" if self.revision == "main" else f"@{self.revision}"
        return f"Hub {self.repo}{at}/{self.file}"


@dataclass(frozen=True)
class Url:
    """A file at an address."""

    url: str

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True)
class PackageFile:
    """One file inside one archive of a Python package, read from the package index pip is set up with.

    ``member`` is the path inside the archive; for an sdist without its leading ``name-version/``.
    """

    package: str
    version: str
    archive: Literal["wheel", "sdist"]
    member: str

    def __str__(self) -> str:
        return f"package {self.package}=={self.version}"


@dataclass(frozen=True)
class PackageParts:
    """A file that was cut into pieces, one per package; joined in this order."""

    parts: tuple[PackageFile, ...]

    def __str__(self) -> str:
        return " + ".join(str(part) for part in self.parts)


@dataclass(frozen=True)
class FaceKitArchive:
    """ICT-FaceKit's repository as a zip archive, whose meshes are put together into the one file."""

    url: str

    def __str__(self) -> str:
        return self.url


Source = HubFile | Url | PackageFile | PackageParts | FaceKitArchive


@dataclass(frozen=True)
class Artefact:
    """One row of the table.

    Attributes:
        name: what the code calls it.
        file: its name in the cache and in the folder ``LIPSYNC_WEIGHTS``: ``name`` or ``folder/name``.
        sha256: 64 lower-case hex digits.
        size: bytes.
        licence: of the weights, with the condition that matters.
        purpose: what the portal does with it.
        sources: where it is fetched from, tried in this order; none means by hand only.
        default: fetched at set-up.
        preload: fetched when a Space is built, from the first of its sources on the Hub.
    """

    name: str
    file: str
    sha256: str
    size: int
    licence: str
    purpose: str
    sources: tuple[Source, ...] = ()
    default: bool = False
    preload: bool = False

    def __post_init__(self) -> None:
        if not _FILE.fullmatch(self.file):
            raise ConfigError("artefact.file_form", artefact=self.name, file=self.file)
        if not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            raise ConfigError("artefact.sha256_form", artefact=self.name)
        if self.size <= 0:
            raise ConfigError("artefact.size_form", artefact=self.name)


@cache
def table() -> Mapping[str, Artefact]:
    """The artefact table that comes with the portal, and the rows that methods keep beside them, by name."""
    texts = [files("lipsync.weights").joinpath("artefacts.toml").read_text(encoding="utf-8")]
    folders = sorted(files("lipsync").joinpath("methods").iterdir(), key=lambda folder: folder.name)
    own = (folder.joinpath("artefacts.toml") for folder in folders if folder.is_dir())
    texts += [file.read_text(encoding="utf-8") for file in own if file.is_file()]
    return read_table("\n".join(texts))


def read_table(text: str) -> dict[str, Artefact]:
    """Artefacts by name from TOML text, one table per artefact (see ``lipsync/weights/artefacts.toml``).

    Raises:
        ConfigError: not TOML, an unknown or missing field, or a value that is not possible.
    """
    try:
        rows = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise ConfigError("artefact.not_toml", problem=problem) from problem
    found = {}
    for name, row in rows.items():
        try:
            sources = tuple(_source(entry) for entry in row.pop("sources", []))
            found[name] = Artefact(name=name, sources=sources, **row)
        except (TypeError, AttributeError, ValueError, KeyError) as problem:
            raise ConfigError("artefact.in_table", artefact=name, problem=problem) from problem
    by_file: dict[str, str] = {}
    for name, artefact in found.items():
        if artefact.file in by_file:
            raise ConfigError("artefact.same_file", first=by_file[artefact.file], second=name)
        by_file[artefact.file] = name
    return found


def _source(entry: dict[str, Any]) -> Source:
    """One entry of ``sources``: which of the five kinds it is shows in its key."""
    if not isinstance(entry, dict):
        raise ValueError(f"source {entry!r} is not a table")
    rest = dict(entry)
    if "hub" in rest:
        return HubFile(repo=rest.pop("hub"), **rest)
    if "url" in rest:
        return Url(**rest)
    if "parts" in rest:
        return PackageParts(tuple(_package(part) for part in rest["parts"]))
    if "package" in rest:
        return _package(rest)
    if "facekit" in rest:
        return FaceKitArchive(rest.pop("facekit"), **rest)
    raise ValueError(f"source {entry} names no hub, url, package, parts or facekit")


def _package(entry: dict[str, Any]) -> PackageFile:
    rest = dict(entry)
    package, equals, version = rest.pop("package").partition("==")
    if not equals or rest.get("archive") not in ("wheel", "sdist"):
        raise ValueError(f"source {entry} needs package = 'name==version' and archive = 'wheel' or 'sdist'")
    return PackageFile(package=package, version=version, **rest)
