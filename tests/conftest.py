"""Fixtures for all tests."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real clips and small weights beside the repository; tests that need it skip without it."""
    root = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get("LIPSYNC_SHARED", root.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"needs the shared data folder ({folder} is missing; set LIPSYNC_SHARED)")
    return folder
