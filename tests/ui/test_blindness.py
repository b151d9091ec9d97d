"""An attacker who sees all that a rater or a blind viewer is sent, apart from the coded pictures themselves.

Three methods encode in three ways and sign their files. For each clip the attacker collects the answer that
names it, the headers, the size, the tags and the encoders' names, guesses its method from the most similar
clips of other items, and must not do better than with shuffled methods.
"""

from __future__ import annotations

import io
import itertools
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import gradio as gr
import numpy as np
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from eval.compare.sets import Entry, Sets
from eval.study.server.service import Service
from eval.study.storage.create import create
from eval.study.storage.spec import Spec
from eval.study.storage.store import Store
from eval.ui.compare import player
from eval.ui.compare.links import Links
from eval.ui.study.rate_page import rater_page
from eval.ui.study.study_api import add_study
from lipsync.media import VideoWriter, WriterOptions
from tests.media.clips import astronaut

METHODS = {"Quillfish": (4, "ultrafast"), "Wobblefox": (20, "veryfast"), "Murkhound": (38, "medium")}
ITEMS = 8
SHUFFLES = 20_000
CHANCE = 1e-4  # the attack on a blind portal succeeds this often by luck
SIGNED = re.compile(rb"x264 [ -~]+|Lav[cf][\d.]+")
Clips = list[tuple[str, str, dict[str, Any]]]  # item, method, what was seen


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Videos ``ITEM/METHOD.mp4`` of five frames, whose tags name the method."""
    folder = tmp_path_factory.mktemp("signed")
    for item in range(ITEMS):
        (folder / f"item{item}").mkdir()
        for method, (crf, preset) in METHODS.items():
            options = WriterOptions(crf=crf, preset=preset, metadata={"comment": method})
            with VideoWriter(folder / f"item{item}" / f"{method}.mp4", 64, 64, 25, options=options) as out:
                for frame in range(5):
                    out.write(np.roll(astronaut(64, 64), 7 * item + frame, axis=1))
    return folder


def test_a_rater_cannot_tell_methods(signed: Path, tmp_path: Path) -> None:
    store = Store("", tmp_path)
    asked = {"title": "t", "source": {"folder": str(signed)}, "questions": ["quality"]}
    study = store.open_study(create(store, Spec.from_dict(asked)).id)
    with gr.Blocks() as demo:
        add_study(Service(store, clock=itertools.count(1e9, 10.0).__next__))
    browser = _browser(demo, store.clips)
    said = rater_page()[0] + json.dumps(_ask(browser, "study_open", study.link, ""))
    session = _ask(browser, "study_consent", study.link, "en")["session"]
    view = _ask(browser, "study_next", session)
    clips: Clips = []
    made = store.stimuli(study.id).set_index("stimulus")
    while view["stage"] != "end":
        said += json.dumps(view)
        row = made.loc[Path(view["media"][0]).stem]
        clips.append((row["item"], row["method"], view | _fetched(browser, view["media"][0])))
        token = f"vote-number-{len(clips)}"
        view = _ask(browser, "study_rate", session, view["trial"], {"quality": 3}, token)
    store.close()
    _check(clips, said)


def test_a_blind_viewer_cannot_tell_methods(signed: Path, tmp_path: Path) -> None:
    sets, links = Sets(tmp_path), Links(tmp_path)
    entries = [Entry(path.parent.name, path.stem, path) for path in sorted(signed.glob("*/*.mp4"))]
    set_ = sets.open(sets.create("t", entries))
    with gr.Blocks() as demo:
        gr.HTML()
    browser = _browser(demo, links.folder)
    clips, said = [], ""
    for number, item in enumerate(set_.items):
        view = player.blinded(player.first_view(set_, number))
        sent = player.payload(view, set_, links)
        said += json.dumps(sent)
        for place, (method, cell) in enumerate(zip(view.methods, sent["clips"], strict=True)):
            clips.append((item.name, method, cell | {"place": place} | _fetched(browser, f"/{cell['src']}")))
    _check(clips, said)


def _browser(demo: gr.Blocks, folder: Path) -> TestClient:
    return TestClient(gr.mount_gradio_app(FastAPI(), demo, path="", allowed_paths=[str(folder)]))


def _ask(browser: TestClient, verb: str, *values: Any) -> Any:
    answer = browser.post(f"/gradio_api/run/{verb}", json={"data": values, "session_hash": "study"})
    assert answer.status_code == 200, answer.text
    return answer.json()["data"][0]


def _fetched(browser: TestClient, address: str) -> dict[str, Any]:
    """What a clip's address, headers, size, tags and signatures are."""
    answer = browser.get(address)
    assert answer.status_code == 200
    with av.open(io.BytesIO(answer.content)) as container:
        tags = [container.metadata, *(stream.metadata for stream in container.streams)]
        clocks = [str(stream.time_base) for stream in container.streams]
    headers = {f"header {name}": value for name, value in answer.headers.items()}
    signatures = sorted(found.decode() for found in SIGNED.findall(answer.content))
    return headers | {
        "size": len(answer.content), "tags": json.dumps(tags), "clocks": clocks, "signatures": signatures
    }  # fmt: skip


def _check(clips: Clips, said: str) -> None:
    assert len(clips) == ITEMS * len(METHODS)
    assert not [name for name in METHODS if name in said]
    assert _luck(clips) > CHANCE, "the attacker knows the methods"


def _luck(clips: Clips) -> float:
    """How often shuffled methods are guessed at least as well: a permutation test within the items."""
    items = np.array([item for item, *_ in clips])
    names = sorted(METHODS)
    truth = np.array([names.index(method) for _, method, _ in clips])
    alike = _alike(items, [seen for *_, seen in clips])
    rng = np.random.default_rng(0)
    shuffled = np.tile(truth, (SHUFFLES, 1))
    for item in set(items):
        columns = np.flatnonzero(items == item)
        shuffled[:, columns] = rng.permuted(shuffled[:, columns], axis=1)
    right = [_right(alike, labels) for labels in (truth[None], shuffled)]
    return float((1 + (right[1] >= right[0]).sum()) / (1 + SHUFFLES))


def _alike(items: np.ndarray, seen: Sequence[dict[str, Any]]) -> np.ndarray:
    """(N, N): 1 for clips of other items with most features in common; numbers also by rank in the item."""
    same = np.zeros((len(items), len(items)))
    for name in set().union(*seen):
        values = [clip.get(name) for clip in seen]
        said = np.array([json.dumps(value) for value in values])
        same += said[:, None] == said[None]
        if all(isinstance(value, (int, float)) for value in values):
            rank = [sum(v < value for v, i in zip(values, items, strict=True) if i == item)
                    for value, item in zip(values, items, strict=True)]  # fmt: skip
            same += np.equal.outer(rank, rank)
    same[items[:, None] == items[None]] = -1
    return (same == same.max(axis=1, keepdims=True)).astype(float)


def _right(alike: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(S,) share of clips whose method, of (S, N) labels, has most votes of the clips that are alike."""
    votes = np.stack([(labels == k) @ alike.T for k in range(len(METHODS))])
    return (votes.argmax(axis=0) == labels).mean(axis=1)
