"""The study that the Results page opens with one click: the example set, rated by simulated raters."""

from __future__ import annotations

from dataclasses import replace

from eval.compare.sets import Sets
from eval.study.storage.create import create
from eval.study.storage.csv_import_export import import_csv
from eval.study.storage.spec import Spec, read_spec
from eval.study.storage.store import Store, StudyInfo
from lipsync.assets import asset

SPEC = asset("examples") / "study.yaml"
MARKS = asset("examples") / "marks.csv"  # of raters who were simulated, as their names say


def example_spec(sets: Sets) -> Spec:
    """What the study is, over a copy of the example set."""
    spec = read_spec(SPEC)
    return replace(spec, source=replace(spec.source, set=sets.example()))


def example_study(store: Store) -> StudyInfo:
    """The example study, open for whoever wants to try to rate; made where there is none.

    Raises:
        ConfigError: the example set cannot be copied.
    """
    title = read_spec(SPEC).title
    for known in store.studies():
        if known.spec.title == title:
            return known
    made = create(store, example_spec(Sets(store.folder)))
    import_csv(store, made.id, MARKS)
    return store.open_study(made.id)
