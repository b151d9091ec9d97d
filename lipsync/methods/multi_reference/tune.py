"""How a multi-reference core learns one person."""

from __future__ import annotations

from pathlib import Path

from lipsync.data.clips import Clip
from lipsync.experts.perceptual import available_features
from lipsync.methods.base import LipSyncMethod, MethodCard
from lipsync.methods.multi_reference.infer import MultiReferenceMethod
from lipsync.methods.multi_reference.model import MultiReference
from lipsync.methods.multi_reference.train import MultiReferenceStage, MultiReferenceTraining
from lipsync.methods.registry import Recipe


def _stage(folder: Path, clips: list[Clip]) -> MultiReferenceStage:
    config = MultiReference.from_pretrained(str(folder)).config
    factor, features = available_features()
    return MultiReferenceStage(
        MultiReferenceTraining(
            model=config, start=str(folder), windows=4, learning_rate=3e-4, freeze_listener=True,
            train_at_network_size=True,
            framed_alike=True, wide_mouth_fraction=0.25, mouth_weight=4.0, perceptual_weight=0.1 * factor,
            features=features,
            ema=0.98,
        ),
        clips,
        [],
    )  # fmt: skip


def _method(stage: MultiReferenceStage, card: MethodCard) -> LipSyncMethod:
    net = MultiReference(stage.config.model)
    net.load_state_dict(stage.best.state_dict())
    return MultiReferenceMethod(card, net, "", encoder=stage.speech_stretches.encoder)


RECIPE = Recipe(_stage, _method, "multi-reference")
