"""Making a study: blind copies of its clips under random names; then it appears as a draft, whole or not."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from eval.compare.blind_copy import write_blind_copies
from eval.compare.clip import take_in
from eval.compare.sets import Sets
from eval.compare.video_import import Entry
from eval.study.storage.catch import write_choose, write_desync
from eval.study.storage.materials import find_materials
from eval.study.storage.models import CATCH, RATED, REFERENCE, TRAINING
from eval.study.storage.spec import Spec
from eval.study.storage.store import Store, StudyClip, StudyInfo, new_id
from lipsync.errors import ConfigError
from lipsync.media import probe

LEFT_OVER = 24 * 3600.0  # s after which the workplace of a process that died is cleared
SYNC = "sync"  # the question that a clip with another's sound must fail
Report = Callable[[int, int], None]


def create(store: Store, spec: Spec, base: Path = Path(), report: Report | None = None) -> StudyInfo:
    """Make a study as a draft; :meth:`eval.study.storage.store.Store.open_study` lets raters in.

    Args:
        store: where to keep it.
        spec: what it is.
        base: what relative paths of training clips start from.
        report: called with (clips done, clips in all); an exception from it stops all and leaves nothing.

    Raises:
        ConfigError: the spec names what is not there, or asks for what cannot be made of it.
        MediaError: a clip cannot be read.
    """
    sets = Sets(store.folder)
    if spec.source.set:  # by the id, which stays when the set is renamed
        spec = replace(spec, source=replace(spec.source, set=sets.find(spec.source.set).id))
    materials = find_materials(spec, sets, base)
    choose, desync = _catches(spec, materials.rated)
    total = len(materials.rated) + len(materials.training) + len(choose) + len(desync)
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        if report is not None:
            report(done, total)

    clips: list[StudyClip] = []
    with _workplace(store.clips) as place:
        for kind, entries in ((TRAINING, materials.training), (RATED, materials.rated)):
            for entry in entries:
                of_reference = kind == RATED and entry.method == spec.reference
                clips.append(_take(spec, entry, REFERENCE if of_reference else kind, place))
                step()
        for entry, mark in choose:
            out = place / _name()
            write_choose(entry.path, mark, out)
            expected = {question.key: [mark] for question in spec.questions}
            clips.append(_caught(out, entry.item, f"choose {mark}", expected))
            step()
        for entry, other in desync:
            out = place / _name()
            write_desync(entry.path, other.path, out)
            clips.append(_caught(out, entry.item, f"sound of {other.item}", {SYNC: [1, 2]}))
            step()
        write_blind_copies({clip: clip for clip in place.iterdir()})
        study_id = new_id()
        folder = place.rename(store.clip_folder(study_id))
    try:
        return store.add(spec, clips, study_id)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _take(spec: Spec, entry: Entry, kind: str, place: Path) -> StudyClip:
    taken = take_in(entry.path, place)
    if taken.source != taken.path:
        taken.source.unlink()
    if not taken.audio and any(question.key == SYNC for question in spec.questions):
        raise ConfigError("study.no_sound", clip=entry.name or entry.path.name)
    return StudyClip(taken.path.name, kind, entry.item, entry.method, taken.seconds)


def _caught(out: Path, item: str, what: str, expected: dict[str, list[int]]) -> StudyClip:
    return StudyClip(out.name, CATCH, item, what, probe(out).duration, expected)


def _catches(
    spec: Spec, rated: tuple[Entry, ...]
) -> tuple[list[tuple[Entry, int]], list[tuple[Entry, Entry]]]:
    """Which clip gets which plate, and which clip gets whose sound; of different items as far as possible."""
    real = [entry for entry in rated if entry.method == (spec.reference or rated[0].method)]
    choose = [(real[number % len(real)], mark) for number, mark in enumerate(spec.catch.choose)]
    if len(set(spec.catch.choose)) < len(choose):
        raise ConfigError("study.catch_twice")
    if not spec.catch.desync:
        return choose, []
    if all(question.key != SYNC for question in spec.questions):
        raise ConfigError("study.catch_needs_question", question=SYNC)
    if spec.catch.desync > len(real) or len(real) < 2:
        raise ConfigError(
            "study.catch_needs_items",
            count=spec.catch.desync,
            needed=max(2, spec.catch.desync),
            items=len(real),
        )
    order = [real[(len(choose) + number) % len(real)] for number in range(spec.catch.desync)]
    return choose, [(entry, real[(real.index(entry) + 1) % len(real)]) for entry in order]


def _name() -> str:
    return f"{secrets.token_hex(12)}.mp4"


@contextmanager
def _workplace(clips: Path) -> Iterator[Path]:
    """A folder on the same disk that is gone afterwards, unless it was renamed."""
    for old in clips.glob(".new-*"):
        if time.time() - old.stat().st_mtime > LEFT_OVER:
            shutil.rmtree(old, ignore_errors=True)
    place = clips / f".new-{secrets.token_hex(8)}"
    place.mkdir()
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
