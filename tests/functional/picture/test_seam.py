"""The seam measure: a step of known size is found at its size, where it lies, and what is no seam is not."""

import numpy as np
import pytest

from eval.functional.picture.seam import (
    CHEEKS,
    NOSE,
    PLACES,
    SIDE,
    edges,
    head_turn,
    seam_compute,
    seam_update,
    strip,
    yaw_bin,
)

FACE = {  # pixels of the crop: a face of straight lines
    "nose": (NOSE[0], NOSE[1], [(60, 90), (100, 90)], [(60, 106), (100, 106)]),
    "left": (*CHEEKS[0], [(50, 90), (50, 130)], [(20, 90), (20, 130)]),
    "right": (*CHEEKS[1], [(110, 90), (110, 130)], [(140, 90), (140, 130)]),
}


@pytest.fixture
def landmarks() -> np.ndarray:
    """Points under the nose, on the lip and on both cheeks; the chin's are all in one place, so not seen."""
    points = np.full((478, 2), 80.0)
    for inner, outer, *lines in FACE.values():
        for indices, (first, last) in zip((inner, outer), lines, strict=True):
            share = np.linspace(0, 1, len(indices))[:, None]
            points[list(indices)] = np.array(first) * (1 - share) + np.array(last) * share
    return points


def grey(level: float = 100.0) -> np.ndarray:
    return np.full((SIDE, SIDE, 3), level)


def figures(result: np.ndarray, own: np.ndarray, points: np.ndarray, drawn=None):
    return seam_update(result.astype(np.uint8), own.astype(np.uint8), points, drawn)


def test_line_under_the_nose_has_its_size_and_is_no_line_of_the_cheek(landmarks):
    result = grey()
    result[98:, 58:103] = 130
    steps = figures(result, grey(), landmarks)
    assert steps[:, 0] == pytest.approx([30, 0, 30], abs=0.5)
    assert steps[:, 1] == pytest.approx([0, 0, 0], abs=0.5)
    assert np.isnan(steps[:, 2]).all()  # a chin of no extent


@pytest.mark.parametrize("side", [35, 125])
def test_streak_down_a_cheek_is_found_on_either_side_and_so_is_one_across(landmarks, side):
    down, across = grey(), grey()
    down[:, side : side + 3] = 80
    across[92:, side - 16 : side + 17] = 80
    for result in (down, across):
        steps = figures(result, grey(), landmarks)
        assert steps[:, 1] == pytest.approx([20, 0, 20], abs=1)
        assert steps[:, 0] == pytest.approx([0, 0, 0], abs=0.5)


def test_an_edge_of_the_input_is_none_that_was_added(landmarks):
    own, moved = grey(), grey()
    own[98:] = 130
    moved[99:] = 130  # a pixel lower
    assert figures(own, own, landmarks)[:, 0] == pytest.approx([30, 30, 0], abs=0.5)
    assert figures(moved, own, landmarks)[2, 0] < 1
    both = own.copy()
    both[95:98] = 80
    assert figures(both, own, landmarks)[2, 0] == pytest.approx(20, abs=1)  # a weaker one elsewhere


def test_grain_is_no_edge(landmarks):
    noise = np.random.default_rng(0).normal(0, 10, (SIDE, SIDE, 1))
    steps = figures(grey() + noise, grey(), landmarks)
    # A row's change has a deviation of 14; of ten columns together 4.5, of which the largest of many counts.
    assert steps[0, 0] < 14


def test_a_lip_drawn_higher_is_no_seam(landmarks):
    result, drawn = grey(), landmarks.copy()
    result[100:] = 60
    drawn[list(NOSE[1]), 1] = 100
    assert figures(result, grey(), landmarks)[0, 0] == pytest.approx(40, abs=0.5)
    assert figures(result, grey(), landmarks, drawn)[0, 0] < 1


def test_strip_runs_between_its_lines_and_edges_are_averaged_along_them():
    ramp = np.tile(np.arange(50.0), (40, 1))  # grey level = column
    between = strip(ramp, np.array([(10.0, 5), (10, 35)]), np.array([(30.0, 5), (30, 35)]), (0.25, 0.75))
    assert between.shape == (11, 30)
    assert between[:, 0] == pytest.approx(np.linspace(15, 25, 11))
    assert edges(between) == pytest.approx(np.ones((10, 30)), abs=1e-4)
    assert strip(ramp, np.array([(10.0, 5), (10, 35)]), np.array([(13.0, 5), (13, 35)]), (0, 1)) is None
    half = np.zeros((4, 40))
    half[2:, ::2] = 10  # every other column has the edge
    assert edges(half)[1] == pytest.approx(np.full(40, 5.0), abs=1.1)


def test_clip_is_the_mean_of_the_frames_that_show_a_place():
    steps = np.array([[[4.0, 1, np.nan]] * 3, [[8.0, np.nan, np.nan]] * 3])
    steps[:, 0] *= 1.5
    score = seam_compute(steps)
    assert score.ratio[:2] == pytest.approx([1.5, 1.5])
    assert score.reference[:2] == pytest.approx([6, 1])
    assert np.isnan(score.ratio[PLACES.index("chin")])
    assert np.isnan(seam_compute(np.empty((0, 3, 3))).ratio).all()


def test_head_turn_and_its_bins():
    points = np.zeros((478, 2))
    points[[234, 1, 454], 0] = 0, 50, 100
    assert head_turn(points) == pytest.approx(0)
    points[1, 0] = 75  # halfway from the middle to the ear: sin 30°
    assert head_turn(points) == pytest.approx(30)
    points[1, 0] = 25
    assert head_turn(points) == pytest.approx(30)
    assert [yaw_bin(degrees) for degrees in (0, 7, 8, 22, 23, 60)] == [0, 0, 15, 15, 30, 30]


def test_crops_of_another_size_are_refused(landmarks):
    with pytest.raises(ValueError, match="160, 160, 3"):
        figures(np.zeros((96, 96, 3)), np.zeros((96, 96, 3)), landmarks)
