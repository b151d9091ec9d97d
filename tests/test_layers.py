"""The floors of the house: what a folder may import lies below it, and no folder is crowded.

A room is a folder, or one module where a folder holds two floors (``lipsync/methods/base.py`` is what the
methods and their register both stand on). A file belongs to the innermost room that it lies in.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Top first: a room imports those below it, and everything in `eval` may import `lipsync`.
FLOORS = {
    "lipsync": (
        "lipsync.__main__",
        "lipsync.cli",
        "lipsync.ui",
        "lipsync.adapt",
        "lipsync.batch",
        "lipsync.live",
        "lipsync.generate",
        "lipsync.plan",
        "lipsync.request",
        "lipsync.methods",
        "lipsync.methods.lstm_cbam",
        "lipsync.methods.mcsawav2lip",
        "lipsync.methods.multi_reference",
        "lipsync.methods.visual_dubbing",
        "lipsync.methods.wav2lip",
        "lipsync.methods.registry",
        "lipsync.methods.base",
        "lipsync.experts.training",
        "lipsync.training",
        "lipsync.data.preparation",
        "lipsync.data",
        "lipsync.experts",
        "lipsync.faces",
        "lipsync.faces.model3d",
        "lipsync.faces.tracking",
        "lipsync.nn",
        "lipsync.audio.encoders",
        "lipsync.audio",
        "lipsync.media",
        "lipsync.weights",
        "lipsync",
    ),
    "eval": (
        "eval.__main__",
        "eval.cli",
        "eval.ui.leaderboard",
        "eval.ui.study",
        "eval.ui.compare",
        "eval.ui.score",
        "eval.ui",
        "eval.leaderboard",
        "eval.report",
        "eval.study.server",
        "eval.study.storage",  # how many ratings count is a matter of statistics
        "eval.study.statistics",
        "eval.study",
        "eval.compare.pictures",
        "eval.compare",
        "eval.batch",
        "eval.published",
        "eval.scoring",
        "eval.functional",
        "eval",
    ),
}
# Imports inside functions that go up all the same, each with its reason.
UPWARD = {
    # Stage 1 of visual dubbing shows its network what another core draws: whichever is in the register.
    ("lipsync.methods.visual_dubbing.semantic", "lipsync.methods"),
}
MOST = 15  # modules in a folder, without __init__ and __main__

PARAMETERS = 6  # of a function, without self and cls
# Functions that take more, how many, and why it is right or not yet otherwise.
MANY_PARAMETERS = {
    # End points of the API: Gradio makes the names and their order from the signature.
    "lipsync.ui.generate_api.generate": 19,
    "eval.ui.score.score_api.score": 7,
    # Calls of the library whose few options are documented keywords with a default each.
    "eval.scoring.score.score": 13,
    "eval.compare.pictures.contact_sheet.contact_sheet": 8,
    "eval.compare.pictures.montage.montage": 10,
    "eval.study.statistics.results.results": 7,
    "lipsync.data.face_fitting.fit_folder": 7,
    "lipsync.faces.model3d.render.render": 8,
    "lipsync.training.run.train": 8,
    # A block takes what PyTorch's convolution takes, and whether it is residual and attends.
    "lipsync.nn.blocks.__init__": 7,
}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {name_of(path): path for top in FLOORS for path in sorted((ROOT / top).rglob("*.py"))}


def imports(name: str) -> Iterator[tuple[str, bool]]:
    """Modules of the house that one imports, and whether at its top, where they are loaded with it."""
    path = FILES[name]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    later = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
            package = package[: len(package) + 1 - node.level] if node.level else []
            base = ".".join([*package, *([node.module] if node.module else [])])
            names = (f"{base}.{alias.name}" for alias in node.names)
            found = [whole if whole in FILES else base for whole in names]
        else:
            continue
        yield from ((module, node not in later) for module in found if module in FILES)


ARROWS = {(name, module, top) for name in FILES for module, top in imports(name)}


def room(module: str) -> str:
    """The innermost room that a module lies in."""
    rooms = FLOORS[module.partition(".")[0]]
    while module not in rooms:
        module = module.rpartition(".")[0]
    return module


def circles(arrows: set[tuple[str, str]]) -> list[set[str]]:
    """Groups that reach each other along the arrows."""
    below: dict[str, set[str]] = {}
    for start, end in arrows:
        below.setdefault(start, set()).add(end)

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        ahead = [start]
        while ahead:
            fresh = below.get(ahead.pop(), set()) - seen
            seen |= fresh
            ahead += fresh
        return seen

    reach = {name: reached(name) for name in below}
    return [{name} | {other for other in reach[name] if name in reach.get(other, ())}
            for name in sorted(below) if name in reach[name]]  # fmt: skip


def test_imports_go_down() -> None:
    upward = set()
    for name, module, _ in ARROWS:
        start, end = room(name), room(module)
        top, other = start.partition(".")[0], end.partition(".")[0]
        if top == other:
            floors = FLOORS[top]
            if floors.index(end) < floors.index(start):
                upward.add((name, module))
        elif top == "lipsync":  # the library knows nothing of what is done with its results
            upward.add((name, module))
    assert upward == UPWARD


def test_no_file_imports_itself_on_a_way_round() -> None:
    assert circles({(name, module) for name, module, top in ARROWS if top and name != module}) == []


def test_no_room_is_in_a_circle_with_another() -> None:
    arrows = {(room(name), room(module)) for name, module, _ in ARROWS if (name, module) not in UPWARD}
    assert circles({(start, end) for start, end in arrows if start != end}) == []


def test_a_circle_and_its_members_would_be_found() -> None:
    assert circles({("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")}) == [{"a", "b", "c"}] * 3
    assert circles({("a", "b"), ("a", "c"), ("b", "c")}) == []


@pytest.mark.parametrize("top", FLOORS)
def test_every_room_is_there(top: str) -> None:
    assert set(FLOORS[top]) <= {*FILES}
    assert len(set(FLOORS[top])) == len(FLOORS[top])


def test_no_folder_is_crowded() -> None:
    count: dict[str, int] = {}
    for path in FILES.values():
        if path.stem not in ("__init__", "__main__"):
            folder = path.parent.relative_to(ROOT).as_posix()
            count[folder] = count.get(folder, 0) + 1
    assert {folder: n for folder, n in count.items() if n > MOST} == {}
    assert "eval" not in count


def parameters() -> Iterator[tuple[str, int]]:
    """Functions of the house, and how many parameters each takes."""
    for module, path in FILES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                taken = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                yield f"{module}.{node.name}", sum(one.arg not in ("self", "cls") for one in taken)


def test_functions_take_few_parameters() -> None:
    most: dict[str, int] = {}
    for name, count in parameters():
        most[name] = max(count, most.get(name, 0))
    assert {name: count for name, count in most.items() if count > PARAMETERS} == MANY_PARAMETERS


def importers(package: str) -> set[str]:
    """Files of the house that import a package of somebody else, or a part of it."""
    found = set()
    for path in FILES.values():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [str(node.module)]
            if any(name == package or name.startswith(f"{package}.") for name in names):
                found.add(path.relative_to(ROOT).as_posix())
    return found


def test_gradio_stays_in_the_pages() -> None:
    using = importers("gradio")
    assert "lipsync/ui/generate_page.py" in using
    assert [path for path in using if not path.startswith(("lipsync/ui/", "eval/ui/"))] == []


def test_pages_are_imported_by_pages_and_the_portal_alone() -> None:
    using = {name for name, module, _ in ARROWS if module.startswith(("lipsync.ui", "eval.ui"))}
    assert [name for name in using if not name.startswith(("lipsync.ui", "eval.ui"))] == []


def test_generation_knows_nothing_of_scoring() -> None:
    assert any(
        name == "eval.scoring.networks" and module.startswith("lipsync.") for name, module, _ in ARROWS
    )
    assert not [
        name for name, module, _ in ARROWS if name.startswith("lipsync") and module.startswith("eval")
    ]
