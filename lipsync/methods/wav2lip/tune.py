"""How a core of the Wav2Lip family learns one person."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

from lipsync.data.clips import Clip
from lipsync.experts.perceptual import available_features
from lipsync.methods.base import LipSyncMethod, MethodCard
from lipsync.methods.registry import Recipe
from lipsync.methods.wav2lip.convert import read_generator
from lipsync.methods.wav2lip.infer import Wav2LipMethod
from lipsync.methods.wav2lip.train import GeneratorConfig, GeneratorStage


def _stage(folder: Path, clips: list[Clip]) -> GeneratorStage:
    config, _ = read_generator(folder)
    config = replace(config, framing="upright")  # what it learns is shown that way
    factor, features = available_features()
    return GeneratorStage(
        GeneratorConfig(
            model=config, start=str(folder), windows=10, frames=2, learning_rate=5e-4, sync_weight=0.0,
            gan_weight=0.0, freeze_speech=True, freeze_norms=True, mouth_weight=2.0,
            mismatched_audio_fraction=0.4,
            anchor_weight=2.0, perceptual_weight=0.3 * factor, perceptual_frames=8, features=features,
            ema=0.98, decay_from=0.5,
        ),
        clips,
        [],
    )  # fmt: skip


def _method(stage: GeneratorStage, card: MethodCard) -> LipSyncMethod:
    return Wav2LipMethod(card, deepcopy(stage.best), "")  # it folds batch norms away


RECIPE = Recipe(_stage, _method, "generator")
