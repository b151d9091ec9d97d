"""Who asks, as requests say it, and what is theirs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest
from starlette.requests import Request

from eval.compare.sets import Sets
from eval.study.server.admin import Admin
from eval.study.storage.store import Store
from eval.ui.access import Access, address_of
from lipsync.errors import ConfigError
from lipsync.ui.visitor import COOKIE


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(folder=tmp_path)
    yield opened
    opened.close()


def request(name: str, *headers: tuple[str, str]) -> gr.Request:
    """A request of the browser of that name."""
    sent = [("cookie", f"{COOKIE}={name}.x"), *headers]
    raw = [(key.encode(), value.encode()) for key, value in sent]
    return gr.Request(Request({"type": "http", "headers": raw, "client": ("203.0.113.7", 1)}))


def test_a_visitor_without_room_makes_no_more_sets_of_one_upload(store: Store, tmp_path: Path) -> None:
    access = Access(Sets(tmp_path), store, Admin("correct horse"), private=False, disk=2_000_000)
    ann = access.sets_of(request("ann"))
    mine = ann.example()  # 2 MB
    for verb in (lambda: ann.create("more"), lambda: ann.bring(tmp_path / "more.zip")):
        with pytest.raises(ConfigError, match="there is room for 2 MB"):
            verb()
    bo = request("bo")
    access.sets_of(bo).example()
    with pytest.raises(ConfigError, match="there is room for"):  # a third cookie at the same address
        access.sets_of(request("cy")).example()
    owner = request("ann", ("x-lipsync-password", "correct horse"))
    access.sets_of(owner).create("the owner has no limit")
    ann.delete(mine)
    ann.create("there is room again")


def test_the_list_asks_once_which_sets_are_in_a_study(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets, asked = Sets(tmp_path), []
    monkeypatch.setattr(store, "sets_in_use", lambda: asked.append(1) or frozenset())
    access = Access(sets, store, Admin("correct horse"), private=False)
    for title in ("one", "two", "three"):
        sets.publish(sets.create(title), True)
    assert len(access.sets_of(request("ann")).list()) == 3
    assert len(asked) == 1


def test_of_several_lines_of_one_header_the_proxys_own_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIPSYNC_PROXIES", "1")
    claimed, seen = ("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "198.51.100.4")
    assert address_of(request("ann", claimed, seen)) == "198.51.100.4"
