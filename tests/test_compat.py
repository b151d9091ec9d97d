import subprocess
import sys

import numpy as np
import pytest
import torch

from lipsync.compat import ensure_torchvision, nms


def greedy(boxes: np.ndarray, scores: np.ndarray, threshold: float) -> list[int]:
    """Non-maximum suppression from its definition, box by box: kept if it overlaps no better kept box."""
    kept: list[int] = []
    for index in sorted(range(len(boxes)), key=lambda i: (-scores[i], i)):
        x1, y1, x2, y2 = boxes[index]
        for other in kept:
            a1, b1, a2, b2 = boxes[other]
            overlap = max(0.0, min(x2, a2) - max(x1, a1)) * max(0.0, min(y2, b2) - max(y1, b1))
            union = (x2 - x1) * (y2 - y1) + (a2 - a1) * (b2 - b1) - overlap
            if union > 0 and overlap / union > threshold:
                break
        else:
            kept.append(index)
    return kept


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("number", [0, 1, 2, 120])
def test_nms_keeps_what_the_definition_keeps(number, threshold):
    rng = np.random.default_rng(number)
    low = rng.uniform(0, 60, (number, 2))
    boxes = np.concatenate([low, low + rng.uniform(1, 40, (number, 2))], axis=1)
    scores = rng.integers(0, 12, number) / 12  # ties are common with real detectors too
    kept = nms(torch.tensor(boxes), torch.tensor(scores), threshold)
    assert kept.dtype == torch.int64
    assert kept.tolist() == greedy(boxes, scores, threshold)


def test_nms_of_single_precision_boxes_and_of_empty_ones():
    boxes = torch.tensor([[0, 0, 10, 10], [1, 1, 10, 10], [20, 20, 20, 20], [20, 20, 20, 20.0]])
    assert nms(boxes, torch.tensor([0.5, 0.9, 0.1, 0.2]), 0.5).tolist() == [1, 3, 2]


def test_torchvision_and_what_needs_it_import_in_a_fresh_interpreter():
    program = """
from lipsync.compat import ensure_torchvision
helped = ensure_torchvision()
assert ensure_torchvision() is helped
import torch, torchvision, lpips, facenet_pytorch
boxes = torch.tensor([[0, 0, 10, 10], [0, 0, 9, 10], [30, 0, 40, 10.0]])
kept = torchvision.ops.batched_nms(boxes, torch.tensor([0.8, 0.9, 0.7]), torch.zeros(3).long(), 0.5)
assert kept.tolist() == [1, 2], kept
import sys
assert "torch._dynamo" not in sys.modules, "the compiler takes a second to import"
whole = torchvision.ops.roi_align(torch.ones(1, 3, 16, 16), torch.tensor([[0.0, 0, 0, 8, 8]]), (4, 4))
assert whole.shape == (1, 3, 4, 4), "what asks the compiler whether it may works all the same"
from torch._dynamo.utils import is_compile_supported
assert is_compile_supported.__module__ == "torch._dynamo.utils"
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


def test_the_face_detector_that_rests_on_it_finds_a_face():
    ensure_torchvision()
    from facenet_pytorch import MTCNN
    from PIL import Image
    from skimage.data import astronaut

    boxes, scores = MTCNN(keep_all=True).detect(Image.fromarray(astronaut()))
    assert len(boxes) == 1
    assert scores[0] > 0.99
    x1, y1, x2, y2 = boxes[0]
    # Eileen Collins' face in this well-known picture, by eye.
    assert 160 < x1 < 200
    assert 40 < y1 < 90
    assert 250 < x2 < 290
    assert 150 < y2 < 190
