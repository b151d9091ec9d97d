"""Lines of the journal that somebody damaged, and texts that look like the end of a line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eval.study.server.service import Service
from eval.study.storage.change_log import FOLDER, ChangeLog
from eval.study.storage.change_log_rows import is_change
from eval.study.storage.store import Store
from tests.study.rater import Clock, Rater
from tests.study.studies import make_open

GONE = {"table": "gone", "study": "s", "rater": None}


def recorded(folder: Path, comment: str = "") -> tuple[str, bytes]:
    """A study with one rater, of which only the journal is left: its id and the lines."""
    folder.mkdir()
    store, clock = Store("", folder), Clock()
    log = ChangeLog(store)
    log.start()
    study = make_open(store, 2, 2, comments=True)
    service = Service(store, clock)
    service.finish(Rater(service, study.link, clock).begin().run().session, comment)
    log.close()
    store.close()
    (path,) = (folder / FOLDER).iterdir()
    return study.id, path.read_bytes()


def replayed(folder: Path, lines: bytes) -> tuple[Store, int]:
    (folder / FOLDER).mkdir(parents=True)
    (folder / FOLDER / "1.jsonl").write_bytes(lines)
    store = Store("", folder)
    return store, ChangeLog(store).replay()


def test_a_remark_with_any_line_separator_comes_back(tmp_path: Path) -> None:
    remark = "one\u2028two\u2029three\x85four"
    study, lines = recorded(tmp_path / "before", remark)
    store, left_out = replayed(tmp_path / "after", lines)
    assert left_out == 0
    assert list(store.raters(study)["comment"]) == [remark]
    store.close()


@pytest.mark.parametrize(
    "damage",
    [b"\x80\xff", b"[" * 100_000, b'{"t": "1", "changes": []}', b'{"t": NaN, "changes": []}', b'{"t": 1e999}',
     b'{"t": 1, "changes": {"a": 1}}', b'{"t": 1, "changes": null}', b"7", b"\x00"],
)  # fmt: skip
def test_a_damaged_line_costs_only_itself(damage: bytes, tmp_path: Path) -> None:
    study, lines = recorded(tmp_path / "before")
    store, left_out = replayed(tmp_path / "after", damage + b"\n" + lines + damage)
    assert left_out == 0
    assert len(store.ratings(study)) == 12
    store.close()


@pytest.mark.parametrize(
    ("table", "field", "value"),
    [("rating", "mark", "four"), ("rating", "mark", 2**70), ("rating", "at", None), ("rating", "at", True),
     ("rating", "token", "\ud800"), ("trial", "stimulus", 3), ("rater", "began", float("nan")),
     ("rater", "name", ["x"]), ("study", "spec", "[" * 100_000), ("study", "spec", "no JSON")],
)  # fmt: skip
def test_a_row_of_another_type_is_left_out_and_counted(
    table: str, field: str, value: object, tmp_path: Path
) -> None:
    study, lines = recorded(tmp_path / "before")
    changes = [change for line in lines.splitlines() for change in json.loads(line)["changes"]]
    last = max(number for number, change in enumerate(changes) if change["table"] == table)
    changes.append(json.loads(json.dumps(changes[last])))
    changes[-1]["row"][field] = value
    store, left_out = replayed(tmp_path / "after", json.dumps({"t": 1.0, "changes": changes}).encode())
    assert left_out == 1
    assert len(store.ratings(study)) == 12
    store.close()


def test_what_a_line_may_say() -> None:
    assert is_change(GONE)
    assert is_change(GONE | {"rater": "r"})
    for wrong in (
        None,
        3,
        {},
        {"table": []},
        {"table": "x", "row": {}},
        GONE | {"study": 1},
        GONE | {"rater": 1},
    ):
        assert not is_change(wrong)
