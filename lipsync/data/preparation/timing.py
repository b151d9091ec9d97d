"""What is done about the sound of a recording: it stays, it is moved, or the recording is left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lipsync.assets import asset
from lipsync.checksum import file_sha256
from lipsync.data.preparation.sources import Video
from lipsync.errors import ConfigError

EMBEDDED = asset("models", "sync-expert-embedded")
MAX_OFFSET = 15  # frames each way: 0.6 s at 25 fps
BESIDE = 2  # shifts this near to the best one are no rivals of it: neighbours are alike


@dataclass(frozen=True)
class Trust:
    """How sure the expert must be. ``Shift.trust`` of speech that does not belong is under 0.15 in 98 %.

    A clip is mostly in sync before it is looked at, so less is asked to leave it than to move its sound.
    """

    keep: float = 0.08  # of a shift of at most ``near`` frames
    move: float = 0.15  # of a larger one
    near: int = 2  # frames; the expert that ships is not more exact on every face


@dataclass(frozen=True)
class Shift:
    """What was found.

    Attributes:
        frames: by which the sound comes late (positive) or early.
        trust: how much closer the best shift is than any shift further than two frames from it, times the
            root of the windows; 0.1 is about what chance gives in one of fifteen clips.
        windows: that were compared.
    """

    frames: int
    trust: float
    windows: int

    def fate(self, trust: Trust) -> str:
        """ "keep", "move" the sound, or "reject"."""
        if abs(self.frames) <= trust.near:
            return "keep" if self.trust >= trust.keep else "reject"
        return "move" if self.trust >= trust.move else "reject"


@dataclass(frozen=True)
class Distances:
    """Sums over windows for every shift, and how many there were; clips of one recording add up."""

    total: np.ndarray  # (2 * REACH + 1,)
    count: np.ndarray

    def __add__(self, other: Distances) -> Distances:
        return Distances(self.total + other.total, self.count + other.count)

    def shift(self) -> Shift | None:
        """The best shift, or None where no window could be compared at all of them."""
        if not self.count.all():
            return None
        curve = self.total / self.count
        best = int(curve.argmin())
        rivals = np.abs(np.arange(len(curve)) - best) > BESIDE
        windows = int(self.count.max())
        margin = float(curve[rivals].min() - curve[best])
        return Shift(best - len(curve) // 2, margin * windows**0.5, windows)


def pooled(parts: Iterable[Distances]) -> Distances:
    """Of several clips of one recording, whose offset is one."""
    total = Distances(np.zeros(2 * MAX_OFFSET + 1), np.zeros(2 * MAX_OFFSET + 1, int))
    for part in parts:
        total = total + part
    return total


@dataclass(frozen=True)
class SyncCheck:
    """The sync expert, and how certain it must be."""

    expert: Path = EMBEDDED  # folder of a sync expert
    trust: Trust = field(default_factory=Trust)

    def __post_init__(self) -> None:
        if not (self.expert / "model.safetensors").is_file() or not (self.expert / "config.json").is_file():
            raise ConfigError("train.no_sync_expert", folder=self.expert)

    @property
    def sha256(self) -> str:
        """Of the expert's weights."""
        return file_sha256(self.expert / "model.safetensors")


@dataclass(frozen=True)
class Verdict:
    """About the sound of one recording.

    Attributes:
        shift: what was found; None where its clips are too short to compare.
        fate: "keep", "move" or "reject".
        videos: it was found with.
    """

    recording: str
    shift: Shift | None
    fate: str
    videos: int

    @property
    def reason(self) -> str:
        """For ``rejected.csv``."""
        if self.shift is None:
            return "too short for the sync check"
        return f"best shift {self.shift.frames:+d} frames, trust {self.shift.trust:.2f}"


def is_measured(record: Mapping[str, Any], sha256: str) -> bool:
    """Whether this expert looked at it."""
    return record.get("sync", {}).get("expert") == sha256


def decide(videos: Sequence[Video], done: Mapping[str, dict[str, Any]], trust: Trust) -> dict[str, Verdict]:
    """Verdict by recording, over all its videos that hold a clip; these all have to be measured."""
    groups: dict[str, list[Distances]] = {}
    for video in videos:
        if done[video.name]["clips"]:
            measured = done[video.name]["sync"]
            part = Distances(np.array(measured["total"]), np.array(measured["count"]))
            groups.setdefault(video.group, []).append(part)
    verdicts = {}
    for recording, parts in groups.items():
        shift = pooled(parts).shift()
        fate = "reject" if shift is None else shift.fate(trust)
        verdicts[recording] = Verdict(recording, shift, fate, len(parts))
    return verdicts
