"""What events of the Results page change, without a browser."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from eval.compare.sets import Sets
from eval.study.server.admin import Admin
from eval.study.storage.store import Store
from eval.ui.access import Access
from eval.ui.study.results_page import _ResultsPage
from tests.study.studies import make_open


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(f"sqlite:///{tmp_path / 'study.sqlite'}", tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def page(store: Store, tmp_path: Path) -> Any:
    with gr.Blocks():
        access = Access(Sets(tmp_path), store, Admin(), private=True)
        return _ResultsPage(store, access, SimpleNamespace(folder=tmp_path))  # type: ignore[arg-type]


def test_a_rating_that_arrives_takes_nothing_that_the_owner_is_at(page: Any, store: Store) -> None:
    study = make_open(store)
    tick = inspect.unwrap(page.on_tick)
    for chosen in (None, study.id):
        changed = tick(page, chosen, True, None, None, None)
        assert page.list.entries in changed
        for part in (page.form.panel, page.form.status, page.status, page.head.asking, page.results.message):
            assert part not in changed
    gone = tick(page, "gone", True, None, None, None)
    assert gone[page.study] is None


def test_scores_of_one_study_are_not_those_of_the_next(page: Any, store: Store) -> None:
    one, two = make_open(store), make_open(store)
    picked = inspect.unwrap(page.on_pick)(page, one.id, True, None, "one.csv", SimpleNamespace(study=two.id))
    assert picked[page.results.scores] is None
