"""Pairs of faces and speeches: all combinations, or what a CSV lists."""

from pathlib import Path

import pytest

from lipsync.data.face_speech_pairs import FaceSpeechPair, combined, read_manifest, read_pairs
from lipsync.errors import ConfigError

FILES = {name: Path("/up") / name for name in ("ann.mp4", "bo.jpg", "one.wav", "two.wav")}


def table(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "pairs.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_every_face_goes_with_every_speech_each_under_a_name_of_its_own() -> None:
    faces = [Path("ann.mp4"), Path("ann.jpg")]
    assert combined(faces, [Path("one.wav"), Path("two.wav")]) == [
        FaceSpeechPair("ann + one", faces[0], Path("one.wav")),
        FaceSpeechPair("ann + two", faces[0], Path("two.wav")),
        FaceSpeechPair("ann + one 2", faces[1], Path("one.wav")),
        FaceSpeechPair("ann + two 2", faces[1], Path("two.wav")),
    ]


def test_a_csv_says_which_belong_together(tmp_path: Path) -> None:
    path = table(tmp_path, "﻿audio, face ,item\none.wav,ann.mp4,first\n,ann.mp4,\ntwo.wav,bo.jpg,first\n")
    assert read_pairs(path, FILES.get) == [
        FaceSpeechPair("first", FILES["ann.mp4"], FILES["one.wav"]),
        FaceSpeechPair("ann", FILES["ann.mp4"], None),
        FaceSpeechPair("first 2", FILES["bo.jpg"], FILES["two.wav"]),
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("face,sound\nann.mp4,one.wav\n", "pairs.csv has no column 'audio'"),
        ("", "pairs.csv has no column 'face'"),
        ("face,audio\n", "pairs.csv lists nothing"),
        ("face,audio\nann.mp4,one.wav\ncy.mp4,one.wav\n", "Line 3 of pairs.csv names 'cy.mp4', which is not"),
        ("face,audio\nann.mp4\n,one.wav\n", "Line 3 of pairs.csv names ''"),
        ("face,audio\nann.mp4,one.wav,x\nann.mp4,three.wav\n", "Line 3 of pairs.csv names 'three.wav'"),
    ],
)
def test_what_is_wrong_with_a_csv_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_pairs(table(tmp_path, text), FILES.get)
    assert sentence in str(caught.value)


def test_a_csv_in_another_encoding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"pairs\.csv is not a CSV in UTF-8"):
        read_pairs(table(tmp_path, "face,audio\n张.mp4,one.wav\n", "gbk"), FILES.get)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_manifest_is_read_as_any_spreadsheet_writes_it(tmp_path: Path, delimiter: str) -> None:
    lines = [
        "\ufeffitem,face,audio,reference,note",
        "a b,ann.mp4,/far/one.wav,real.mp4,x",
        "c,d/bo.jpg,,,",
        "",
    ]
    path = table(tmp_path, "\r\n".join(lines).replace(",", delimiter))
    assert read_manifest(path) == [
        FaceSpeechPair("a b", tmp_path / "ann.mp4", Path("/far/one.wav"), tmp_path / "real.mp4"),
        FaceSpeechPair("c", tmp_path / "d" / "bo.jpg", None),
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "face,audio\nann.mp4,one.wav\n",
            "no column 'item'; its first line must name the columns item,",
        ),
        ("item,face\na,ann.mp4\n", "no column 'audio'"),
        ("item;face;audio\n", "lists nothing"),
        ("item,face,audio\na,ann.mp4,\n,ann.mp4,\n", "Line 3 of pairs.csv has nothing in the column item"),
        ('item,face,audio\n"a\nb",ann.mp4,\n,,\nc,,\n', "Line 5 of pairs.csv has nothing in the column face"),
        (f"item,face,audio\na,{'x' * 300}.mp4,\n", "what stands under 'face' cannot be the name"),
        ("item,face,audio\na,ann.mp4,x\0.wav\n", "Line 2 of pairs.csv: what stands under 'audio'"),
        ("item,face,audio\na,,one.wav\n", "Line 2 of pairs.csv has nothing in the column face"),
    ],
)
def test_what_is_wrong_with_a_manifest_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_manifest(table(tmp_path, text))
    assert sentence in str(caught.value)
