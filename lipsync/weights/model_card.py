"""Model cards: metadata of a core for the Hub, at the top of its README.md."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lipsync.errors import ConfigError
from lipsync.texts import Message

# What the Hub finds a core by; each with what it has to be.
REQUIRED: dict[str, type] = {
    "library_name": str,
    "pipeline_tag": str,
    "license": str,
    "tags": list,
    "metrics": list,
}
EXAMPLE = "assets/models/mcsawav2lip-embedded/README.md"


def read_card(folder: Path) -> Mapping[str, Any]:
    """The metadata of the card of a model's folder, checked as far as that needs no connection.

    The Hub's own reader parses it, results (``model-index``) included; the Hub itself checks the values,
    such as the name of the licence, when the card is uploaded.

    Raises:
        ConfigError: there is no card, it cannot be read, or something is missing; the message names it.
    """
    from huggingface_hub import ModelCard

    path = folder / "README.md"
    if not path.is_file():
        raise ConfigError("card.missing", folder=folder, example=EXAMPLE)
    try:
        found = ModelCard.load(path).data.to_dict()
    except Exception as problem:  # YAML raises many things
        line = (str(problem).splitlines() or [type(problem).__name__])[0]
        raise ConfigError("card.unreadable", path=path, problem=line) from problem
    for key, kind in REQUIRED.items():
        value = found.get(key)
        whole = isinstance(value, kind) and bool(value)
        if not whole or (isinstance(value, list) and not all(isinstance(part, str) for part in value)):
            what = Message("card.word_list" if kind is list else "card.word")
            raise ConfigError("card.lacks", path=path, field=key, what=what, example=EXAMPLE)
    return found
