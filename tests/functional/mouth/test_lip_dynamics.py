from itertools import combinations

import numpy as np
import pytest

from eval.functional.mouth.lip_dynamics import (
    NOTHING,
    lip_dynamics,
    lip_dynamics_compute,
    lip_dynamics_update,
)
from lipsync.faces.tracking.landmarks import LIPS_INNER, LIPS_OUTER, five_points

LIPS = {*LIPS_INNER, *LIPS_OUTER}


def faces(count: int, movement: float, seed: int = 0) -> np.ndarray:
    """(count, 478, 2) of one face whose lips move at random."""
    rng = np.random.default_rng(seed)
    points = np.repeat(rng.uniform(0, 100, (1, 478, 2)), count, 0)
    points[:, sorted(LIPS)] += rng.normal(0, movement, (count, 40, 2))
    return points


def by_hand(points: np.ndarray) -> float:
    """The paper's formula, pair by pair."""
    five = five_points(points)
    eyes = np.linalg.norm(five[:, 1] - five[:, 0], axis=1)
    spreads = []
    for a, b in combinations(LIPS, 2):
        distance = np.linalg.norm(points[:, a] - points[:, b], axis=1) / eyes
        spreads.append(np.sqrt(((distance - distance.mean()) ** 2).sum() / (len(distance) - 1)))
    assert len(spreads) == 780
    return float(np.mean(spreads))


def test_equals_the_formula_however_the_frames_come():
    ours, theirs = faces(40, 1.5), faces(40, 2, seed=1)
    a, b = by_hand(ours), by_hand(theirs)
    ours_with_a_hole = np.insert(ours, 17, np.nan, axis=0)
    total = NOTHING
    for part in np.split(ours_with_a_hole, [16, 20]):
        total = total + lip_dynamics_update(part)
    score = lip_dynamics_compute(total, lip_dynamics_update(theirs))
    assert (score.generated, score.reference) == (pytest.approx(a), pytest.approx(b))
    assert score.closeness == pytest.approx(1 - abs(a - b) / b)
    assert score.frames == 40


def test_as_lively_is_best_and_size_and_delay_do_not_count():
    real = faces(50, 2)
    assert lip_dynamics(real, real) == 1
    assert lip_dynamics(np.roll(real, 5, axis=0), real) == pytest.approx(1)
    assert lip_dynamics(3 * real + 7, real) == pytest.approx(1)
    assert lip_dynamics(np.repeat(real[:1], 50, 0), real) == pytest.approx(0)
    half, twice = faces(50, 1), faces(50, 4)
    assert lip_dynamics(half, real) == pytest.approx(0.5, abs=0.05)
    assert lip_dynamics(twice, real) < 0.1


def test_nothing_to_compare():
    with pytest.raises(ValueError, match="no frame has a face"):
        lip_dynamics(np.full((3, 478, 2), np.nan), faces(3, 1))
    with pytest.raises(ValueError, match="does not move"):
        lip_dynamics(faces(3, 1), faces(3, 0))
