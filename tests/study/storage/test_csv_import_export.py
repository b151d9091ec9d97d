"""Marks out as CSV and back: between portals, twice, and when they do not fit."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from eval.study.server.service import Service
from eval.study.storage.csv_import_export import COLUMNS, export_csv, import_csv
from eval.study.storage.store import Store, StudyInfo
from lipsync.errors import ConfigError, StudyError
from tests.study.rater import Clock, Rater
from tests.study.studies import clip, make_open

Make = Callable[..., StudyInfo]


@pytest.fixture
def elsewhere(tmp_path: Path) -> Store:
    """Another portal."""
    (tmp_path / "elsewhere").mkdir()
    return Store("", tmp_path / "elsewhere")


def collected(
    store: Store, study: StudyInfo, raters: int, keys=("sync", "quality", "overall")
) -> list[Rater]:
    clock = Clock()
    service = Service(store, clock)
    people = []
    for number in range(raters):
        rater = Rater(service, study.link, clock).begin()
        marks = (0, 1, 2) if study.spec.mode == "pairwise" else (1, 2, 3, 4, 5)
        while rater.view.stage != "end":
            rater.vote(lambda view, n=number, m=marks: m[(view.position + n) % len(m)], keys)
        service.finish(rater.session)
        people.append(rater)
    return people


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def plain(frame: pd.DataFrame) -> list[tuple]:
    """The rows without the names of files, which differ between portals, in a fixed order."""
    frame = frame.drop(columns=["stimulus"], errors="ignore")
    for name in ("time", "seconds"):
        frame[name] = pd.to_numeric(frame[name]) if name == "seconds" else frame[name].astype("int64") // 1000
    return sorted(map(str, frame.round(4).itertuples(index=False)))


def test_two_portals_merge_their_raters(store: Store, elsewhere: Store, make: Make, tmp_path: Path) -> None:
    practice = {"clips": [clip("practice", "training", "training")]}
    here, there = make(**practice), make_open(elsewhere, **practice)
    mine = collected(store, here, 2)
    collected(elsewhere, there, 3)
    file = write(tmp_path / "there.csv", export_csv(elsewhere, there.id))
    taken = import_csv(store, here.id, file)
    assert (taken.raters, taken.trials, taken.marks) == (3, 39, 117)
    info = store.get(here.id)
    assert (info.raters, info.finished, info.ratings) == (5, 5, 60)
    again = import_csv(store, here.id, file)
    assert (again.raters, again.trials, again.marks) == (0, 0, 0)
    marks = store.ratings(here.id)
    theirs = marks[marks["rater"].isin(elsewhere.ratings(there.id)["rater"])]
    assert plain(theirs) == plain(elsewhere.ratings(there.id))
    # Its own export changes nothing either, and brings a rater back who was deleted.
    own = write(tmp_path / "here.csv", export_csv(store, here.id))
    assert import_csv(store, here.id, own).marks == 0
    mine[0].service.delete(mine[0].code)
    assert import_csv(store, here.id, own).raters == 1
    assert plain(store.ratings(here.id)) == plain(marks)


def test_changes_of_mind_survive(store: Store, elsewhere: Store, make: Make, tmp_path: Path) -> None:
    here, there = make(items=1, methods=1), make_open(elsewhere, 1, 1)
    (rater,) = collected(store, here, 1)
    first = write(tmp_path / "first.csv", export_csv(store, here.id))
    clock = Clock()
    service = Service(store, clock)
    rater = Rater(service, here.link, clock).begin()
    rater.vote(lambda view: 1)
    shown = service.back(rater.session)
    service.rate(
        rater.session, shown.trial, dict.fromkeys(("sync", "quality", "overall"), 5), "second-thought"
    )
    later = write(tmp_path / "later.csv", export_csv(store, here.id))
    assert import_csv(elsewhere, there.id, first).marks == 3
    assert import_csv(elsewhere, there.id, later).marks == 6
    assert import_csv(elsewhere, there.id, first).marks == 0
    assert plain(elsewhere.ratings(there.id)) == plain(store.ratings(here.id))
    assert list(elsewhere.ratings(there.id)["mark"]) == [1, 1, 1, 5, 5, 5]


def test_pairs_travel_too(store: Store, elsewhere: Store, make: Make, tmp_path: Path) -> None:
    wanted = {"mode": "pairwise", "reference": "method 1"}
    here, there = make(**wanted), make_open(elsewhere, **wanted)
    collected(store, here, 2, ("overall",))
    file = write(tmp_path / "pairs.csv", export_csv(store, here.id))
    assert import_csv(elsewhere, there.id, file).marks == 24
    assert plain(elsewhere.pairs(there.id)) == plain(store.pairs(here.id))
    assert set(store.pairs(here.id)["outcome"]) == {0.0, 0.5, 1.0}


def test_an_export_holds_nothing_secret(store: Store, make: Make) -> None:
    study = make(items=1, methods=1)
    (rater,) = collected(store, study, 1)
    text = export_csv(store, study.id)
    assert next(csv.reader(io.StringIO(text))) == list(COLUMNS)
    completion = store.raters(study.id)["completion"].iloc[0]
    assert not any(secret in text for secret in (rater.code, rater.session, completion, study.link))


def test_what_does_not_fit_is_refused_whole(store: Store, make: Make, tmp_path: Path) -> None:
    study = make(items=2, methods=2)
    collected(store, study, 1)
    good = list(csv.DictReader(io.StringIO(export_csv(store, study.id))))
    store_before = store.ratings(study.id)
    new = [row | {"rater": "newcomer", "token": f"{row['token']}x"} for row in good]

    def changed(**values: str) -> list[dict[str, str]]:
        return [*new[:-1], new[-1] | values]

    for rows, said in [
        (changed(mark="6"), "line 13: Every mark"),
        (changed(mark="2.5"), "line 13"),
        (changed(mark=""), "line 13"),
        (changed(question="beauty"), "line 13: There is no such question"),
        (changed(item="nobody"), "no rated clip of 'nobody'"),
        (changed(method="<b>"), "no rated clip"),
        (changed(kind="training"), "no training clip"),
        (changed(other_method="method 0"), "line 13"),
        (changed(time="yesterday"), "line 13"),
        (changed(time="2026-01-01"), "does not say its zone"),
        (changed(rater="Müller"), "small letters and digits"),
        (changed(trial="../x"), "small letters and digits"),
        (changed(token="a b"), "token"),
        (changed(language="fr"), "no language"),
        (changed(position="-1"), "not a position"),
        (changed(trial="another"), "another clip at this position"),
        (changed(trial=new[0]["trial"]), "of another clip"),
    ]:
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
        with pytest.raises((ConfigError, StudyError), match=said):
            import_csv(store, study.id, write(tmp_path / "wrong.csv", text.getvalue()))
    for text, said in [("a,b\n1,2\n", "lacks the column 'rater'"), ("", "lacks the column")]:
        with pytest.raises(ConfigError, match=said):
            import_csv(store, study.id, write(tmp_path / "wrong.csv", text))
    with pytest.raises(ConfigError, match="cannot be read"):
        import_csv(store, study.id, tmp_path / "none.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(ConfigError, match="cannot be read"):
        import_csv(store, study.id, tmp_path / "binary.csv")
    with pytest.raises(StudyError, match="no such study"):
        export_csv(store, "none")
    assert store.ratings(study.id).equals(store_before)
    assert store.get(study.id).raters == 1
