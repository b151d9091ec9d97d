"""What the own sync expert is worth: measured by a command, quoted below tables, and true on real clips."""

import json
import shutil
from math import comb

import numpy as np
import pytest

from eval.__main__ import main
from eval.batch.batch_manifest import ManifestRow, with_controls
from eval.scoring.controls import CONTROLS
from eval.scoring.expert import EXPERT, MEASURED, Check, Measured, load_expert, measure, measured_accuracy
from eval.scoring.metrics import METRICS
from eval.scoring.networks import Networks
from eval.scoring.score import score
from lipsync.checksum import file_sha256
from lipsync.errors import ArtefactError, ConfigError
from lipsync.weights import hub

# People of the split that no network of this project was trained on.
UNSEEN = ("id008_clip01", "id022_clip01", "id031_clip01", "id037_clip01", "id044_clip01")

needs_expert = pytest.mark.skipif(
    not (EXPERT / "model.safetensors").is_file(), reason="the own sync expert is not in assets/models"
)


def test_figures_are_counts_and_p_is_the_binomial_tail():
    checks = [Check(0, 1.0, 1, 1.1), Check(-1, 1.0, 15, 0.9), Check(2, 1.0, -15, 1.2), Check(-15, 1, 0, 1.5)]
    figures = measure(checks, "0" * 64, "here")
    assert (figures.clips, figures.found, figures.preferred, figures.by_luck) == (4, 2, 3, 2)
    tail = sum(comb(4, k) * (3 / 31) ** k * (28 / 31) ** (4 - k) for k in (2, 3, 4))
    assert figures.p == pytest.approx(tail)
    assert "2 of 4 clips (50%)" in figures.report()
    with pytest.raises(ConfigError, match="No clip of the split could be scored"):
        measure([], "0" * 64, "here")


def test_only_figures_of_these_weights_are_quoted(tmp_path):
    figures = Measured(10, 7, 8, 1, 1e-5, "here", "a" * 64)
    (tmp_path / MEASURED).write_text(json.dumps(figures.as_dict()))
    assert "7 of 10 unseen clips (by chance: 10%)" in measured_accuracy(tmp_path, "a" * 64)
    for folder, sha256 in ((tmp_path, "b" * 64), (tmp_path / "none", "a" * 64)):
        assert (
            measured_accuracy(folder, sha256)
            == "The accuracy of the project's own expert has not been measured."
        )
    with pytest.raises(ArtefactError, match="holds no sync expert"):
        load_expert(tmp_path)


@needs_expert
def test_shipped_figures_belong_to_the_shipped_weights():
    """After new weights: python -m eval sync-expert --data DATA --json …/measured.json."""
    figures = Measured(**json.loads((EXPERT / MEASURED).read_text(encoding="utf-8")))
    assert figures.sha256 == file_sha256(EXPERT / "model.safetensors")
    assert figures.p < 0.01, "no better than chance"
    card = (EXPERT / "README.md").read_text(encoding="utf-8")
    assert f"**{figures.found} of {figures.clips}**" in card
    assert load_expert().accuracy == figures.sentence()


@needs_expert
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
    offsets = [int(line.split()[2]) for line in said]
    figures = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert figures["clips"] == len(said) == 2
    assert figures["found"] == sum(abs(offset) <= 1 for offset in offsets)
    assert figures["preferred"] == sum(float(line.split()[3]) < float(line.split()[6]) for line in said)


def test_command_says_what_is_missing(tmp_path, capsys):
    assert main(["sync-expert", "--data", str(tmp_path)]) == 2
    assert "holds no manifest.csv" in capsys.readouterr().err or not (EXPERT / "config.json").exists()
    assert main(["sync-expert", "--data", str(tmp_path), "--model", str(tmp_path)]) == 2
    assert "holds no sync expert" in capsys.readouterr().err


@needs_expert
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
