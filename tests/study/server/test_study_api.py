"""The end points as programs and browsers use them, against a real server."""

from __future__ import annotations

import json
import sqlite3
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from gradio_client import Client

from eval.study.storage.create import create
from eval.study.storage.spec import Spec
from eval.study.storage.store import Store
from tests.media.clips import card, click, write_clip
from tests.study.http_rater import Line, Refused
from tests.study.studies import make_open
from tests.study.study_server import Nursery, Server


@pytest.fixture
def here(tmp_path: Path) -> Store:
    return Store("", tmp_path)


@pytest.fixture
def served(nursery: Nursery, here: Store) -> Server:
    return Server(nursery, here.folder, f"sqlite:///{here.folder / 'study.sqlite'}")


def get(server: Server, path: str, **headers: str) -> tuple[int, bytes]:
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read()


def test_a_program_rates_a_real_study_from_link_to_code(here: Store, served: Server, tmp_path: Path) -> None:
    for item in ("anna", "bert"):
        (tmp_path / "brought" / item).mkdir(parents=True)
        for number, method in enumerate(("ours", "theirs")):
            sound = click(0.2, 0.1, 44100)
            write_clip(tmp_path / "brought" / item / f"{method}.mp4", [card(number)] * 5, sound=sound)
    spec = Spec.from_dict(
        {"title": "t", "source": {"folder": str(tmp_path / "brought")}, "catch": {"choose": [4]}}
    )
    study = here.open_study(create(here, spec).id)
    client = Client(f"http://127.0.0.1:{served.port}", verbose=False)
    opening = client.predict(study.link, api_name="/study_open")
    assert (opening["state"], opening["clips"], opening["languages"]) == ("new", 5, ["en", "zh"])
    assert [question["key"] for question in opening["questions"]] == ["sync", "quality", "overall"]
    started = client.predict(study.link, language="zh", api_name="/study_consent")
    view = client.predict(started["session"], api_name="/study_next")
    seen = set()
    while view["stage"] != "end":
        said = json.dumps(view)
        assert not any(name in said for name in ("ours", "theirs", "anna", "bert", "catch", "choose"))
        status, video = get(served, view["media"][0])
        assert status == 200
        assert video[4:8] == b"ftyp"
        assert get(served, view["media"][0], Range="bytes=4-7") == (206, b"ftyp")
        seen.add(view["media"][0])
        threading.Event().wait(view["wait"])
        marks = {"sync": 4, "quality": 4, "overall": 4}
        view = client.predict(
            started["session"],
            view["trial"],
            marks,
            f"vote-of-clip-{view['position']}",
            api_name="/study_rate",
        )
    assert len(seen) == 5
    again = client.predict(started["session"], api_name="/study_back")
    assert (again["position"], again["marks"]) == (4, marks)
    end = client.predict(started["session"], api_name="/study_finish")
    back = client.predict(study.link, code=started["code"], api_name="/study_open")
    assert (back["state"], back["completion"]) == ("finished", end["completion"])
    stored = here.ratings(study.id)
    assert len(stored) == 15
    assert list(stored[stored["kind"] == "catch"]["passed"]) == [True] * 3
    assert client.predict(started["code"], api_name="/study_delete") == {"deleted": True}
    assert here.ratings(study.id).empty
    here.close()


def test_what_is_refused_is_answered_with_a_sentence(here: Store, served: Server) -> None:
    study = make_open(here)
    line = Line(served.port)
    session = line.ask("study_consent", study.link, "en")["session"]
    view = line.ask("study_next", session)
    marks = {"sync": 3, "quality": 3, "overall": 3}
    for verb, values, said in [
        ("study_open", ("nonsense", ""), "no such study"),
        ("study_open", ({"a": [1]}, None), "no such study"),
        ("study_consent", (study.link, "fr"), "not held in that language"),
        ("study_consent", (study.link, None), "not held in that language"),
        ("study_consent", (study.link, ["en"]), "not held in that language"),
        ("study_next", ("nonsense",), "session has ended"),
        ("study_rate", (session, view["trial"], marks, "a-good-token"), "Play the clip to its end"),
        ("study_rate", (session, "nonsense", marks, "a-good-token"), "not handed to you"),
        ("study_rate", (session, ["x"], marks, "a-good-token"), "not handed to you"),
        ("study_rate", (session, view["trial"], marks | {"sync": 9}, "a-good-token"), "from 1 to 5"),
        ("study_rate", (session, view["trial"], "<b>", "a-good-token"), "one mark for each"),
        ("study_rate", (session, view["trial"], marks, ""), "without its token"),
        ("study_finish", (session, ""), "12 clips are left"),
        ("study_delete", ("AAAA",), "no data under this code"),
    ]:
        with pytest.raises(Refused, match=said):
            line.ask(verb, *values)
    assert here.ratings(study.id).empty
    here.close()


def test_only_clips_are_served_from_the_data_folder(here: Store, served: Server) -> None:
    folder = here.folder
    (folder / "study" / "s").mkdir(parents=True)
    (folder / "study" / "s" / "clip.mp4").write_bytes(b"a clip")
    assert get(served, f"/gradio_api/file={folder}/study/s/clip.mp4") == (200, b"a clip")
    for path in (
        "study.sqlite",
        "study.sqlite-wal",
        "study/../study.sqlite",
        "study/%2e%2e/study.sqlite",
        "study",
    ):
        status, content = get(served, f"/gradio_api/file={folder}/{path}")
        assert status in (403, 404), path
        assert b"SQLite" not in content
    here.close()


def test_a_busy_database_does_not_stop_the_portal(here: Store, served: Server) -> None:
    study = make_open(here)
    line = Line(served.port)
    session = line.ask("study_consent", study.link, "en")["session"]
    other = sqlite3.connect(here.folder / "study.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    answers: list[dict] = []
    waiting = [
        threading.Thread(target=lambda: answers.append(Line(served.port).ask("study_next", session)))
        for _ in range(40)
    ]
    for thread in waiting:
        thread.start()
    for _ in range(5):
        assert get(served, "/config")[0] == 200  # answered while all of them wait
    assert answers == []
    other.execute("ROLLBACK")
    for thread in waiting:
        thread.join()
    assert len({answer["trial"] for answer in answers}) == 1
    assert len(answers) == 40
    other.close()
    here.close()
