"""Controls: the real video and degraded copies of it, for which the right order of scores is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from eval.scoring.protocol import FPS

if TYPE_CHECKING:
    from lipsync.media import Frame  # loads PyAV


@dataclass(frozen=True)
class Control:
    """What is done to a real video before it is scored like a method. Nothing is encoded again.

    Attributes:
        name: the row in the table.
        delay: frames by which the picture comes late; the first frame stands until then.
        still: the first frame stands all the time: a mouth that does not move.
        other_audio: the sound is that of another clip, which ``audio`` names.
    """

    name: str
    delay: int = 0
    still: bool = False
    other_audio: bool = False
    audio: Path | None = None

    def with_audio(self, audio: Path) -> Control:
        """The same with the sound of this file."""
        return replace(self, audio=audio)

    def absolute(self) -> Control:
        """The same, wherever the process is that applies it."""
        return replace(self, audio=self.audio and self.audio.absolute())

    def frames(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """The frames of a video, at 25 fps, as this control shows them."""
        past: list[Frame] = []
        for index, frame in enumerate(frames):
            past.append(frame)
            shown = past[0]
            if not self.still and len(past) > self.delay:
                shown = past.pop(0) if self.delay else past.pop()
            elif self.still:
                del past[1:]
            yield shown._replace(index=index, time=index / FPS)


CONTROLS: tuple[Control, ...] = (
    Control("real"),
    Control("real, 0.2 s late", delay=round(0.2 * FPS)),
    Control("real, 1 s late", delay=round(1.0 * FPS)),
    Control("real, other audio", other_audio=True),
    Control("still frame", still=True),
)
