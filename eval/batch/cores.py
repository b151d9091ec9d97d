"""Cores side by side: what each draws for people it never saw, with their own speech, another's, and none."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.batch.batch_manifest import ManifestRow
from eval.batch.held_out import speakers_of_clips
from eval.scoring.controls import CONTROLS
from eval.scoring.metrics import METRICS as ALL
from lipsync.generate import Request, generate
from lipsync.methods import load_method
from lipsync.texts import Message

OWN, OTHER = "own speech", "other speech"
REAL, STILL = "real", "still frame"
PICTURES = ("psnr", "ssim", "lpips", "lmd", "csim")
METRICS = (*PICTURES, "offset", "lipcorr")
OPENING = ("lipcorr",)  # what is asked for where only the mouth's opening is looked at
CROSS = ("followed",)  # and where another's speech drives it


@dataclass(frozen=True)
class ScoredCore:
    """A method with its weights.

    Attributes:
        name: of `lipsync.methods`; the row in the tables.
        checkpoint: weights instead of the method's own.
        sha256: of the weights; what other weights drew is not taken for theirs.
    """

    name: str
    checkpoint: Path | None
    sha256: str

    @property
    def folder(self) -> str:
        """A name for its files."""
        return re.sub(r"[^A-Za-z0-9._+-]+", "-", self.name)

    def row(self, kind: str) -> str:
        """What its videos of one kind are called in the batch."""
        return f"{self.name}, {kind}"


@dataclass(frozen=True)
class FacePair:
    """A person who is redrawn, and the other one whose speech drives them.

    Attributes:
        name, clip: the video that is redrawn.
        speaker, voice: name and file of the clip that the other speech is taken from.
    """

    name: str
    clip: Path
    speaker: str
    voice: Path


def find_cores(names: Sequence[str], checkpoint: Path | None) -> list[ScoredCore]:
    """The methods of these names, each once; all are opened, so that nothing is drawn where one is not here.

    Raises:
        ConfigError, ArtefactError: an unknown name, or weights that are unavailable.
    """
    return [
        ScoredCore(name, checkpoint, load_method(name, checkpoint).weights_sha256)
        for name in dict.fromkeys(names)
    ]


def faces_of(clips: Mapping[str, Path], most: int | None) -> list[FacePair]:
    """The first clips (None: all), each with the speaker it has among all."""
    speakers = list(speakers_of_clips(clips).items())[:most]
    return [FacePair(name, clips[name], voice, clips[voice]) for name, voice in speakers]


def real_rows(faces: Sequence[FacePair]) -> list[ManifestRow]:
    """The real clips: their own offset and opening, and the first frame still."""
    by_name = {control.name: control for control in CONTROLS}
    shown = {face.name: face.clip for face in faces}
    rows = [
        ManifestRow(name, REAL, clip, clip, control=by_name[REAL], metrics=("offset", *OPENING))
        for name, clip in shown.items()
    ]
    still = tuple(metric for metric in METRICS if "audio" not in ALL.get(metric).needs)
    rows += [
        ManifestRow(name, STILL, clip, clip, control=by_name[STILL], metrics=still)
        for name, clip in shown.items()
    ]
    return rows


def draw(
    core: ScoredCore,
    face: FacePair,
    silences: Mapping[str, Path],
    folder: Path,
    report: Callable[[str], None],
) -> list[ManifestRow]:
    """The videos of one core and one face as rows; those that are not in ``folder`` yet are drawn.

    Args:
        silences: sounds without a voice, by name; the face's video is played for as long as they last.
        folder: for the videos of these weights.
        report: gets a line for each video that was drawn.
    """
    folder.mkdir(parents=True, exist_ok=True)
    asked = {
        OWN: (face.clip, "video", METRICS),
        OTHER: (face.voice, "video", (*PICTURES, *OPENING, *CROSS)),
        **{name: (sound, "audio", OPENING) for name, sound in silences.items()},
    }
    rows = []
    for kind, (sound, length, metrics) in asked.items():
        made = folder / f"{face.name} {kind}.mp4"
        if not made.is_file():
            request = Request(
                face=face.clip, audio=sound, output=made, method=core.name, checkpoint=core.checkpoint,
                length=length, label=False, allow_silence=kind in silences,
            )  # fmt: skip
            frames = Message("count.frames", count=generate(request).frames)
            report(Message("text.named", name=f"{core.name}, {made.name}", text=frames))
        speaker = sound if kind == OTHER else None
        rows.append(ManifestRow(face.name, core.row(kind), made, face.clip, metrics=metrics, speaker=speaker))
    return rows
