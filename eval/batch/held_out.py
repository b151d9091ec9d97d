"""On whom something trained is measured: clips of people that it never saw."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lipsync.data.preparation.sources import by_manifest
from lipsync.errors import ConfigError
from lipsync.texts import for_terminal


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that say on whom something is measured."""
    parser.add_argument("--data", type=Path, required=True, help=for_terminal("help.held_out.data"))
    parser.add_argument("--split", default="val", help=for_terminal("help.held_out.split"))
    parser.add_argument(
        "--trained-on", nargs="*", default=["train", "extra"], metavar="SPLIT",
        help=for_terminal("help.held_out.trained_on"),
    )  # fmt: skip


def held_out(data: Path, split: str) -> dict[str, Path]:
    """The clips of a split of the ``manifest.csv`` in ``data``, by name.

    Raises:
        ConfigError: it cannot be used, or lists fewer than two people of that split.
    """
    manifest = data / "manifest.csv"
    clips = [clip for clip in by_manifest(data, manifest) if clip.split == split]
    if len({clip.identity for clip in clips}) < 2:
        raise ConfigError("held_out.one_person", manifest=manifest, split=split)
    return {clip.path.stem: clip.path for clip in clips}


def unseen(data: Path, clips: dict[str, Path], trained_on: Collection[str]) -> dict[str, Path]:
    """The clips, by name, of people of whom no clip lies in one of the splits ``trained_on``.

    Raises:
        ConfigError: fewer than two clips are left.
    """
    listed = by_manifest(data, data / "manifest.csv")
    known = {clip.identity for clip in listed if clip.split in trained_on}
    trained = {clip.path for clip in listed if clip.identity in known}
    left = {name: clip for name, clip in clips.items() if clip not in trained}
    for name in clips.keys() - left.keys():
        print(for_terminal("held_out.left_out", name=name))
    if len(left) < 2:
        raise ConfigError("held_out.few_clips", data=data)
    return left


@dataclass(frozen=True)
class HeldOut:
    """On whom the rows are measured: clips by name, and how many people are in them."""

    clips: dict[str, Path]
    people: int


def in_turn(data: Path, trained: tuple[str, ...], split: str, most: int) -> HeldOut:
    """Prepared clips of people of whom no clip is in a split that is trained on; of every person in turn.

    Short ones come first: many people for little work.

    Raises:
        ConfigError: there is none.
    """
    from lipsync.data.clips import load_clips

    known = {clip.identity for clip in load_clips(data, trained)}
    by_person: dict[str, list[Path]] = {}
    for clip in sorted(load_clips(data, (split,)), key=len):
        if clip.identity not in known:
            by_person.setdefault(clip.identity, []).append(clip.folder / f"{clip.name}.mp4")
    if not by_person:
        raise ConfigError("ablate.nobody_left", split=split, data=data)
    turns = [clips[turn] for turn in range(max(map(len, by_person.values()))) for clips in by_person.values()
             if turn < len(clips)]  # fmt: skip
    chosen = turns[:most]
    people = sum(any(path in chosen for path in clips) for clips in by_person.values())
    return HeldOut({path.stem: path for path in chosen}, people)


def speakers_of_clips(clips: Iterable[str]) -> dict[str, str]:
    """Whose speech drives each face that does not follow its own: the next clip of another person."""
    return next_of_another({clip: person_of(clip) for clip in clips})


def next_of_another(people: Mapping[str, str]) -> dict[str, str]:
    """For every clip the next one of another person, in order; after the last comes the first.

    Args:
        people: name of every clip to who is in it, of two people at least.
    """
    names, found = list(people), dict[str, str]()
    after = names[0]
    for name in reversed(names * 2):  # in the second round, what follows the last one is known
        found[name] = after if people[after] != people[name] else found.get(after, after)
        after = name
    return {name: found[name] for name in names}


def person_of(name: str) -> str:
    """Who is in a clip, by the name of its file: what stands before the first ``_``."""
    return name.partition("_")[0]
