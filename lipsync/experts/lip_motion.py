"""The lip-motion expert: do five frames of a mouth and the speech around them belong together?

SyncNet's idea (Chung & Zisserman 2016), made for little data. A small network reads the points of the lips
off each frame, taught by a landmarker, so that what a person looks like is out of the way; the mean mouth of
the frames around is taken off them, so that only the movement is left; and speech comes as the features of
an encoder that was trained on far more of it (Whisper).
"""

# No postponed annotations here: PyTorchModelHubMixin reads the type of ``config`` off the signature to
# turn config.json back into it, and a string would leave it a dict.

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from lipsync.errors import ConfigError
from lipsync.experts.sync_expert import WINDOW
from lipsync.faces.tracking.landmarks import LIP_POINTS

SIZE = 96  # pixels, side of the square of which the network is given the lower half
POINTS = 2 * len(LIP_POINTS)  # values that a frame is read as
GAIN = 10.0  # brings the movement of points, in inter-ocular distances, to about 1


@dataclass(frozen=True)
class LipMotionConfig:
    """Sizes of the network, and the speech it is given.

    Attributes:
        encoder: name of a speech encoder (``lipsync.audio.encoders``).
        dimension: D, values of one of its vectors.
        rate: of its vectors, Hz: two for each video frame.
        count: F, vectors around the middle of a window that belong to it; odd.
        reduced: values that a vector is reduced to.
        around: frames whose mean mouth is taken off a frame; odd.
        hidden: units of the hidden layers.
        embedding: E, values of an embedding.
        width: channels of the first convolution that reads the points.
    """

    encoder: str = "whisper-tiny.en"
    dimension: int = 384
    rate: float = 50.0
    count: int = 17
    reduced: int = 64
    around: int = 31
    hidden: int = 256
    embedding: int = 128
    width: int = 16

    def __post_init__(self) -> None:
        if self.count % 2 == 0 or self.around % 2 == 0 or self.rate != 50.0:
            raise ConfigError("config.lip_motion", count=self.count, around=self.around, rate=self.rate)


class LipPoints(nn.Module):
    """(B, 3, 48, 96) lower halves of upright face crops, RGB 0..1, to (B, 2 P) points of the lips.

    As ``lipsync.faces.tracking.landmarks.lip_points``: measured from the nose tip, in inter-ocular distances.
    """

    def __init__(self, width: int = 16):
        super().__init__()
        self.network = nn.Sequential(                                                       # (3, 48, 96)
            nn.Conv2d(3, width, 5, 2, 2, bias=False), nn.BatchNorm2d(width), nn.ReLU(),     # 24 x 48
            Residual(width, width, 1), Residual(width, 2 * width, 2),                       # 12 x 24
            Residual(2 * width, 4 * width, 2), Residual(4 * width, 8 * width, 2),           # 3 x 6
            nn.Flatten(), nn.Dropout(0.1), nn.Linear(8 * width * 18, 256), nn.ReLU(),
            nn.Linear(256, POINTS),
        )  # fmt: skip

    def forward(self, halves: Tensor) -> Tensor:
        return self.network(halves)


class Residual(nn.Module):
    """Two 3x3 convolutions beside a skip (He et al., CVPR 2016, figure 2)."""

    def __init__(self, cin: int, cout: int, stride: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(cin, cout, 3, stride, 1, bias=False), nn.BatchNorm2d(cout), nn.ReLU(),
            nn.Conv2d(cout, cout, 3, 1, 1, bias=False), nn.BatchNorm2d(cout),
        )  # fmt: skip
        skip = [nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout)]
        self.skip = nn.Sequential(*([] if cin == cout and stride == 1 else skip))

    def forward(self, x: Tensor) -> Tensor:
        return (self.body(x) + self.skip(x)).relu()


class LipMotion(
    nn.Module,
    PyTorchModelHubMixin,
    library_name="lipsync-portal",
    tags=["lip-sync", "sync-expert"],
):
    """Embeds the movement of lips and speech into one space; see the module."""

    def __init__(self, config: LipMotionConfig):
        super().__init__()
        self.config = config
        hidden = config.hidden
        self.points = LipPoints(config.width)
        self.lips = nn.Sequential(
            nn.Dropout(0.1), *_layer(POINTS * WINDOW, hidden), *_layer(hidden, hidden),
            nn.Linear(hidden, config.embedding),
        )  # fmt: skip
        self.reduce = nn.Sequential(
            nn.LayerNorm(config.dimension), nn.Dropout(0.2), nn.Linear(config.dimension, config.reduced)
        )
        self.speech = nn.Sequential(
            nn.GELU(), *_layer(config.reduced * config.count, hidden), *_layer(hidden, hidden),
            nn.Linear(hidden, config.embedding),
        )  # fmt: skip
        self.scale = nn.Parameter(torch.tensor(2.3))  # log of the factor on cosines in training

    def read_points(self, crops: Tensor) -> Tensor:
        """(B, 3, S, S) upright face crops, RGB 0..1, to (B, 2 P) points of the lips; gradients pass."""
        if crops.shape[-1] != SIZE:
            crops = F.interpolate(crops, size=(SIZE, SIZE), mode="bilinear", antialias=True)
        return self.points(crops[..., SIZE // 2 :, :])

    def embed_lips(self, points: Tensor, neutral: Tensor | None = None) -> Tensor:
        """Points (B, T, 2 P) of T >= 5 frames in a row to (B, T - 4, E) of length 1, a window at each frame.

        Args:
            neutral: (B, 2 P) the mouth that movement is measured from, where the frames are too few to
                know it; None: the mean of the ``around`` frames about each frame.
        """
        centre = running_mean(points, self.config.around) if neutral is None else neutral[:, None]
        windows = (GAIN * (points - centre)).unfold(1, WINDOW, 1)  # (B, T - 4, 2 P, 5)
        return F.normalize(self.lips(windows.transpose(2, 3).flatten(2)), dim=-1)

    def embed_speech(self, vectors: Tensor) -> Tensor:
        """(B, 2 N + F - 2, D) vectors of the encoder to (B, N, E) of length 1, one for every second vector.

        The F vectors of the first embedding are the first ones; its time is that of their middle.
        """
        stretches = self.reduce(vectors).unfold(1, self.config.count, 2)  # (B, N, reduced, F)
        return F.normalize(self.speech(stretches.transpose(2, 3).flatten(2)), dim=-1)


def speech_places(first: int, windows: int, count: int) -> Tensor:
    """(2 N + F - 2,) vectors that ``embed_speech`` needs for N ``windows``; may lie outside the recording.

    Args:
        first: frame at which the first window of five frames begins.
        count: F.
    """
    middle = 2 * (first + WINDOW // 2)  # vector at the middle frame of the first window
    return torch.arange(2 * windows + count - 2) + middle - count // 2


def running_mean(values: Tensor, around: int) -> Tensor:
    """(B, T, V) mean of the ``around`` frames about each frame; at the ends, of the outermost ones."""
    frames = values.shape[1]
    first = (torch.arange(frames, device=values.device) - around // 2).clamp(0, max(frames - around, 0))
    last = (first + around).clamp(max=frames)
    sums = F.pad(values.double().cumsum(1), (0, 0, 1, 0))  # (B, T + 1, V)
    return ((sums[:, last] - sums[:, first]) / (last - first)[:, None]).to(values.dtype)


def _layer(cin: int, cout: int) -> list[nn.Module]:
    return [nn.Linear(cin, cout), nn.GELU(), nn.Dropout(0.3)]
