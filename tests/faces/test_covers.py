"""What is before a mouth stays as it was: the search over time, the network that ships, and real people."""

from itertools import islice, zip_longest

import cv2
import numpy as np
import pytest
import torch
from skimage.data import astronaut

from lipsync.faces.blend import paste
from lipsync.faces.covers import SIZE, CoverConfig, CoverFinder, CoverNet, load_covers, uncovered
from lipsync.faces.tracking.crop import crop_face, crop_matrix, pose_from_points
from lipsync.faces.tracking.track import FaceTracker, Tracked
from lipsync.generate import Request, generate
from lipsync.media import Frame, VideoWriter, read_frames
from lipsync.methods import EMBEDDED
from lipsync.request import Result
from tests.test_generate import say

POSE = pose_from_points(np.array([(204, 101), (246, 103), (226, 127), (204, 141), (246, 142)], float))
MOUTH = (225, 141)  # pixels of the portrait, whose mouth is 42 pixels wide


class Green(CoverNet):
    """Knows what is green and nothing else."""

    def __init__(self) -> None:
        super().__init__(CoverConfig((2, 2, 2)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 20 * ((x[:, 1] - x[:, 0] > 0.3).float() - 0.5)


def item(image: np.ndarray, new: bool = False) -> Tracked:
    return Tracked(Frame(image, 0.0, 0), POSE, new=new)


def disc(image: np.ndarray, centre: tuple[int, int] = MOUTH, radius: int = 12) -> np.ndarray:
    return cv2.circle(image.copy(), centre, radius, (20, 220, 60), -1)


def microphone(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    handle, head = (np.zeros(image.shape[:2], np.uint8) for _ in range(2))
    cv2.line(handle, MOUTH, (240, 260), 1, 16)
    cv2.circle(head, MOUTH, 17, 1, -1)
    out = np.where(handle[..., None] > 0, np.uint8(45), image)
    grid = 60 + 25 * (np.indices(head.shape).sum(0) % 4 < 2)
    return np.where(head[..., None] > 0, grid[..., None].astype(np.uint8), out), (handle | head) > 0


def cup(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    corners = np.array([(195, 138), (255, 138), (250, 210), (200, 210)])
    inside = cv2.fillPoly(np.zeros(image.shape[:2], np.uint8), [corners], 1) > 0
    light = np.clip(235 - np.abs(np.arange(image.shape[1]) - 215) * 2.2, 60, 255)[None, :, None]
    return np.where(inside[..., None], (light * (0.95, 0.97, 1)).astype(np.uint8), image), inside


def hand(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    out, inside = image.copy(), np.zeros(image.shape[:2], np.uint8)
    for k, x in enumerate((206, 219, 232, 245)):
        ends = ((x + 12, 240), (x, 128 - 3 * (k in (1, 2))))
        cv2.line(inside, *ends, 1, 13)
        for width, shade in ((13, 0.62), (10, 0.8), (6, 0.92)):
            cv2.line(out, *ends, tuple(shade * v for v in (205, 155, 135)), width)
    return np.where(inside[..., None] > 0, cv2.GaussianBlur(out, (0, 0), 0.8), image), inside > 0


def drawn(image: np.ndarray, finder: CoverFinder) -> np.ndarray:
    """The frame with a wide open mouth, as the pipeline puts it there."""
    face = crop_face(astronaut(), crop_matrix(POSE, SIZE), SIZE)
    cv2.ellipse(face, (SIZE // 2, round(0.72 * SIZE)), (15, 11), 0, 0, 360, (50, 10, 10), -1)
    cover = finder(item(image))
    if cover is None:
        return paste(image, face, POSE)
    if cover.whole:
        return image
    return cover.over(paste(image, cover.under(face, image, POSE), POSE), image, POSE)


def test_what_covers_half_the_mouth_stays_and_the_rest_is_drawn() -> None:
    image = disc(astronaut(), (MOUTH[0] - 14, MOUTH[1]))
    inside = np.any(disc(np.zeros_like(image), (MOUTH[0] - 14, MOUTH[1])), 2)
    result = drawn(image, CoverFinder(Green()))
    assert np.array_equal(result[inside], image[inside])
    assert np.abs(result.astype(int) - image)[MOUTH[1] + 3, MOUTH[0] + 8].max() > 40
    rows, columns = np.nonzero(np.any(result != image, 2))
    assert rows.min() > 120  # and nothing far from the mouth
    assert columns.max() < 275


def test_nothing_is_kept_where_nothing_covers() -> None:
    finder = CoverFinder(Green())
    assert finder(item(astronaut())) is None
    assert finder(item(disc(astronaut(), radius=2))) is None, "a speck"
    assert finder(item(disc(astronaut(), (40, 40)))) is None, "elsewhere"
    assert finder(Tracked(Frame(astronaut(), 0.0, 0), None)) is None
    assert finder.whole_frames == 0


def test_a_mouth_that_is_wholly_covered_is_left_and_counted() -> None:
    finder = CoverFinder(Green())
    for _ in range(3):
        found = finder(item(disc(astronaut(), radius=34)))
        assert found is not None
        assert found.whole
    assert finder.whole_frames == 3


def test_a_cover_comes_with_its_first_frame_and_goes_slowly_but_not_into_a_new_track() -> None:
    image, finder = astronaut(), CoverFinder(Green())
    items = [item(frame) for frame in (image, disc(image), disc(image), *[image] * 5)]
    covered = [finder(now, after) is not None for now, after in zip_longest(items, items[1:])]
    assert covered[:4] == [False, True, True, True]
    assert not covered[-1]
    assert finder(item(disc(image)), item(image)) is None, "one frame may be a mistake"
    assert finder(item(disc(image)), item(disc(image))) is not None
    assert finder(item(image, new=True)) is None
    assert finder(item(disc(image)), item(image, new=True)) is not None, "the last of its track stands alone"


def test_what_is_looked_at_every_fourth_frame_has_all_of_a_cover() -> None:
    image, asked = astronaut(), []

    class Counted(Green):
        def forward(self, x):  # type: ignore[no-untyped-def]
            asked.append(len(x))
            return super().forward(x)

    for begin in range(8, 13):
        pictures = [image] * begin + [disc(image)] * 6 + [image] * 20
        covers = list(CoverFinder(Counted()).follow(map(item, pictures)))
        assert [cover is not None for cover in covers[: begin + 6]] == [False] * begin + [True] * 6, begin
        assert len(covers) == len(pictures)
        assert covers[-8:] == [None] * 8
    asked.clear()
    assert list(CoverFinder(Counted()).follow(map(item, [image] * 40))) == [None] * 40
    assert len(asked) < 16, "most frames of an uncovered face are not looked at"


def test_no_reference_shows_a_cover() -> None:
    image = astronaut()
    items = [item(frame) for frame in (image, *(make(image)[0] for make in (microphone, cup, hand)), image)]
    assert uncovered(items) == [0, 4]


@pytest.mark.parametrize("make", [microphone, cup, hand])
def test_the_network_that_ships_finds_what_it_never_saw(make) -> None:  # type: ignore[no-untyped-def]
    image, inside = make(astronaut())
    result = drawn(image, CoverFinder())
    careless = drawn(image, CoverFinder(Green()))
    hit = inside & (np.abs(careless.astype(int) - image).max(2) >= 3)
    assert hit.sum() > 200, "without the search the cover is drawn on"
    assert (np.abs(result.astype(int) - image).max(2)[hit] < 3).mean() > 0.9


def test_the_network_that_ships_leaves_a_portrait_alone() -> None:
    for gain in (0.6, 1.0, 1.3):
        image = np.clip(astronaut() * gain, 0, 255).astype(np.uint8)
        assert CoverFinder()(item(image)) is None
    assert sum(p.numel() for p in load_covers().parameters()) < 300_000


@pytest.fixture(scope="module")
def filmed(shared, landmarker, tmp_path_factory):  # type: ignore[no-untyped-def]
    """A real person; from the 8th frame on half the mouth is behind a box, from the 20th on all of it."""
    path = tmp_path_factory.mktemp("filmed") / "covered.mp4"
    tracker = FaceTracker(landmarker, 25)
    with VideoWriter(path, 256, 256, 25) as writer:
        clip = islice(read_frames(shared / "data/train/id072_clip01.mp4"), 30)
        for k, tracked in enumerate(tracker.track(clip)):
            image, points = tracked.frame.image.copy(), tracked.landmarks
            assert points is not None
            left, middle, right = (int(points[i, 0]) for i in (234, 13, 454))
            if k >= 8:
                corner = (middle if k < 20 else right, 256)
                cv2.rectangle(image, (left, int(points[1, 1]) + 4), corner, (70, 90, 40), -1)
            writer.write(image)
    tracker.close()
    return path


def test_a_real_person_behind_a_box(filmed, landmarker, tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("LIPSYNC_WEIGHTS", str(landmarker.parent))
    speech = say(tmp_path / "speech.wav", 1.2)

    def result(name: str) -> tuple[list[np.ndarray], Result]:
        request = Request(filmed, speech, tmp_path / name, EMBEDDED, length="video", label=False)
        done = generate(request)
        return [frame.image.astype(int) for frame in read_frames(done.path)], done

    careful, done = result("careful.mp4")
    before = [frame.image.astype(int) for frame in read_frames(filmed)]
    # The box's own green, which is nowhere else: away from its edges, which the codec blurs.
    boxes = [
        cv2.erode((np.abs(frame - (70, 90, 40)).max(2) < 12).astype(np.uint8), np.ones((5, 5))) > 0
        for frame in before
    ]

    def worst(after: list[np.ndarray]) -> float:
        return max(np.abs(after[k] - before[k])[boxes[k]].mean() for k in range(8, 30))

    assert min(boxes[k].sum() for k in range(8, 30)) > 1000
    assert worst(careful) < 3
    assert any("covers the mouth" in note and "of 30 frames" in note for note in done.notes)
    monkeypatch.setattr(CoverFinder, "follow", lambda self, items: (None for _ in items))
    careless, _ = result("careless.mp4")
    assert worst(careless) > 6
    # Before the box comes both are the same but for the codec, which looks ahead.
    assert max(np.abs(careful[k] - careless[k]).mean() for k in range(4)) < 0.5
