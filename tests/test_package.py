"""``pip install .``: commands that work from any folder, with everything they read."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import soundfile

from lipsync.media import read_audio

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("lipsync", "eval", "assets")
FILES = ("pyproject.toml", "setup.py", "requirements.txt", "README.md", "LICENSE")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet")
BROUGHT = ("gradio_client", "starlette", "brotli", "numba", "pip")  # by Gradio, librosa and Python
OPTIONAL = (
    "faster_whisper",
    "onnxruntime",
    "pypinyin",
    "ray",
    "spaces",
    "transformers",
)  # a sentence without
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, built without a network from the files that belong to it."""
    (wanted,) = PROJECT["build-system"]["requires"]
    pytest.importorskip("setuptools", minversion=wanted.split(">=")[1], reason=f"needs {wanted}")
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copyfile(ROOT / name, source / name)
    offline = ("--no-index", "--no-deps", "--no-build-isolation")
    subprocess.run([*PIP, "wheel", *offline, "--wheel-dir", str(out), str(source)], check=True)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    offline = ("--no-index", "--no-deps", "--no-compile")
    subprocess.run([*PIP, "install", *offline, "--target", str(folder), str(wheel)], check=True)
    return folder


def run(installed: Path, work: Path, command: str, *arguments: str) -> str:
    """The standard output of an installed command, started in another folder."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("LIPSYNC_")}
    env |= {"PYTHONPATH": str(installed), "LIPSYNC_OFFLINE": "1", "LIPSYNC_CACHE": str(work / "cache")}
    done = subprocess.run(
        [str(installed / "bin" / command), *arguments],
        cwd=work, env=env | {"LIPSYNC_DATA": str(work / "data")}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_whatever_is_imported_is_required() -> None:
    """A package that only the tests' requirements name would be missing for who installs the portal."""
    found = {}
    for path in (ROOT / "app.py", *ROOT.glob("lipsync/**/*.py"), *ROOT.glob("eval/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0]: path for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found[str(node.module).partition(".")[0]] = path
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    required = {canonical_name(line.partition("==")[0]) for line in lines if line and line[0] != "#"}
    names = packages_distributions()
    missing = {
        name: path.name
        for name, path in found.items()
        if name not in {*sys.stdlib_module_names, *PACKAGES, "app", *BROUGHT, *OPTIONAL}
        and required.isdisjoint(map(canonical_name, names.get(name, [name])))
    }
    assert missing == {}


def canonical_name(name: str) -> str:
    """Of a distribution, as PEP 503 compares them."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_it_holds_every_file_of_the_packages_and_assets(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    missing = set()
    for part, place in (("lipsync", "lipsync"), ("eval", "eval"), ("assets", "lipsync/_assets")):
        for path in (ROOT / part).rglob("*"):
            name = path.relative_to(ROOT / part).as_posix()
            if path.is_file() and "__pycache__" not in path.parts and f"{place}/{name}" not in names:
                missing.add(f"{part}/{name}")
    assert missing == set()
    assert {name.split("/")[0] for name in names} == {"lipsync", "eval"}


def test_the_dependencies_are_those_of_the_portal(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("/METADATA")]
        lines = archive.read(name).decode().splitlines()
    needed = {line.removeprefix("Requires-Dist: ") for line in lines if line.startswith("Requires-Dist")}
    pinned = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert {line for line in needed if "extra ==" not in line} == {
        line for line in pinned if line and not line.startswith("#")
    }


def test_a_video_is_generated_and_scored_from_another_folder(installed: Path, tmp_path: Path) -> None:
    examples = installed / "lipsync" / "_assets" / "examples"
    soundfile.write(tmp_path / "speech.wav", read_audio(examples / "english.wav")[:16_000], 16_000)
    told = run(
        installed, tmp_path, "lipsync", "generate", "--face", str(examples / "portrait.mp4"),
        "--audio", "speech.wav", "--out", "result.mp4", "--method", "mcsawav2lip-embedded",
    )  # fmt: skip
    assert told.startswith("result.mp4: 25 frames")
    assert "wav2lip_gan" in run(installed, tmp_path, "lipsync", "weights")
    assert "score" in run(installed, tmp_path, "lipsync-eval", "--help")
    run(
        installed, tmp_path, "lipsync-eval", "score", "--generated", "result.mp4",
        "--reference", str(examples / "portrait.mp4"), "--metrics", "psnr", "lse_d", "--json", "scores.json",
    )  # fmt: skip
    assert "LSE-D (own expert)" in (tmp_path / "scores.json").read_text(encoding="utf-8")
    assert run(installed, tmp_path, "lipsync-eval", "study", "list") == ""  # its migrations ran
