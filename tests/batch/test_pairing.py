from pathlib import Path

import pytest

from eval.batch.pairing import rows_by_name


@pytest.mark.parametrize(("generated", "references", "expected"), [
    (["Wav2Lip_anna.mp4", "DiffDub_anna.mp4", "Wav2Lip_ben.mp4"], ["anna.mp4", "ben.mp4"],
     [("anna", "Wav2Lip", "anna.mp4"), ("anna", "DiffDub", "anna.mp4"), ("ben", "Wav2Lip", "ben.mp4")]),
    (["clip-01 ours v2.mp4", "clip-02 ours v2.mp4"], ["clip-02.mp4", "clip-01.mp4"],
     [("clip-01", "ours-v2", "clip-01.mp4"), ("clip-02", "ours-v2", "clip-02.mp4")]),
    (["a.mp4", "b.mp4"], ["真实.mp4"], [("真实", "a", "真实.mp4"), ("真实", "b", "真实.mp4")]),
    (["result.mp4"], [], [("result", "result", None)]),
    (["zoe_x.mp4"], ["anna.mp4", "ben.mp4"], [("zoe_x", "zoe-x", None)]),
    (["anna.mp4"], ["anna.mp4"], [("anna", "anna", "anna.mp4")]),
])  # fmt: skip
def test_files_find_their_reference_by_name(generated, references, expected):
    rows = rows_by_name([Path("g") / name for name in generated], [Path("r") / name for name in references])
    assert [(r.item, r.method, r.reference and r.reference.name) for r in rows] == expected
