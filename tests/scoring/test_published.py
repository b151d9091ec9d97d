"""The manifest of the README's table."""

from collections import Counter
from pathlib import Path

from tests.benchmarks.published import manifest


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
