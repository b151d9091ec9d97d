"""Multi-reference fusion in the menu."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lipsync.methods.base import LipSyncMethod, MethodCard
from lipsync.methods.registry import MODELS, WHISPER, Core, register_method
from lipsync.texts import Message
from lipsync.training.stages import STAGES

STAGES.register(
    "listener",
    "lipsync.methods.multi_reference.train_listener:ListenerStage",
    help="multi_reference.stage.listener",
)
STAGES.register(
    "multi-reference",
    "lipsync.methods.multi_reference.train:MultiReferenceStage",
    help="multi_reference.stage.whole",
)


@register_method
class MultiReferenceCore(Core):
    """The core whose speech encoder ships with it."""

    card = MethodCard(
        name="multi-reference",
        title="Multi-reference fusion",
        paper="Patent: high-quality digital-human lip synthesis driven by speech",
        licence=Message("method.licence.apache"),
        resolution=256,
        weights=Message("method.weights.ships"),
        summary="multi_reference.summary",
        supports_mouth_opening=True,
        live=True,
    )
    folder = MODELS / "multi-reference-embedded"
    signature = "image_encoder.stages.0.0.conv.weight"
    recipe = "lipsync.methods.multi_reference.tune:RECIPE"
    order = 30

    @staticmethod
    def load(card: MethodCard, weights: Path, again: bool) -> LipSyncMethod:
        from lipsync.methods.multi_reference.config import MultiReferenceConfig
        from lipsync.methods.multi_reference.infer import MultiReferenceMethod
        from lipsync.methods.multi_reference.model import MultiReference
        from lipsync.weights.pretrained import read_saved, weights_sha256

        net = read_saved(weights, MultiReference, MultiReferenceConfig, Message("multi_reference.network"))
        return MultiReferenceMethod(card, net, weights_sha256(weights))


@register_method
class MultiReferenceWhisperCore(MultiReferenceCore):
    """The core on features of Whisper's encoder."""

    card = replace(
        MultiReferenceCore.card,
        name="multi-reference-whisper",
        title="Multi-reference with Whisper",
        weights=Message("method.weights.ships_and_fetches", name="Whisper tiny.en", size="75 MB"),
        summary="multi_reference.summary.whisper",
        live=False,  # Whisper encodes the speech as a whole
    )
    folder = MODELS / "multi-reference-whisper"
    needs = WHISPER
