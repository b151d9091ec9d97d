from pathlib import Path

import pytest

from eval.batch.pairing import rows_by_name, videos_of_items
from lipsync.errors import ConfigError


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


def videos(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_videos_of_a_method_are_found_by_the_names_of_the_items(tmp_path):
    folder = videos(
        tmp_path, "one.mp4", "two/Ours.webm", "two/theirs.mp4", "Ours_id003_clip05.mp4", "Ours_id0031.mp4",
        "four-a.mp4", "four-b.mp4", "one-more.mp4", "notes.txt",
    )  # fmt: skip
    found = videos_of_items(folder, ["one", "two", "id003", "four", "five"], "Ours")
    assert {item: path.relative_to(folder).as_posix() for item, path in found.items()} == {
        "one": "one.mp4", "two": "two/Ours.webm", "id003": "Ours_id003_clip05.mp4",
    }  # fmt: skip


def names(folder: Path, *items: str) -> dict[str, str]:
    found = videos_of_items(folder, items, "Ours")
    return {item: path.relative_to(folder).as_posix() for item, path in found.items()}


def test_a_file_that_could_be_of_several_items_is_that_of_the_closest(tmp_path):
    folder = videos(tmp_path, "ours_id003_take2.mp4", "ours_left_right.mp4")
    assert names(folder, "id003", "id003_take2", "left", "right") == {"id003_take2": "ours_id003_take2.mp4"}
    videos(folder, "ours_id003.mp4")
    assert names(folder, "id003", "id003_take2")["id003"] == "ours_id003.mp4"


def test_a_folder_laid_out_as_the_items_were_is_found_in_any_spelling(tmp_path):
    folder = videos(tmp_path, "6330/00011.mp4", "Ame\u0301lie.mp4", "ours \u0434\u0430.mp4")
    assert list(names(folder, "6330-00011", "Am\u00e9lie", "\u0434\u0430")) == [
        "6330-00011", "Am\u00e9lie", "\u0434\u0430",
    ]  # fmt: skip


def test_a_video_of_one_item_is_not_taken_for_another(tmp_path):
    folder = videos(tmp_path, "a, music.mp4", "a.mp4")
    found = videos_of_items(folder, ["a", "a, music", "music"], "Ours")
    assert {item: path.name for item, path in found.items()} == {"a": "a.mp4", "a, music": "a, music.mp4"}
    with pytest.raises(ConfigError, match="nowhere"):
        videos_of_items(tmp_path / "nowhere", ["a"], "Ours")
