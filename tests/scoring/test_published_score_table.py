"""The manifest of the table in docs/score.md."""

from collections import Counter
from pathlib import Path

import pytest

from eval.batch.suites.suite import read_suite
from eval.batch.suites.suite_items import ItemSource, suite_items
from eval.batch.summary import summarise_rows
from eval.report.files import write_tables
from tests.benchmarks.published import manifest, with_table, write_bench_folders
from tests.portal import ROOT


def test_three_people_by_five_methods_each_with_their_own_real_video(shared):
    rows = manifest(shared / "data")
    assert Counter(row["item"] for row in rows) == {"id003": 5, "id018": 5, "id077": 5}
    assert Counter(row["method"] for row in rows) == dict.fromkeys(
        ("Wav2Lip", "PC-AVS", "IP_LAP", "DAE-Talker", "DiffDub"), 3
    )
    for row in rows:
        assert Path(row["generated"]).is_file()
        assert Path(row["reference"]).is_file()
        assert f"/{row['item']}_" in row["reference"]
    assert {Path(row["reference"]).name for row in rows} == {
        "id003_clip04.mp4", "id018_clip02.mp4", "id077_clip01.mp4",
    }  # fmt: skip


def test_the_same_videos_are_laid_out_for_a_benchmark(tmp_path):
    for name in ("real", "made"):
        (tmp_path / f"{name}.mp4").write_text(name)
    row = {"generated": str(tmp_path / "made.mp4"), "reference": str(tmp_path / "real.mp4")}
    rows = [{"item": "one", "method": method, **row} for method in ("Quillfish", "Wobblefox")]
    out = tmp_path / "out"
    assert write_bench_folders(rows, out) == ["Quillfish", "Wobblefox"]
    assert write_bench_folders(rows, out) == ["Quillfish", "Wobblefox"]  # once more over what is there
    assert (out / "Wobblefox" / "one.mp4").read_text() == "made"
    items = suite_items(read_suite("self-reconstruction"), ItemSource(out / "items.csv"))
    assert [(item.item, item.face.read_text()) for item in items] == [("one", "real")]


def test_the_table_of_a_batch_takes_the_place_of_the_one_in_the_docs(tmp_path):
    entry = {"label": "PSNR", "frames": 9, "protocol": "protocol 1; PSNR; 25 fps", "reason": "", "detail": {}}
    results = [
        {
            "item": "one",
            "method": name,
            "control": False,
            "scores": {"scores": {"psnr": {**entry, "value": value}}, "notes": []},
        }
        for name, value in (("Quillfish", 31.5), ("Wobblefox", 28.25))
    ]
    write_tables(summarise_rows(results, tmp_path), tmp_path)
    short = (tmp_path / "table_short.md").read_text(encoding="utf-8")
    before = (ROOT / "docs" / "score.md").read_text(encoding="utf-8")
    after = with_table(before, short)
    assert "| Quillfish | 1 | 31.50 |" in after
    assert "--metrics psnr\n" in after
    assert after.count("- `protocol 1; ") == 1
    gone = ("| Method", "| --", "| *", "| Wav", "| PC", "| IP", "| DAE", "| Diff", "- `pro", "    --met")
    kept = [line for line in before.splitlines() if not line.startswith(gone)]
    assert [line for line in kept if line not in after.splitlines()] == []
    with pytest.raises(ValueError, match="0 in the document"):
        with_table("# No table\n", short)
