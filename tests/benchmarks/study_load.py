"""``python -m tests.benchmarks.study_load``: many raters at once at the real portal; a server that is killed.

The portal is started as a user starts it, on SQLite, on PostgreSQL, or on one after the other. Each rater
comes from an address of their own within the first seconds, fetches the clip, plays it, thinks (--think,
median; 0: votes as fast as it may), votes and gets the next one. Printed: how long a vote took, from sending
it to the next clip's name, and what became of every acknowledged vote in the database.

With --kills, 20 raters vote without thinking while the server gets SIGKILL again and again, each time at
random after some votes. That server is the study's API alone, on the same code and store, which is back in a
moment: the whole portal would take minutes of starting. After each kill every vote acknowledged until then
is looked for.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import select

from eval.study.storage.create import create
from eval.study.storage.models import Rating
from eval.study.storage.spec import Spec
from eval.study.storage.store import Store
from tests.benchmarks.study import processor_seconds
from tests.media.clips import card, click, write_clip
from tests.portal import serving
from tests.study.http_rater import Crowd, Tally, tally
from tests.study.postgres import new_schema, postgres_server
from tests.study.studies import make_open
from tests.study.study_server import Nursery, Server

ITEMS, METHODS, SECONDS = 10, 4, 2.0  # the clips of the study
ARRIVE = 20.0  # s
LIMIT = 270.0  # s on one database, after which the raters leave and no server is killed any more
AT_ONCE = 20  # raters while the server is killed


def new_study(store: Store, folder: Path, clips: int) -> str:
    """The id of an open study of real clips, of which each rater gets some."""
    for item in range(ITEMS):
        (folder / f"item {item}").mkdir(parents=True)
        for method in range(METHODS):
            number = item * METHODS + method
            images = [card(number + frame) for frame in range(round(25 * SECONDS))]
            sound = click(SECONDS, 0.5, 44100)
            write_clip(folder / f"item {item}" / f"method {method}.mp4", images, sound=sound)
    spec = {"title": "Load", "source": {"folder": str(folder)}, "stimuli_per_rater": clips}
    made = create(store, Spec.from_dict(spec | {"ratings_per_stimulus": 100_000}))
    return store.open_study(made.id).id


def load(work: Path, database: str, raters: int, clips: int, think: float) -> tuple[str, Tally]:
    """All raters at the portal, each with an assignment of their own, until they are through.

    Returns:
        What was measured, with the portal's processor time for a vote and its clip; what became of the votes.
    """
    store = Store(database, work / "data")
    study = store.get(new_study(store, work / "clips", clips))
    environment = {"DATABASE_URL": database, "LIPSYNC_PROXIES": "1", "LIPSYNC_MAX_JOB": "600"}
    with serving(work, environment) as address:
        port = int(address.rpartition(":")[2])
        crowd = Crowd(port, study.link, think=think, arrive=ARRIVE, watching=True)
        bound = threading.Timer(LIMIT, crowd.stop.set)
        bound.start()
        portal = portal_process()
        before = processor_seconds(portal)
        crowd.run(raters)
        spent = processor_seconds(portal) - before
        bound.cancel()
    found = tally(store, study.id, crowd.votes)
    store.close()
    return f"{crowd.summary()}, {1000 * spent / len(crowd.votes):.1f} ms of processor each", found


def portal_process() -> int:
    """The process id of the portal that this process has started."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        parent = int(status.read_text().rpartition(")")[2].split()[1])
        if parent == os.getpid() and b"app.py" in (status.parent / "cmdline").read_bytes():
            return int(status.parent.name)
    raise LookupError("there is no portal")


def killed(folder: Path, database: str, kills: int, seed: int = 0) -> tuple[int, int, Tally]:
    """A server that is killed that often, or as often as there is time.

    Returns:
        Kills; votes that were missing right after one; what became of all votes.
    """
    store, rng, missing, done = Store(database, folder), random.Random(seed), 0, 0
    study = make_open(store, 40, 10, seconds=0.02, ratings_per_stimulus=100_000)
    with ExitStack() as stack:
        nursery = Nursery()
        stack.callback(nursery.close)
        server = Server(nursery, store.folder, database)
        crowd = Crowd(server.port, study.link)
        voting = threading.Thread(target=crowd.run, args=(AT_ONCE,))
        voting.start()
        end = time.monotonic() + LIMIT
        while done < kills and time.monotonic() < end:
            before = len(crowd.votes)
            while len(crowd.votes) < before + 5 and voting.is_alive() and time.monotonic() < end:
                time.sleep(0.01)
            time.sleep(rng.uniform(0, 0.3))
            assert voting.is_alive(), "the raters are through before the last kill"
            known = {vote.token for vote in list(crowd.votes)}
            server.kill()
            with store.database.read() as session:
                missing += len(known - set(session.scalars(select(Rating.token))))
            server.start()
            done += 1
        crowd.stop.set()
        voting.join()
    found = tally(store, study.id, crowd.votes)
    store.close()
    return done, missing, found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--raters", type=int, default=200)
    parser.add_argument("--clips", type=int, default=10, help="that each rates")
    parser.add_argument("--think", type=float, default=4.0, help="s, median; 0: none")
    parser.add_argument("--database", choices=["sqlite", "postgres"], help="default: both")
    parser.add_argument("--kills", type=int, default=0, help="instead: kill the server so often")
    options = parser.parse_args()
    bad = 0
    with ExitStack() as stack:
        for kind in (options.database,) if options.database else ("sqlite", "postgres"):
            work = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            (work / "data").mkdir()
            database = f"sqlite:///{work / 'data' / 'study.sqlite'}"
            if kind == "postgres":
                try:
                    database = new_schema(stack.enter_context(postgres_server()))
                except pytest.skip.Exception as reason:
                    print(f"{kind:<9} {reason}")
                    continue
            began = time.monotonic()
            if options.kills:
                kills, missing, found = killed(work / "data", database, options.kills)
                told = f"{kills} kills, {missing} missing after a kill"
            else:
                measured, found = load(work, database, options.raters, options.clips, options.think)
                told, missing = f"{options.raters} raters, think {options.think:g} s: {measured}", 0
            bad += missing + found.lost + found.doubled + found.misassigned + found.invented
            print(f"{kind:<9} {told}; {found}; {time.monotonic() - began:.0f} s", flush=True)
    raise SystemExit(1 if bad else 0)


if __name__ == "__main__":
    main()
