"""How often intervals of the leaderboard hold the truth: ``python -m tests.benchmarks.vote_intervals``.

Simulated people vote on every pair of four methods, three times each. In two rows everybody has a taste
of their own, which flattens the average odds by a known share.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

from eval.leaderboard.strengths import vote_table
from tests.study.statistics.test_preference import ballots

TRUTH = np.array([-0.6, 0.0, 0.2, 0.4])
RUNS = ((4, 0.0, 1.0), (8, 0.0, 1.0), (8, 0.5, 0.93), (25, 0.5, 0.93))  # people, spread of tastes, flattening


def main() -> None:
    """Print the share of strengths within their intervals, which should be 95 %."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--studies", type=int, default=50, help="simulated for each row")
    studies = parser.parse_args().studies
    day = pd.Timestamp("2026-01-01", tz="UTC")
    print("people  own taste  held")
    for people, own, flat in RUNS:
        held = []
        for seed in range(studies):
            votes = ballots(np.random.default_rng(seed), TRUTH, raters=people, own=own)
            table = vote_table(votes.assign(left=votes["first"], time=day))
            assert table is not None
            for row in table.methods:
                assert row.low is not None
                assert row.high is not None
                held.append(row.low <= flat * TRUTH[int(row.method[1:])] <= row.high)
        print(f"{people:6}  {own:9}  {np.mean(held):.1%}")


if __name__ == "__main__":
    main()
