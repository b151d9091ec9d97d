"""The rebuilt Inception against the published graph's arithmetic, with few channels and random weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lipsync.experts.inception import rebuilt


class Layer(nn.Module):
    """A convolution of the published graph: no bias, batch normalisation without a scale, ReLU."""

    def __init__(self, into: int, out: int, kernel: tuple[int, int], stride: int = 1, padded: bool = True):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out, into, *kernel) / (into * kernel[0] * kernel[1]) ** 0.5)
        self.beta, self.mean = torch.randn(out) / 10, torch.randn(out) / 10
        self.var, self.stride = torch.rand(out) + 0.2, stride
        self.padding = [side // 2 if padded else 0 for side in kernel]

    def forward(self, x: Tensor) -> Tensor:
        x = F.conv2d(x, self.weight, None, self.stride, self.padding)
        return F.relu(F.batch_norm(x, self.mean, self.var, None, self.beta, eps=0.001))


def tower(into: int, *layers: tuple) -> nn.Sequential:
    found = []
    for out, *how in layers:
        found.append(Layer(into, out, *how))
        into = out
    return nn.Sequential(*found)


class Block(nn.Module):
    """Named layers and towers of one block; ``kind`` says how the published graph joins them."""

    def __init__(self, kind: str, **parts: nn.Module):
        super().__init__()
        self.kind = kind
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, x: Tensor) -> Tensor:
        average = F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        match self.kind:
            case "towers":
                parts = [self.conv(x), self.tower(x), self.tower_1(x), self.tower_2.conv(average)]
            case "first reduction":
                parts = [self.conv(x), self.tower(x), F.max_pool2d(x, 3, 2)]
            case "second reduction":
                parts = [self.tower(x), self.tower_1(x), F.max_pool2d(x, 3, 2)]
            case _:
                pooled = average if self.kind == "average" else F.max_pool2d(x, 3, 1, 1)
                a, b = self.tower_conv(x), self.tower_1_conv_1(self.tower_1_conv(x))
                parts = [self.conv(x), self.tower_mixed_conv(a), self.tower_mixed_conv_1(a)]
                parts += [self.tower_1_mixed_conv(b), self.tower_1_mixed_conv_1(b), self.tower_2_conv(pooled)]
        return torch.cat(parts, 1)


def towers(into: int, first: tuple, second: tuple) -> Block:
    return Block(
        "towers", conv=Layer(into, 4, (1, 1)), tower=tower(into, *first), tower_1=tower(into, *second),
        tower_2=Block("", conv=Layer(into, 2, (1, 1))),
    )  # fmt: skip


def split(kind: str, into: int) -> Block:
    return Block(
        kind, conv=Layer(into, 3, (1, 1)), tower_conv=Layer(into, 4, (1, 1)),
        tower_mixed_conv=Layer(4, 5, (1, 3)), tower_mixed_conv_1=Layer(4, 6, (3, 1)),
        tower_1_conv=Layer(into, 4, (1, 1)), tower_1_conv_1=Layer(4, 3, (3, 3)),
        tower_1_mixed_conv=Layer(3, 5, (1, 3)), tower_1_mixed_conv_1=Layer(3, 6, (3, 1)),
        tower_2_conv=Layer(into, 7, (1, 1)),
    )  # fmt: skip


class InceptionV3(nn.Module):
    """Layers in the order and under the names of the published graph."""

    original_name = "InceptionV3"

    def __init__(self) -> None:
        super().__init__()
        small = (3, (1, 1)), (4, (5, 5))
        threes = (3, (1, 1)), (4, (3, 3)), (5, (3, 3))
        sevens = (3, (1, 1)), (3, (1, 7)), (4, (7, 1))
        more = (3, (1, 1)), (3, (7, 1)), (3, (1, 7)), (3, (7, 1)), (5, (1, 7))
        reduced = (3, (1, 1)), (4, (3, 3)), (5, (3, 3), 2, False)
        layers = {
            "conv": Layer(3, 4, (3, 3), 2, False), "conv_1": Layer(4, 4, (3, 3), 1, False),
            "conv_2": Layer(4, 6, (3, 3)), "conv_3": Layer(6, 8, (1, 1)),
            "conv_4": Layer(8, 10, (3, 3), 1, False), "mixed": towers(10, small, threes),
            "mixed_1": towers(15, small, threes), "mixed_2": towers(15, small, threes),
            "mixed_3": Block(
                "first reduction", conv=Layer(15, 6, (3, 3), 2, False), tower=tower(15, *reduced)
            ),
            "mixed_4": towers(26, sevens, more), "mixed_5": towers(15, sevens, more),
            "mixed_6": towers(15, sevens, more), "mixed_7": towers(15, sevens, more),
            "mixed_8": Block(
                "second reduction", tower=tower(15, (3, (1, 1)), (4, (3, 3), 2, False)),
                tower_1=tower(15, *sevens, (3, (3, 3), 2, False)),
            ),
            "mixed_9": split("average", 22), "mixed_10": split("maximum", 32),
        }  # fmt: skip
        self.layers = nn.ModuleDict(layers)
        for name, layer in layers.items():
            setattr(self.layers, name, layer)

    def forward(self, x: Tensor) -> Tensor:
        for name, layer in self.layers.items():
            x = layer(x)
            if name in ("conv_2", "conv_4"):
                x = F.max_pool2d(x, 3, 2)
        return F.avg_pool2d(x, 8).flatten(1)


class Published(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = InceptionV3()

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


def test_rebuilt_network_gives_the_same_features():
    torch.manual_seed(0)
    published, x = Published().eval(), torch.rand(2, 3, 299, 299) * 2 - 1
    with torch.inference_mode():
        wanted, found = published(x), rebuilt(published)(x)
    assert wanted.std() > 0.1
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_another_network_stays_as_it_is():
    other = nn.Flatten()
    assert rebuilt(other) is other


@pytest.mark.slow
def test_published_weights_give_the_same_distance_to_the_printed_digit(shared):
    from eval.functional.distribution.fid import fid, inception_features
    from lipsync.media import read_frames
    from lipsync.weights.hub import locate

    path = locate("inception_fid")
    if path is None:
        pytest.skip("the artefact inception_fid is not on this machine")
    published = torch.jit.load(str(path)).eval()
    names = "generated/DiffDub_id003_clip09.mp4", "train/id003_clip04.mp4"
    clips = [
        np.stack([frame.image for frame in read_frames(shared / "data" / name, max_frames=8)])
        for name in names
    ]
    wanted = fid(*(inception_features(published, clip) for clip in clips))
    found = fid(*(inception_features(rebuilt(published), clip) for clip in clips))
    assert f"{found:.2f}" == f"{wanted:.2f}"
    assert found == pytest.approx(wanted, rel=1e-5)
