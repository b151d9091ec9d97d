"""Who is who in a video with cuts: one person speaks wherever they appear, others stay as they are."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from lipsync.assets import asset
from lipsync.data.preparation.clipping import pieces
from lipsync.data.preparation.limits import Limits
from lipsync.errors import ConfigError, FaceError
from lipsync.faces.speakers import find_people, speakers
from lipsync.faces.tracking.choose import Choice
from lipsync.faces.tracking.track import FaceTracker
from lipsync.generate import Request, generate
from lipsync.media import VideoWriter, read_frames
from lipsync.methods import EMBEDDED
from lipsync.weights import hub

EXAMPLES = asset("examples")
SHOT = 20  # frames


@pytest.fixture(scope="module")
def sface() -> Path:
    found = hub.locate("sface")
    if found is None:
        pytest.skip("needs the sface artefact (make weights)")
    return found


def read(path: Path, count: int) -> list[np.ndarray]:
    return [cv2.resize(frame.image, (256, 256)) for frame in read_frames(path, 25.0, count)]


def write(path: Path, images: list[np.ndarray]) -> Path:
    with VideoWriter(path, images[0].shape[1], images[0].shape[0], 25) as writer:
        for image in images:
            writer.write(image)
    return path


@pytest.fixture(scope="module")
def her(shared) -> list[np.ndarray]:
    return read(shared / "data/train/id004_clip01.mp4", 2 * SHOT)


@pytest.fixture(scope="module")
def him(shared) -> list[np.ndarray]:
    return read(shared / "data/train/id012_clip01.mp4", SHOT)


@pytest.fixture(scope="module")
def cut(her, him, tmp_path_factory) -> Path:
    """A woman, a man in the same place of the picture, and her again."""
    return write(tmp_path_factory.mktemp("cut") / "cut.mp4", her[:SHOT] + him + her[SHOT:])


def make(face: Path, folder: Path, **options):
    """The result, and for each shot the share of its frames on which a mouth was drawn."""
    voice, output = EXAMPLES / "english.wav", folder / "out.mp4"
    result = generate(Request(face, voice, output, EMBEDDED, length="video", label=False, **options))
    pairs = zip(read_frames(face), read_frames(result.path), strict=True)
    changed = np.array([np.abs(a.image.astype(int) - b.image).max() > 60 for a, b in pairs])
    return result, [float(changed[k : k + SHOT].mean()) for k in range(0, len(changed), SHOT)]


def test_everybody_is_found_the_largest_over_the_whole_video_first(cut, her, him, sface):
    first, second = find_people(cut, sface)
    assert first.area > 1.5 * second.area
    # Compared with pictures of both, not with embeddings: the thumbnails show who is who.
    assert first.picture.shape == (128, 128, 3)
    dark, bright = first.picture[:12].mean(), second.picture[:12].mean()
    assert dark < 100 < bright, "she stands before black, he before white tiles"


def test_one_person_whose_light_and_pose_change_is_one(shared, sface, tmp_path):
    """A head that turns, a picture so dark that embeddings differ, and a jump cut within a speech."""
    assert len(find_people(shared / "data/train/id054_clip01.mp4", sface)) == 1
    assert len(find_people(shared / "data/originals/orig08.mp4", sface)) == 1
    images = read(shared / "data/train/id001_clip01.mp4", 100)
    jumps = [image[30:226, 30:226] for image in images[60:]]
    clip = write(tmp_path / "jump.mp4", images[:40] + [cv2.resize(image, (256, 256)) for image in jumps])
    assert len(find_people(clip, sface)) == 1


def test_by_default_only_the_largest_person_speaks_wherever_they_appear(cut, sface, tmp_path):
    result, drawn = make(cut, tmp_path)
    assert drawn[0] == drawn[2] == 1.0
    assert drawn[1] == 0.0, "a cut to another person leaves them as they are"
    assert result.frames_without_face == SHOT
    assert result.people == 2
    assert any("other person" in note for note in result.notes)
    assert all(not SHOT <= 25 * frame.time < 2 * SHOT for frame in result.references)


def test_the_person_that_is_asked_for_speaks(cut, sface, tmp_path):
    result, drawn = make(cut, tmp_path, person=2)
    assert drawn == [0.0, 1.0, 0.0]
    assert all(SHOT <= round(25 * frame.time) < 2 * SHOT for frame in result.references)
    with pytest.raises(FaceError, match="2 people; choose one from 1 to 2"):
        make(cut, tmp_path, person=3)


def test_the_face_of_the_first_frame_that_is_asked_for_is_followed_by_who_it_is(him, her, sface, tmp_path):
    """He is first, and smaller over the whole video; the place that is pointed at is also hers later."""
    clip = write(tmp_path / "clip.mp4", him + her)
    _, drawn = make(clip, tmp_path, face_index=0)
    assert drawn == [1.0, 0.0, 0.0]
    _, drawn = make(clip, tmp_path, face_point=(128.0, 110.0))
    assert drawn == [1.0, 0.0, 0.0]


def test_all_speak_each_from_references_of_their_own(cut, sface, tmp_path):
    result, drawn = make(cut, tmp_path, faces="all")
    assert drawn == [1.0, 1.0, 1.0]
    assert result.frames_without_face == 0
    assert not any("unchanged" in note for note in result.notes)
    theirs = [SHOT <= round(25 * frame.time) < 2 * SHOT for frame in result.references]
    assert sorted(theirs) == [False, True]


def test_two_people_side_by_side_both_speak(shared, sface, tmp_path):
    source = [f.image for f in read_frames(shared / "data/originals/orig02.mp4", 25.0, 25)]
    clip = write(tmp_path / "two.mp4", [cv2.resize(image, (640, 360)) for image in source])
    voice = EXAMPLES / "english.wav"
    result = generate(
        Request(clip, voice, tmp_path / "out.mp4", EMBEDDED, length="video", label=False, faces="all")
    )
    pairs = list(zip(read_frames(clip), read_frames(result.path), strict=True))
    changed = np.max([np.abs(a.image.astype(int) - b.image).max(-1) for a, b in pairs], axis=0) > 60
    assert changed[:, :320].any()
    assert changed[:, 320:].any()


def test_after_a_cut_the_person_is_found_again_at_another_place(her, him, landmarker, sface, tmp_path):
    """Side by side after the cut, he larger and where she was."""
    small = [cv2.resize(image, (128, 128)) for image in her[SHOT:]]
    both = []
    for one, other in zip(him, small, strict=True):
        image = np.zeros((256, 512, 3), np.uint8)
        image[:, :256], image[64:192, 320:448] = one, other
        both.append(image)
    alone = [np.concatenate([image, np.zeros_like(image)], 1) for image in her[:SHOT]]
    clip = write(tmp_path / "clip.mp4", alone + both)
    (choice,), people = speakers(clip, Choice(point=(128.0, 110.0)))
    assert people == 2
    track = FaceTracker(landmarker, 25.0, choice)
    places = [item.pose.centre[0] for item in track.track(read_frames(clip)) if item.pose is not None]
    track.close()
    assert all(place < 256 for place in places[:SHOT])
    assert all(place > 320 for place in places[SHOT:])
    assert len(places) == 2 * SHOT


def test_without_the_recogniser_it_says_so(cut, tmp_path, monkeypatch):
    locate = hub.locate
    monkeypatch.setattr(hub, "locate", lambda name: None if name == "sface" else locate(name))
    result, _ = make(cut, tmp_path)
    assert result.people == 0
    assert any("face recogniser is not installed" in note for note in result.notes)


def test_a_core_that_learned_one_person_does_not_draw_everybody(cut, tmp_path):
    with pytest.raises(ConfigError, match="has learned one person"):
        generate(Request(cut, EXAMPLES / "english.wav", tmp_path / "o.mp4", "adapted:me", faces="all"))
    with pytest.raises(ConfigError, match="faces must be"):
        generate(Request(cut, EXAMPLES / "english.wav", tmp_path / "o.mp4", EMBEDDED, faces="both"))


def test_a_core_learns_from_one_person_only(cut, landmarker, sface):
    (choice,), _ = speakers(cut, Choice())
    limits = Limits(min_face=0.0, min_seconds=0.4)
    fit = [piece for piece in pieces(cut, landmarker, limits, choice=choice) if piece.fault is None]
    learned = [frame for piece in fit for frame in range(piece.start, piece.start + piece.frames)]
    assert learned
    assert not set(learned) & set(range(SHOT, 2 * SHOT))
