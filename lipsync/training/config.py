"""From a TOML file and ``--set key=value`` to the frozen dataclasses of a run."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from lipsync.errors import ConfigError
from lipsync.registry import unknown
from lipsync.texts import Message
from lipsync.training.ablations import ROWS, ablated
from lipsync.training.loop import RunConfig
from lipsync.weights.renamed import current_settings


@dataclass(frozen=True)
class DataConfig:
    """Which splits of the prepared folder do what."""

    train: tuple[str, ...] = ("train",)
    check: tuple[str, ...] = ("val",)  # people kept out of training, for the checks along the way


@dataclass(frozen=True)
class TrainConfig:
    """One run: tables ``[run]``, ``[data]`` and ``[stage]`` of the file."""

    stage: Any
    run: RunConfig = field(default_factory=RunConfig)
    data: DataConfig = field(default_factory=DataConfig)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for ``train.json``; :func:`build_config` takes them back."""
        return {"run": asdict(self.run), "data": asdict(self.data), "stage": asdict(self.stage)}


def build_config(stage: type, tables: dict[str, Any], sets: list[str] | None = None) -> TrainConfig:
    """The configuration of a run.

    Args:
        stage: dataclass of the stage's settings.
        tables: as :func:`read_toml` returns them.
        sets: ``key=value`` with the key's whole path, such as ``run.steps=500`` or
            ``stage.model.width=0.25``; values as in TOML, strings without quotes too. They win.

    Raises:
        ConfigError: unknown key (the nearest is named), or a value of another type.
    """
    tables = {key: dict(value) if isinstance(value, dict) else value for key, value in tables.items()}
    for text in sets or []:
        _set(tables, text)
    for key, value in tables.items():
        if key not in ("run", "data", "stage"):
            raise ConfigError(unknown("kind.settings_table", key, ("run", "data", "stage")))
        if not isinstance(value, dict):
            raise ConfigError("settings.table", name=key, value=value)
    config = TrainConfig(
        stage=_build(stage, tables.get("stage", {}), "stage"),
        run=_build(RunConfig, tables.get("run", {}), "run"),
        data=_build(DataConfig, tables.get("data", {}), "data"),
    )
    _check_run(config.run)
    return config


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        ConfigError: there is no such file, or it is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise ConfigError("settings.unreadable", path=path, problem=problem.strerror) from problem
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise ConfigError("settings.not_toml", path=path, problem=problem) from problem


def _set(tables: dict[str, Any], text: str) -> None:
    path, equals, value = text.partition("=")
    if not equals or not path.strip():
        raise ConfigError("settings.set_form", text=text)
    *parents, last = path.strip().split(".")
    table = tables
    for name in parents:
        inner = table.get(name, {})
        table[name] = dict(inner) if isinstance(inner, dict) else {}
        table = table[name]
    try:
        table[last] = tomllib.loads(f"x = {value}")["x"]
    except tomllib.TOMLDecodeError:
        table[last] = value.strip()


def _build(kind: type, table: dict[str, Any], path: str, base: Any = None) -> Any:
    """A dataclass from a table; what the table leaves out is as in ``base``, or the default."""
    table = current_settings(kind, table)
    if kind in ROWS and "ablation" in table:
        base = ablated(kind, str(table.pop("ablation")))
    base = kind() if base is None else base
    hints, changes = get_type_hints(kind), {}
    for key, value in table.items():
        if key not in hints:
            names = [*hints, *(["ablation"] if kind in ROWS else [])]
            raise ConfigError(unknown(Message("kind.setting", path=path), key, names))
        if is_dataclass(hints[key]):
            if not isinstance(value, dict):
                raise ConfigError("settings.table", name=f"{path}.{key}", value=value)
            changes[key] = _build(hints[key], value, f"{path}.{key}", getattr(base, key))
        else:
            changes[key] = _typed(value, hints[key], f"{path}.{key}")
    return replace(base, **changes)


def _typed(value: Any, kind: Any, path: str) -> Any:
    """``value`` as ``kind``: bool, int, float, str or a tuple of one of them."""
    if get_origin(kind) is tuple:
        if isinstance(value, list | tuple):
            return tuple(_typed(item, get_args(kind)[0], path) for item in value)
    elif kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    elif isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    name = {bool: "boolean", int: "whole", float: "number", str: "text"}.get(kind, "list")
    raise ConfigError("settings.type", path=path, kind=Message(f"settings.type.{name}"), value=value)


def _check_run(run: RunConfig) -> None:
    if run.precision not in ("fp32", "bf16", "fp16"):
        raise ConfigError(unknown("kind.precision", run.precision, ("fp32", "bf16", "fp16")))
    if run.device not in ("auto", "cpu", "cuda"):
        raise ConfigError(unknown("kind.device", run.device, ("auto", "cpu", "cuda")))
    if run.best and not (run.check_every or run.check_seconds):
        raise ConfigError("settings.best_needs_checks")
    for name in ("steps", "accumulate", "log_every", "save_every"):
        if getattr(run, name) < 1:
            raise ConfigError("settings.least", name=f"run.{name}", value=getattr(run, name))
