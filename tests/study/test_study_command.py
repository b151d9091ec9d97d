"""Studies from the command line, as a stranger would: from a spec to a merged export."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from eval.__main__ import main
from eval.cli.study import EXAMPLE
from eval.study.server.service import Service
from eval.study.storage.spec import read_spec
from eval.study.storage.store import Store
from tests.media.clips import card, click, write_clip
from tests.study.rater import Clock, Rater

SPEC = """
title: {en: A small study, zh: 小研究}
source: {folder: clips}
catch: {choose: [2]}
ratings_per_stimulus: 3
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LIPSYNC_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    for item in ("anna", "bert"):
        (tmp_path / "clips" / item).mkdir(parents=True)
        for number, method in enumerate(("ours", "theirs")):
            sound = click(0.2, 0.1, 44100)
            write_clip(tmp_path / "clips" / item / f"{method}.mp4", [card(number)] * 5, sound=sound)
    (tmp_path / "study.yaml").write_text(SPEC, encoding="utf-8")
    return tmp_path


def study(*words: object) -> int:
    return main(["study", *map(str, words)])


def test_a_study_from_spec_to_merged_export(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert study("create", "--spec", folder / "study.yaml") == 0
    line = capsys.readouterr().out.split()
    id = line[0]
    assert line[1] == "draft"
    assert study("open", "--study", id) == 0
    store = Store(folder=folder / "data")
    clock = Clock()
    for _ in range(2):
        rater = Rater(Service(store, clock), store.get(id).link, clock).begin().run()
        rater.service.finish(rater.session)
    capsys.readouterr()
    assert study("list") == 0
    listed = capsys.readouterr().out
    assert "open" in listed
    assert "0/12 ratings  2/2 raters finished" in listed  # both mark 3 where they are asked for 2
    assert store.get(id).link in listed
    assert study("export", "--study", id, "--out", folder / "marks.csv") == 0
    capsys.readouterr()
    assert study("export", "--study", id) == 0
    assert capsys.readouterr().out == (folder / "marks.csv").read_text()
    assert study("create", "--spec", folder / "study.yaml", "--open") == 0
    other = capsys.readouterr().out.split()[0]
    assert study("import", "--study", other, folder / "marks.csv") == 0
    assert capsys.readouterr().out == "30 marks of 10 clips added, 2 new raters.\n"
    assert study("import", "--study", other, folder / "marks.csv") == 0
    assert capsys.readouterr().out == "0 marks of 0 clips added, 0 new raters.\n"
    assert study("close", "--study", other) == 0
    assert "closed" in capsys.readouterr().out
    assert study("delete", "--study", other) == 2
    assert "8 ratings of 2 raters would be gone; add --yes" in capsys.readouterr().err
    assert study("delete", "--study", other, "--yes") == 0
    assert [info.id for info in store.studies()] == [id]
    store.close()


def test_mistakes_end_with_a_sentence_and_status_2(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "clips" / "bert" / "theirs.mp4").unlink()
    for words, said in [
        (("create", "--spec", folder / "study.yaml"), "no video of 'theirs' for the item 'bert'"),
        (("create", "--spec", folder / "none.yaml"), "cannot be read"),
        (("open", "--study", "none"), "no such study"),
        (("export", "--study", "none"), "no such study"),
        (("import", "--study", "none", folder / "none.csv"), "cannot be read"),
    ]:
        assert study(*words) == 2
        assert said in capsys.readouterr().err
    assert list((folder / "data").glob("study/*")) == []


def test_the_example_of_the_help_is_a_possible_spec_with_every_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        study("create", "--help")
    assert EXAMPLE in capsys.readouterr().out
    (tmp_path / "example.yaml").write_text(EXAMPLE, encoding="utf-8")
    spec = read_spec(tmp_path / "example.yaml")
    assert spec.questions[1].text.zh == "面部自然吗？"
    assert set(yaml.safe_load(EXAMPLE)) == {field.name for field in dataclasses.fields(spec)}


def test_listing_loads_no_network_library() -> None:
    code = "import sys, eval.cli.study, eval.study.storage.store, eval.study.server.service"
    code += "; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
