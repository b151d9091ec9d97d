"""Readers of strangers' files over a few of them: `tests.benchmarks.fuzz` in short, each time the same."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lipsync.errors import ConfigError
from tests.fuzz import guard
from tests.fuzz.guard import Fault, Files, Parser
from tests.fuzz.parsers import PARSERS

SOME = 12  # files for each parser


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("name", PARSERS)
def test_damaged_files_give_a_result_or_one_sentence(name: str) -> None:
    parser = PARSERS[name]
    parser.check(parser.good())

    @settings(
        max_examples=SOME, deadline=None, derandomize=True, database=None, phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(parser.examples)
    def read(files: Files) -> None:
        parser.check(files)

    read()


def _say(text: str) -> Callable[[Path], None]:
    def read(folder: Path) -> None:
        raise ConfigError("archive.twice", name=text, inside="x")

    return read


def _no_key(folder: Path) -> None:
    raise ConfigError("Nobody translated this.")


def _outside(folder: Path) -> None:
    (folder.parent / f"{folder.name}-escaped").mkdir()


def _outside_by_number(folder: Path) -> None:
    number = os.open(folder.parent, os.O_RDONLY)
    try:
        os.mkdir(f"{folder.name}-escaped", dir_fd=number)
    finally:
        os.close(number)


def _much(folder: Path) -> None:
    bytes(range(256)) * 200_000


def _never(folder: Path) -> None:
    try:
        while True:
            time.sleep(0.001)
    except Exception:
        pass


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (lambda folder: {}["x"], "KeyError"), (_no_key, "without a key"), (_outside, "outside its folder"),
        (_outside_by_number, "outside its folder"), (_much, "memory"), (_never, "TooSlow"),
    ],
)  # fmt: skip
def test_the_guard_sees_what_a_parser_must_not_do(
    read: Callable[[Path], None], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "MEMORY", 10_000_000)
    monkeypatch.setattr(guard, "WAIT", 2.0)
    with pytest.raises(Fault, match=said):
        Parser("x", st.nothing(), read, Files).check(Files({"x": b""}))


def test_the_guard_lets_a_sentence_and_work_in_the_folder_pass() -> None:
    Parser("x", st.nothing(), _say("a\nb\x1b[31m\ud800"), Files).check(Files())
    Parser("x", st.nothing(), lambda folder: (folder / "y").mkdir(), Files).check(Files())
