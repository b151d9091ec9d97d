"""The voices that speak a text: each is a network of Piper's, listed in the artefact table."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution

from lipsync.errors import ConfigError
from lipsync.weights import hub

PACKAGE = "piper-tts"  # run as a program of its own: its licence, the GPL, is not this project's


@dataclass(frozen=True)
class Voice:
    """A voice.

    Attributes:
        name: language and speaker, as Piper has it.
        language: that it speaks, ISO 639-1.
        network, config: names of the artefact table.
        script: how the Unicode names of its letters begin.
    """

    name: str
    language: str
    network: str
    config: str
    script: str = "LATIN"

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the artefact table that it needs."""
        return self.config, self.network

    @property
    def here(self) -> bool:
        """Whether it can speak without a download."""
        return all(hub.locate(name) is not None for name in self.files)


ALL = (Voice("en_US-joe-medium", "en", "voice_en_us_joe", "voice_en_us_joe_config"),)
VOICES = {voice.name: voice for voice in ALL}
DEFAULT_VOICE = next(iter(VOICES))


def voice_named(name: str) -> Voice:
    """A voice by its name.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in VOICES:
        raise ConfigError("speech.no_voice", voice=name, voices=", ".join(VOICES))
    return VOICES[name]


def engine_installed() -> bool:
    """Whether the package that speaks is there; it is optional."""
    try:
        distribution(PACKAGE)
    except PackageNotFoundError:
        return False
    return True


def available() -> list[Voice]:
    """The voices that can be had: those that are here, and where it may be asked those of the network."""
    return [v for v in VOICES.values() if v.here or not hub.offline()] if engine_installed() else []
