"""Studies survive the loss of the disk: journal, dataset repository, kills, restarts and deletions."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from eval.leaderboard.board import STORED, Board
from eval.study.server.hub_backup import HubBackup, SafeService, mirrored
from eval.study.server.service import Service
from eval.study.storage.change_log import ChangeLog
from eval.study.storage.change_log_rows import TABLES
from eval.study.storage.csv_import_export import export_csv
from eval.study.storage.models import Base
from eval.study.storage.store import Store
from eval.ui.leaderboard.example_board import REPORT
from lipsync.errors import ConfigError, StudyError
from tests.portal import serving
from tests.study.rater import Clock, Rater
from tests.study.studies import make_open
from tests.ui.rated import open_trial

REPO = "someone/ratings"
DATASET = f"datasets/{REPO}"
HOUR = 3600.0


class Portal:
    """A portal's studies in a folder of their own, with or without the mirror."""

    def __init__(self, folder: Path, mirror: bool = True, wait: bool = False) -> None:
        folder.mkdir(exist_ok=True)
        self.store = Store(f"sqlite:///{folder / 'study.sqlite'}", folder)
        self.mirror = HubBackup(self.store, REPO, HOUR, STORED) if mirror else None
        self.clock = Clock()
        make = SafeService if wait else Service
        self.service = make(self.store, self.mirror) if wait else make(self.store)  # type: ignore[call-arg, arg-type]
        self.service._clock = self.clock

    def rater(self, link: str) -> Rater:
        return Rater(self.service, link, self.clock).begin()

    def rows(self) -> dict[str, list[tuple]]:  # type: ignore[type-arg]
        """All that is kept, without the numbers of rows, the salt, and the last sign of life."""
        with self.store.database.read() as db:
            return {
                name: sorted(
                    tuple(row)
                    for row in db.execute(
                        text(f"SELECT {', '.join(c for c in table.columns if c != 'seen')} FROM {name}")
                    )
                )
                for name, table in TABLES.items()
            }

    def stop(self) -> None:
        if self.mirror is not None:
            self.mirror.close()
        self.store.close()


@pytest.fixture
def portals(local_hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Portal]]:
    monkeypatch.setenv("HF_TOKEN", "hf_writer")
    local_hub.writers.add("hf_writer")
    return Portal


@pytest.fixture(autouse=True)
def journals(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Those of a test are closed after it: of a file left open a later test would be accused."""
    made: list[ChangeLog] = []
    begin = ChangeLog.__init__

    def noted(change_log: ChangeLog, store: Store) -> None:
        begin(change_log, store)  # which may refuse
        made.append(change_log)

    monkeypatch.setattr(ChangeLog, "__init__", noted)
    yield
    for change_log in made:
        change_log.close()


def told(folder: Path) -> list[dict]:  # type: ignore[type-arg]
    """All changes in the journal."""
    found = (path.read_text().splitlines() for path in sorted((folder / "journal").glob("*.jsonl")))
    return [change for part in found for line in part for change in json.loads(line)["changes"]]


# --- the journal ---


def test_every_column_is_told_but_numbers_and_the_salt() -> None:
    for table in Base.metadata.sorted_tables:
        told = TABLES[table.name]
        kept = {*told.columns, *told.numbers}
        left = {column.name for column in table.columns} - kept
        assert left == ({"salt"} if table.name == "study" else {"id"})


def test_the_journal_alone_brings_the_studies_back(tmp_path: Path) -> None:
    here = Portal(tmp_path / "a", mirror=False)
    change_log = ChangeLog(here.store)
    change_log.start()
    study = make_open(here.store, comments=True)
    first = here.rater(study.link).run(3)
    here.rater(study.link).run()
    assert len(told(tmp_path / "a")) > 20

    there = Portal(tmp_path / "b", mirror=False)
    (tmp_path / "b" / "journal").symlink_to(tmp_path / "a" / "journal")
    assert ChangeLog(there.store).replay() == 0
    assert there.rows() == here.rows()
    assert export_csv(there.store, study.id) == export_csv(here.store, study.id)
    assert ChangeLog(there.store).replay() == 0, "a second time changes nothing"
    assert there.rows() == here.rows()

    there.clock.now = here.clock.now
    again = there.service.open(study.link, first.code)
    assert again.state == "going"
    assert there.service.next(again.session).position == 3, "goes on where it was"


def test_what_was_rolled_back_is_not_told_and_marks_that_changed_keep_their_order(tmp_path: Path) -> None:
    here = Portal(tmp_path / "a", mirror=False)
    ChangeLog(here.store).start()
    study = make_open(here.store, 1, 2)
    rater = here.rater(study.link)
    before = len(told(tmp_path / "a"))
    with pytest.raises(StudyError):
        here.service.rate(rater.session, rater.view.trial, {"sync": 9}, "x" * 8)  # type: ignore[union-attr]
    assert [line["table"] for line in told(tmp_path / "a")[before:]] == []
    trial = rater.view.trial  # type: ignore[union-attr]
    rater.vote(lambda view: 2)
    here.service.rate(rater.session, trial, dict.fromkeys(("sync", "quality", "overall"), 5), "y" * 8)

    there = Portal(tmp_path / "b", mirror=False)
    (tmp_path / "b" / "journal").symlink_to(tmp_path / "a" / "journal")
    ChangeLog(there.store).replay()
    counted = there.store.ratings(study.id)
    assert set(counted["mark"]) == {5}
    assert len(there.store.ratings(study.id, superseded=True)) == 6


def test_an_answer_cut_short_by_a_crash_is_as_if_it_had_not_come(tmp_path: Path) -> None:
    here = Portal(tmp_path / "a", mirror=False)
    ChangeLog(here.store).start()
    study = make_open(here.store, 1, 2)
    here.rater(study.link).run()
    (path,) = (tmp_path / "a" / "journal").glob("*.jsonl")
    path.write_text(path.read_text()[:-30])
    there = Portal(tmp_path / "b", mirror=False)
    (tmp_path / "b" / "journal").symlink_to(tmp_path / "a" / "journal")
    assert ChangeLog(there.store).replay() == 0
    assert len(there.store.ratings(study.id)) == 3
    with there.store.database.read() as db:
        assert db.execute(text("SELECT count(*), count(rated) FROM trial")).one() == (2, 1)


def test_address_and_salt(tmp_path: Path) -> None:
    here = Portal(tmp_path / "a", mirror=False)
    ChangeLog(here.store).start()
    study = make_open(here.store, addresses="refuse")
    here.service.consent(study.link, address="192.0.2.1")
    with here.store.database.read() as db:
        salt = db.scalar(text("SELECT salt FROM study"))
    assert salt not in (tmp_path / "a" / "journal").glob("*.jsonl").__next__().read_text()
    assert "192.0.2.1" not in json.dumps(told(tmp_path / "a"))
    there = Portal(tmp_path / "b", mirror=False)
    (tmp_path / "b" / "journal").symlink_to(tmp_path / "a" / "journal")
    ChangeLog(there.store).replay()
    there.service.consent(study.link, address="192.0.2.9")
    with pytest.raises(StudyError, match="network address"):
        there.service.consent(study.link, address="192.0.2.9")


def test_what_was_stored_before_there_was_a_journal_is_told_once(tmp_path: Path) -> None:
    here = Portal(tmp_path / "a", mirror=False)
    study = make_open(here.store)
    rater = here.rater(study.link).run(2)
    for _ in range(2):
        ChangeLog(here.store).replay()
    assert len(list((tmp_path / "a" / "journal").glob("*.jsonl"))) == 1
    ChangeLog(here.store).start()
    rater.vote()
    there = Portal(tmp_path / "b", mirror=False)
    (tmp_path / "b" / "journal").symlink_to(tmp_path / "a" / "journal")
    ChangeLog(there.store).replay()
    assert there.rows() == here.rows()


# --- the repository ---


def test_a_stop_sends_all_and_a_new_disk_has_all(portals, local_hub, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    here = portals(tmp_path / "a")
    assert local_hub.commits.created[0]["visibility"] == "private"
    study = make_open(here.store)
    clip = here.store.clips / study.id / f"{'0' * 32}.mp4"
    clip.parent.mkdir()
    clip.write_bytes(b"a clip")
    (here.store.clips / ".new-1").mkdir()
    (here.store.clips / ".new-1" / "half.mp4").write_bytes(b"half")
    rater = here.rater(study.link).run(5)
    kept = here.rows()
    here.stop()
    assert "half.mp4" not in str(local_hub.repositories[DATASET])
    with pytest.raises(StudyError, match="being started again"):
        rater.vote()

    there = portals(tmp_path / "b")
    assert there.rows() == kept
    assert (there.store.clips / study.id / clip.name).read_bytes() == b"a clip"
    there.clock.now = here.clock.now
    assert there.service.next(rater.session).position == 5, "not even the session is lost"
    more = there.rater(study.link).run()
    there.stop()
    third = portals(tmp_path / "c")
    assert len(third.store.ratings(study.id)) == 3 * (5 + len(more.sent))
    third.stop()


def test_a_disk_that_was_kept_loses_nothing_either(portals, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    here = portals(tmp_path / "a")
    study = make_open(here.store)
    here.rater(study.link).run(2)
    here.mirror.flush()
    here.rater(study.link).run(3)  # killed before these are sent
    kept = here.rows()
    here.store.close()
    again = portals(tmp_path / "a")
    assert again.rows() == kept
    again.stop()
    fresh = portals(tmp_path / "b")
    assert fresh.rows() == kept
    fresh.stop()


WORK = """
import sys, threading
from pathlib import Path
from tests.study.server.test_hub_backup import Portal
portal = Portal(Path(sys.argv[1]), wait=True)
def rate():
    rater = portal.rater(sys.argv[2])
    while rater.view.stage != "end":
        rater.vote(lambda view: 1 + hash(view.trial) % 5)
        trial, marks, token = rater.sent[-1]
        sys.stdout.write(f"ACK {trial} {marks['sync']} {token}\\n")
        sys.stdout.flush()
threads = [threading.Thread(target=rate) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""


@pytest.mark.slow
def test_killed_without_warning_every_acknowledged_mark_is_on_the_hub(portals, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    first = portals(tmp_path / "a")
    study = make_open(first.store, 12, 6)
    first.stop()
    env = os.environ | {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_XET": "1"}
    acknowledged: list[list[str]] = []
    for number in range(2):
        work = subprocess.Popen(
            [sys.executable, "-c", WORK, tmp_path / f"disk-{number}", study.link],
            cwd=Path(__file__).parents[3], env=env, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert work.stdout is not None
        for line in work.stdout:
            acknowledged.append(line.split()[1:])
            if len(acknowledged) >= 12 * (number + 1):
                break
        work.send_signal(signal.SIGKILL)
        acknowledged += [line.split()[1:] for line in work.stdout if line.endswith("\n")]
        work.wait(30)
    last = portals(tmp_path / "last")
    ratings = last.store.ratings(study.id)
    with last.store.database.read() as db:
        there = {tuple(row) for row in db.execute(text(
            "SELECT trial.name, CAST(mark AS TEXT), token FROM rating JOIN trial ON trial.id = trial_id "
            "WHERE question = 'sync'"))}  # fmt: skip
    assert len(acknowledged) >= 24
    assert [entry for entry in acknowledged if tuple(entry) not in there] == []
    assert len(ratings) >= 3 * len(acknowledged)
    last.stop()


def test_while_the_hub_does_not_take_it_an_answer_is_not_acknowledged(  # type: ignore[no-untyped-def]
    portals, local_hub, tmp_path: Path
) -> None:
    here = portals(tmp_path / "a", wait=True)
    study = make_open(here.store)
    rater = here.rater(study.link)
    here.clock.wait(5)
    local_hub.fail("/commit/", 500, times=1, method="POST")
    marks = dict.fromkeys(("sync", "quality", "overall"), 4)
    trial = rater.view.trial  # type: ignore[union-attr]
    with pytest.raises(StudyError, match="send it again"):
        here.service.rate(rater.session, trial, marks, "token-of-it")
    here.service.rate(rater.session, trial, marks, "token-of-it")
    assert len(here.store.ratings(study.id, superseded=True)) == 3, "stored once"
    here.stop()
    there = portals(tmp_path / "b")
    assert len(there.store.ratings(study.id)) == 3
    there.stop()


def test_who_deletes_their_data_is_in_no_file_and_in_no_history(portals, local_hub, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    here = portals(tmp_path / "a")
    study = make_open(here.store)
    gone, stays = here.rater(study.link).run(3), here.rater(study.link).run(2)
    here.mirror.flush()
    tokens = [token for _, _, token in gone.sent]

    def known(token: str) -> bool:
        return any(token.encode() in data for files in local_hub.history(DATASET) for data in files.values())

    assert all(map(known, tokens))
    here.service.delete(gone.code)
    here.mirror.flush()
    assert not any(map(known, tokens))
    assert all(known(token) for _, _, token in stays.sent)
    stays.vote()
    kept = here.rows()
    here.stop()
    there = portals(tmp_path / "b")
    assert there.rows() == kept
    assert len(there.store.raters(study.id)) == 1
    there.stop()


def test_a_deleted_study_takes_its_clips_along(portals, local_hub, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    here = portals(tmp_path / "a")
    study, other = make_open(here.store), make_open(here.store)
    for known in (study, other):
        folder = here.store.clips / known.id
        folder.mkdir()
        (folder / f"{known.id * 2}.mp4").write_bytes(known.id.encode())
    here.rater(study.link).run(1)
    here.mirror.flush()
    here.store.delete_study(study.id)
    here.mirror.flush()
    assert study.id not in str(list(local_hub.repositories[DATASET]))
    assert other.id in str(list(local_hub.repositories[DATASET]))
    here.stop()
    there = portals(tmp_path / "b")
    assert [known.id for known in there.store.studies()] == [other.id]
    there.stop()


def test_what_could_not_be_deleted_is_deleted_the_next_time(portals, local_hub, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    here = portals(tmp_path / "a")
    study = make_open(here.store)
    clip = here.store.clips / study.id / "one.mp4"
    clip.parent.mkdir()
    clip.write_bytes(b"a clip")
    here.mirror.flush()
    here.store.delete_study(study.id)
    local_hub.fail("/commit/", 500, times=1, method="POST")
    with pytest.raises(StudyError, match="send it again"):
        here.mirror.flush()
    here.mirror.flush()
    assert [file for files in local_hub.history(DATASET) for file in files if study.id in file] == []
    here.stop()


def test_a_new_disk_has_the_leaderboard_and_what_was_taken_off_it_stays_away(  # type: ignore[no-untyped-def]
    portals, local_hub, tmp_path: Path
) -> None:
    here = portals(tmp_path / "a")
    board = Board(here.store)
    id = board.add(REPORT).id
    method, other, *_ = board.methods()
    board.publish([method])
    board.show_to_visitors(True)
    here.stop()

    there = portals(tmp_path / "b")
    again = Board(there.store)
    assert again.settings == board.settings
    assert again.anonymous(other) == board.anonymous(other)
    assert again.reports() == board.reports()
    again.rank_from(40)
    again.remove(id)
    there.mirror.flush()
    assert [file for files in local_hub.history(DATASET) for file in files if id in file] == []
    again.rank_from(50)  # not sent, and newer than what is there
    there.mirror._pusher.stop()
    there.store.close()

    kept = portals(tmp_path / "b")
    assert Board(kept.store).settings.minimum == 50
    assert Board(kept.store).reports() == ([], [])
    kept.stop()


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"LIPSYNC_STUDY_REPO": "ratings"}, "write organisation/name"),
        ({"LIPSYNC_STUDY_REPO": REPO, "HF_TOKEN": "hf_reader"}, "cannot be used: .* may write there"),
        ({"LIPSYNC_STUDY_REPO": REPO, "HF_ENDPOINT": "http://127.0.0.1:9"}, "cannot be reached"),
        ({"LIPSYNC_STUDY_REPO": REPO, "LIPSYNC_STUDY_WAIT": "yes"}, "LIPSYNC_STUDY_WAIT is 'yes'"),
    ],
)
def test_a_repository_that_cannot_be_used_is_a_sentence(  # type: ignore[no-untyped-def]
    portals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], said: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    store = Store(f"sqlite:///{tmp_path / 'study.sqlite'}", tmp_path)
    with pytest.raises(ConfigError, match=said):
        mirrored(store, environment)
    store.close()


def test_without_the_setting_there_is_no_mirror(tmp_path: Path, local_hub) -> None:  # type: ignore[no-untyped-def]
    store = Store(f"sqlite:///{tmp_path / 'study.sqlite'}", tmp_path)
    service, mirror = mirrored(store, {})
    assert mirror is None
    assert type(service) is Service
    assert local_hub.requests == []
    store.close()


def test_a_database_of_one_s_own_is_left_to_itself(tmp_path: Path, postgres_database: str) -> None:
    store = Store(postgres_database, tmp_path)
    with pytest.raises(ConfigError, match="unset DATABASE_URL"):
        ChangeLog(store)
    store.close()


@pytest.mark.slow
def test_a_space_that_is_restarted_goes_on_with_its_studies(local_hub, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """The whole portal: made on one disk, rated, stopped as a Space is, and rated on the next one."""
    from gradio_client import Client

    link = open_trial(tmp_path, tmp_path / "disk-0" / "data", ratings=2)
    env = {"LIPSYNC_STUDY_REPO": REPO, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(tmp_path / "hf")}
    marks = {"sync": 4, "quality": 3, "overall": 5}
    ends, code = [], ""
    for number in range(2):
        disk = tmp_path / f"disk-{number}"
        disk.mkdir(exist_ok=True)
        with serving(disk, env) as address:
            portal = Client(address, verbose=False)
            if code:  # of the rater on the disk that is gone
                assert portal.predict(link, code, api_name="/study_open")["state"] == "going"
            rater = portal.predict(link, "en", api_name="/study_consent")
            code = rater["code"]
            shown = portal.predict(rater["session"], api_name="/study_next")
            with urllib.request.urlopen(address + shown["media"][0], timeout=30) as answer:
                assert answer.read(12)[4:8] == b"ftyp"
            time.sleep(shown["wait"])
            token = secrets.token_hex(8)
            end = portal.predict(rater["session"], shown["trial"], marks, token, api_name="/study_rate")
            ends.append(end["stage"])
    assert ends == ["end", "end"]
    last = Portal(tmp_path / "last")
    (study,) = last.store.studies()
    assert sorted(last.store.ratings(study.id)["mark"]) == sorted([3, 4, 5] * 2)
    last.stop()
