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
        *("errand", "errands", "sheet", "stills", "swapped", "shrunk", "worth", "kept", "desk"),
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
        "kept_original": "a saved fact of adapted weights",
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


# Words of scripts and style sheets that stay.
PAGE_STAY = frozenset({"sheet", "addEventListener", "removeEventListener"})  # contact sheets; the browser's
# File names that stand in two rooms for two sides of one thing.
MIRRORED = {
    "functional and scoring/metrics": (
        "aed",
        "closures",
        "csim",
        "fid",
        "flicker",
        "fvd",
        "lip_dynamics",
        "lipcorr",
        "lipleak",
        "lmd",
        "lpips",
        "lse",
        "psnr",
        "ssim",
    ),
    "what the command of that name runs": (
        *("ablate", "adapt", "export", "fit", "generate", "prepare", "push", "score", "study_results"),
        *("sync_expert", "train"),
    ),
    "the same part of every method": (
        "card",
        "config",
        "infer",
        "model",
        "train",
        "tune",
        "validation",
        "losses",
    ),
    "what is computed, and its report": ("ablation", "cores"),
    "the interface of a room": ("base", "registry", "stages"),
    "of every package": ("__init__", "__main__"),
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


def page_names(path: Path) -> set[str]:
    """What a script or style sheet names: variables, functions, classes, ids, keys of texts; no comments."""
    text = re.sub(r"/\*.*?\*/|(?<!:)//[^\n]*", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    return set(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", text))


def test_scripts_and_style_sheets_use_the_fields_words() -> None:
    files = [*(ROOT / "assets" / "js").glob("*.js"), *(ROOT / "assets" / "css").glob("*.css")]
    assert len(files) > 10
    found = {
        name: path.name
        for path in files
        for name in page_names(path) - PAGE_STAY
        if any(word.lower() in PRIVATE for word in re.findall(r"[A-Z]?[a-z]+", name))
    }
    assert found == {}


def test_ids_and_classes_of_components_use_the_fields_words() -> None:
    found = [
        name
        for package in STAY
        for path in (ROOT / package).rglob("*.py")
        for name in re.findall(r'elem_(?:id|classes)="([^"]+)"', path.read_text(encoding="utf-8"))
        if any(word in PRIVATE - PAGE_STAY for word in re.split(r"[- ]", name))
    ]
    assert found == []


def test_a_file_name_means_one_thing() -> None:
    stems = Counter(path.stem for package in STAY for path in (ROOT / package).rglob("*.py"))
    allowed = {name for group in MIRRORED.values() for name in group}
    assert {name for name, count in stems.items() if count > 1} <= allowed


def test_test_files_have_names_of_their_own() -> None:
    names_ = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert {name for name, count in names_.items() if count > 1} <= {
        "test_aed.py"
    }  # of both halves of a metric
