"""The index of a set that somebody changed: the set, or one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eval.compare.index import CLIPS, INDEX, read_index, write_index
from lipsync.errors import ConfigError

CLIP: dict[str, Any] = {
    "file": "1.mp4", "source": "1.mkv", "seconds": 1.5, "fps": 25.0, "width": 80, "height": 64, "audio": True,
    "sha256": "0" * 64, "converted": False,
}  # fmt: skip
ITEM: dict[str, Any] = {
    "name": "one", "key": "k", "reference": None, "clips": {"A": CLIP}, "missing": {"B": "No face."},
}  # fmt: skip
SET: dict[str, Any] = {
    "format": 1, "title": "A set", "created": "2026-01-01T00:00:00+00:00",
    "modified": "2026-01-01T00:00:00+00:00", "methods": ["A", "B"], "items": [ITEM],
}  # fmt: skip


def test_what_is_read_can_be_written_and_lies_in_its_folder(tmp_path: Path) -> None:
    far = CLIP | {"file": "/etc/passwd", "source": "../../x.mkv"}
    (tmp_path / INDEX).write_text(json.dumps(SET | {"items": [ITEM | {"reference": far}]}))
    made = read_index(tmp_path)
    reference = made.items[0].reference
    assert reference is not None
    assert (reference.path, reference.source) == (tmp_path / CLIPS / "passwd", tmp_path / CLIPS / "x.mkv")
    write_index(made)
    assert read_index(tmp_path).items == made.items


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        json.dumps(SET).replace("80", "1e999"),
        json.dumps(SET).replace("1.5", "NaN"),
        json.dumps(SET | {"title": "\ud800"}),
        json.dumps(SET | {"title": {"en": "x"}}),
        json.dumps(SET | {"methods": [["A"]]}),
        json.dumps(SET | {"items": [ITEM | {"missing": {"B": "\ud800"}}]}),
        json.dumps(SET | {"items": [ITEM | {"clips": {"A": CLIP | {"file": ""}}}]}),
        json.dumps(SET | {"items": [ITEM | {"clips": {"A": CLIP | {"source": ".."}}}]}),
    ],
    ids=["deep", "endless", "nan", "half a character", "title", "method", "reason", "no name", "parent"],
)
def test_a_damaged_index_is_one_sentence(text: str, tmp_path: Path) -> None:
    (tmp_path / INDEX).write_text(text)
    with pytest.raises(ConfigError, match="index of the comparison set"):
        read_index(tmp_path)
