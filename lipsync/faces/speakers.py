"""The people of a whole video: each face that is seen belongs to one of them, wherever it appears."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from lipsync.errors import FaceError
from lipsync.faces.recognise import SAME, UNKNOWN, Identity, embed, load_sface
from lipsync.faces.tracking.choose import COLOUR, Choice, first_faces
from lipsync.faces.tracking.detect import Face, FaceDetector
from lipsync.faces.tracking.follow import shots
from lipsync.file_cache import cached_per_file
from lipsync.media import WHOLE, Frame, TimeRange, probe
from lipsync.media.overview import AHEAD, overview
from lipsync.stream import background
from lipsync.weights import hub

EVERY, LOOKS = 2.0, 40  # s between two looks within a shot, and how many there are at most beside new shots
ALIKE = 0.75  # correlation of pictures that are some 0.2 s apart, below which they may be of two shots
LAST = 0.2  # s that the last frame lasts
MOST = 6  # faces of a picture, the largest
OVERLAP = 0.3  # intersection over union of two boxes of a face that stayed where it was
STAYED = 0.1  # cosine from which such a face is the same: it may have turned away or moved fast
THUMBNAIL, AROUND = 128, 1.5  # pixels a side; sides of the face's box that are shown


@dataclass(frozen=True, eq=False)
class Person:
    """Somebody who is seen in a video."""

    embedding: np.ndarray  # (128,) float32, of length 1
    area: float  # share of the picture that the face covers, times the seconds for which it does
    picture: np.ndarray  # (128, 128, 3) uint8 RGB, of the largest sight of the face


@dataclass(eq=False)
class _Track:
    """Looks at one face that followed one another within a shot."""

    box: np.ndarray  # (4,) the last one
    embeddings: list[np.ndarray]
    area: float
    largest: float
    picture: np.ndarray


@cached_per_file(8)
def find_people(path: Path, recogniser: Path) -> tuple[Person, ...]:
    """The people of a video or photo, the one with the largest face over all of it first.

    From a bounded number of frames: every new shot, and one every two seconds within it. Kept per video.

    Args:
        recogniser: the ``sface`` artefact.

    Raises:
        MediaError: not a readable video or photo.
    """
    detect, recognise = FaceDetector(), load_sface(recogniser)
    tracks: list[_Track] = []
    current: list[_Track] = []
    every = max(EVERY, probe(path).duration / LOOKS)
    with background(overview(path), AHEAD) as frames:
        for frame, new_shot, seconds in _looks(frames, every):
            faces = sorted(detect(frame.image), key=lambda face: -face.area)[:MOST]
            found = embed(recognise, frame.image, [face.points for face in faces])
            before, current = ([] if new_shot else current), []
            for face, embedding in zip(faces, found, strict=True):
                track = next((t for t in before if t not in current and _continues(t, face, embedding)), None)
                if track is None:
                    track = _Track(face.box, [], 0.0, 0.0, np.zeros(0, np.uint8))
                    tracks.append(track)
                _add(track, face, embedding, frame.image, seconds)
                current.append(track)
    people = [_person(group) for group in _joined(tracks)]
    return tuple(sorted(people, key=lambda person: -person.area))


def who_speaks(
    path: Path, choice: Choice, people: tuple[Person, ...], recogniser: Path, part: TimeRange = WHOLE
) -> Choice:
    """The choice with the person that is meant: by number, by face and place, or the largest.

    Numbers of people count those of the whole video; faces and places are of the first frame of ``part``.

    Raises:
        FaceError: there is no such person or face.
    """
    if choice.person is not None and not 1 <= choice.person <= len(people):
        raise FaceError("face.no_person", path=path.name, count=len(people))
    if not people:
        return choice
    embeddings = np.stack([person.embedding for person in people])
    chosen = (choice.person or 1) - 1
    if choice.index is not None or choice.point is not None:
        image, faces = first_faces(path, part=part)
        own = embed(load_sface(recogniser), image, [choice.pick(faces).points])[0]
        likeness = embeddings @ own
        chosen = int(np.argmax(likeness))
        if likeness[chosen] < UNKNOWN:  # seen too briefly to be among the others
            embeddings, chosen = np.concatenate([embeddings, own[None]]), len(people)
    return replace(choice, who=_identity(recogniser, embeddings.tobytes(), chosen))


def speakers(
    path: Path, choice: Choice, everybody: bool = False, part: TimeRange = WHOLE
) -> tuple[list[Choice], int]:
    """Who is to speak, each as a choice with their identity, and how many people there are.

    On a machine on which faces cannot be told apart (without the artefact ``sface``), and in a photo in which
    no person is asked for by number, it is the choice as it is, and 0 people.

    Raises:
        ArtefactError: people are asked for, and they cannot be told apart.
        FaceError: there is no such person or face.
        MediaError: not a readable video or photo.
    """
    asked = everybody or choice.person is not None
    recogniser = hub.fetch("sface") if asked else hub.locate("sface")
    if recogniser is None or (not asked and probe(path).kind == "photo"):
        return [choice], 0
    people = find_people(path, recogniser)
    if not everybody or not people:
        return [who_speaks(path, choice, people, recogniser, part)], len(people)
    numbers = range(1, min(len(people), MOST) + 1)
    return [who_speaks(path, Choice(person=number), people, recogniser) for number in numbers], len(people)


def gallery(people: Sequence[Person], chosen: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """One picture of all people side by side, numbered from 1, those in ``chosen`` marked.

    Returns:
        (128, P * 128, 3) uint8 RGB, and the (P, 4) boxes of the people on it: x0, y0, x1, y1.
    """
    picture = np.concatenate([person.picture for person in people], axis=1)
    places = np.arange(len(people)) * THUMBNAIL
    boxes = np.stack([places, 0 * places, places + THUMBNAIL, 0 * places + THUMBNAIL], 1).astype(float)
    for number, x in enumerate(places.tolist(), 1):
        colour, line = (COLOUR, 6) if number in chosen else ((160, 160, 160), 2)
        corner = (x + THUMBNAIL - 1, THUMBNAIL - 1)
        cv2.rectangle(picture, (x, 0), corner, colour, line)
        cv2.rectangle(picture, (x, 0), (x + 24, 24), colour, -1)
        cv2.putText(
            picture, str(number), (x + 6, 19), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 2, cv2.LINE_AA
        )
    return picture, boxes


@lru_cache(maxsize=32)
def _identity(recogniser: Path, embeddings: bytes, chosen: int) -> Identity:
    """One object for the same person of the same people, by which what was found for them is kept."""
    return Identity(load_sface(recogniser), np.frombuffer(embeddings, np.float32).reshape(-1, 128), chosen)


def _looks(frames: Iterable[Frame], every: float) -> Iterator[tuple[Frame, bool, float]]:
    """The frames that are searched for faces, whether each begins another shot, and s until the next one."""
    held: tuple[Frame, bool] | None = None
    time = 0.0
    for frame, cut, _ in shots(frames, ALIKE):
        time = frame.time
        if held is None or cut or time - held[0].time >= every - 1e-6:
            if held is not None:
                yield *held, time - held[0].time
            held = frame, cut
    if held is not None:
        yield *held, time - held[0].time + LAST


def _continues(track: _Track, face: Face, embedding: np.ndarray) -> bool:
    (x0, y0, x1, y1), (u0, v0, u1, v1) = track.box, face.box
    common = max(0.0, min(x1, u1) - max(x0, u0)) * max(0.0, min(y1, v1) - max(y0, v0))
    union = (x1 - x0) * (y1 - y0) + face.area - common
    return common > OVERLAP * union and float(track.embeddings[-1] @ embedding) > STAYED


def _add(track: _Track, face: Face, embedding: np.ndarray, image: np.ndarray, seconds: float) -> None:
    share = face.area / (image.shape[0] * image.shape[1])
    track.box, track.area = face.box, track.area + share * seconds
    track.embeddings.append(embedding)
    if share > track.largest:
        track.largest, track.picture = share, _thumbnail(image, face.box)


def _joined(tracks: list[_Track]) -> list[list[_Track]]:
    """The tracks of each person: groups are joined, the most alike first, as long as their means are alike.

    A face that was looked at only once, perhaps as it turned away, asks for less.
    """
    groups = [[track] for track in tracks]
    while len(groups) > 1:
        means = np.stack([_mean(group) for group in groups])
        once = np.array([sum(len(track.embeddings) for track in group) == 1 for group in groups])
        needed = np.where(once[:, None] ^ once[None], UNKNOWN, SAME)
        spare = means @ means.T - needed
        np.fill_diagonal(spare, -np.inf)
        i, j = np.unravel_index(int(np.argmax(spare)), spare.shape)
        if spare[i, j] < 0:
            break
        groups[min(i, j)] += groups.pop(max(i, j))
    return groups


def _mean(tracks: list[_Track]) -> np.ndarray:
    """(128,) mean embedding of all looks, of length 1."""
    mean = np.concatenate([track.embeddings for track in tracks]).mean(0)
    return mean / max(float(np.linalg.norm(mean)), 1e-6)


def _person(tracks: list[_Track]) -> Person:
    best = max(tracks, key=lambda track: track.largest)
    area = sum(track.area for track in tracks)
    return Person(_mean(tracks), area, best.picture)


def _thumbnail(image: np.ndarray, box: np.ndarray) -> np.ndarray:
    """(128, 128, 3) the face in a (4,) box with something around it."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    zoom = THUMBNAIL / (AROUND * max(box[2] - box[0], box[3] - box[1]))
    centre = (THUMBNAIL - 1) / 2
    matrix = np.array([[zoom, 0, centre - zoom * x], [0, zoom, centre - zoom * y]])
    return cv2.warpAffine(image, matrix, (THUMBNAIL, THUMBNAIL), borderMode=cv2.BORDER_REPLICATE)
