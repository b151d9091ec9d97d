"""Names of sets, items and methods: what a person may write."""

from __future__ import annotations

import unicodedata

from lipsync.errors import ConfigError

REFERENCE = "reference"  # the method whose video is the real one
LONGEST = 120  # characters


def checked(name: str, what: str) -> str:
    """The name without blanks around it, in one Unicode form.

    Args:
        what: "title", "item" or "method", for the sentence.

    Raises:
        ConfigError: it is empty, too long or holds line breaks or other control characters.
    """
    name = unicodedata.normalize("NFC", str(name)).strip()
    if not name:
        raise ConfigError(f"The {what} has no name; give it one.")
    if len(name) > LONGEST:
        raise ConfigError(f"The {what} {name[:20]!r}… has a name of over {LONGEST} characters; shorten it.")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise ConfigError(f"The {what} {name!r} holds a line break or control character; take it out.")
    return name
