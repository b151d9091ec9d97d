"""Makes the strips of mouths beside the choices of a model: ``python -m tests.choice_strips``.

The bundled photo says the bundled English sentence by every model that ships. A strip, in ``assets/choices``,
is the mouth at the same moments of each.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from lipsync.assets import asset
from lipsync.faces import preview
from lipsync.generate import Request, generate
from lipsync.media import read_frames
from lipsync.methods import METHODS

MOMENTS = (0.2, 0.44, 1.4, 2.24, 2.6, 3.12)  # s, of a closed mouth, open, round and wide ones
SIZE = (64, 48)  # px of one mouth, twice what the page shows
MOUTH = (0.5, 0.76)  # its middle in the box of the face, from the left and from the top
WIDTH = 0.6  # of the box of the face


def main() -> None:
    """Generate, cut and write, one WebP for each model."""
    examples, folder = asset("examples"), asset("choices")
    folder.mkdir(exist_ok=True)
    for name in METHODS:
        if METHODS.get(name).folder is None:
            continue
        with tempfile.TemporaryDirectory() as work:
            video = Path(work) / "spoken.mp4"
            generate(Request(examples / "portrait.jpg", examples / "english.wav", video, name))
            box = preview(video)[1][0]
            frames = [frame.image for frame in read_frames(video, 25.0)]
        mouths = [mouth(frames[round(moment * 25)], box) for moment in MOMENTS]
        Image.fromarray(np.hstack(mouths)).save(folder / f"{name}.webp", quality=80, method=6)


def mouth(frame: np.ndarray, box: Sequence[float]) -> np.ndarray:
    """The mouth of an RGB frame as uint8 (height, width, 3) of ``SIZE``; the face's box is x0, y0, x1, y1."""
    x0, y0, x1, y1 = box
    width = WIDTH * (x1 - x0)
    height = width * SIZE[1] / SIZE[0]
    x, y = x0 + MOUTH[0] * (x1 - x0), y0 + MOUTH[1] * (y1 - y0)
    cut = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    return np.asarray(Image.fromarray(frame).resize(SIZE, Image.Resampling.LANCZOS, box=cut))


if __name__ == "__main__":
    main()
