"""YAML and JSON of strangers: the specification of a study, the index of a set, the change log."""

from __future__ import annotations

import functools
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from eval.compare.index import CLIPS, INDEX, ComparisonSet, read_index, write_index
from eval.study.server.service import Service
from eval.study.storage.change_log import FOLDER, ChangeLog
from eval.study.storage.spec import Spec, read_spec
from eval.study.storage.store import Store
from tests.fuzz.guard import Files, Parser
from tests.fuzz.mutation import RAW, json_bytes, mutated, near, values
from tests.fuzz.tables import use
from tests.study.rater import Clock, Rater
from tests.study.studies import make_open

SPEC: dict[str, Any] = {
    "title": {"en": "Lip sync", "zh": "唇形同步"}, "instructions": "Look.", "consent": "I agree.",
    "languages": ["zh", "en"], "mode": "rating", "reference": "real", "training": ["a/A"],
    "source": {"folder": "clips", "items": ["a", 7], "methods": ["A"]},
    "questions": ["sync", {"key": "natural", "text": {"en": "How?"}, "labels": ["1", "2", "3", "4", "5"]}],
    "catch": {"choose": [2, 4], "desync": 1}, "ratings_per_stimulus": 10, "stimuli_per_rater": 12,
    "completion_code": "C-0DE", "addresses": "off", "comments": True, "reservation": 300,
}  # fmt: skip
YAML = {
    "@aliases@": "[&a [x,x,x,x,x,x,x,x,x], " + ", ".join(
        f"&{one} [{','.join([f'*{before}'] * 9)}]" for before, one in zip("abcdefgh", "bcdefghi", strict=True)
    ) + "]",
    "@cycle@": "&c [*c]",
    "@cycle of maps@": "&c {a: *c}",
    "@hex@": "0x" + "f" * 5000,
    "@sexagesimal@": "190:20:30",
    "@no date@": "2024-99-99",
    "@date@": "2024-01-01",
    "@object@": "!!python/object/apply:os.system ['x']",
    "@binary@": "!!binary 4pyT",
    "@no binary@": "!!binary '=é'",
    "@set@": "!!set {a, b}",
    "@pairs@": "!!pairs [a: 1]",
    "@merge@": "{<<: {a: 1}}",
    "@merge of a list@": "{<<: [1]}",
    "@no float@": "!!float x",
    "@no int@": "!!int ''",
    "@no bool@": "!!bool x",
    "@no time@": "!!timestamp x",
    "@list key@": "{[a]: 1}",
}  # fmt: skip
CLIP = {
    "file": "1.mp4", "source": "1.mkv", "seconds": 1.5, "fps": 25.0, "width": 80, "height": 64, "audio": True,
    "sha256": "0" * 64, "converted": False,
}  # fmt: skip
SET: dict[str, Any] = {
    "format": 1, "title": "A set", "created": "2026-01-01T00:00:00+00:00",
    "modified": "2026-01-01T00:00:00+00:00", "methods": ["A", "B"],
    "items": [
        {"name": "one", "key": "k", "reference": CLIP, "clips": {"A": CLIP}, "missing": {"B": "No face."}},
    ],
    "messages": {"No face.": {"key": "sets.empty", "parameters": {"title": "x"}, "clause": True}},
}  # fmt: skip


def _yaml_bytes(document: Any) -> bytes:
    text = json_bytes(document).decode()
    for name, raw in YAML.items():
        text = text.replace(f'"{name}"', raw)
    return text.encode()


def _read_spec(folder: Path) -> None:
    spec = read_spec(folder / "study.yaml")
    plain = json.loads(json.dumps(spec.to_dict(), ensure_ascii=False).encode())
    assert Spec.from_dict(plain) == spec


def _read_index(folder: Path) -> None:
    made = read_index(folder)
    assert {path.parent for path in _files(made)} <= {folder / CLIPS}
    for path in _files(made):
        path.is_file()
    write_index(made)
    assert read_index(folder).items == made.items


def _files(made: ComparisonSet) -> list[Path]:
    clips = [clip for item in made.items for clip in (item.reference, *item.clips.values()) if clip]
    return [path for clip in clips for path in (clip.path, clip.source)]


@functools.cache
def _journal() -> tuple[Path, bytes]:
    """A folder of an empty store, and the lines of a study in another one."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-journal-"))
    Store("", folder).close()
    other = Path(tempfile.mkdtemp(prefix="fuzz-journal-"))
    store, clock = Store("", other), Clock()
    log = ChangeLog(store)
    log.start()
    study = make_open(store, 2, 2)
    service = Service(store, clock)
    rater = Rater(service, study.link, clock).begin().run()
    service.finish(rater.session)
    service.delete(Rater(service, study.link, clock).begin().run(1).code)
    log.close()
    store.close()
    lines = b"".join(path.read_bytes() for path in (other / FOLDER).iterdir())
    shutil.rmtree(other)
    return folder, lines


def _read_journal(folder: Path) -> None:
    empty, _ = _journal()
    shutil.copy(empty / "study.sqlite", folder)
    store = Store("", folder)
    try:
        ChangeLog(store).replay()
        ChangeLog(store).replay()
        for study in store.studies():
            use(store, study.id)
    finally:
        store.close()


def _log(content: bytes) -> Files:
    return Files({f"{FOLDER}/000000000000001-0.jsonl": content})


def _wrong_lines() -> st.SearchStrategy[bytes]:
    lines = [json.loads(line) for line in _journal()[1].splitlines()]
    return near(lines).map(
        lambda wrong: b"\n".join(json_bytes(line) for line in (wrong if isinstance(wrong, list) else [wrong]))
    )


PARSERS = (
    Parser(
        "spec",
        st.one_of(
            mutated(lambda: _yaml_bytes(SPEC)), near(SPEC, values((*RAW, *YAML))).map(_yaml_bytes)
        ).map(lambda content: Files({"study.yaml": content})),
        _read_spec, lambda: Files({"study.yaml": _yaml_bytes(SPEC)}),
    ),
    Parser(
        "index",
        st.one_of(mutated(lambda: json_bytes(SET)), near(SET).map(json_bytes)).map(
            lambda content: Files({INDEX: content})
        ),
        _read_index, lambda: Files({INDEX: json_bytes(SET)}),
    ),
    Parser(
        "change-log",
        st.deferred(lambda: st.one_of(mutated(lambda: _journal()[1]), _wrong_lines()).map(_log)),
        _read_journal, lambda: _log(_journal()[1]),
    ),
)  # fmt: skip
