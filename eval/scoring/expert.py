"""The own experts that stand in for SyncNet v2: where they lie, and how accurate they were measured to be."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from contextlib import redirect_stdout, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from eval.functional.sync.lse import MAX_SHIFT
from eval.scoring.sync_networks import LipMotionNetwork, OwnSyncExpert
from lipsync.assets import asset
from lipsync.audio.encoders import load_encoder
from lipsync.checksum import file_sha256
from lipsync.errors import ArtefactError, ConfigError
from lipsync.experts.lip_motion import LipMotion
from lipsync.experts.sync_expert import SyncExpert
from lipsync.methods.registry import WHISPER
from lipsync.texts import Message
from lipsync.weights import hub
from lipsync.weights.hub import Progress

# The stand-ins for SyncNet v2, the better one first: it needs Whisper's encoder, the other one nothing.
EXPERTS = (asset("models", "lip-motion-whisper"), asset("models", "lip-motion-embedded"))
MEASURED = "measured.json"  # beside the weights, written by ``python -m eval sync-expert``
TOLERANCE = 1  # frames
CHANCE = (2 * TOLERANCE + 1) / (2 * MAX_SHIFT + 1)  # an offset drawn from all shifts


@dataclass(frozen=True)
class Check:
    """One clip in sync, measured with its own sound and with another person's.

    Attributes:
        offset, distance: LSE's, with its own sound; the true offset is 0.
        other_offset, other_distance: with the other sound, where nothing is to be found.
        windows: windows of 0.2 s that could be compared at all shifts.
        windows_found: those whose closest sound lies within a frame of its own time.
        ranked: whether in sync, 0.08 s late, 0.2 s late, 1 s late and the other sound come in this order,
            see `eval.functional.sync.sync_rank`.
    """

    offset: int
    distance: float
    other_offset: int
    other_distance: float
    windows: int = 0
    windows_found: int = 0
    ranked: bool = False

    @property
    def found(self) -> bool:
        """Whether the offset is the true one, a frame more or less."""
        return abs(self.offset) <= TOLERANCE


@dataclass(frozen=True)
class Measured:
    """What an expert is worth on clips of people it never saw.

    Attributes:
        clips: how many were measured.
        found: in how many of them the offset is within a frame of the true one.
        windows: share of the windows of 0.2 s whose closest sound is within a frame of its own time.
        ranked: in how many clips all degrees of lateness and another sound come in the right order.
        preferred: in how many the own sound has the smaller LSE-D.
        by_luck: how many other sounds have an "offset" within a frame of 0.
        p: probability of at least ``found`` if the offset was drawn at random from all shifts.
        data: what was measured.
        sha256: of the weights that were measured.
    """

    clips: int
    found: int
    windows: float
    ranked: int
    preferred: int
    by_luck: int
    p: float
    data: str
    sha256: str

    def as_dict(self) -> dict[str, int | float | str]:
        """For measured.json."""
        return asdict(self)

    def report(self) -> str:
        """The figures as lines of text."""
        return (
            f"True offset found within ±{TOLERANCE} frame: {self.found} of {self.clips} clips "
            f"({self.found / self.clips:.0%}). Chance: {CHANCE:.1%}, p = {self.p:.1g}.\n"
            f"Windows of 0.2 s whose own sound is found within ±{TOLERANCE} frame: {self.windows:.1%}. "
            f"Chance: {CHANCE:.1%}.\n"
            f"In sync before 0.08 s, 0.2 s and 1 s late before other sound: "
            f"{self.ranked} of {self.clips} clips.\n"
            f"Other sound taken for in sync within ±{TOLERANCE} frame: {self.by_luck} of {self.clips}.\n"
            f"LSE-D of the own sound below that of the other: {self.preferred} of {self.clips} clips.\n"
            f"Weights {self.sha256[:12]}, {self.data}."
        )

    def sentence(self) -> str:
        """For the notes below a table."""
        return Message(
            "expert.measured",
            found=self.found, clips=self.clips, chance=CHANCE, preferred=self.preferred, windows=self.windows,
        )  # fmt: skip


def measure(checks: Sequence[Check], sha256: str, data: str) -> Measured:
    """The figures of an expert from its clips.

    Raises:
        ConfigError: no clip could be measured.
    """
    from scipy.stats import binomtest

    if not checks:
        raise ConfigError("expert.no_clip")
    found = sum(check.found for check in checks)
    return Measured(
        clips=len(checks),
        found=found,
        windows=sum(c.windows_found for c in checks) / max(1, sum(c.windows for c in checks)),
        ranked=sum(check.ranked for check in checks),
        preferred=sum(check.distance < check.other_distance for check in checks),
        by_luck=sum(abs(check.other_offset) <= TOLERANCE for check in checks),
        p=float(binomtest(found, len(checks), CHANCE, alternative="greater").pvalue),
        data=data,
        sha256=sha256,
    )


def load_expert(
    folder: Path | None = None, progress: Progress | None = None
) -> LipMotionNetwork | OwnSyncExpert:
    """An own expert as the sync network of LSE.

    Args:
        folder: of a lip-motion expert or a sync expert (config.json, model.safetensors); None: the best of
            those that ship.
        progress: called while the weights of a speech encoder are fetched.

    Raises:
        ArtefactError: there is none, or the speech encoder of the one in ``folder`` is unavailable.
    """
    if folder is not None:
        return _load(folder, progress)
    better, other = EXPERTS
    with suppress(ArtefactError, ConfigError):  # its speech encoder is unavailable here
        for name in WHISPER:
            hub.fetch(name, progress, prompt=True)
        return _load(better, progress)
    return _load(other, progress)


def _load(folder: Path, progress: Progress | None) -> LipMotionNetwork | OwnSyncExpert:
    weights = folder / "model.safetensors"
    if not weights.is_file() or not (folder / "config.json").is_file():
        raise ArtefactError("expert.no_folder", folder=folder)
    sha256 = file_sha256(weights)
    accuracy = measured_accuracy(folder, sha256)
    with redirect_stdout(io.StringIO()):  # the Hub library prints that it loads, amid our tables
        if "encoder" in json.loads((folder / "config.json").read_text(encoding="utf-8")):
            motion = LipMotion.from_pretrained(str(folder))
            encoder = load_encoder(motion.config.encoder, progress=progress)
            return LipMotionNetwork(motion, encoder, sha256, accuracy)
        return OwnSyncExpert(SyncExpert.from_pretrained(str(folder)), sha256, accuracy)


def measured_accuracy(folder: Path, sha256: str) -> str:
    """What tables say about the weights of a folder: the measured figure, or that there is none."""
    try:
        measured = Measured(**json.loads((folder / MEASURED).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        measured = None
    if measured is None or measured.sha256 != sha256:  # figures of other weights say nothing
        return Message("expert.unmeasured")
    return measured.sentence()
