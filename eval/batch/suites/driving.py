"""What makes each face of a suite speak: the videos that every method has to make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.batch.silences import SILENCES, write_silences
from eval.batch.suites.suite import Suite
from eval.batch.suites.suite_items import SuiteItem


@dataclass(frozen=True)
class DrivenFace:
    """One video that every method makes, and what it is compared with.

    Attributes:
        item: its name; another than the face's where several sounds drive one face.
        face: video or photo.
        audio: what drives it; None: its own sound.
        reference: the real video; None: there is none.
        speaker: the video of the other person who speaks; None: nobody else does.
        language: spoken; empty where nothing says so.
    """

    item: str
    face: Path
    audio: Path | None
    reference: Path | None = None
    speaker: Path | None = None
    language: str = ""


def driven_faces(suite: Suite, items: Sequence[SuiteItem], folder: Path) -> list[DrivenFace]:
    """The videos that every method makes for a suite.

    Args:
        folder: gets the sounds without a voice, where the suite wants them.
    """
    if suite.speech in ("own", "other"):
        return [
            DrivenFace(item.item, item.face, item.audio, item.reference, item.speaker, item.language)
            for item in items
        ]
    sounds = write_silences(folder)
    if suite.speech == "nothing":
        return [_silent(item, item.item, sounds[SILENCES[0].name]) for item in items]
    return [_silent(item, f"{item.item}, {kind}", sound) for item in items for kind, sound in sounds.items()]


def request_settings(suite: Suite) -> dict[str, Any]:
    """Fields of the `lipsync.request.Request` for all videos of a suite.

    What the mouth that was in the video does to the result is seen as long as the video lasts. There is no
    visible mark, since pixels are compared.
    """
    whole = suite.speech in ("other", "nothing")
    return {
        "length": "video" if whole else "audio",
        "allow_silence": suite.speech in ("sounds", "nothing"),
        "label": False,
    }


def _silent(item: SuiteItem, name: str, sound: Path) -> DrivenFace:
    return DrivenFace(name, item.face, sound, item.reference or item.face, language=item.language)
