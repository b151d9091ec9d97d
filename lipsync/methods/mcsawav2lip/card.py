"""M-CSAWav2Lip in the menu."""

from __future__ import annotations

from lipsync.methods.base import MethodCard
from lipsync.methods.registry import EMBEDDED, MODELS, register_method
from lipsync.methods.wav2lip.card import Wav2LipCore
from lipsync.texts import Message


@register_method
class MCSAWav2LipCore(Wav2LipCore):
    """The small core that ships."""

    card = MethodCard(
        name=EMBEDDED,
        title="M-CSAWav2Lip (small)",
        paper="Guo et al., Computer Science 53(2), 2026",
        licence=Message("method.licence.apache"),
        resolution=128,
        weights=Message("method.weights.ships"),
        summary="mcsawav2lip.summary",
        supports_mouth_opening=True,
        live=True,
    )
    folder = MODELS / EMBEDDED
    order = 10
