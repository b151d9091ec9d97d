"""Sets on disk: nothing in a name, nothing lost, nothing left behind."""

import json
import multiprocessing
import re
from pathlib import Path

import pytest

import eval.compare.clip
from eval.compare.index import INDEX
from eval.compare.sets import Entry, Sets
from eval.compare.video_import import entries_of_files, entries_of_folder, entries_of_manifest
from lipsync.errors import Cancelled, ConfigError, MediaError
from tests.compare.conftest import tree


def test_a_set_comes_back_as_it_was_made(sets, made, video):
    set_ = sets.open(made)
    assert (set_.title, set_.methods) == ("My set 对比", ("A", "B_&_50%", "方法 C"))
    assert [item.name for item in set_.items] == ["one", "two 二"]
    one, two = set_.items
    assert (set(one.clips), set(two.clips)) == ({"A", "B_&_50%"}, {"A", "方法 C"})
    assert one.reference.path.read_bytes() == video("ref", 100, sound=True).read_bytes()
    assert (one.reference.audio, one.clips["A"].audio) == (True, False)
    assert one.missing == {"方法 C": "There is no video of 方法 C for one."}
    (summary,) = sets.list()
    assert (summary.id, summary.title, summary.items, summary.methods) == (made, "My set 对比", 2, 3)


def test_no_name_on_disk_says_what_a_video_is(sets, made):
    files = [path for path in sets.folder.rglob("*") if path.name != ".lock"]
    assert len(files) > 6
    for path in files:
        parts = path.relative_to(sets.folder).parts
        assert re.fullmatch(r"[0-9a-f]{16}", parts[0])
        assert parts[1:] in ((), (INDEX,), ("clips",)) or re.fullmatch(r"[0-9a-f]{24}\.mp4", parts[2])


def test_opening_reads_the_index_and_no_video(sets, made, monkeypatch):
    def read(*_):
        raise AssertionError("a video was opened")

    monkeypatch.setattr(eval.compare.clip, "probe", read)
    monkeypatch.setattr("av.open", read)
    assert sets.open(made).items[0].clips["A"].fps == 25
    assert len(sets.list()) == 1


def test_a_new_video_takes_the_place_of_the_old_one(sets, made, video):
    before = sets.open(made).items[0].clips["A"]
    sets.add(made, [Entry("one", "A", video("new", 400)), Entry("three", "D", video("d", 500))])
    set_ = sets.open(made)
    after = set_.items[0].clips["A"]
    assert after.path.read_bytes() == video("new", 400).read_bytes()
    assert not before.path.exists()
    assert [item.name for item in set_.items] == ["one", "two 二", "three"]
    assert set_.methods[-1] == "D"


def test_a_failed_method_shows_its_reason_until_it_has_a_video(sets, made, video):
    sets.record_failure(made, "one", "方法 C", "No face was found in face.mp4.")
    sets.record_failure(made, "one", "A", "Stopped.")
    one = sets.open(made).items[0]
    assert one.missing == {"方法 C": "No face was found in face.mp4.", "A": "Stopped."}
    assert set(one.clips) == {"B_&_50%"}
    sets.add(made, [Entry("one", "方法 C", video("c", 100))])
    assert "方法 C" in sets.open(made).items[0].clips
    assert len(list((sets.folder / made / "clips").iterdir())) == 6


def test_one_bad_video_is_missing_with_the_reason_and_all_bad_is_an_error(sets, video, tmp_path):
    bad = tmp_path / "broken.mp4"
    bad.write_bytes(b"not a video")
    id = sets.create("x", [Entry("one", "A", bad), Entry("one", "reference", bad, "my/ref.mp4"),
                           Entry("one", "B", video("b"))])  # fmt: skip
    one = sets.open(id).items[0]
    assert (one.reference, set(one.clips)) == (None, {"B"})
    assert one.missing["A"].startswith("broken.mp4 is not a video")
    assert one.missing["reference"].startswith("my/ref.mp4 is not a video")
    before = tree(sets.folder)
    with pytest.raises(MediaError, match="broken"):
        sets.create("y", [Entry("one", "A", bad)])
    with pytest.raises(MediaError, match="broken"):
        sets.add(id, [Entry("two", "A", bad)])
    assert tree(sets.folder) == before


def test_stopping_leaves_nothing(sets, made, video):
    def stop(done, total, name):
        if done == 1:
            raise Cancelled("Stopped.")

    before = tree(sets.folder)
    entries = [Entry("one", "A", video("a")), Entry("one", "B", video("b"))]
    with pytest.raises(Cancelled):
        sets.create("x", entries, stop)
    with pytest.raises(Cancelled):
        sets.add(made, entries, stop)
    assert tree(sets.folder) == before


@pytest.mark.parametrize(("item", "method", "said"), [
    ("", "A", "The item has no name"),
    ("one", "  ", "The method has no name"),
    ("one", "x" * 121, "over 120 characters"),
    ("a\nb", "A", "line break"),
])  # fmt: skip
def test_names_that_cannot_be(sets, video, item, method, said):
    with pytest.raises(ConfigError, match=said):
        sets.create("x", [Entry(item, method, video("a"))])
    assert not sets.list()


def test_names_that_look_like_paths_stay_names(sets, video):
    id = sets.create("../../x", [Entry("../up", "/etc/passwd", video("a")), Entry("..", ".", video("b"))])
    set_ = sets.open(id)
    assert [item.name for item in set_.items] == ["../up", ".."]
    folder = set_.folder / "clips"
    assert all(clip.path.parent == folder for item in set_.items for clip in item.clips.values())


def test_twice_the_same_video_is_refused(sets, video):
    with pytest.raises(ConfigError, match="two videos for 'one' and 'A'"):
        sets.create("x", [Entry("one", "A", video("a")), Entry(" one", "A ", video("b"))])


@pytest.mark.parametrize("id", ["", "..", "../compare", "0" * 16, "a/b", "x" * 300])
def test_ids_that_are_none_of_a_set(sets, made, id):
    for verb in (sets.open, sets.delete, lambda id: sets.rename(id, "x"), lambda id: sets.add(id, [])):
        with pytest.raises(ConfigError, match="There is no comparison set"):
            verb(id)
    assert sets.open(made)


def test_renamed_found_and_deleted(sets, made, video):
    other = sets.create("", [Entry("face", "A", video("a"))])
    assert sets.open(other).title == "face"
    sets.rename(other, "My set 对比")
    with pytest.raises(ConfigError, match="2 sets are called"):
        sets.find("My set 对比")
    sets.rename(other, "Other")
    assert sets.find("Other").id == other == sets.find(other).id
    assert [summary.title for summary in sets.list()] == ["Other", "My set 对比"]
    sets.delete(other)
    assert [path.name for path in sets.folder.iterdir() if path.name != ".lock"] == [made]


def test_a_damaged_index_is_a_sentence_and_hides_no_other_set(sets, made, video):
    other = sets.create("fine", [Entry("face", "A", video("a"))])
    (sets.folder / made / INDEX).write_text('{"format": 1, "title"')
    with pytest.raises(ConfigError, match="damaged"):
        sets.open(made)
    assert [summary.id for summary in sets.list()] == [other]
    sets.delete(made)


def test_an_index_names_no_file_outside_the_set(sets, made):
    index = sets.folder / made / INDEX
    data = json.loads(index.read_text())
    data["items"][0]["clips"]["A"]["file"] = "../../../../etc/passwd"
    index.write_text(json.dumps(data))
    one = sets.open(made).items[0]
    assert "A" in one.missing


def add_many(folder: str, id: str, worker: int, path: str) -> None:
    sets = Sets(Path(folder))
    for number in range(6):
        sets.add(id, [Entry(f"item {worker}-{number}", "A", Path(path))])
        sets.record_failure(id, f"item {worker}-{number}", "B", "Stopped.")


def test_two_processes_lose_nothing_of_each_other(sets, video, tmp_path):
    id = sets.create("shared")
    context = multiprocessing.get_context("spawn")
    arguments = [(str(tmp_path / "data"), id, worker, str(video("a", frames=5))) for worker in (1, 2)]
    workers = [context.Process(target=add_many, args=each) for each in arguments]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
        assert worker.exitcode == 0
    set_ = sets.open(id)
    assert {item.name for item in set_.items} == {f"item {w}-{n}" for w in (1, 2) for n in range(6)}
    assert all(set(item.clips) == {"A"} and item.missing == {"B": "Stopped."} for item in set_.items)
    assert len(list((set_.folder / "clips").iterdir())) == 12


def test_files_are_paired_by_name():
    names = ("Wav2Lip_id003", "DiffDub_id003", "id003_reference", "Wav2Lip_id018", "id018_gt")
    entries = entries_of_files([Path(f"{name}.mp4") for name in names])
    assert {(entry.item, entry.method, entry.path.name) for entry in entries} == {
        ("id003", "reference", "id003_reference.mp4"), ("id003", "Wav2Lip", "Wav2Lip_id003.mp4"),
        ("id003", "DiffDub", "DiffDub_id003.mp4"), ("id018", "reference", "id018_gt.mp4"),
        ("id018", "Wav2Lip", "Wav2Lip_id018.mp4"),
    }  # fmt: skip
    bare = entries_of_files(
        [Path(f"{name}.mp4") for name in ("id076_clip01", "A_id076_clip01", "B_id076_clip01")]
    )
    assert [(entry.item, entry.method) for entry in bare] == [
        ("id076-clip01", "reference"), ("id076-clip01", "A"), ("id076-clip01", "B"),
    ]  # fmt: skip
    several = entries_of_files([Path(f"{name}.mp4") for name in ("one", "two", "A_one", "A_two", "B_two")])
    assert [entry.path.stem for entry in several if entry.method == "reference"] == ["one", "two"]
    fused = entries_of_files([Path(f"a-{name}.mp4") for name in ("multi-reference", "lstm", "reference")])
    assert {(entry.item, entry.method) for entry in fused} == {
        ("a", "reference"), ("a", "lstm"), ("a", "multi"),
    }  # fmt: skip
    for methods in (["wav2lip", "wav2lip_gan"], ["Heron", "Heron_v2", "Ibis"]):
        unreal = entries_of_files([Path(f"{name}.mp4") for name in methods])
        assert all(entry.method != "reference" for entry in unreal), methods
    alone = entries_of_files([Path("A_face.mp4"), Path("B_face.mp4")])
    assert [(entry.item, entry.method) for entry in alone] == [("face", "A"), ("face", "B")]
    given = entries_of_files([Path("A_one.mp4")], [Path("one.mp4"), Path("two.mp4")])
    assert [(entry.item, entry.method) for entry in given] == [
        ("one", "reference"), ("one", "A"), ("two", "reference"),
    ]  # fmt: skip


def test_folder_and_manifest(tmp_path, sets, video):
    folder = tmp_path / "in"
    (folder / "one").mkdir(parents=True)
    for name in ("Reference.mp4", "A.mp4", ".DS_Store", "A.json", "A.srt"):  # some beside a generated video
        (folder / "one" / name).write_bytes(video("a").read_bytes())
    entries = entries_of_folder(folder)
    assert [(entry.item, entry.method) for entry in entries] == [("one", "A"), ("one", "reference")]
    (folder / "one" / "notes.txt").write_text("x")
    with pytest.raises(ConfigError, match=r"in holds 'one/notes.txt'"):
        entries_of_folder(folder)
    manifest = tmp_path / "m.csv"
    manifest.write_text("item,method,generated,reference\none,A,in/one/A.mp4,in/one/Reference.mp4\n"
                        "one,B,in/one/A.mp4,in/one/Reference.mp4\n")  # fmt: skip
    set_ = sets.open(sets.create("m", entries_of_manifest(manifest)))
    assert (set_.methods, set_.items[0].reference is not None) == (("A", "B"), True)
    manifest.write_text("item,method,generated,reference\none,A,a.mp4,x.mp4\none,B,b.mp4,y.mp4\n")
    with pytest.raises(ConfigError, match="two references"):
        entries_of_manifest(manifest)
