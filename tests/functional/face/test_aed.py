import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error

from eval.functional.face.aed import aed, aed_compute, aed_update


def test_equals_scikit_learn():
    rng = np.random.default_rng(0)
    generated, reference = rng.random((2, 9, 52)).astype(np.float32)
    expected = [mean_absolute_error(r, g) for g, r in zip(generated, reference, strict=True)]
    np.testing.assert_allclose(aed_update(generated, reference), expected, rtol=1e-6)
    assert aed(generated, reference) == pytest.approx(np.mean(expected), rel=1e-6)


def test_on_measured_blendshapes(shared):
    """Curves of a real recording: a delay raises the distance, the more the longer it is."""
    recording = sorted((shared / "data/expression").glob("*.npz"))[0]
    weights = np.load(recording)["weights"][:900]
    late = [aed(weights[:-delay], weights[delay:]) for delay in (1, 3, 9)]
    assert aed(weights, weights) == 0
    assert 0 < late[0] < late[1] < late[2]


def test_frames_without_a_face_are_left_out_and_counted():
    reference = np.zeros((3, 4))
    generated = np.array([[0.4] * 4, [np.nan] * 4, [0.2] * 4])
    score = aed_compute(aed_update(generated, reference))
    assert (score.value, score.frames, score.skipped) == (pytest.approx(0.3), 2, 1)


def test_coefficients_of_different_models_do_not_mix():
    with pytest.raises(ValueError, match="differ in shape"):
        aed(np.zeros((3, 52)), np.zeros((3, 64)))
