"""Stage 1: speech and semantic images to expression coefficients (section 3.2, figure 2).

VGG-M is Chatfield et al.'s five convolutions; batch norm stands for its local response normalisation.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from lipsync.errors import ConfigError
from lipsync.methods.visual_dubbing.config import ExpressionConfig
from lipsync.nn.attention import ChannelAttention, SpatialAttention
from lipsync.nn.blocks import ConvBlock
from lipsync.nn.towers import audio_tower
from lipsync.texts import Message
from lipsync.weights.pretrained import read_saved
from lipsync.weights.renamed import accept_old_weights


class LocalCrossAttention(nn.Module):
    """z_t: the speech at t asks, the pictures at t-k..t+k answer (eq 5-7). Weights outside are exactly 0."""

    def __init__(self, audio: int, visual: int, size: int, window: int):
        super().__init__()
        self.query = nn.Linear(audio, size, bias=False)  # W_Q
        self.key = nn.Linear(visual, size, bias=False)  # W_K
        self.value = nn.Linear(visual, size, bias=False)  # W_V
        self.window = window

    def weights(self, audio: Tensor, visual: Tensor) -> Tensor:
        """(B, T, T) attention of speech frames (B, T, A) on pictures (B, T, V); rows sum to 1."""
        query, key = self.query(audio), self.key(visual)
        scores = query @ key.transpose(1, 2) / query.shape[-1] ** 0.5  # (B, T, T)
        time = torch.arange(scores.shape[1], device=scores.device)
        far = (time[:, None] - time).abs() > self.window  # at the ends of a clip the window is shorter
        return scores.masked_fill(far, float("-inf")).softmax(-1)

    def forward(self, audio: Tensor, visual: Tensor) -> Tensor:
        """(B, T, A) and (B, T, V) to (B, T, d)."""
        return self.weights(audio, visual) @ self.value(visual)


class SpeechCNN(nn.Sequential):
    """VGG-M on one (1, rows, window) plane of MFCC per frame: (N, 1, rows, window) to (N, d_a)."""

    def __init__(self, config: ExpressionConfig):
        c1, c2, c3, c4, c5 = (config.channels(c) for c in (64, 128, 256, 256, 512))
        super().__init__(
            ConvBlock(1, c1, 3, 1, 1),
            ConvBlock(c1, c2, 3, (2, 1), 1),  # half the rows, all of the time
            ConvBlock(c2, c3, 3, 2, 1),
            ConvBlock(c3, c4, 3, 2, 1),
            ConvBlock(c4, c5, 3, 2, 1),
            nn.AdaptiveAvgPool2d((2, 1)),
            nn.Flatten(),
        )
        self.size = 2 * c5


class SpeechTower(nn.Module):
    """The speech half of M-CSAWav2Lip's generator, by the same names: (N, 1, rows, window) to (N, d_a)."""

    def __init__(self, config: ExpressionConfig):
        super().__init__()
        channels = tuple(config.channels(c) for c in (32, 64, 128, 256, 512))
        self.audio_encoder = nn.Sequential(*audio_tower(config.audio, channels, deep=1))
        self.audio_attention = nn.Sequential(ChannelAttention(channels[3]), SpatialAttention())
        self.size = channels[4]

    def forward(self, speech: Tensor) -> Tensor:
        x = self.audio_encoder[:11](speech)  # through the 256-channel stage
        return self.audio_encoder[11:](self.audio_attention(x)).flatten(1)


class EncoderTower(nn.Module):
    """Features of a pre-trained speech encoder around a frame, (N, F, D), to (N, d_a)."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, config: ExpressionConfig):
        super().__init__()
        self.register_buffer("mean", torch.zeros(config.encoder_dimension))
        self.register_buffer("deviation", torch.ones(config.encoder_dimension))
        self.size = config.features
        self.dropout = nn.Dropout(config.dropout)
        self.inlet = nn.Linear(config.encoder_dimension, self.size)
        self.around = nn.Linear(config.encoder_count * self.size, self.size)

    def standardise(self, features: Tensor) -> None:
        """Centre and scale as these features (N, D) ask for."""
        self.mean.copy_(features.mean(0))
        self.deviation.copy_(features.std(0).clamp(min=1e-3))

    def forward(self, features: Tensor) -> Tensor:
        x = F.gelu(self.inlet(self.dropout((features - self.mean) / self.deviation)))  # (N, F, d)
        return F.gelu(self.around(x.flatten(1)))


class PictureCNN(nn.Sequential):
    """VGG-M on a semantic image: (N, 3, S, S) in 0..1 to (N, d_v)."""

    def __init__(self, config: ExpressionConfig):
        c1, c2, c3, c4, c5 = (config.channels(c) for c in (96, 256, 512, 512, 512))
        super().__init__(
            ConvBlock(3, c1, 7, 2, 3),
            ConvBlock(c1, c2, 5, 2, 2),
            ConvBlock(c2, c3, 3, 2, 1),
            ConvBlock(c3, c4, 3, 1, 1),
            ConvBlock(c4, c5, 3, 2, 1),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
        )
        self.size = 4 * c5


class ExpressionNet(nn.Module):
    """β* of a clip (eq 10): (B, T, 1, rows, window) MFCC and (B, T, 3, S, S) semantic images to (B, T, m)."""

    def __init__(self, config: ExpressionConfig):
        super().__init__()
        self.config = config
        towers: dict[str, type[SpeechCNN | SpeechTower | EncoderTower]] = {
            "vgg-m": SpeechCNN, "wav2lip": SpeechTower, "encoder": EncoderTower,
        }  # fmt: skip
        self.speech = towers[config.tower](config)
        audio_size, size = self.speech.size, config.features
        self.picture = PictureCNN(config) if config.semantic_images else None
        picture_size = self.picture.size if self.picture is not None else 0
        self.attention, self.join = None, None
        if self.picture is not None and config.attention:
            self.attention = LocalCrossAttention(audio_size, picture_size, size, config.window)
        elif config.attention:  # Table 3, row 2: without pictures the speech attends to itself
            self.attention = LocalCrossAttention(audio_size, audio_size, size, config.window)
        else:
            self.join = nn.Linear(audio_size + picture_size, size)
        self.audio_residual = (
            nn.Linear(audio_size, size) if config.audio_residual and self.attention is not None else None
        )
        accept_old_weights(self)
        self.dropout = nn.Dropout(config.dropout)
        self.lstm = nn.LSTM(size, config.hidden, batch_first=True, bidirectional=True)  # eq 8
        self.head = nn.Linear(2 * config.hidden, config.expression_size)  # W_o, b_o of eq 9

    def forward(self, speech: Tensor, pictures: Tensor | None = None) -> Tensor:
        """(B, T, m) of eq 9; differences from the person's median where the network is ``relative``."""
        return self.head(self.hidden(speech, pictures))

    def hidden(self, speech: Tensor, pictures: Tensor | None = None) -> Tensor:
        """(B, T, 2 hidden): h_t of eq 8."""
        shape = speech.shape[:2]
        audio = self.speech(speech.flatten(0, 1)).unflatten(0, shape)  # F_a, (B, T, d_a)
        visual = audio
        if self.picture is not None:
            if pictures is None:
                raise ValueError("this network needs semantic images")
            visual = self.picture(self._scaled(pictures.flatten(0, 1))).unflatten(0, shape)  # F_v
        if self.attention is not None:
            z = self.attention(audio, visual)
        else:
            assert self.join is not None
            z = self.join(audio if self.picture is None else torch.cat([audio, visual], -1))
        if self.audio_residual is not None:
            z = z + self.audio_residual(audio)
        return self.dropout(self.lstm(self.dropout(z))[0])

    def settle(self, predicted: Tensor, rest: Tensor) -> Tensor:
        """(..., m) coefficients for the network's prediction, for a person whose median is ``rest`` (m,)."""
        out = predicted * self.config.gain + rest if self.config.relative else predicted
        return out.clamp(0, 1) if self.config.bounded else out

    def _scaled(self, pictures: Tensor) -> Tensor:
        size = self.config.image_size
        if pictures.shape[-1] != size:
            pictures = F.interpolate(pictures, size=(size, size), mode="bilinear", antialias=True)
        return pictures


def take_tower(net: ExpressionNet, path: Path) -> None:
    """Start the speech tower from that of a Wav2Lip core.

    Raises:
        ConfigError: the file is missing, or its tower is another.
    """
    if not path.is_file():
        raise ConfigError("train.no_wav2lip", path=path)
    found = {k: v.float() for k, v in load_file(path).items() if k.startswith("audio_")}
    try:
        net.speech.load_state_dict(found)
    except RuntimeError as problem:
        raise ConfigError("train.speech_tower", path=path) from problem


def load_expression(folder: str) -> ExpressionNet:
    """Stage 1 as ``train expression`` left it.

    Raises:
        ConfigError: not such a folder.
    """
    if not (Path(folder) / "config.json").is_file():
        raise ConfigError("train.no_expression", folder=folder)
    return read_saved(folder, ExpressionNet, ExpressionConfig, Message("visual_dubbing.network.expression"))
