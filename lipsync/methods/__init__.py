"""The methods by name, and how one is loaded."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lipsync.errors import ConfigError
from lipsync.methods.base import LipSyncMethod, MethodCard
from lipsync.registry import Registry

__all__ = ["DEFAULT", "METHODS", "LipSyncMethod", "MethodCard", "MethodEntry", "cards", "load_method"]

MODELS = Path(__file__).parents[2] / "assets" / "models"
DEFAULT = "mcsawav2lip-embedded"


@dataclass(frozen=True)
class MethodEntry:
    """One line of the menu: what a person reads, and where the weights are."""

    card: MethodCard
    load: Callable[[MethodCard, Path], LipSyncMethod]  # from a file or folder of weights
    folder: Path | None = None  # a core that ships with the project
    artefact: str | None = None  # or a name of the artefact table

    def weights(self, progress: Callable[[int, int | None], None] | None = None) -> Path:
        """Path of the weights, fetched where they are not here yet."""
        if self.folder is not None:
            return self.folder
        from lipsync import hub

        assert self.artefact is not None
        return hub.fetch(self.artefact, progress)

    @property
    def ready(self) -> bool:
        """Whether the weights are on this machine."""
        if self.folder is not None:
            return self.folder.is_dir()
        from lipsync import hub

        return self.artefact is not None and hub.locate(self.artefact) is not None


def _wav2lip_family(card: MethodCard, weights: Path) -> LipSyncMethod:
    from lipsync.methods.wav2lip.convert import read_generator
    from lipsync.methods.wav2lip.infer import Wav2LipMethod
    from lipsync.methods.wav2lip.model import Generator

    config, state = read_generator(weights)
    net = Generator(config)
    net.load_state_dict(state)
    return Wav2LipMethod(card, net, _sha256(weights))


def _sha256(weights: Path) -> str:
    file = weights / "model.safetensors" if weights.is_dir() else weights
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


METHODS: Registry[MethodEntry] = Registry("method")
METHODS.register(
    DEFAULT,
    MethodEntry(
        MethodCard(
            name=DEFAULT,
            title="M-CSAWav2Lip, embedded",
            paper="Guo et al., Computer Science 53(2), 2026",
            licence="Apache-2.0 (research footage, see the model card)",
            resolution=96,
            weights="ships with the project",
            summary={
                "en": "Fused mel and MFCC features with channel and spatial attention; "
                "a small core that works offline on a CPU.",
                "zh": "融合梅尔谱与 MFCC 特征并带通道与空间注意力的小模型，离线即可在 CPU 上运行。",
            },
        ),
        _wav2lip_family,
        folder=MODELS / DEFAULT,
    ),
)
for _name, _title, _en, _zh in (
    (
        "wav2lip",
        "Wav2Lip",
        "The published network with the best sync scores.",
        "已发表的原版网络，同步得分最好。",
    ),
    (
        "wav2lip_gan",
        "Wav2Lip + GAN",
        "The published network trained for sharper mouths.",
        "已发表的网络，嘴部更清晰。",
    ),
):
    METHODS.register(
        _name,
        MethodEntry(
            MethodCard(
                name=_name,
                title=_title,
                paper="Prajwal et al., ACM MM 2020",
                licence="research use only (weights by their authors)",
                resolution=96,
                weights="Hugging Face Hub, fetched on first use",
                summary={"en": _en, "zh": _zh},
            ),
            _wav2lip_family,
            artefact=_name,
        ),
    )


def cards() -> list[MethodCard]:
    """The cards of all methods, the default first."""
    return [METHODS.get(name).card for name in METHODS]


def load_method(
    name: str = DEFAULT,
    checkpoint: Path | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> LipSyncMethod:
    """A method ready to speak.

    Args:
        name: of ``METHODS``.
        checkpoint: weights to use instead of the method's own: a file in the published Wav2Lip format,
            or a folder (or the ``.safetensors`` in it) that this project wrote.
        progress: called with bytes done and in all while weights are fetched.

    Raises:
        ConfigError: unknown name, or a checkpoint of another network.
        ArtefactError: the weights cannot be had or are damaged.
    """
    entry = METHODS.get(name)
    if checkpoint is not None and not Path(checkpoint).exists():
        raise ConfigError(f"There is no checkpoint {checkpoint}.")
    return entry.load(entry.card, Path(checkpoint) if checkpoint is not None else entry.weights(progress))
