"""Which network judged LSE is said everywhere."""

import hashlib

import numpy as np
import pytest
import torch

from eval.batch.batch_manifest import ManifestRow
from eval.batch.rows import Options, run
from eval.batch.summary import summarise_rows
from eval.report.files import write_tables
from eval.scoring.metrics import METRICS
from eval.scoring.networks import load_networks
from eval.scoring.score import score
from lipsync.audio.features import AudioFeatures
from lipsync.errors import ArtefactError
from lipsync.experts.sync_expert import SyncExpert, SyncExpertConfig
from lipsync.experts.syncnet import SyncNet

LSE = METRICS.in_group("lse")


@pytest.fixture(scope="module")
def expert(tmp_path_factory):
    """A small expert with random weights, saved as a shipped one is."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("expert")
    SyncExpert(SyncExpertConfig(AudioFeatures("mel"), width=0.1)).save_pretrained(folder)
    return folder


def test_own_expert_is_named_in_label_protocol_note_and_table(cut, weights, expert, tmp_path, monkeypatch):
    networks = load_networks(LSE, expert=expert)
    scores = score(cut("train/id003_clip04.mp4", 40), metrics=LSE, networks=networks)
    sha256 = hashlib.sha256((expert / "model.safetensors").read_bytes()).hexdigest()
    for entry in scores.scores.values():
        assert entry.value is not None
        assert "(own expert)" in entry.label
        assert "own expert" in entry.protocol
        assert sha256[:12] in entry.protocol
    assert any("own expert" in note and "not with papers" in note for note in scores.notes)
    assert len(scores.curve) == 31
    assert scores["lse_d"] == pytest.approx(min(scores.curve))
    assert scores["lse_c"] == pytest.approx(np.median(scores.curve) - min(scores.curve))
    assert scores["offset"] == 15 - int(np.argmin(scores.curve))

    monkeypatch.setattr("eval.batch.rows.load_networks", lambda *_: networks)
    rows = [ManifestRow("one", "A", cut("train/id003_clip04.mp4", 40))]
    results = run(rows, Options(tuple(LSE), resize=True), tmp_path)
    text = write_tables(summarise_rows(results, tmp_path), tmp_path)
    for name in ("table.md", "table.tex", "videos.csv", "summary.csv", "summary.json"):
        assert "LSE-D (own expert)" in (tmp_path / name).read_text(), name
    assert "LSE-D ↓" not in text


def test_a_given_syncnet_file_has_its_hash_in_the_protocol(cut, weights, expert, tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "retrained.pth"
    torch.save(SyncNet().state_dict(), path)
    networks = load_networks(LSE, syncnet=path, expert=expert)
    scores = score(cut("train/id003_clip04.mp4", 32), metrics=["lse_d"], networks=networks)
    assert scores.scores["lse_d"].label == "LSE-D"
    said = scores.scores["lse_d"].protocol
    assert hashlib.sha256(path.read_bytes()).hexdigest()[:12] in said
    assert "retrained.pth" in said
    for part in (
        "variant track",
        "MTCNN",
        "windows 27",
        "0 of 27 windows with full support",
        "short",
        "offset ",
    ):
        assert part in said
    with pytest.raises(ArtefactError, match="There is no checkpoint"):
        load_networks(LSE, syncnet=tmp_path / "none.pth")
