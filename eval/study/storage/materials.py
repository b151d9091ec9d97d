"""The clips of a study: found and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.compare.names import REFERENCE
from eval.compare.sets import Sets
from eval.compare.video_import import Entry, entries_of_folder
from eval.study.storage.spec import Source, Spec
from lipsync.errors import ConfigError
from lipsync.media.source import VIDEO_SUFFIXES


@dataclass(frozen=True)
class Materials:
    """What a study shows, before it is copied.

    Attributes:
        rated: all that is rated, item by item, the methods of each in the same order.
        training: clips to practise on.
    """

    rated: tuple[Entry, ...]
    training: tuple[Entry, ...]


def find_materials(spec: Spec, sets: Sets, base: Path) -> Materials:
    """The clips that a spec names.

    Args:
        spec: of the study.
        sets: where a comparison set is looked up.
        base: what relative paths of training clips start from.

    Raises:
        ConfigError: something named is not there, or a method lacks a video of an item.
    """
    found = {(entry.item, entry.method): entry for entry in _entries(spec.source, sets)}
    items = _chosen(spec.source.items, [item for item, _ in found], "item")
    methods = _chosen(spec.source.methods, [method for _, method in found], "method")
    if not spec.source.methods and spec.reference != REFERENCE:
        methods = tuple(method for method in methods if method != REFERENCE)
    if spec.reference is not None and spec.reference not in methods:
        methods = (*methods, *_chosen((spec.reference,), [method for _, method in found], "method"))
    for item in items:
        for method in methods:
            if (item, method) not in found:
                raise ConfigError("spec.no_video", method=method, item=item)
    if spec.mode == "pairwise" and len(methods) < 2:
        raise ConfigError("spec.pairs_need_methods")
    rated = tuple(found[item, method] for item in items for method in methods)
    if not rated:
        raise ConfigError("spec.no_clip")
    if spec.stimuli_per_rater > (count := len(rated) if spec.mode == "rating" else _pairs(items, methods)):
        raise ConfigError("spec.too_many_per_rater", wanted=spec.stimuli_per_rater, count=count)
    training = tuple(_training(name, found, base, number) for number, name in enumerate(spec.training, 1))
    if spec.mode == "pairwise":
        for item in {entry.item for entry in training}:
            if sum(entry.item == item for entry in training) < 2:
                raise ConfigError("spec.training_pairs", item=item)
    return Materials(rated, training)


def _entries(source: Source, sets: Sets) -> tuple[Entry, ...]:
    if source.folder is not None:
        return entries_of_folder(source.folder)
    found = sets.find(source.set or "")
    methods = (REFERENCE, *found.methods)
    return tuple(
        Entry(item.name, method, clip.path)
        for item in found.items
        for method in methods
        if (clip := item.clip(method)) is not None
    )


def _chosen(wanted: Sequence[str], there: Sequence[str], what: str) -> tuple[str, ...]:
    """The wanted names, or all; each once."""
    there = list(dict.fromkeys(there))
    for name in wanted:
        if name not in there:
            raise ConfigError("spec.source_lacks", what=what, name=name, known=", ".join(there))
    return tuple(dict.fromkeys(wanted)) or tuple(there)


def _pairs(items: Sequence[str], methods: Sequence[str]) -> int:
    return len(items) * len(methods) * (len(methods) - 1) // 2


def _training(name: str, found: dict[tuple[str, str], Entry], base: Path, number: int) -> Entry:
    item, _, method = name.rpartition("/")
    if (item, method) in found:
        return found[item, method]
    path = base / name
    if path.suffix.lower() not in VIDEO_SUFFIXES or not path.is_file():
        raise ConfigError("spec.no_training_clip", name=name)
    return Entry(f"training {number}", "training", path)
