"""The stages of training by name, of methods and experts, and the recipes that lie beside them."""

from __future__ import annotations

import importlib
import importlib.util
import json
from pathlib import Path
from typing import Any

from lipsync import methods
from lipsync.errors import ConfigError
from lipsync.experts import training  # noqa: F401  registers its stages
from lipsync.methods.entry import folders
from lipsync.registry import unknown
from lipsync.training import run
from lipsync.training.config import TrainConfig, build_config
from lipsync.training.stages import STAGES


def read_saved_run(folder: Path) -> tuple[str, dict[str, Any]]:
    """Stage of the run in a folder and its tables for ``read_config``; an earlier version's too."""
    tables = json.loads((folder / run.SAVED).read_text(encoding="utf-8"))
    kind = tables.pop("kind")
    return kind, {**tables, "stage": STAGES.get(kind).restored(tables["stage"])}


def read_config(stage: str, tables: dict[str, Any], sets: list[str] | None = None) -> TrainConfig:
    """The configuration of a run.

    Args:
        stage: a name of ``STAGES``.
        tables, sets: as of :func:`lipsync.training.config.build_config`.

    Raises:
        ConfigError: unknown stage or key (the nearest is named), or a value of another type.
    """
    settings = STAGES.get(stage).settings
    for name in folders(methods):
        if importlib.util.find_spec(f"{name}.config"):  # it may register rows of an ablation table
            importlib.import_module(f"{name}.config")
    return build_config(settings, tables, sets)


def train(kind: str, config: TrainConfig, data: Path, out: Path, **options: Any) -> None:
    """Train a stage of ``STAGES``; the rest is as of :func:`lipsync.training.run.train`."""
    run.train(kind, config, data, out, **options)


def recipe(name: str) -> Path:
    """The TOML file of a configuration that lies with its method or its expert, by its name.

    Raises:
        ConfigError: there is none.
    """
    if name not in (known := recipes()):
        raise ConfigError(unknown("kind.recipe", name, known))
    return known[name]


def recipes() -> dict[str, Path]:
    """All configurations that lie with the methods and the experts, by name."""
    package = Path(__file__).resolve().parents[1]
    files = [*package.glob("methods/*/configs/*.toml"), *package.glob("experts/training/configs/*.toml")]
    return {file.stem: file for file in sorted(files, key=lambda file: file.stem)}
