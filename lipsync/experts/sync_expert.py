"""The sync expert: do five frames of a mouth and 0.2 s of speech belong together?

Wav2Lip's expert; M-CSAWav2Lip's lip-sync discriminator when the features are fused; LSTM-CBAM's
synchronisation discriminator with ``lstm`` and ``cbam``. Parameter names equal the published
``lipsync_expert.pth`` (with mel features, width 1, deep 2, neither of the two).
"""

# No postponed annotations here: PyTorchModelHubMixin reads the type of ``config`` off the signature to
# turn config.json back into it, and a string would leave it a dict.

from dataclasses import dataclass, field
from functools import partial

import torch
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from lipsync.audio.features import AudioFeatures
from lipsync.errors import ConfigError
from lipsync.nn.blocks import ConvBlock, residual
from lipsync.nn.towers import SpeechLSTM, audio_tower
from lipsync.registry import unknown

WINDOW = 5  # video frames


@dataclass(frozen=True)
class SyncExpertConfig:
    audio: AudioFeatures = field(
        default_factory=AudioFeatures
    )  # ``start`` is relative to the first of the five frames
    width: float = 1.0  # factor on the published channel counts
    deep: int = 2  # residual blocks in the speech tower's fourth stage (generators have 1)
    guard: str = "epsilon"  # reading of eq 11, see ``lipsync.training.losses.sync_probability``
    lstm: bool = False  # an LSTM before the speech tower (LSTM-CBAM, figure 3)
    cbam: bool = False  # CBAM after every convolution, before its batch norm (LSTM-CBAM, figure 3)

    def __post_init__(self) -> None:
        if isinstance(self.audio, dict):  # as it comes out of config.json
            object.__setattr__(self, "audio", AudioFeatures(**self.audio))
        if self.guard not in ("epsilon", "sigmoid"):
            raise ConfigError(unknown("kind.eq11", self.guard, ("epsilon", "sigmoid")))

    def channels(self, published: int) -> int:
        return max(8, round(published * self.width))


class SyncExpert(
    nn.Module,
    PyTorchModelHubMixin,
    library_name="lipsync-portal",
    tags=["lip-sync", "sync-expert"],
):
    """Embeds mouths and speech; embeddings of a mouth and of its own speech lie close together."""

    def __init__(self, config: SyncExpertConfig):
        super().__init__()
        self.config = config
        c32, c64, c128, c256, c512 = (config.channels(c) for c in (32, 64, 128, 256, 512))
        block, same = partial(ConvBlock, cbam=config.cbam), partial(residual, cbam=config.cbam)
        self.face_encoder = nn.Sequential(                           # (15, 48, 96)
            block(3 * WINDOW, c32, 7, 1, 3),                         # 48 x 96
            block(c32, c64, 5, (1, 2), 1), *same(c64, 2),            # 46 x 47
            block(c64, c128, 3, 2, 1), *same(c128, 3),               # 23 x 24
            block(c128, c256, 3, 2, 1), *same(c256, 2),              # 12 x 12
            block(c256, c512, 3, 2, 1), *same(c512, 2),              # 6 x 6
            block(c512, c512, 3, 2, 1),                              # 3 x 3
            block(c512, c512, 3, 1, 0), block(c512, c512, 1, 1, 0),  # 1 x 1
        )  # fmt: skip
        self.audio_encoder = nn.Sequential(
            *([SpeechLSTM(config.audio.rows)] if config.lstm else []),
            *audio_tower(config.audio, (c32, c64, c128, c256, c512), config.deep, config.cbam),
        )

    def embed_faces(self, faces: Tensor) -> Tensor:
        """(B, 15, 48, 96) lower halves of five frames on the channels, 0..1, to (B, D) of length 1."""
        return F.normalize(self.face_encoder(faces).flatten(1), dim=1)

    def embed_audio(self, audio: Tensor) -> Tensor:
        """(B, 1, rows, 16) speech features to (B, D) of length 1."""
        return F.normalize(self.audio_encoder(audio).flatten(1), dim=1)

    def forward(self, audio: Tensor, faces: Tensor) -> tuple[Tensor, Tensor]:
        return self.embed_audio(audio), self.embed_faces(faces)


def lower_halves(frames: Tensor) -> Tensor:
    """(B, 5, 3, S, S) frames to the (B, 15, S/2, S) that the face tower takes."""
    half = frames[..., frames.shape[-2] // 2 :, :]
    return half.reshape(len(half), -1, *half.shape[-2:])


def pair_windows(frames: Tensor) -> Tensor:
    """(T, 3, S, S) consecutive frames to (T - 4, 15, S/2, S), one window starting at each frame."""
    return lower_halves(torch.stack([frames[i : len(frames) - WINDOW + 1 + i] for i in range(WINDOW)], dim=1))
