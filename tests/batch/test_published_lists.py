"""The test lists of the published data sets, read from small trees laid out as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.batch.suites.published_lists import TEST_LISTS
from eval.batch.suites.suite import read_suite
from eval.batch.suites.suite_items import ItemSource, suite_items
from lipsync.errors import ConfigError


def tree(root: Path, *names: str, **lists: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    for name, text in lists.items():
        (root / name).write_text(text, encoding="utf-8")
    return root


def names_and_people(profile: str, root: Path, listed: Path | None = None) -> list[tuple[str, str]]:
    return [(video.name, video.person) for video in TEST_LISTS[profile](root, listed)]


@pytest.fixture
def lrs2(tmp_path: Path) -> Path:
    root = tree(
        tmp_path / "mvlrs_v1", *(f"main/{name}.mp4" for name in ("6330/00011", "6331/00002", "6332/1"))
    )
    (root / "test.txt").write_text("6331/00002 NF\n6330/00011\n6339/00001\n")
    return tmp_path


def test_lrs2_reads_its_test_list(lrs2):
    """Also a video that is not there: it is missing in the report, and not left out in silence."""
    found = TEST_LISTS["lrs2"](lrs2, None)
    assert [(v.name, v.person, v.language, v.voice) for v in found] == [
        ("6331-00002", "6331", "en", None),
        ("6330-00011", "6330", "en", None),
        ("6339-00001", "6339", "en", None),
    ]
    assert found[0].path == lrs2 / "mvlrs_v1" / "main" / "6331" / "00002.mp4"
    assert names_and_people("lrs2", lrs2 / "mvlrs_v1") == names_and_people("lrs2", lrs2)


def test_pairs_of_wav2lips_evaluation_name_the_speech_and_then_the_face(lrs2):
    pairs = lrs2 / "pairs.txt"
    pairs.write_text("6330/00011 6331/00002\n6332/1 6332/1\n6330/00011 6331/00002\n")
    first, second = TEST_LISTS["lrs2"](lrs2, pairs)
    main = lrs2 / "mvlrs_v1" / "main"
    assert (first.name, first.person) == ("6331-00002--6330-00011", "6331")
    assert (first.path, first.voice) == (main / "6331/00002.mp4", main / "6330/00011.mp4")
    assert (second.name, second.voice) == ("6332-1", None)
    (item, _) = suite_items(read_suite("cross-driving"), ItemSource(lrs2, "lrs2", pairs))
    assert (item.face, item.audio, item.speaker) == (first.path, first.voice, first.voice)
    assert item.reference == first.path


def test_lrs3_is_its_test_folder(tmp_path):
    tree(tmp_path, "test/0Fi83BHQsMA/00002.mp4", "test/0Fi83BHQsMA/00002.txt", "trainval/x/00001.mp4")
    assert names_and_people("lrs3", tmp_path) == [("0Fi83BHQsMA-00002", "0Fi83BHQsMA")]
    pairs = tree(tmp_path, **{"pairs.txt": "test/0Fi83BHQsMA/00002 test/xx/00001"}) / "pairs.txt"
    (video,) = TEST_LISTS["lrs3"](tmp_path, pairs)
    assert (video.path, video.person) == (tmp_path / "test/xx/00001.mp4", "xx")
    assert video.voice == tmp_path / "test/0Fi83BHQsMA/00002.mp4"


def test_voxceleb2_is_its_test_folder_with_the_sound_beside(tmp_path):
    tree(
        tmp_path, "test/mp4/id00017/01dfn2spqyE/00001.mp4", "test/aac/id00017/01dfn2spqyE/00001.m4a",
        "dev/mp4/id00012/21Uxsk56VDQ/00001.mp4", "test/mp4/id00061/abc/00003.mp4",
    )  # fmt: skip
    (tmp_path / "list.txt").write_text("id00061/abc/00003.mp4\n")
    first, second = TEST_LISTS["voxceleb"](tmp_path, None)
    assert (first.name, first.person, first.language) == ("id00017-01dfn2spqyE-00001", "id00017", "")
    assert first.sound == tmp_path / "test/aac/id00017/01dfn2spqyE/00001.m4a"
    assert second.sound is None
    assert names_and_people("voxceleb", tmp_path, tmp_path / "list.txt") == [("id00061-abc-00003", "id00061")]
    # Sound beside a video is its own: where others are to speak, each face gets the other one's.
    driven = suite_items(read_suite("cross-driving"), ItemSource(tmp_path, "voxceleb"))
    assert [(item.audio, item.speaker) for item in driven] == [
        (second.path, second.path), (first.sound, first.path),
    ]  # fmt: skip


def test_hdtf_knows_people_by_the_names_of_its_clips(tmp_path):
    tree(
        tmp_path, "clips/WDA_BarackObama_000.mp4", "clips/WDA_BarackObama_001.mp4", "RD_Radio8_000.mp4",
        "WRA_KellyAyotte_000.mp4", "notes.mp4",
    )  # fmt: skip
    assert sorted(names_and_people("hdtf", tmp_path)) == [
        ("RD_Radio8_000", "RD_Radio8"),
        ("WDA_BarackObama_000", "WDA_BarackObama"),
        ("WDA_BarackObama_001", "WDA_BarackObama"),
        ("WRA_KellyAyotte_000", "WRA_KellyAyotte"),
    ]
    (tmp_path / "list.txt").write_text("WRA_KellyAyotte_000\n")
    assert names_and_people("hdtf", tmp_path, tmp_path / "list.txt") == [
        ("WRA_KellyAyotte_000", "WRA_KellyAyotte")
    ]
    tree(tmp_path, "aligned/RD_Radio8_000.mp4")
    with pytest.raises(ConfigError, match="Two items are called 'RD_Radio8_000'"):
        TEST_LISTS["hdtf"](tmp_path, None)


def test_cmlr_reads_its_test_list(tmp_path):
    tree(
        tmp_path / "CMLR", "video/s1/20170121/section_1_000.80_003.57.mp4", "video/s2/20170121/section_2.mp4",
        "audio/s1/20170121/section_1_000.80_003.57.wav",
    )  # fmt: skip
    with pytest.raises(ConfigError, match=r"test\.csv"):
        TEST_LISTS["cmlr"](tmp_path, None)
    (tmp_path / "CMLR" / "test.csv").write_text("s1/20170121/section_1_000.80_003.57\n")
    (video,) = TEST_LISTS["cmlr"](tmp_path, None)
    assert (video.name, video.person, video.language) == (
        "s1-20170121-section_1_000.80_003.57", "s1", "zh",
    )  # fmt: skip
    assert video.sound == tmp_path / "CMLR/audio/s1/20170121/section_1_000.80_003.57.wav"


@pytest.mark.parametrize("profile", TEST_LISTS)
def test_another_tree_is_refused_in_a_sentence(tmp_path, profile):
    tree(tmp_path, "a.mp4")
    with pytest.raises(ConfigError):
        TEST_LISTS[profile](tmp_path, None)
    with pytest.raises(ConfigError):
        TEST_LISTS[profile](tmp_path / "nowhere", None)


@pytest.mark.parametrize(("text", "said"), [("", "names no video"), ("x\n", "x|names no video")])
def test_a_list_that_fits_nothing_is_refused(tmp_path, text, said):
    tree(tmp_path, "RD_Radio8_000.mp4", "main/a/1.mp4", **{"list.txt": text})
    for profile in ("hdtf", "lrs2"):
        with pytest.raises(ConfigError, match=said):
            TEST_LISTS[profile](tmp_path, tmp_path / "list.txt")
    with pytest.raises(ConfigError, match="cannot be read"):
        TEST_LISTS["hdtf"](tmp_path, tmp_path / "nowhere.txt")


def test_a_profile_is_chosen_with_its_folder(tmp_path, lrs2):
    items = suite_items(read_suite("self-reconstruction"), ItemSource(lrs2, "lrs2"))
    assert [(item.item, item.language, item.reference == item.face) for item in items][:1] == [
        ("6331-00002", "en", True)
    ]
    with pytest.raises(ConfigError, match="'lrs4'"):
        suite_items(read_suite("self-reconstruction"), ItemSource(lrs2, "lrs4"))
    with pytest.raises(ConfigError, match="--profile"):
        suite_items(read_suite("self-reconstruction"), ItemSource(lrs2, list=tmp_path / "list.txt"))
