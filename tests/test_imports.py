"""What the programs import: each in a process of its own, that loads nothing it has no use for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lipsync.assets import asset
from lipsync.media import VideoWriter, WriterOptions, loop_frames
from lipsync.methods import METHODS

ROOT = Path(__file__).resolve().parents[1]
# What some package would bring along, and nobody needs before they train, plot, or use what needs it.
UNUSED = (
    "matplotlib", "ray", "transformers", "tensorflow", "jax", "IPython", "sklearn", "skimage", "lpips",
    "torch._dynamo", "torch._inductor", "sympy", "networkx",
    "librosa", "scipy.signal", "scipy.stats", "scipy.optimize", "scipy.interpolate", "numba.cuda",
    "faster_whisper", "piper", "onnxruntime",
)  # fmt: skip
PORTAL = (
    "gradio",
    "pandas",
    "fastapi",
    "sqlalchemy",
    "alembic",
)  # a command serves no page and asks no database
FACES = ("facenet_pytorch", "torchvision")  # wherever a face is searched for
NETWORKS = ("torch", "mediapipe", "numba", "ctranslate2", "scipy", "av", "huggingface_hub", "PIL")


THREADS = ("OMP_WAIT_POLICY", "OPENBLAS_NUM_THREADS")
WATCHED = """
import importlib.abc, json, os, sys

class Watch(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "numpy":
            found.append([os.environ.get(variable) for variable in {variables!r}])

found = []
sys.meta_path.insert(0, Watch())
try:
    {program}
except SystemExit as end:
    assert not end.code, end
print(json.dumps([[name for name in {names!r} if name in sys.modules], found]))
"""


def imported(program: str, names: tuple[str, ...]) -> list[str]:
    """Which of the modules a Python program has imported; its threads were settled before NumPy came."""
    code = WATCHED.format(program=program, names=names, variables=THREADS)
    environment = {name: value for name, value in os.environ.items() if name not in THREADS}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found, when_numpy_came = json.loads(done.stdout.splitlines()[-1])
    assert when_numpy_came[:1] in ([], [["PASSIVE", "1"]])
    return found


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1.2 s of a face that speaks, 192 pixels a side or so."""
    path = tmp_path_factory.mktemp("imports") / "clip.mp4"
    frames = [frame.image[::2, ::2] for frame in loop_frames(asset("examples", "portrait.mp4"), 25, 30)]
    height, width = frames[0].shape[:2]
    options = WriterOptions(duration=1.2)
    with VideoWriter(path, width, height, 25, audio=asset("examples", "english.wav"), options=options) as out:
        for image in frames:
            out.write(image)
    return path


@pytest.mark.parametrize("command", [["--help"], ["generate", "--help"]], ids=" ".join)
def test_help_of_the_commands_loads_no_network(command: list[str]) -> None:
    names = (*UNUSED, *PORTAL, *NETWORKS, *FACES, "cv2")
    assert imported(f"from lipsync.__main__ import main; main({command})", names) == []


@pytest.mark.parametrize("command", [["--help"], ["score", "--help"]], ids=" ".join)
def test_help_of_the_evaluation_loads_no_network(command: list[str]) -> None:
    names = (*UNUSED, *PORTAL, *NETWORKS, *FACES)
    assert imported(f"from eval.__main__ import main; main({command})", names) == []


@pytest.mark.parametrize(
    ("method", "spared"),
    [("mcsawav2lip-embedded", ("numba", "ctranslate2")), ("visual-dubbing", ("ctranslate2",))],
)
def test_generation_loads_no_more_than_it_needs(
    clip: Path, tmp_path: Path, method: str, spared: tuple[str, ...]
) -> None:
    if not METHODS.get(method).ready:
        pytest.skip(f"what {method} needs is not on this machine")
    command = ["generate", "--face", str(clip), "--method", method, "--out", str(tmp_path / "a.mp4")]
    program = f"from lipsync.__main__ import main; assert not main({command})"
    assert imported(program, UNUSED + PORTAL + spared) == []


def test_scoring_loads_no_more_than_it_needs(clip: Path, tmp_path: Path) -> None:
    videos = ["--generated", str(clip), "--reference", str(clip)]
    command = [
        "score",
        *videos,
        "--json",
        str(tmp_path / "a.json"),
        "--metrics",
        "psnr",
        "ssim",
        "lmd",
        "lse_d",
    ]
    program = f"from eval.__main__ import main; assert not main({command})"
    assert imported(program, (*UNUSED, *PORTAL, "numba")) == []  # ctranslate2: only if speech is encoded anew


def test_the_portal_starts_without_what_only_some_jobs_need() -> None:
    assert imported("import app", (*UNUSED, *FACES, "mediapipe", "numba", "ctranslate2")) == []


def test_no_type_stub_is_left_in_the_sources_by_who_imported_gradio_first() -> None:
    code = "import gradio, lipsync.ui.page_events as module; print(module.__file__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not Path(done.stdout.strip()).with_suffix(".pyi").exists()
