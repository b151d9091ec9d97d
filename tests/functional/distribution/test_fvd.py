import cv2
import numpy as np
import pytest
import scipy.linalg
import torch

from eval.functional.distribution.fvd import fvd, fvd_compute, fvd_update, i3d_features


def test_equals_the_formula_with_the_matrix_root():
    rng = np.random.default_rng(0)
    ours, theirs = rng.normal(0, 1, (60, 5)), rng.normal(0.5, 2, (50, 5))
    means, spreads = [x.mean(0) for x in (ours, theirs)], [np.cov(x.T) for x in (ours, theirs)]
    root = scipy.linalg.sqrtm(spreads[0] @ spreads[1]).real
    wanted = ((means[0] - means[1]) ** 2).sum() + np.trace(spreads[0] + spreads[1] - 2 * root)
    assert fvd(ours, theirs) == pytest.approx(wanted)
    assert fvd(ours, ours) == pytest.approx(0, abs=1e-9)


def test_fewer_than_two_clips_are_said_so():
    with pytest.raises(ValueError, match="2 clips of 16 frames"):
        fvd_compute(fvd_update(np.zeros((1, 4))), fvd_update(np.zeros((3, 4))))


def test_the_network_sees_clips_of_224_pixels_in_minus_one_to_one():
    seen = []

    def network(x: torch.Tensor) -> torch.Tensor:
        seen.append(x)
        return torch.zeros(1, 400)

    clips = np.random.default_rng(1).integers(0, 256, (2, 16, 256, 256, 3), dtype=np.uint8)
    clips[0, 0], clips[0, 1] = 0, 255
    assert i3d_features(network, clips).shape == (2, 400)
    assert i3d_features(network, clips[:0]).shape == (0, 400)
    assert [tuple(x.shape) for x in seen] == [(1, 3, 16, 224, 224)] * 2
    assert (seen[0][0, :, 0].unique().item(), seen[0][0, :, 1].unique().item()) == (-1, 1)
    small = cv2.resize(clips[1, 7], (224, 224), interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(seen[1][0, :, 7].permute(1, 2, 0), small / 127.5 - 1, atol=1e-6)
