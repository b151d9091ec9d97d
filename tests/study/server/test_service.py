"""The rater's verbs, on both databases: what they do, and what they refuse."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from eval.study.server.service import Service
from eval.study.storage.assignment import order_of_kinds
from eval.study.storage.models import Base
from eval.study.storage.store import Store, StudyInfo
from lipsync.errors import LipSyncError, StudyError
from tests.study.rater import Clock, Rater
from tests.study.studies import clip

Make = Callable[..., StudyInfo]
MARKS = {"sync": 3, "quality": 4, "overall": 5}


@pytest.fixture
def service(store: Store, clock: Clock) -> Service:
    return Service(store, clock)


def everything(store: Store) -> dict[str, list]:
    """All that the database holds, but for the last sign of life, which every request moves."""
    with store.database.read() as session:
        return {
            name: [row for row in session.execute(table.select().order_by(*table.primary_key)).all()]
            if name != "rater"
            else [row._asdict() | {"seen": 0} for row in session.execute(table.select())]
            for name, table in Base.metadata.tables.items()
        }


def test_a_rater_goes_from_link_to_code_and_the_marks_are_there(
    store: Store, service: Service, make: Make, clock: Clock
) -> None:
    study = make(items=3, methods=2, completion_code="DONE42", comments=True)
    opening = service.open(study.link)
    assert (opening.state, opening.clips, opening.title.zh) == ("new", 6, "Test")
    assert store.get(study.id).raters == 0  # nothing is stored before consent
    rater = Rater(service, study.link, clock).begin().run()
    assert rater.view is not None
    assert (rater.view.stage, rater.view.rated, rater.view.total) == ("end", 6, 6)
    assert service.finish(rater.session, " Some mouths froze. ").completion == "DONE42"
    assert service.finish(rater.session, "another").completion == "DONE42"
    marks = store.ratings(study.id)
    assert len(marks) == 18
    assert set(marks["question"]) == {"sync", "quality", "overall"}
    assert marks.groupby("trial")["stimulus"].nunique().eq(1).all()
    assert marks["stimulus"].nunique() == 6
    assert sorted(marks["position"].unique()) == list(range(6))
    assert marks["seconds"].eq(2.0).all()
    assert marks["counted"].all()
    raters = store.raters(study.id)
    assert list(raters["completion"]) == ["DONE42"]
    assert list(raters["comment"]) == ["Some mouths froze."]
    info = store.get(study.id)
    assert (info.raters, info.finished, info.ratings, info.wanted) == (1, 1, 6, 144)


def test_a_mark_says_what_the_rater_said_of_the_clip_they_saw(
    store: Store, service: Service, make: Make, clock: Clock
) -> None:
    study = make(items=4, methods=3)
    rng = random.Random(1)
    said: dict[str, dict[str, int]] = {}
    for _ in range(3):
        rater = Rater(service, study.link, clock).begin()
        while rater.view is not None and rater.view.stage != "end":
            (media,) = rater.view.media
            marks = {key: rng.randint(1, 5) for key in MARKS}
            said[rater.view.trial] = marks | {"clip": media}
            clock.wait(2)
            rater.view = service.rate(rater.session, rater.view.trial, marks, f"token-{rng.getrandbits(60)}")
    table = store.ratings(study.id).set_index("trial")
    assert len(said) == 36
    for trial, marks in said.items():
        rows = table.loc[trial].set_index("question")
        assert dict(rows["mark"]) == {key: marks[key] for key in MARKS}
        assert marks["clip"] == f"{study.id}/{rows['stimulus'].iloc[0]}.mp4"


def test_a_change_of_mind_is_a_new_row_and_the_last_one_counts(
    store: Store, service: Service, make: Make, clock: Clock
) -> None:
    study = make(items=2, methods=2)
    rater = Rater(service, study.link, clock).begin()
    rater.vote(lambda view: 2)
    shown = service.back(rater.session, rater.view.trial)
    assert (shown.position, dict(shown.marks), shown.wait, shown.back) == (
        0,
        dict.fromkeys(MARKS, 2),
        0,
        False,
    )
    after = service.rate(rater.session, shown.trial, MARKS, "changed-mind")
    assert after == rater.view  # the clip that was before the rater is there again
    assert service.next(rater.session) == after
    counted = store.ratings(study.id)
    assert dict(zip(counted["question"], counted["mark"], strict=True)) == MARKS
    history = store.ratings(study.id, superseded=True)
    assert list(history["mark"]) == [2, 2, 2, 3, 4, 5]
    assert list(history["counted"]) == [False] * 3 + [True] * 3
    assert store.get(study.id).ratings == 1
    with pytest.raises(StudyError, match="first clip"):
        service.back(rater.session, shown.trial)


def test_the_same_submission_twice_is_stored_once_also_when_both_arrive_together(
    store: Store, service: Service, make: Make, clock: Clock
) -> None:
    study = make()
    rater = Rater(service, study.link, clock).begin()
    clock.wait(2)
    trial = rater.view.trial

    def send(_: int):
        return service.rate(rater.session, trial, MARKS, "the-same-token")

    with ThreadPoolExecutor(8) as pool:
        views = list(pool.map(send, range(16)))
    assert len(set(view.trial for view in views)) == 1
    assert len(store.ratings(study.id, superseded=True)) == 3
    # A replay with other marks under the same token changes nothing.
    service.rate(rater.session, trial, dict.fromkeys(MARKS, 1), "the-same-token")
    assert dict(zip(*store.ratings(study.id)[["question", "mark"]].T.to_numpy(), strict=True)) == MARKS


def test_marks_are_taken_when_the_clip_can_have_been_played(
    store: Store, service: Service, make: Make, clock: Clock
) -> None:
    study = make()
    rater = Rater(service, study.link, clock).begin()
    assert (rater.view.seconds, rater.view.wait) == (2.0, 2.0)
    clock.wait(1.5)
    before = everything(store)
    with pytest.raises(StudyError, match=r"Play the clip to its end first; 0\.4 s are left"):
        service.rate(rater.session, rater.view.trial, MARKS, "too-early")
    assert everything(store) == before
    assert service.next(rater.session).wait == pytest.approx(0.5)
    clock.wait(0.5)
    assert service.rate(rater.session, rater.view.trial, MARKS, "in-time-now").position == 1


BAD_MARKS = [
    {}, {"sync": 3}, MARKS | {"sync": 0}, MARKS | {"sync": 6}, MARKS | {"sync": -1}, MARKS | {"sync": 2.5},
    MARKS | {"sync": 3.0}, MARKS | {"sync": "3"}, MARKS | {"sync": True}, MARKS | {"sync": None},
    MARKS | {"sync": [3]}, MARKS | {"sync": 10**30}, MARKS | {"extra": 3}, [3, 3, 3], "333", None, 3,
]  # fmt: skip


def test_marks_that_cannot_be_are_refused(store: Store, service: Service, make: Make, clock: Clock) -> None:
    rater = Rater(service, make().link, clock).begin()
    clock.wait(5)
    before = everything(store)
    for marks in BAD_MARKS:
        with pytest.raises(StudyError, match="mark"):
            service.rate(rater.session, rater.view.trial, marks, "a-good-token")
    assert everything(store) == before


FORGED = ["", "x", "' OR 1=1 --", "a\x00b", "é", "\ud800", "x" * 10_000, None, 3, ["x"], {"a": 1}]


def test_forged_requests_are_refused(store: Store, service: Service, make: Make, clock: Clock) -> None:
    study = make()
    rater = Rater(service, study.link, clock).begin()
    other = Rater(service, study.link, clock).begin()
    clock.wait(5)
    before = everything(store)
    token = "a-good-token"
    attempts = (
        lambda forged: service.open(forged),
        lambda forged: service.consent(forged),
        lambda forged: service.next(forged),
        lambda forged: service.rate(forged, rater.view.trial, MARKS, token),
        lambda forged: service.rate(rater.session, forged, MARKS, token),
        lambda forged: service.rate(rater.session, rater.view.trial, MARKS, forged),
        lambda forged: service.back(rater.session, forged or "x"),
        lambda forged: service.finish(forged),
        lambda forged: service.delete(forged),
        lambda _: service.rate(rater.session, other.view.trial, MARKS, token),
        lambda _: service.back(rater.session, other.view.trial),
        lambda _: service.finish(rater.session),
        lambda _: service.consent(study.link, "fr"),
        lambda _: service.consent(study.id),  # the id is the author's, the link is the raters'
    )
    for forged in FORGED:
        for attempt in attempts:
            with pytest.raises(StudyError):
                attempt(forged)
        assert service.open(study.link, forged).state == "new"  # a code that is not known counts as none
    assert everything(store) == before


def test_remarks_are_plain_text(store: Store, service: Service, make: Make, clock: Clock) -> None:
    rater = Rater(service, make(items=1, methods=1, comments=True).link, clock).begin().run()
    before = everything(store)
    for text in ("<script>alert(1)</script>", "<img src=x>", "</b>", "&lt;", "\x00", "\ud800", "x" * 2001, 3):
        with pytest.raises(LipSyncError, match="remark"):
            service.finish(rater.session, text)
    assert everything(store) == before
    service.finish(rater.session, "3 < 4 and 5 > 4; 嘴型很好")


def test_only_an_open_study_takes_marks(store: Store, service: Service, make: Make, clock: Clock) -> None:
    study = make(items=1, methods=2)
    rater = Rater(service, study.link, clock).begin()
    done = Rater(service, study.link, clock).begin().run()
    store.close_study(study.id)
    before = everything(store)
    for attempt in (
        lambda: service.open(study.link),
        lambda: service.open(study.link, rater.code),
        lambda: service.consent(study.link),
        lambda: service.next(rater.session),
        lambda: service.rate(rater.session, rater.view.trial, MARKS, "a-good-token"),
    ):
        with pytest.raises(StudyError, match="closed"):
            attempt()
    assert everything(store) == before
    assert service.finish(done.session).completion  # who had rated all still gets the code
    assert service.open(study.link, done.code).state == "finished"
    store.delete_study(study.id)
    for attempt in (lambda: service.open(study.link), lambda: service.next(rater.session)):
        with pytest.raises(StudyError):
            attempt()
    assert not any(everything(store).values())


def test_a_draft_is_not_open_yet(store: Store, service: Service, make: Make) -> None:
    from eval.study.storage.spec import Spec

    draft = store.add(Spec.from_dict({"title": "t", "source": {"folder": "."}}), [clip("a", "b")])
    with pytest.raises(StudyError, match="not begun"):
        service.open(draft.link)


def test_closing_the_browser_loses_nothing(store: Store, service: Service, make: Make, clock: Clock) -> None:
    study = make()
    rater = Rater(service, study.link, clock).begin().run(5)
    clock.wait(86_400)
    back = service.open(study.link, rater.code.lower().replace("-", " "))
    assert back.state == "going"
    view = service.next(back.session)
    assert (view.trial, view.position, view.rated) == (rater.view.trial, 5, 5)
    with pytest.raises(StudyError, match="another tab or window"):  # one open session per rater
        service.next(rater.session)
    rater.session, rater.view = back.session, view
    rater.run()
    code = service.finish(rater.session).completion
    again = service.open(study.link, rater.code)
    assert (again.state, again.completion) == ("finished", code)
    with pytest.raises(StudyError, match="finished"):
        service.rate(again.session, view.trial, MARKS, "after-the-end")


def refused(attempt: Callable[[], object]) -> str:
    """The key of the sentence with which something is refused."""
    with pytest.raises(StudyError) as caught:
        attempt()
    return caught.value.message.key


def test_an_older_session_is_told_from_one_that_is_over(
    store: Store, service: Service, make: Make, clock: Clock
) -> None:
    study = make(items=1, methods=2)
    rater = Rater(service, study.link, clock).begin()
    clock.wait(2)
    newest = service.open(study.link, rater.code).session
    trial = rater.view.trial
    attempts = (
        lambda: service.next(rater.session),
        lambda: service.rate(rater.session, trial, MARKS, "a-good-token"),
        lambda: service.back(rater.session),
        lambda: service.finish(rater.session),
    )
    before = everything(store)
    assert [refused(attempt) for attempt in attempts] == ["session.elsewhere"] * 4
    assert everything(store) == before
    assert refused(lambda: service.next(rater.session + "x")) == "session.elsewhere"
    assert refused(lambda: service.next("nobody-" + rater.session)) == "session.ended"
    store.close_study(study.id)
    assert [refused(attempt) for attempt in attempts] == ["session.elsewhere"] * 4
    assert refused(lambda: service.next(newest)) == "study.closed"
    assert refused(lambda: service.open(study.link, rater.code)) == "study.closed"
    store.open_study(study.id)
    other = Rater(service, study.link, clock, rater.code, newest, service.next(newest)).run()
    service.finish(other.session)  # there the rater comes to the end
    assert [refused(attempt) for attempt in attempts] == ["session.elsewhere"] * 4
    assert service.open(study.link, rater.code).state == "finished"
    service.delete(rater.code)
    assert [refused(attempt) for attempt in attempts] == ["session.ended"] * 4


def test_switching_between_tabs_loses_doubles_and_misassigns_no_vote(
    store: Store, service: Service, make: Make, clock: Clock
) -> None:
    """Three tabs vote in any order; each takes over when it is refused, and sends again what was refused."""
    study = make(items=5, methods=3)
    first = Rater(service, study.link, clock).begin()
    tabs = [first.session, "", ""]
    rng = random.Random(7)
    said: dict[str, tuple[str, dict[str, int]]] = {}
    view, newest, takeovers = first.view, 0, 0
    while view.stage != "end":
        tab = rng.randrange(3)
        marks = {key: rng.randint(1, 5) for key in MARKS}
        clock.wait(2)
        token = f"token-{len(said):04}"
        if tab != newest:
            why = refused(
                lambda tab=tab, view=view, token=token: service.rate(tabs[tab], view.trial, MARKS, token)
            )
            assert why == ("session.elsewhere" if tabs[tab] else "session.ended")
            tabs[tab], newest = service.open(study.link, first.code).session, tab
            takeovers += 1
            assert service.next(tabs[tab]).trial == view.trial
        following = service.rate(tabs[tab], view.trial, marks, token)
        said[view.trial] = view.media[0], marks
        view = following
    assert takeovers > 5
    stored = store.ratings(study.id, superseded=True)
    assert len(stored) == 15 * 3
    for trial, rows in stored.groupby("trial"):
        media, marks = said[str(trial)]
        assert dict(zip(rows["question"], rows["mark"], strict=True)) == marks
        assert media == f"{study.id}/{rows['stimulus'].iloc[0]}.mp4"
    assert store.get(study.id).raters == 1


def test_a_code_leads_back_where_nobody_new_is_let_in(
    store: Store, service: Service, make: Make, clock: Clock
) -> None:
    study = make(items=2, methods=2, ratings_per_stimulus=1)
    rater = Rater(service, study.link, clock).begin().run(2)
    assert refused(lambda: service.consent(study.link)) == "study.full"
    back = service.open(study.link, rater.code)
    assert (back.state, service.next(back.session).rated) == ("going", 2)
    Rater(service, study.link, clock, rater.code, back.session, service.next(back.session)).run()
    end = service.finish(back.session).completion
    store.close_study(study.id)
    assert service.open(study.link, rater.code).completion == end
    assert refused(lambda: service.open(study.link)) == "study.closed"
    assert refused(lambda: service.open(study.link, "AAAA-AAAA-AAAA")) == "study.no_data"


def test_others_vote_while_a_newcomer_waits_for_the_screening(
    store: Store, service: Service, make: Make, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make(items=2, methods=2, ratings_per_stimulus=1)
    rater = Rater(service, study.link, clock).begin()
    clock.wait(2)
    screened_out, voted = store.screened_out, []

    def slow(*arguments):
        """Somebody's vote comes in the middle."""
        with ThreadPoolExecutor(1) as pool:
            vote = pool.submit(service.rate, rater.session, rater.view.trial, MARKS, "a-good-token")
            voted.append(vote.result(timeout=20).rated)
        return screened_out(*arguments)

    monkeypatch.setattr(store, "screened_out", slow)
    assert refused(lambda: service.consent(study.link)) == "study.full"
    assert voted == [1]


def test_a_code_opens_its_own_study_alone(service: Service, make: Make, clock: Clock) -> None:
    one, two = make(), make()
    rater = Rater(service, one.link, clock).begin()
    assert service.open(two.link, rater.code).state == "new"
    assert service.next(rater.session)


def test_raters_delete_their_data_and_nobody_elses(
    store: Store, service: Service, make: Make, clock: Clock
) -> None:
    study = make(items=2, methods=2)
    one = Rater(service, study.link, clock).begin().run()
    two = Rater(service, study.link, clock).begin().run()
    kept = store.ratings(study.id)
    kept = kept[kept["rater"] == kept["rater"].iloc[-1]].reset_index(drop=True)
    assert service.delete(one.code).deleted
    assert store.ratings(study.id).equals(kept)
    with pytest.raises(StudyError, match="no data under this code"):
        service.delete(one.code)
    with pytest.raises(StudyError, match="session has ended"):
        service.next(one.session)
    assert service.finish(two.session)
    service.delete(two.code)
    tables = everything(store)
    assert not any(tables[name] for name in ("rater", "trial", "rating"))


def test_nothing_in_the_database_tells_who_a_rater_is(
    store: Store, service: Service, make: Make, clock: Clock
) -> None:
    flag, off = make(), make(addresses="off")
    codes = [service.consent(study.link, address="203.0.113.7") for study in (flag, flag, off)]
    text = str(everything(store))
    assert "203.0.113" not in text
    assert not any(secret in text for started in codes for secret in (started.code, started.session))
    marks = list(store.raters(flag.id)["address"])
    assert marks[0] == marks[1]  # duplicates can be seen
    assert list(store.raters(off.id)["address"]) == [None]
    service.consent(flag.link, address="203.0.113.8")
    assert store.raters(flag.id)["address"].nunique() == 2
    other = make()
    service.consent(other.link, address="203.0.113.7")
    assert store.raters(other.id)["address"].iloc[0] != marks[0]  # not across studies
    store.close_study(flag.id)
    with store.database.read() as session:
        salts = session.execute(Base.metadata.tables["study"].select()).mappings()
        assert next(row["salt"] for row in salts if row["id"] == flag.id) is None


def test_a_second_rater_from_one_address_is_turned_away_where_wanted(
    store: Store, service: Service, make: Make
) -> None:
    study = make(addresses="refuse")
    service.consent(study.link, address="2001:db8:1:2::1")
    with pytest.raises(StudyError, match="network address"):
        service.consent(study.link, address="2001:db8:1:2:ffff::9")  # the same household
    service.consent(study.link, address="2001:db8:1:3::1")
    assert store.get(study.id).raters == 2


def test_too_many_requests_are_refused_until_a_minute_is_over(store: Store, make: Make, clock: Clock) -> None:
    service = Service(store, clock, newcomers=3, requests=5)
    study = make()
    for _ in range(3):
        started = service.consent(study.link, address="192.0.2.1")
    with pytest.raises(StudyError, match="Too many requests"):
        service.consent(study.link, address="192.0.2.1")
    service.consent(study.link, address="192.0.2.2")
    for _ in range(5):
        service.next(started.session)
    with pytest.raises(StudyError, match="Too many requests"):
        service.next(started.session)
    for _ in range(20):
        service.open(study.link, "AAAA-AAAA-AAAA", "192.0.2.3")
    with pytest.raises(StudyError, match="Too many requests"):  # nobody finds a code by trying
        service.open(study.link, "AAAA-AAAA-AAAB", "192.0.2.3")
    with pytest.raises(StudyError, match="Too many requests"):
        service.delete("AAAA-AAAA-AAAB", "192.0.2.3")
    clock.wait(61)
    assert service.next(started.session)
    assert service.consent(study.link, address="192.0.2.1")


def test_training_comes_first_and_catch_clips_among_the_others(
    store: Store, service: Service, make: Make, clock: Clock
) -> None:
    extra = [
        clip("practice", "training", "training"),
        clip("item 0", "choose 2", "catch", {key: [2] for key in MARKS}),
        clip("item 1", "sound of item 0", "catch", {"sync": [1, 2]}),
    ]
    study = make(items=4, methods=3, clips=extra, stimuli_per_rater=8, reference="method 2")
    for mark in (2, 5, 1, 2):
        rater = Rater(service, study.link, clock).begin()
        assert rater.view.stage == "training"
        assert rater.view.total == 11
        rater.vote(lambda view, mark=mark: mark)
        assert rater.view.stage == "rating"
        rater.run(0)
        while rater.view.stage != "end":
            rater.vote(lambda view, mark=mark: mark)
    marks = store.ratings(study.id)
    kinds = marks.groupby("rater")["kind"].agg(lambda kinds: dict(kinds.value_counts() // 3))
    for counts in kinds:
        assert counts["training"] == 1
        assert counts["catch"] == 2
        assert counts["rated"] + counts["reference"] == 8
    caught = marks[marks["kind"] == "catch"]
    choose = caught[caught["method"] == "choose 2"]
    assert (choose["passed"] == (choose["mark"] == 2)).all()
    desync = caught[caught["method"] == "sound of item 0"].set_index("question")["passed"]
    assert list(desync["sync"]) == [True, False, True, True]
    assert desync["quality"].isna().all()
    assert marks[marks["kind"] != "catch"]["passed"].isna().all()
    assert set(marks[marks["kind"] == "reference"]["method"]) == {"method 2"}
    for _, own in marks.drop_duplicates("trial").sort_values("position").groupby("rater"):
        rated = own[own["kind"] != "catch"]["item"]
        assert all(a != b for a, b in pairwise(rated))
    assert store.get(study.id).ratings == 32


def test_pairs_have_random_sides_and_votes_are_of_the_clip_not_of_the_side(
    store: Store, service: Service, make: Make, clock: Clock
) -> None:
    study = make(items=6, methods=3, mode="pairwise")
    with store.database.read() as session:
        files = {
            f"{study.id}/{row.file}": row
            for row in session.execute(Base.metadata.tables["stimulus"].select())
        }
    methods = {"method 0": 0, "method 1": 1, "method 2": 2}

    def better(view) -> int:
        """Method 2 beats the others, 0 and 1 are equal."""
        left, right = (methods[files[name].method] for name in view.media)
        assert files[view.media[0]].item == files[view.media[1]].item
        if 2 not in (left, right):
            return 0
        return 1 if left == 2 else 2

    for _ in range(4):
        rater = Rater(service, study.link, clock).begin()
        assert rater.view.total == 18
        assert rater.view.seconds == 4.0  # one after the other
        while rater.view.stage != "end":
            rater.vote(better, ("overall",))
            if rater.view.position == 3:  # and shown again as they were given
                last = service.back(rater.session, rater.view.trial)
                assert last.marks["overall"] == better(last)
    votes = store.pairs(study.id)
    assert len(votes) == 72
    with_two = votes["second"] == "method 2"
    assert (votes[with_two]["outcome"] == 0.0).all()
    assert (votes[~with_two]["outcome"] == 0.5).all()
    assert (votes["first"] < votes["second"]).all()
    share = (votes["left"] == votes["first"]).mean()
    assert 0.3 < share < 0.7
    assert votes.groupby(["item", "first", "second"]).size().eq(4).all()
    for _, own in votes.sort_values("position").groupby("rater"):
        assert all(a != b for a, b in pairwise(own["item"]))
    assert store.ratings(study.id).empty


def test_nobody_new_is_let_in_when_nobody_is_needed(
    store: Store, service: Service, make: Make, clock: Clock
) -> None:
    study = make(items=2, methods=2, ratings_per_stimulus=2, reservation=600)
    one = Rater(service, study.link, clock).begin()
    two = Rater(service, study.link, clock).begin()
    with pytest.raises(StudyError, match="all the answers it needs"):
        service.consent(study.link)
    one.run()
    service.finish(one.session)
    clock.wait(601)  # the second one seems to have gone
    three = Rater(service, study.link, clock).begin()
    three.run()
    two.session = service.open(study.link, two.code).session  # back again: may go on all the same
    two.run()
    with pytest.raises(StudyError, match="all the answers it needs"):
        service.consent(study.link)
    assert store.get(study.id).ratings == 12


def test_visitors_of_the_leaderboard_are_let_in_as_long_as_it_is_an_open_arena(
    store: Store, service: Service, make: Make, clock: Clock
) -> None:
    study = make(items=1, methods=2, mode="pairwise", ratings_per_stimulus=1)
    assert not service.open(study.link).arena
    Rater(service, study.link, clock).begin().vote(lambda view: 1, ("overall",))
    assert refused(lambda: service.consent(study.link)) == "study.full"
    store.put_on_leaderboard(study.id, True)
    assert service.open(study.link).arena
    for _ in range(3):
        Rater(service, study.link, clock).begin().vote(lambda view: 2, ("overall",))
    assert [one.id for one in store.on_leaderboard()] == [study.id]
    store.put_on_leaderboard(study.id, False)
    assert refused(lambda: service.consent(study.link)) == "study.full"
    ratings = make(items=1, methods=2, leaderboard=True)
    assert not service.open(ratings.link).arena  # of ratings, only the results are shown
    store.put_on_leaderboard(study.id, True)
    store.close_study(study.id)
    assert refused(lambda: service.consent(study.link)) == "study.closed"


def test_ratings_of_who_fails_the_screening_leave_the_goal_open(
    store: Store, service: Service, make: Make, clock: Clock
) -> None:
    """One of two raters fails the attention check: one more is let in, and gets to the end."""
    check = clip("catch", "choose 2", "catch", {"sync": [2]})
    study = make(items=3, methods=2, ratings_per_stimulus=2, clips=[check])
    asked = f"{study.id}/{store.stimuli(study.id).set_index('kind')['stimulus']['catch']}.mp4"

    def run(attends: bool) -> None:
        rater = Rater(service, study.link, clock).begin()
        while rater.view is not None and rater.view.stage != "end":
            rater.vote(lambda view: 2 if attends and view.media == (asked,) else 4)
        service.finish(rater.session)

    run(attends=True)
    run(attends=False)
    info = store.get(study.id)
    assert (info.ratings, info.counted, info.wanted) == (12, 6, 12)
    run(attends=True)
    info = store.get(study.id)
    assert (info.ratings, info.counted, info.wanted) == (18, 12, 12)
    with pytest.raises(StudyError, match="all the answers it needs"):
        service.consent(study.link)
    assert service.store.studies()[0].counted == 12


def test_who_fails_the_screening_at_work_promises_nothing(
    store: Store, service: Service, make: Make, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of the ratings are there; the one at work would give the rest, but fails the check early on."""
    seed = next(seed for seed in range(99) if order_of_kinds(0, 8, 1, seed)[2] == "catch")
    monkeypatch.setattr("eval.study.server.service.secrets.randbits", lambda bits: seed)
    check = clip("catch", "choose 2", "catch", {"sync": [2]})
    study = make(items=4, methods=2, ratings_per_stimulus=1, clips=[check])
    first = Rater(service, study.link, clock).begin()
    for position in range(5):
        first.vote(lambda view, position=position: 2 if position == 2 else 4)
    clock.wait(901)
    second = Rater(service, study.link, clock).begin()
    for _ in range(2):
        second.vote()
    with pytest.raises(StudyError, match="all the answers it needs"):
        service.consent(study.link)
    second.vote(lambda view: 4)  # where 2 is asked for
    service.consent(study.link)


def test_clips_that_only_lack_ratings_that_count_are_handed_out(
    store: Store, service: Service, make: Make, clock: Clock
) -> None:
    """Two raters rate half of the clips each; the one who fails is replaced on the same half."""
    check = clip("catch", "choose 2", "catch", {"sync": [2]})
    study = make(items=4, methods=1, ratings_per_stimulus=1, stimuli_per_rater=2, clips=[check])
    asked = f"{study.id}/{store.stimuli(study.id).set_index('kind')['stimulus']['catch']}.mp4"
    seen = []
    for attends in (True, False, True):
        rater = Rater(service, study.link, clock).begin()
        seen.append(set())
        while rater.view is not None and rater.view.stage != "end":
            seen[-1].update({rater.view.media} - {(asked,)})
            rater.vote(lambda view, attends=attends: 2 if attends and view.media == (asked,) else 4)
        service.finish(rater.session)
    assert seen[0] | seen[1] == seen[0] | seen[2]
    assert seen[0].isdisjoint(seen[2])


@pytest.mark.parametrize(
    ("items", "seconds", "chosen", "kept"),
    [(2, 2.0, {}, 120), (10, 12.0, {}, 200), (100, 12.0, {}, 900), (2, 2.0, {"reservation": 60}, 60)],
)
def test_the_place_of_who_left_is_free_after_the_length_of_the_study(
    service: Service, make: Make, clock: Clock, items: int, seconds: float, chosen: dict[str, int], kept: int
) -> None:
    study = make(items=items, methods=1, ratings_per_stimulus=1, seconds=seconds, **chosen)
    Rater(service, study.link, clock).begin()
    clock.wait(kept - 1)
    with pytest.raises(StudyError, match="all the answers it needs"):
        service.consent(study.link)
    clock.wait(2)
    Rater(service, study.link, clock).begin()


def test_an_abandoned_clip_is_handed_to_others_only_after_its_reservation(
    service: Service, make: Make, clock: Clock
) -> None:
    study = make(items=2, methods=1, stimuli_per_rater=1, reservation=600)
    gone = Rater(service, study.link, clock).begin()
    second = Rater(service, study.link, clock).begin()
    assert second.view.media != gone.view.media
    second.run()
    clock.wait(601)
    third = Rater(service, study.link, clock).begin()
    assert third.view.media == gone.view.media


def test_raters_at_once_stay_balanced_in_the_database(
    store: Store, service: Service, make: Make, clock: Clock
) -> None:
    """Twelve at once, in any order, some of whom give up; then the same of those who come after."""
    study = make(items=4, methods=3, stimuli_per_rater=6, ratings_per_stimulus=100, reservation=60)
    rng = random.Random(3)
    raters = [Rater(service, study.link, clock).begin() for _ in range(12)]
    going = list(raters)
    while going:
        rater = rng.choice(going)
        rater.vote()
        if rater.view.stage == "end" or rng.random() < 0.05:
            going.remove(rater)
        counts = store.ratings(study.id).drop_duplicates("trial")["stimulus"].value_counts()
        assert counts.max() - counts.reindex(store.stimuli(study.id)["stimulus"], fill_value=0).min() <= 12
    clock.wait(61)
    for _ in range(4):
        Rater(service, study.link, clock).begin().run()
    counts = store.ratings(study.id).drop_duplicates("trial")["stimulus"].value_counts()
    assert len(counts) == 12
    assert counts.max() - counts.min() <= 2
