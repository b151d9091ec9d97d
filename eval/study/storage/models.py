"""The tables of studies. A rating is never changed: a change of mind is a new row, the last one counts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, MetaData, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

# What a clip is to the study; the order in which exports list them.
TRAINING, RATED, REFERENCE, CATCH = KINDS = ("training", "rated", "reference", "catch")
DRAFT, OPEN, CLOSED = STATES = ("draft", "open", "closed")

OWNED = "all, delete-orphan"


class Base(DeclarativeBase):
    """Names of constraints are fixed, so that migrations can refer to them on every database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Study(Base):
    """One study.

    Attributes:
        id: random; names the folder of its clips.
        link: the token of the link that raters get.
        spec: the values of :class:`eval.study.storage.spec.Spec`.
        salt: key of the hashes of addresses; thrown away when the study is closed, so that nobody can
            try addresses afterwards.
        made: seconds since 1970, UTC, as all times here.
    """

    __tablename__ = "study"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    link: Mapped[str] = mapped_column(String(64), unique=True)
    state: Mapped[str] = mapped_column(String(16))
    spec: Mapped[dict[str, Any]] = mapped_column(JSON)
    salt: Mapped[str | None] = mapped_column(String(64))
    made: Mapped[float]

    stimuli: Mapped[list[Stimulus]] = relationship(
        cascade=OWNED, passive_deletes=True, order_by="Stimulus.id"
    )
    raters: Mapped[list[Rater]] = relationship(cascade=OWNED, passive_deletes=True)


class Stimulus(Base):
    """One clip of a study.

    Attributes:
        file: random name in the folder of the study, which is all that a rater sees.
        kind: one of ``KINDS``.
        item: which clip; the same name joins methods. For catch clips, a name of their own.
        method: who made it.
        seconds: how long it plays.
        expected: for each question that must be answered so for the rater to pass, the marks that pass;
            None for clips that are no catch.
    """

    __tablename__ = "stimulus"
    __table_args__ = (UniqueConstraint("study_id", "kind", "item", "method"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[str] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"))
    file: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    item: Mapped[str] = mapped_column(String(200))
    method: Mapped[str] = mapped_column(String(200))
    seconds: Mapped[float]
    expected: Mapped[dict[str, list[int]] | None] = mapped_column(JSON(none_as_null=True))


class Rater(Base):
    """One person in one study.

    Attributes:
        name: random pseudonym, the only name in exports.
        code: SHA-256 of the rater code, which only the rater has: to come back, and to delete the data.
        session: SHA-256 of the open session's token; a new session ends the one before.
        address: keyed hash of the network address, where the study wants it.
        number: how many began before; chooses the row of the Latin square.
        seed: of the order in which this rater sees the clips.
        seen: last sign of life.
        done: when the last clip was rated and the thank-you page shown.
        completion: the code shown at the end.
    """

    __tablename__ = "rater"
    __table_args__ = (
        UniqueConstraint("study_id", "name"),
        Index(None, "study_id", "address"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[str] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(32))
    code: Mapped[str | None] = mapped_column(String(64), unique=True)
    session: Mapped[str | None] = mapped_column(String(64), unique=True)
    address: Mapped[str | None] = mapped_column(String(64))
    language: Mapped[str] = mapped_column(String(8))
    number: Mapped[int]
    seed: Mapped[int]
    began: Mapped[float]
    seen: Mapped[float]
    done: Mapped[float | None]
    completion: Mapped[str | None] = mapped_column(String(200))
    comment: Mapped[str | None] = mapped_column(Text)

    trials: Mapped[list[Trial]] = relationship(cascade=OWNED, passive_deletes=True, order_by="Trial.position")


class Trial(Base):
    """One clip, or one pair, handed to one rater.

    Attributes:
        name: random; what the browser calls it.
        position: from 0, training and catch clips included.
        stimulus_id, other_id: the clip; in pairwise mode the two, the smaller id first.
        swapped: the second one is on the left.
        handed: when it was handed out first.
        rated: when it was rated first; None while it is open.
    """

    __tablename__ = "trial"
    __table_args__ = (
        UniqueConstraint("rater_id", "position"),
        UniqueConstraint("rater_id", "name"),
        Index(None, "stimulus_id", "other_id", "rated"),
        Index(None, "other_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    rater_id: Mapped[int] = mapped_column(ForeignKey("rater.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(32))
    position: Mapped[int]
    stimulus_id: Mapped[int] = mapped_column(ForeignKey("stimulus.id", ondelete="CASCADE"))
    other_id: Mapped[int | None] = mapped_column(ForeignKey("stimulus.id", ondelete="CASCADE"))
    swapped: Mapped[bool] = mapped_column(default=False)
    handed: Mapped[float]
    rated: Mapped[float | None]


class Rating(Base):
    """One mark for one question. Rows are only ever added; the one with the highest id counts.

    Attributes:
        token: what the browser called this submission: the same one sent twice is stored once.
        mark: 1-5; in pairwise mode 0 no difference, 1 ``Trial.stimulus_id`` is better, 2 ``other_id`` is.
        at: when it arrived.
    """

    __tablename__ = "rating"
    __table_args__ = (UniqueConstraint("trial_id", "token", "question"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    trial_id: Mapped[int] = mapped_column(ForeignKey("trial.id", ondelete="CASCADE"))
    token: Mapped[str] = mapped_column(String(64))
    question: Mapped[str] = mapped_column(String(32))
    mark: Mapped[int]
    at: Mapped[float]
