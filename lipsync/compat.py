"""Making a torchvision that was built for CUDA importable beside a CPU-only torch.

Package indexes often carry one torchvision build per version, the CUDA one. Beside a CPU torch
its compiled library cannot be loaded, so the operator ``torchvision::nms`` is never defined and
``import torchvision`` stops with "operator torchvision::nms does not exist"; transformers and
facenet_pytorch, which import it, stop with it. Everything they need from torchvision is plain
Python except that one operator, so it is defined here in plain torch.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import torch

_LOCK = threading.Lock()
_LIBRARY: list[torch.library.Library] = []  # the operators vanish when their library is collected


def ensure_torchvision() -> bool:
    """True if torchvision imports only thanks to the operators defined here, False if it needed no help.

    Call it before anything that imports torchvision (transformers, facenet_pytorch). It may be called
    any number of times and from any thread.

    Raises:
        ImportError: torchvision is not installed.
    """
    with _LOCK:
        if _LIBRARY:
            return True
        try:
            with _no_compiler():
                importlib.import_module("torchvision")
            return False
        except RuntimeError as problem:
            # Any other failure is not ours to hide.
            if "torchvision::nms" not in str(problem):
                raise
        library = torch.library.Library("torchvision", "FRAGMENT")
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        # Never called on float boxes, but torchvision describes its shape on import.
        library.define(
            "qnms(Tensor dets, Tensor scores, float iou_threshold, float scale, float zero_point) -> Tensor"
        )
        library.impl("nms", nms, "CPU")
        _LIBRARY.append(library)
        with _no_compiler():
            boxes = importlib.import_module("torchvision.ops.boxes")
        # Only nms is guarded by this name; roi_align and the others keep their own clear refusal.
        boxes._assert_has_ops = lambda: None  # type: ignore[attr-defined]
        return True


@contextmanager
def _no_compiler() -> Iterator[None]:
    """Imports within do without ``torch._dynamo``, a second and 70 MB.

    torchvision takes one function from it, which tells RoI align whether it can be compiled when it is used.
    """
    names = ("torch._dynamo", "torch._dynamo.utils")
    if names[0] in sys.modules:
        yield
        return
    package, utils = map(ModuleType, names)

    def is_compile_supported(device_type: str) -> bool:
        return importlib.import_module(names[1]).is_compile_supported(device_type)

    package.utils, utils.is_compile_supported = utils, is_compile_supported  # type: ignore[attr-defined]
    sys.modules.update({names[0]: package, names[1]: utils})
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]


def nms(dets: torch.Tensor, scores: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    """Indices of the boxes that survive greedy non-maximum suppression, best score first.

    Args:
        dets: (N, 4) boxes ``x1, y1, x2, y2`` with ``x1 < x2`` and ``y1 < y2``, any float type.
        scores: (N,) one score per box.
        iou_threshold: a box goes when its intersection over union with a better one is above this.

    Returns:
        (K,) int64 indices into ``dets``; ties in score keep the order of ``dets``.
    """
    waiting = torch.argsort(scores, descending=True, stable=True)
    boxes = dets.to(torch.float64 if dets.dtype == torch.float64 else torch.float32)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)
    chosen: list[torch.Tensor] = []
    while waiting.numel():
        best, waiting = waiting[0], waiting[1:]
        chosen.append(best)
        corner_low = torch.maximum(boxes[best, :2], boxes[waiting, :2])  # (M, 2)
        corner_high = torch.minimum(boxes[best, 2:], boxes[waiting, 2:])  # (M, 2)
        overlap = (corner_high - corner_low).clamp_min(0).prod(dim=1)
        # A union of zero (two empty boxes) gives nan, which is not above the threshold: both stay.
        iou = overlap / (areas[best] + areas[waiting] - overlap)
        waiting = waiting[~(iou > iou_threshold)]
    return torch.stack(chosen) if chosen else waiting
