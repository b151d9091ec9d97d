"""What makes each face of a suite speak: the videos that every method has to make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from eval.batch.silences import SILENCES, write_silences
from eval.batch.suites.suite import Suite
from eval.batch.suites.suite_items import SuiteItem

Length = Literal["audio", "video"]


@dataclass(frozen=True)
class DrivenFace:
    """One video that every method makes, and what it is compared with.

    Attributes:
        item: its name; another than the face's where several sounds drive one face.
        face: video or photo.
        audio: what drives it; None: its own sound.
        length: which of both the result is as long as.
        allow_silence: the sound may hold no voice.
        reference: the real video; None: there is none.
        speaker: the video of the other person who speaks; None: nobody else does.
        language: spoken; empty where nothing says so.
    """

    item: str
    face: Path
    audio: Path | None
    length: Length
    allow_silence: bool = False
    reference: Path | None = None
    speaker: Path | None = None
    language: str = ""


def driven_faces(suite: Suite, items: Sequence[SuiteItem], folder: Path) -> list[DrivenFace]:
    """The videos that every method makes for a suite.

    Args:
        folder: gets the sounds without a voice, where the suite wants them.
    """
    if suite.speech in ("own", "other"):
        # Another's speech is cut to the video, whose mouth is looked for in the result.
        length: Length = "video" if suite.speech == "other" else "audio"
        return [
            DrivenFace(
                item.item, item.face, item.audio, length,
                reference=item.reference, speaker=item.speaker, language=item.language,
            )
            for item in items
        ]  # fmt: skip
    sounds = write_silences(folder)
    if suite.speech == "nothing":
        return [_silent(item, item.item, sounds[SILENCES[0].name], "video") for item in items]
    return _three_sounds(items, sounds)


def _three_sounds(items: Sequence[SuiteItem], sounds: Mapping[str, Path]) -> list[DrivenFace]:
    return [
        _silent(item, f"{item.item}, {kind}", sound, "audio")
        for item in items
        for kind, sound in sounds.items()
    ]


def _silent(item: SuiteItem, name: str, sound: Path, length: Length) -> DrivenFace:
    return DrivenFace(
        name, item.face, sound, length,
        allow_silence=True, reference=item.reference or item.face, language=item.language,
    )  # fmt: skip
