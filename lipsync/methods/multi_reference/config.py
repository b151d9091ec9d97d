"""Configuration of the multi-reference network; the defaults are the embodiment that the patent describes."""

from __future__ import annotations

from dataclasses import dataclass, field

from lipsync.audio.speech_input import SpeechInput
from lipsync.errors import ConfigError
from lipsync.weights.renamed import current_settings


@dataclass(frozen=True)
class MultiReferenceConfig:
    """The network's shape."""

    audio: SpeechInput = field(default_factory=SpeechInput)
    references: int = 3  # R
    size: int = 256  # pixels, side of the crops
    levels: int = 5  # M: stages that halve the picture, and stages of the decoder that double it again
    width: float = 1.0  # factor on all channel counts
    heads: int = 4  # of each attention
    # Stages of the decoder, from the coarsest on, with a SPADE block; the others have plain convolutions,
    # which the patent allows in order to save computing.
    spade: int = 5
    # The decoder draws only the lower half of the picture, which is all that changes; the upper half is the
    # frame's own. Not in the patent: it halves the decoder's work.
    lower_half: bool = False
    # The rest is for little data, and not in the patent either.
    # The frame's own token modulates every stage of the decoder (scale and shift of its channels): else the
    # speech has to find its way from the coarsest stage alone, which takes several times the steps.
    token_modulation: bool = False
    # Move the references' pixels instead of painting a mouth anew (``multi_reference.moving``).
    warp_references: bool = False
    # The networks see pictures this many times smaller than the crops. With ``warp_references`` the full
    # size of the references is moved, so that the result stays sharp.
    shrink: int = 1
    # Share of the frame's rows, from the top, that the network sees: 0.5 is the patent's upper half. Cheeks
    # reveal the mouth; with less of them the drawn mouth follows the speech and not the picture.
    visible: float = 0.5

    def __post_init__(self) -> None:
        if isinstance(self.audio, dict):  # as it comes out of config.json
            object.__setattr__(self, "audio", SpeechInput(**current_settings(SpeechInput, self.audio)))
        if self.shrink < 1 or self.size % (self.shrink * 2 ** (self.levels + 1)):
            unit = max(1, self.shrink) * 2 ** (self.levels + 1)
            raise ConfigError(
                "config.size_multiple", levels=self.levels, shrink=self.shrink, unit=unit, size=self.size
            )
        if not 0 <= self.spade <= self.levels or self.references < 1 or not self.width > 0:
            raise ConfigError("config.references")

        if not 0 < self.visible <= 0.5:
            raise ConfigError("config.visible", visible=self.visible)

    @property
    def network_size(self) -> int:
        """Pixels, side of the pictures as the networks see them."""
        return self.size // self.shrink

    def channels(self, level: int) -> int:
        """Channels of the picture halved ``level`` times: 64, 128, 256, 512, 512 at width 1.

        A multiple of what the group norms and the heads divide it by.
        """
        unit = (self.references + 1) * self.heads
        full = min(512, 32 * 2**level)
        return max(unit, round(full * self.width / unit) * unit)
