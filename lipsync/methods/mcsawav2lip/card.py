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
        summary={
            "en": "Fused mel and MFCC features with channel and spatial attention; "
            "a small core that works offline on a CPU.",
            "zh": "融合梅尔谱与 MFCC 特征并带通道与空间注意力的小模型，离线即可在 CPU 上运行。",
        },
        supports_mouth_opening=True,
        live=True,
    )
    folder = MODELS / EMBEDDED
    order = 10
