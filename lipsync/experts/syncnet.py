"""SyncNet v2 (Chung & Zisserman 2016): embeds 0.2 s of lips and 0.2 s of speech into one space.

The network behind LSE-D and LSE-C. Parameter names and shapes equal the published ``syncnet_v2.model``,
so that file, or any retrained one of the same architecture, loads as it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lipsync.errors import ArtefactError
from lipsync.texts import Message
from lipsync.weights.checkpoint import load_checkpoint

WINDOW = 5  # video frames
SIZE = 224  # pixels
DIMENSION = 1024


class SyncNet(nn.Module):
    """Two towers without shared weights; use it in evaluation mode."""

    def __init__(self) -> None:
        super().__init__()
        self.netcnnaud = nn.Sequential(                                          # (1, 13, 20) MFCC x time
            *_block2d(1, 64, 3, 1), nn.MaxPool2d(1, 1),                          # 13 x 20
            *_block2d(64, 192, 3, 1), nn.MaxPool2d(3, (1, 2)),                   # 11 x 9
            *_block2d(192, 384, 3, 1),
            *_block2d(384, 256, 3, 1),
            *_block2d(256, 256, 3, 1), nn.MaxPool2d(3, 2),                       # 5 x 4
            *_block2d(256, 512, (5, 4), 0),                                      # 1 x 1
        )  # fmt: skip
        self.netfcaud = _head()
        self.netfclip = _head()
        self.netcnnlip = nn.Sequential(                                          # (3, 5, 224, 224)
            *_block3d(3, 96, (5, 7, 7), 2, 0), _pool3d(0),                       # 1 x 54 x 54
            *_block3d(96, 256, (1, 5, 5), 2, 1), _pool3d(1),                     # 1 x 13 x 13
            *_block3d(256, 256, (1, 3, 3), 1, 1),
            *_block3d(256, 256, (1, 3, 3), 1, 1),
            *_block3d(256, 256, (1, 3, 3), 1, 1), _pool3d(0),                    # 1 x 6 x 6
            *_block3d(256, 512, (1, 6, 6), 1, 0),                                # 1 x 1 x 1
        )  # fmt: skip

    def embed_audio(self, mfcc: Tensor) -> Tensor:
        """(B, 1, 13, 20) MFCC windows (`lipsync.audio.psf_mfcc`) to (B, 1024), not normalised."""
        return self.netfcaud(self.netcnnaud(mfcc).flatten(1))

    def embed_video(self, frames: Tensor) -> Tensor:
        """(B, 3, 5, 224, 224) frames, BGR, 0..255, to (B, 1024), not normalised."""
        return self.netfclip(self.netcnnlip(frames).flatten(1))


def load_syncnet(path: Path) -> SyncNet:
    """The network with the weights of a file of this architecture, in evaluation mode on the CPU.

    Raises:
        ConfigError: the file's ending is no checkpoint format.
        ArtefactError: the file is missing, damaged, or holds another network.
    """
    state = _plain(load_checkpoint(path))
    with torch.device("meta"):  # nothing to initialise: the file fills it
        network = SyncNet()
    wanted = network.state_dict()
    missing = [key for key in wanted if key not in state and not key.endswith("num_batches_tracked")]
    wrong = [key for key, w in wanted.items() if key in state and tuple(state[key].shape) != tuple(w.shape)]
    surplus = [key for key in state if key not in wanted]
    for fault, keys in (("lacks", missing), ("shape", wrong), ("surplus", surplus)):
        if keys:
            rest = len(keys) - 1
            names = Message("syncnet.and_more", first=keys[0], rest=rest) if rest else keys[0]
            difference = Message(f"syncnet.difference.{fault}", names=names)
            raise ArtefactError("syncnet.other_architecture", path=path, difference=difference)
    for key in wanted:
        state.setdefault(key, torch.tensor(0))
    network.load_state_dict(state, strict=True, assign=True)
    return network.float().eval().requires_grad_(False)


def _plain(loaded: dict[str, Any]) -> dict[str, Tensor]:
    """The state dict inside what was saved, without the prefixes that training scripts leave."""
    inner = next(
        (loaded[key] for key in ("state_dict", "model") if isinstance(loaded.get(key), dict)), loaded
    )
    return {
        key.removeprefix("module.").removeprefix("__S__."): value
        for key, value in inner.items()
        if isinstance(value, Tensor)
    }


def _block2d(cin: int, cout: int, kernel: int | tuple[int, int], padding: int) -> list[nn.Module]:
    return [nn.Conv2d(cin, cout, kernel, padding=padding), nn.BatchNorm2d(cout), nn.ReLU()]


def _block3d(cin: int, cout: int, kernel: tuple[int, int, int], stride: int, padding: int) -> list[nn.Module]:
    """Stride and padding are spatial: all five frames meet in the first convolution."""
    space = (1, stride, stride), (0, padding, padding)
    return [nn.Conv3d(cin, cout, kernel, *space), nn.BatchNorm3d(cout), nn.ReLU()]


def _pool3d(padding: int) -> nn.MaxPool3d:
    return nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, padding, padding))


def _head() -> nn.Sequential:
    return nn.Sequential(nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, DIMENSION))
