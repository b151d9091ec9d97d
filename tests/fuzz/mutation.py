"""Strategies of strangers' files: a good file with wrong bytes, or a good document with wrong values."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

Path = tuple[Any, ...]
DELETED = object()

TEXTS = (
    "", " ", "\x00", "a\x00b", "a\nb", "\r", "\u2028", "\x85", "\x1b[31m", "\ud800", "\udcff", "\ufeff",
    "\u202e",
    "..", ".", "../../../x", "..\\..\\x", "/tmp/x", "C:\\x", "~/x", "CON", "a/b/c", "x" * 300, "x" * 20_000,
    "nan", "inf", "-1", "1e999", "9" * 5000, "١٢", "1_0", "0x10", "{x}", "{0.real}", "%s",
    "<b>x</b>", "=1+1",
    "sets.empty", "true", "null", "2024-01-01", "9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+14:00",
)  # fmt: skip
# What no value of Python can be written as; each stands in a document as a name that is replaced last.
RAW = {
    "@digits@": "9" * 5000,
    "@big@": "1" + "0" * 400,
    "@huge@": "1e999",
    "@nan@": "NaN",
    "@inf@": "-Infinity",
    "@deep@": "[" * 3000 + "]" * 3000,
    "@deeper@": '{"a":' * 50_000 + "1" + "}" * 50_000,
    "@twice@": '{"a": 1, "a": 2}',
    "@list@": "[" + ",".join(["0"] * 5000) + "]",
}


def texts() -> SearchStrategy[str]:
    """Text that somebody did not think of."""
    # By number: Hypothesis writes down what it draws from, and these are long.
    return st.one_of(st.sampled_from(range(len(TEXTS))).map(TEXTS.__getitem__), st.text(max_size=20))


def values(raw: Sequence[str] = tuple(RAW)) -> SearchStrategy[Any]:
    """A plain value of any type.

    Args:
        raw: names that the writer of the document replaces.
    """
    numbers = st.one_of(
        st.integers(), st.floats(), st.sampled_from([0, -1, 2**31, 2**63, 2**64, 10**9, 1e308, -0.0])
    )
    scalars = st.one_of(st.none(), st.booleans(), numbers, texts(), st.sampled_from(list(raw)))
    return st.recursive(
        scalars,
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts(), inner, max_size=3)),
        max_leaves=4,
    )


def near(document: Any, odd: SearchStrategy[Any] | None = None) -> SearchStrategy[Any]:
    """The document with one to four of its values replaced, removed, renamed or repeated."""
    places = list(_places(document))
    edits = st.tuples(
        st.integers(0, len(places) - 1).map(places.__getitem__),
        st.sampled_from(["replace", "replace", "replace", "delete", "rename", "repeat"]),
        odd if odd is not None else values(),
    )
    return st.lists(edits, min_size=1, max_size=4).map(lambda chosen: _edited(document, chosen))


def json_bytes(document: Any) -> bytes:
    """The document as JSON, raw parts put in; surrogates are written as escapes."""
    text = json.dumps(document)
    for name, raw in RAW.items():
        text = text.replace(f'"{name}"', raw)
    return text.encode()


def mutated(*good: Callable[[], bytes]) -> SearchStrategy[bytes]:
    """A good file with one to eight wrong places: bytes changed, put in, left out, repeated, cut off."""
    place = st.integers(0, 2**20)
    piece = st.one_of(
        st.binary(min_size=1, max_size=8),
        st.sampled_from([b"\x00", b"\xff" * 4, b"\x7f\xff\xff\xff", b"\n", b'"']),
    )
    edits = st.tuples(
        st.sampled_from(["set", "set", "insert", "delete", "repeat", "cut"]), place, place, piece
    )
    return st.tuples(st.sampled_from(good), st.lists(edits, min_size=1, max_size=8)).map(
        lambda drawn: _damaged(drawn[0](), drawn[1])
    )


def _damaged(content: bytes, edits: Sequence[tuple[str, int, int, bytes]]) -> bytes:
    for verb, where, length, piece in edits:
        at, span = where % (len(content) + 1), length % 64
        match verb:
            case "set":
                content = content[:at] + piece + content[at + len(piece) :]
            case "insert":
                content = content[:at] + piece + content[at:]
            case "delete":
                content = content[:at] + content[at + span :]
            case "repeat":
                content = content[:at] + content[at : at + span] * 3 + content[at + span :]
            case "cut":
                content = content[:at]
    return content


def _places(value: Any, path: Path = ()) -> list[Path]:
    found = [path]
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in inner:
        found += _places(entry, (*path, key))
    return found


def _edited(document: Any, edits: Sequence[tuple[Path, str, Any]]) -> Any:
    whole = [copy.deepcopy(document)]
    for path, verb, odd in edits:
        *above, last = (0, *path)
        inside: Any = whole
        try:
            for key in above:
                inside = inside[key]
            if verb == "replace" or inside is whole:
                inside[last] = odd
            elif verb == "delete":
                del inside[last]
            elif verb == "repeat" and isinstance(inside, list):
                inside.append(inside[last])
            elif isinstance(inside, dict):
                inside[odd if isinstance(odd, str) else str(last)] = inside.pop(last)
        except (KeyError, IndexError, TypeError):
            continue  # an edit before this one took the place away
    return whole[0]
