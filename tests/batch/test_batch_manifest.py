"""The table of videos to score: what is read, and what is refused in one sentence."""

import pytest

from eval.__main__ import main
from eval.batch.batch_manifest import read_manifest


@pytest.mark.parametrize(("text", "said"), [
    ("item,method\n", "has no column 'generated'"),
    ("item,method,generated\n", "lists nothing"),
    ("item,method,generated\na,,x.mp4\n", "Line 2 of m.csv has nothing in the column method"),
    (f"item,method,generated\na,b,{'x' * 300}.mp4\n", "what stands under 'generated' cannot be"),
    ("item,method,generated\na,b,x\0.mp4\n", "what stands under 'generated' cannot be the name"),
    ("item,method,generated\na,b,x.mp4\na,b,y.mp4\n", "two rows for item 'a' and method 'b'"),
])  # fmt: skip
def test_a_bad_manifest_is_one_sentence(tmp_path, capsys, text, said):
    path = tmp_path / "m.csv"
    path.write_text(text)
    assert main(["batch", "--manifest", str(path), "--out", str(tmp_path / "o")]) == 2
    assert said in capsys.readouterr().err


def test_manifest_paths_are_relative_to_it(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text(
        "\ufeffmethod;item;generated;reference;reference_image\nA;one;x.mp4;/y.mp4;\n;;;;\n", encoding="utf-8"
    )
    (row,) = read_manifest(path)
    assert (row.generated, str(row.reference), row.reference_image) == (tmp_path / "x.mp4", "/y.mp4", None)
