"""The specification of a study, read from YAML and validated before anything is stored."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from eval.study.storage.labels import (
    ACR,
    CONSENT,
    LANGUAGES,
    PAIRWISE_INSTRUCTIONS,
    PAIRWISE_QUESTIONS,
    RATING_INSTRUCTIONS,
    RATING_QUESTIONS,
    SIDES,
    BilingualText,
    Question,
)
from eval.study.storage.values import (
    bilingual_text,
    choice,
    entries,
    flag,
    known,
    mapping,
    name_of,
    names,
    whole,
)
from lipsync.errors import ConfigError

Mode = Literal["rating", "pairwise"]
Addresses = Literal["off", "flag", "refuse"]
KEY = re.compile(r"[a-z][a-z0-9_]{0,31}")
MOST_BYTES = 1_000_000  # of a YAML file
MOST_VALUES = 10_000  # in it, each counted as often as it is repeated by an alias
LARGEST = 2**63  # number in it


@dataclass(frozen=True)
class Source:
    """Where the clips come from: a comparison set of the portal, or a folder ``item/method.mp4``.

    Attributes:
        set: name of the comparison set; None where a folder is given.
        folder: the folder; None where a set is given.
        items, methods: what to take of it; empty: everything.
    """

    set: str | None = None
    folder: Path | None = None
    items: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()


@dataclass(frozen=True)
class Catch:
    """Catch clips, which detect inattentive raters.

    Attributes:
        choose: marks that clips with a text ask for, one clip for each.
        desync: number of clips of the reference whose sound is exchanged for another's; a sync mark above
            2 fails.
    """

    choose: tuple[int, ...] = ()
    desync: int = 0


@dataclass(frozen=True)
class Spec:
    """The specification of a study.

    Attributes:
        title, instructions, consent: what a rater reads; plain text, blank lines separate paragraphs.
        source: where the clips come from.
        mode: one clip at a time with marks 1-5, or two of the same item side by side.
        languages: the rater may choose among, of "en" and "zh".
        questions: asked about every clip; default: sync, quality, overall with the ACR labels.
        reference: the method that is the real video, rated like the others without being named (hidden
            reference); None: there is none.
        training: clips shown first to practise on, not counted: "item/method" of the source, or files.
        catch: clips that find out who does not look.
        ratings_per_stimulus: marks wanted for every clip (pair), of raters who pass the screening; then
            nobody new is let in.
        stimuli_per_rater: clips (pairs) each rater gets, without training and catch; 0: all.
        completion_code: what a crowd platform wants to see at the end; None: a random one for each rater.
        addresses: "off": nothing of a rater's address is kept; "flag": a keyed hash of it, so that raters
            behind one address are shown; "refuse": a second rater from one address is turned away.
        comments: ask for a remark at the end.
        reservation: seconds after a rater's last sign of life during which their place is kept, and the clip
            handed out counts as being rated; None: as :attr:`eval.study.storage.design.Design.reservation`
            has it.
        leaderboard: it stands on the leaderboard: pairs while people vote, and whoever comes by may, ratings
            once the study is closed.
        suite: the suite of a benchmark whose clips these are, for the leaderboard; None: of none.
    """

    title: BilingualText
    source: Source
    mode: Mode = "rating"
    languages: tuple[str, ...] = LANGUAGES
    instructions: BilingualText = RATING_INSTRUCTIONS
    consent: BilingualText = CONSENT
    questions: tuple[Question, ...] = RATING_QUESTIONS
    reference: str | None = None
    training: tuple[str, ...] = ()
    catch: Catch = field(default_factory=Catch)
    ratings_per_stimulus: int = 24
    stimuli_per_rater: int = 0
    completion_code: str | None = None
    addresses: Addresses = "flag"
    comments: bool = False
    reservation: float | None = None
    leaderboard: bool = False
    suite: str | None = None

    @property
    def arena(self) -> bool:
        """Whether visitors of the leaderboard vote here while the study is open."""
        return self.leaderboard and self.mode == "pairwise"

    def question(self, key: object) -> Question:
        """The question of that key.

        Raises:
            ConfigError: there is none.
        """
        for question in self.questions:
            if question.key == key:
                return question
        raise ConfigError("spec.no_question")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as :meth:`from_dict` takes them."""
        plain = dataclasses.asdict(self)
        plain["source"] = {
            key: str(value) if isinstance(value, Path) else value
            for key, value in plain["source"].items()
            if value
        }
        return plain

    @classmethod
    def from_dict(cls, values: object, folder: Path = Path()) -> Spec:
        """The spec of plain values, as YAML or JSON gives them.

        Args:
            values: a mapping with the attributes above. A text is a string, or a mapping of "en" and "zh".
            folder: what relative paths start from.

        Raises:
            ConfigError: something lacks, is unknown or not possible; the sentence says what.
        """
        given = mapping(values, "The study")
        known(given, {entry.name for entry in dataclasses.fields(cls)}, "study")
        if "title" not in given:
            raise ConfigError("spec.no_title")
        mode = choice(given.get("mode", "rating"), get_args(Mode), "mode")
        pairwise = mode == "pairwise"
        reserved = given.get("reservation")
        spec = cls(
            title=bilingual_text(given["title"], "title"),
            source=_source(given.get("source"), folder),
            mode=mode,  # type: ignore[arg-type]
            languages=tuple(
                choice(name, LANGUAGES, "languages") for name in entries(given.get("languages", LANGUAGES))
            ),
            instructions=bilingual_text(
                given.get("instructions", PAIRWISE_INSTRUCTIONS if pairwise else RATING_INSTRUCTIONS),
                "instructions",
            ),
            consent=bilingual_text(given.get("consent", CONSENT), "consent"),
            questions=_questions(given.get("questions"), pairwise),
            reference=name_of(given.get("reference"), "reference"),
            training=names(given.get("training"), "training"),
            catch=_catch(given.get("catch")),
            ratings_per_stimulus=whole(given.get("ratings_per_stimulus", 24), 1, "ratings_per_stimulus"),
            stimuli_per_rater=whole(given.get("stimuli_per_rater", 0), 0, "stimuli_per_rater"),
            completion_code=name_of(given.get("completion_code"), "completion_code"),
            addresses=choice(given.get("addresses", "flag"), get_args(Addresses), "addresses"),  # type: ignore[arg-type]
            comments=flag(given.get("comments", False), "comments"),
            reservation=None if reserved is None else float(whole(reserved, 1, "reservation")),
            leaderboard=flag(given.get("leaderboard", False), "leaderboard"),
            suite=name_of(given.get("suite"), "suite"),
        )
        if not spec.languages:
            raise ConfigError("spec.needs_language")
        if pairwise and (spec.catch.choose or spec.catch.desync):
            raise ConfigError("spec.catch_in_pairs")
        return spec


def read_spec(path: Path) -> Spec:
    """The spec in a YAML file; paths in it are relative to its folder.

    Raises:
        ConfigError: it cannot be read, or is not a possible study.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigError("spec.unreadable", path=path, problem=problem) from problem
    if len(text) > MOST_BYTES:
        raise ConfigError("spec.too_large", path=path.name, most=MOST_VALUES)
    try:
        values = yaml.safe_load(text)
    except Exception as problem:  # not only YAMLError: of "!!int ''" it is an IndexError
        raise ConfigError(
            "spec.not_yaml", path=path.name, problem=" ".join(str(problem).split())
        ) from problem
    if not _is_bounded(values):
        raise ConfigError("spec.too_large", path=path.name, most=MOST_VALUES)
    return Spec.from_dict(values, path.parent)


def _is_bounded(values: object) -> bool:
    """Whether it can be written out: aliases make lists of lists that no memory holds, or that never end."""
    waiting, left = [values], MOST_VALUES
    while waiting:
        value = waiting.pop()
        inner: list[Any] = []
        if isinstance(value, dict):
            inner = [*value, *value.values()]
        elif isinstance(value, list | tuple | set):
            inner = [*value]
        elif isinstance(value, int) and abs(value) > LARGEST:
            return False
        left -= len(inner)
        if left < 0:
            return False
        waiting += inner
    return True


def _source(value: object, folder: Path) -> Source:
    if value is None:
        raise ConfigError("spec.no_source")
    given = mapping(value, "source")
    known(given, {"set", "folder", "items", "methods"}, "source")
    if bool(given.get("set")) == bool(given.get("folder")):
        raise ConfigError("spec.one_source")
    return Source(
        set=name_of(given.get("set"), "set"),
        folder=folder / names(given["folder"], "folder")[0] if given.get("folder") else None,
        items=names(given.get("items"), "items"),
        methods=names(given.get("methods"), "methods"),
    )


def _catch(value: object) -> Catch:
    if value is None:
        return Catch()
    given = mapping(value, "catch")
    known(given, {"choose", "desync"}, "catch")
    choose = tuple(whole(mark, 1, "choose") for mark in entries(given.get("choose")))
    if any(mark > 5 for mark in choose):
        raise ConfigError("spec.catch_mark")
    return Catch(choose, whole(given.get("desync", 0), 0, "desync"))


def _questions(value: object, pairwise: bool) -> tuple[Question, ...]:
    defaults = PAIRWISE_QUESTIONS if pairwise else RATING_QUESTIONS
    if value is None:
        return defaults
    questions = tuple(_question(entry, defaults, SIDES if pairwise else ACR) for entry in entries(value))
    if not questions:
        raise ConfigError("spec.needs_question")
    if len({question.key for question in questions}) < len(questions):
        raise ConfigError("spec.same_key")
    return questions


def _question(value: object, defaults: tuple[Question, ...], scale: tuple[BilingualText, ...]) -> Question:
    if isinstance(value, str):
        for question in defaults:
            if question.key == value:
                return question
    given = mapping(value, "A question")
    known(given, {"key", "text", "labels"}, "question")
    key = given.get("key")
    if not isinstance(key, str) or not KEY.fullmatch(key):
        raise ConfigError("spec.question_key", name=key)
    labels = tuple(bilingual_text(label, "label") for label in entries(given.get("labels"))) or scale
    if len(labels) != len(scale):
        raise ConfigError("spec.labels", question=key, count=len(scale))
    return Question(key, bilingual_text(given.get("text"), "question"), labels)
