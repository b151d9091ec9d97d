"""Keys and shapes of the published networks, listed by the original code."""

import json
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def published() -> dict[str, dict[str, tuple[int, ...]]]:
    """``generator`` and ``sync_expert``: key to shape."""
    path = Path(__file__).parents[1] / "reference" / "wav2lip_keys.json"
    return {
        name: {key: tuple(shape) for key, shape in entries.items()}
        for name, entries in json.loads(path.read_text()).items()
    }
