"""The networks and clips of the scoring tests."""

from tests.scoring.conftest import cut, linear_judge, networks, one_thread, weights  # noqa: F401
