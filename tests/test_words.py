"""Names in the code are the field's words: none of the private ones that DESIGN's table replaced."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Parts of names: of `freeze_listener` that are "freeze" and "listener".
PRIVATE = frozenset(
    [
        *("hear", "hears", "heard", "hearing", "ear", "ears", "listen", "listens", "listening", "listener"),
        *("told", "tell", "tells", "telling", "say", "says", "said", "spoke", "judge", "judges", "judged"),
        *("errand", "errands", "sheet", "stills", "swapped", "shrunk", "worth"),
    ]
)
WHOLE = frozenset(
    {"look_at", "moves", "wide", "seen", "reach"}
)  # as whole names; as parts they are plain words
# Names that stay, by package, each with its reason.
STAY = {
    "lipsync": {
        "hear": "Live.hear: the first name of Live.push, which programs may call",
        "listener": "a training stage with its files and settings: users' commands and checkpoints name it",
        "freeze_listener": "a setting of such runs",
        "load_listener": "reads that stage's file",
        "train_listener": "the module of that stage",
        "Listener": "the module whose weights are saved under `listener`",
        "ListenerConfig": "the settings of that stage",
        "ListenerStage": "that stage",
        "tell": "of Python's files",
        "contact_sheet": "the field's word",
        "_listen": "Gradio's word for attaching handlers",
    },
    "eval": {
        "tell": "of Python's files",
        "contact_sheet": "the field's word",
        "_listen": "Gradio's word for attaching handlers",
        "listen": "the same, of the parts of a page",
        "sheet": "a contact sheet, and a table as it is printed",
        "_sheet": "the same",
        "on_sheet": "the same",
        "Sheet": "a table as it is printed",
        "swapped": "a column of stored studies: the two videos of a pair changed sides",
        "shrunk": "the statistics' word: estimates drawn towards their mean",
        "_shrunk_bias": "the same",
        "_shrunk_variance": "the same",
        "seen": "a plain word here",
        "SEEN": "the same",
        "reach": "a plain word here",
        "wide": "a plain word here",
    },
}


def names(path: Path) -> set[str]:
    """What a module binds: functions, classes, arguments, variables, attributes, imports, keywords."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.arg | ast.keyword):
            found.add(node.arg or "")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.ImportFrom):
            found |= set((node.module or "").split(".")) | {
                alias.asname or alias.name for alias in node.names
            }
    return found


def is_private(name: str) -> bool:
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
    return name.strip("_").lower() in WHOLE or any(word.lower() in PRIVATE for word in words)


def private_names(package: str) -> Counter[str]:
    """Names of a package that hold a private word, and in how many modules each stands."""
    return Counter(
        name for path in (ROOT / package).rglob("*.py") for name in names(path) if is_private(name)
    )


@pytest.mark.parametrize(
    "name", ["heard", "_told", "HeardSpeech", "look_at", "freeze_listener", "errands", "moves"]
)
def test_private_words_are_found_in_names(name: str) -> None:
    assert is_private(name)


@pytest.mark.parametrize(
    "name", ["learning_rate", "early", "sayings", "moves_on", "wide_mouth_fraction", "clear"]
)
def test_words_that_only_look_alike_are_not(name: str) -> None:
    assert not is_private(name)


@pytest.mark.parametrize("package", STAY)
def test_names_are_the_fields_words(package: str) -> None:
    assert set(STAY[package]) == set(private_names(package))


def test_a_class_name_means_one_thing() -> None:
    where = defaultdict(list)
    for package in STAY:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef):
                    where[node.name].append(str(path.relative_to(ROOT)))
    assert {name: paths for name, paths in where.items() if len(paths) > 1} == {}
