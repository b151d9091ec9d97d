"""An attacker who sees all that a rater or a blind viewer is sent, apart from the coded pictures themselves.

Three methods encode in three ways and sign their files. For each clip the attacker collects answers, headers,
sizes, tags, encoders' names, order and time, guesses its method from the most similar clips of other items,
and must not do better than with shuffled methods.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np

from lipsync.media import VideoWriter, WriterOptions
from tests.compare.conftest import write_sound
from tests.media.clips import astronaut

METHODS = {"Quillfish": (4, "ultrafast"), "Wobblefox": (20, "veryfast"), "Murkhound": (38, "medium")}
REAL = "reference"
SHUFFLES = 20_000
CHANCE = 1e-4  # the attack on a blind portal succeeds this often by luck
SIGNED = re.compile(rb"x264 [ -~]+|Lav[cf][\d.]+")
MARK = slice(0, 16)  # rows and columns whose grey level says the method, for the test to know the truth
GREYS = {REAL: 30, "Quillfish": 90, "Wobblefox": 150, "Murkhound": 210}
Clips = list[tuple[str, str, dict[str, Any]]]  # item, method, what was seen


def write_signed(folder: Path, items: int, real: bool = False) -> list[Path]:
    """Write videos ``ITEM/METHOD.mp4`` of five frames with sound, whose tags name the method."""
    made = []
    for item in range(items):
        place = folder / f"item{item}"
        place.mkdir()
        sound = write_sound(folder / f"{item}.wav", 0.2, 0.05 + 0.01 * item)
        for method, (crf, preset) in (METHODS | ({REAL: (12, "medium")} if real else {})).items():
            made.append(place / f"{method}.mp4")
            options = WriterOptions(crf=crf, preset=preset, duration=0.2, metadata={"comment": method})
            with VideoWriter(made[-1], 64, 64, 25, audio=sound, options=options) as out:
                for frame in range(5):
                    picture = np.roll(astronaut(64, 64), 7 * item + frame, axis=1)
                    picture[MARK, MARK] = GREYS[method]
                    out.write(picture)
        sound.unlink()
    return made


def method_of(data: bytes) -> str:
    """Whose a video is, by its mark."""
    with av.open(io.BytesIO(data)) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="gray")
    level = float(picture[MARK, MARK].mean())
    return min(GREYS, key=lambda method: abs(GREYS[method] - level))


def facts(data: bytes) -> dict[str, Any]:
    """What a file says of itself besides picture and sound."""
    with av.open(io.BytesIO(data)) as container:
        tags = [container.metadata, *(stream.metadata for stream in container.streams)]
        clocks = [str(stream.time_base) for stream in container.streams]
    signatures = sorted(found.decode() for found in SIGNED.findall(data))
    return {"size": len(data), "tags": json.dumps(tags), "clocks": clocks, "signatures": signatures}


def by_cell(value: Any, cells: int, name: str = "") -> Iterator[tuple[int, str, Any]]:
    """(cell, name, fact) of all that a message says of single cells: in lists as long, or beside ``clip``."""
    if isinstance(value, dict):
        if isinstance(cell := value.get("clip"), int):
            yield from ((cell, *fact) for fact in _leaves(value, name))
        else:
            for key, part in value.items():
                yield from by_cell(part, cells, f"{name}.{key}")
    elif isinstance(value, list) and not all(isinstance(part, (int, float)) for part in value):
        own = len(value) == cells and '"clip": ' not in json.dumps(value)  # else the cells are named inside
        for number, part in enumerate(value):
            if own:
                yield from ((number, *fact) for fact in _leaves(part, name))
            else:
                named = isinstance(part, dict) and "clip" in part
                yield from by_cell(part, cells, name if named else f"{name}.{number}")


def _leaves(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """(name, fact) of the single values in a value; a row of numbers is its mean."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _leaves(part, f"{name}.{key}")
    elif isinstance(value, list) and value and all(isinstance(x, (int, float)) for x in value):
        yield name, float(np.mean(value))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _leaves(part, f"{name}.{number}")
    else:
        yield name, value


def check(clips: Clips, said: str, items: int) -> None:
    """The methods are neither named nor known better than by chance."""
    assert len(clips) == items * len(METHODS)
    assert not [name for name in METHODS if name in said]
    assert luck(clips) > CHANCE, "the attacker knows the methods"


def luck(clips: Clips) -> float:
    """How often shuffled methods are guessed at least as well: a permutation test within the items.

    Guessed by every single feature and by all together; the best guess counts, of shuffled methods too.
    """
    items = np.array([item for item, *_ in clips])
    names = sorted(METHODS)
    truth = np.array([names.index(method) for _, method, _ in clips])
    attacks = np.unique([_alike(items, seen) for seen in _views([seen for *_, seen in clips])], axis=0)
    rng = np.random.default_rng(0)
    shuffled = np.tile(truth, (SHUFFLES, 1))
    for item in set(items):
        columns = np.flatnonzero(items == item)
        shuffled[:, columns] = rng.permuted(shuffled[:, columns], axis=1)
    right = [np.max([_right(one, labels) for one in attacks], axis=0) for labels in (truth[None], shuffled)]
    return float((1 + (right[1] >= right[0]).sum()) / (1 + SHUFFLES))


def _views(seen: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """What was seen, whole and by single features; what is the same of all clips tells nothing."""
    yield list(seen)
    for name in sorted(set().union(*seen)):
        if len({json.dumps(clip.get(name)) for clip in seen}) > 1:
            yield [{name: clip.get(name)} for clip in seen]


def _alike(items: np.ndarray, seen: Sequence[dict[str, Any]]) -> np.ndarray:
    """(N, N): 1 for clips of other items with most features in common; numbers also by rank in the item."""
    same = np.zeros((len(items), len(items)))
    for name in set().union(*seen):
        values = [clip.get(name) for clip in seen]
        said = np.array([json.dumps(value) for value in values])
        same += said[:, None] == said[None]
        if all(isinstance(value, (int, float)) for value in values):
            rank = [sum(v < value for v, i in zip(values, items, strict=True) if i == item)
                    for value, item in zip(values, items, strict=True)]  # fmt: skip
            same += np.equal.outer(rank, rank)
    same[items[:, None] == items[None]] = -1
    return (same == same.max(axis=1, keepdims=True)).astype(np.float32)


def _right(alike: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(S,) share of clips whose method, of (S, N) labels, has most votes of the clips that are alike."""
    votes = np.stack([(labels == k) @ alike.T for k in range(len(METHODS))])
    return (votes.argmax(axis=0) == labels).mean(axis=1)
