"""What the load test counts: it must see a lost, a doubled, an exchanged and an invented vote."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from eval.study.server.service import Service
from eval.study.storage.store import Store, StudyInfo
from tests.study.http_rater import Tally, Vote, check, tally
from tests.study.rater import Clock, Rater
from tests.study.studies import make_open


@pytest.fixture
def here(tmp_path: Path) -> Store:
    return Store("", tmp_path)


@pytest.fixture
def study(here: Store) -> StudyInfo:
    return make_open(here, 3, 2)


@pytest.fixture
def votes(here: Store, study: StudyInfo) -> list[Vote]:
    """Two raters with six votes each, as their browsers remember them."""
    clock = Clock()
    service = Service(here, clock)
    found = []
    for number in range(2):
        rater = Rater(service, study.link, clock).begin()
        while rater.view is not None and rater.view.stage != "end":
            media = rater.view.media[0].rpartition("/")[2]
            rater.vote()
            trial, marks, token = rater.sent[-1]
            found.append(Vote(number, trial, token, marks, media))
    return found


def test_nothing_is_wrong_with_votes_that_are_there(here: Store, study: StudyInfo, votes: list[Vote]) -> None:
    assert tally(here, study.id, votes) == Tally(12, 0, 0, 0, 0)
    check(here, study.id, votes)
    here.close()


@pytest.mark.parametrize(
    ("wrong", "seen"),
    [
        (lambda votes: [*votes, replace(votes[0], token="another-one")], Tally(13, 1, 0, 0, 0)),
        (lambda votes: [replace(votes[0], marks={"sync": 1}), *votes[1:]], Tally(12, 1, 0, 0, 0)),
        (lambda votes: [replace(votes[0], media=votes[1].media), *votes[1:]], Tally(12, 0, 0, 1, 0)),
        (lambda votes: [replace(votes[-1], rater=0), *votes[:-1]], Tally(12, 0, 0, 7, 0)),
        (lambda votes: votes[1:], Tally(11, 0, 0, 0, 1)),
    ],
    ids=["lost", "changed", "another clip", "another rater", "invented"],
)  # fmt: skip
def test_what_is_wrong_is_counted(
    wrong: Callable[[list[Vote]], list[Vote]], seen: Tally, here: Store, study: StudyInfo, votes: list[Vote]
) -> None:
    assert tally(here, study.id, wrong(votes)) == seen
    with pytest.raises(AssertionError):
        check(here, study.id, wrong(votes))
    here.close()


def test_a_clip_that_one_rater_was_given_twice_is_counted(
    here: Store, study: StudyInfo, votes: list[Vote]
) -> None:
    with here.database.write() as session:
        session.execute(
            text(
                "UPDATE trial SET stimulus_id = (SELECT stimulus_id FROM trial WHERE name = :next) "
                "WHERE name = :name"
            ),
            {"name": votes[0].trial, "next": votes[1].trial},
        )
    # One vote for another clip than was shown, and one clip that its rater was given twice.
    assert tally(here, study.id, votes).misassigned == 2
    here.close()
