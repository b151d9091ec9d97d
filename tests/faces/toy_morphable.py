"""A small made-up face in the format of the Basel Face Model: a dome whose 68 points lie on its front."""

from pathlib import Path

import numpy as np

SIDE = 24  # vertices along each side of the grid


def toy_arrays(seed: int = 0) -> dict[str, np.ndarray]:
    """The arrays of ``BFM_model_front.mat``, decimetres, indices from 1."""
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.linspace(-0.8, 0.8, SIDE), np.linspace(1, -1, SIDE))
    nose = 0.25 * np.exp(-((x / 0.2) ** 2) - (y / 0.3) ** 2)
    z = 0.9 * np.sqrt(1.7 - x**2 - 0.6 * y**2) + nose
    mean = np.stack([x, y, z], -1).reshape(-1, 3)
    at = np.arange(SIDE * SIDE).reshape(SIDE, SIDE)
    a, b, c, d = at[:-1, :-1], at[1:, :-1], at[1:, 1:], at[:-1, 1:]
    triangles = np.stack([[a, b, c], [a, c, d]]).transpose(0, 2, 3, 1).reshape(-1, 3)

    def basis(count: int, size: float, below: bool) -> np.ndarray:
        """Smooth bumps at random places; of expressions on the lower half only."""
        place = rng.uniform([-0.7, -0.9], [0.7, -0.1 if below else 0.9], (count, 2))
        width = rng.uniform(0.15, 0.4, count)
        bump = np.exp(-np.square(mean[:, None, :2] - place).sum(-1) / (2 * width**2))  # (V, K)
        return (bump[:, None] * rng.normal(0, size, (3, count))).reshape(-1, count)

    return {
        "meanshape": mean.reshape(1, -1),
        "idBase": basis(80, 0.02, False),
        "exBase": basis(64, 0.02, True),
        "meantex": np.full((1, mean.size), 150.0),
        "texBase": basis(80, 5.0, False),
        "tri": triangles + 1,
        "keypoints": rng.choice(SIDE * SIDE, 68, replace=False)[None] + 1,
    }


def write_toy(path: Path, **changes: np.ndarray | None) -> Path:
    """Save as ``.npz`` or ``.mat``, by the name; an array that is changed to None is left out."""
    from scipy.io import savemat

    arrays = {k: v for k, v in {**toy_arrays(), **changes}.items() if v is not None}
    if path.suffix == ".mat":
        savemat(path, arrays)
    else:
        np.savez(path, **arrays)
    return path
