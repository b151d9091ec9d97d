"""The index file of a comparison set, which lists its contents; it is written atomically."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from eval.compare.clip import ComparisonClip
from eval.scoring.scores import write_text
from lipsync.errors import ConfigError
from lipsync.texts import messages_in, with_messages

FORMAT = 1
INDEX = "index.json"
CLIPS = "clips"
DAMAGED = (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)


@dataclass(frozen=True)
class Item:
    """One face with one speech recording, and every method's video of it.

    Attributes:
        name: what people call it.
        key: random and lasting; stands for the item in URLs and file names.
        reference: the real video, where there is one.
        clips: method to its video.
        missing: method (or ``reference``) to the sentence that says why there is no video.
    """

    name: str
    key: str
    reference: ComparisonClip | None = None
    clips: Mapping[str, ComparisonClip] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)

    def clip(self, method: str) -> ComparisonClip | None:
        """The video of a method, or with ``reference`` the real one; None where there is none."""
        from eval.compare.names import REFERENCE

        return self.reference if method == REFERENCE else self.clips.get(method)

    @property
    def videos(self) -> tuple[ComparisonClip, ...]:
        """The real one first, then the others by checksum, an order that says nothing of the methods."""
        real = () if self.reference is None else (self.reference,)
        return *real, *sorted(self.clips.values(), key=lambda clip: clip.sha256)


@dataclass(frozen=True)
class ComparisonSet:
    """An immutable snapshot of a set; a change returns a new one.

    Attributes:
        id: random name of its folder.
        title: what people call it.
        folder: where its files lie.
        methods: in the order in which they came.
        items: likewise; every item has a clip or a sentence for every method.
        created, modified: when, in UTC.
        maker: random name of the browser that it was made in; empty: the portal's owner made it.
        published: whether every visitor of the portal finds it in the list.
    """

    id: str
    title: str
    folder: Path
    methods: tuple[str, ...]
    items: tuple[Item, ...]
    created: datetime
    modified: datetime
    maker: str = ""
    published: bool = False

    def item(self, name: str) -> Item:
        """The item of this name.

        Raises:
            ConfigError: there is none.
        """
        for item in self.items:
            if item.name == name:
                return item
        raise ConfigError("sets.no_item", title=self.title, item=name)


def read_index(folder: Path) -> ComparisonSet:
    """The set in a folder, with the failures that were recorded and no other sentences.

    Raises:
        ConfigError: the index is not there or damaged.
    """
    try:
        data = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        data["items"] = with_messages(data["items"], data.get("messages", {}))
        if data["format"] != FORMAT:
            raise ValueError(f"format {data['format']}")
        return ComparisonSet(
            id=folder.name,
            title=_text(data["title"]),
            folder=folder,
            methods=tuple(map(_text, data["methods"])),
            items=tuple(_item(entry, folder) for entry in data["items"]),
            created=datetime.fromisoformat(data["created"]),
            modified=datetime.fromisoformat(data["modified"]),
            maker=str(data.get("maker", "")),
            published=data.get("published") is True,
        )
    except FileNotFoundError as problem:
        raise ConfigError("sets.missing", name=folder.name) from problem
    except DAMAGED as problem:
        raise ConfigError("sets.index_damaged", name=folder.name) from problem


def write_index(set_: ComparisonSet) -> None:
    """Write the index of a set atomically.

    Raises:
        ConfigError: the folder cannot be written to.
    """
    data = {
        "format": FORMAT,
        "title": set_.title,
        "created": set_.created.isoformat(),
        "modified": set_.modified.isoformat(),
        "maker": set_.maker,
        "published": set_.published,
        "methods": list(set_.methods),
        "items": [_plain(item) for item in set_.items],
        "messages": messages_in([item.missing for item in set_.items]),
    }
    write_text(set_.folder / INDEX, json.dumps(data, ensure_ascii=False, indent=1) + "\n")


def _plain(item: Item) -> dict[str, Any]:
    return {
        "name": item.name,
        "key": item.key,
        "reference": None if item.reference is None else _plain_clip(item.reference),
        "clips": {method: _plain_clip(clip) for method, clip in item.clips.items()},
        "missing": dict(item.missing),
    }


def _plain_clip(clip: ComparisonClip) -> dict[str, Any]:
    return {
        "file": clip.path.name, "source": clip.source.name, "seconds": clip.seconds, "fps": clip.fps,
        "width": clip.width, "height": clip.height, "audio": clip.audio, "sha256": clip.sha256,
        "converted": clip.converted,
    }  # fmt: skip


def _item(data: Mapping[str, Any], folder: Path) -> Item:
    reference = data["reference"]
    return Item(
        _text(data["name"]),
        _text(data["key"]),
        None if reference is None else _clip(reference, folder),
        MappingProxyType({_text(method): _clip(clip, folder) for method, clip in data["clips"].items()}),
        MappingProxyType({_text(method): _text(why) for method, why in data["missing"].items()}),
    )


def _clip(data: Mapping[str, Any], folder: Path) -> ComparisonClip:
    # Only the last part of a name counts: an index that was tampered with names no file elsewhere.
    names = [Path(_text(data[key])).name for key in ("file", "source")]
    seconds, fps = float(data["seconds"]), float(data["fps"])
    if {"", ".."} & {*names} or not (math.isfinite(seconds) and math.isfinite(fps)):
        raise ValueError("no clip")
    path, source = (folder / CLIPS / name for name in names)
    return ComparisonClip(
        path, seconds, fps, int(data["width"]), int(data["height"]),
        bool(data["audio"]), str(data["sha256"]), bool(data["converted"]), source,
    )  # fmt: skip


def _text(value: Any) -> str:
    """The text, which can be written again.

    Raises:
        TypeError, ValueError: it is none, or holds half a character.
    """
    if not isinstance(value, str):
        raise TypeError("no text")
    value.encode()
    return value
