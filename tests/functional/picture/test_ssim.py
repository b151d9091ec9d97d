import numpy as np
import pytest
from skimage.metrics import structural_similarity

from eval.functional.picture.ssim import ssim, ssim_update


def skimage_ssim(generated: np.ndarray, reference: np.ndarray) -> float:
    return structural_similarity(
        generated,
        reference,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        channel_axis=-1,
    )


def test_equals_scikit_image(degraded):
    expected = [skimage_ssim(g, r) for g, r in zip(*degraded, strict=True)]
    assert min(expected) < 0 < 0.8 < max(expected)  # the set covers the range
    np.testing.assert_allclose(ssim_update(*degraded), expected, atol=1e-9)


def test_equals_scikit_image_on_a_published_method(real_pair):
    expected = np.mean([skimage_ssim(g, r) for g, r in zip(*real_pair, strict=True)])
    assert 0.5 < expected < 0.999
    assert ssim(*real_pair) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("size", [(11, 11), (64, 37), (128, 128)])
def test_equals_scikit_image_at_other_sizes(degraded, size):
    height, width = size
    generated, reference = (
        np.ascontiguousarray(side[:3, 90 : 90 + height, 60 : 60 + width]) for side in degraded
    )
    expected = [skimage_ssim(g, r) for g, r in zip(generated, reference, strict=True)]
    np.testing.assert_allclose(ssim_update(generated, reference), expected, atol=1e-9)


def test_takes_a_view_and_leaves_its_input_alone(degraded):
    generated, reference = (side.copy() for side in degraded)
    views = generated[:, 128:, 64:192], reference[:, 128:, 64:192]
    expected = [skimage_ssim(g, r) for g, r in zip(*views, strict=True)]
    np.testing.assert_allclose(ssim_update(*views), expected, atol=1e-9)
    np.testing.assert_array_equal(generated, degraded[0])


def test_refuses_pictures_smaller_than_the_window():
    with pytest.raises(ValueError, match="smaller than 11"):
        ssim(np.zeros((1, 10, 20, 3), np.uint8), np.zeros((1, 10, 20, 3), np.uint8))
