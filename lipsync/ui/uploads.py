"""What a person chooses on the Generate page: examples, methods, a face among several, the job."""

import filecmp
import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path

import cv2
import numpy as np

from lipsync.adapt import AdaptRequest
from lipsync.assets import asset
from lipsync.data.preparation.person import check_video
from lipsync.errors import ConfigError, LipSyncError, MissingInput
from lipsync.faces import Choice
from lipsync.faces.outline import outlined
from lipsync.faces.tracking.choose import first_picture, number_faces
from lipsync.generate import Request, Result
from lipsync.media import WHOLE, Frame, TimeRange, probe, read_excerpt, read_frames
from lipsync.media.output.captions import CaptionStyle
from lipsync.media.output.formats import Quality, format_of
from lipsync.media.photo import photo_size, reduced
from lipsync.media.source import check_file
from lipsync.methods import AUTO, METHODS, cards
from lipsync.methods.adapted import PREFIX as ADAPTED
from lipsync.methods.adapted import adapted_core, adapted_folder, secret_name
from lipsync.methods.hub_name import PREFIX, parse_core
from lipsync.methods.ranking import ranking
from lipsync.plan import check_captions
from lipsync.texts import Message
from lipsync.ui import markup
from lipsync.ui.languages import label
from lipsync.ui.speaker_choice import chosen, still_landmarker

EXAMPLES = asset("examples")
READ_THROUGH = 60.0  # s of a video that are decoded to show a reference; later ones are searched for
SAMPLES = {
    "example.english": ("portrait.mp4", "english.wav"),
    "example.chinese": ("portrait.mp4", "chinese.wav"),
    "example.photo": ("portrait.jpg", "english.wav"),
}


def method_texts() -> dict[str, Message]:
    """The menu of methods as texts: a name, one line about it, and where it is ``absent`` what that means."""
    texts = {}
    for card in cards():
        best = card.name == next(iter(ranking()), None)
        line = Message(
            "method.line.best" if best else "method.line",
            title=card.title,
            resolution=card.resolution,
        )
        size = sum(row.size for row in METHODS.get(card.name).artefacts) / 1e6
        texts[f"method.{card.name}"] = line
        texts[f"method.{card.name}.absent"] = Message("method.line.absent", line=line, size=size)
    return texts


def menu() -> list[tuple[str, str]]:
    """The lines of the menu of methods and their names; a line names what has still to be fetched."""
    names = [card.name for card in cards()]
    return [(label(f"method.{name}{'' if METHODS.get(name).ready else '.absent'}"), name) for name in names]


def hub_choice(name: str) -> tuple[str, str]:
    """The line of the menu, and the name of the method, for a core on the Hub.

    Raises:
        ConfigError: there can be no such core.
    """
    core = parse_core(name)
    return f"{str(core).removeprefix(PREFIX)}\nHugging Face Hub", str(core)


def adapted_choice(name: str) -> tuple[str, str] | None:
    """The line of the menu, and the name of the method, for an adapted core; None where it is not there."""
    try:
        _, facts = adapted_core(name)
    except ConfigError:
        return None
    return f"{facts.label}\n{facts.face} → {facts.title}", f"{ADAPTED}{facts.name}"


def learning(job: Request, minutes: float) -> AdaptRequest:
    """What has to be learned before a job whose face is to be learned first.

    Raises:
        MediaError: the face is no video with sound, or too short.
    """
    check_video(job.face)
    return AdaptRequest(job.face, adapted_folder(secret_name(job.face)), job.method, minutes=minutes)


def is_example(face: str | Path) -> bool:
    """Whether a file is one of the bundled faces, which everybody may animate."""
    bundled = {EXAMPLES / name for name, _ in SAMPLES.values()}
    return any(same_face(str(face), str(example)) for example in bundled)


def is_photo(face: str | Path) -> bool:
    """Whether a readable face file is a photo; only its header is read."""
    return photo_size(face) is not None


def model_card(method: str) -> str:
    """The model card that lies beside a method's weights, as Markdown; empty where there is none.

    Without the front matter, which is for the Hub, and without pictures, which the page does not serve.
    """
    folder = None if method == AUTO else METHODS.get(method).folder
    file = None if folder is None else folder / "README.md"
    if file is None or not file.is_file():
        return ""
    text = file.read_text(encoding="utf-8")
    return re.sub(r"\A---\n.*?\n---\n|!\[[^\]]*\]\([^)]*\)", "", text, flags=re.DOTALL).strip()


@dataclass(frozen=True)
class GenerateForm:
    """What a person filled in to make a face speak.

    Attributes:
        face, speech: files; None where nothing was chosen.
        own_sound: the face video's own sound takes the place of the speech.
        consent: the person shown has agreed.
        who: speaks, as :func:`chosen` reads it.
        method, length, label, mouth_opening, sharpen: as of :class:`lipsync.generate.Request`.
        format: the ending of the result's name, without its dot.
        size: as of a Request, too; 0: as the source.
        quality, captions: as of a Request.
        face_range, speech_range: the parts that are used, seconds, as of a Request; None: all.
    """

    face: str | None
    speech: str | None
    own_sound: bool
    consent: bool
    method: str
    who: int | str = -1
    length: str = "audio"
    label: bool = True
    mouth_opening: float = 1.0
    sharpen: float = 0.0
    format: str = "mp4"
    size: float = 0
    quality: Quality = "high"
    captions: CaptionStyle = "none"
    face_range: tuple[float, float] | None = None
    speech_range: tuple[float, float] | None = None


def request(form: GenerateForm, max_seconds: float | None = None) -> Request:
    """The requested job, checked as far as the page can; ``max_seconds`` as of :class:`Request`.

    Raises:
        MissingInput: something is missing.
        ConfigError: there is no such method, or the captions cannot be made.
        MediaError: the face is not there, it is a damaged photo, or there is no such format.
    """
    name = form.method if form.method == AUTO else METHODS.get(form.method).card.name
    if not form.face:
        raise MissingInput("request.choose_face")
    if not form.own_sound and not form.speech:
        raise MissingInput("request.choose_speech")
    path = check_file(form.face)
    if form.own_sound and is_photo(path):
        raise MissingInput("request.photo_no_sound")
    if not form.consent and not is_example(path):
        raise MissingInput("request.consent", path=path.name)
    # Cut so that the name fits into 255 bytes, also where a character takes three of them.
    output = Path(f"{path.stem[:70]}-{re.sub(r'[^0-9A-Za-z._-]+', '-', name)[:60]}.{form.format}")
    format_of(output)
    wanted = Request(
        face=path,
        audio=None if form.own_sound else Path(str(form.speech)),
        output=output,
        method=form.method,
        **chosen(form.who),
        length=form.length,
        label=form.label,
        max_seconds=max_seconds,
        mouth_opening=form.mouth_opening,
        sharpen=form.sharpen,
        size=int(form.size) or None,
        quality=form.quality,
        captions=form.captions,
        face_range=form.face_range,
        audio_range=None if form.own_sound else form.speech_range,
    )
    check_captions(wanted)
    return wanted


def same_face(face: str | None, other: str | None) -> bool:
    """Whether two files are there and hold the same."""
    if not face or not other or not Path(face).is_file() or not Path(other).is_file():
        return False
    return filecmp.cmp(face, other, shallow=False)


def look(
    face: str | None, part: tuple[float, float] | None = None, who: int = -1
) -> tuple[np.ndarray | None, list[list[float]], str]:
    """The picture on which faces are numbered, their boxes (x0, y0, x1, y1) on it, and the facts as HTML.

    What is cut out and drawn of the face that speaks is outlined on it.

    Args:
        part: of the video whose first picture it is, as ``face_range`` of a Request.
        who: number of the face that speaks, from 0; -1: the largest.

    Raises:
        LipSyncError: not readable, or without a face.
    """
    if not face:
        return None, [], ""
    path = Path(face)
    return _look(path, path.stat().st_mtime_ns if path.exists() else 0, TimeRange(*(part or WHOLE)), who)


@lru_cache(maxsize=8)  # every visit begins with the same example
def _look(
    face: Path, changed_ns: int, part: TimeRange, who: int
) -> tuple[np.ndarray, list[list[float]], str]:
    picture, boxes = first_picture(face, part=part)
    sizes = boxes[:, 2:] - boxes[:, :2]
    chosen = who if 0 <= who < len(boxes) else int(sizes.prod(1).argmax())
    x, y = (boxes[chosen, :2] + sizes[chosen] / 2).tolist()
    picture = outlined(picture, still_landmarker(), Choice(point=(x, y)))
    if len(boxes) > 1:
        number_faces(picture, boxes)
    return picture, boxes.tolist(), markup.face_facts(probe(face), len(boxes))


def reference_pictures(result: Result, face: Path, side: int = 96) -> list[tuple[float, np.ndarray]]:
    """Seconds, and (side, side, 3) uint8 RGB pictures, of the frames that a job took as references.

    Empty where the face video is gone or can no longer be read: they are a detail.
    """
    wanted = {frame.time: frame.box for frame in result.references}
    found: dict[float, np.ndarray] = {}
    try:
        rate = probe(face).output_fps
        early = [seconds for seconds in wanted if seconds <= READ_THROUGH]
        late = (round(seconds * rate) for seconds in wanted if seconds > READ_THROUGH)
        apart = (Frame(read_excerpt(face, rate, index, 1)[0], index / rate, index) for index in late)
        for frame in chain(read_frames(face, rate, round(max(early, default=-1) * rate) + 1), apart):
            for seconds, (x0, y0, x1, y1) in wanted.items():
                if seconds not in found and abs(frame.time - seconds) < 0.5 / rate + 1e-6:
                    image = reduced(frame.image, max(result.width, result.height))
                    cut = image[y0:y1, x0:x1]
                    found[seconds] = cv2.resize(cut, (side, side), interpolation=cv2.INTER_AREA)
    except (LipSyncError, cv2.error):
        return []
    return [(frame.time, found[frame.time]) for frame in result.references if frame.time in found]


def pointed(boxes: list[list[float]], x: float, y: float) -> int:
    """The number of the face whose middle is nearest to a point of the picture."""
    middles = [((x0 + x1) / 2, (y0 + y1) / 2) for x0, y0, x1, y1 in boxes]
    return min(range(len(boxes)), key=lambda i: (middles[i][0] - x) ** 2 + (middles[i][1] - y) ** 2)
