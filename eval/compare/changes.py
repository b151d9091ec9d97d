"""How a comparison set changes: videos imported, failures recorded, unused files deleted."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from eval.compare.clip import ComparisonClip, take_in
from eval.compare.index import ComparisonSet, Item, write_index
from eval.compare.names import REFERENCE
from eval.compare.video_import import Entry
from lipsync.errors import LipSyncError, MediaError
from lipsync.texts import Message

Report = Callable[[int, int, str], None]
Taken = tuple[str, str, ComparisonClip | str]  # item, method, video or the sentence why there is none


def taken_in(entries: Sequence[Entry], folder: Path, report: Report | None) -> Sequence[Taken]:
    """Import all videos into a folder; an unreadable one is replaced by a sentence that gives the reason.

    Raises:
        MediaError: not one can be read.
    """
    taken: list[Taken] = []
    for number, entry in enumerate(entries):
        name = entry.name or entry.path.name
        if report is not None:
            report(number, len(entries), name)
        try:
            taken.append(
                (
                    entry.item,
                    entry.method,
                    take_in(entry.path, folder, entry.move, entry.original, entry.sha256),
                )
            )
        except LipSyncError as problem:
            taken.append((entry.item, entry.method, problem.message.with_names({entry.path.name: name})))
    if report is not None:
        report(len(entries), len(entries), "")
    reasons = [clip for *_, clip in taken if isinstance(clip, str)]
    if entries and len(reasons) == len(taken):
        raise MediaError(reasons[0])
    return taken


def with_taken(set_: ComparisonSet, taken: Iterable[Taken], folder: Path) -> ComparisonSet:
    """The set with more videos and failures; the latest entry for an item and method counts."""
    items = {item.name: item for item in set_.items}
    methods = dict.fromkeys(set_.methods)
    for name, method, clip in taken:
        item = items.get(name) or Item(name, secrets.token_hex(6))
        clips, missing, reference = dict(item.clips), dict(item.missing), item.reference
        missing.pop(method, None)
        if isinstance(clip, str):
            missing[method] = clip
        elif method == REFERENCE:
            reference = clip
        else:
            clips[method] = clip
        if method != REFERENCE:
            methods[method] = None
            if isinstance(clip, str):
                clips.pop(method, None)
        items[name] = replace(item, reference=reference, clips=clips, missing=missing)
    return replace(set_, methods=tuple(methods), items=tuple(items.values()), folder=folder)


def explained(item: Item, methods: Sequence[str]) -> Item:
    """The item with a sentence for every method it has no video of."""
    clips = {method: clip for method, clip in item.clips.items() if clip.path.is_file()}
    missing = dict(item.missing)
    for method in methods:
        if method not in clips:
            missing.setdefault(method, Message("sets.no_video", method=method, item=item.name))
    reference = item.reference if item.reference and item.reference.path.is_file() else None
    return replace(item, reference=reference, clips=clips, missing=missing)


def write_changed(before: ComparisonSet, after: ComparisonSet) -> None:
    """Write the index, then remove the files that only the old one lists."""
    write_index(after)
    for gone in files_of(before) - files_of(after):
        gone.unlink(missing_ok=True)


def files_of(set_: ComparisonSet) -> set[Path]:
    """All video files of a set."""
    clips = [clip for item in set_.items for clip in (item.reference, *item.clips.values()) if clip]
    return {file for clip in clips for file in (clip.path, clip.source)}
