"""``python -m eval compare``: from a folder to pictures and tables, and one sentence when it cannot."""

import re

import pytest

from eval.__main__ import main
from eval.compare.sets import Sets
from lipsync.media import probe


@pytest.fixture
def folder(tmp_path, video):
    for item, first in (("one", 100), ("two", 200)):
        (tmp_path / "in" / item).mkdir(parents=True)
        for method, shade in (("reference", 0), ("A", 20), ("B", 60)):
            path = tmp_path / "in" / item / f"{method}.mp4"
            path.write_bytes(video(method, first, shade=shade).read_bytes())
    (tmp_path / "in" / "two" / "B.mp4").unlink()
    return tmp_path / "in"


@pytest.fixture
def compare(tmp_path, capsys):
    def run(*arguments, code=0):
        assert main(["compare", "--data", str(tmp_path / "data"), *map(str, arguments)]) == code
        said = capsys.readouterr()
        return said.out if code == 0 else said.err

    return run


def test_from_a_folder_to_a_paper(compare, folder, tmp_path):
    score = ["--score", "--metrics", "psnr,ssim", "--region", "full"]
    results = [*score, "--table", "tex", "--papers", "--plot", tmp_path / "p.png"]
    said = compare("--make", folder, "--title", "Mine", *results)
    id = re.match(r"([0-9a-f]{16})  Mine\n", said)[1]
    assert r"\toprule" in said
    assert "1 of 2" in said
    assert "Published, not measured here" in said
    assert (tmp_path / "p.png").stat().st_size > 5000
    assert re.search(rf"{id}  Mine  \(2 clips · 2 methods, ", compare("--list"))
    sheet = ["--sheet", tmp_path / "s.png", "--frames", "1,2 3"]
    compare("--set", "Mine", "--montage", tmp_path / "m.mp4", *sheet)
    assert (probe(tmp_path / "m.mp4").width, (tmp_path / "s.png").exists()) == (3 * 84 + 4, True)
    blind = compare("--set", id, "--sheet", tmp_path / "b.png", "--frames", "1", "--blind", "--no-labels",
                    "--item", "one")  # fmt: skip
    assert sorted(blind.split("\n")) in (["", "A: A", "B: B"], ["", "A: B", "B: A"])
    assert compare("--set", id, "--table", "csv").startswith("method,metric,mean")
    compare("--set", id, "--export", tmp_path / "x.zip", "--title", "Other")
    assert "Other" in compare("--import", tmp_path / "x.zip")
    compare("--set", id, "--delete")
    assert len(Sets(tmp_path / "data").list()) == 1
    assert "Published, not measured here" in compare("--published", "md")


@pytest.mark.parametrize(("arguments", "said"), [
    ([], "Name a set with --set"),
    (["--set", "none"], "There is no comparison set none"),
    (["--make", "nowhere.zip"], "There is no file nowhere.zip"),
    (["--make", "nowhere.csv"], "There is no file nowhere.csv"),
    (["--set", "Mine", "--table", "md"], "not scored yet; add --score"),
    (["--set", "Mine", "--item", "three", "--montage", "m.mp4"], "has no item 'three'"),
    (["--set", "Mine", "--montage", "m.avi"], "must end in"),
    (["--set", "Mine", "--montage", "m.mp4", "--methods", "Z"], "no method 'Z'"),
    (["--set", "Mine", "--sheet", "s.png"], "Name the frames"),
    (["--set", "Mine", "--sheet", "s.png", "--frames", "a,b"], "whole numbers"),
    (["--set", "Mine", "--sheet", "s.png", "--frames", "999"], "has no frame 999"),
    (["--set", "Mine", "--sheet", "nowhere/file/s.png", "--frames", "1"], "cannot be written"),
    (["--set", "Mine", "--score", "--metrics", "psnrr"], "Did you mean 'psnr'"),
    (["--set", "Mine", "--score", "--workers", "0"], "--workers must be 1 or more"),
])  # fmt: skip
def test_what_cannot_be_done_is_one_sentence(compare, folder, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nowhere").write_text("a file, not a folder")
    compare("--make", folder, "--title", "Mine")
    before = sorted(path.name for path in tmp_path.iterdir())
    answer = compare(*arguments, code=2)
    assert said in answer
    assert sorted(path.name for path in tmp_path.iterdir()) == before
