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
    """One connection to the API, which is opened again when it breaks.

    Args:
        port: of the server on this machine.
        address: where the rater is, as a proxy would say; "": here.
    """

    def __init__(self, port: int, address: str = "") -> None:
        self._port = port
        self._headers = {"X-Forwarded-For": address} if address else {}
        self._connection: http.client.HTTPConnection | None = None

    def ask(self, verb: str, *values: Any) -> Any:
        """The answer of a verb.

        Raises:
            Refused: it said why not.
            OSError, http.client.HTTPException: the line broke, before or after the server did its work.
        """
        body = json.dumps({"data": values, "session_hash": "study"})
        status, answer = self._request("POST", f"/gradio_api/run/{verb}", body)
        content = json.loads(answer)
        if status != 200:
            raise Refused(content["error"])
        return content["data"][0]

    def watch(self, media: str) -> bytes:
        """The clip of that address.

        Raises:
            OSError, http.client.HTTPException: as for :meth:`ask`.
        """
        status, content = self._request("GET", media)
        assert status == 200, f"{media} was answered with {status}"
        return content

    def _request(self, method: str, path: str, body: str | None = None) -> tuple[int, bytes]:
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            self._connection.request(method, path, body, {"Content-Type": "application/json"} | self._headers)
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            self._connection = None
            raise

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
        think: seconds from a clip's end to the vote: the median; 0: none.
        arrive: seconds within which they come, at random.
        watching: they fetch the clips, and each comes from an address of their own, as proxies say it.
        votes: what the server acknowledged, in each rater's order.
        seconds: how long each of these took.
    """

    port: int
    link: str
    think: float = 0.0
    arrive: float = 0.0
    watching: bool = False
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
        p50, p95, longest = np.percentile(self.seconds, [50, 95, 100]) * 1000
        rate = len(self.votes) / self.took
        return f"{rate:.0f} votes/s, p50 {p50:.0f} ms, p95 {p95:.0f} ms, max {longest:.0f} ms"

    def _guarded(self, number: int, again: float, most: int) -> None:
        try:
            self._vote(number, again, most)
        except BaseException as problem:
            self.failures.append(problem)

    def _vote(self, number: int, again: float, most: int) -> None:
        rng = random.Random(number)
        line = Line(self.port, f"10.0.{number // 250}.{number % 250 + 1}" if self.watching else "")
        self.stop.wait(rng.uniform(0, self.arrive))
        session = line.insist("study_consent", self.link, rng.choice(("en", "zh")))["session"]
        view = line.insist("study_next", session)
        while view["stage"] != "end" and most and not self.stop.is_set():
            most -= 1
            if self.watching:
                line.watch(view["media"][0])
            time.sleep(view["wait"])
            if self.think:
                self.stop.wait(self.think * rng.lognormvariate(0, 0.5))
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


@dataclass(frozen=True)
class Tally:
    """Acknowledged votes against what is stored.

    Attributes:
        acknowledged: submissions that were answered.
        lost: of these, not stored as they were sent.
        doubled: marks that are stored twice for one submission and question.
        misassigned: votes stored for another clip than was shown, or under a rater of somebody else, and
            clips that one rater was given twice.
        invented: submissions that are stored and nobody was answered.
    """

    acknowledged: int
    lost: int
    doubled: int
    misassigned: int
    invented: int

    def __str__(self) -> str:
        return (
            f"{self.acknowledged} acknowledged, {self.lost} lost, {self.doubled} doubled, "
            f"{self.misassigned} misassigned"
        )


def tally(store: Store, study_id: str, votes: Sequence[Vote]) -> Tally:
    """What became of the votes, exactly.

    Args:
        store: what the server wrote to.
        study_id: of the study.
        votes: acknowledged submissions.
    """
    stored: dict[tuple[str, str], dict[str, int]] = {}
    owners: dict[str, str] = {}
    doubled = 0
    for row in csv.DictReader(io.StringIO(export_csv(store, study_id))):
        marks = stored.setdefault((row["trial"], row["token"]), {})
        doubled += row["question"] in marks
        marks[row["question"]] = int(row["mark"])
        owners[row["trial"]] = row["rater"]
    clips = store.ratings(study_id).drop_duplicates("trial").set_index("trial")
    shown: dict[int, str] = {}
    misassigned = int(clips.duplicated(["rater", "stimulus"]).sum())
    for vote in votes:
        owner = owners.get(vote.trial, "")
        own = owner == shown.setdefault(vote.rater, owner)
        clip = clips["stimulus"].get(vote.trial, "") == vote.media.removesuffix(".mp4")
        misassigned += owner != "" and not (own and clip)
    misassigned += len(shown) - len(set(shown.values()))  # two raters are one
    lost = sum(stored.get((vote.trial, vote.token)) != vote.marks for vote in votes)
    sent = {(vote.trial, vote.token) for vote in votes}
    return Tally(len(sent), lost, doubled, misassigned, len(stored.keys() - sent))


def check(store: Store, study_id: str, votes: Sequence[Vote], finished: bool = True) -> None:
    """Nothing acknowledged is lost, doubled or given to another rater or clip.

    Args:
        store: what the server wrote to.
        study_id: of the study.
        votes: acknowledged submissions.
        finished: nothing else was sent; else what is there may be more, of answers that got lost.
    """
    found = tally(store, study_id, votes)
    assert (found.lost, found.doubled, found.misassigned) == (0, 0, 0), found
    if finished:
        assert found.invented == 0
        last = {vote.trial: vote.marks for vote in votes}
        for trial, rows in store.ratings(study_id).groupby("trial"):
            assert dict(zip(rows["question"], rows["mark"], strict=True)) == last[trial], "not the last one"
