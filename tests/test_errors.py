"""A sentence stays one line that can be printed, whatever a stranger's file put into it."""

from __future__ import annotations

import signal
from types import FrameType

import pytest

import eval.cli
from lipsync.errors import LONGEST, ConfigError
from lipsync.texts import Message, languages


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a\nb", "a b"), ("a\r\n\tb", "a b"), ("a\u2028b", "a b"), ("\x1b[31mred", "\\x1b[31mred"),
        ("\x00", "\\x00"), ("\ud800", "\\ud800"), ("\u202efdp.exe", "\\u202efdp.exe"), ("片段 1", "片段 1"),
        ("{x} %s", "{x} %s"),
    ],
)  # fmt: skip
def test_what_is_not_seen_is_written_out(value: str, shown: str) -> None:
    problem = ConfigError("file.cannot_delete", path=value, problem="x")
    assert str(problem) == f"{shown} cannot be deleted (x)."
    for language in languages():
        assert shown in problem.message.text(language)
        problem.message.text(language).encode()


def test_a_value_that_no_sentence_could_hold_is_cut() -> None:
    long = "x" * 100_000
    problem = ConfigError("file.cannot_delete", path=long, problem=[long] * 3)
    assert str(problem).startswith("xxx")
    assert str(problem).endswith("…).")
    assert len(str(problem)) < 2 * LONGEST + 50


def test_messages_in_a_sentence_are_not_cut() -> None:
    inner = [Message("file.cannot_delete", path="y", problem=number) for number in range(50)]
    assert str(ConfigError("file.cannot_delete", path="x", problem=inner)).count("cannot be deleted") == 51


def test_a_command_of_the_evaluation_that_a_scheduler_stops_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unexpected(number: int, frame: FrameType | None) -> None:
        raise AssertionError("the signal went past the command")

    before = signal.signal(signal.SIGTERM, unexpected)
    try:
        monkeypatch.setattr("eval.cli.bench.run", lambda options: signal.raise_signal(signal.SIGTERM))
        assert eval.cli.main(["bench", "example", "--out", "out"]) == 130
    finally:
        signal.signal(signal.SIGTERM, before)
    assert capsys.readouterr().err == "Stopped.\n"
