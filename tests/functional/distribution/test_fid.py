import numpy as np
import pytest
import scipy.linalg
import torch
from PIL import Image

import eval.functional.distribution.fid
from eval.functional.distribution.fid import (
    FeatureRows,
    FeatureSums,
    fid,
    fid_compute,
    fid_update,
    inception_features,
    load_inception,
    resize_299,
)
from lipsync.errors import ArtefactError


def plain_fid(x: np.ndarray, y: np.ndarray) -> float:
    """The formula of Heusel et al. with numpy's covariance and scipy's matrix root."""
    s1, s2 = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = scipy.linalg.sqrtm(s1 @ s2)
    shift = x.mean(0) - y.mean(0)
    return float(shift @ shift + np.trace(s1 + s2 - 2 * root.real))


def mixed(rng: np.random.Generator, count: int, size: int, shift: float) -> np.ndarray:
    return rng.normal(shift, 1, (count, size)) @ rng.normal(0, 1, (size, size))


@pytest.mark.parametrize("size", [2, 16, 64])
def test_equals_the_formula_with_scipys_root(size):
    rng = np.random.default_rng(size)
    x, y = mixed(rng, 300, size, 0.0), mixed(rng, 200, size, 0.5)
    assert fid(x, y) == pytest.approx(plain_fid(x, y), rel=1e-6)


def test_known_distance_of_two_gaussians():
    # Commuting covariances: Σ (mean difference)² + Σ (σ₁ − σ₂)² = 2² + 1² + (3 − 1)² + (1 − 0.5)².
    def sums(mean: list[float], sigma: list[float], count: int = 1000) -> FeatureSums:
        m = np.array(mean)
        return FeatureSums(count, count * m, (count - 1) * np.diag(np.square(sigma)) + count * np.outer(m, m))

    score = fid_compute(sums([2.0, 0.0], [3.0, 1.0]), sums([0.0, 1.0], [1.0, 0.5]))
    assert score.value == pytest.approx(4 + 1 + 4 + 0.25)


def test_streaming_equals_one_batch():
    rng = np.random.default_rng(1)
    x, y = rng.normal(3, 1, (130, 20)), rng.normal(3.2, 1.1, (90, 20))
    streamed = fid_update(x[:50]) + fid_update(x[50:57]) + fid_update(x[57:])
    score = fid_compute(streamed, fid_update(y))
    assert score.value == pytest.approx(plain_fid(x, y), rel=1e-9)
    assert (score.generated_frames, score.reference_frames) == (130, 90)


def test_fewer_pictures_than_dimensions_stay_real_and_bounded():
    rng = np.random.default_rng(2)
    x, y = rng.normal(0, 1, (20, 64)), rng.normal(0, 1, (30, 64))
    assert fid(x, x) == pytest.approx(0, abs=1e-6)
    # Rank-deficient root: the singular values of the centred data give the same overlap another way.
    a, b = ((z - z.mean(0)) / (len(z) - 1) ** 0.5 for z in (x, y))
    overlap = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    shift = x.mean(0) - y.mean(0)
    expected = shift @ shift + (a**2).sum() + (b**2).sum() - 2 * overlap
    for value in (fid_compute(fid_update(x).sums(), fid_update(y).sums()).value, fid(x, y)):
        assert value == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("count", [30, 200])
def test_rows_and_sums_give_one_distance(count, monkeypatch):
    """A set that outgrows the kept rows goes on as sums, and its score does not show it."""
    rng = np.random.default_rng(4)
    x, y = mixed(rng, count, 48, 0.0), mixed(rng, count, 48, 0.3)
    kept = fid_update(x[:20]) + fid_update(x[20:])
    assert isinstance(kept, FeatureRows)
    by_rows = fid_compute(kept, fid_update(y)).value
    monkeypatch.setattr(eval.functional.distribution.fid, "MOST_ROWS", 25)
    parts = [fid_update(x[:20]) + fid_update(x[20:]), fid_update(y[:20]) + fid_update(y[20:])]
    assert [type(part) for part in parts] == [FeatureSums, FeatureSums]
    assert [part.count for part in parts] == [count, count]
    assert fid_compute(*parts).value == pytest.approx(by_rows, rel=1e-6)
    assert fid_compute(fid_update(x[:20]) + fid_update(x[20:]), kept).value == pytest.approx(
        0, abs=1e-6 * by_rows
    )


def test_warns_below_2048_frames():
    rng = np.random.default_rng(3)
    many, few = fid_update(rng.normal(0, 1, (2048, 4))), fid_update(rng.normal(0, 1, (2047, 4)))
    assert fid_compute(many, many).enough
    assert not fid_compute(few, many).enough
    assert not fid_compute(many, few).enough


def test_refuses_what_has_no_covariance():
    with pytest.raises(ValueError, match="at least 2"):
        fid(np.zeros((1, 4)), np.zeros((9, 4)))
    with pytest.raises(ValueError, match="differ in length"):
        fid(np.zeros((9, 3)), np.zeros((9, 4)))
    with pytest.raises(ValueError, match="differ in length"):
        fid_compute(fid_update(np.zeros((9, 3))).sums(), fid_update(np.zeros((9, 4))))


@pytest.mark.parametrize("size", [(512, 512), (256, 256), (720, 540)])
def test_resize_equals_pillows_antialiased_bicubic(astronaut, size):
    import skimage.data

    picture = np.array(Image.fromarray(skimage.data.astronaut()).resize(size[::-1]))
    ours = resize_299(torch.tensor(picture).permute(2, 0, 1)[None].float())[0].permute(1, 2, 0).numpy()
    bands = [Image.fromarray(picture[..., c].astype(np.float32), mode="F") for c in range(3)]
    theirs = np.stack([np.array(b.resize((299, 299), Image.Resampling.BICUBIC)) for b in bands], -1)
    assert np.abs(ours - theirs.clip(0, 255)).max() < 0.05


class Recorder(torch.nn.Module):
    """Stands for the network and keeps what it was shown."""

    def __init__(self):
        super().__init__()
        self.seen: list[torch.Tensor] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen.append(x)
        return x.mean((2, 3)).repeat(1, 683)[:, :2048]


def test_network_sees_what_it_was_trained_on():
    network = Recorder()
    extremes = np.stack([np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 255, np.uint8)] * 2)
    features = inception_features(network, extremes, batch=3)
    larger, smaller = sorted(network.seen, key=len, reverse=True)  # on two threads either may be the first
    assert (larger.shape, smaller.shape) == ((3, 3, 299, 299), (1, 3, 299, 299))
    assert float(larger.min()) == -1
    assert float(larger.max()) == pytest.approx(0.9921875)
    assert features.shape == (4, 2048)


def test_a_file_that_is_no_network_is_said_so(tmp_path):
    file = tmp_path / "inception.pt"
    file.write_bytes(b"not a network")
    with pytest.raises(ArtefactError, match="not a TorchScript network"):
        load_inception(file)


@pytest.mark.slow
def test_real_inception_orders_real_and_blurred_faces(shared):
    import cv2

    from lipsync.weights.hub import locate
    from tests.functional.conftest import read_frames

    path = locate("inception_fid")
    if path is None:
        pytest.skip("the artefact inception_fid is not on this machine")
    network = load_inception(path)
    frames = read_frames(shared / "data/train/id003_clip04.mp4", 24)
    features = inception_features(network, frames)
    assert features.shape == (24, 2048)
    assert features.min() >= 0  # average-pooled ReLU
    blurred = inception_features(network, np.stack([cv2.GaussianBlur(f, (0, 0), 4) for f in frames]))
    assert fid(features[::2], features[1::2]) < 0.2 * fid(blurred, features)
