"""What the portal holds after jobs of every kind does not grow with their number."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lipsync.methods import METHODS
from lipsync.weights import hub

ROOT = Path(__file__).resolve().parents[2]
MOST = 1300  # MB after all kinds of jobs; half of it are libraries
GROWTH = 60  # MB from the first job of every kind to the last of all
FEW = ["mcsawav2lip-embedded", "visual-dubbing-whisper"]  # the smallest and the largest


def held(folder: Path, *options: str) -> list[tuple[str, float]]:
    """What was done and the MB held after it, beginning with the portal's start."""
    if hub.locate("inception_fid") is None or hub.locate("face_landmarker") is None:
        pytest.skip("needs the artefacts inception_fid and face_landmarker")
    command = [sys.executable, "-m", "tests.mixed_jobs", str(folder), *options]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


def check(sizes: list[tuple[str, float]], kinds: int) -> None:
    """That nothing grows after the first job of each of so many kinds."""
    after = [size for _, size in sizes[kinds:]]  # the first of them is that of the last kind
    assert max(after) < MOST, sizes
    assert max(after[-kinds:]) < after[0] + GROWTH, sizes


def test_a_portal_does_not_grow_with_its_jobs(tmp_path: Path) -> None:
    names = [name for name in FEW if METHODS.get(name).ready]
    check(held(tmp_path, "--jobs", "10", "--frames", "8", "--cores", *names), len(names) + 2)


@pytest.mark.minutes
def test_a_portal_does_not_grow_with_fifty_jobs(tmp_path: Path) -> None:
    sizes = held(tmp_path, "--jobs", "50", "--frames", "8")
    check(sizes, len({kind for kind, _ in sizes}) - 1)
