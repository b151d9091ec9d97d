"""``report.json`` is read as it was written, and nothing else is taken for one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from eval.report.bench.bench_json import (
    BenchItem,
    BenchMethod,
    BenchReport,
    BenchScore,
    BenchSuite,
    read_bench_report,
    write_bench_report,
)
from lipsync.errors import ConfigError

SCORE = BenchScore("a", "lmd", "LMD", "lower", "px", 2, None, 2, 4.5, 4.0, 5.0, "protocol 1; LMD", 3)
REPORT = BenchReport(
    BenchSuite("example", "Example", 1, "0" * 64), "2026-01-05T09:00:00+00:00", "0.1.0", "lipsync-eval bench",
    (BenchMethod("a", "A", "1" * 64, "generated"), BenchMethod("b", "B", "", "folder")),
    (BenchItem("one", "en"), BenchItem("two", "")),
    (SCORE, replace(SCORE, method="b", language="en", n=0, value=None, low=None, high=None)),
    versions={"torch": "2"},
)  # fmt: skip


def stored(tmp_path: Path) -> tuple[Path, dict]:
    path = tmp_path / "report.json"
    write_bench_report(REPORT, path)
    return path, json.loads(path.read_text(encoding="utf-8"))


def test_it_is_read_as_it_was_written(tmp_path):
    path, data = stored(tmp_path)
    assert data["schema"] == 1
    assert data["scores"][1]["value"] is None
    assert read_bench_report(path) == REPORT


def test_fields_of_a_later_version_are_passed_over(tmp_path):
    path, data = stored(tmp_path)
    data["later"] = data["scores"][0]["later"] = [1]
    data["scores"][0]["value"] = 4  # a program may have written a whole number
    path.write_text(json.dumps(data))
    assert read_bench_report(path).scores[0].value == 4.0


def change(data, *keys, to):
    *way, last = keys
    for key in way:
        data = data[key]
    if to is None:
        del data[last]
    else:
        data[last] = to


@pytest.mark.parametrize(
    ("keys", "to", "said"),
    [
        (("schema",), 2, "schema 2"),
        (("suite",), None, "suite"),
        (("suite", "title"), 3, "suite.title: 3"),
        (("suite", "version"), True, "suite.version: True"),
        (("scores", 0, "n"), "2", r"scores\[0\].n: '2'"),
        (("scores", 0, "direction"), "up", "direction: 'up'"),
        (("scores", 1, "method"), "c", "'c' is not among methods"),
        (("scores", 0, "value"), float("nan"), "NaN is no number"),
        (("scores", 0, "n"), -1, "n -1"),
        (("scores", 0, "protocol"), None, "protocol"),
        (("methods", 1, "name"), "a", "twice"),
        (("methods", 0, "source"), "web", "source: 'web'"),
        (("items",), {}, "items"),
        (("date",), "yesterday", "yesterday"),
    ],
)
def test_what_is_no_report_is_refused_in_one_sentence(tmp_path, keys, to, said):
    path, data = stored(tmp_path)
    change(data, *keys, to=to)
    path.write_text(json.dumps(data))
    with pytest.raises(ConfigError, match=said):
        read_bench_report(path)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, "\udcff"])
def test_other_files_are_refused(tmp_path, text):
    path = tmp_path / "report.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError, match=r"report\.json"):
        read_bench_report(path)
    with pytest.raises(ConfigError, match="nothing"):
        read_bench_report(tmp_path / "nothing")
