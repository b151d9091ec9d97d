import numpy as np
import pytest

from eval.functional.mouth.lmd import lmd, lmd_compute, lmd_update


@pytest.fixture
def face() -> np.ndarray:
    """(68, 2) a sketch of a face with eyes 60 pixels apart."""
    rng = np.random.default_rng(0)
    points = rng.uniform(60, 200, (68, 2))
    for corners, centre in (((36, 39), 100), ((42, 45), 160)):
        points[corners[0]], points[corners[1]] = (centre - 12, 110), (centre + 12, 110)
    return points


def test_shift_of_the_mouth_alone(face):
    moved = face.copy()
    moved[48:68] += (3, -4)
    generated, reference = moved[None], face[None]
    assert lmd(generated, reference) == pytest.approx(5)
    assert lmd(generated, reference, "all68") == pytest.approx(5 * 20 / 68)
    assert lmd(generated, reference, "normalised") == pytest.approx(5 / 60)
    assert lmd(generated, reference, "vico") == pytest.approx(3.5)


def test_shift_of_the_rest_does_not_count(face):
    moved = face.copy()
    moved[:48] += 10
    assert lmd(moved[None], face[None]) == 0
    assert lmd(moved[None], face[None], "all68") == pytest.approx(10 * 2**0.5 * 48 / 68)


def test_normalised_does_not_depend_on_the_size_of_the_picture(face):
    moved = face + np.random.default_rng(1).normal(0, 2, face.shape)
    small, large = (lmd(moved[None] * zoom, face[None] * zoom, "normalised") for zoom in (1, 3.7))
    assert small == pytest.approx(large)


def test_equals_a_loop(face):
    rng = np.random.default_rng(2)
    generated, reference = (face + rng.normal(0, 3, (4, 68, 2)) for _ in range(2))
    expected = [
        sum(
            ((gx - rx) ** 2 + (gy - ry) ** 2) ** 0.5
            for (gx, gy), (rx, ry) in zip(g[48:], r[48:], strict=True)
        )
        / 20
        for g, r in zip(generated, reference, strict=True)
    ]
    np.testing.assert_allclose(lmd_update(generated, reference), expected)


def test_frames_without_a_face_are_left_out_and_counted(face):
    reference = np.stack([face] * 4)
    generated = reference + np.array([0, 2])
    generated[1] = np.nan
    reference[2] = np.nan
    score = lmd_compute(lmd_update(generated, reference))
    assert (score.value, score.frames, score.skipped) == (pytest.approx(2), 2, 2)


def test_no_face_at_all_is_no_score():
    nothing = np.full((3, 68, 2), np.nan)
    with pytest.raises(ValueError, match="none of the 3 frames"):
        lmd(nothing, nothing)


def test_refuses_what_it_would_get_wrong(face):
    with pytest.raises(ValueError, match="choose one of mouth, all68"):
        lmd(face[None], face[None], "mouths")
    with pytest.raises(ValueError, match="must be"):
        lmd(np.zeros((1, 478, 2)), np.zeros((1, 478, 2)))
    with pytest.raises(ValueError, match="differ in shape"):
        lmd(face[None], np.stack([face, face]))
