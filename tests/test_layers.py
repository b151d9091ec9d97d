"""Which part may import which: the library runs without Gradio, and lipsync without eval."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def importers(package: str, *folders: str) -> set[str]:
    """Files under the folders that import ``package`` or a part of it, relative to the repository."""
    found = set()
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            if any(name == package or name.startswith(f"{package}.") for name in names):
                found.add(path.relative_to(ROOT).as_posix())
    return found


def test_gradio_stays_in_the_pages() -> None:
    using = importers("gradio", "lipsync", "eval")
    assert "lipsync/ui/generate.py" in using
    assert [path for path in using if not path.startswith(("lipsync/ui/", "eval/ui/"))] == []


def test_pages_are_imported_by_pages_and_the_portal_alone() -> None:
    using = importers("lipsync.ui", "lipsync", "eval") | importers("eval.ui", "lipsync", "eval")
    assert [path for path in using if not path.startswith(("lipsync/ui/", "eval/ui/"))] == []


def test_generation_knows_nothing_of_scoring() -> None:
    assert "eval/networks.py" in importers("lipsync", "eval")
    assert importers("eval", "lipsync") == set()
