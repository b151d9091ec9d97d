"""What the form of a study gives is a spec, or a sentence."""

from typing import Any

import pytest

from eval.study.storage.labels import CONSENT, RATING_QUESTIONS
from eval.study.storage.spec import Spec
from eval.ui.study.study_form import FormValues, lines_of, plain_values
from lipsync.errors import LipSyncError
from tests.ui.pages import CJK

NAMES = (
    "source", "title", "title_zh", "mode", "methods", "reference", "questions", "ratings", "each", "training",
    "choose", "desync", "languages", "instructions", "instructions_zh", "consent", "consent_zh", "code",
    "comments", "addresses",
)  # fmt: skip


def spec(**changes: Any) -> Spec:
    """Of the form as it opens, with a set, a title and some changes; boxes never unfolded hold None."""
    values: dict[str, Any] = dict.fromkeys(NAMES)
    values |= {"source": "0123456789abcdef", "title": "Heads", "mode": "rating", "methods": ["a", "b"]}
    values |= {"questions": lines_of("rating"), "ratings": 24, "each": 0, "languages": ["en", "zh"]}
    values |= {"addresses": "flag"}
    return Spec.from_dict(plain_values(FormValues(**(values | changes))))


def test_the_form_as_it_opens_is_the_usual_study() -> None:
    made = spec()
    assert made.questions == RATING_QUESTIONS
    assert made.consent == CONSENT
    assert (made.title.en, made.title.zh) == ("Heads", "Heads")
    assert (made.reference, made.completion_code, made.comments) == (None, None, False)
    assert (made.source.set, made.source.methods) == ("0123456789abcdef", ("a", "b"))


def test_what_is_chosen_arrives() -> None:
    made = spec(
        title_zh="头像", mode="pairwise", questions="lips | Whose lips? | 谁的口型？\n\nface|Whose face?",
        ratings=6.0, each=3.0, training=["x/a", "x/b"], languages=["zh"], consent=" Yes. ", code=" C-1 ",
        comments=True, addresses="off", reference="a",
    )  # fmt: skip
    assert [(q.key, q.text.en, q.text.zh) for q in made.questions] == [
        ("lips", "Whose lips?", "谁的口型？"),
        ("face", "Whose face?", "Whose face?"),
    ]
    assert (made.mode, made.ratings_per_stimulus, made.stimuli_per_rater) == ("pairwise", 6, 3)
    assert (made.training, made.languages, made.consent.zh) == (("x/a", "x/b"), ("zh",), "Yes.")
    assert (made.completion_code, made.comments, made.addresses) == ("C-1", True, "off")
    assert (made.title.zh, made.reference) == ("头像", "a")
    assert spec(choose=[2, 4], desync=1).catch.choose == (2, 4)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"source": None}, "Choose a comparison set"),
        ({"methods": []}, "Choose at least one method"),
        ({"title": "  "}, "no title"),
        ({"questions": "How good is it?"}, "this line is not: How good is it\\?"),
        ({"questions": "a | b | c | d"}, "this line is not"),
        ({"title": "<b>Heads</b>"}, "plain text"),
        ({"ratings": 0}, "ratings_per_stimulus"),
        ({"ratings": None}, "ratings_per_stimulus"),
        ({"languages": []}, "at least one language"),
        ({"mode": "pairwise", "questions": "a | b", "choose": [2]}, "leave them out"),
    ],
)
def test_what_cannot_be_is_said_in_both_languages(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(LipSyncError, match=sentence) as caught:
        spec(**changes)
    assert CJK.search(caught.value.message.text("zh"))
