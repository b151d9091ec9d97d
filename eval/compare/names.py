"""Names of sets, items and methods, and which characters they may contain."""

from __future__ import annotations

import unicodedata
from typing import Literal

from lipsync.errors import ConfigError
from lipsync.texts import Message

REFERENCE = "reference"  # the method whose video is the real one
LONGEST = 120  # characters


def checked(name: str, what: Literal["title", "item", "method"]) -> str:
    """The name without blanks around it, in one Unicode form.

    Args:
        what: for the sentence.

    Raises:
        ConfigError: it is empty, too long or holds line breaks or other control characters.
    """
    name = unicodedata.normalize("NFC", str(name)).strip()
    if not name:
        raise ConfigError("names.none", what=Message(f"names.{what}"))
    if len(name) > LONGEST:
        raise ConfigError("names.too_long", what=Message(f"names.{what}"), name=name[:20], most=LONGEST)
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise ConfigError("names.control_characters", what=Message(f"names.{what}"), name=name)
    return name
