"""CSV files of strangers: the manifest of a batch, scores, and marks from elsewhere."""

from __future__ import annotations

import csv
import functools
import io
import math
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from eval.batch.batch_manifest import read_manifest
from eval.study.server.service import Service
from eval.study.statistics.correlation import read_scores
from eval.study.storage.csv_import_export import export_csv, import_csv
from eval.study.storage.store import Store
from tests.fuzz.guard import Files, Parser
from tests.fuzz.mutation import mutated, near, texts
from tests.study.rater import Clock, Rater
from tests.study.studies import make_open

MANIFEST = (
    b"item,method,generated,reference,reference_image\none,A,a.mp4,real.mp4,\none,B,b.mp4,real.mp4,x.png\n"
)
SCORES = (
    b"item,method,control,PSNR,offset of each track,reason\n"
    b"one,A,,31.5,0,\none,B,,29,1;2,\ntwo,A,,,,no face\n"
)


def _encoded(rows: Sequence[Sequence[str]], encoding: str, end: str, plain: bool) -> bytes:
    if plain:  # without quotes: what somebody's own program writes
        text = end.join(",".join(row) for row in rows)
    else:
        out = io.StringIO()
        csv.writer(out, lineterminator=end).writerows(rows)
        text = out.getvalue()
    return text.encode(encoding, "replace" if encoding != "utf-8" else "surrogatepass")


def _csv(file: str, good: bytes) -> SearchStrategy[Files]:
    rows = list(csv.reader(io.StringIO(good.decode())))
    wrong = near(rows, st.one_of(texts(), st.lists(texts(), max_size=8))).map(
        lambda table: [
            [str(cell) for cell in row] if isinstance(row, list) else [str(row)]
            for row in (table if isinstance(table, list) else [table])
        ]
    )
    written = st.builds(
        _encoded,
        wrong,
        st.sampled_from(["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "gb18030", "latin-1"]),
        st.sampled_from(["\n", "\r\n", "\r"]),
        st.booleans(),
    )
    return st.one_of(mutated(lambda: good), written).map(lambda content: Files({file: content}))


def _read_manifest(folder: Path) -> None:
    rows = read_manifest(folder / "manifest.csv")
    assert rows
    assert len({(row.item, row.method) for row in rows}) == len(rows)
    for row in rows:
        assert row.item
        assert row.method
        row.absolute()
        row.generated.is_file()  # raises ValueError of a name that can be none


def _read_scores(folder: Path) -> None:
    scores = read_scores(folder / "scores.csv")
    assert scores
    assert all(math.isfinite(value) for clips in scores.values() for value in clips.values())


@functools.cache
def _study() -> tuple[Path, str, bytes]:
    """A folder of a study without marks, its id, and the marks of another portal."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-study-"))
    store, clock = Store("", folder), Clock()
    study = make_open(store, 2, 2)
    store.close()
    other = Path(tempfile.mkdtemp(prefix="fuzz-study-"))
    shutil.copy(folder / "study.sqlite", other)
    store = Store("", other)
    service = Service(store, clock)
    for _ in range(2):
        rater = Rater(service, study.link, clock).begin().run()
        service.finish(rater.session)
    marks = export_csv(store, study.id).encode()
    store.close()
    shutil.rmtree(other)
    return folder, study.id, marks


def _read_marks(folder: Path) -> None:
    empty, study, _ = _study()
    shutil.copy(empty / "study.sqlite", folder)
    store = Store("", folder)
    try:
        import_csv(store, study, folder / "marks.csv")
        store.studies()
        use(store, study)
        again = folder / "again.csv"
        again.write_text(export_csv(store, study), encoding="utf-8")
        added = import_csv(store, study, again)
        assert (added.raters, added.trials, added.marks) == (0, 0, 0)
    finally:
        store.close()


def use(store: Store, study: str) -> None:
    """What the Results page does first with a study."""
    store.raters(study)
    store.ratings(study, superseded=True)
    export_csv(store, study)


PARSERS = (
    Parser(
        "manifest", _csv("manifest.csv", MANIFEST), _read_manifest, lambda: Files({"manifest.csv": MANIFEST})
    ),
    Parser("scores", _csv("scores.csv", SCORES), _read_scores, lambda: Files({"scores.csv": SCORES})),
    Parser(
        "marks", st.deferred(lambda: _csv("marks.csv", _study()[2])), _read_marks,
        lambda: Files({"marks.csv": _study()[2]}),
    ),
)  # fmt: skip
