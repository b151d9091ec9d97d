"""``python -m tests.benchmarks.dubbing``: size and cost of visual dubbing beside the paper's Table 7.

Parameters in millions; FLOPs as the paper's tool counts them (one multiplication with its addition is
one), in billions, of one 192-pixel frame; of stage 1 for five frames, since the paper does not say
for how many. With ``--core FOLDER`` the same of a trained core.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from lipsync.methods.visual_dubbing.config import VisualDubbingConfig
from lipsync.methods.visual_dubbing.model import VisualDubbing
from lipsync.weights.pretrained import read_config

# Table 7: millions of parameters, billions of FLOPs.
PUBLISHED = {
    "expression": (12.50, 14.30),
    "SFM": (38.68, 2.27),
    "TMN": (12.53, 39.23),
    "RBFIN": (37.68, 31.08),
}
FRAMES = 5


def costs(net: VisualDubbing) -> dict[str, tuple[float, float]]:
    """(millions of parameters, billions of FLOPs) of each network; a part left out is missing."""
    config, stage1 = net.config.renderer, net.config.expression
    height, width = config.size - config.top, config.size

    def picture(channels: int) -> torch.Tensor:
        return torch.empty(1, channels, height, width, device="meta")

    speech = torch.empty(1, FRAMES, 1, stage1.audio.rows, stage1.audio.window, device="meta")
    semantic = torch.empty(1, FRAMES, 3, stage1.image_size, stage1.image_size, device="meta")
    found = {"expression": _cost(net.expression, speech, semantic if stage1.semantic_images else None)[0]}
    renderer, texture = net.renderer, []
    if renderer.motion is not None:
        found["SFM"] = _cost(renderer.motion, picture(3), picture(3))[0]
    if renderer.texture is not None:
        found["TMN"], (_, texture) = _cost(renderer.texture, picture(3), picture(3))
    found["RBFIN"] = _cost(renderer.inpaint, *(picture(c) for c in (3, 3, 3, 1, 3)), texture)[0]
    return found


def _cost(part: nn.Module, *inputs):
    with FlopCounterMode(display=False) as counted:
        out = part(*inputs)
    parameters = sum(p.numel() for p in part.parameters())
    return (parameters / 1e6, counted.get_total_flops() / 2e9), out


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--core", type=Path, help="folder of a trained core; its config.json is enough")
    options = parser.parse_args()
    config = VisualDubbingConfig()
    if options.core:
        config = read_config(
            options.core / "config.json", VisualDubbingConfig, "a core of visual dubbing", "renderer"
        )
    with torch.device("meta"):
        found = costs(VisualDubbing(config).eval())
    print(f"{'network':12}{'params/M':>10}{'paper':>8}{'FLOPs/G':>10}{'paper':>8}")
    numbers = {name: (*found[name], *PUBLISHED[name]) for name in found}
    numbers["whole"] = tuple(map(sum, zip(*numbers.values(), strict=True)))  # type: ignore[assignment]
    for name, (parameters, flops, theirs, their_flops) in numbers.items():
        print(f"{name:12}{parameters:10.2f}{theirs:8.2f}{flops:10.2f}{their_flops:8.2f}")


if __name__ == "__main__":
    main()
