"""On whom something trained is measured: clips of people that it never saw."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

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
    """The clips of a split, by name.

    Raises:
        ConfigError: there is no manifest, or it lists fewer than two people of that split.
    """
    import pandas as pd

    manifest = data / "manifest.csv"
    if not manifest.is_file():
        raise ConfigError("held_out.no_manifest", data=data)
    rows = pd.read_csv(manifest, dtype=str)
    rows = rows[rows["split"] == split]
    if rows["id"].nunique() < 2:
        raise ConfigError("held_out.one_person", manifest=manifest, split=split)
    return {Path(file).stem: data / file for file in rows["file"]}


def unseen(data: Path, clips: dict[str, Path], trained_on: Collection[str]) -> dict[str, Path]:
    """The clips, by name, of people of whom no clip lies in one of the splits ``trained_on``.

    Raises:
        ConfigError: fewer than two clips are left.
    """
    with (data / "manifest.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    person = {Path(row["file"]).stem: row["id"] for row in rows}
    known = {row["id"] for row in rows if row["split"] in trained_on}
    left = {name: clip for name, clip in clips.items() if person[name] not in known}
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


def speaker_for(name: str, clips: Iterable[str]) -> str:
    """Whose speech drives a face that is not to follow its own: the next clip of another person, in order."""
    return another(name, {clip: person_of(clip) for clip in clips})


def another(name: str, people: Mapping[str, str]) -> str:
    """The next clip of another person, in order.

    Args:
        people: name of every clip to who is in it, of two people at least.
    """
    names = list(people)
    start = names.index(name)
    turn = chain(names[start + 1 :], names[:start])
    return next(other for other in turn if people[other] != people[name])


def person_of(name: str) -> str:
    """Who is in a clip, by the name of its file: what stands before the first ``_``."""
    return name.partition("_")[0]
