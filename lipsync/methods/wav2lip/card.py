"""Wav2Lip in the menu, and how the networks of its family are loaded."""

from __future__ import annotations

from pathlib import Path

from lipsync.methods.base import LipSyncMethod, MethodCard
from lipsync.methods.registry import Core, register_method
from lipsync.texts import Message
from lipsync.training.stages import STAGES

STAGES.register(
    "speech",
    "lipsync.methods.wav2lip.train_speech:SpeechStage",
    help="wav2lip.stage.speech",
)
STAGES.register("generator", "lipsync.methods.wav2lip.train:GeneratorStage", help="wav2lip.stage.generator")


class Wav2LipCore(Core):
    """A core of the Wav2Lip family: a published checkpoint, or a folder that this project wrote."""

    recipe = "lipsync.methods.wav2lip.tune:RECIPE"

    @staticmethod
    def load(card: MethodCard, weights: Path, again: bool) -> LipSyncMethod:
        from lipsync.methods.wav2lip.convert import read_generator, read_published
        from lipsync.methods.wav2lip.infer import Wav2LipMethod
        from lipsync.methods.wav2lip.model import Generator
        from lipsync.methods.wav2lip.published import PublishedWav2Lip
        from lipsync.weights.checkpoint import PICKLED
        from lipsync.weights.pretrained import weights_sha256

        read = read_published if again and weights.suffix.lower() in PICKLED else read_generator
        config, state = read(weights)
        net = Generator(config)
        net.load_state_dict(state)
        kind = PublishedWav2Lip if config.framing == "s3fd" else Wav2LipMethod
        return kind(card, net, weights_sha256(weights))


def _published(name: str, title: str, summary: str) -> MethodCard:
    return MethodCard(
        name=name,
        title=title,
        paper="Prajwal et al., ACM MM 2020",
        licence=Message("method.licence.research"),
        resolution=96,
        weights=Message("method.weights.hub"),
        summary=summary,
        supports_mouth_opening=True,
        live=True,
    )


@register_method
class Wav2LipPublished(Wav2LipCore):
    card = _published("wav2lip", "Wav2Lip", "wav2lip.summary")
    artefact = "wav2lip"
    order = 40


@register_method
class Wav2LipGan(Wav2LipCore):
    card = _published("wav2lip_gan", "Wav2Lip + GAN", "wav2lip.summary.gan")
    artefact = "wav2lip_gan"
    order = 40
