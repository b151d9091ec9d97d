"""``report.json``: the scores of a benchmark for programs, written and read in one place."""

from __future__ import annotations

import json
import math
import typing
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from datetime import datetime
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin

from eval.scoring.metrics import Direction
from eval.scoring.scores import write_text
from lipsync.errors import ConfigError

SCHEMA = 1
Source = Literal["generated", "folder"]
R = TypeVar("R")


@dataclass(frozen=True)
class BenchSuite:
    """What was run; by ``sha256``, of its file, two reports can be known to be of one suite."""

    name: str
    title: str
    version: int
    sha256: str


@dataclass(frozen=True)
class BenchMethod:
    """A method.

    Attributes:
        name: in ``scores``.
        title: what people call it.
        weights_sha256: empty where its videos came in a folder.
        source: whether its videos were generated here or came in a folder.
    """

    name: str
    title: str
    weights_sha256: str
    source: Source


@dataclass(frozen=True)
class BenchItem:
    """A face with a recording; ``language`` is empty where nothing says which is spoken."""

    item: str
    language: str


@dataclass(frozen=True)
class BenchScore:
    """One metric of one method.

    Attributes:
        method, metric: names; label: the metric's heading.
        direction, unit, decimals: how to read and print it.
        language: of the items; None: all items.
        n: videos with a score.
        value: the method's score; None where no video has one.
        low, high: bootstrap 95 % interval; None where there is none.
        protocol: how it was measured.
        videos: of the method, those without a score too.
        sound: without a voice, that alone drove the videos; None: every sound.
    """

    method: str
    metric: str
    label: str
    direction: Direction
    unit: str
    decimals: int
    language: str | None
    n: int
    value: float | None
    low: float | None
    high: float | None
    protocol: str
    videos: int = 0
    sound: str | None = None


@dataclass(frozen=True)
class BenchReport:
    """All of it.

    Attributes:
        date: ISO 8601, UTC.
        portal: version of this program; versions: of the libraries that numbers depend on.
        command: that repeats it.
        data_sha256: of the names and contents of all faces and recordings.
    """

    suite: BenchSuite
    date: str
    portal: str
    command: str
    methods: tuple[BenchMethod, ...]
    items: tuple[BenchItem, ...]
    scores: tuple[BenchScore, ...]
    data_sha256: str = ""
    versions: dict[str, str] = field(default_factory=dict)


def write_bench_report(report: BenchReport, path: Path) -> None:
    """Write ``report.json``; numbers that are none become null.

    Raises:
        ConfigError: the place cannot be written to.
    """
    data = {"schema": SCHEMA, **asdict(report)}
    write_text(path, json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_bench_report(path: Path) -> BenchReport:
    """The report in a file, checked: every field has its type, every score a method that is listed.

    Raises:
        ConfigError: it is not there, or is no such report; says what is wrong with it.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number)
        if not isinstance(data, dict):
            raise ValueError("no object")
        if data.get("schema") != SCHEMA:
            raise ConfigError("bench.other_schema", path=path, schema=str(data.get("schema")), known=SCHEMA)
        report = _record(BenchReport, data, "")
        _check(report)
    except (OSError, ValueError, RecursionError) as problem:
        raise ConfigError("bench.not_a_report", path=path, problem=problem) from problem
    return report


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _record(kind: type[R], data: Any, where: str) -> R:
    """An object of a dataclass; what it has no field for is ignored, so that newer reports can be read."""
    if not isinstance(data, dict):
        raise ValueError(f"{where or 'report'}: no object")
    hints = typing.get_type_hints(kind)
    values = {
        one.name: _value(hints[one.name], data[one.name], f"{where}{one.name}")
        for one in fields(kind)  # type: ignore[arg-type]
        if one.name in data
    }
    try:
        return kind(**values)
    except TypeError as problem:  # names the fields that are missing
        raise ValueError(f"{where or 'report'}: {str(problem).partition(': ')[2] or problem}") from problem


def _value(hint: Any, value: Any, where: str) -> Any:
    """A value of a field's type.

    Raises:
        ValueError: it is of another one.
    """
    if is_dataclass(hint):
        return _record(typing.cast(type, hint), value, f"{where}.")
    if get_origin(hint) is tuple and isinstance(value, list):
        inner = get_args(hint)[0]
        return tuple(_value(inner, entry, f"{where}[{place}]") for place, entry in enumerate(value))
    if get_origin(hint) is dict and isinstance(value, dict):
        return {str(key): _value(get_args(hint)[1], entry, f"{where}.{key}") for key, entry in value.items()}
    if get_origin(hint) is Literal:
        good = value in get_args(hint)
    else:
        kinds = get_args(hint) if get_origin(hint) in (typing.Union, UnionType) else (hint,)
        if float in kinds and type(value) is int:
            value = float(value)
        good = type(value) in kinds
    if not good:
        raise ValueError(f"{where}: {value!r}"[:200])
    return value


def _check(report: BenchReport) -> None:
    """Raises ValueError where fields that are right alone do not fit together."""
    datetime.fromisoformat(report.date)
    names = {method.name for method in report.methods}
    if len(names) < len(report.methods):
        raise ValueError("methods: a name stands twice")
    for place, score in enumerate(report.scores):
        if score.method not in names:
            raise ValueError(f"scores[{place}].method: {score.method!r} is not among methods")
        if score.n < 0 or not 0 <= score.decimals <= 10:
            raise ValueError(f"scores[{place}]: n {score.n}, decimals {score.decimals}")
        numbers = (score.value, score.low, score.high)
        if any(number is not None and not math.isfinite(number) for number in numbers):
            raise ValueError(f"scores[{place}]: a number is infinite")
