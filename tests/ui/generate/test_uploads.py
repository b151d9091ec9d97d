"""What the page accepts, and what it answers when something is missing."""

import dataclasses
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import gradio as gr
import numpy as np
import pytest

from lipsync.errors import ConfigError, FaceError, MediaError
from lipsync.generate import ReferenceFrame, Request, Result
from lipsync.media import VideoWriter
from lipsync.methods import AUTO, DEFAULT, EMBEDDED, METHODS, cards
from lipsync.methods.adapted import Facts
from lipsync.methods.ranking import ranking
from lipsync.texts import Message
from lipsync.ui import markup
from lipsync.ui.generate_queue import Jobs
from lipsync.ui.request_form import Inputs
from lipsync.ui.speaker_choice import marked, people_in
from lipsync.ui.uploads import (
    EXAMPLES,
    SAMPLES,
    GenerateForm,
    adapted_choice,
    is_example,
    learning,
    look,
    menu,
    method_texts,
    model_card,
    pointed,
    reference_pictures,
    request,
)

FACE, PHOTO, SPEECH = (str(EXAMPLES / name) for name in ("portrait.mp4", "portrait.jpg", "english.wav"))
REST = (DEFAULT, -1, "audio", True)


@pytest.fixture
def stranger(tmp_path: Path) -> str:
    """A face that is not one of the examples, byte for byte."""
    path = tmp_path / "someone.mp4"
    path.write_bytes(Path(FACE).read_bytes() + b"\0")
    return str(path)


def test_examples_need_no_consent_wherever_they_were_copied(tmp_path: Path, stranger: str) -> None:
    copy = shutil.copy(FACE, tmp_path / "renamed.mp4")
    assert request(GenerateForm(str(copy), SPEECH, False, False, *REST)).face == Path(copy)
    with pytest.raises(ConfigError, match=r"someone\.mp4 agreed"):
        request(GenerateForm(stranger, SPEECH, False, False, *REST))
    assert request(GenerateForm(stranger, SPEECH, False, True, *REST)).audio == Path(SPEECH)


def test_missing_inputs_are_named() -> None:
    with pytest.raises(ConfigError, match="face first"):
        request(GenerateForm(None, SPEECH, False, True, *REST))
    with pytest.raises(ConfigError, match="speech first"):
        request(GenerateForm(FACE, None, False, True, *REST))
    with pytest.raises(ConfigError, match="photo has no sound"):
        request(GenerateForm(PHOTO, None, True, True, *REST))


def test_reference_frames_are_shown_as_small_pictures(tmp_path: Path) -> None:
    colours = [(200, 0, 0), (0, 200, 0), (0, 0, 200)]
    video = tmp_path / "face.mp4"
    with VideoWriter(video, 160, 120, 25) as writer:
        for k in range(30):
            image: np.ndarray = np.zeros((120, 160, 3), np.uint8)
            image[40:80, 60:100] = colours[k // 10]
            writer.write(image)
    box = (60, 40, 100, 80)
    chosen = tuple(ReferenceFrame(seconds, box) for seconds in (1.0, 0.2, 0.6))
    result = Result(tmp_path / "o.mp4", 30, 0, 160, 120, 25.0, 1.2, "wav2lip", "0" * 64, 1, references=chosen)
    found = reference_pictures(result, video)
    assert [seconds for seconds, _ in found] == [1.0, 0.2, 0.6]
    for (_, picture), colour in zip(found, (colours[2], colours[0], colours[1]), strict=True):
        assert picture.shape == (96, 96, 3)
        assert np.argmax(picture[20:-20, 20:-20].mean((0, 1))) == np.argmax(colour)
    assert markup.references(found).count("<img") == 3
    assert markup.references([]) == ""
    video.unlink()
    assert reference_pictures(result, video) == []


def test_choices_reach_the_request() -> None:
    asked = request(GenerateForm(FACE, SPEECH, True, False, "wav2lip", 1, "video", False, 1.3), 30.0)
    assert asked.mouth_opening == 1.3
    assert (asked.audio, asked.method, asked.face_index) == (None, "wav2lip", 1)
    assert (asked.length, asked.label, asked.max_seconds) == ("video", False, 30.0)
    assert request(GenerateForm(FACE, SPEECH, False, False, *REST)).face_index is None


def test_results_are_named_after_face_and_method_and_fit_the_disk(tmp_path: Path) -> None:
    face = tmp_path / ("脸" * 83 + ".mp4")
    shutil.copy(FACE, face)
    output = request(GenerateForm(str(face), SPEECH, False, False, *REST)).output
    assert output.name.endswith(f"脸-{DEFAULT}.mp4")
    (tmp_path / output).touch()


def test_a_face_that_is_gone_is_said(tmp_path: Path) -> None:
    assert not is_example(tmp_path / "gone.mp4")
    with pytest.raises(MediaError, match=r"no file .*gone\.mp4"):
        request(GenerateForm(str(tmp_path / "gone.mp4"), SPEECH, False, False, *REST))
    with pytest.raises(ConfigError, match="Did you mean 'wav2lip'"):
        request(GenerateForm(FACE, SPEECH, False, False, "wav2lop", -1, "audio", True))


def test_the_model_card_is_shown_without_front_matter_and_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = dataclasses.replace(METHODS.get(EMBEDDED), folder=tmp_path)
    monkeypatch.setitem(METHODS._entries, EMBEDDED, entry)
    assert model_card(EMBEDDED) == ""
    (tmp_path / "README.md").write_text("---\nlicense: x\n---\n# Core\n\n![curves](curves.png)\nTrained.\n")
    assert model_card(EMBEDDED) == "# Core\n\n\nTrained."
    assert model_card("wav2lip") == ""


def test_every_sample_exists() -> None:
    assert all((EXAMPLES / name).is_file() for pair in SAMPLES.values() for name in pair)
    assert is_example(FACE)
    assert not is_example(SPEECH)


@pytest.mark.parametrize("face", [FACE, PHOTO])
def test_the_example_shows_one_face_where_it_is(face: str) -> None:
    picture, boxes, facts = look(face)
    assert picture is not None
    assert picture.dtype == np.uint8
    (x0, y0, x1, y1), (height, width, _) = boxes[0], picture.shape
    # The head fills the middle of the upper half of the portrait.
    assert width * 0.3 < (x0 + x1) / 2 < width * 0.65
    assert height * 0.15 < (y0 + y1) / 2 < height * 0.5
    assert "one face" in facts
    assert "一张脸" in facts


def test_pictures_without_a_face_are_refused(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (320, 240), "gray").save(tmp_path / "wall.png")
    with pytest.raises(FaceError, match=r"wall\.png"):
        look(str(tmp_path / "wall.png"))
    (tmp_path / "words.mp4").write_text("words")
    with pytest.raises(MediaError, match=r"words\.mp4"):
        look(str(tmp_path / "words.mp4"))


def test_people_of_the_whole_video_are_chosen_by_number() -> None:
    def asked(who: int | str) -> tuple[object, ...]:
        job = request(GenerateForm(FACE, SPEECH, False, False, EMBEDDED, who))
        return job.face_index, job.person, job.faces

    assert asked(-1) == (None, None, "one")
    assert asked(0) == (0, None, "one")
    assert asked("2") == (None, 2, "one")
    assert asked("all") == (None, None, "all")


def test_the_page_shows_everybody_in_the_video_numbered_from_1_and_marks_who_speaks(shared: Path) -> None:
    from lipsync.faces.speakers import gallery
    from lipsync.faces.tracking.choose import COLOUR

    clip = str(shared / "data" / "originals" / "orig02.mp4")
    people = people_in(clip)
    if not people:
        pytest.skip("needs the sface artefact (make weights)")
    assert len(people) == 2
    picture, boxes = gallery(people, [2])
    assert picture.shape == (128, 256, 3)
    frame = (picture == COLOUR).all(-1)
    assert frame[:, 128:].sum() > 300
    assert not frame[:, :120].any()
    assert pointed(boxes.tolist(), 200, 60) == 1
    everybody = marked(clip, "all")
    assert everybody is not None
    assert (everybody == COLOUR).all(-1)[:, :128].sum() > 300
    assert marked(clip, -1) is None
    assert len(people_in(FACE)) == 1


def test_two_people_are_told_apart_by_a_click(shared: Path) -> None:
    clip = shared / "data" / "originals" / "orig02.mp4"  # an interview, side by side
    if not clip.is_file():
        pytest.skip("no clip of two people in the shared data")
    picture, boxes, _ = look(str(clip))
    assert picture is not None
    assert len(boxes) == 2
    assert boxes[0][0] < boxes[1][0]
    for number, (x0, y0, x1, y1) in enumerate(boxes):
        assert pointed(boxes, x0 + 2, y0 + 2) == pointed(boxes, x1 - 2, y1 - 2) == number


def test_the_menu_says_which_method_has_the_best_scores() -> None:
    lines = {key.removeprefix("method."): pair for key, pair in method_texts().items()}
    best, *others = ranking()
    assert "\nBest scores · " in lines[best]
    assert "\n得分最高 · " in lines[best].text("zh")
    assert not any("Best scores" in lines[name] for name in others)


def test_the_menu_says_what_a_method_needs_before_it_is_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fresh installation without a network: each line works, or says how much has to be fetched."""
    monkeypatch.setenv("LIPSYNC_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("LIPSYNC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    texts, said = method_texts(), {}
    for marker, name in menu():
        key = json.loads(marker.removeprefix("__i18n__"))["key"]
        assert METHODS.get(name).ready == ("must be fetched" not in texts[key]), name
        said[name] = texts[key].text("zh").partition("需要下载：")[2]
    assert said.pop("wav2lip") == said.pop("wav2lip_gan") == "436 MB"
    assert said["visual-dubbing"] == "4 MB"
    assert said["visual-dubbing-whisper"] == "80 MB"
    assert said["multi-reference-whisper"] == "76 MB"
    assert said["multi-reference"] == said["lstm-cbam"] == said[EMBEDDED] == ""


def test_a_method_without_weights_is_not_in_the_menu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = dataclasses.replace(METHODS.get("lstm-cbam"), folder=tmp_path / "none")
    monkeypatch.setitem(METHODS._entries, "lstm-cbam", entry)
    assert "lstm-cbam" not in {card.name for card in cards()} | {name for _, name in menu()}
    entry = dataclasses.replace(entry, folder=tmp_path)
    monkeypatch.setitem(METHODS._entries, "lstm-cbam", entry)
    assert "lstm-cbam" in {name for _, name in menu()}


def test_the_automatic_choice_has_no_model_card_and_reaches_the_request() -> None:
    assert model_card(AUTO) == ""
    assert request(GenerateForm(FACE, SPEECH, False, False, AUTO, -1, "audio", True)).method == AUTO


def test_facts_say_what_the_automatic_choice_took_and_once_why(tmp_path: Path) -> None:
    reason = Message("auto.needs_file", method="X", file="y.bin", reason="503")
    why = Message("auto.unavailable", count=1, reasons=[reason])
    result = Result(tmp_path / "o.mp4", 30, 0, 160, 120, 25.0, 1.2, "multi-reference", "0" * 64, 1)
    asked = dataclasses.replace(result, requested_method=AUTO, fallback=why)
    html = markup.facts(asked)
    assert "chosen automatically: multi-reference" in html
    assert html.count(why) == 1
    assert html.count("有更好的模型，但无法使用：X 需要 y.bin") == 1
    assert "chosen automatically" not in markup.facts(result)
    assert "<ul" not in markup.facts(dataclasses.replace(asked, fallback=None))


def test_the_card_of_the_automatic_choice_lists_the_cores_in_their_order() -> None:
    with gr.Blocks():
        html = Inputs(Jobs()).card_of(AUTO)
    titles = [METHODS.get(name).card.title for name in ranking() if METHODS.get(name).fetchable]
    assert re.findall(r"<li>(.*?)<", html) == titles


def test_a_face_that_is_reported_again_leaves_who_was_chosen() -> None:
    with gr.Blocks():
        form = Inputs(Jobs())
    face, other = str(EXAMPLES / "portrait.mp4"), str(EXAMPLES / "portrait.jpg")
    assert form.which in form.on_change(face, None, None, other)
    assert form.which not in form.on_change(face, None, None, face)
    assert form.which in form.on_change(face, None, (face, -1), None), "the face was removed in between"


def test_a_face_is_learned_only_from_a_video_with_sound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIPSYNC_DATA", str(tmp_path))
    job = Request(EXAMPLES / "portrait.jpg", None, Path("out.mp4"), method="multi-reference")
    with pytest.raises(MediaError, match="is a photo"):
        learning(job, 2.0)
    with pytest.raises(MediaError, match="has no sound"):
        learning(dataclasses.replace(job, face=EXAMPLES / "portrait.mp4"), 2.0)
    speaks = tmp_path / "ada.mp4"
    with VideoWriter(speaks, 64, 64, 25.0, audio=EXAMPLES / "english.wav") as writer:
        for _ in range(110):
            writer.write(np.zeros((64, 64, 3), np.uint8))
    wanted = learning(dataclasses.replace(job, face=speaks), 3.0)
    assert (wanted.method, wanted.minutes, wanted.face) == ("multi-reference", 3.0, speaks)
    assert wanted.out.parent == tmp_path / "cores"
    assert re.fullmatch(r"ada~[0-9a-f]{16}", wanted.out.name)


def test_the_menu_has_a_line_for_a_core_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIPSYNC_DATA", str(tmp_path))
    assert adapted_choice("adapted:ada~1") is None
    folder = tmp_path / "cores" / "ada~1"
    folder.mkdir(parents=True)
    title = "Multi-reference fusion"
    shape = (256, True, False, 9.0, 60.0, 9, 8)
    facts = Facts("ada~1", "multi-reference", title, "0" * 64, "a.mp4", *shape, {}, {})
    facts.write(folder)
    line = adapted_choice("adapted:ada~1")
    assert line == ("ada\na.mp4 → Multi-reference fusion", "adapted:ada~1")
    assert adapted_choice(line[1]) == line


def test_the_result_is_named_and_made_as_the_form_says() -> None:
    made = request(GenerateForm(FACE, SPEECH, False, False, *REST, format="webm", size=720, quality="small"))
    assert made.output.suffix == ".webm"
    assert (made.size, made.quality) == (720, "small")
    plain = request(GenerateForm(FACE, SPEECH, False, False, *REST))
    assert plain.captions == "none"
    assert (plain.output.suffix, plain.size, plain.quality) == (".mp4", None, "high")
    for odd in ("avi", "", "../x"):
        with pytest.raises(MediaError, match=r"the name must end in \.mp4"):
            request(GenerateForm(FACE, SPEECH, False, False, *REST, format=odd))


def test_captions_that_cannot_be_made_are_refused_before_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lipsync.plan.installed", lambda: True)
    form = GenerateForm(FACE, SPEECH, False, False, *REST, format="gif", captions="burnt")
    assert request(form).captions == "burnt"
    with pytest.raises(ConfigError, match="A gif holds no caption track"):
        request(replace(form, captions="track"))
    monkeypatch.setattr("lipsync.plan.installed", lambda: False)
    with pytest.raises(ConfigError, match="pip install faster-whisper"):
        request(form)
