"""A suite: one benchmark, read from a TOML file. Those that ship lie in this folder."""

from __future__ import annotations

import hashlib
import tomllib
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from eval.scoring.controls import CONTROLS
from eval.scoring.metrics import METRICS
from eval.scoring.protocol import Region, Variant
from lipsync.errors import ConfigError
from lipsync.registry import unknown

FOLDER = Path(__file__).parent
# What drives a face: its own speech; another person's; three sounds without a voice; nothing at all.
Speech = Literal["own", "other", "sounds", "nothing"]
ITEM_COLUMNS = ("item", "face", "audio", "reference", "speaker", "language", "person")


@dataclass(frozen=True)
class Suite:
    """One benchmark.

    Attributes:
        title, description: keys of texts, or the texts themselves.
        version: raised when numbers of before cannot be compared with those of after.
        speech: what drives the faces.
        metrics: names of `eval.scoring.metrics`.
        region, variant, resize: of the protocol.
        controls: names of `eval.scoring.controls` that stand beside the methods.
        methods: that are taken where the command names none.
        columns: of the items that must be filled, such as ``language``.
        items: its own, as rows of a manifest; empty where the user brings them.
        data: a folder or manifest of items, relative to the file.
        path: the file; its name without ending is the suite's.
        sha256: of the file.
    """

    title: str
    description: str
    version: int
    speech: Speech
    metrics: tuple[str, ...]
    region: Region = "face"
    variant: Variant = "track"
    resize: bool = False
    controls: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    items: tuple[Mapping[str, str], ...] = ()
    data: str = ""
    path: Path = field(default=Path())
    sha256: str = ""

    @property
    def name(self) -> str:
        """As on the command line."""
        return self.path.stem


def suite_names() -> tuple[str, ...]:
    """The suites that ship."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def read_suite(name: str) -> Suite:
    """The suite of a name, or of a file whose name ends in ``.toml``.

    Raises:
        ConfigError: there is none, or the file is no suite; says what is wrong with it.
    """
    own = name.endswith(".toml")
    if not own and name not in suite_names():
        raise ConfigError(unknown("kind.suite", name, suite_names()))
    path = Path(name) if own else FOLDER / f"{name}.toml"
    try:
        packed = path.read_bytes()
        table = tomllib.loads(packed.decode("utf-8-sig"))
    except (OSError, ValueError) as problem:
        raise ConfigError("suite.unreadable", path=path, problem=problem) from problem
    suite = _suite(path, table, hashlib.sha256(packed).hexdigest())
    for key, names, known in (
        ("kind.metric", suite.metrics, METRICS),
        ("kind.control", suite.controls, [control.name for control in CONTROLS]),
        ("kind.suite_column", suite.columns, ITEM_COLUMNS),
    ):
        for entry in names:
            if entry not in known:
                raise ConfigError("suite.wrong", path=path, problem=unknown(key, entry, known))
    if not suite.metrics:
        raise ConfigError("suite.lacks", path=path, key="metrics")
    return suite


def _suite(path: Path, table: Mapping[str, Any], sha256: str) -> Suite:
    """The values of a file, each of its field's type.

    Raises:
        ConfigError: a key is unknown, missing or has a value of another type.
    """
    hints = typing.get_type_hints(Suite)
    settings = [one for one in fields(Suite) if one.name not in ("path", "sha256")]
    names = [one.name for one in settings]
    for key in table:
        if key not in names:
            raise ConfigError("suite.wrong", path=path, problem=unknown("kind.suite_key", key, names))
    for key in names[: names.index("region")]:
        if key not in table:
            raise ConfigError("suite.lacks", path=path, key=key)
    values = {key: _value(path, key, hints[key], value) for key, value in table.items()}
    return Suite(**values, path=path, sha256=sha256)


def _value(path: Path, key: str, hint: Any, value: Any) -> Any:
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise ConfigError(
                "suite.not_one_of", path=path, key=key, value=str(value), known=", ".join(get_args(hint))
            )
        return value
    if get_origin(hint) is tuple:
        inner = str if get_args(hint)[0] is str else dict
        good = isinstance(value, list) and all(isinstance(entry, inner) for entry in value)
        value = tuple(value) if good else value
    else:
        good = type(value) is hint
    if not good:
        raise ConfigError("suite.other_type", path=path, key=key, value=str(value))
    return value
