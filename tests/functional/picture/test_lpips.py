import hashlib
import itertools
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from eval.functional.picture.lpips import lpips, lpips_update
from lipsync.compat import ensure_torchvision
from lipsync.errors import ArtefactError
from lipsync.experts.perceptual import load_lpips, lpips_network
from lipsync.weights.numpy_pickle import load_arrays

EXAMPLES = Path(__file__).parent / "lpips_examples"
# (stride, padding) of AlexNet's convolutions; where a maximum is taken before them.
ALEX = {
    "layers": [(4, 2), (1, 2), (1, 1), (1, 1), (1, 1)],
    "pool": (3, 2),
    "pooled": (1, 2),
    "taps": range(5),
}
VGG = {"layers": [(1, 1)] * 13, "pool": (2, 2), "pooled": (2, 4, 7, 10), "taps": (1, 3, 6, 9, 12)}


def plain_lpips(arrays: dict, x: np.ndarray, y: np.ndarray, trunk: str, shape: dict) -> float:
    """LPIPS of two (H, W, 3) pictures, written from the paper, straight from the arrays of the file."""

    def features(picture: np.ndarray) -> list[torch.Tensor]:
        z = torch.tensor(picture).double().permute(2, 0, 1)[None] / 255  # 0…1, so ImageNet's own constants
        mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        z = (z - mean.view(1, 3, 1, 1)) / deviation.view(1, 3, 1, 1)
        taps = []
        for i, (stride, padding) in enumerate(shape["layers"]):
            if i in shape["pooled"]:
                z = F.max_pool2d(z, *shape["pool"])
            layer = arrays[trunk][f"Conv_{i}"]
            kernel = torch.tensor(layer["kernel"]).double().permute(3, 2, 0, 1)
            z = F.relu(F.conv2d(z, kernel, torch.tensor(layer["bias"]).double(), stride, padding))
            if i in shape["taps"]:
                taps.append(z)
        return taps

    total = 0.0
    for i, (a, b) in enumerate(zip(features(x), features(y), strict=True)):
        difference = (F.normalize(a, dim=1) - F.normalize(b, dim=1)) ** 2
        weights = torch.tensor(arrays[f"NetLinLayer_{i}"]["Conv_0"]["kernel"]).double().flatten()
        total += float(torch.einsum("nchw,c->nhw", difference, weights).mean())
    return total


def random_arrays(trunk: str, channels: list[tuple[int, int, int]], heads: list[int]) -> dict:
    rng = np.random.default_rng(0)

    def layer(size: int, inputs: int, outputs: int) -> dict:
        kernel = rng.normal(0, (2 / (size * size * inputs)) ** 0.5, (size, size, inputs, outputs))
        return {"kernel": kernel.astype(np.float32), "bias": rng.normal(0, 0.1, outputs).astype(np.float32)}

    arrays = {trunk: {f"Conv_{i}": layer(*shape) for i, shape in enumerate(channels)}}
    for i, width in enumerate(heads):
        arrays[f"NetLinLayer_{i}"] = {"Conv_0": {"kernel": rng.random((1, 1, width, 1), np.float32)}}
    return arrays


def alex_arrays() -> dict:
    channels = [(11, 3, 64), (5, 64, 192), (3, 192, 384), (3, 384, 256), (3, 256, 256)]
    return random_arrays("AlexNet_0", channels, [64, 192, 384, 256, 256])


def vgg_arrays() -> dict:
    widths = [3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512]
    return random_arrays(
        "VGG16_0", [(3, a, b) for a, b in itertools.pairwise(widths)], [64, 128, 256, 512, 512]
    )


@pytest.fixture(scope="module")
def weights(shared) -> Path:
    return shared / "weights/lpips_alexnet.ckpt"


@pytest.fixture(scope="module")
def alex(weights) -> torch.nn.Module:
    return load_lpips("alex", weights)


def test_published_values_of_the_packages_examples(alex):
    reference, near, far = (
        np.array(Image.open(EXAMPLES / f"{name}.png"))[None] for name in ("ex_ref", "ex_p1", "ex_p0")
    )
    assert lpips(alex, far, reference) == pytest.approx(0.722, abs=5e-4)
    assert lpips(alex, near, reference) == pytest.approx(0.138, abs=5e-4)


def test_equals_a_plain_forward_pass_on_a_published_method(alex, weights, real_pair):
    arrays = load_arrays(weights, hashlib.sha256(weights.read_bytes()).hexdigest())
    generated, reference = (side[:2] for side in real_pair)
    expected = [
        plain_lpips(arrays, g, r, "AlexNet_0", ALEX) for g, r in zip(generated, reference, strict=True)
    ]
    np.testing.assert_allclose(lpips_update(alex, generated, reference), expected, atol=2e-6)
    assert 0.005 < np.mean(expected) < 0.3


def test_heads_of_the_file_are_those_of_the_package(alex):
    ensure_torchvision()
    import lpips as package

    file = Path(package.__file__).parent / "weights/v0.1/alex.pth"
    for name, head in torch.load(file, map_location="cpu", weights_only=True).items():
        torch.testing.assert_close(alex.state_dict()[name], head)


@pytest.mark.parametrize(
    ("net", "arrays", "trunk", "shape"),
    [("alex", alex_arrays(), "AlexNet_0", ALEX), ("vgg", vgg_arrays(), "VGG16_0", VGG)],
    ids=["alex", "vgg"],
)
def test_every_layer_lands_in_its_place(degraded, net, arrays, trunk, shape):
    generated, reference = (side[:2, 40:72, 90:130] for side in degraded)
    expected = [plain_lpips(arrays, g, r, trunk, shape) for g, r in zip(generated, reference, strict=True)]
    np.testing.assert_allclose(
        lpips_update(lpips_network(net, arrays), generated, reference), expected, rtol=1e-4
    )


def test_vgg_with_published_weights(degraded):
    from lipsync.weights.hub import locate

    path = locate("lpips_vgg")
    if path is None:
        pytest.skip("the artefact lpips_vgg is not on this machine")
    arrays = load_arrays(path, hashlib.sha256(path.read_bytes()).hexdigest())
    generated, reference = (side[:1, 40:104, 90:170] for side in degraded)
    expected = plain_lpips(arrays, generated[0], reference[0], "VGG16_0", VGG)
    assert lpips(load_lpips("vgg", path), generated, reference) == pytest.approx(expected, abs=1e-5)


def test_batches_add_up_to_the_whole(degraded):
    network = lpips_network("alex", alex_arrays())
    generated, reference = (side[:4, :64, :64] for side in degraded)
    one_by_one = [lpips(network, g[None], r[None]) for g, r in zip(generated, reference, strict=True)]
    np.testing.assert_allclose(lpips_update(network, generated, reference, batch=3), one_by_one, rtol=1e-5)
    assert lpips_update(network, generated[:0], reference[:0]).shape == (0,)


def test_arrays_that_do_not_fit_are_refused():
    arrays = alex_arrays()
    del arrays["AlexNet_0"]["Conv_3"]
    with pytest.raises(ArtefactError, match="do not fit the alex network"):
        lpips_network("alex", arrays)
    with pytest.raises(ArtefactError, match="do not fit the vgg network"):
        lpips_network("vgg", alex_arrays())


def test_another_file_is_not_unpickled(tmp_path):
    file = tmp_path / "weights.ckpt"
    file.write_bytes(pickle.dumps(alex_arrays()))
    with pytest.raises(ArtefactError, match="sha256"):
        load_lpips("alex", file)
    with pytest.raises(ArtefactError, match="cannot be read"):
        load_lpips("alex", tmp_path / "missing.ckpt")


class Trap:
    def __init__(self, marker: Path):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


def test_a_pickle_cannot_run_code(tmp_path):
    marker, file = tmp_path / "ran", tmp_path / "weights.ckpt"
    file.write_bytes(pickle.dumps({"AlexNet_0": Trap(marker)}))
    with pytest.raises(ArtefactError, match="not a pickle of plain arrays: it asks for"):
        load_arrays(file, hashlib.sha256(file.read_bytes()).hexdigest())
    assert not marker.exists()
    pickle.loads(file.read_bytes())
    assert marker.exists()  # the trap was real
