"""Zips of strangers, as comparison sets."""

from __future__ import annotations

import functools
import io
import json
import struct
import tempfile
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from eval.compare.sets import Sets
from tests.fuzz.guard import Files, Parser
from tests.fuzz.mutation import json_bytes, mutated, near, texts, values
from tests.media.clips import card, write_clip

SET: dict[str, Any] = {
    "format": 1, "title": "A set", "methods": ["A", "B"],
    "items": [{"name": "one", "videos": {"A": {"file": "one/A.mp4", "source": "sources/one/A.mp4"}},
               "missing": {"B": "No face."}}],
}  # fmt: skip
# Of a line of the central directory: where a field begins, and how long it is.
FIELDS = (
    (4, 2), (6, 2), (8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (32, 2), (34, 2), (38, 4),
    (42, 4),
)  # fmt: skip
NUMBERS = (
    0, 1, 8, 9, 12, 14, 98, 99, 0x800, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xA1FF0000, 0x41ED0010,
)  # fmt: skip

NAMES = (
    "one/A.mp4", "one/B.mp4", "sources/one/A.mp4", "set.json", "x/one/A.mp4", "one/A.zip", "../A.mp4",
    "/A.mp4", "one/A.mp4/", "ONE/a.MP4",
)  # fmt: skip


@functools.cache
def _video() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return write_clip(Path(folder) / "video.mp4", [card(1), card(2)]).read_bytes()


def _packed(members: Sequence[tuple[str, bytes, int]]) -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w") as archive:
        warnings.simplefilter("ignore")  # two members of one name
        for name, content, method in members:
            info = zipfile.ZipInfo("x")
            info.filename = name.encode("utf-8", "replace").decode()[:60_000]
            info.compress_type = method
            archive.writestr(info, content)
    return out.getvalue()


def _with_fields(content: bytes, edits: Sequence[tuple[int, tuple[int, int], int]]) -> bytes:
    """Fields of the central directory changed."""
    changed = bytearray(content)
    starts = [at for at in range(len(changed)) if changed.startswith(b"PK\x01\x02", at)]
    for number, (offset, length), value in edits:
        if starts:
            at = starts[number % len(starts)] + offset
            changed[at : at + length] = struct.pack("<Q", value)[:length]
    return bytes(changed)


def _wrong() -> st.SearchStrategy[bytes]:
    names = st.one_of(
        st.sampled_from(NAMES),
        st.tuples(texts(), texts()).map("/".join),
        texts().map(lambda text: f"one/A.mp4{text}"),
        texts().map(lambda text: f"one/{text}.mp4"),
    )  # fmt: skip
    contents = st.one_of(
        st.sampled_from([0, 0, 1]).map([_video(), b"\0" * 3_000_000].__getitem__), st.binary(max_size=20),
        near(SET).map(json_bytes), st.just(json.dumps(SET).encode()), values().map(json_bytes),
    )  # fmt: skip
    methods = st.sampled_from([0, 8, 12, 14])  # stored, deflated, bzip2, LZMA
    fields = st.tuples(st.integers(0, 4), st.sampled_from(FIELDS), st.sampled_from(NUMBERS))
    return st.builds(
        _with_fields,
        st.lists(st.tuples(names, contents, methods), max_size=4).map(_packed),
        st.one_of(st.just([]), st.lists(fields, min_size=1, max_size=3)),
    )


def _good() -> bytes:
    video = _video()
    content = json.dumps(SET).encode()
    return _packed([("one/A.mp4", video, 0), ("sources/one/A.mp4", video, 8), ("set.json", content, 8)])


def _with_contents() -> st.SearchStrategy[bytes]:
    """A whole set but for its set.json."""
    video = _video()
    return near(SET).map(
        lambda wrong: _packed(
            [("one/A.mp4", video, 0), ("sources/one/A.mp4", video, 8), ("set.json", json_bytes(wrong), 8)]
        )
    )


def _read(folder: Path) -> None:
    sets = Sets(folder / "data")
    made = sets.open(sets.bring(folder / "set.zip"))
    files = {path for item in made.items for clip in item.clips.values() for path in (clip.path, clip.source)}
    assert all(path.is_file() and path.parent == made.folder / "clips" for path in files)
    again = sets.open(sets.bring(sets.export(made.id, folder / "out.zip")))
    assert (again.title, again.methods) == (made.title, made.methods)
    assert [item.name for item in again.items] == [item.name for item in made.items]


PARSERS = (
    Parser(
        "archive",
        st.deferred(lambda: st.one_of(mutated(_good), _wrong(), _with_contents())).map(
            lambda content: Files({"set.zip": content})
        ),
        _read, lambda: Files({"set.zip": _good()}),
    ),
)  # fmt: skip
