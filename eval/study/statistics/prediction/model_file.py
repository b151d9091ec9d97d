"""The file of a predicted MOS: written where a study offers one, read before videos are scored."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

from eval.scoring.metrics import METRICS
from eval.scoring.scores import write_text
from eval.study.statistics.prediction.mos_model import FittedMetric, MosModel, PredictionError
from lipsync.errors import ConfigError

SCHEMA = 1
# What JSON holds for the annotations of the fields; the others are checked by themselves.
KINDS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "float | None": (int, float, type(None)),
}
T = TypeVar("T")


def write_model(model: MosModel, path: Path) -> None:
    """Write a model as JSON that `read_model` reads.

    Raises:
        ConfigError: the place cannot be written to.
    """
    data = {"schema": SCHEMA, **asdict(model)}
    write_text(path, json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_models(paths: Iterable[Path] | None) -> tuple[MosModel, ...]:
    """The models in files, in their order; none of None.

    Raises:
        ConfigError: one is no such file.
    """
    return tuple(read_model(path) for path in paths or ())


def read_model(path: Path) -> MosModel:
    """The model that `write_model` wrote.

    Raises:
        ConfigError: the file cannot be read, or is not such a model.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise ConfigError("predicted.unreadable", path=path.name, problem=problem) from problem
    try:
        if data["schema"] != SCHEMA:
            raise ValueError(f"schema {data['schema']}")
        metrics = tuple(_checked(FittedMetric, entry) for entry in data["metrics"])
        if not metrics or any(fitted.scale <= 0 for fitted in metrics):
            raise ValueError("no metrics, or a scale that is not above 0")
        error = _checked(PredictionError, data["error"])
        model = _checked(MosModel, {**data, "metrics": metrics, "error": error})
    except (KeyError, TypeError, ValueError) as problem:
        raise ConfigError("predicted.no_model", path=path.name, problem=problem) from problem
    for fitted in metrics:
        METRICS.get(fitted.metric)  # says what it may have meant
    return model


def _checked(kind: type[T], data: Any) -> T:
    """A dataclass of plain values.

    Raises:
        TypeError, ValueError: a value is missing, of another type or not finite.
    """
    if not isinstance(data, Mapping):
        raise TypeError(f"{kind.__name__} is no mapping")
    values = {}
    for entry in fields(kind):  # type: ignore[arg-type]
        if entry.name not in data:
            raise KeyError(entry.name)
        value = values[entry.name] = data[entry.name]
        if not isinstance(value, KINDS.get(str(entry.type), (object,))) or isinstance(value, bool):
            raise TypeError(f"{entry.name} is {value!r}")
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{entry.name} is {value!r}")
    return kind(**values)
