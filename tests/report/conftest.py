"""The networks and clips of the scoring tests."""

from tests.scoring.conftest import cut, networks, one_thread, weights  # noqa: F401
