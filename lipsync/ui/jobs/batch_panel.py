"""The part of the Generate page that takes many faces and speeches at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
from gradio_client.utils import strip_invalid_filename_characters

from lipsync.data.face_speech_pairs import FaceSpeechPair, combined, read_pairs
from lipsync.errors import ConfigError, LipSyncError, MissingInput
from lipsync.media.source import PHOTO_SUFFIXES, SOUND_SUFFIXES, VIDEO_SUFFIXES
from lipsync.ui import markup
from lipsync.ui.jobs.batch_queue import BatchEntry, VideoBatches
from lipsync.ui.languages import label, localized
from lipsync.ui.page_events import QUIET
from lipsync.ui.request_form import Inputs
from lipsync.ui.uploads import GenerateForm, is_example, request

MOST = 200  # videos of a batch
NAMED = 5  # of them are named before the start
TABLE = ".csv"
Update = dict[Any, Any]


class BatchPanel:
    """A closed row: files go in, and a batch of their pairs under the jobs comes out.

    Args:
        batches: makes the videos.
        max_seconds: longest video that is accepted; None: no limit.

    Attributes:
        start: the button.
    """

    def __init__(self, batches: VideoBatches, max_seconds: float | None) -> None:
        self.batches, self.max_seconds = batches, max_seconds
        with gr.Accordion(label("batch.heading"), open=False, elem_id="batch"):
            gr.HTML(f'<p class="figures">{localized("batch.how")}</p>')
            self.files = gr.File(
                label=label("batch.files"),
                file_count="multiple",
                file_types=["video", "image", "audio", TABLE],
                height=160,
                elem_id="batch-files",
            )
            self.pairs = gr.HTML(elem_id="batch-pairs")
            self.agreed = gr.Checkbox(label=label("batch.agreed"), elem_id="batch-agreed")
            self.start = gr.Button(label("batch.start"), elem_id="batch-start")
            self.status = gr.HTML(elem_id="batch-status")
        # Not ``change``: that the files of a batch leave the form once it has begun takes nothing back.
        chosen = [self.files.upload, self.files.delete, self.files.clear]
        gr.on(chosen, self.on_files, self.files, [self.pairs, self.status], **QUIET)

    def attach(self, inputs: Inputs, written_as: Sequence[Any]) -> Any:
        """Let the button start a batch with the model and the settings of the form.

        Args:
            inputs: the form; its faces and speech are not used.
            written_as: components of the format, the size, the quality and the captions.

        Returns:
            What happens then, for others to follow.
        """
        settings = [inputs.method, inputs.length, inputs.mark, inputs.opening, inputs.sharpen, *written_as]
        shown = [self.files, self.agreed, self.pairs, self.status]
        return self.start.click(self.on_start, [self.files, self.agreed, *settings], shown, **QUIET)

    def on_files(self, files: list[str] | None) -> list[str]:
        """What would be made of the files."""
        try:
            pairs = pairs_of(files) if files else []
        except LipSyncError as error:
            return ["", markup.trouble(error)]
        return [_named(pairs) if pairs else "", ""]

    def on_start(self, files: list[str] | None, agreed: bool, *settings: Any) -> Update:
        """Start a batch; where there can be none, say why and keep the files."""
        try:
            pairs = pairs_of(files or [])
            asked = next((pair.face for pair in pairs if not is_example(pair.face)), None)
            if asked is not None and not agreed:
                raise MissingInput("batch.agreement_missing", path=asked.name)
            self.batches.submit([self._entry(pair, *settings) for pair in pairs])
        except LipSyncError as error:
            return {self.status: markup.trouble(error)}
        started = f'<p class="figures">{localized("batch.started", count=len(pairs))}</p>'
        return {self.files: None, self.agreed: False, self.pairs: "", self.status: started}

    def _entry(
        self, pair: FaceSpeechPair, method: str, length: str, mark: bool, opening: float, *more: Any
    ) -> BatchEntry:
        """The request for a pair, or why there can be none."""
        sharpen, ending, size, quality, captions = more
        form = GenerateForm(
            face=str(pair.face),
            speech=None if pair.audio is None else str(pair.audio),
            own_sound=pair.audio is None,
            consent=True,
            method=method,
            length=length,
            label=mark,
            mouth_opening=opening,
            sharpen=sharpen,
            format=ending,
            size=size,
            quality=quality,
            captions=captions,
        )
        try:
            wanted = request(form, self.max_seconds)
        except LipSyncError as problem:
            return BatchEntry(pair.item, None, problem)
        return BatchEntry(pair.item, replace(wanted, output=Path(f"{file_stem(pair.item)}.{ending}")))


def pairs_of(files: Sequence[str]) -> list[FaceSpeechPair]:
    """The pairs of faces and speeches among uploaded files: those of a CSV, or all combinations.

    Raises:
        ConfigError: a face or a speech is missing, two files have one name, the CSV does not fit the files,
            or there are too many pairs.
    """
    paths = {Path(file).name: Path(file) for file in files}
    if len(paths) < len(files):
        names = [Path(file).name for file in files]
        raise ConfigError("batch.same_name", name=next(name for name in names if names.count(name) > 1))
    tables, faces, speeches = (
        [path for path in paths.values() if path.suffix.lower() in endings]
        for endings in ({TABLE}, VIDEO_SUFFIXES | PHOTO_SUFFIXES, SOUND_SUFFIXES)
    )
    if len(tables) > 1:
        raise ConfigError("batch.two_tables", first=tables[0].name, second=tables[1].name)
    if tables:  # uploads lose some signs of their names
        pairs = read_pairs(tables[0], lambda name: paths.get(strip_invalid_filename_characters(name)))
    elif not faces or not speeches:
        raise MissingInput("batch.no_speech" if faces else "batch.no_face")
    else:
        pairs = combined(faces, speeches)
    if len(pairs) > MOST:
        raise ConfigError("batch.too_many", count=len(pairs), most=MOST)
    return pairs


def file_stem(item: str) -> str:
    """The name of a video: its item, with signs that a file name may not hold as hyphens."""
    return re.sub(r'[\\/:*?"<>|\x00-\x1f]', "-", item).strip(" .")[:60] or "video"


def _named(pairs: Sequence[FaceSpeechPair]) -> str:
    """How many videos there would be, and the first of them."""
    items = ", ".join(pair.item for pair in pairs[:NAMED]) + (", …" if len(pairs) > NAMED else "")
    return f'<p class="figures">{localized("batch.count", count=len(pairs), items=items)}</p>'
