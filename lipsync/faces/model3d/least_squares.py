"""Least squares of many small problems at once: robust weights, damped steps, bounds."""

from __future__ import annotations

import numpy as np


def robust(residual: np.ndarray, noise: float) -> np.ndarray:
    """(T, L) weights that fall beyond four times the noise (Geman-McClure)."""
    return 1 / (1 + np.square(residual).sum(-1) / (4 * noise) ** 2) ** 2


def solve_steps(
    jacobian: np.ndarray, residual: np.ndarray, weights: np.ndarray, damping: np.ndarray
) -> np.ndarray:
    """(T, K) steps of weighted, damped normal equations; (T, N, K), (T, N), (T, N), (K,) of the diagonal."""
    weighted = jacobian * weights[..., None]
    normal = weighted.transpose(0, 2, 1) @ jacobian
    diagonal = np.einsum("tkk->tk", normal)
    diagonal += damping * diagonal + 1e-12
    return np.linalg.solve(normal, np.einsum("tnk,tn->tk", weighted, residual)[..., None])[..., 0]


def bounded(
    normal: np.ndarray, right: np.ndarray, start: np.ndarray, bounds: tuple[float, float], sweeps: int = 12
) -> np.ndarray:
    """(T, E) minimum of ½ xᵀ N x − rᵀ x within bounds, by coordinate descent on all frames at once."""
    low, high = bounds
    if np.isinf(low) and np.isinf(high):
        return np.linalg.solve(normal, right[..., None])[..., 0]
    values = np.clip(start, low, high)
    rows = np.ascontiguousarray(normal.transpose(1, 0, 2))  # (E, T, E)
    for _ in range(sweeps):
        for index, row in enumerate(rows):
            slope = right[:, index] - np.einsum("te,te->t", row, values)
            values[:, index] = np.clip(values[:, index] + slope / row[:, index], low, high)
    return values
