"""Leaderboards over small stores."""

import pytest

from eval.leaderboard import strengths


@pytest.fixture
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that look at no interval."""
    monkeypatch.setattr(strengths, "RESAMPLES", 60)
