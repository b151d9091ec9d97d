"""``python -m tests.benchmarks.seams CLIP ... --method NAME [--out DIR]``: is there a line or a box?

Drives each clip with its own speech and compares the result with the clip, frame by frame, where a drawn
mouth may end: between nose and upper lip, on the cheeks (in all, and by head turn), and across the jaw
(``eval.functional.picture.seam``). Printed are means over the frames, in grey levels per pixel of a crop
160 pixels wide: the strongest edge of the result, of the clip, their ratio, which is to be 1.2 or less, and
the strongest edge of the result that the clip does not have there. ``--out`` gets a contact sheet of each
clip: six frames, the worst first, each beside its result.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from eval.functional.picture.seam import (
    PLACES,
    SIDE,
    YAWS,
    SeamScore,
    head_turn,
    seam_compute,
    seam_update,
    yaw_bin,
)
from lipsync.faces.tracking.crop import crop_face, crop_matrix, transform_points
from lipsync.faces.tracking.track import Tracked
from tests.benchmarks.flicker import tracked

SHOWN = 6  # frames of a contact sheet
PICTURE = 320  # pixels, side of a crop on it
LOWER = (0.35, 1.0), (0.1, 0.9)  # rows and columns of the crop that are shown


@dataclass
class Seams:
    """Of one clip."""

    steps: list[np.ndarray] = field(default_factory=list)  # (3, 3) of each frame with a face
    turns: list[float] = field(default_factory=list)  # degrees, of the head
    pairs: list[np.ndarray] = field(default_factory=list)  # (h, w, 3) uint8, clip beside result

    def update(self, own: Tracked, result: Tracked) -> None:
        """A frame and its result; one without landmarks is left out."""
        if own.pose is None or own.landmarks is None:
            return
        matrix = crop_matrix(own.pose, SIDE)
        points = transform_points(own.landmarks, matrix)
        drawn = None if result.landmarks is None else transform_points(result.landmarks, matrix)
        made, real = (crop_face(item.frame.image, matrix, SIDE) for item in (result, own))
        self.steps.append(seam_update(made, real, points, drawn))
        self.turns.append(head_turn(points))
        large = crop_matrix(own.pose, PICTURE)
        rows, columns = (slice(round(a * PICTURE), round(b * PICTURE)) for a, b in LOWER)
        crops = [crop_face(item.frame.image, large, PICTURE)[rows, columns] for item in (own, result)]
        self.pairs.append(np.hstack(crops))

    def score(self, yaw: int | None = None) -> SeamScore:
        """Over all frames, or those of one bin of head turn."""
        kept = [
            step for step, turn in zip(self.steps, self.turns, strict=True) if yaw in (None, yaw_bin(turn))
        ]
        return seam_compute(np.reshape(kept, (-1, 3, len(PLACES))))

    def sheet(self) -> np.ndarray:
        """(H, W, 3) uint8: the frame with the strongest added edge, then others spread over the clip."""
        worst = int(np.argmax(np.nanmax(np.array(self.steps)[:, 2, :2], axis=1)))
        others = np.linspace(0, len(self.pairs) - 1, SHOWN - 1).round().astype(int)
        shown = [self.pairs[i] for i in (worst, *others)]
        return np.vstack([np.hstack(shown[i : i + 2]) for i in range(0, SHOWN, 2)])


def seams(clip: Iterable[Tracked], result: Iterable[Tracked]) -> Seams:
    """Of a clip and its result, frame by frame."""
    found = Seams()
    for own, made in zip(clip, result, strict=False):
        found.update(own, made)
    return found


def main() -> None:
    from lipsync.generate import Request, generate

    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("clips", type=Path, nargs="+", metavar="CLIP")
    parser.add_argument("--method", help="one of the portal's methods (default: the portal's)")
    parser.add_argument("--frames", type=int, default=150, help="at most, of each clip")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for the contact sheets")
    options = parser.parse_args()
    columns = [*PLACES, *(f"cheek {yaw}°" for yaw in YAWS)]
    print(f"{'clip':<20} {'frames':>6}  result, clip, ratio, added: {'; '.join(columns)}")
    for clip in options.clips:
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder) / "out.mp4"
            chosen = {} if options.method is None else {"method": options.method}
            generate(Request(clip, None, made, length="video", label=False, **chosen))
            found = seams(
                tracked(clip, options.frames), islice(tracked(made, options.frames), options.frames)
            )
        whole, cheek = found.score(), PLACES.index("cheek")
        figures = [(whole, place) for place in range(len(PLACES))]
        figures += [(found.score(yaw), cheek) for yaw in YAWS]
        told = ";".join(
            f" {s.generated[i]:5.1f} {s.reference[i]:5.1f} {s.ratio[i]:4.2f} {s.added[i]:4.1f}"
            for s, i in figures
        )
        print(f"{clip.stem:<20} {len(found.steps):6d} {told}", flush=True)
        if options.out is not None and found.steps:
            options.out.mkdir(parents=True, exist_ok=True)
            name = f"{clip.stem}-{options.method or 'default'}.png"
            cv2.imwrite(str(options.out / name), cv2.cvtColor(found.sheet(), cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    main()
