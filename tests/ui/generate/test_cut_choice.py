"""The part of a file that the page chose, as the server reads it."""

from __future__ import annotations

from math import inf, nan
from pathlib import Path
from typing import Any

import pytest

from lipsync.ui.choices.cut_choice import chosen_range
from lipsync.ui.markup import address

FILE = "/tmp/a b/face.mp4"
VALUE = {"src": address(Path(FILE)), "kind": "video", "seconds": 5.0, "start": 1.0, "end": 2}


@pytest.mark.parametrize(
    ("value", "part"),
    [
        (VALUE, (1.0, 2.0)),
        (VALUE | {"start": 0, "end": 5.0}, None),
        (VALUE | {"end": 5.0}, (1.0, 5.0)),
        (VALUE | {"start": nan}, None),
        (VALUE | {"end": inf}, None),
        (VALUE | {"end": "2"}, None),
        ({"src": VALUE["src"]}, None),
        (None, None),
    ],
)
def test_a_part_is_two_times_that_leave_something_out(value: Any, part: tuple[float, float] | None) -> None:
    assert chosen_range(value, FILE) == part


@pytest.mark.parametrize("file", ["/tmp/a b/other.mp4", None])
def test_the_part_of_the_file_before_is_not_used(file: str | None) -> None:
    """A person may press Generate before the page has read the file that they chose last."""
    assert chosen_range(VALUE, file) is None
