"""What was found out about a file is kept until the file changes."""

import os
from pathlib import Path

import pytest

from lipsync.errors import MediaError
from lipsync.file_cache import cached_per_file
from lipsync.media import probe
from tests.media.clips import card, write_clip


def test_kept_until_the_file_changes(tmp_path: Path) -> None:
    asked: list[tuple[str, int]] = []

    @cached_per_file(4)
    def text(path: Path, times: int = 1) -> str:
        asked.append((path.name, times))
        return path.read_text() * times

    path = tmp_path / "a.txt"
    path.write_text("one")
    assert [text(path), text(str(path)), text(path, times=2)] == ["one", "one", "oneone"]
    assert asked == [("a.txt", 1), ("a.txt", 2)]
    path.write_text("three")
    assert text(path) == "three"
    os.utime(path, ns=(0, 0))
    assert text(path) == "three"
    assert len(asked) == 4
    path.unlink()
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            text(path)
    assert len(asked) == 6, "an error is not kept"


def test_a_video_that_was_replaced_is_probed_anew(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", [card(0)] * 5)
    assert probe(path) is probe(path)
    assert probe(path).frames == 5
    write_clip(path, [card(0)] * 8)
    assert probe(path).frames == 8
    path.write_bytes(b"")
    with pytest.raises(MediaError):
        probe(path)
