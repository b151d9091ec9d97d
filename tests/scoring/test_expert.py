"""How accurate the own experts are: measured by a command, quoted below tables, and true on real clips."""

import json
import shutil
from math import comb

import numpy as np
import pytest
import torch

from eval.__main__ import main
from eval.batch.batch_manifest import ManifestRow, with_controls
from eval.batch.sync_check import check_clip
from eval.scoring.controls import CONTROLS
from eval.scoring.expert import (
    EXPERTS,
    MEASURED,
    Check,
    Measured,
    load_expert,
    measure,
    measured_accuracy,
)
from eval.scoring.metrics import METRICS
from eval.scoring.networks import Networks
from eval.scoring.score import score
from eval.scoring.sync import read_speech
from lipsync.audio.features import AudioFeatures
from lipsync.checksum import file_sha256
from lipsync.errors import ArtefactError, ConfigError, LipSyncError
from lipsync.experts.sync_expert import SyncExpert, SyncExpertConfig
from lipsync.weights import hub

# People of the split that no network of this project was trained on.
UNSEEN = ("id008_clip01", "id022_clip01", "id031_clip01", "id037_clip01", "id044_clip01")


def test_figures_are_counts_and_p_is_the_binomial_tail():
    checks = [
        Check(0, 1.0, 1, 1.1, windows=60, windows_found=50, ranked=True), Check(-1, 1.0, 15, 0.9),
        Check(2, 1.0, -15, 1.2, windows=40, windows_found=10), Check(-15, 1, 0, 1.5),
    ]  # fmt: skip
    figures = measure(checks, "0" * 64, "here")
    assert (figures.clips, figures.found, figures.preferred, figures.by_luck) == (4, 2, 3, 2)
    assert (figures.windows, figures.ranked) == (0.6, 1)
    tail = sum(comb(4, k) * (3 / 31) ** k * (28 / 31) ** (4 - k) for k in (2, 3, 4))
    assert figures.p == pytest.approx(tail)
    assert "2 of 4 clips (50%)" in figures.report()
    with pytest.raises(ConfigError, match="No clip of the split could be scored"):
        measure([], "0" * 64, "here")


def test_only_figures_of_these_weights_are_quoted(tmp_path):
    figures = Measured(10, 7, 0.61, 6, 8, 1, 1e-5, "here", "a" * 64)
    (tmp_path / MEASURED).write_text(json.dumps(figures.as_dict()))
    quoted = str(measured_accuracy(tmp_path, "a" * 64))
    assert "7 of 10 unseen clips and the sound of 61% of their windows" in quoted
    assert "by chance: 10%" in quoted
    for folder, sha256 in ((tmp_path, "b" * 64), (tmp_path / "none", "a" * 64)):
        assert (
            measured_accuracy(folder, sha256)
            == "The accuracy of the project's own expert has not been measured."
        )
    with pytest.raises(ArtefactError, match="holds no sync expert"):
        load_expert(tmp_path)


@pytest.mark.parametrize("folder", EXPERTS, ids=lambda folder: folder.name)
def test_shipped_figures_belong_to_the_shipped_weights(folder):
    """After new weights: python -m eval sync-expert --data DATA --model … --json …/measured.json."""
    figures = Measured(**json.loads((folder / MEASURED).read_text(encoding="utf-8")))
    sha256 = file_sha256(folder / "model.safetensors")
    assert figures.sha256 == sha256
    assert figures.p < 0.01, "no better than chance"
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert f"**{figures.found} of {figures.clips}**" in card
    assert f"{figures.windows:.1%}".replace("%", " %") in card
    assert measured_accuracy(folder, sha256) == figures.sentence()


def test_without_whisper_the_other_expert_takes_its_place(weights):
    assert load_expert().sha256 == file_sha256(EXPERTS[-1] / "model.safetensors")
    with pytest.raises(LipSyncError):
        load_expert(EXPERTS[0])


def test_a_sync_expert_of_ones_own_is_taken_too(cut, weights, tmp_path):
    torch.manual_seed(0)
    SyncExpert(SyncExpertConfig(AudioFeatures("mel"), width=0.1)).save_pretrained(tmp_path)
    clip = cut("train/id003_clip04.mp4", 70)
    check = check_clip(load_expert(tmp_path), clip, clip, hub.locate("face_landmarker"))
    assert check.windows == 70 - 4 - 30 - 1
    assert (check.offset, check.distance) == (check.other_offset, check.other_distance)
    assert not check.ranked, "the same sound cannot be before itself"


# The log-mel spectrogram is cut off below the loudest sound, which is another one in each piece.
@pytest.mark.parametrize(
    ("folder", "apart"), zip(EXPERTS, (1e-5, 0.05), strict=True), ids=[folder.name for folder in EXPERTS]
)
def test_pieces_of_speech_are_embedded_as_the_whole(folder, apart, shared):
    """Blocks begin at whole seconds, so that an encoder of whole chunks gives the same vectors."""
    try:
        network = load_expert(folder)
    except LipSyncError as problem:
        pytest.skip(str(problem))
    speech = read_speech(shared / "data" / "train" / "id001_clip01.mp4")
    whole = network.embed_audio(speech, 0, 180)
    for first, count in ((0, 20), (60, 40), (131, 49)):
        piece = network.embed_audio(speech, first, count)
        np.testing.assert_allclose(piece, whole[first : first + count], atol=apart)


def test_command_counts_what_it_prints(shared, weights, tmp_path, capsys):
    lines = ["file,id,split"]
    for name in ("id031_clip01", "id044_clip01"):
        shutil.copy(shared / "data" / "train" / f"{name}.mp4", tmp_path)
        lines.append(f"{name}.mp4,{name[:5]},val")
    lines += ["id098_clip03.mp4,id098,val", "id098_clip01.mp4,id098,extra"]  # a person it may know
    (tmp_path / "manifest.csv").write_text("\n".join(lines))
    assert main(["sync-expert", "--data", str(tmp_path), "--json", str(tmp_path / "out.json")]) == 0
    printed = capsys.readouterr().out
    assert "id098_clip03 is left out" in printed
    said = [line for line in printed.splitlines() if line.startswith(("id031", "id044"))]
    offsets = [int(line.split()[3]) for line in said]
    figures = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert figures["clips"] == len(said) == 2
    assert figures["found"] == sum(abs(offset) <= 1 for offset in offsets)
    assert figures["preferred"] == sum(float(line.split()[4]) < float(line.split()[7]) for line in said)


def test_command_says_what_is_missing(tmp_path, capsys):
    assert main(["sync-expert", "--data", str(tmp_path)]) == 2
    assert "holds no manifest.csv" in capsys.readouterr().err
    assert main(["sync-expert", "--data", str(tmp_path), "--model", str(tmp_path)]) == 2
    assert "holds no sync expert" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.minutes
def test_shipped_expert_orders_the_controls_on_average(cut, weights):
    """Two seconds of five people it never saw: in sync, 0.2 s late, another's sound, a still mouth."""
    networks = Networks(landmarker=hub.locate("face_landmarker"), loaded={"lse": load_expert()})
    clips = [cut(f"train/{name}.mp4", 55) for name in UNSEEN]
    rows = with_controls([ManifestRow(clip.stem, "method", clip, clip) for clip in clips], CONTROLS)
    found: dict[str, list[tuple[float, float, float]]] = {}
    for row in rows:
        if row.control is not None and row.method != "real, 1 s late":  # 25 frames lie beyond all shifts
            said = score(
                row.generated, metrics=METRICS.in_group("lse"), networks=networks, control=row.control
            )
            found.setdefault(row.method, []).append((said["lse_d"], said["lse_c"], said["offset"]))  # type: ignore[arg-type]
    distance, confidence, _ = (
        {name: np.mean([values[k] for values in rows]) for name, rows in found.items()} for k in range(3)
    )
    assert distance["real"] < distance["real, other audio"]
    assert confidence["real"] > confidence["real, other audio"]
    assert distance["real"] < distance["still frame"]
    # A constant delay of 0.2 s is invisible in distance and confidence: the offset shows it, in the middle.
    offset = {name: np.median([values[2] for values in rows]) for name, rows in found.items()}
    assert abs(offset["real"]) <= 1
    assert abs(offset["real, 0.2 s late"] - 5) <= 1
