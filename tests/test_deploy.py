"""The portal on a Space: what is put together, what is uploaded, and that it runs from that folder alone."""

import ast
import csv
import io
import os
import re
import secrets
import subprocess
import sys
import time
import venv
from pathlib import Path

import pytest
import yaml
from gradio_client import Client, handle_file

from lipsync.media import VideoWriter, WriterOptions, read_frames
from lipsync.weights.manifest import table
from spaces_config.deploy import assemble, main
from tests.portal import ROOT, serving
from tests.ui.rated import example_speech

EXAMPLES = ROOT / "assets" / "examples"
SPACE = "someone/portal"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("deploy") / "space"
    assert main(["--space", SPACE, "--dry-run", "--out", str(out)]) == 0
    return out


def front_matter(folder: Path) -> dict:
    found = re.match(r"---\n(.*?)\n---\n", (folder / "README.md").read_text(), re.DOTALL)
    assert found
    return yaml.safe_load(found[1])


# --- the folder ---


def test_the_front_matter_says_how_the_space_is_built(folder):
    said = front_matter(folder)
    pins = dict(re.findall(r"^([\w-]+)==(\S+)$", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    assert said["sdk"] == "gradio"
    assert said["sdk_version"] == pins["gradio"]
    assert isinstance(said["python_version"], str), "3.10 as a number would be 3.1"
    assert (folder / said["app_file"]).is_file()
    assert said["license"] == "apache-2.0"
    assert said["hf_oauth"] is True
    assert 0 < len(said["short_description"]) <= 60, "the Hub takes no more"
    assert all(isinstance(tag, str) for tag in said["tags"])
    colours = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
    assert {said["colorFrom"], said["colorTo"]} <= colours


def test_what_is_preloaded_is_where_the_artefacts_are_looked_for(folder):
    wanted = [line.split() for line in front_matter(folder)["preload_from_hub"]]
    whisper = ["whisper_tiny_en", "whisper_tiny_en_config", "whisper_tiny_en_vocabulary"]
    assert [a.name for a in table().values() if a.preload] == ["sface", "syncnet_v2", *whisper]
    assert ["ByteDance/LatentSync-1.5", "auxiliary/syncnet_v2.model"] in wanted
    assert all(len(words) in (2, 3) for words in wanted)


def test_requirements_are_those_of_the_portal_and_nothing_for_developers(folder):
    lines = (folder / "requirements.txt").read_text().split()
    assert "torch==2.13.0" in lines
    assert not [
        line for line in lines if line.startswith(("-", "pytest", "ruff", "mypy", "playwright", "ray"))
    ]
    own = (ROOT / "requirements.txt").read_text().splitlines()
    assert {line for line in own if line and not line.startswith("#")} <= set(lines)
    assert (set(lines) - set(own)) <= set((ROOT / "requirements-dev.txt").read_text().split()), (
        "same versions"
    )
    assert len({re.split("[=[]", line)[0] for line in lines}) == len(lines)
    assert all(re.fullmatch(r"[a-z0-9.-]+", name) for name in (folder / "packages.txt").read_text().split())


def test_only_what_the_portal_needs_is_there(folder):
    parts = {path.name for path in folder.iterdir()}
    assert parts == {
        "LICENSE", "README.md", "app.py", "assets", "eval", "lipsync", "packages.txt", "requirements.txt",
    }  # fmt: skip
    files = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    assert not [path for path in files if "__pycache__" in path or "/." in path]
    assert "lipsync/weights/artefacts.toml" in files
    for path in files:
        if path not in ("README.md", "packages.txt", "requirements.txt"):
            assert (folder / path).read_bytes() == (ROOT / path).read_bytes()


def test_everything_that_is_imported_in_it_is_in_it(folder):
    """Also where a module is imported in a function, which no start would show."""
    lacking = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            for name in names:
                place = folder.joinpath(*name.split("."))
                ours = name.split(".")[0] in ("lipsync", "eval", "spaces_config", "tests")
                if ours and not place.with_suffix(".py").is_file() and not place.is_dir():
                    lacking.add((path.relative_to(folder).as_posix(), name))
    assert lacking == set()


def test_a_folder_of_somebody_else_is_left_alone(folder, tmp_path, capsys):
    (tmp_path / "letter.txt").write_text("mine")
    assert main(["--space", SPACE, "--dry-run", "--out", str(tmp_path)]) == 2
    assert "holds other files; choose an empty folder" in capsys.readouterr().err
    assert (tmp_path / "letter.txt").read_text() == "mine"
    (folder / "left-over.py").touch()
    assert Path("left-over.py") not in assemble(folder), "its own earlier result is replaced"
    assert main(["--space", "portal", "--dry-run", "--out", str(tmp_path / "x")]) == 2
    assert not (tmp_path / "x").exists()


# --- the upload ---


def test_it_goes_up_in_one_commit_and_what_is_gone_goes(local_hub, monkeypatch, capsys, folder):
    local_hub.writers.add("hf_writer")
    monkeypatch.setenv("HF_TOKEN", "hf_writer")
    assert main(["--space", SPACE, "--private", "--hardware", "zero-a10g"]) == 0
    (made,) = local_hub.commits.created
    assert (made["type"], made["sdk"], made["hardware"]) == ("space", "gradio", "zero-a10g")
    assert made["visibility"] == "private"
    ((repo, _, paths),) = local_hub.commits.made
    assert repo == f"spaces/{SPACE}"
    assert set(paths) == {path.as_posix() for path in assemble(folder)}
    assert capsys.readouterr().out.strip().endswith(local_hub.commit(repo))
    for path in paths:
        assert local_hub.repositories[repo][path] == (folder / path).read_bytes()

    local_hub.repositories[repo]["old/module.py"] = b"x = 1\n"
    assert main(["--space", SPACE]) == 0
    assert local_hub.commits.made[1][2] == ["old/module.py"]
    assert "old/module.py" not in local_hub.repositories[repo]


def test_without_a_token_nothing_is_made(local_hub, capsys):
    local_hub.writers.add("hf_writer")
    assert main(["--space", SPACE]) == 2
    assert "HF_TOKEN" in capsys.readouterr().err
    assert local_hub.commits.made == []


# --- it runs ---


def through(python: str, folder: Path, work: Path) -> None:
    """Generate, score and rate with a portal that has nothing but the folder."""
    env = {"PYTHONPATH": "", "LIPSYNC_DATA": str(work / "data"), "PYTHONDONTWRITEBYTECODE": "1"}

    def call(*arguments: str) -> str:
        done = subprocess.run(
            [python, "-s", *arguments], cwd=folder, env=os.environ | env, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    places = call("-c", "import eval, lipsync; print(eval, lipsync)")
    assert places.count(str(folder)) == 2
    assert str(ROOT) not in places

    clip = work / "clips" / "one" / "ours.mp4"
    clip.parent.mkdir(parents=True)
    with VideoWriter(
        clip, 384, 384, 25.0, audio=EXAMPLES / "english.wav", options=WriterOptions(duration=1.0)
    ) as writer:
        for frame in read_frames(EXAMPLES / "portrait.mp4", max_frames=25):
            writer.write(frame.image)
    spec = {"title": "Trial", "source": {"folder": "clips"}, "ratings_per_stimulus": 1}
    (work / "study.yaml").write_text(yaml.safe_dump(spec))
    made = call("-m", "eval", "study", "create", "--spec", str(work / "study.yaml"), "--open")
    link = re.search(r" link (\S+)", made)
    assert link

    with serving(work, env, folder, (python, "-s")) as address:
        portal = Client(address, verbose=False, download_files=str(work / "down"))
        video, facts = portal.predict(
            handle_file(folder / "assets/examples/portrait.mp4"),
            handle_file(example_speech(work / "speech.wav", seconds=1.2)),
            api_name="/generate",
        )
        assert facts["frames"] == 30
        assert Path(video).stat().st_size > 10_000
        scores, files = portal.predict(
            [handle_file(video)], [handle_file(EXAMPLES / "portrait.mp4")], ["ssim"], api_name="/score"
        )
        (column,) = scores["columns"]
        (mean,) = [summary["mean"] for summary in column["methods"].values()]
        assert 0.7 < mean < 1
        assert "protocol 1; SSIM" in column["protocol"]
        assert "table.md" in [Path(file).name for file in files]

        rater = portal.predict(link[1], "en", api_name="/study_consent")
        shown = portal.predict(rater["session"], api_name="/study_next")
        time.sleep(shown["wait"])
        marks = {"sync": 4, "quality": 3, "overall": 5}
        end = portal.predict(
            rater["session"], shown["trial"], marks, secrets.token_hex(8), api_name="/study_rate"
        )
        assert end["stage"] == "end"
    rows = list(
        csv.DictReader(io.StringIO(call("-m", "eval", "study", "export", "--study", made.split()[0])))
    )
    assert {(row["question"], int(row["mark"])) for row in rows} == set(marks.items())


@pytest.mark.slow
def test_the_portal_generates_scores_and_collects_a_rating_from_the_folder_alone(folder, tmp_path):
    through(sys.executable, folder, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.skipif("LIPSYNC_FRESH" not in os.environ, reason="set LIPSYNC_FRESH=1: installs all packages")
def test_the_same_in_a_fresh_virtual_environment(folder, tmp_path):
    venv.create(tmp_path / "venv", with_pip=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    install = [python, "-m", "pip", "install", "--quiet", "--no-input", "-r", "requirements.txt"]
    subprocess.run(install, cwd=folder, check=True, timeout=1200)
    through(python, folder, tmp_path)
