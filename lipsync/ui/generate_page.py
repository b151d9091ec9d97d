"""The Generate tab: a face and speech in, a video whose lips follow the speech out."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from lipsync.errors import LipSyncError, MissingInput
from lipsync.media.output.captions import caption_file
from lipsync.methods.hub_name import PREFIX as HUB
from lipsync.ui import markup
from lipsync.ui.choices.cut_choice import chosen_range
from lipsync.ui.choices.output_choice import OutputChoice
from lipsync.ui.generate_queue import Job, Jobs
from lipsync.ui.job_queue import FORGOTTEN, states_of
from lipsync.ui.jobs.batch_panel import BatchPanel
from lipsync.ui.jobs.batch_queue import VideoBatches
from lipsync.ui.jobs.my_jobs import MyJobs
from lipsync.ui.languages import label
from lipsync.ui.live_page import LivePart
from lipsync.ui.page_events import MODEL, QUIET, PageState
from lipsync.ui.players.locked_player import locked_player
from lipsync.ui.players.result_player import VIEWS, result_payload
from lipsync.ui.request_form import Inputs
from lipsync.ui.speaker_choice import who_speaks
from lipsync.ui.uploads import (
    GenerateForm,
    hub_choice,
    learning,
    reference_pictures,
    request,
)

Update = dict[Any, Any]
# An error goes when a person changes the inputs it was about, not when the server fills one in. Done in the
# browser, since an answer of the server could come too late.
TAKE_BACK = f"""(status) => !status.includes('class="trouble"') || "started" in document.body.dataset ? status
    : document.querySelector("#result video") ? "" : {json.dumps(markup.empty())}"""


@dataclass(frozen=True)
class GenerateTab:
    """What other tabs take from this one.

    Attributes:
        tab: to jump to.
        result: State with the path of the last result, a str or None.
        source: State with the path of the face video or photo of that result.
        actions: the row of buttons under the result, shown while there is one. Other tabs add theirs:
            ``with page.actions: gr.Button(...)``.
    """

    tab: gr.Tab
    result: PageState
    source: PageState
    actions: gr.Row


class _GeneratePage:
    """Components of the tab and what their events do; values come in as arguments and go out as updates."""

    def __init__(self, jobs: Jobs, batches: VideoBatches, max_seconds: float | None) -> None:
        self.jobs, self.max_seconds = jobs, max_seconds
        self.job = gr.BrowserState(None, storage_key="lipsync-job", secret="job")
        self.result, self.source, self.learned = PageState(), PageState(), PageState()
        with gr.Row(equal_height=False):
            with gr.Column(scale=5, min_width=300):
                self.inputs = Inputs(jobs)
                self.written_as = OutputChoice()
            with gr.Column(scale=6, min_width=300):
                with gr.Row(elem_id="actions"):
                    self.start = gr.Button(label("job.start"), variant="primary", size="lg", elem_id="start")
                    self.cancel = gr.Button(label("job.cancel"), visible=False, size="lg", elem_id="cancel")
                self._result()
                self.my_jobs = MyJobs(jobs, batches)
                self.batch = BatchPanel(batches, max_seconds)
                LivePart(self.inputs)
        self._listen()

    def _result(self) -> None:
        self.status = gr.HTML(markup.empty(), elem_id="status")
        with gr.Row(visible=False) as self.actions:
            self.download = gr.DownloadButton(label("result.download"), elem_id="download")
        with gr.Row(visible=False) as self.viewing:
            self.view = gr.Radio(
                [(label(f"result.view.{name}"), name) for name in VIEWS],
                value="result",
                label=label("result.view"),
                show_label=False,
                container=False,
                elem_id="view",
            )
        self.player = locked_player("result")
        with gr.Row(elem_classes="players"):
            self.gif = gr.Image(
                label=label("result.video"), buttons=[], type="filepath", elem_id="result-gif",
                interactive=False, visible=False,
            )  # fmt: skip
        self.facts = gr.HTML(elem_id="facts")
        self.captions = gr.DownloadButton(
            label("result.captions"), size="sm", visible=False, elem_id="download-captions"
        )

    def _listen(self) -> None:
        shown = [
            self.job, self.start, self.cancel, self.status, self.viewing, self.view, self.player, self.gif,
            self.facts, self.actions, self.download, self.captions,
            self.inputs.card, self.inputs.choice.looks, self.result, self.source, self.learned,
        ]  # fmt: skip
        values = [*self.inputs.cuts, *self.inputs.values, *self.written_as.values]
        self.start.click(self.on_start, values, shown, **MODEL, **QUIET)
        self.cancel.click(self.on_cancel, self.job, None, queue=False, **QUIET)
        self.view.input(self.on_view, [self.view, self.job], [self.player, self.gif], **QUIET)
        self.shown = shown
        changes = [value.change for value in values]
        gr.on(changes, None, self.status, self.status, js=TAKE_BACK, **QUIET)
        # The browser remembers which cores it had made; nobody else is shown them.
        given = self.inputs
        self.learned.change(
            given.on_learned,
            [self.learned, given.cores, given.more_lines],
            [given.cores, given.learn, given.minutes, given.method, given.more_lines],
            **QUIET,
        )

    def on_load(self, demo: gr.Blocks) -> None:
        """Show the example's faces, and find the job again that a page was reloaded from."""
        demo.load(self.on_resume, self.job, self.shown, concurrency_limit=None, **QUIET)
        given = self.inputs
        filled_in = [
            *given.values, *self.written_as.values, given.restored, given.more_lines, *given.choice.rest,
            given.face_cut.restored, given.speech_cut.restored,
        ]  # fmt: skip
        restored = demo.load(
            self.on_restore, [self.job, given.cores, given.more_lines, given.method], filled_in, **QUIET
        )
        restored.then(given.on_face, given.face_inputs, given.faces, **QUIET)
        listed = self.my_jobs
        started = self.batch.attach(given, self.written_as.values)
        started.then(listed.show, None, listed.shown, **QUIET)
        listed.listing.select(self.on_open, None, self.shown, concurrency_limit=None, **QUIET)
        again = listed.listing.submit(
            self.on_again, [given.cores, given.more_lines], [*filled_in, self.status], **QUIET
        )
        again.then(given.on_face, given.face_inputs, given.faces, **QUIET)
        for change in listed.attach(demo, self.job):
            change.then(self.on_gone, self.job, self.shown, **QUIET)
        for filled in (restored, again):
            given.face_cut.fill(filled, **QUIET)
            given.speech_cut.fill(filled, **QUIET)

    async def on_start(
        self, face_cut: Any, speech_cut: Any, face: str, camera: str, *options: Any
    ) -> AsyncIterator[Update]:
        filled_in, (learn, minutes), written_as = options[:-6], options[-6:-4], options[-4:]
        try:
            form = GenerateForm(camera or face, *filled_in, *written_as)
            parts = chosen_range(face_cut, form.face), chosen_range(speech_cut, form.speech)
            form = replace(form, face_range=parts[0], speech_range=parts[1])
            wanted = request(form, self.max_seconds)
            job = self.jobs.submit(wanted, learning(wanted, minutes) if learn else None)
        except LipSyncError as error:
            yield {self.status: gr.update(value=markup.trouble(error), visible=True)}
            return
        async for update in self._follow(job, {self.job: job.id, **self._hidden()}):
            yield update

    async def on_resume(self, name: str | None) -> AsyncIterator[Update]:
        job = self.jobs.get(name)
        if job is None:
            yield {self.job: FORGOTTEN}
            return
        async for update in self._follow(job):
            yield update

    def on_restore(
        self, name: str | None, cores: list[str], lines: list[tuple[str, str]], method: str
    ) -> Update:
        """The menu of methods, and what a job was given: the one the page was reloaded from, or another."""
        job, given = self.jobs.get(name), self.inputs
        if job is None:
            return given.choice.on_load() | given.on_cores(cores, lines, method)
        wanted = job.request
        if wanted.method.startswith(HUB):
            lines = [*lines, hub_choice(wanted.method)]
        filled_in: Update = {
            given.face: str(wanted.face),
            given.camera: None,  # a recording would count in place of the file
            given.speech: gr.skip() if wanted.audio is None else str(wanted.audio),
            given.own_sound: wanted.audio is None,
            given.restored: (str(wanted.face), who_speaks(wanted)),
            given.length: wanted.length,
            given.mark: wanted.label,
            given.opening: wanted.mouth_opening,
            given.sharpen: wanted.sharpen,
            **self.written_as.restored(wanted),
            given.face_cut.restored: (str(wanted.face), wanted.face_range),
            given.speech_cut.restored: (str(wanted.audio), wanted.audio_range),
        }
        if job.learn is not None and job.adapted is None:
            minutes = gr.update(value=job.learn.minutes, visible=True)
            filled_in |= {given.learn: True, given.minutes: minutes}
        else:
            filled_in |= {given.learn: False, given.minutes: gr.update(visible=False)}
        return filled_in | given.choice.on_load() | given.on_cores(cores, lines, wanted.method)

    async def on_open(self, request: gr.Request, event: gr.EventData) -> AsyncIterator[Update]:
        """Show the result of a job of the list in the player."""
        job = self.my_jobs.asked_for(request, event)
        if not isinstance(job, Job) or job.result is None:
            yield {self.job: gr.skip()}
            return
        async for update in self._follow(job):
            yield update

    def on_again(
        self, cores: list[str], lines: list[tuple[str, str]], request: gr.Request, event: gr.EventData
    ) -> Update:
        """Fill the form with what a job of the list was given; where a file is gone, say so."""
        job = self.my_jobs.asked_for(request, event)
        if not isinstance(job, Job):
            return {self.status: gr.skip()}
        lost = [path for path in (job.request.face, job.request.audio) if path and not path.is_file()]
        if lost:
            error = MissingInput("jobs.input_gone", path=lost[0].name)
            return {self.status: gr.update(value=markup.trouble(error), visible=True)}
        return self.on_restore(job.id, cores, lines, job.request.method)

    def on_gone(self, name: str | None) -> Update:
        """Show a result no longer that was deleted."""
        if name in (None, FORGOTTEN) or self.jobs.get(name) is not None:
            return {self.job: gr.skip()}
        return {
            **self._hidden(),
            self.job: FORGOTTEN,
            self.status: gr.update(value=markup.empty(), visible=True),
        }

    def on_cancel(self, name: str | None) -> None:
        job = self.jobs.get(name)
        if job is not None:
            job.cancel.set()

    def on_view(self, view: str, name: str | None) -> Update:
        job = self.jobs.get(name)
        if job is None or job.result is None:  # kept no longer
            return {self.player: gr.skip()}
        drawn = is_gif(str(job.result.path)) and view in ("result", "both")
        return {self.player: result_payload(job, view), self.gif: gr.update(visible=drawn)}

    def _hidden(self) -> Update:
        return {
            self.player: {},
            self.gif: gr.update(value=None, visible=False),
            **dict.fromkeys((self.viewing, self.actions, self.captions), gr.update(visible=False)),
            self.view: "result",
            self.facts: "",
        }

    async def _follow(self, job: Job, first: Update | None = None) -> AsyncIterator[Update]:
        """Updates until the job is over. Each is complete: a browser may pass over one of a quick series."""
        hours = round(self.jobs.keep / 3600)
        busy: Update = {self.start: gr.update(interactive=False), self.cancel: gr.update(visible=True)}
        async for text in states_of(job, lambda: markup.running(job, self.jobs.ahead(job), hours)):
            yield busy | (first or {}) | {self.status: gr.update(value=text, visible=True)}
        ready = {self.start: gr.update(interactive=True), self.cancel: gr.update(visible=False)}
        if job.result is not None:
            yield ready | {self.job: job.id} | self._done(job, plays=first is not None)
        elif job.state == "cancelled":
            cancelled = gr.update(value=markup.cancelled(), visible=True)
            yield ready | {self.status: cancelled, self.job: FORGOTTEN}
        else:
            error = job.error or RuntimeError("no reason")
            trouble = gr.update(value=markup.trouble(error), visible=True)
            yield ready | {self.status: trouble, self.job: FORGOTTEN}

    def _done(self, job: Job, plays: bool) -> Update:
        assert job.result is not None
        path, animated = str(job.result.path), is_gif(str(job.result.path))
        captions = str(caption_file(job.result.path)) if job.result.captions else None
        return {
            self.status: gr.update(value="", visible=False),
            **dict.fromkeys((self.viewing, self.actions), gr.update(visible=True)),
            self.view: "result",
            self.player: result_payload(job, "result", plays),
            self.gif: gr.update(value=path if animated else None, visible=animated),
            self.facts: markup.facts(job.result)
            + markup.references(reference_pictures(job.result, job.request.face)),
            self.download: path,
            self.captions: gr.update(value=captions, visible=captions is not None),
            self.inputs.card: self.inputs.card_of(job.request.method),
            self.inputs.choice.looks: self.inputs.choice.style(),
            self.result: path,
            self.source: str(job.source),
            self.learned: job.request.method if job.adapted is not None else None,
        }


def is_gif(path: str | None) -> bool:
    """Whether a result is shown as a picture, which moves, and not in a player."""
    return path is not None and path.endswith(".gif")


def build(
    demo: gr.Blocks, jobs: Jobs, batches: VideoBatches, max_seconds: float | None = None
) -> GenerateTab:
    """Add the tab to ``demo``, inside its ``gr.Tabs()``.

    Args:
        jobs: does the work.
        batches: asks for many jobs at once.
        max_seconds: longest result that is accepted; None: no limit.
    """
    with gr.Tab(label("generate.tab"), id="generate") as tab:
        page = _GeneratePage(jobs, batches, max_seconds)
    page.on_load(demo)
    return GenerateTab(tab, page.result, page.source, page.actions)
