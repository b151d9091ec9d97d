"""What a person chooses to make a face speak: the face, the speech, one method or several."""

from typing import Any

import gradio as gr

from lipsync.errors import LipSyncError
from lipsync.methods import AUTO, DEFAULT, METHODS
from lipsync.methods.adapted import PREFIX as ADAPTED
from lipsync.methods.adapted import SECRET, adapted_names, delete_adapted
from lipsync.methods.auto import candidates
from lipsync.ui import markup
from lipsync.ui.choices.cut_choice import CutChoice
from lipsync.ui.choices.still import StillImage, follow_cut, still_of_speaker
from lipsync.ui.choices.text_speech import TextSpeech
from lipsync.ui.generate_queue import Jobs
from lipsync.ui.languages import label, localized
from lipsync.ui.model_choice import ModelChoice, lines, several_models
from lipsync.ui.page_events import QUIET, PageState
from lipsync.ui.speaker_choice import lines_of_faces, lines_of_people, people_in, portraits
from lipsync.ui.uploads import (
    EXAMPLES,
    SAMPLES,
    adapted_choice,
    hub_choice,
    is_example,
    look,
    menu,
    model_card,
    pointed,
    same_face,
)

Update = dict[Any, Any]


class Inputs:
    """The left half of the Generate page, and again where a face is re-lipped by several methods.

    Args:
        prefix: of the ids of the elements, so that two of these fit into one page.
        several: more than one method can be chosen; then ``method`` is a list of names.

    Attributes:
        values: components in the order of ``lipsync.ui.uploads.GenerateForm``, the camera after the face; for
            one method the mouth opening, the sharpening, whether to learn the face first, and for how many
            minutes come last.
        cuts: the parts of face video and speech that are used; not there where there may be several.
        choice: of the one method; not there where there may be several.
        card: about the chosen method; empty where there may be several.
        cores: names of the adapted cores that this browser had made.
        restored: face and speaker of the job that the page was reloaded from, whose consent was given.
        looked_at: State with the face that is shown, and that the box for the consent is about.
        learn: whether the face is learned first.
    """

    def __init__(self, jobs: Jobs, prefix: str = "", several: bool = False) -> None:
        self.jobs, self.prefix, self.several = jobs, prefix, several
        self.boxes, self.restored, self.looked_at = PageState([]), PageState(), PageState()
        self.cores = gr.BrowserState([], storage_key="lipsync-cores", secret="cores")
        self._face()
        self._speech()
        self._method()
        self.values = [
            self.face, self.camera, self.speech, self.own_sound, self.consent,
            self.method, self.which, self.length, self.mark,
        ]  # fmt: skip
        if not several:
            self.values += [self.opening, self.sharpen, self.learn, self.minutes]
            self.cuts = [self.face_cut.value, self.speech_cut.value]
        self._listen()

    def _face(self) -> None:
        gr.HTML(markup.heading("face.heading"))
        with gr.Row(elem_classes="examples-row"):
            self.samples = {key: gr.Button(label(key), size="sm") for key in SAMPLES}
        with gr.Tabs():
            with gr.Tab(label("face.upload")):
                self.face = gr.File(
                    value=str(EXAMPLES / "portrait.mp4"),
                    label=label("face.file"),
                    file_types=["video", "image"],
                    height=140,
                    elem_id=f"{self.prefix}face",
                )
            with gr.Tab(label("face.camera")):
                self.camera = gr.Video(  # a mirrored one needs the program ffmpeg
                    sources=["webcam"], webcam_options=gr.WebcamOptions(mirror=False), include_audio=True,
                    label=label("face.record"), height=280,
                )  # fmt: skip
        self.preview = StillImage(
            label=label("face.preview"), show_label=False, interactive=False, height=220, buttons=[],
            elem_classes="preview", elem_id=f"{self.prefix}preview",
        )  # fmt: skip
        self.face_facts = gr.HTML(elem_id=f"{self.prefix}face-facts")
        if not self.several:
            self.face_cut = CutChoice("face", "face-cut")
        self.which = gr.Radio(
            [(label("face.largest"), -1)], value=-1, label=label("face.which"), visible=False,
            elem_id=f"{self.prefix}which",
        )  # fmt: skip
        consent = label("face.consent")
        self.consent = gr.Checkbox(label=consent, visible=False, elem_id=f"{self.prefix}consent")

    def _speech(self) -> None:
        gr.HTML(markup.heading("speech.heading"))
        self.speech = gr.Audio(
            value=str(EXAMPLES / "english.wav"),
            sources=["upload", "microphone"],
            type="filepath",
            label=label("speech.file"),
            buttons=[],
            editable=self.several,  # else the row below cuts, and what it cut stays to be changed
            elem_id=f"{self.prefix}speech",
        )
        if not self.several:
            self.speech_cut = CutChoice("speech", "speech-cut")
        self.video_speech = gr.UploadButton(
            label("speech.video"),
            file_types=["video", "audio"],
            size="sm",
            elem_id=f"{self.prefix}speech-video",
        )
        self.own_sound = gr.Checkbox(label=label("speech.own"), elem_id=f"{self.prefix}own-sound")
        TextSpeech(self.jobs.speeches, self.prefix, self.speech, self.own_sound)

    def _method(self) -> None:
        gr.HTML(markup.heading("method.heading"))
        if not self.several:
            self.choice = ModelChoice(self.jobs)
        self.method: Any = several_models(self.prefix) if self.several else self.choice.method
        self._about()
        self._learning()
        with gr.Accordion(label("hub.heading"), open=False, elem_id=f"{self.prefix}hub"):
            self.hub_name = gr.Textbox(
                label=label("hub.name"),
                info=label("hub.name.info"),
                max_lines=1,
                elem_id=f"{self.prefix}hub-name",
            )
            self.hub_use = gr.Button(label("hub.use"), size="sm", elem_id=f"{self.prefix}hub-use")
            self.hub_status = gr.HTML(visible=False, elem_id=f"{self.prefix}hub-status")
        self.more_lines = PageState([])
        with gr.Accordion(label("advanced.heading"), open=False):
            self.opening = gr.Slider(
                0.6, 1.6, value=1.0, step=0.05, label=label("opening.label"), info=label("opening.info"),
                interactive=_opens(DEFAULT), visible=not self.several, elem_id=f"{self.prefix}opening",
            )  # fmt: skip
            self.sharpen = gr.Slider(
                0.0, 1.0, value=0.0, step=0.05, label=label("sharpen.label"), info=label("sharpen.info"),
                visible=not self.several, elem_id=f"{self.prefix}sharpen",
            )  # fmt: skip
            self.length = gr.Radio(
                [(label("length.audio"), "audio"), (label("length.video"), "video")],
                value="audio",
                label=label("length.label"),
            )
            self.mark = gr.Checkbox(True, label=label("mark.label"), info=label("mark.info"))

    def _learning(self) -> None:
        """The tick that adapts the method to the face, and what removes such a core again."""
        self.learn = gr.Checkbox(
            False,
            label=label("learn.label"),
            info=label("learn.info"),
            visible=not self.several,
            elem_id=f"{self.prefix}learn",
        )
        self.minutes = gr.Slider(
            0.5, 10.0, value=2.0, step=0.5, label=label("learn.minutes"), visible=False,
            elem_id=f"{self.prefix}minutes",
        )  # fmt: skip
        self.forget = gr.Button(
            label("learn.delete"), size="sm", visible=False, elem_id=f"{self.prefix}forget"
        )
        self.forgot = gr.HTML(visible=False, elem_id=f"{self.prefix}forgot")

    def _about(self) -> None:
        """The card of the chosen method; with several, the menu's line on each has to do."""
        if self.several:
            self.card = gr.HTML(visible=False)
            return
        self.card = gr.HTML(self.card_of(DEFAULT))
        text = model_card(DEFAULT)
        with gr.Accordion(
            label("method.model_card"), open=False, visible=bool(text), elem_id="model-card"
        ) as self.model_card:
            self.model_text = gr.Markdown(text)

    def _listen(self) -> None:
        self.face_inputs = [self.face, self.camera, self.restored, self.looked_at]
        self.faces = [self.preview, self.boxes, self.face_facts, self.which, self.consent, self.looked_at]
        # One event of both, not one each: of two requests on their way the older may be answered last.
        changes = [self.face.change, self.camera.change]
        gr.on(changes, self.on_change, self.face_inputs, self.faces, trigger_mode="always_last", **QUIET)
        for key, button in self.samples.items():
            button.click(
                lambda key=key: [str(EXAMPLES / name) for name in SAMPLES[key]] + [None, False],
                None,
                [self.face, self.speech, self.camera, self.own_sound],
                **QUIET,
            )
        # The face that was chosen last counts, so a new file takes the place of a recording.
        self.face.upload(lambda: None, None, self.camera, **QUIET)
        self.video_speech.upload(
            lambda path: [path, False], self.video_speech, [self.speech, self.own_sound], **QUIET
        )
        self.preview.select(self.on_point, [self.boxes, self.which], self.which, **QUIET)
        cut = [] if self.several else [self.face_cut.value]
        given = [self.face, self.camera, self.which, *cut]
        self.which.change(still_of_speaker, given, self.preview, **QUIET)
        for happens in (self.hub_use.click, self.hub_name.submit):
            happens(
                self.on_core,
                [self.hub_name, self.more_lines, self.method],
                [self.method, self.more_lines, self.hub_status],
                **QUIET,
            )
        if not self.several:
            self.face_cut.follow([self.face, self.camera], **QUIET)
            self.speech_cut.follow([self.speech], **QUIET)
            shown = [self.preview, self.boxes, self.which]
            follow_cut([self.face, self.camera], self.face_cut.value, shown, **QUIET)
            self.choice.attach(self.more_lines, self.card, self.card_of)
            about = [self.card, self.model_card, self.model_text, self.opening, self.forget]
            self.method.change(self.on_method, self.method, about, **QUIET)
            self.learn.input(lambda on: gr.update(visible=on), self.learn, self.minutes, **QUIET)
            self.forget.click(
                self.on_forget,
                [self.method, self.cores, self.more_lines],
                [self.cores, self.forgot, self.method, self.more_lines],
                **QUIET,
            )

    def on_load(self, demo: gr.Blocks) -> None:
        """Show the example's faces, and what of the methods is here by now."""
        demo.load(self.on_face, self.face_inputs, self.faces, **QUIET)
        demo.load(lambda: gr.update(choices=self._lines()), None, self.method, **QUIET)

    def card_of(self, method: str) -> str:
        if method == AUTO:
            entries = candidates()
            return markup.auto_card([(entry.card.title, entry.ready) for entry in entries])
        entry = METHODS.get(method)
        return markup.method_card(entry.card, self.jobs.speed(method), entry.ready)

    def _lines(self, chosen: str = DEFAULT) -> list[tuple[str, str]]:
        """The menu; where several can be chosen, the best of them would only be there twice."""
        return menu() if self.several else lines(chosen)

    def on_method(self, method: str) -> Update:
        text = model_card(method)
        return {
            self.card: self.card_of(method),
            self.model_card: gr.update(visible=bool(text)),
            self.model_text: text,
            self.opening: gr.update(interactive=True)
            if _opens(method)
            else gr.update(interactive=False, value=1.0),
            self.forget: gr.update(visible=method.startswith(ADAPTED) and SECRET in method),
        }

    def on_cores(self, cores: list[str], lines: list[tuple[str, str]], chosen: str) -> Update:
        """Put the adapted cores that this browser may see into the menu: its own, and those named openly."""
        found = [adapted_choice(name) for name in dict.fromkeys([*adapted_names(), *cores])]
        lines = [(label, name) for label, name in lines if not name.startswith(ADAPTED)]
        lines += [line for line in found if line is not None]
        choices = [*self._lines(chosen), *lines]
        known = any(chosen == name for _, name in choices)
        return {
            self.method: gr.update(choices=choices, value=chosen if known else DEFAULT),
            self.more_lines: lines,
        }

    def on_learned(self, name: str | None, cores: list[str], lines: list[tuple[str, str]]) -> Update:
        """Remember a core that was adapted to the face, choose it, and do not adapt it once more."""
        if name is None:
            return {self.learn: gr.skip()}
        cores = [*(core for core in cores if core != name), name]
        done = {self.cores: cores, self.learn: False, self.minutes: gr.update(visible=False)}
        return {**done, **self.on_cores(cores, lines, name)}

    def on_forget(self, method: str, cores: list[str], lines: list[tuple[str, str]]) -> Update:
        """Delete an adapted core that this browser had made."""
        try:
            delete_adapted(method)
            status = f'<div class="empty">{localized("learn.deleted")}</div>'
        except LipSyncError as error:
            status = markup.trouble(error)
        cores = [core for core in cores if core != method]
        return {
            self.cores: cores,
            self.forgot: gr.update(value=status, visible=True),
            **self.on_cores(cores, lines, DEFAULT),
        }

    def on_core(self, name: str, lines: list[tuple[str, str]], chosen: Any) -> Update:
        """Put a core of the Hub at the end of the menu and choose it."""
        try:
            line = hub_choice(name)
        except LipSyncError as error:
            return {self.hub_status: gr.update(value=markup.trouble(error), visible=True)}
        lines = [known for known in lines if known[1] != line[1]] + [line]
        value = [*(name for name in chosen if name != line[1]), line[1]] if self.several else line[1]
        return {
            self.method: gr.update(choices=[*self._lines(), *lines], value=value),
            self.more_lines: lines,
            self.hub_status: gr.update(visible=False),
        }

    def on_change(self, face: str | None, camera: str | None, restored: Any, before: str | None) -> Update:
        """Look at another face. Gradio reports some changes twice; a choice made in between stays."""
        same = (camera or face) == before
        return {self.boxes: gr.skip()} if same else self.on_face(face, camera, restored, before)

    def on_face(self, face: str | None, camera: str | None, restored: Any, before: str | None) -> Update:
        chosen = camera or face
        same = restored is not None and same_face(chosen, restored[0])
        try:
            picture, boxes, facts = look(chosen)
        except LipSyncError as error:
            picture, boxes, facts = None, [], markup.trouble(error)
        which = lines_of_faces(len(boxes))
        people = people_in(str(chosen)) if picture is not None else ()
        if len(people) > 1:
            picture, places = portraits(people, "1")
            boxes, which = places.tolist(), lines_of_people(people, everybody=not self.several)
        asked = bool(chosen) and not is_example(str(chosen))
        # Another face asks for another consent; the same one, looked at once more, keeps it.
        consent: Update = {"value": same} if same or chosen != before else {}
        return {
            self.preview: gr.update(value=picture, visible=picture is not None),
            self.boxes: boxes,
            self.face_facts: facts,
            self.which: which | ({"value": restored[1]} if restored is not None and same else {}),
            self.consent: gr.update(visible=asked, **consent),
            self.looked_at: chosen,
        }

    def on_point(self, boxes: list[list[float]], who: int | str, event: gr.SelectData) -> Any:
        """Choose what was clicked on: a face of the first frame, or a person of the whole video."""
        if len(boxes) < 2:
            return gr.skip()
        number = pointed(boxes, *event.index)
        return str(number + 1) if isinstance(who, str) else number


def _opens(method: str) -> bool:
    """Whether the mouth opening can be set; ``auto`` takes a method that can, where it is."""
    return method == AUTO or METHODS.get(method).card.supports_mouth_opening
