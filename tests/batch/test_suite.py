"""Suites: those that ship are sound, and what is wrong with one's own is said in a sentence."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from eval.batch.suites.driving import driven_faces, request_settings
from eval.batch.suites.suite import read_suite, suite_names
from eval.batch.suites.suite_items import ItemSource, SuiteItem, data_sha256, suite_items
from eval.scoring.metrics import METRICS
from lipsync.errors import ConfigError
from lipsync.texts import known

OWN = """
title = "Mine"
description = "What it is."
version = 2
speech = "own"
metrics = ["lmd", "lipcorr"]
"""


def own(folder: Path, more: str = "", text: str = OWN) -> Path:
    path = folder / "mine.toml"
    path.write_text(text + more, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", suite_names())
def test_a_suite_that_ships_is_sound(name):
    suite = read_suite(name)
    assert (suite.name, len(suite.sha256)) == (name, 64)
    assert known(suite.title)
    assert known(suite.description)
    assert set(suite.metrics) <= set(METRICS)


def test_all_of_them_ship():
    assert suite_names() == (
        "cross-driving", "example", "footage", "languages", "leak", "self-reconstruction", "silence",
    )  # fmt: skip


def test_ones_own_is_read_from_its_file(tmp_path):
    suite = read_suite(str(own(tmp_path, 'region = "mouth"\ndata = "clips"\ncontrols = ["real"]\n')))
    assert (suite.name, suite.version, suite.region, suite.variant) == ("mine", 2, "mouth", "track")
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "a_1.mp4").touch()
    (item,) = suite_items(suite, ItemSource())
    assert (item.item, item.face, item.reference) == ("a_1", *[tmp_path / "clips" / "a_1.mp4"] * 2)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("metric = 1", "setting of a suite 'metric'. Did you mean 'metrics'"),
        ('region = "nose"', "'region' is 'nose', which is none of face, mouth, full"),
        ("resize = 1", "'resize' cannot be '1'"),
        ('controls = ["reel"]', "'reel'. Did you mean 'real'"),
        ('columns = ["langage"]', "Did you mean 'language'"),
        ("data = [", "cannot be read"),
        ('[[items]]\nitem = "a"\nface = "a.mp4"\nface_audio = "b"', "no column of items 'face_audio'"),
        ('[[items]]\nitem = "a"', "'face' is empty"),
        ('[[items]]\nitem = "../a"\nface = "a.mp4"', "cannot be an item's name"),
        ('[[items]]\nitem = "a"\nface = "nowhere.mp4"', "None of the videos"),
        ('data = "nowhere"', "nowhere"),
        ("", "name a folder or a manifest with --data"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(tmp_path, more, said):
    with pytest.raises(ConfigError, match=said):
        suite_items(read_suite(str(own(tmp_path, more))), ItemSource())


@pytest.mark.parametrize(
    ("line", "instead", "said"),
    [
        ("version = 2", "", "lacks 'version'"),
        ("version = 2", 'version = "2"', "'version' cannot be '2'"),
        ('"lmd", "lipcorr"', '"lmb"', "no metric 'lmb'"),
        ('"lmd", "lipcorr"', "", "lacks 'metrics'"),
        ('"own"', '"all"', "'speech' is 'all'"),
    ],
)
def test_what_a_suite_must_have(tmp_path, line, instead, said):
    with pytest.raises(ConfigError, match=said):
        read_suite(str(own(tmp_path, text=OWN.replace(line, instead))))


def test_an_unknown_suite_is_named():
    with pytest.raises(ConfigError, match=r"'silense'\. Did you mean 'silence'"):
        read_suite("silense")
    with pytest.raises(ConfigError, match=r"nowhere\.toml cannot be read"):
        read_suite("nowhere.toml")


def test_the_suite_of_the_documentation_is_one(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "bench.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    suite = read_suite(str(own(tmp_path, text=text)))
    assert {one.name for one in fields(suite)} - {"path", "sha256", "items"} == set(tomllib.loads(text))


def manifest(folder: Path, *lines: str) -> Path:
    for name in ("a.mp4", "b.mp4", "c.wav"):
        (folder / name).touch()
    path = folder / "items.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def items_of(suite: str, path: Path, **more) -> list[SuiteItem]:
    return suite_items(read_suite(suite), ItemSource(path, **more))


def test_a_manifest_says_all_of_an_item(tmp_path):
    path = manifest(
        tmp_path, "item,face,audio,reference,speaker,language,person", "one,a.mp4,,,,en,anna",
        "two,a.mp4,c.wav,b.mp4,b.mp4,zh,", "three_1,b.mp4,c.wav",
    )  # fmt: skip
    a, b, c = (tmp_path / name for name in ("a.mp4", "b.mp4", "c.wav"))
    assert items_of("self-reconstruction", path) == [
        SuiteItem("one", a, None, a, None, "en", "anna"),
        SuiteItem("two", a, c, b, b, "zh", "two"),
        SuiteItem("three_1", b, c, None, None, "", "three"),
    ]
    assert len(items_of("self-reconstruction", path, most=2)) == 2


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["item,audio", "a,c.wav"], "face"),
        (["item,face", "a,"], "face"),
        (["item,face", "a,a.mp4", "a,b.mp4"], "Two items are called 'a'"),
        (["item,face", "a/b,a.mp4"], "cannot be an item's name"),
        (["item,face", "..,a.mp4"], "cannot be an item's name"),
        (["item,face", "a,x.mp4"], "None of the videos"),
        (["item,face"], "no"),
        ([], "item"),
    ],
)
def test_a_bad_manifest_is_refused(tmp_path, lines, said):
    with pytest.raises(ConfigError, match=said):
        items_of("self-reconstruction", manifest(tmp_path, *lines))


def test_a_suite_of_languages_wants_them_named(tmp_path):
    path = manifest(tmp_path, "item,face,language", "a,a.mp4,en", "b,b.mp4,")
    with pytest.raises(ConfigError, match="needs 'language' of every item, and b has none"):
        items_of("languages", path)


def test_ten_thousand_items_are_read(tmp_path):
    path = manifest(tmp_path, "item,face", *(f"p{n}_1,a.mp4" for n in range(10_000)))
    assert len(items_of("cross-driving", path)) == 10_000


def test_another_person_speaks(tmp_path):
    path = manifest(tmp_path, "item,face", "a_1,a.mp4", "a_2,a.mp4", "b_1,b.mp4")
    found = items_of("cross-driving", path)
    a, b = tmp_path / "a.mp4", tmp_path / "b.mp4"
    assert [(item.audio, item.speaker, item.reference) for item in found] == [
        (b, b, a), (b, b, a), (a, a, b),
    ]  # fmt: skip
    # Few items have the speakers that they have among all.
    assert items_of("cross-driving", path, most=1) == found[:1]
    # Who says a recording is its real video; without one nobody can be followed.
    path = manifest(tmp_path, "item,face,audio,speaker", "a,a.mp4,,", "b,b.mp4,c.wav,", "c,b.mp4,a.mp4,a.mp4")
    assert [(item.audio, item.speaker) for item in items_of("cross-driving", path)] == [
        (tmp_path / "c.wav", None), (tmp_path / "c.wav", None), (a, a),
    ]  # fmt: skip
    path = manifest(tmp_path, "item,face", "a_1,a.mp4", "a_2,b.mp4")
    with pytest.raises(ConfigError, match="only one person"):
        items_of("cross-driving", path)


def test_a_split_says_what_is_spoken(tmp_path):
    path = manifest(tmp_path, "file,id,split,language", "a.mp4,anna,val,en", "b.mp4,anna,val,")
    path.rename(tmp_path / "manifest.csv")
    assert [item.language for item in items_of("leak", tmp_path, split="val")] == ["en", ""]


def test_a_split_knows_its_people_by_the_manifest_of_the_folder(tmp_path):
    path = manifest(tmp_path, "file,id,split", "a.mp4,anna,val", "b.mp4,anna,val", "x/a.mp4,bo,test")
    path.rename(tmp_path / "manifest.csv")
    (item, _) = items_of("leak", tmp_path, split="val")
    assert (item.item, item.face, item.person) == ("a", tmp_path / "a.mp4", "anna")
    with pytest.raises(ConfigError, match="only one person"):
        items_of("cross-driving", tmp_path, split="val")
    with pytest.raises(ConfigError, match="no video of the split 'dev'"):
        items_of("leak", tmp_path, split="dev")
    (tmp_path / "manifest.csv").write_text("file;id;split\na.mp4;anna;val\n")
    with pytest.raises(ConfigError, match="lacks the column file"):
        items_of("leak", tmp_path, split="val")


def test_what_drives_the_faces(tmp_path):
    path = manifest(tmp_path, "item,face,audio", "a,a.mp4,", "b,b.mp4,c.wav")

    def driven(suite):
        return driven_faces(read_suite(suite), items_of(suite, path), tmp_path / "sounds")

    own_speech = driven("self-reconstruction")
    assert [(face.item, face.audio) for face in own_speech] == [("a", None), ("b", tmp_path / "c.wav")]
    sounds = driven("silence")
    assert [face.item for face in sounds][:3] == ["a, digital silence", "a, room noise", "a, music"]
    assert len(sounds) == 6
    assert all(face.audio.is_file() for face in sounds)
    assert {face.reference for face in sounds} == {tmp_path / "a.mp4", tmp_path / "b.mp4"}
    nothing = driven("leak")
    assert [(face.item, face.audio.stem) for face in nothing] == [
        ("a", "digital silence"), ("b", "digital silence"),
    ]  # fmt: skip
    asked = {name: request_settings(read_suite(name)) for name in suite_names()}
    assert {name for name in asked if asked[name]["allow_silence"]} == {"silence", "leak"}
    assert {name for name in asked if asked[name]["length"] == "video"} == {"cross-driving", "leak"}


def test_the_data_is_known_by_names_and_contents(tmp_path):
    path = manifest(tmp_path, "item,face", "a,a.mp4", "b,b.mp4", "c,missing.mp4")
    before = data_sha256(items_of("self-reconstruction", path))
    assert before == data_sha256(items_of("self-reconstruction", path))
    (tmp_path / "a.mp4").write_bytes(b"1")
    assert before != data_sha256(items_of("self-reconstruction", path))


def test_the_example_brings_its_own_items(tmp_path):
    suite = read_suite("example")
    assert all(item.face.is_file() for item in suite_items(suite, ItemSource()))
    with pytest.raises(ConfigError, match="brings its own"):
        suite_items(suite, ItemSource(tmp_path))
