"""The command line as a program that is started often: it answers at once, and knows all commands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from eval.cli import main as eval_main
from lipsync.cli import main

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("torch", "av", "cv2", "librosa", "mediapipe", "gradio", "huggingface_hub", "pandas")


def test_help_lists_the_commands_without_loading_a_network() -> None:
    code = (
        "import sys\nfrom lipsync.__main__ import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print('LOADED', [name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    *told, loaded = done.stdout.splitlines()
    assert loaded == "LOADED []"
    for command in ("generate", "prepare", "train", "export", "push", "weights"):
        assert f"    {command} " in "\n".join(told)


def test_a_configuration_is_named_from_any_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "lipsync", "train", "speech", "--data", "none", "--out", "run"]
    for name, said in (("embedded-speach", "Did you mean 'embedded-speech'"), ("embedded-speech", "none")):
        done = subprocess.run(
            [*command, "--config", name], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 2
        assert said in done.stderr


def test_ablate_names_the_command_that_it_became(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ablate", "--table", "2", "--data", "x", "--steps", "3"]) == 2
    assert "`python -m eval ablate`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("run", "arguments", "work"),
    [
        (main, ["weights"], "lipsync.cli.weights._weights"),
        (eval_main, ["bench", "example", "--out", "x"], "eval.cli.bench.run"),
    ],
)
def test_a_stop_is_a_word_and_no_traceback(run, arguments, work, monkeypatch, capsys) -> None:
    def stopped(options: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(work, stopped)
    assert run(arguments) == 130
    assert capsys.readouterr().err == "Stopped.\n"
