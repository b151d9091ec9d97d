"""The Generate tab: a face and speech in, a video whose lips follow the speech out."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from lipsync.errors import LipSyncError
from lipsync.media import probe
from lipsync.methods import DEFAULT, METHODS, cards
from lipsync.texts import say
from lipsync.ui import markup
from lipsync.ui.intake import EXAMPLES, SAMPLES, is_example, look, pointed, request
from lipsync.ui.jobs import Job, Jobs

POLL = 0.25  # s between two looks at a running job
Update = dict[Any, Any]


@dataclass(frozen=True)
class GenerateTab:
    """What other tabs take from this one.

    Attributes:
        tab: to jump to.
        result: State with the path of the last result, a str or None.
        source: State with the path of the face video or photo of that result.
        actions: the row of buttons under the result, for "send to …".
    """

    tab: gr.Tab
    result: gr.State
    source: gr.State
    actions: gr.Row


class _Page:
    """Components of the tab and what their events do; values come in as arguments and go out as updates."""

    def __init__(self, jobs: Jobs, max_seconds: float | None) -> None:
        self.jobs, self.max_seconds = jobs, max_seconds
        self.job = gr.BrowserState(None, storage_key="lipsync-job", secret="job")
        self.result, self.source, self.boxes = gr.State(), gr.State(), gr.State([])
        with gr.Row(equal_height=False):
            with gr.Column(scale=5, min_width=300):
                self._face()
                self._speech()
                self._method()
            with gr.Column(scale=6, min_width=300):
                with gr.Row(elem_id="actions"):
                    self.start = gr.Button(say("job.start"), variant="primary", size="lg", elem_id="start")
                    self.cancel = gr.Button(say("job.cancel"), visible=False, size="lg", elem_id="cancel")
                self._result()
        self._listen()

    def _face(self) -> None:
        gr.HTML(markup.heading("face.heading"))
        with gr.Row(elem_classes="examples-row"):
            self.samples = {key: gr.Button(say(key), size="sm") for key in SAMPLES}
        with gr.Tabs():
            with gr.Tab(say("face.upload")):
                self.face = gr.File(
                    value=str(EXAMPLES / "portrait.mp4"),
                    label=say("face.file"),
                    file_types=["video", "image"],
                    height=140,
                    elem_id="face",
                )
            with gr.Tab(say("face.camera")):
                self.camera = gr.Video(
                    sources=["webcam"], include_audio=True, label=say("face.record"), height=280
                )
        self.preview = gr.Image(
            label=say("face.preview"),
            show_label=False,
            interactive=False,
            height=220,
            buttons=[],
            elem_classes="preview",
            elem_id="preview",
        )
        self.face_facts = gr.HTML(elem_id="face-facts")
        self.which = gr.Radio(
            [(say("face.largest"), -1)],
            value=-1,
            label=say("face.which"),
            info=say("face.which.info"),
            visible=False,
        )
        self.consent = gr.Checkbox(label=say("face.consent"), visible=False, elem_id="consent")

    def _speech(self) -> None:
        gr.HTML(markup.heading("speech.heading"))
        self.speech = gr.Audio(
            value=str(EXAMPLES / "english.wav"),
            sources=["upload", "microphone"],
            type="filepath",
            label=say("speech.file"),
            buttons=[],
            elem_id="speech",
        )
        self.own_sound = gr.Checkbox(label=say("speech.own"), elem_id="own-sound")

    def _method(self) -> None:
        gr.HTML(markup.heading("method.heading"))
        self.method = gr.Radio(
            [(say(f"method.{card.name}"), card.name) for card in cards()],
            value=DEFAULT,
            label=say("method.heading"),
            show_label=False,
            container=False,
            elem_classes="methods",
        )
        self.card = gr.HTML(self.card_of(DEFAULT))
        with gr.Accordion(say("advanced.heading"), open=False):
            self.length = gr.Radio(
                [(say("length.audio"), "audio"), (say("length.video"), "video")],
                value="audio",
                label=say("length.label"),
            )
            self.mark = gr.Checkbox(True, label=say("mark.label"), info=say("mark.info"))

    def _result(self) -> None:
        self.status = gr.HTML(markup.empty(), elem_id="status")
        self.view = gr.Radio(
            [(say(f"result.view.{name}"), name) for name in ("result", "input", "both")],
            value="result",
            label=say("result.view"),
            show_label=False,
            container=False,
            visible=False,
            elem_id="view",
        )
        with gr.Row(elem_classes="players"):
            media: dict[str, Any] = {"interactive": False, "visible": False, "min_width": 240}
            self.input_video = gr.Video(label=say("result.input"), buttons=[], elem_id="input-video", **media)
            self.input_photo = gr.Image(label=say("result.input"), buttons=[], type="filepath", **media)
            self.output = gr.Video(label=say("result.video"), buttons=[], elem_id="result", **media)
        self.facts = gr.HTML(elem_id="facts")
        with gr.Row() as self.actions:
            self.download = gr.DownloadButton(say("result.download"), visible=False, elem_id="download")

    def _listen(self) -> None:
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        faces = [self.preview, self.boxes, self.face_facts, self.which, self.consent]
        for part in (self.face, self.camera):
            part.change(self.on_face, [self.face, self.camera], faces, **quiet)
        for key, button in self.samples.items():
            button.click(
                lambda key=key: [str(EXAMPLES / name) for name in SAMPLES[key]] + [None, False],
                None,
                [self.face, self.speech, self.camera, self.own_sound],
                **quiet,
            )
        self.preview.select(self.on_point, self.boxes, self.which, **quiet)
        self.method.change(self.card_of, self.method, self.card, **quiet)
        inputs = [
            self.face, self.camera, self.speech, self.own_sound, self.consent,
            self.method, self.which, self.length, self.mark,
        ]  # fmt: skip
        shown = [
            self.job, self.start, self.cancel, self.status, self.view, self.input_video, self.input_photo,
            self.output, self.facts, self.download, self.card, self.result, self.source,
        ]  # fmt: skip
        self.start.click(self.on_start, inputs, shown, concurrency_limit=None, **quiet)
        self.cancel.click(self.on_cancel, self.job, None, queue=False, **quiet)
        sides = [self.input_video, self.input_photo, self.output]
        self.view.change(self.on_view, [self.view, self.source], sides, **quiet)
        self.shown, self.faces = shown, faces

    def on_load(self, demo: gr.Blocks) -> None:
        """Show the example's faces, and find the job again that a page was reloaded from."""
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        demo.load(self.on_face, [self.face, self.camera], self.faces, **quiet)
        demo.load(self.on_resume, self.job, self.shown, concurrency_limit=None, **quiet)

    def card_of(self, method: str) -> str:
        entry = METHODS.get(method)
        return markup.method_card(entry.card, self.jobs.speed(method), entry.ready)

    def on_face(self, face: str | None, camera: str | None) -> Update:
        chosen = camera or face
        which = gr.update(choices=[(say("face.largest"), -1)], value=-1, visible=False)
        try:
            picture, boxes, facts = look(chosen)
        except LipSyncError as error:
            picture, boxes, facts = None, [], markup.trouble(error)
        if len(boxes) > 1:
            numbers = [(str(number), number) for number in range(len(boxes))]
            which = gr.update(choices=[(say("face.largest"), -1), *numbers], value=-1, visible=True)
        return {
            self.preview: gr.update(value=picture, visible=picture is not None),
            self.boxes: boxes,
            self.face_facts: facts,
            self.which: which,
            self.consent: gr.update(visible=bool(chosen) and not is_example(str(chosen)), value=False),
        }

    def on_point(self, boxes: list[list[float]], event: gr.SelectData) -> Any:
        return pointed(boxes, *event.index) if len(boxes) > 1 else gr.skip()

    async def on_start(self, face: str, camera: str, *options: Any) -> AsyncIterator[Update]:
        speech, own, consent, method, which, length, mark = options
        try:
            wanted = request(
                camera or face, speech, own, consent, method, which, length, mark, self.max_seconds
            )
            job = self.jobs.submit(wanted)
        except LipSyncError as error:
            yield {self.status: gr.update(value=markup.trouble(error), visible=True)}
            return
        async for update in self._follow(job, {self.job: job.id, **self._hidden()}):
            yield update

    async def on_resume(self, name: str | None) -> AsyncIterator[Update]:
        job = self.jobs.get(name)
        if job is None:
            yield {self.job: None}
            return
        async for update in self._follow(job):
            yield update

    def on_cancel(self, name: str | None) -> None:
        job = self.jobs.get(name)
        if job is not None:
            job.cancel.set()

    def on_view(self, view: str, source: str | None) -> Update:
        photo = source is not None and probe(source).kind == "photo"
        wanted = view in ("input", "both")
        return {
            self.input_video: gr.update(visible=wanted and not photo),
            self.input_photo: gr.update(visible=wanted and photo),
            self.output: gr.update(visible=view in ("result", "both")),
        }

    def _hidden(self) -> Update:
        gone = gr.update(value=None, visible=False)
        return {
            **dict.fromkeys((self.input_video, self.input_photo, self.output, self.download), gone),
            self.view: gr.update(value="result", visible=False),
            self.facts: "",
        }

    async def _follow(self, job: Job, first: Update | None = None) -> AsyncIterator[Update]:
        """Updates until the job is over. Each is complete: a browser may pass over one of a quick series."""
        minutes = round(self.jobs.keep / 60)
        busy: Update = {self.start: gr.update(interactive=False), self.cancel: gr.update(visible=True)}
        last = ""
        while not job.over:
            text = markup.running(job, self.jobs.ahead(job), minutes)
            if text != last:
                last = text
                yield busy | (first or {}) | {self.status: gr.update(value=text, visible=True)}
            await asyncio.sleep(POLL)
        ready = {self.start: gr.update(interactive=True), self.cancel: gr.update(visible=False)}
        if job.result is not None:
            yield ready | {self.job: job.id} | self._done(job)
        elif job.state == "cancelled":
            yield ready | {self.status: gr.update(value=markup.cancelled(), visible=True), self.job: None}
        else:
            error = job.error or RuntimeError("no reason")
            yield ready | {self.status: gr.update(value=markup.trouble(error), visible=True), self.job: None}

    def _done(self, job: Job) -> Update:
        assert job.result is not None
        path, face = str(job.result.path), job.request.face
        photo = probe(face).kind == "photo"
        return {
            self.status: gr.update(value="", visible=False),
            self.view: gr.update(value="result", visible=True),
            self.output: gr.update(value=path, visible=True),
            self.input_video: gr.update(value=None if photo else str(face), visible=False),
            self.input_photo: gr.update(value=str(face) if photo else None, visible=False),
            self.facts: markup.facts(job.result),
            self.download: gr.update(value=path, visible=True),
            self.card: self.card_of(job.request.method),
            self.result: path,
            self.source: str(face),
        }


def build(demo: gr.Blocks, jobs: Jobs, max_seconds: float | None = None) -> GenerateTab:
    """Add the tab to ``demo``, inside its ``gr.Tabs()``.

    Args:
        jobs: does the work.
        max_seconds: longest result that is accepted; None: no limit.
    """
    with gr.Tab(say("generate.tab"), id="generate") as tab:
        page = _Page(jobs, max_seconds)
    page.on_load(demo)
    return GenerateTab(tab, page.result, page.source, page.actions)
