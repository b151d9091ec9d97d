"""Putting a core on the Hub: its card, one commit through the real client, and what the Hub refuses."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lipsync import methods
from lipsync.__main__ import main
from lipsync.errors import ArtefactError, ConfigError
from lipsync.methods import load_method
from lipsync.weights.model_card import read_card
from lipsync.weights.push import push
from tests.portal import ROOT

MODELS = ROOT / "assets" / "models"
EMBEDDED = MODELS / methods.EMBEDDED
REPO = "someone/core"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the embedded core that a test may spoil."""
    folder = tmp_path / "model"
    folder.mkdir()
    for path in EMBEDDED.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


# The 3D face is no network: it has no config.json, and is not pushed.
CORES = sorted(path.parent for path in MODELS.glob("*/config.json"))


@pytest.mark.parametrize("folder", CORES, ids=lambda path: path.name)
def test_the_cards_of_the_cores_that_ship_are_complete(folder):
    card = read_card(folder)
    assert card["library_name"] == "lipsync-portal"
    assert card["license"] == "apache-2.0"
    assert push(folder, REPO, dry_run=True).commit is None


def test_a_core_goes_up_in_one_commit_and_comes_down_the_same(local_hub, monkeypatch):
    local_hub.writers.add("hf_writer")
    monkeypatch.setenv("HF_TOKEN", "hf_writer")
    done = push(EMBEDDED, REPO, private=True)
    assert done.commit == local_hub.commit(REPO)
    names = {path.name for path in EMBEDDED.iterdir()}
    assert [(repo, set(paths)) for repo, _, paths in local_hub.commits.made] == [(REPO, names)]
    assert local_hub.commits.created[0]["visibility"] == "private"
    for name in names:
        assert local_hub.repositories[REPO][name] == (EMBEDDED / name).read_bytes()
    assert len(local_hub.seen("PUT", "/lfs/")) == 2  # the weights and the picture
    assert "authorization" not in {key.lower() for key in local_hub.seen("PUT", "/lfs/")[0].headers}

    method = load_method(f"hub:{REPO}@{done.commit}")
    assert method.card.revision == done.commit
    assert method.weights_sha256 == load_method(methods.EMBEDDED).weights_sha256

    again = push(EMBEDDED, REPO)
    assert again.commit == done.commit
    assert len(local_hub.commits.made) == 1, "nothing had changed"


def test_a_second_version_uploads_what_changed(local_hub, model):
    push(model, REPO)
    (model / "README.md").write_text((model / "README.md").read_text() + "\nA new line.\n")
    push(model, REPO)
    assert local_hub.commits.made[1][2] == ["README.md"]
    assert len(local_hub.seen("PUT", "/lfs/")) == 2


def test_a_dry_run_opens_no_connection(local_hub, capsys):
    assert main(["push", "--model", str(EMBEDDED), "--repo", REPO, "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "model.safetensors" in told
    assert "Nothing was uploaded" in told
    assert local_hub.requests == []


def test_the_command_as_a_program_of_its_own(local_hub, tmp_path):
    """With HF_ENDPOINT set before the start, as a person has it."""
    done = subprocess.run(
        [sys.executable, "-m", "lipsync", "push", "--model", str(EMBEDDED), "--repo", REPO],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_XET": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert f"--method hub:{REPO}@{local_hub.commit(REPO)}" in done.stdout


@pytest.mark.parametrize("token", ["", "hf_reader"])
def test_who_may_not_write_is_told_so(local_hub, monkeypatch, token):
    local_hub.writers.add("hf_writer")
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(ArtefactError, match=r"someone/core could not be written: .* may write there\.$"):
        push(EMBEDDED, REPO)
    assert local_hub.commits.made == []


@pytest.mark.parametrize(
    ("status", "told"), [(403, "refuses access to this token"), (429, "answered 429"), (413, "answered 413")]
)
def test_a_hub_that_refuses_is_quoted(local_hub, monkeypatch, status, told):
    monkeypatch.setattr("time.sleep", lambda _: None)
    local_hub.fail("/commit/", status)
    with pytest.raises(ArtefactError, match=told):
        push(EMBEDDED, REPO)


def test_an_unreachable_hub_is_said(local_hub, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ArtefactError, match="cannot be reached"):
        push(EMBEDDED, REPO)


def test_a_licence_that_the_hub_does_not_know_stops_before_the_weights(local_hub, model):
    card = model / "README.md"
    card.write_text(card.read_text().replace("license: apache-2.0", "license: mine"))
    with pytest.raises(ArtefactError, match="this licence is not one of the known ones"):
        push(model, REPO)
    assert local_hub.seen("PUT", "/lfs/") == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("license: apache-2.0\n", "", "needs 'license', a word"),
        ("library_name: lipsync-portal\n", "library_name: []\n", "needs 'library_name', a word"),
        ("pipeline_tag: video-to-video\n", "", "needs 'pipeline_tag'"),
        ("- lip-sync\n", "- 3\n", "needs 'tags', a list of words"),
        ("metrics:\n", "scores:\n", "needs 'metrics'"),
        ("license: apache-2.0\n", "license: [\n", "cannot be read"),
        ("metrics:\n", "model-index: 3\nmetrics:\n", "cannot be read"),
    ],
)
def test_a_card_that_lacks_something_is_refused_here(local_hub, model, old, new, told):
    card = model / "README.md"
    assert old in card.read_text()
    card.write_text(card.read_text().replace(old, new, 1))
    with pytest.raises(ConfigError, match=told):
        push(model, REPO)
    assert local_hub.requests == []


def test_what_is_no_core_is_refused_here(local_hub, model, tmp_path):
    (model / "README.md").unlink()
    with pytest.raises(ConfigError, match=r"has no model card: write README\.md in it"):
        push(model, REPO)
    (model / "model.safetensors").write_bytes(b"no tensors")
    with pytest.raises(ConfigError, match="not the folder of a trained model"):
        push(model, REPO)
    with pytest.raises(ConfigError, match="not the folder of a trained model"):
        push(tmp_path / "nothing", REPO)
    for name in ("core", "a/b/c", "a/ b", "https://huggingface.co/a/b"):
        with pytest.raises(ConfigError, match="write organisation/name"):
            push(EMBEDDED, name)
    assert local_hub.requests == []
