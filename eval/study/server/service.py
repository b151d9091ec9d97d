"""The requests a rater's browser can make. Every request is checked here, whoever makes it.

The way of a rater: :meth:`Service.open` shows the study (nothing is stored), :meth:`Service.consent`
makes a rater of the reader, :meth:`Service.next` hands out the first clip, :meth:`Service.rate` takes the
marks and hands out the next one, :meth:`Service.finish` gives the completion code.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from eval.study.server.rate_limits import Limit
from eval.study.server.rater_session import RaterSession, has_room, turned
from eval.study.server.secret import (
    address_fingerprint,
    code_fingerprint,
    fingerprint,
    new_code,
    new_session,
    rater_of,
)
from eval.study.server.views import Completion, Deleted, Started, StudyView, TrialView
from eval.study.storage.design import Design, load_design
from eval.study.storage.models import CLOSED, DRAFT, OPEN, Rater, Rating, Study, Trial
from eval.study.storage.spec import Spec
from eval.study.storage.store import Store, find
from eval.study.storage.values import plain_text
from lipsync.errors import StudyError
from lipsync.texts import Message

TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")
SUBMISSION = re.compile(r"[A-Za-z0-9_-]{8,64}")
EARLY = 0.1  # s by which a browser's player may be through before the file's own length
COMMENT = 2000  # characters

GONE = Message("session.ended")


class Service:
    """The requests of raters. Thread-safe.

    Args:
        store: the studies.
        clock: seconds since 1970; tests pass their own.
        newcomers: raters that one address may make in a minute.
        requests: requests of one session in a minute.

    Every verb raises :class:`lipsync.errors.StudyError` with one sentence, and stores nothing, when it is
    asked for something that cannot be: an unknown or closed study, an old or forged session, a trial of
    someone else, marks that are not possible, marks before the clip can have been played.

    A rater has one session, the newest. One that was replaced by it is refused with ``session.elsewhere``, so
    that its holder knows to open the study again; any other that is not known, with ``session.ended``.
    """

    def __init__(
        self,
        store: Store,
        clock: Callable[[], float] = time.time,
        newcomers: int = 120,
        requests: int = 300,
    ) -> None:
        self.store = store
        self._clock = clock
        self._newcomers = Limit(newcomers, 60.0, clock)
        self._requests = Limit(requests, 60.0, clock)
        self._wrong = Limit(20, 60.0, clock)  # codes that do not exist
        self._designs: dict[str, Design] = {}
        self._screening = threading.Lock()  # one newcomer finds out for all who ask meanwhile

    def open(self, link: str, code: str = "", address: str | None = None) -> StudyView:
        """The study behind a link; with the rater code, the way back into it.

        Args:
            link: token of the link.
            code: rater code that the browser kept; "": someone new. A code that is not known here (any
                more) counts as none.
            address: where the request comes from, for rate limits.
        """
        state, session, completion = "new", "", ""
        with self.store.database.read() as db:
            study = find(db, _token(link), by_link=True)
            design = self._design(db, study)
        if code:
            self._wrong.check(address)
            with self.store.database.write() as db:
                study = find(db, link, lock=True, by_link=True)
                rater = _by_code(db, code, study)
                if rater is None:
                    self._wrong.count(address)
                else:
                    session, completion = new_session(rater.name), rater.completion or ""
                    state = "going" if rater.done is None else "finished"
                    if state == "going":
                        _check_open(study)
                    rater.session, rater.seen = fingerprint(session), self._clock()
        if state == "new":
            if code and study.state == CLOSED:  # nobody new is let in, so a slip of the pen is said
                raise StudyError("study.no_data")
            _check_open(study)
        spec = design.spec
        return StudyView(
            title=spec.title,
            instructions=spec.instructions,
            consent=spec.consent,
            languages=spec.languages,
            mode=spec.mode,
            questions=spec.questions,
            comments=spec.comments,
            clips=design.total,
            minutes=max(1, round(design.length / 60)),
            state=state,
            session=session,
            completion=completion,
            arena=_is_arena(study),
        )

    def consent(self, link: str, language: str = "en", address: str | None = None) -> Started:
        """Take part: create a rater, and store the first data about them."""
        self._newcomers.take(address)
        started = self._admit(link, language, address)
        if started is None:
            # Who fails the screening makes room. To find out takes long, so others may vote meanwhile.
            with self._screening, self.store.database.read() as db:
                out = self.store.screened_out(db, find(db, link, by_link=True).id)
            started = self._admit(link, language, address, out)
        if started is None:
            raise StudyError("study.full")
        return started

    def next(self, session: str) -> TrialView:
        """The trial to be rated now; the same one until it is rated."""
        with self._rater_session(session) as rater_session:
            return rater_session.show(rater_session.rated)

    def rate(self, session: str, trial: str, marks: Mapping[str, int], token: str) -> TrialView:
        """Store the marks of a trial, and show the one after it.

        Args:
            session: from :meth:`consent` or :meth:`open`.
            trial: the current one, or an earlier one whose marks change.
            marks: a mark for every question: 1-5; in pairwise mode 0 no difference, 1 left, 2 right.
            token: 8-64 letters, digits, - and _, made by the browser for this submission; the same one
                sent again stores nothing again and answers the same.
        """
        if not isinstance(token, str) or not SUBMISSION.fullmatch(token):
            raise StudyError("session.no_token")
        with self._rater_session(session) as rater_session:
            given = rater_session.named(trial)
            sent = select(Rating.id).where(Rating.trial_id == given.id, Rating.token == token).limit(1)
            if given.rated is None or rater_session.db.scalar(sent) is None:
                _store(rater_session, given, marks, token)
            return rater_session.show(given.position + 1)

    def back(self, session: str, trial: str = "") -> TrialView:
        """The trial before this one, with its marks; before the end ("") is the last one."""
        with self._rater_session(session) as rater_session:
            position = rater_session.named(trial).position if trial else len(rater_session.trials)
            if position == 0:
                raise StudyError("session.first_clip")
            return rater_session.show(position - 1)

    def finish(self, session: str, comment: str = "") -> Completion:
        """End the session after the last trial; repeating the request gives the same answer."""
        with self._rater_session(session, closed=True) as rater_session:
            rater, spec = rater_session.rater, rater_session.design.spec
            if rater_session.rated < rater_session.design.total:
                raise StudyError("session.clips_left", count=rater_session.design.total - rater_session.rated)
            if rater.done is None:
                text = plain_text(comment, "The remark", COMMENT)
                rater.comment = text if text and spec.comments else None
                rater.completion = spec.completion_code or new_code()
                rater.done = rater_session.now
            return Completion(rater.completion or "")

    def delete(self, code: str, address: str | None = None) -> Deleted:
        """Remove a rater and all their marks."""
        self._wrong.check(address)
        with self.store.database.write() as db:
            rater = _by_code(db, code)
            if rater is None:
                self._wrong.count(address)
                raise StudyError("study.no_data")
            find(db, rater.study_id, lock=True)
            db.delete(rater)
        return Deleted()

    def _admit(
        self, link: str, language: str, address: str | None, screened_out: Collection[str] = ()
    ) -> Started | None:
        """A new rater; None where the study needs nobody, the raters screened out left aside."""
        code, name, now = new_code(), secrets.token_hex(6), self._clock()
        session = new_session(name)
        with self.store.database.write() as db:
            study = find(db, _token(link), lock=True, by_link=True)
            _check_open(study)
            design = self._design(db, study)
            if language not in design.spec.languages:
                raise StudyError("study.no_language")
            if not _is_arena(study) and not has_room(db, study, design, now, screened_out):
                return None
            number = db.scalar(select(func.count()).where(Rater.study_id == study.id)) or 0
            db.add(
                Rater(
                    study_id=study.id,
                    name=name,
                    code=code_fingerprint(code),
                    session=fingerprint(session),
                    address=_address(db, study, design, address),
                    language=language,
                    number=number,
                    seed=secrets.randbits(31),
                    began=now,
                    seen=now,
                )
            )
        return Started(code, session)

    def _design(self, db: Session, study: Study) -> Design:
        if study.id not in self._designs:
            self._designs[study.id] = load_design(db, study)
        return self._designs[study.id]

    @contextmanager
    def _rater_session(self, session: str, closed: bool = False) -> Iterator[RaterSession]:
        """One request from the holder of this session.

        Args:
            session: its token.
            closed: also when the study is closed.
        """
        mark = fingerprint(_token(session, GONE))
        self._requests.take(mark)
        # Locking both rows reads both anew after other requests of this study, for which it may wait.
        query = select(Study, Rater).join(Rater).where(Rater.session == mark).with_for_update()
        with self.store.database.write() as db:
            found = db.execute(query).one_or_none()
            if found is None:
                raise StudyError("session.elsewhere" if _superseded(db, session) else GONE)
            study, rater = found
            if not closed:
                _check_open(study)
            rater.seen = now = self._clock()
            out = self.store.known_out(study.id)
            yield RaterSession(db, study, rater, self._design(db, study), now, out)


def _superseded(db: Session, session: str) -> bool:
    """Whether a session that is not known was one of a rater who has another one now."""
    named = select(Rater.id).where(Rater.name == rater_of(session), Rater.session.is_not(None))
    return db.scalar(named.limit(1)) is not None


def _store(rater_session: RaterSession, trial: Trial, marks: object, token: str) -> None:
    """Append the marks of a trial."""
    if rater_session.rater.done is not None:
        raise StudyError("session.finished")
    checked = _marks(rater_session.design, marks)
    left = trial.handed + rater_session.seconds(trial) - EARLY - rater_session.now
    if trial.rated is None and left > 0:
        raise StudyError("session.play_to_end", seconds=left)
    rows = [
        {
            "trial_id": trial.id,
            "token": token,
            "question": key,
            "mark": turned(mark, trial),
            "at": rater_session.now,
        }
        for key, mark in checked.items()
    ]
    rater_session.db.execute(insert(Rating), rows)
    trial.rated = trial.rated or rater_session.now


def _token(value: object, otherwise: str = Message("study.missing")) -> str:
    if not isinstance(value, str) or not TOKEN.fullmatch(value):
        raise StudyError(otherwise)
    return value


def _check_open(study: Study) -> None:
    if study.state == DRAFT:
        raise StudyError("study.not_begun")
    if study.state != OPEN:
        raise StudyError("study.closed")


def _is_arena(study: Study) -> bool:
    """Whether visitors of the leaderboard vote in it, which the owner may change while the study is open."""
    return Spec.from_dict(study.spec).arena


def _by_code(db: Session, code: object, study: Study | None = None) -> Rater | None:
    if not isinstance(code, str) or len(code) > 64:
        return None
    query = select(Rater).where(Rater.code == code_fingerprint(code))
    return db.scalar(query if study is None else query.where(Rater.study_id == study.id))


def _marks(design: Design, marks: object) -> dict[str, int]:
    questions = {question.key: question for question in design.spec.questions}
    if not isinstance(marks, Mapping) or set(marks) != set(questions):
        raise StudyError("session.each_question")
    return {key: question.check(marks[key]) for key, question in questions.items()}


def _address(db: Session, study: Study, design: Design, address: str | None) -> str | None:
    if design.spec.addresses == "off" or not address or not study.salt:
        return None
    mark = address_fingerprint(address, study.salt)
    if design.spec.addresses == "refuse" and db.scalar(
        select(Rater.id).where(Rater.study_id == study.id, Rater.address == mark).limit(1)
    ):
        raise StudyError("study.one_each")
    return mark
