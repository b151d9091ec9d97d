import pytest
import torch
import torch.nn.functional as F

from lipsync.errors import ArtefactError
from lipsync.experts.syncnet import SyncNet, load_syncnet

PUBLISHED_BYTES = 54_573_114  # of syncnet_v2.model: the tensors and a little wrapping
AUDIO = {0: (64, 1, 3, 3), 4: (192, 64, 3, 3), 8: (384, 192, 3, 3), 11: (256, 384, 3, 3),
         14: (256, 256, 3, 3), 18: (512, 256, 5, 4)}  # fmt: skip
LIPS = {0: (96, 3, 5, 7, 7), 4: (256, 96, 1, 5, 5), 8: (256, 256, 1, 3, 3), 11: (256, 256, 1, 3, 3),
        14: (256, 256, 1, 3, 3), 18: (512, 256, 1, 6, 6)}  # fmt: skip


def published_shapes() -> dict[str, tuple[int, ...]]:
    """Names and shapes of the published checkpoint, written out from its architecture."""
    shapes: dict[str, tuple[int, ...]] = {}

    def norm(key: str, channels: int) -> None:
        shapes.update({f"{key}.{n}": (channels,) for n in ("weight", "bias", "running_mean", "running_var")})
        shapes[f"{key}.num_batches_tracked"] = ()

    for tower, kernels in (("netcnnaud", AUDIO), ("netcnnlip", LIPS)):
        for place, shape in kernels.items():
            shapes[f"{tower}.{place}.weight"], shapes[f"{tower}.{place}.bias"] = shape, (shape[0],)
            norm(f"{tower}.{place + 1}", shape[0])
    for head in ("netfcaud", "netfclip"):
        for place, out in ((0, 512), (3, 1024)):
            shapes[f"{head}.{place}.weight"], shapes[f"{head}.{place}.bias"] = (out, 512), (out,)
        norm(f"{head}.1", 512)
    return shapes


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    net = SyncNet().eval()
    for module in net.modules():  # fresh statistics are 0 and 1, which would hide a missing normalisation
        if hasattr(module, "running_mean"):
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.5, 2)
    return net


def test_names_and_shapes_are_the_published_ones(network):
    assert {key: tuple(w.shape) for key, w in network.state_dict().items()} == published_shapes()


def test_size_is_that_of_the_published_file(network):
    size = sum(w.numel() * w.element_size() for w in network.state_dict().values())
    assert 0 < PUBLISHED_BYTES - size < 20_000


def tower(x, state, prefix, convolve, pools):
    """The tower step by step from its weights, without the class."""
    for place in sorted(
        {int(key.split(".")[1]) for key in state if key.startswith(prefix) and "running" in key}
    ):
        conv, norm = f"{prefix}.{place - 1}", f"{prefix}.{place}"
        x = convolve(x, state[f"{conv}.weight"], state[f"{conv}.bias"], place - 1)
        x = F.batch_norm(
            x, *(state[f"{norm}.{n}"] for n in ("running_mean", "running_var", "weight", "bias"))
        ).relu()
        x = pools.get(place - 1, lambda y: y)(x)
    return x.flatten(1)


def head(x, state, prefix):
    norm = (state[f"{prefix}.1.{n}"] for n in ("running_mean", "running_var", "weight", "bias"))
    x = F.linear(x, state[f"{prefix}.0.weight"], state[f"{prefix}.0.bias"])
    return F.linear(F.batch_norm(x, *norm).relu(), state[f"{prefix}.3.weight"], state[f"{prefix}.3.bias"])


def test_towers_compute_what_the_architecture_says(network):
    state = network.state_dict()
    mfcc, frames = torch.randn(2, 1, 13, 20), torch.rand(1, 3, 5, 224, 224) * 255
    audio = tower(
        mfcc, state, "netcnnaud",
        lambda x, w, b, place: F.conv2d(x, w, b, padding=0 if place == 18 else 1),
        {4: lambda x: F.max_pool2d(x, 3, (1, 2)), 14: lambda x: F.max_pool2d(x, 3, 2)},
    )  # fmt: skip
    spatial = {0: (2, 0), 4: (2, 1), 8: (1, 1), 11: (1, 1), 14: (1, 1), 18: (1, 0)}

    def conv3d(x, w, b, place):
        stride, padding = spatial[place]
        return F.conv3d(x, w, b, stride=(1, stride, stride), padding=(0, padding, padding))

    def pool(padding):
        return lambda x: F.max_pool3d(x, (1, 3, 3), (1, 2, 2), (0, padding, padding))

    lips = tower(frames, state, "netcnnlip", conv3d, {0: pool(0), 4: pool(1), 14: pool(0)})
    with torch.no_grad():
        torch.testing.assert_close(network.embed_audio(mfcc), head(audio, state, "netfcaud"))
        torch.testing.assert_close(network.embed_video(frames), head(lips, state, "netfclip"))


@pytest.mark.parametrize(
    "wrap", [lambda s: s, lambda s: {"state_dict": {f"module.{k}": v for k, v in s.items()}}]
)
def test_loads_what_was_saved(network, tmp_path, wrap):
    path = tmp_path / "syncnet.model"
    torch.save(wrap(network.state_dict()), path)
    loaded = load_syncnet(path)
    assert not loaded.training
    mfcc = torch.randn(3, 1, 13, 20)
    torch.testing.assert_close(loaded.embed_audio(mfcc), network.embed_audio(mfcc))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda s: s.pop("netfclip.3.weight"), "lacks netfclip.3.weight"),
        (
            lambda s: s.update({"netfclip.3.weight": torch.zeros(512, 512)}),
            "another shape of netfclip.3.weight",
        ),
        (lambda s: s.update({"generator.0.weight": torch.zeros(1)}), "also holds generator.0.weight"),
    ],
)
def test_another_architecture_is_refused_with_a_sentence(network, tmp_path, spoil, said):
    state = dict(network.state_dict())
    spoil(state)
    path = tmp_path / "other.pth"
    torch.save(state, path)
    with pytest.raises(ArtefactError, match=said) as caught:
        load_syncnet(path)
    assert "other.pth" in str(caught.value)
