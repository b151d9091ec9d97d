"""Face-recognition networks for CSIM. Similarities of different encoders cannot be compared.

The other encoder, SFace, is in ``lipsync.faces.recognise``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import torch

from lipsync.errors import ArtefactError
from lipsync.texts import Message
from lipsync.weights.checkpoint import load_checkpoint


class FaceEncoder(Protocol):
    """Turns pictures of faces into embeddings; ``name`` goes into the protocol string."""

    name: str

    def __call__(self, pictures: np.ndarray, points: np.ndarray) -> np.ndarray:
        """(N, D) float32, one embedding per picture.

        Args:
            pictures: (N, H, W, 3) uint8 RGB face regions.
            points: (N, 5, 2) pixels of the region: eyes, nose tip, mouth corners, left ones in the
                picture first.
        """
        ...


class FaceNet:
    """Inception-ResNet of facenet-pytorch, trained on VGGFace2; 512-d.

    It sees the face region as it is, at 160×160: it was trained on boxes, not on upright faces.
    """

    name = "FaceNet VGGFace2"

    def __init__(self, network: torch.nn.Module):
        self._network = network.eval()

    def __call__(self, pictures: np.ndarray, points: np.ndarray) -> np.ndarray:
        if not len(pictures):
            return np.zeros((0, 512), np.float32)
        small = np.stack([_resize(picture, 160) for picture in pictures])
        x = (torch.from_numpy(small).permute(0, 3, 1, 2).float() - 127.5) / 128
        with torch.inference_mode():
            return self._network(x.to(next(self._network.parameters()).device)).cpu().numpy()


def load_facenet(path: Path | None = None) -> FaceNet:
    """FaceNet from its published state dict; None fetches the artefact ``facenet_vggface2``.

    Raises:
        ArtefactError: if the weights are unavailable or do not fit.
    """
    from lipsync.compat import ensure_torchvision

    ensure_torchvision()
    from facenet_pytorch import InceptionResnetV1

    if path is None:
        from lipsync.weights.hub import fetch

        path = fetch("facenet_vggface2")
    # The classifier over the training identities is not part of the embedding.
    state = {name: w for name, w in load_checkpoint(path).items() if not name.startswith("logits.")}
    with torch.device("meta"):  # nothing to initialise: the file fills it
        network = InceptionResnetV1(pretrained=None)
    try:
        network.load_state_dict(state, strict=True, assign=True)
    except RuntimeError as error:
        raise ArtefactError(
            "saved.not_that", path=path, what=Message("saved.facenet"), problem=error
        ) from error
    return FaceNet(network)


def _resize(picture: np.ndarray, size: int) -> np.ndarray:
    shrinks = size < picture.shape[0]
    return cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
