"""The stages of training by name: those of the methods, and those of the experts that they learn from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lipsync.errors import ConfigError
from lipsync.experts.sync_expert import SyncExpertConfig
from lipsync.experts.training.activity_stage import ActivityStage, ActivityTraining
from lipsync.experts.training.lip_reader_stage import LipReaderStage, LipReaderTraining
from lipsync.experts.training.mouth_stage import MouthConfig, MouthStage
from lipsync.experts.training.sync_stage import SyncConfig, SyncStage
from lipsync.experts.training.syncx_stage import SyncXStage, SyncXTraining
from lipsync.experts.training.teacher_stage import TeacherConfig, TeacherStage
from lipsync.methods.lstm_cbam.config import ABLATIONS as LSTM_CBAM
from lipsync.methods.lstm_cbam.config import discriminator_config
from lipsync.methods.lstm_cbam.train import JointConfig, JointStage
from lipsync.methods.mcsawav2lip.config import ABLATIONS as MCSAWAV2LIP
from lipsync.methods.mcsawav2lip.config import generator_config, sync_expert_config
from lipsync.methods.multi_reference.train import MultiReferenceStage, MultiReferenceTraining
from lipsync.methods.multi_reference.train_listener import ListenerConfig, ListenerStage
from lipsync.methods.visual_dubbing.config import (
    ExpressionConfig,
    RendererConfig,
    completed,
    expression_config,
    renderer_config,
)
from lipsync.methods.visual_dubbing.train_expression import ExpressionStage, ExpressionStageConfig
from lipsync.methods.visual_dubbing.train_renderer import DubbingConfig, DubbingStage
from lipsync.methods.wav2lip.config import Wav2LipConfig
from lipsync.methods.wav2lip.train import GeneratorConfig, GeneratorStage
from lipsync.methods.wav2lip.train_speech import SpeechConfig, SpeechStage
from lipsync.registry import unknown
from lipsync.training import run
from lipsync.training.config import TrainConfig, build_config

STAGES: dict[str, tuple[type, Callable[..., Any]]] = {
    "activity": (ActivityTraining, ActivityStage),
    "teacher": (TeacherConfig, TeacherStage),
    "speech": (SpeechConfig, SpeechStage),
    "mouth": (MouthConfig, MouthStage),
    "sync": (SyncConfig, SyncStage),
    "generator": (GeneratorConfig, GeneratorStage),
    "joint": (JointConfig, JointStage),
    "expression": (ExpressionStageConfig, ExpressionStage),
    "dubbing": (DubbingConfig, DubbingStage),
    "listener": (ListenerConfig, ListenerStage),
    "lip-reader": (LipReaderTraining, LipReaderStage),
    "syncx": (SyncXTraining, SyncXStage),
    "multi-reference": (MultiReferenceTraining, MultiReferenceStage),
}

_VARIED = {"augment": True}


# What was done before a setting came that can change it, by stage: a run of then goes on as it began.
BEFORE: dict[str, dict[str, Any]] = {
    "sync": _VARIED,
    "syncx": _VARIED,
    "generator": _VARIED,
    "joint": _VARIED,
    "lip-reader": _VARIED,
    "expression": {"reduction": "mean"},
    "multi-reference": {**_VARIED, "mouth_only": True, "discriminators": 1},
}


def read_kept(folder: Path) -> tuple[str, dict[str, Any]]:
    """Stage of the run in a folder and its tables for ``read_config``; an earlier version's too."""
    tables = json.loads((folder / run.KEPT).read_text(encoding="utf-8"))
    kind = tables.pop("kind")
    stage = {**BEFORE.get(kind, {}), **tables["stage"]}
    if "vary" in stage:  # what ``augment`` was called
        stage["augment"] = stage.pop("vary")
    if kind == "dubbing":
        stage["model"] = completed(stage["model"])
    return kind, {**tables, "stage": stage}


def expert_config(ablation: str) -> SyncExpertConfig:
    """The sync expert of a row of either paper's ablation table.

    Raises:
        ConfigError: unknown name.
    """
    if ablation in LSTM_CBAM:
        return discriminator_config(ablation)
    if ablation in MCSAWAV2LIP:
        return sync_expert_config(ablation)
    raise ConfigError(unknown("ablation", ablation, (*MCSAWAV2LIP, *LSTM_CBAM)))


SHORTCUTS: dict[type, Callable[[str], Any]] = {
    Wav2LipConfig: generator_config,
    SyncExpertConfig: expert_config,
    ExpressionConfig: expression_config,
    RendererConfig: renderer_config,
}


def read_config(stage: str, tables: dict[str, Any], sets: list[str] | None = None) -> TrainConfig:
    """The configuration of a run.

    Args:
        stage: a name of ``STAGES``.
        tables, sets: as of :func:`lipsync.training.config.build_config`.

    Raises:
        ConfigError: unknown stage or key (the nearest is named), or a value of another type.
    """
    if stage not in STAGES:
        raise ConfigError(unknown("training stage", stage, STAGES))
    return build_config(STAGES[stage][0], SHORTCUTS, tables, sets)


def train(kind: str, config: TrainConfig, data: Path, out: Path, **options: Any) -> None:
    """Train a stage of ``STAGES``; the rest is as of :func:`lipsync.training.run.train`."""
    run.train(kind, STAGES[kind][1], config, data, out, **options)


def recipe(name: str) -> Path:
    """The TOML file of a configuration that lies with its method or its expert, by its name.

    Raises:
        ConfigError: there is none.
    """
    if name not in (known := recipes()):
        raise ConfigError(unknown("configuration of training", name, known))
    return known[name]


def recipes() -> dict[str, Path]:
    """All configurations that lie with the methods and the experts, by name."""
    package = Path(__file__).resolve().parents[1]
    files = [*package.glob("methods/*/configs/*.toml"), *package.glob("experts/training/configs/*.toml")]
    return {file.stem: file for file in sorted(files, key=lambda file: file.stem)}
