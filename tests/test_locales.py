"""Nothing a person reads is missing in a language, left unused, or given other fields than its text has."""

import argparse
import ast
import json
import pickle
import re
import string
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import eval.cli
import lipsync.cli
from lipsync import texts
from lipsync.errors import ConfigError, MediaError
from lipsync.texts import Message, load, messages_in, with_messages
from lipsync.ui import languages

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = [path for package in ("lipsync", "eval") for path in sorted((ROOT / package).rglob("locales"))]
CATALOGUE = load(FOLDERS)
ENGLISH = CATALOGUE["en"]
SOURCES = [ROOT / "app.py"] + [
    path for folder in ("lipsync", "eval", "spaces_config") for path in sorted((ROOT / folder).rglob("*.py"))
]
SUITES = sorted((ROOT / "eval" / "batch" / "suites").glob("*.toml"))
PAPERS = sorted((ROOT / "eval" / "published" / "tables").glob("*.json"))
CJK = re.compile(r"[\u3400-\u9fff]")
ERRORS = {
    "LipSyncError", "MediaError", "FaceError", "ArtefactError", "ConfigError", "StudyError", "Cancelled",
    "SourceError", "NoSuchFile", "MessageError", "MissingInput", "_Fault",
}  # fmt: skip
CALLS = ERRORS | {"Message", "localized", "by_language", "for_terminal"}
LABELS = {"label", "heading"}
SAME = {"compare.megabytes", "job.bytes", "settings.type.boolean", "sets.size"}  # units and words of a file


def forms(text: texts.Text) -> list[str]:
    return [text] if isinstance(text, str) else list(text.values())


def fields(text: texts.Text) -> set[str]:
    """Names of fields with their formats, so that both languages print a number alike."""
    parsed = (part for form in forms(text) for part in string.Formatter().parse(form))
    return {f"{name}!{conversion or ''}:{spec}" for _, name, spec, conversion in parsed if name}


def names(text: texts.Text) -> set[str]:
    return {field.split("!")[0] for field in fields(text)}


def calls() -> Iterator[tuple[str, ast.Call, str]]:
    """Calls whose first argument is the key of a text: where, the call and its function's name."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                name = getattr(node.func, "id", "") or getattr(node.func, "attr", "")
                if name in CALLS | LABELS and isinstance(node.args[0], ast.Constant):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node, name


def constants() -> tuple[set[str], tuple[str, ...]]:
    """All strings in the code, and the beginnings of those put together from parts."""
    whole, begun = set(), set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                whole.add(node.value)
            if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                begun.add(node.values[0].value)
    for path in (*PAPERS, *SUITES):
        whole |= set(re.findall(r'"([a-z_]+\.[\w.]+)"', path.read_text(encoding="utf-8")))
    for path in (ROOT / "assets" / "js").glob("*.js"):
        source = path.read_text(encoding="utf-8")
        whole |= set(re.findall(r'"([a-z]+\.[\w.]+)"', source))
        begun |= set(re.findall(r"`([a-z]+\.[\w.]*)\$", source)) | set(re.findall(r'"([a-z]+\.)"', source))
    return whole, tuple(start for start in begun if re.fullmatch(r"[a-z_0-9]+\.[\w.]*", start))


@pytest.mark.parametrize("language", [language for language in CATALOGUE if language != "en"])
def test_a_language_has_the_texts_of_english_with_the_same_fields(language: str) -> None:
    other = CATALOGUE[language]
    assert ENGLISH.keys() == other.keys()
    for key, text in ENGLISH.items():
        # The singular may say "one" in place of the number.
        assert fields(text) - {"count!:"} == fields(other[key]) - {"count!:"}, key


@pytest.mark.parametrize("path", [path for folder in FOLDERS for path in sorted(folder.glob("*.json"))],
                         ids=lambda path: f"{path.parts[-3]}-{path.stem}")  # fmt: skip
def test_the_texts_are_in_order_and_those_of_a_method_bear_its_name(path: Path) -> None:
    found = list(json.loads(path.read_text(encoding="utf-8")))
    assert found == sorted(found)
    if path.parts[-4] == "methods":
        assert {key.partition(".")[0] for key in found} == {path.parts[-3]}


def test_chinese_is_chinese_and_english_is_english() -> None:
    for key, text in CATALOGUE["zh"].items():
        for form in forms(text):
            assert CJK.search(form) or not re.search("[A-Za-z]", re.sub(r"{.*?}", "", form)) or key in SAME, (
                key
            )
    for key, text in ENGLISH.items():
        for form in forms(text):
            assert form.strip(), key
            assert not CJK.search(form), key


def test_chinese_has_full_width_punctuation() -> None:
    wrong = re.compile(r"[\u3400-\u9fff][,;:!?(]|(?<!hub)[,;:!?)][\u3400-\u9fff]")
    assert [key for key, text in CATALOGUE["zh"].items() if any(map(wrong.search, forms(text)))] == []


def test_plurals_have_both_forms_and_a_count() -> None:
    plural = {key: text for key, text in ENGLISH.items() if not isinstance(text, str)}
    assert len(plural) > 10
    for key, text in plural.items():
        assert text.keys() == {"one", "other"}, key
    assert not [key for key, text in ENGLISH.items() if any("(s)" in form for form in forms(text))]


def test_every_key_in_the_code_has_a_text_and_is_given_its_fields() -> None:
    found = list(calls())
    assert len(found) > 500
    for where, call, name in found:
        key = call.args[0].value  # type: ignore[attr-defined]
        if not isinstance(key, str) or (name in LABELS and "." not in key):
            continue
        assert key in ENGLISH, where
        given = {keyword.arg for keyword in call.keywords}
        if name not in LABELS and None not in given:
            wanted = names(ENGLISH[key]) | ({"count"} if isinstance(ENGLISH[key], dict) else set())
            assert given == wanted, (where, key)


def test_every_text_is_used() -> None:
    whole, begun = constants()
    left = [key for key in ENGLISH if not key.startswith(begun)]
    assert [key for key in left if not {key, key.removesuffix(".how")} & whole] == []


def test_cards_stages_and_command_lines_name_keys() -> None:
    found = [
        (f"{path.relative_to(ROOT)}:{node.lineno}", node.value.value)
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.keyword) and node.arg in ("summary", "help", "description", "epilog")
        and isinstance(node.value, ast.Constant) and path.parent.name != "spaces_config"
    ]  # fmt: skip
    assert len(found) > 10
    assert [(where, key) for where, key in found if key not in ENGLISH] == []


def test_the_tables_of_the_papers_have_their_texts() -> None:
    found = {key for path in PAPERS for key in re.findall(r'"(published\.[\w.]+)"', path.read_text("utf-8"))}
    assert len(found) > 20
    assert found <= ENGLISH.keys()
    assert not [
        path.name
        for path in PAPERS
        if CJK.search(json.dumps(json.loads(path.read_text("utf-8"))["tables"], ensure_ascii=False))
    ]


def test_no_text_stands_in_the_code_in_chinese() -> None:
    """Beside what goes into a study, whose texts are kept in its specification."""
    left = {"eval/cli/study.py", "eval/study/storage/labels.py", "eval/ui/study/study_form.py"}
    found = {str(path.relative_to(ROOT)) for path in SOURCES if CJK.search(path.read_text(encoding="utf-8"))}
    assert found == left


def test_a_language_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "en.json").write_text(
        '{"toy.bear": {"one": "a bear", "other": "{count} bears"}, "toy.x": "x"}'
    )
    (tmp_path / "de.json").write_text('{"toy.bear": {"one": "ein Bär", "other": "{count} Bären"}}', "utf-8")
    found = load([tmp_path])
    assert list(found) == ["en", "de"]
    monkeypatch.setattr(texts, "catalogue", lambda: found)
    monkeypatch.setattr(languages, "catalogue", lambda: found)
    assert texts.languages() == ("en", "de")
    message = Message("toy.bear", count=1)
    assert (message, message.text("de")) == ("a bear", "ein Bär")
    assert Message("toy.bear", count=2).text("de") == "2 Bären"
    assert Message("toy.x").text("de") == "x"
    assert '<span class="de" lang="de">ein Bär</span>' in languages.localized(message)
    assert languages.translations({})["de"] == {}
    assert 'html:not([lang|="de"]) .de' in languages.language_style()


def test_two_packages_may_not_have_the_same_key(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "en.json").write_text('{"x.y": "z"}')
    with pytest.raises(ValueError, match=r"x\.y"):
        load([tmp_path / "a", tmp_path / "b"])


def test_an_error_is_its_english_sentence_and_carries_key_and_parameters() -> None:
    error = MediaError("sound.no_track", name="a.mp4")
    assert str(error) == "a.mp4 has no sound track; choose a file with speech."
    assert error.message.key == "sound.no_track"
    assert error.message.parameters == {"name": "a.mp4"}
    assert error.message.text("zh") == "a.mp4 没有音轨，请选择有语音的文件。"
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is MediaError
    assert again.message.text("zh") == error.message.text("zh")
    assert str(ConfigError("A finished sentence of {somebody}.")) == "A finished sentence of {somebody}."


def test_messages_nest() -> None:
    inner = ConfigError("sound.no_track", name="a.mp4")
    outer = Message("auto.cannot_load", method="x", problem=inner.message.clause)
    assert outer == "x cannot be loaded (a.mp4 has no sound track; choose a file with speech)"
    assert outer.text("zh") == "无法载入 x（a.mp4 没有音轨，请选择有语音的文件）"
    both = Message("auto.unavailable", count=2, reasons=[outer, outer])
    assert both.startswith("Better ")
    assert both.text("zh").count("无法载入 x") == 2
    assert "；" in both.text("zh")
    renamed = outer.with_names({"a.mp4": "b.mp4"})
    assert renamed == outer.replace("a.mp4", "b.mp4")
    assert "b.mp4 没有音轨" in renamed.text("zh")
    assert Message("a.mp4 is odd.").with_names({"a.mp4": "b.mp4"}) == "b.mp4 is odd."


def test_stored_messages_come_back() -> None:
    inner = Message("sound.no_track", name="a.mp4").clause
    kept = {"notes": [Message("auto.cannot_load", method="x", problem=inner)], "n": 1, "old": "A sentence."}
    text = json.dumps({**kept, "messages": messages_in(kept)})
    found = json.loads(text)
    assert found["notes"] == kept["notes"]
    restored = with_messages(found, found["messages"])
    assert restored["notes"][0].text("zh") == "无法载入 x（a.mp4 没有音轨，请选择有语音的文件）"
    assert not isinstance(restored["old"], Message)
    foreign = {"A": {"key": "sound.no_track", "parameters": {}, "clause": False}, "B": 3}
    assert with_messages(["A", "B"], foreign) == ["A", "B"]
    forged = {"A": {"key": "sound.no_track", "parameters": {"name": "b"}, "clause": False}}
    assert not isinstance(with_messages("A", forged), Message)


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "zh_TW"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LIPSYNC_LANGUAGE": "en"}, "en"),
        ({"LIPSYNC_LANGUAGE": "zh"}, "zh"),
        ({"LANG": "fr_FR"}, "en"),
        ({"LC_ALL": ""}, "en"),
    ],
)
def test_the_command_line_speaks_the_language_of_the_locale(
    environment: dict[str, str], language: str
) -> None:
    assert texts.terminal_language(environment) == language


def helps(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    """All that ``--help`` of a command line and its commands says of itself: where, and the text."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from (
                (f"{parser.prog} {entry.dest}", entry.help or "") for entry in action._choices_actions
            )
            for command in action.choices.values():
                yield from helps(command)
        elif not isinstance(action, argparse._HelpAction) and action.help is not None:
            yield f"{parser.prog} {action.dest}", action.help
    yield from ((parser.prog, text) for text in (parser.description, parser.epilog) if text)


@pytest.mark.parametrize("main", [lipsync.cli.main, eval.cli.main], ids=["lipsync", "eval"])
def test_help_is_in_the_language_of_the_terminal(
    main: Callable[[list[str]], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[argparse.ArgumentParser] = []
    monkeypatch.setattr(
        argparse.ArgumentParser, "parse_args", lambda self, _: made.append(self) or sys.exit()
    )
    for language in ("en", "zh"):
        monkeypatch.setenv("LIPSYNC_LANGUAGE", language)
        with pytest.raises(SystemExit):
            main([])
    english, chinese = (dict(helps(parser)) for parser in made)
    assert english.keys() == chinese.keys()
    assert len(english) > 70
    assert not [where for where, text in chinese.items() if not CJK.search(text)]
    example = " create"  # of a study in two languages
    assert not [where for where, text in english.items() if CJK.search(text) and example not in where]
