"""When somebody speaks: a small network of our own, and how far a mouth follows the speech at any time.

A mouth closes when the speech ends. Networks trained on people who speak never learn that: noise,
music and digital silence are not in their data, and they go on moving the lips. So a separate network, which
only distinguishes speech from everything else, decides when they may.
"""

# No postponed annotations here: PyTorchModelHubMixin reads the type of ``config`` off the signature to
# turn config.json back into it, and a string would leave it a dict.

import json
from dataclasses import dataclass
from functools import lru_cache
from math import ceil

import numpy as np
import torch
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin
from safetensors.torch import load_file
from torch import Tensor, nn

from lipsync.assets import asset
from lipsync.audio.mel import HOP, N_FFT, N_MELS, RATE, mel_spectrogram

EMBEDDED = asset("models", "speech-activity-embedded")
COLUMN_RATE = RATE / HOP / 2  # Hz: one probability for two columns of the mel spectrogram
BLOCK = 24_000  # columns of the mel spectrogram that are worked on at a time: 5 minutes
LEVEL = 80  # columns of the mel spectrogram, the newest included, whose mean normalises a column: 1 s
# A stretch is all that may be speech around a sound that is: closing the lips on a quiet word costs more than
# resting them a little late. On people kept out, lips are open as usual where the probability is 0.1 to 0.5.
SURE, DOUBT = 0.5, 0.05
SHORTEST = 0.1  # s: a shorter sound is a click or a slip of the network, not a word
# s: in shorter pauses lips do not rest. In pauses below 0.8 s people of the training clips open them as wide
# as in speech (a breath), in longer ones less: `python -m tests.benchmarks.pauses`. Live mode cannot wait so
# long before it is certain.
PAUSE, LIVE_PAUSE = 0.8, 0.25
BEFORE = 0.1  # s before the first sound in which the mouth gets ready
AFTER = 0.2  # s after the last sound until the mouth rests
HOLD = 0.08  # s of them before it begins to close


@dataclass(frozen=True)
class ActivityConfig:
    """The network's shape. Its convolutions over time have a kernel of 3."""

    channels: int = 48
    # Columns between the taps of each residual convolution. Those of ``ahead`` look as far ahead as back, the
    # others only back, so that live mode need not wait.
    ahead: tuple[int, ...] = (1, 2)
    back: tuple[int, ...] = (4, 8, 16)

    def __post_init__(self) -> None:
        for name in ("ahead", "back"):  # lists, as they come out of config.json
            object.__setattr__(self, name, tuple(getattr(self, name)))

    @property
    def future(self) -> float:
        """Seconds of sound after a column's own time that its probability may depend on."""
        return (2 + 2 * sum(self.ahead)) * HOP / RATE + N_FFT / 2 / RATE

    @property
    def past(self) -> float:
        """Seconds of sound before it. One sample more for the pre-emphasis."""
        columns = 2 + 2 * sum(self.ahead) + 4 * sum(self.back) + LEVEL - 1
        return columns * HOP / RATE + (N_FFT / 2 + 1) / RATE


class SpeechActivity(
    nn.Module,
    PyTorchModelHubMixin,
    library_name="lipsync-portal",
    tags=["voice-activity-detection"],
):
    """(B, 80, M) mel spectrograms to (B, ceil(M / 2)) logits that somebody speaks.

    Logit ``k`` belongs to second ``k / COLUMN_RATE``. Louder or softer by any factor is the same to the
    network, as long as nothing falls below the spectrogram's floor: each column is normalised by the mean of
    the second before it.
    """

    def __init__(self, config: ActivityConfig):
        super().__init__()
        self.config = config
        size = config.channels
        self.inlet = nn.Conv1d(N_MELS, size, 5, stride=2, padding=2)
        self.pads = [(d, d) for d in config.ahead] + [(2 * d, 0) for d in config.back]
        self.steps = nn.ModuleList(
            nn.Conv1d(size, size, 3, dilation=d) for d in (*config.ahead, *config.back)
        )
        self.head = nn.Conv1d(size, 1, 1)

    def forward(self, mel: Tensor) -> Tensor:
        x = self.inlet(mel - recent_level(mel)[:, None]).relu()  # (B, C, K)
        for step, pad in zip(self.steps, self.pads, strict=True):
            x = x + step(F.pad(x, pad)).relu()
        return self.head(x)[:, 0]


def recent_level(mel: Tensor) -> Tensor:
    """(B, M) mean of the last ``LEVEL`` columns of (B, 80, M), of as many as there are at the beginning."""
    columns = F.pad(mel.mean(1, keepdim=True), (LEVEL - 1, 0))  # (B, 1, M + LEVEL - 1)
    counted = F.pad(torch.ones_like(mel[:1, :1]), (LEVEL - 1, 0))
    ones = mel.new_ones(1, 1, LEVEL)
    return (F.conv1d(columns, ones) / F.conv1d(counted, ones))[:, 0]


@dataclass(frozen=True)
class Speech:
    """When somebody speaks in a recording."""

    stretches: np.ndarray  # (N, 2) float64 seconds, begin and end, in order, a pause between them

    def activity(self, times: np.ndarray) -> np.ndarray:
        """(B,) float32 how far the mouth follows the speech at ``times`` (B,), s: 0 rests, 1 speaks.

        It rises in the ``BEFORE`` seconds before a stretch begins, and falls in the ``AFTER`` seconds after
        it ends, both without a jump.
        """
        at = np.asarray(times, np.float64)[:, None]
        begins, ends = self.stretches[:, 0], self.stretches[:, 1]
        rise = np.clip((at - begins) / BEFORE + 1, 0, 1)
        fall = np.clip((ends + AFTER - at) / (AFTER - HOLD), 0, 1)
        part = np.minimum(rise, fall).max(1, initial=0.0)
        return (part * part * (3 - 2 * part)).astype(np.float32)


def stretches(probability: np.ndarray, pause: float = PAUSE) -> np.ndarray:
    """(N, 2) seconds of the stretches of speech in (K,) probabilities at ``COLUMN_RATE``; see ``Speech``.

    Stretches less than ``pause`` s apart are one. So near to the begin or the end of the recording, a stretch
    reaches it: the length of the pause there is unknown.
    """
    probability = np.asarray(probability)
    active = np.concatenate([[False], probability > DOUBT, [False]])
    # First column, and the one after the last.
    edges = np.flatnonzero(active[1:] != active[:-1]).reshape(-1, 2)
    edges = edges[[bool((probability[first:last] > SURE).any()) for first, last in edges]]
    seconds = (edges - 0.5) / COLUMN_RATE
    seconds = seconds[seconds[:, 1] - seconds[:, 0] >= SHORTEST - 1e-9]
    if len(seconds) == 0:
        return seconds
    apart = np.concatenate([[True], seconds[1:, 0] - seconds[:-1, 1] >= pause - 1e-9])
    seconds = np.stack([seconds[apart, 0], seconds[np.roll(apart, -1), 1]], 1)
    length = len(probability) / COLUMN_RATE
    if seconds[0, 0] < pause:
        seconds[0, 0] = 0.0
    if seconds[-1, 1] > length - pause:
        seconds[-1, 1] = length
    return seconds


@lru_cache(maxsize=1)
def load_activity() -> SpeechActivity:
    """The network that ships with the project."""
    config = json.loads((EMBEDDED / "config.json").read_text(encoding="utf-8"))
    net = SpeechActivity(ActivityConfig(**config))
    net.load_state_dict(load_file(EMBEDDED / "model.safetensors"))
    return net.eval().requires_grad_(False)


@torch.inference_mode()
def speech_probability(samples: np.ndarray, net: SpeechActivity | None = None) -> np.ndarray:
    """(K,) float32 in 0..1 of (N,) mono 16 kHz samples, at ``COLUMN_RATE``; the project's own network.

    Raises:
        ValueError: if ``samples`` is not one-dimensional or is empty.
    """
    net = net or load_activity()
    mel = torch.from_numpy(mel_spectrogram(samples))  # (80, M)
    # Even, so that a block's columns are paired as those of the whole.
    past, future = (2 * ceil(seconds * COLUMN_RATE) for seconds in (net.config.past, net.config.future))
    parts = []
    for begin in range(0, mel.shape[1], BLOCK):
        first = max(0, begin - past)
        logits = net(mel[None, :, first : begin + BLOCK + future])[0]
        parts.append(logits[(begin - first) // 2 :][: BLOCK // 2])
    return torch.cat(parts).sigmoid().numpy()


def find_speech(samples: np.ndarray, pause: float = PAUSE) -> Speech:
    """When somebody speaks in (N,) mono 16 kHz samples, with pauses of ``pause`` s and more."""
    return Speech(stretches(speech_probability(samples), pause))


def needed_context(pause: float = PAUSE) -> tuple[float, float]:
    """Seconds of sound before and after a time that ``Speech.activity`` may depend on there."""
    config = load_activity().config
    # Half a column each way: a stretch ends between two of them. Before a stretch it has to be known that it
    # is no click, and when the mouth begins to close after one that the next is far.
    half = 0.5 / COLUMN_RATE
    after = max(BEFORE, pause - HOLD) + SHORTEST
    return config.past + max(AFTER, pause) + SHORTEST + half, config.future + after + half
