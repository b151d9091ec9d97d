"""Visual dubbing in the menu."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from lipsync.methods.base import LipSyncMethod, MethodCard
from lipsync.methods.registry import MODELS, WHISPER, Core, register_method
from lipsync.texts import Message
from lipsync.training.stages import STAGES

STAGES.register(
    "expression",
    "lipsync.methods.visual_dubbing.train_expression:ExpressionStage",
    help="visual_dubbing.stage.expression",
)
STAGES.register(
    "dubbing",
    "lipsync.methods.visual_dubbing.train_renderer:DubbingStage",
    help="visual_dubbing.stage.dubbing",
)


@register_method
class VisualDubbingCore(Core):
    """The core whose speech encoder ships with it."""

    card = MethodCard(
        name="visual-dubbing",
        title="Visual dubbing through a 3D face",
        paper="Chen & Xiong, Acta Electronica Sinica 53(10), 2025",
        licence=Message("method.licence.apache"),
        resolution=192,
        weights=Message("method.weights.ships"),
        summary="visual_dubbing.summary",
        supports_mouth_opening=True,
    )
    folder = MODELS / "visual-dubbing-embedded"
    needs: ClassVar[tuple[str, ...]] = ("face_landmarker",)  # else every frame comes back as it was
    signature = "renderer.inpaint.colour.weight"
    recipe = "lipsync.methods.visual_dubbing.tune:RECIPE"
    order = 20

    @staticmethod
    def load(card: MethodCard, weights: Path, again: bool) -> LipSyncMethod:
        from lipsync.methods.visual_dubbing.infer import VisualDubbingMethod
        from lipsync.methods.visual_dubbing.model import read_core
        from lipsync.weights.pretrained import weights_sha256

        return VisualDubbingMethod(card, read_core(weights), weights_sha256(weights))


@register_method
class VisualDubbingWhisperCore(VisualDubbingCore):
    """The core on features of Whisper's encoder."""

    card = replace(
        VisualDubbingCore.card,
        name="visual-dubbing-whisper",
        title="Visual dubbing with Whisper",
        weights=Message("method.weights.ships_and_fetches", name="Whisper tiny.en", size="75 MB"),
        summary="visual_dubbing.summary.whisper",
    )
    folder = MODELS / "visual-dubbing-whisper"
    needs = ("face_landmarker", *WHISPER)
