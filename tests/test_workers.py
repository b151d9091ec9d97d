"""Files that share a portal are tested in one process, and no file that uses it is forgotten."""

import re
from pathlib import Path

from tests.workers import TOGETHER, place

ROOT = Path(__file__).resolve().parents[1]


def test_files_of_a_group_exist() -> None:
    for path in (path for paths in TOGETHER.values() for path in paths):
        assert (ROOT / path).exists(), path


def test_every_file_that_uses_the_portal_is_in_one_of_its_groups() -> None:
    def uses(text: str) -> bool:
        parameters = re.findall(r"def \w+\(([^)]*)\)", text)
        shared = any(re.search(r"\bportal\b", given) for given in parameters)
        return shared and "def portal(" not in text

    users = [path for path in (ROOT / "tests" / "ui").rglob("test_*.py") if uses(path.read_text())]
    assert len(users) >= 7
    assert [path.name for path in users if place(path.relative_to(ROOT).as_posix() + "::x") > 1] == []
    assert place("tests/ui/test_texts.py::test_x") == place("tests/nn/test_nn.py::test_x") == len(TOGETHER)
