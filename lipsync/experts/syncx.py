"""syncXnet, the multi-reference patent's lip-sync expert: a speech encoder beside a ResNeXt (figure 8).

The patent takes Whisper's encoder and a pre-trained ResNeXt. Neither a pre-trained ResNeXt nor room for one
is here: the tower has the ResNeXt's blocks, is smaller, and learns from random weights.
"""

# No postponed annotations here: PyTorchModelHubMixin reads the type of ``config`` off the signature to
# turn config.json back into it, and a string would leave it a dict.

from dataclasses import dataclass, field

from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from lipsync.audio.speech_input import LEARNED, SpeechInput
from lipsync.experts.sync_expert import WINDOW
from lipsync.experts.two_towers import TwoTowers, check_guard
from lipsync.nn.speech_encoder import LearnedEncoder
from lipsync.weights.renamed import current_settings


@dataclass(frozen=True)
class SyncXConfig:
    audio: SpeechInput = field(default_factory=SpeechInput)  # around the middle one of the five frames
    width: float = 1.0  # factor on channels; 1 has ResNeXt-50's 64 to 512 inside its blocks
    groups: int = 32  # of each block's middle convolution
    depth: int = 1  # blocks per stage
    dimension: int = 256  # of both embeddings
    guard: str = "epsilon"  # see ``lipsync.training.losses.sync_probability``; the patent's is 1e-6

    def __post_init__(self) -> None:
        if isinstance(self.audio, dict):  # as it comes out of config.json
            object.__setattr__(self, "audio", SpeechInput(**current_settings(SpeechInput, self.audio)))
        check_guard(self.guard)

    def channels(self, published: int) -> int:
        """A multiple of ``groups``."""
        return max(1, round(published * self.width / self.groups)) * self.groups


class SyncX(
    TwoTowers,
    PyTorchModelHubMixin,
    library_name="lipsync-portal",
    tags=["lip-sync", "sync-expert"],
):
    """The patent's expert. Its speech is (B, F, ...) features around the middle one of the five frames."""

    def __init__(self, config: SyncXConfig):
        super().__init__()
        self.config = config
        c64, c128, c256, c512 = (config.channels(c) for c in (64, 128, 256, 512))
        stages: list[nn.Module] = []
        before = c64
        for index, channels in enumerate((c64, c128, c256, c512)):
            for block in range(config.depth):
                stride = 2 if index and not block else 1
                stages.append(ResNeXtBlock(before, 2 * channels, channels, config.groups, stride))
                before = 2 * channels
        self.face_encoder = nn.Sequential(                                        # (15, 48, 96)
            nn.Conv2d(3 * WINDOW, c64, 7, 2, 3, bias=False), nn.BatchNorm2d(c64), nn.ReLU(),  # 24 x 48
            nn.MaxPool2d(3, 2, 1), *stages,                                       # 12 x 24 ... 2 x 3
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, config.dimension), nn.ReLU(),
        )  # fmt: skip
        audio = config.audio
        encoder: nn.Module = nn.Identity()  # a pre-trained one has run already
        if audio.encoder == LEARNED:
            encoder = LearnedEncoder(audio.features, audio.dimension)
        self.audio_encoder = nn.Sequential(
            encoder,                                                    # (B, F, D)
            nn.Linear(audio.dimension, config.dimension), nn.ReLU(), nn.Flatten(),
            nn.Linear(audio.count * config.dimension, config.dimension), nn.ReLU(),
        )  # fmt: skip


class ResNeXtBlock(nn.Module):
    """1x1, grouped 3x3, 1x1 convolution beside a skip (Xie et al., CVPR 2017, figure 3c)."""

    def __init__(self, cin: int, cout: int, inside: int, groups: int, stride: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(cin, inside, 1, bias=False), nn.BatchNorm2d(inside), nn.ReLU(),
            nn.Conv2d(inside, inside, 3, stride, 1, groups=groups, bias=False),
            nn.BatchNorm2d(inside), nn.ReLU(),
            nn.Conv2d(inside, cout, 1, bias=False), nn.BatchNorm2d(cout),
        )  # fmt: skip
        same = cin == cout and stride == 1
        skip = [nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout)]
        self.skip = nn.Sequential(*([] if same else skip))

    def forward(self, x: Tensor) -> Tensor:
        return (self.body(x) + self.skip(x)).relu()
