"""From the hands of raters to the printed table: the real service, the real store, the command."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from eval.__main__ import main
from eval.compare.sets import Sets
from eval.scoring.scores import scores_from_dict, write_text
from eval.study.server.service import Service
from eval.study.server.views import TrialView
from eval.study.statistics.prediction.model_file import read_model
from eval.study.statistics.results import evaluate
from eval.study.statistics.study_scores import scores_of_study
from eval.study.storage.store import Store, StudyInfo
from eval.ui.study.example_study import example_study
from tests.study.rater import Clock, Rater
from tests.study.simulated import table
from tests.study.statistics.prediction.test_predicted_mos import planted
from tests.study.studies import clip, make_open

RATERS = 4


def mark(view: TrialView, rater: int, clips: dict[str, tuple[str, str, str]]) -> int:
    """What a rater gives: 2 where asked for it; else the method's number plus 2 (odd raters: plus 3)."""
    kind, _, method = clips[Path(view.media[0]).stem]
    return 2 if kind == "catch" else int(method[-1]) + 2 + rater % 2


@pytest.fixture
def rated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StudyInfo:
    """A study in the data folder that four simulated people rated to the end; "method 2" is the reference."""
    monkeypatch.setenv("LIPSYNC_DATA", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    store, clock = Store(), Clock()
    extra = [clip("catch", "choose 2", "catch", {"sync": [2]}), clip("practice", "x", "training")]
    made = make_open(store, 3, 3, reference="method 2", clips=extra)
    names = {c.stimulus: (c.kind, c.item, c.method) for c in store.stimuli(made.id).itertuples()}
    for number in range(RATERS):
        person = Rater(Service(store, clock), made.link, clock).begin()
        while person.view is not None and person.view.stage != "end":
            person.vote(lambda view, rater=number: mark(view, rater, {**names, **_training(names)}))
    store.close()
    return made


def _training(names: dict[str, tuple[str, str, str]]) -> dict[str, tuple[str, str, str]]:
    return {name: ("training", item, "x0") for name, (kind, item, _) in names.items() if kind == "training"}


def test_the_marks_come_out_as_they_were_given(rated: StudyInfo) -> None:
    store = Store()
    said = evaluate(store, rated.id)
    store.close()
    assert said.questions == ("sync", "quality", "overall")
    assert (said.methods, said.reference) == (("method 0", "method 1"), "method 2")
    assert (said.used, len(said.items)) == (RATERS, 3)
    for number, method in enumerate(said.methods):
        outcome = said.outcomes["sync", method]
        assert outcome.opinion.mos == number + 2.5
        assert outcome.opinion.marks == RATERS * 3
        assert outcome.dmos.mos == pytest.approx(5 + number - 2)  # the same rater's mark of the reference
    assert said.excluded == ()


@pytest.mark.parametrize("form", ["csv", "json", "latex", "md"])
def test_the_command_prints_each_format(rated: StudyInfo, form: str, capsys) -> None:
    assert main(["study", "results", "--study", rated.id, "--format", form]) == 0
    text = capsys.readouterr().out
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(text)))
        assert [(r["method"], float(r["mos"])) for r in rows][:2] == [("method 0", 2.5), ("method 1", 3.5)]
    elif form == "json":
        assert json.loads(text)["used"] == RATERS
    else:
        assert "3.50" in text


def test_the_command_shrinks_where_asked_to(rated: StudyInfo, capsys) -> None:
    heads = []
    for options in ([], ["--shrink"]):
        assert main(["study", "results", "--study", rated.id, "--format", "csv", *options]) == 0
        heads.append(capsys.readouterr().out.splitlines()[0])
    assert heads == [heads[0], heads[0] + " (shrunk)"]


def test_the_command_writes_a_folder_and_correlates_scores(rated: StudyInfo, tmp_path: Path, capsys) -> None:
    scores = tmp_path / "videos.csv"
    lines = [f"item {i},method {m},{m + i / 10}" for i in range(3) for m in range(3)]
    scores.write_text("\n".join(["item,method,LSE-C", *lines]))
    out = tmp_path / "out"
    assert main(["study", "results", "--study", rated.id, "--scores", str(scores), "--out", str(out)]) == 0
    written = {Path(line).name for line in capsys.readouterr().out.split()}
    assert written == {path.name for path in out.iterdir()}
    assert {
        "results.md",
        "results.tex",
        "results.json",
        "correlations.csv",
        "mos.svg",
        "items-sync.svg",
    } <= written
    row = next(csv.DictReader((out / "correlations.csv").open(encoding="utf-8")))
    assert (row["metric"], row["clips"]) == ("LSE-C", "6")  # without those of the hidden reference
    assert float(row["Spearman"]) == pytest.approx(0.878, abs=0.01)  # MOS has two levels of three ties


def test_an_empty_study_and_a_wrong_name(rated: StudyInfo, tmp_path: Path, capsys) -> None:
    store = Store()
    empty = make_open(store, 2, 2)
    store.close()
    assert main(["study", "results", "--study", empty.id]) == 0
    assert capsys.readouterr().out == "- There are no marks yet.\n"
    assert main(["study", "results", "--study", "nosuch"]) == 2
    assert "no such study" in capsys.readouterr().err
    assert main(["study", "results", "--study", rated.id, "--scores", str(tmp_path / "none.csv")]) == 2
    assert "none.csv cannot be read" in capsys.readouterr().err


def test_a_study_of_a_scored_set_shows_what_its_metrics_say_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setenv("LIPSYNC_DATA", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    store = Store()
    study = example_study(store)
    store.close()
    found = scores_of_study(study.spec.source.set, Sets(tmp_path))
    assert found is not None
    assert [len(ways) for ways in found.settings.values()] == [1] * 14  # all clips were scored alike
    assert main(["study", "results", "--study", study.id, "--format", "json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert len(data["correlations"]) == len(data["method_correlations"]) == 3 * 14
    lmd = next(c for c in data["correlations"] if (c["question"], c["metric"]) == ("sync", "LMD"))
    assert (lmd["clips"], lmd["kendall_low"] < lmd["kendall"] < lmd["kendall_high"]) == (6, True)
    [*why] = [prediction["reason"] for prediction in data["predicted_mos"]]
    assert why == ["Items with scores and marks: 2; 5 are needed to leave some out in turn."] * 3
    assert main(["study", "results", "--study", study.id]) == 0
    assert "Metrics and MOS, method by method:" in capsys.readouterr().out


def test_a_prediction_that_is_offered_is_written_and_applied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    """From marks and the folder of a batch to a file, and from it to one video's and a batch's prediction."""
    monkeypatch.setenv("LIPSYNC_DATA", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    rows, mos = planted(12)
    for row in rows:
        write_text(tmp_path / "batch" / "rows" / f"{row['item']}{row['method']}.json", json.dumps(row))
    store = Store()
    made = make_open(store, 1, 1)
    marks = [(f"r{r}", *clip, round(mean + (r - 2) / 5)) for clip, mean in mos.items() for r in range(5)]
    monkeypatch.setattr(Store, "ratings", lambda self, study: table(marks))
    store.close()
    out = tmp_path / "out"
    scores = ["--scores", str(tmp_path / "batch")]
    assert main(["study", "results", "--study", made.id, *scores, "--out", str(out)]) == 0
    capsys.readouterr()
    line = next(csv.DictReader((out / "predicted_mos.csv").open(encoding="utf-8")))
    assert (line["question"], line["videos"], line["offered"]) == ("sync", "36", "yes")
    file = out / "predicted_mos-sync.json"
    model = read_model(file)
    assert (model.study, model.raters) == ("Test", 5)

    of_one = scores_from_dict(
        {**rows[0]["scores"], "generated": "a", "reference": None, "reference_image": None, "curve": [],
         "skipped": [], "seconds": {}}
    )  # fmt: skip
    monkeypatch.setattr("eval.scoring.score.score", lambda *_, **__: of_one)
    monkeypatch.setattr("eval.scoring.networks.load_networks", lambda *_: None)
    video = ["score", "--generated", "a.mp4", "--reference", "r.mp4", "--json", str(tmp_path / "a.json")]
    assert main([*video, "--predict-mos", str(file)]) == 0
    value = model.predict(rows[0])
    assert f"{model.heading}: {value:.2f}. Predicted MOS (sync) is no rating" in capsys.readouterr().out
    [found] = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))["predicted_mos"]
    assert found["value"] == value
    assert found["model"]["error"]["rmse"] == model.error.rmse
    assert main([*video, "--metrics", "psnr", "--predict-mos", str(file)]) == 2
    assert "needs the metric lse_d, which was not computed" in capsys.readouterr().err

    manifest = tmp_path / "videos.csv"
    manifest.write_text("item,method,generated\na,b,c.mp4\n")
    batch = ["batch", "--manifest", str(manifest), "--out", str(tmp_path / "scored")]
    monkeypatch.setattr("eval.batch.rows.run", lambda *_: rows)
    assert main([*batch, "--predict-mos", str(file)]) == 0
    assert model.heading in capsys.readouterr().out
    for row in rows:
        row["scores"]["scores"]["psnr"]["protocol"] = "protocol 1; PSNR; full frame"
    assert main([*batch, "--predict-mos", str(file)]) == 2
    assert "does not apply here" in capsys.readouterr().err
    assert model.heading not in (tmp_path / "scored" / "table.md").read_text(encoding="utf-8")


def test_a_folder_that_is_no_batch_gets_a_sentence(rated: StudyInfo, tmp_path: Path, capsys) -> None:
    for text in (None, '{"item": 1}', "[]", "{"):
        if text is not None:
            write_text(tmp_path / "none" / "rows" / "a.json", text)
        else:
            (tmp_path / "none").mkdir()
        assert main(["study", "results", "--study", rated.id, "--scores", str(tmp_path / "none")]) == 2
        said = capsys.readouterr().err
        assert "holds no scored rows" in said or "cannot be read" in said
