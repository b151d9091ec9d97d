"""S3FD (Zhang et al., ICCV 2017) from the paper: the face detector of Wav2Lip's own inference.

A VGG-16 whose last pooling stage goes on as convolutions, six detection layers of strides 4 to 128, one
square anchor of four strides at each place of a layer.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

MEAN = (104.0, 117.0, 123.0)  # of the training pictures' channels
VARIANCES = (0.1, 0.2)  # of the regressed centre and size
VGG = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))  # convolutions of each scale
NORMED = {2: "L2Norm3_3", 3: "L2Norm4_3", 4: "L2Norm5_3"}  # scales that are detected on


class S3fd:
    """The largest face of a picture."""

    def __init__(self, weights: Path):
        self._weights: dict[str, Tensor] = torch.load(weights, map_location="cpu", weights_only=True)

    @torch.inference_mode()
    def __call__(self, image: np.ndarray) -> tuple[float, float, float, float] | None:
        """x0, y0, x1, y1 in pixels of the most certain face in (H, W, 3) uint8; None below 0.5."""
        boxes = []
        for level, features in enumerate(self._features(image)):
            confidence, offsets = (
                self._conv(f"conf.{level}", features)[0],
                self._conv(f"loc.{level}", features)[0],
            )
            if level == 0:  # three scores of the background, of which the largest counts
                confidence = torch.stack([confidence[:3].amax(0), confidence[3]])
            score = confidence.softmax(0)[1]
            row, column = divmod(int(score.argmax()), score.shape[1])
            stride = 2.0 ** (level + 2)
            across, down, wide, high = offsets[:, row, column].tolist()
            anchor = 4 * stride
            x = (column + 0.5) * stride + across * VARIANCES[0] * anchor
            y = (row + 0.5) * stride + down * VARIANCES[0] * anchor
            width, height = (anchor * float(np.exp(size * VARIANCES[1])) for size in (wide, high))
            boxes.append(
                (float(score[row, column]), (x - width / 2, y - height / 2, x + width / 2, y + height / 2))
            )
        certainty, box = max(boxes)
        return box if certainty >= 0.5 else None

    def _conv(self, name: str, x: Tensor, **how: int) -> Tensor:
        weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        return F.conv2d(x, weight, bias, **{"padding": weight.shape[-1] // 2, **how})

    def _features(self, image: np.ndarray) -> list[Tensor]:
        x = (torch.from_numpy(image.astype(np.float32)) - torch.tensor(MEAN)).permute(2, 0, 1)[None]
        found = []
        for scale, layers in enumerate(VGG):
            for layer in layers:
                x = self._conv(f"vgg.{layer}", x).relu()
            if scale in NORMED:
                found.append(F.normalize(x) * self._weights[f"{NORMED[scale]}.weight"][None, :, None, None])
            x = F.max_pool2d(x, 2)
        x = self._conv("vgg.31", x, padding=3, dilation=3).relu()
        found.append(x := self._conv("vgg.33", x).relu())
        for first, second in pairwise(range(4)):
            if first % 2 == 0:
                x = self._conv(f"extras.{first}", x).relu()
                found.append(x := self._conv(f"extras.{second}", x, stride=2).relu())
        return found
