"""What an author may write, and what is said when it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.study.storage.spec import Spec, read_spec
from lipsync.errors import ConfigError

WHOLE = """
title: {en: Lip sync, zh: 唇形同步}
instructions: Look and listen.
languages: [zh, en]
mode: rating
source: {folder: clips, items: [a, 7], methods: [ours, theirs]}
reference: real
training: [a/ours]
questions:
  - sync
  - key: natural
    text: {en: "How natural?", zh: 自然吗？}
  - key: identity
    text: Same person?
    labels: ["no", hardly, maybe, nearly, "yes"]
catch: {choose: [2, 4], desync: 1}
ratings_per_stimulus: 10
stimuli_per_rater: 12
consent: I agree.
completion_code: C-0DE
addresses: off
comments: true
reservation: 300
"""
SMALL = {"title": "t", "source": {"folder": "x"}}


def test_a_whole_spec_is_read(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(WHOLE, encoding="utf-8")
    spec = read_spec(tmp_path / "study.yaml")
    assert (spec.title.en, spec.title.zh) == ("Lip sync", "唇形同步")
    assert spec.instructions.zh == "Look and listen."
    assert spec.languages == ("zh", "en")
    assert spec.source.folder == tmp_path / "clips"
    assert (spec.source.items, spec.source.methods) == (("a", "7"), ("ours", "theirs"))
    assert [question.key for question in spec.questions] == ["sync", "natural", "identity"]
    assert spec.questions[1].labels[4].zh == "很好"
    assert spec.questions[2].labels[4].en == "yes"
    assert (spec.catch.choose, spec.catch.desync) == ((2, 4), 1)
    assert (spec.addresses, spec.comments, spec.completion_code) == ("off", True, "C-0DE")
    assert Spec.from_dict(spec.to_dict()) == spec


def test_defaults_are_the_three_questions_with_the_five_labels_in_both_languages() -> None:
    spec = Spec.from_dict(SMALL)
    assert [question.key for question in spec.questions] == ["sync", "quality", "overall"]
    for question in spec.questions:
        assert [label.en for label in question.labels] == ["bad", "poor", "fair", "good", "excellent"]
        assert [label.zh for label in question.labels] == ["很差", "差", "一般", "好", "很好"]
    assert Spec.from_dict(spec.to_dict()) == spec
    pairwise = Spec.from_dict(SMALL | {"mode": "pairwise"})
    assert [question.marks for question in pairwise.questions] == [(0, 1, 2)]
    assert pairwise.instructions != spec.instructions


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (None, "The study must be"),
        ([], "The study must be"),
        ("title", "The study must be"),
        ({1: 2}, "The study must be"),
        ({"source": {"folder": "x"}}, "no title"),
        ({"title": "t"}, "no source"),
        (SMALL | {"titel": "t"}, "no 'titel'"),
        (SMALL | {"title": ""}, "title has no text"),
        (SMALL | {"title": {"fr": "t"}}, "no 'fr'"),
        (SMALL | {"title": "<b>t</b>"}, "without HTML"),
        (SMALL | {"consent": {"en": "x", "zh": "<script>"}}, "without HTML"),
        (SMALL | {"instructions": "a\x00b"}, "without HTML"),
        (SMALL | {"title": "t" * 9000}, "too long"),
        (SMALL | {"source": "x"}, "source must be"),
        (SMALL | {"source": {}}, "either a comparison set or a folder"),
        (SMALL | {"source": {"folder": "x", "set": "y"}}, "either a comparison set or a folder"),
        (SMALL | {"source": {"folder": "x", "item": "y"}}, "no 'item'"),
        (SMALL | {"mode": "ranking"}, "mode must be one of rating, pairwise"),
        (SMALL | {"languages": ["fr"]}, "languages must be one of en, zh"),
        (SMALL | {"languages": []}, "at least one language"),
        (SMALL | {"questions": []}, "at least one question"),
        (SMALL | {"questions": ["beauty"]}, "A question must be"),
        (SMALL | {"questions": [{"key": "Sync", "text": "?"}]}, "key of a question"),
        (SMALL | {"questions": [{"key": "a", "text": "?"}] * 2}, "the same key"),
        (SMALL | {"questions": [{"key": "a", "text": "?", "labels": ["x"]}]}, "needs 5 labels"),
        (SMALL | {"questions": [{"key": "a"}]}, "question must be text"),
        (SMALL | {"title": 2026}, "title must be text; in YAML, put numbers"),
        (SMALL | {"catch": {"choose": [6]}}, "from 1 to 5"),
        (SMALL | {"catch": {"choose": ["a"]}}, "whole number"),
        (SMALL | {"catch": {"desync": -1}}, "whole number of 0 or more"),
        (SMALL | {"catch": {"choose": [2]}, "mode": "pairwise"}, "a study of pairs does not have"),
        (SMALL | {"ratings_per_stimulus": 0}, "whole number of 1 or more"),
        (SMALL | {"ratings_per_stimulus": True}, "whole number"),
        (SMALL | {"stimuli_per_rater": 1.5}, "whole number"),
        (SMALL | {"stimuli_per_rater": float("nan")}, "whole number"),
        (SMALL | {"comments": "yes"}, "true or false"),
        (SMALL | {"addresses": "keep"}, "addresses must be one of"),
        (SMALL | {"completion_code": "<i>"}, "without HTML"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_in_a_sentence(values: object, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Spec.from_dict(values)


def test_files_that_hold_no_spec(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("title: [")
    (tmp_path / "code.yaml").write_text("!!python/object/apply:os.system ['true']")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "empty.yaml").touch()
    for name in ("broken.yaml", "code.yaml", "binary.yaml", "empty.yaml", "missing.yaml", "."):
        with pytest.raises(ConfigError):
            read_spec(tmp_path / name)


BOMB = "[&a [x,x,x,x,x,x,x,x,x], " + ", ".join(
    f"&{one} [{','.join([f'*{before}'] * 9)}]" for before, one in zip("abcdefgh", "bcdefghi", strict=True)
) + "]"  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        f"mode: {BOMB}", f"training: {BOMB}", f"languages: {BOMB}", "mode: &c [*c]", "catch: &c {a: *c}",
        "mode: 0x" + "f" * 5000, "mode: " + "9" * 5000, "mode: !!int ''", "mode: !!bool x",
        "mode: 2024-99-99", "mode: !!timestamp x", "mode: " + "x" * 100_000,
        'training: ["\\ud800"]', 'training: ["a\\0b"]',
        "training: [" + "x," * 11_000 + "]", "# " + "x" * 2_000_000,
    ],
)  # fmt: skip
def test_a_file_made_to_do_harm_is_one_short_sentence(line: str, tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(f"title: t\nsource: {{folder: x}}\n{line}\n")
    with pytest.raises(ConfigError) as problem:
        read_spec(tmp_path / "study.yaml")
    assert len(str(problem.value)) < 1000
    assert "\n" not in str(problem.value)
