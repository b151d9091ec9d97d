import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from eval.functional.picture.psnr import psnr, psnr_compute, psnr_update


def test_equals_scikit_image(degraded):
    generated, reference = degraded
    expected = [
        peak_signal_noise_ratio(r, g, data_range=255) for g, r in zip(generated, reference, strict=True)
    ]
    for g, r, value in zip(generated, reference, expected, strict=True):
        assert psnr(g[None], r[None]) == pytest.approx(value, abs=1e-9)
    assert psnr(generated, reference) == pytest.approx(np.mean(expected), abs=1e-9)


def test_equals_scikit_image_on_a_published_method(real_pair):
    expected = [peak_signal_noise_ratio(r, g, data_range=255) for g, r in zip(*real_pair, strict=True)]
    assert 20 < np.mean(expected) < 50  # the pair is a reconstruction, not two unrelated clips
    assert psnr(*real_pair) == pytest.approx(np.mean(expected), abs=1e-9)


def test_pooled_is_the_ratio_of_one_long_picture(degraded):
    generated, reference = degraded
    score = psnr_compute(psnr_update(generated, reference))
    joined = peak_signal_noise_ratio(np.concatenate(reference), np.concatenate(generated), data_range=255)
    assert score.pooled == pytest.approx(joined, abs=1e-9)
    assert score.pooled < score.mean


def test_identical_frames_are_capped_and_counted(astronaut):
    changed = astronaut.copy()
    changed[0, 0, 0] ^= 1  # 101 dB by the formula: more than an identical frame may get
    generated, reference = np.stack([astronaut, changed, 255 - astronaut]), np.stack([astronaut] * 3)
    score = psnr_compute(psnr_update(generated, reference))
    alone = peak_signal_noise_ratio(astronaut, 255 - astronaut, data_range=255)
    assert (score.identical, score.frames) == (1, 3)
    assert score.mean == pytest.approx((100 + 100 + alone) / 3)


def test_batches_add_up_to_the_whole(degraded):
    generated, reference = degraded
    parts = [psnr_update(generated[i : i + 3], reference[i : i + 3]) for i in range(0, len(generated), 3)]
    assert psnr_compute(np.concatenate(parts)) == psnr_compute(psnr_update(generated, reference))


@pytest.mark.parametrize(
    ("generated", "message"),
    [
        (np.zeros((1, 8, 8, 3), np.float32), "uint8"),
        (np.zeros((8, 8, 3), np.uint8), r"\(N, H, W, 3\)"),
        (np.zeros((2, 8, 8, 3), np.uint8), "differ in shape"),
    ],
)
def test_refuses_what_it_would_get_wrong(generated, message):
    with pytest.raises(ValueError, match=message):
        psnr(generated, np.zeros((1, 8, 8, 3), np.uint8))


def test_no_frames_is_no_score():
    with pytest.raises(ValueError, match="no frame"):
        psnr_compute(np.zeros(0))
