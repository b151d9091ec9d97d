"""LSTM-CBAM in the menu."""

from __future__ import annotations

from pathlib import Path

from lipsync.methods.base import LipSyncMethod, MethodCard
from lipsync.methods.registry import MODELS, Core, register_method
from lipsync.texts import Message
from lipsync.training.stages import STAGES

STAGES.register(
    "joint",
    "lipsync.methods.lstm_cbam.train:JointStage",
    help="lstm_cbam.stage.joint",
)


@register_method
class LstmCbamCore(Core):
    """The generator; its sync discriminator is needed for training alone."""

    card = MethodCard(
        name="lstm-cbam",
        title="LSTM-CBAM",
        paper="Hong & Zhang, Intelligent Computer and Applications 13(5), 2023",
        licence=Message("method.licence.apache"),
        resolution=96,
        weights=Message("method.weights.ships"),
        summary="lstm_cbam.summary",
        supports_mouth_opening=True,
        live=True,
    )
    folder = MODELS / "lstm-cbam-embedded"
    signature = "face_encoder.0.0.conv_block.0.weight"
    order = 50

    @staticmethod
    def load(card: MethodCard, weights: Path, again: bool) -> LipSyncMethod:
        from lipsync.methods.lstm_cbam.config import LstmCbamConfig
        from lipsync.methods.lstm_cbam.model import LipGANGenerator
        from lipsync.methods.wav2lip.infer import Wav2LipMethod
        from lipsync.weights.pretrained import read_saved, weights_sha256

        net = read_saved(weights, LipGANGenerator, LstmCbamConfig, Message("lstm_cbam.network"))
        return Wav2LipMethod(card, net, weights_sha256(weights))
