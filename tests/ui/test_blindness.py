"""What the portal sends to raters and blind viewers does not tell the methods: see `tests.ui.attacker`."""

from __future__ import annotations

import itertools
import json
import re
import secrets
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from fastapi import FastAPI
from scipy.stats import binom
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.testclient import TestClient

from eval.compare.sets import Entry, Sets
from eval.study.server.admin import Admin
from eval.study.server.service import Service
from eval.study.storage.assignment import wished_group
from eval.study.storage.create import create
from eval.study.storage.models import CATCH
from eval.study.storage.spec import Spec
from eval.study.storage.store import Store, StudyClip, new_id
from eval.ui.access import Access
from eval.ui.compare import player
from eval.ui.compare.compare_api import add_compare
from eval.ui.compare.compare_context import CompareContext
from eval.ui.compare.compare_page import _ComparePage
from eval.ui.study.rate_page import rater_page
from eval.ui.study.study_api import add_study
from lipsync.ui.generate_queue import Jobs
from lipsync.ui.visitor import COOKIE, VisitorCookie
from tests.coroutines import run
from tests.ui.attacker import CHANCE, METHODS, SHUFFLES, Clips, by_cell, check, facts, write_signed

ITEMS = 10
ROUNDS = 9  # times that the attacker fetches every clip, to know how long it takes
NAME = re.compile(r"[0-9a-f]{24}")  # the only thing in which the files of a study differ


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Videos of three methods on ten items."""
    folder = tmp_path_factory.mktemp("signed")
    write_signed(folder, ITEMS)
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store("", tmp_path)
    yield opened
    opened.close()


def test_a_rater_cannot_tell_methods_nor_catch_clips(signed: Path, store: Store) -> None:
    asked = {"title": "t", "source": {"folder": str(signed)}, "catch": {"desync": 4}}
    study = store.open_study(create(store, Spec.from_dict(asked)).id)
    with gr.Blocks() as demo:
        add_study(Service(store, clock=itertools.count(1e9, 10.0).__next__))
    browser = _browser(demo, store.clips)
    said = rater_page()[0] + json.dumps(_ask(browser, "study_open", study.link, ""))
    session = _ask(browser, "study_consent", study.link, "en")["session"]
    view = _ask(browser, "study_next", session)
    clips: Clips = []
    shown: list[dict[str, Any]] = []  # of every trial
    made = store.stimuli(study.id).set_index("stimulus")
    marks = {"sync": 3, "quality": 3, "overall": 3}
    while view["stage"] != "end":
        said += json.dumps(view)
        shown.append(view | _fetched(browser, view["media"][0]))
        row = made.loc[Path(view["media"][0]).stem]
        if row["kind"] != CATCH:
            clips.append((row["item"], row["method"], shown[-1]))
        view = _ask(browser, "study_rate", session, view["trial"], marks, f"vote-number-{len(shown)}")
    _add_times(browser, [view["media"][0] for view in shown], shown)
    check(clips, said, ITEMS)
    assert len(shown) == len(clips) + 4
    own = {"trial", "position", "rated", "back", "time"}
    alike = [{key: value for key, value in view.items() if key not in own} for view in shown]
    assert len({NAME.sub("", json.dumps(view)) for view in alike}) == 1, (
        "a clip differs by more than its name"
    )


def test_a_blind_viewer_cannot_tell_methods(tmp_path: Path, store: Store) -> None:
    (tmp_path / "made").mkdir()
    videos = write_signed(tmp_path / "made", ITEMS, real=True)
    jobs = Jobs()
    sets = Sets(tmp_path / "data")
    access = Access(sets, store, Admin(), private=False)
    context = CompareContext.of(tmp_path / "data", access, jobs)
    entries = [Entry(path.parent.name, path.stem, path) for path in videos]
    set_ = sets.open(sets.create("t", entries))
    sets.publish(set_.id, True)
    with gr.Blocks() as demo:
        page = _ComparePage(demo, context, None)
        add_compare(context)
    browser = _browser(demo, context.links.folder)
    listed = [_ask(browser, "compare_list"), _ask(browser, "compare_show", set_.id)]
    clips, said = [], ""
    for number, item in enumerate(set_.items):
        view = player.blinded(player.first_view(set_, number))
        sent = player.payload(view, set_, context.links)
        later = [
            *run(_all(page.on_view(view, _request()))),
            *run(_all(page.on_heat(view, _request()))),
        ]
        said += json.dumps([sent, later])
        seen: list[dict[str, Any]] = [{"place": place} for place in range(len(sent["clips"]))]
        for value in (sent, *(message["value"] for message in later)):
            for cell, name, fact in by_cell(value, len(seen)):
                seen[cell][name] = fact
        addresses = [f"/{cell['src']}" for cell in sent["clips"]]
        for facts_, address in zip(seen, addresses, strict=True):
            facts_ |= _fetched(browser, address)
        _add_times(browser, addresses, seen)
        clips += [(item.name, method, known) for method, known in zip(view.methods, seen[1:], strict=True)]
    assert [_ask(browser, "compare_list"), _ask(browser, "compare_show", set_.id)] == listed
    context.close()
    jobs.close()
    check(clips, said, ITEMS)


def test_time_does_not_tell_that_a_catch_clip_comes(store: Store) -> None:
    rated = [("rated", f"item {item}", f"method {method}") for item in range(10) for method in range(4)]
    link, kinds = _study(store, [*rated, *(("catch", f"item {n}", "plate") for n in range(5))])
    service = Service(store, clock=itertools.count(1e9, 10.0).__next__, newcomers=1000, requests=10**6)
    ranks, caught = [], []
    for _ in range(12):
        session = service.consent(link).session
        view = service.next(session)
        took: list[float] = []  # s of the processor: what an attacker beside a quiet portal would see
        came: list[bool] = []
        while True:
            begin = time.process_time()
            view = service.rate(session, view.trial, {"quality": 3}, secrets.token_hex(8))
            if view.stage == "end":
                break
            took.append(time.process_time() - begin)
            came.append(kinds[view.media[0]] == CATCH)
        ranks.append(np.argsort(np.argsort(took)))
        caught.append(came)
    order, catch = np.array(ranks), np.array(caught)
    shuffled = np.random.default_rng(0).permuted(np.broadcast_to(catch, (SHUFFLES, *catch.shape)), axis=2)
    sums = np.array([(order * labels).sum() for labels in (catch, *shuffled)])
    far = abs(sums - order.mean() * catch.sum())
    assert (far[1:] >= far[0]).mean() > CHANCE


def test_the_first_rater_of_a_study_cannot_guess_the_order_of_methods(store: Store) -> None:
    names, studies = sorted(METHODS), 20
    hits = 0
    for _ in range(studies):
        wanted = [("rated", f"item {item}", name) for item in range(3) for name in names]
        link, _ = _study(store, wanted)
        service = Service(store)
        shown = service.next(service.consent(link).session).media[0]
        method = store.stimuli(shown.split("/")[0]).set_index("stimulus").loc[Path(shown).stem]["method"]
        hits += method == wished_group(names, 0, 0)
    assert binom.sf(hits - 1, studies, 1 / len(names)) > CHANCE


def _study(store: Store, clips: Sequence[tuple[str, str, str]]) -> tuple[str, dict[str, str]]:
    """The link of an open study without videos, and the kinds of its clips by their files."""
    spec = Spec.from_dict({"title": "t", "source": {"folder": "."}, "questions": ["quality"]})
    study, files = new_id(), [f"{secrets.token_hex(12)}.mp4" for _ in clips]
    rows = [
        StudyClip(file, kind, item, method, 4.0, {"quality": [1]} if kind == CATCH else None)
        for file, (kind, item, method) in zip(files, clips, strict=True)
    ]
    link = store.open_study(store.add(spec, rows, study).id).link
    return link, {f"{study}/{row.file}": row.kind for row in rows}


async def _all(messages: Any) -> list[Any]:
    return [message async for message in messages]


def _browser(demo: gr.Blocks, folder: Path) -> TestClient:
    app = FastAPI(middleware=[Middleware(VisitorCookie, key=b"k" * 32)])
    return TestClient(gr.mount_gradio_app(app, demo, path="", allowed_paths=[str(folder)]))


def _request() -> gr.Request:
    """A request of a visitor, as the page's events get it."""
    headers = [(b"cookie", f"{COOKIE}=ann.x".encode())]
    return gr.Request(Request({"type": "http", "headers": headers, "client": ("203.0.113.7", 1)}))


def _ask(browser: TestClient, verb: str, *values: Any) -> Any:
    answer = browser.post(f"/gradio_api/run/{verb}", json={"data": values, "session_hash": "study"})
    assert answer.status_code == 200, answer.text
    return answer.json()["data"][0]


def _fetched(browser: TestClient, address: str) -> dict[str, Any]:
    """What a clip's headers are, and what its file says."""
    answer = browser.get(address)
    assert answer.status_code == 200
    return {f"header {name}": value for name, value in answer.headers.items()} | facts(answer.content)


def _add_times(browser: TestClient, addresses: Sequence[str], seen: Sequence[dict[str, Any]]) -> None:
    """How long each clip takes to come, the median over rounds in random order."""
    took: list[list[float]] = [[] for _ in addresses]
    rng = np.random.default_rng(0)
    for _ in range(ROUNDS):
        for number in rng.permutation(len(addresses)):
            begin = time.perf_counter()
            browser.get(addresses[number])
            took[number].append(time.perf_counter() - begin)
    for clip, times in zip(seen, took, strict=True):
        clip["time"] = float(np.median(times))
