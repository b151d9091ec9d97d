"""Raters over HTTP, many at once: what they sent, what was acknowledged, and how long it took."""

from __future__ import annotations

import csv
import http.client
import io
import json
import random
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eval.study.storage.csv_import_export import export_csv
from eval.study.storage.store import Store

QUESTIONS = ("sync", "quality", "overall")


class Refused(Exception):
    """The API answered with a sentence."""


class Line:
    """One connection to the API, which is opened again when it breaks."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection: http.client.HTTPConnection | None = None

    def ask(self, verb: str, *values: Any) -> Any:
        """The answer of a verb.

        Raises:
            Refused: it said why not.
            OSError, http.client.HTTPException: the line broke, before or after the server did its work.
        """
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            body = json.dumps({"data": values, "session_hash": "study"})
            self._connection.request(
                "POST", f"/gradio_api/run/{verb}", body, {"Content-Type": "application/json"}
            )
            answer = self._connection.getresponse()
            content = json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError):
            self._connection.close()
            self._connection = None
            raise
        if answer.status != 200:
            raise Refused(content["error"])
        return content["data"][0]

    def insist(self, verb: str, *values: Any) -> Any:
        """The answer, asked for until the line is back: as the page does it."""
        while True:
            try:
                return self.ask(verb, *values)
            except (OSError, http.client.HTTPException, ValueError):
                time.sleep(0.05)


@dataclass(frozen=True)
class Vote:
    """One submission as its sender remembers it."""

    rater: int
    trial: str
    token: str
    marks: dict[str, int]
    media: str


@dataclass
class Crowd:
    """Raters who vote at once, each on a thread and a connection of their own.

    Attributes:
        votes: what the server acknowledged, in each rater's order.
        seconds: how long each of these took.
    """

    port: int
    link: str
    votes: list[Vote] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    took: float = 0.0

    def run(self, raters: int, again: float = 0.0, most: int = 10_000) -> Crowd:
        """Let them vote until each is through; returns when all are.

        Args:
            raters: how many at once.
            again: share of submissions that are sent twice, and of clips whose marks are changed later.
            most: votes of one rater after which they leave.
        """
        threads = [
            threading.Thread(target=self._guarded, args=(number, again, most)) for number in range(raters)
        ]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.took = time.perf_counter() - began
        if self.failures:
            raise self.failures[0]
        return self

    def summary(self) -> str:
        """Votes per second and how long one took."""
        p50, p95 = np.percentile(self.seconds, [50, 95]) * 1000
        return f"{len(self.votes) / self.took:.0f} votes/s, p50 {p50:.0f} ms, p95 {p95:.0f} ms"

    def _guarded(self, number: int, again: float, most: int) -> None:
        try:
            self._vote(number, again, most)
        except BaseException as problem:
            self.failures.append(problem)

    def _vote(self, number: int, again: float, most: int) -> None:
        rng = random.Random(number)
        line = Line(self.port)
        session = line.insist("study_consent", self.link, rng.choice(("en", "zh")))["session"]
        view = line.insist("study_next", session)
        while view["stage"] != "end" and most and not self.stop.is_set():
            most -= 1
            time.sleep(view["wait"])
            following = self._send(line, rng, number, session, view)
            if rng.random() < again:
                self._repeat(line, session)
            if rng.random() < again:
                before = line.insist("study_back", session, following["trial"])
                following = self._send(line, rng, number, session, before)
            view = following
        if view["stage"] == "end":
            line.insist("study_finish", session, "")

    def _send(self, line: Line, rng: random.Random, number: int, session: str, view: dict) -> dict:
        marks = {key: rng.randint(1, 5) for key in QUESTIONS}
        token = uuid.uuid4().hex
        began = time.perf_counter()
        following = line.insist("study_rate", session, view["trial"], marks, token)
        self.seconds.append(time.perf_counter() - began)
        self.votes.append(Vote(number, view["trial"], token, marks, view["media"][0].rpartition("/")[2]))
        return following

    def _repeat(self, line: Line, session: str) -> None:
        """What a nervous finger or a lost answer does: the same submission once more."""
        last = self.votes[-1]
        try:
            line.insist("study_rate", session, last.trial, last.marks, last.token)
        except Refused as refusal:
            # Another rater's vote may have come last; a stranger's session is refused it.
            if "not handed to you" not in str(refusal):
                raise


def check(store: Store, study_id: str, votes: Sequence[Vote], finished: bool = True) -> None:
    """Nothing acknowledged is lost, doubled or given to another rater or clip.

    Args:
        store: what the server wrote to.
        study_id: of the study.
        votes: acknowledged submissions.
        finished: nothing else was sent; else what is there may be more, of answers that got lost.
    """
    stored: dict[tuple[str, str], dict[str, int]] = {}
    for row in csv.DictReader(io.StringIO(export_csv(store, study_id))):
        marks = stored.setdefault((row["trial"], row["token"]), {})
        assert row["question"] not in marks, "doubled"
        marks[row["question"]] = int(row["mark"])
    for vote in votes:
        assert stored.get((vote.trial, vote.token)) == vote.marks, "lost or changed"
    trials = store.ratings(study_id).drop_duplicates("trial").set_index("trial")
    names: dict[int, set[str]] = {}
    for vote in votes:
        assert trials.loc[vote.trial, "stimulus"] == vote.media.removesuffix(".mp4"), "another clip"
        names.setdefault(vote.rater, set()).add(trials.loc[vote.trial, "rater"])
    assert all(len(raters) == 1 for raters in names.values()), "another rater"
    assert len(set.union(*names.values())) == len(names), "two raters are one"
    assert not trials.duplicated(["rater", "stimulus"]).any(), "a clip twice"
    if finished:
        assert len(stored) == len({(vote.trial, vote.token) for vote in votes}), "invented"
        last = {vote.trial: vote.marks for vote in votes}
        for trial, rows in store.ratings(study_id).groupby("trial"):
            assert dict(zip(rows["question"], rows["mark"], strict=True)) == last[trial], "not the last one"
