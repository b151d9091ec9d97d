"""The part of the face video, or of the speech, that is used: a player with a start and an end."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import Any

import gradio as gr

from lipsync.assets import asset
from lipsync.errors import LipSyncError
from lipsync.media import WHOLE, TimeRange, probe
from lipsync.ui.languages import texts_script
from lipsync.ui.markup import address
from lipsync.ui.page_events import PageState
from lipsync.ui.uploads import same_face

SCRIPT = asset("js", "cut.js")
KINDS = ("video", "audio")  # of a file; the elements that play them are called the same


class CutChoice:
    """A row that opens: a player, two handles, two fields in seconds, and a sentence with the length.

    Args:
        name: "face" or "speech".
        id: of the element.

    Attributes:
        value: the component; ``None`` while there is nothing to cut, else what `_payload` gives, in which the
            page changes ``start`` and ``end``. `chosen_range` reads it.
        restored: State with the file and the range of the job whose inputs are filled in again, until they
            are shown; else None.
    """

    def __init__(self, name: str, id: str) -> None:
        script = f"const NAME = '{name}';\n{SCRIPT.read_text(encoding='utf-8')}"
        self.restored = PageState()
        self.value = gr.HTML(
            value=None,
            html_template="<details class='cut' hidden></details>",
            js_on_load=f"{texts_script('cut.')}\n{script}",
            apply_default_css=False,
            elem_id=id,
        )

    def follow(self, files: list[Any], **options: Any) -> None:
        """Be about the last of these file components that holds one, whenever that changes."""
        self._given = [*files, self.restored, self.value]
        changes = [file.change for file in files]
        gr.on(changes, _of_files, self._given, self.value, trigger_mode="always_last", **options)

    def fill(self, loaded: gr.events.Dependency, **options: Any) -> None:
        """Be about the file that the page begins with, after this event."""
        shown = loaded.then(_of_files, self._given, self.value, **options)
        shown.then(lambda: None, None, self.restored, **options)


def _of_files(*given: Any) -> Any:
    """The payload of the last file that is there; the restored range where it is the restored file.

    Else nothing changes where the value is about that file already: its part may have been chosen since.
    """
    *files, restored, value = given
    path = next((file for file in reversed(files) if file), None)
    if path is None:
        return None
    if restored is not None and same_face(path, restored[0]):
        return _payload(Path(path), TimeRange(*(restored[1] or WHOLE)))
    if isinstance(value, dict) and value.get("src") == address(Path(path)):
        return gr.skip()
    return _payload(Path(path), WHOLE)


def _payload(path: Path, part: TimeRange) -> dict[str, Any] | None:
    """What the browser needs to play a file and to choose a part of it; None for a photo."""
    try:
        info = probe(path)
    except LipSyncError:  # told where the file was chosen
        return None
    if info.kind not in KINDS:
        return None
    return {
        "src": address(path),
        "kind": info.kind,
        "seconds": info.duration,
        "start": min(part.start, info.duration),
        "end": min(part.end, info.duration),
    }


def chosen_range(value: Any, file: str | None) -> tuple[float, float] | None:
    """The range of a file in a value of the component, in seconds; None for all.

    All, too, where the value is still about the file before: the page takes a while to read a new one.
    """
    if not isinstance(value, dict) or not file or value.get("src") != address(Path(file)):
        return None
    start, end, seconds = (value.get(name) for name in ("start", "end", "seconds"))
    numbers = [x for x in (start, end, seconds) if isinstance(x, int | float) and isfinite(x)]
    if len(numbers) < 3 or (numbers[0] <= 0 and numbers[1] >= numbers[2]):
        return None
    return float(numbers[0]), float(numbers[1])
