"""What the programs import: each in a process of its own, that loads nothing it has no use for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lipsync.assets import asset
from lipsync.media import VideoWriter, WriterOptions, loop_frames

ROOT = Path(__file__).resolve().parents[1]
# Nothing needs them before somebody trains, plots or asks for what needs them.
UNUSED = ("matplotlib.pyplot", "ray", "transformers", "gradio", "pandas")
# Where a face is searched for or sound is analysed: facenet-pytorch and librosa bring these along.
AT_WORK = ("torch._dynamo", "torchvision", "sympy", "scipy.signal", "scipy.stats", "numba")
NETWORKS = ("torch", "mediapipe", "librosa", "huggingface_hub")  # what --help can do without, besides


def imported(program: str, names: tuple[str, ...]) -> list[str]:
    """Which of the modules a Python program has imported at its end."""
    code = f"import json, sys\ntry:\n    {program}\nexcept SystemExit as end:\n    assert not end.code, end\n"
    code += f"print(json.dumps([name for name in {names!r} if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


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
    assert imported(f"from lipsync.__main__ import main; main({command})", UNUSED + AT_WORK + NETWORKS) == []


@pytest.mark.parametrize("command", [["--help"], ["score", "--help"]], ids=" ".join)
def test_help_of_the_evaluation_loads_no_network(command: list[str]) -> None:
    assert imported(f"from eval.__main__ import main; main({command})", UNUSED + AT_WORK + NETWORKS) == []


def test_generation_loads_no_more_than_it_needs(clip: Path, tmp_path: Path) -> None:
    command = [
        "generate",
        "--face",
        str(clip),
        "--method",
        "mcsawav2lip-embedded",
        "--out",
        str(tmp_path / "a.mp4"),
    ]
    assert imported(f"from lipsync.__main__ import main; assert not main({command})", UNUSED) == []


def test_scoring_loads_no_more_than_it_needs(clip: Path, tmp_path: Path) -> None:
    command = [
        "score",
        "--generated",
        str(clip),
        "--reference",
        str(clip),
        "--json",
        str(tmp_path / "a.json"),
    ]
    command += ["--metrics", "psnr", "ssim", "lmd", "lse_d"]
    assert imported(f"from eval.__main__ import main; assert not main({command})", UNUSED) == []


def test_the_portal_starts_without_what_only_some_jobs_need() -> None:
    needed = ("scipy.stats", "gradio", "pandas")  # Gradio brings pandas, and the Results tab its statistics
    names = tuple(name for name in UNUSED + AT_WORK if name not in needed)
    assert imported("import app", (*names, "matplotlib", "mediapipe")) == []
