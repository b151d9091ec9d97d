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
    help="the generator and its sync discriminator, by turns",
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
        summary={
            "en": "A LipGAN-like generator trained by turns with a sync discriminator that has an LSTM "
            "and attention after every convolution.",
            "zh": "类似 LipGAN 的生成器，与带 LSTM、每层卷积后加注意力的同步判别器交替训练。",
        },
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

        net = read_saved(weights, LipGANGenerator, LstmCbamConfig, Message("saved.lstm_cbam"))
        return Wav2LipMethod(card, net, weights_sha256(weights))
