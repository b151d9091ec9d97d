"""The methods by name, and how one is loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync.errors import ArtefactError, ConfigError
from lipsync.methods.adapted import PREFIX as ADAPTED
from lipsync.methods.adapted import Facts, adapted_core, card_of, read_facts
from lipsync.methods.base import LipSyncMethod, MethodCard
from lipsync.methods.hub_name import PREFIX, HubCore, parse_core
from lipsync.registry import Registry
from lipsync.texts import Message

if TYPE_CHECKING:
    from lipsync.artefact import Artefact

__all__ = [
    "AUTO",
    "DEFAULT",
    "EMBEDDED",
    "METHODS",
    "LipSyncMethod",
    "MethodCard",
    "MethodEntry",
    "cards",
    "load_method",
]

MODELS = Path(__file__).parents[2] / "assets" / "models"
AUTO = "auto"  # not a method: the best one that can be had, see ``lipsync.methods.auto``
DEFAULT = AUTO
WHISPER = ("whisper_tiny_en", "whisper_tiny_en_config", "whisper_tiny_en_vocabulary")  # of the artefact table
EMBEDDED = "mcsawav2lip-embedded"  # always here; loads checkpoints of the Wav2Lip family


@dataclass(frozen=True)
class MethodEntry:
    """One line of the menu: what a person reads, and where the weights are."""

    card: MethodCard
    # From a file or folder of weights; True: they will be used again, so converting them pays.
    load: Callable[[MethodCard, Path, bool], LipSyncMethod]
    folder: Path | None = None  # a core that ships with the project
    artefact: str | None = None  # or a name of the artefact table
    core: HubCore | None = None  # or a core on the Hub
    needs: tuple[str, ...] = ()  # names of the artefact table that the method cannot work without

    def weights(self, progress: Callable[[int, int | None], None] | None = None) -> Path:
        """Path of the weights, fetched where they are not here yet; of a core on the Hub, see ``core``."""
        if self.folder is not None:
            if not self.folder.is_dir():
                raise ArtefactError("method.no_weights", method=self.card.title, folder=self.folder.name)
            return self.folder
        from lipsync import hub

        assert self.artefact is not None
        return hub.fetch(self.artefact, progress)

    def method(self, progress: Callable[[int, int | None], None] | None = None) -> LipSyncMethod:
        """The method with its own weights; those from the Hub are pinned by their commit on its card."""
        from lipsync import hub

        if self.core is None:
            weights = self.weights(progress)
            for name in self.needs:  # here, and not where it is opened, so that a person sees how far it is
                hub.fetch(name, progress)
            return self.load(self.card, weights, True)
        from lipsync.methods.hub_core import fetch_core

        found = fetch_core(self.core, progress)
        try:
            return self.load(replace(self.card, revision=found.commit), found.path, True)
        except (ArtefactError, ConfigError) as problem:
            # The folder of the client's cache tells a person nothing; the repository does.
            said = str(problem).replace(str(found.root), str(self.core.repo))
            raise type(problem)(said) from problem

    @property
    def artefacts(self) -> tuple[Artefact, ...]:
        """The rows of the artefact table that it cannot work without."""
        from lipsync import hub

        names = self.needs if self.artefact is None else (self.artefact, *self.needs)
        return tuple(hub.artefacts()[name] for name in names)

    @property
    def ready(self) -> bool:
        """Whether everything it works with is on this machine."""
        from lipsync import hub

        if self.core is not None:
            from lipsync.methods.hub_core import locate_core

            return locate_core(self.core) is not None
        return self.fetchable and all(hub.locate(row.name) is not None for row in self.artefacts)

    @property
    def fetchable(self) -> bool:
        """Whether weights that are not here come by themselves with the first run."""
        return self.folder is None or self.folder.is_dir()  # then it lacks only what it ``needs``


def _wav2lip_family(card: MethodCard, weights: Path, again: bool) -> LipSyncMethod:
    from lipsync.checkpoint import PICKLED
    from lipsync.methods.wav2lip.convert import read_generator, read_published
    from lipsync.methods.wav2lip.infer import Wav2LipMethod
    from lipsync.methods.wav2lip.model import Generator

    read = read_published if again and weights.suffix.lower() in PICKLED else read_generator
    config, state = read(weights)
    net = Generator(config)
    net.load_state_dict(state)
    return Wav2LipMethod(card, net, _sha256(weights))


def _lstm_cbam(card: MethodCard, weights: Path, again: bool) -> LipSyncMethod:
    from lipsync.methods.lstm_cbam.config import LstmCbamConfig
    from lipsync.methods.lstm_cbam.model import LipGANGenerator
    from lipsync.methods.saved import read_saved
    from lipsync.methods.wav2lip.infer import Wav2LipMethod

    net = read_saved(weights, LipGANGenerator, LstmCbamConfig, Message("saved.lstm_cbam"))
    return Wav2LipMethod(card, net, _sha256(weights))


def _multi_reference(card: MethodCard, weights: Path, again: bool) -> LipSyncMethod:
    from lipsync.methods.multi_reference.config import MultiReferenceConfig
    from lipsync.methods.multi_reference.infer import MultiReferenceMethod
    from lipsync.methods.multi_reference.model import MultiReference
    from lipsync.methods.saved import read_saved

    net = read_saved(weights, MultiReference, MultiReferenceConfig, Message("saved.multi_reference"))
    return MultiReferenceMethod(card, net, _sha256(weights))


def _visual_dubbing(card: MethodCard, weights: Path, again: bool) -> LipSyncMethod:
    from lipsync.methods.visual_dubbing.infer import VisualDubbingMethod
    from lipsync.methods.visual_dubbing.model import read_core

    return VisualDubbingMethod(card, read_core(weights), _sha256(weights))


def _of_hub(card: MethodCard, weights: Path, again: bool) -> LipSyncMethod:
    """Whatever lies there: a published file, or a folder whose weights say which network they belong to."""
    names = _names(weights / "model.safetensors") if weights.is_dir() else set()
    load = next((load for sign, load in SIGNS.items() if sign in names), _wav2lip_family)
    return load(card, weights, again)


def _names(weights: Path) -> set[str]:
    """The names of the tensors in a safetensors file; none when it is damaged, which its reader will say."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(weights, framework="pt") as file:
            return set(file.keys())
    except (SafetensorError, OSError):
        return set()


def _sha256(weights: Path) -> str:
    from lipsync import hub

    return hub.checksum(weights / "model.safetensors" if weights.is_dir() else weights)


class _Methods(Registry[MethodEntry]):
    """The methods by name; beside the registered ones every core on the Hub, as ``hub:org/name``, and those
    that were adapted to one person, as ``adapted:NAME``.
    """

    def get(self, name: str) -> MethodEntry:
        if name.startswith(ADAPTED):
            return _adapted_entry(*adapted_core(name))
        return _hub_entry(parse_core(name)) if name.startswith(PREFIX) else super().get(name)


def _hub_entry(core: HubCore) -> MethodEntry:
    from lipsync.methods.hub_core import licence_of

    card = MethodCard(
        name=str(core),
        title=str(core).removeprefix(PREFIX),
        paper="",
        licence=licence_of(core) or Message("method.licence.hub"),
        resolution=0,
        weights=Message("method.weights.hub"),
        summary={"en": "A core that somebody put on the Hub.", "zh": "他人发布在 Hub 上的模型。"},
        opens=True,  # most can; one that cannot says so when it is asked to
    )
    return MethodEntry(card, _of_hub, core=core)


def _adapted_entry(folder: Path, facts: Facts) -> MethodEntry:
    """A core that was adapted to one person; whatever its source was, its weights say how it is loaded."""
    source = METHODS.get(facts.method) if facts.method in METHODS else None
    card = source.card if source else MethodCard(facts.method, facts.title, "", "", facts.resolution, "", {})
    return MethodEntry(card_of(facts, card), _of_hub, folder=folder, needs=source.needs if source else ())


# A weight that no other network has, and how its network is loaded.
SIGNS = {
    "renderer.inpaint.colour.weight": _visual_dubbing,
    "face_encoder.0.0.conv_block.0.weight": _lstm_cbam,
    "image_encoder.stages.0.0.conv.weight": _multi_reference,
}
METHODS: Registry[MethodEntry] = _Methods("kind.method")
METHODS.register(
    EMBEDDED,
    MethodEntry(
        MethodCard(
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
            opens=True,
            live=True,
        ),
        _wav2lip_family,
        folder=MODELS / EMBEDDED,
    ),
)
METHODS.register(
    "visual-dubbing",
    MethodEntry(
        MethodCard(
            name="visual-dubbing",
            title="Visual dubbing through a 3D face",
            paper="Chen & Xiong, Acta Electronica Sinica 53(10), 2025",
            licence=Message("method.licence.apache"),
            resolution=192,
            weights=Message("method.weights.ships"),
            summary={
                "en": "The most natural skin and teeth: speech moves a fitted 3D face, whose motion carries "
                "the skin of a real frame.",
                "zh": "皮肤与牙齿最自然：语音驱动三维人脸，再用其运动搬移真实画面的纹理。",
            },
            opens=True,
        ),
        _visual_dubbing,
        folder=MODELS / "visual-dubbing-embedded",
        needs=("face_landmarker",),  # without landmarks it would give every frame back
    ),
)
METHODS.register(
    "visual-dubbing-whisper",
    MethodEntry(
        MethodCard(
            name="visual-dubbing-whisper",
            title="Visual dubbing with Whisper",
            paper="Chen & Xiong, Acta Electronica Sinica 53(10), 2025",
            licence=Message("method.licence.apache"),
            resolution=192,
            weights=Message("method.weights.ships_and_fetches", name="Whisper tiny.en", size="75 MB"),
            summary={
                "en": "The same pictures as visual dubbing; lips follow the features of Whisper's encoder.",
                "zh": "画面与三维人脸配音相同，口型由 Whisper 编码器的语音特征驱动。",
            },
            opens=True,
        ),
        _visual_dubbing,
        folder=MODELS / "visual-dubbing-whisper",
        needs=("face_landmarker", *WHISPER),
    ),
)
METHODS.register(
    "multi-reference",
    MethodEntry(
        MethodCard(
            name="multi-reference",
            title="Multi-reference fusion",
            paper="Patent: high-quality digital-human lip synthesis driven by speech",
            licence=Message("method.licence.apache"),
            resolution=256,
            weights=Message("method.weights.ships"),
            summary={
                "en": "Three reference frames and speech attend to each other, and the frames' own pixels "
                "are moved: sharp, fast, and works offline.",
                "zh": "三张参考帧与语音双向融合，并搬移参考帧自身的像素：清晰、快速，可离线使用。",
            },
            opens=True,
            live=True,
        ),
        _multi_reference,
        folder=MODELS / "multi-reference-embedded",
    ),
)
METHODS.register(
    "multi-reference-whisper",
    MethodEntry(
        MethodCard(
            name="multi-reference-whisper",
            title="Multi-reference with Whisper",
            paper="Patent: high-quality digital-human lip synthesis driven by speech",
            licence=Message("method.licence.apache"),
            resolution=256,
            weights=Message("method.weights.ships_and_fetches", name="Whisper tiny.en", size="75 MB"),
            summary={
                "en": "The same pictures as multi-reference fusion, and lips that follow the speech better, "
                "because Whisper's encoder hears it.",
                "zh": "画面与多参考帧融合相同，由 Whisper 编码器听音，口型更贴合语音。",
            },
            opens=True,
        ),
        _multi_reference,
        folder=MODELS / "multi-reference-whisper",
        needs=WHISPER,
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
                licence=Message("method.licence.research"),
                resolution=96,
                weights=Message("method.weights.hub"),
                summary={"en": _en, "zh": _zh},
                opens=True,
                live=True,
            ),
            _wav2lip_family,
            artefact=_name,
        ),
    )
METHODS.register(
    "lstm-cbam",
    MethodEntry(
        MethodCard(
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
            opens=True,
            live=True,
        ),
        _lstm_cbam,
        folder=MODELS / "lstm-cbam-embedded",
    ),
)


def cards() -> list[MethodCard]:
    """The cards of the methods that can be chosen: all whose weights are here or can be fetched."""
    entries = [METHODS.get(name) for name in METHODS]
    return [entry.card for entry in entries if entry.fetchable]


def load_method(
    name: str = DEFAULT,
    checkpoint: Path | None = None,
    progress: Callable[[int, int | None], None] | None = None,
    live: bool = False,
    opens: bool = False,
) -> LipSyncMethod:
    """A method ready to speak.

    Args:
        name: of ``METHODS``, or ``hub:org/name`` (see ``lipsync.methods.hub_name``), or ``AUTO``: the best
            core that can be had now, see :func:`lipsync.methods.auto.load_best`.
        checkpoint: weights to use instead of the method's own: a file in the published Wav2Lip format,
            or a folder (or the ``.safetensors`` in it) that this project wrote. With ``AUTO`` it has to be
            of the Wav2Lip family. One that was adapted to a person says itself which method it is of, and
            bears its own name.
        progress: called with bytes done and in all while weights are fetched.
        live, opens: ``AUTO`` takes only a core that can speak live, or change how far the mouth opens.

    Raises:
        ConfigError: unknown name, or a checkpoint of another network.
        ArtefactError: the weights cannot be had or are damaged.
    """
    if name == AUTO and checkpoint is None:
        from lipsync.methods.auto import load_best

        return load_best(progress, live, opens)
    if checkpoint is not None and not Path(checkpoint).exists():
        raise ConfigError("checkpoint.missing", path=checkpoint)
    if checkpoint is not None and (facts := read_facts(Path(checkpoint))) is not None:
        folder = Path(checkpoint) if Path(checkpoint).is_dir() else Path(checkpoint).parent
        return _adapted_entry(folder, facts).method(progress)
    entry = METHODS.get(EMBEDDED if name == AUTO else name)
    return entry.method(progress) if checkpoint is None else entry.load(entry.card, Path(checkpoint), False)
