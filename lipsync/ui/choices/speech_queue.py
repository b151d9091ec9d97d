"""Texts that are spoken for the page and for programs, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lipsync.audio.text_to_speech import checked, speak
from lipsync.audio.voices import voice_named
from lipsync.ui.job_queue import Task, Tasks


@dataclass
class SpeechTask(Task):
    """A text and its voice, and the file once it is spoken."""

    text: str
    voice: str
    result: Path | None = None


class SpeechQueue(Tasks[SpeechTask]):
    """Speaks texts, see `Tasks`; for a visitor each counts as a job."""

    def submit(self, text: str, voice: str) -> SpeechTask:
        """Queue a text.

        Raises:
            ConfigError: the voice cannot speak it, or too many jobs are waiting, in all or of this visitor.
        """
        checked(text, voice_named(voice))
        name, folder = self._place()
        return self._add(SpeechTask(text, voice, id=name, folder=folder))

    def _do(self, task: SpeechTask) -> None:
        task.result = speak(task.text, task.folder / "speech.wav", task.voice, cancel=task.cancel)
