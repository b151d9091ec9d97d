"""Zips: out and in again the same, and whatever a stranger puts into one stays harmless."""

import errno
import io
import json
import shutil
import stat
import struct
import zipfile
from types import SimpleNamespace

import pytest

import eval.compare.archive
from eval.compare.archive import CONTENTS
from eval.compare.sets import Entry
from lipsync.errors import ConfigError, LipSyncError, MediaError
from tests.compare.conftest import tree
from tests.media.clips import card, write_clip


def facts(set_):
    """All that matters of a set, without the random names."""

    def clip(found):
        if found is None:
            return None
        return (found.path.read_bytes(), found.source.read_bytes(), found.seconds, found.fps, found.width,
                found.height, found.audio, found.sha256, found.converted)  # fmt: skip

    return (set_.title, set_.methods, [
        (item.name, clip(item.reference), {m: clip(c) for m, c in item.clips.items()}, dict(item.missing))
        for item in set_.items
    ])  # fmt: skip


def test_out_and_in_again_is_the_same_set(sets, made, tmp_path):
    cards = [card(number) for number in range(300, 320)]
    sets.add(made, [
        Entry("one", "mpeg", write_clip(tmp_path / "x.mpg", cards, codec="mpeg1video")),
        Entry("one", "mkv", write_clip(tmp_path / "x.mkv", cards)),
        Entry("a/b: ..", "A", write_clip(tmp_path / "late.mp4", cards)),
        Entry("A-B- ", "a", write_clip(tmp_path / "x.avi", cards, codec="mpeg4")),
    ])  # fmt: skip
    sets.record_failure(made, "one", "方法 C", "No face was found in face.mp4.")
    first = sets.export(made, tmp_path / "one.zip")
    again = sets.bring(first)
    assert again != made
    assert facts(sets.open(again)) == facts(sets.open(made))
    second = sets.export(again, tmp_path / "two.zip")
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        assert {"one/A.mp4", "one/reference.mp4", "two 二/方法 C.mp4"} <= set(archive.namelist())
        assert all(name.count("/") <= 2 and ".." not in name.split("/") for name in archive.namelist())
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]


def test_a_plain_zip_of_videos_is_a_set(sets, video, tmp_path):
    path = tmp_path / "results.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("all/一/reference.mp4", "all/一/A.mp4", "all/two/A.MP4", "all/two/B.mp4"):
            archive.write(video("a"), name)
        archive.writestr("__MACOSX/all/一/._A.mp4", b"junk")
        archive.writestr("all/two/.DS_Store", b"junk")
        archive.writestr("all/two/B.json", b"{}")  # lies beside a generated video
        archive.mkdir("all/empty")
    set_ = sets.open(sets.bring(path))
    assert (set_.title, set_.methods) == ("results", ("A", "B"))
    assert [(item.name, item.reference is not None, set(item.clips)) for item in set_.items] == [
        ("一", True, {"A"}), ("two", False, {"A", "B"}),
    ]  # fmt: skip
    sets.add_zip(set_.id, path)
    assert len(sets.open(set_.id).items) == 2


def test_chinese_names_of_old_windows_zips_are_read(sets, video, tmp_path):
    path = tmp_path / "old.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(video("a"), "AAAA/BBBB.mp4")
    data = path.read_bytes().replace(b"AAAA/BBBB", "片段/方法".encode("gbk"))
    path.write_bytes(data)
    (item,) = sets.open(sets.bring(path)).items
    assert (item.name, list(item.clips)) == ("片段", ["方法"])


def zipped(*names, data=b"x", change=None, compression=zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name in names:
            info = zipfile.ZipInfo(name)
            info.compress_type = compression
            if change is not None:
                change(info)
            archive.writestr(info, data)
    return out.getvalue()


def link(info):
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16


def device(info):
    info.create_system = 3
    info.external_attr = (stat.S_IFCHR | 0o666) << 16


def encrypted() -> bytes:
    data = bytearray(zipped("one/A.mp4"))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        struct.pack_into("<H", data, data.index(mark) + at, 1)
    return bytes(data)


def lying() -> bytes:
    """Deflated zeros whose directory says that they are 8 bytes."""
    data = bytearray(zipped("one/A.mp4", data=bytes(1 << 20), compression=zipfile.ZIP_DEFLATED))
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, 8)
    return bytes(data)


def packed_as(method: int) -> bytes:
    data = bytearray(zipped("one/A.mp4"))
    for mark, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        struct.pack_into("<H", data, data.index(mark) + at, method)
    return bytes(data)


def huge() -> bytes:
    """A directory that promises 3 GB."""
    data = bytearray(zipped("one/A.mp4", compression=zipfile.ZIP_DEFLATED))
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, 3 * 1024**3)
    return bytes(data)


def endless_list() -> bytes:
    """A zip of 5 MB whose list of files is as long as the zip: `zipfile` would hold it 20 times over."""
    data = zipped("one/A.mp4")
    begin, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    entries = data[begin:end] * (5 * 1024**2 // (end - begin))
    tail = bytearray(data[end:])
    struct.pack_into("<II", tail, 12, len(entries), begin)
    return data[:begin] + entries + bytes(tail)


def overlapping() -> bytes:
    """2,000 names for one and the same megabyte of zeros."""
    data = zipped("one/0000.mp4", data=bytes(1 << 20), compression=zipfile.ZIP_DEFLATED)
    begin, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    entries = b"".join(data[begin:end].replace(b"0000", f"{n:04d}".encode()) for n in range(2_000))
    tail = bytearray(data[end:])
    struct.pack_into("<HHII", tail, 8, 2_000, 2_000, len(entries), begin)
    return data[:begin] + entries + bytes(tail)


ATTACKS = {
    "absolute": (zipped("/tmp/evil/A.mp4"), "leads out of its folder"),
    "parent": (zipped("one/../../A.mp4"), "leads out of its folder"),
    "parent at the front": (zipped("../A.mp4"), "leads out of its folder"),
    "backslash": (zipped("..\\A.mp4"), "leads out of its folder"),
    "drive": (zipped("C:/A.mp4"), "leads out of its folder"),
    "nul": (zipped("one/AxB.mp4").replace(b"AxB", b"A\0B"), "control characters"),
    "link": (zipped("one/A.mp4", data=b"/etc/passwd", change=link), "a link"),
    "device": (zipped("one/A.mp4", change=device), "a link"),
    "no item": (zipped("A.mp4"), "must be a video named item/method.mp4"),
    "too deep": (zipped("x/one/A.mp4", "y/one/A.mp4"), "must be a video named item/method.mp4"),
    "no video": (zipped("one/A.mp4", "one/run.sh"), "must be a video named item/method.mp4"),
    "no name": (zipped("one/.mp4"), "must be a video named item/method.mp4"),
    "nested": (zipped("one/A.mp4", "one/more.zip"), "another archive"),
    "empty": (zipped(), "holds no video"),
    "only junk": (zipped("__MACOSX/x", ".DS_Store"), "holds no video"),
    "twice": (zipped("one/A.mp4", "one/A.mov"), "two videos for 'one' and 'A'"),
    "10,000 files": (zipped(*(f"one/{n}.mp4" for n in range(10_000))), "holds 10000 files; 2000 is the most"),
    "endless list": (endless_list(), "lists more files than the 2,000"),
    "overlapping": (overlapping(), "no zip file"),
    "3 GB": (huge(), "over 2 GB"),
    "lying": (lying(), "damaged"),
    "password": (encrypted(), "password"),
    "no zip": (b"not a zip at all", "no zip file"),
    "cut short": (zipped("one/A.mp4", data=bytes(5000))[:3000], "no zip file"),
    "not a video": (zipped("one/A.mp4", data=b"<html>"), "not a video"),
    "foreign list": (zipped(CONTENTS, "one/A.mp4", data=b"{}"), "does not fit the videos"),
    "other compression": (packed_as(99), "packed in a way that cannot be read"),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ATTACKS)
def test_attacks_are_one_sentence_and_leave_nothing(sets, made, tmp_path, name):
    data, said = ATTACKS[name]
    path = tmp_path / "evil.zip"
    path.write_bytes(data)
    before = tree(tmp_path)
    for bring in (sets.bring, lambda path: sets.add_zip(made, path)):
        with pytest.raises(LipSyncError) as caught:
            bring(path)
        assert said in str(caught.value)
        assert len(str(caught.value)) < 300
        assert tree(tmp_path) == before


@pytest.mark.parametrize("change", [
    lambda data: data["items"][0]["videos"]["A"].update(file="../../etc/passwd"),
    lambda data: data["items"][0]["videos"].pop("A"),
    lambda data: data["items"][0]["videos"]["A"].update(sha256="../x"),
    lambda data: data.update(format=99),
    lambda data: data.update(items=7),
])  # fmt: skip
def test_a_list_that_does_not_fit_its_videos_is_refused(sets, made, tmp_path, change):
    path = sets.export(made, tmp_path / "set.zip")
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    data = json.loads(files[CONTENTS])
    change(data)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**files, CONTENTS: json.dumps(data).encode()}.items():
            archive.writestr(name, content)
    before = tree(sets.folder)
    with pytest.raises(ConfigError, match=r"does not fit the videos|Every|no name"):
        sets.bring(path)
    assert tree(sets.folder) == before


def test_a_zip_that_unpacks_to_more_than_the_disk_holds_is_refused(sets, video, tmp_path, monkeypatch):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(video("a"), "one/A.mp4")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(ConfigError, match="not enough room"):
        sets.bring(path)
    assert eval.compare.archive.MAX_BYTES == 2 * 1024**3


def test_export_to_a_place_that_cannot_be_is_a_sentence(sets, made, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="cannot be written"):
        sets.export(made, tmp_path / "file" / "x.zip")


def test_one_bad_video_in_a_zip_is_missing(sets, video, tmp_path):
    path = tmp_path / "mixed.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(video("a"), "one/A.mp4")
        archive.writestr("one/B.mp4", b"not a video")
    (item,) = sets.open(sets.bring(path)).items
    assert set(item.clips) == {"A"}
    assert item.missing["B"].startswith("one/B.mp4 is not a video")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("one/B.mp4", b"not a video")
    with pytest.raises(MediaError, match="one/B"):
        sets.bring(path)


@pytest.mark.parametrize("contents", ["[" * 100_000, '{"a":' * 100_000, "9" * 5000])
def test_contents_nested_without_end_are_a_sentence(contents, sets, video, tmp_path):
    path = tmp_path / "deep.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(video("a"), "one/A.mp4")
        archive.writestr(CONTENTS, contents)
    with pytest.raises(ConfigError, match="damaged or does not fit"):
        sets.bring(path)


@pytest.mark.parametrize("why", ["\ud800", "x" * 100_000, 3, None])
def test_a_reason_that_is_no_sentence_is_damage(why, sets, video, tmp_path):
    path = tmp_path / "reason.zip"
    contents = {"format": 1, "title": "t", "methods": ["A", "B"], "items": [
        {"name": "one", "videos": {"A": {"file": "one/A.mp4"}}, "missing": {"B": why}}
    ]}  # fmt: skip
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(video("a"), "one/A.mp4")
        archive.writestr(CONTENTS, json.dumps(contents))
    with pytest.raises(ConfigError, match="damaged or does not fit"):
        sets.bring(path)


def test_a_zip_whose_beginning_is_gone_is_a_sentence(sets, video, tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(video("a"), "one/A.mp4")
    path.write_bytes(path.read_bytes()[3:])  # its members now begin before the file does
    with pytest.raises(ConfigError, match="no zip file, or it is damaged"):
        sets.bring(path)


def test_an_ending_longer_than_a_name_can_be_is_a_sentence(sets, video, tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(video("a"), f"one/A.{'x' * 1000}")
    with pytest.raises(ConfigError, match="every file in it must be a video"):
        sets.bring(path)


def test_a_full_disk_is_no_damaged_zip(sets, video, tmp_path, monkeypatch):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(video("a"), "one/A.mp4")

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(eval.compare.archive, "_unpack", full)
    with pytest.raises(ConfigError, match="not enough room"):
        sets.bring(path)
