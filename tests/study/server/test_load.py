"""Fifty raters at once over the real HTTP API, and a server that is killed while they vote."""

from __future__ import annotations

import random
import threading
import time

import pytest
from sqlalchemy import select

from eval.study.storage.models import Rating
from eval.study.storage.store import Store
from tests.study.http_rater import Crowd, check
from tests.study.studies import make_open
from tests.study.study_server import Server

CLIP = 0.02  # s, so that the server and not the clips is what is waited for


def test_fifty_raters_at_once_lose_double_and_misassign_nothing(
    store: Store, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    study = make_open(store, 8, 4, seconds=CLIP, stimuli_per_rater=5, ratings_per_stimulus=1000)
    crowd = Crowd(server.port, study.link).run(50, again=0.1)
    check(store, study.id, crowd.votes)
    info = store.get(study.id)
    assert (info.raters, info.finished, info.ratings) == (50, 50, 250)
    rated = store.ratings(study.id).drop_duplicates("trial")
    counts = rated["stimulus"].value_counts()
    assert len(counts) == 32
    assert counts.max() - counts.min() <= 2
    for _, own in rated.sort_values("position").groupby("rater"):
        assert own["item"].ne(own["item"].shift()).all()
    with capsys.disabled():
        print(f"\n{store.database.engine.dialect.name}: {crowd.summary()}")


KILLS = {"sqlite": 20, "postgresql": 5}  # SQLite's files are written by the process that is killed


def test_a_killed_server_has_lost_no_acknowledged_vote(store: Store, server: Server) -> None:
    study = make_open(store, 40, 10, seconds=CLIP, ratings_per_stimulus=1000)
    rng = random.Random(1)
    crowd = Crowd(server.port, study.link)
    voting = threading.Thread(target=crowd.run, args=(6,))
    voting.start()
    for kills in range(KILLS[store.database.engine.dialect.name]):
        while len(crowd.votes) <= 5 * kills and voting.is_alive():  # a busy server comes to some first
            time.sleep(0.01)
        time.sleep(rng.uniform(0.05, 0.3))
        known = {vote.token for vote in list(crowd.votes)}
        server.kill()
        with store.database.read() as session:
            assert known <= set(session.scalars(select(Rating.token)))
        server.start()
    crowd.stop.set()
    voting.join()
    assert not crowd.failures
    assert len(crowd.votes) > 20
    check(store, study.id, crowd.votes, finished=False)
