"""The papers' data sets: their trees are understood, prepared, split, and described."""

import re
from pathlib import Path

import pandas as pd
import pytest
import soundfile

from lipsync.data.preparation.limits import Limits
from lipsync.data.preparation.prepare import prepare
from lipsync.data.preparation.profiles import PROFILES
from lipsync.data.preparation.sources import Video
from lipsync.errors import ConfigError
from lipsync.media import VideoWriter, read_audio, read_frames
from tests.training.test_config import command

EXAMPLES = Path(__file__).parents[2] / "assets" / "examples"


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> tuple[Path, Path, Path]:
    """A real face for 1.2 s: with sound, without sound, and the sound alone."""
    folder = tmp_path_factory.mktemp("clip")
    frames = [frame.image for frame in read_frames(EXAMPLES / "portrait.mp4", fps=25, max_frames=30)]
    sound = read_audio(EXAMPLES / "english.wav")[: 30 * 640]
    wav = folder / "sound.wav"
    soundfile.write(wav, sound, 16_000)
    height, width = frames[0].shape[:2]
    for name, audio in (("full.mp4", wav), ("mute.mp4", None)):
        with VideoWriter(folder / name, width, height, 25, audio=audio) as writer:
            for frame in frames:
                writer.write(frame)
    return folder / "full.mp4", folder / "mute.mp4", wav


def put(path: Path, content: Path | str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, Path):
        path.write_bytes(content.read_bytes())
    else:
        path.write_text(content)


def lrs2(root: Path, full="", mute="", wav="") -> None:
    main = root / "mvlrs_v1"
    put(main / "main" / "6330311066473698535" / "00011.mp4", full)
    put(main / "main" / "6331559613336179781" / "00019.mp4", full)
    put(main / "pretrain" / "5535415699068794046" / "00001.mp4", full)
    put(main / "train.txt", "6330311066473698535/00011\n5535415699068794046/00099\n")
    put(main / "val.txt", "6331559613336179781/00019 NF MV\n")
    put(main / "pretrain.txt", "5535415699068794046/00001\n")


def lrw(root: Path, full="", mute="", wav="") -> None:
    put(root / "lipread_mp4" / "ABOUT" / "train" / "ABOUT_00001.mp4", full)
    put(root / "lipread_mp4" / "ABOUT" / "train" / "ABOUT_00001.txt", "Disfluency: 0")
    put(root / "lipread_mp4" / "YEARS" / "val" / "YEARS_00007.mp4", full)


def cmlr(root: Path, full="", mute="", wav="") -> None:
    for name in ("s1/20170121/section_1_000.80_003.57", "s11/20100508/section_3_000.61_002.72"):
        put(root / "video" / f"{name}.mp4", mute)
        put(root / "audio" / f"{name}.wav", wav)
    put(root / "video" / "s2" / "20150504" / "section_9.mp4", mute)  # in no list
    put(root / "train.csv", "s1/20170121/section_1_000.80_003.57,来关注\n")
    put(root / "val.csv", "s11_20100508_section_3_000.61_002.72.mp4\n")


def voxceleb(root: Path, full="", mute="", wav="") -> None:
    for part, name in (("dev", "id00012/21Uxsk56VDQ/00001"), ("dev", "id00015/0fijmz4vTVU/00002")):
        put(root / part / "mp4" / f"{name}.mp4", mute)
        put(root / part / "aac" / f"{name}.wav", wav)
    put(root / "test" / "mp4" / "id00017" / "01dfn2spqyE" / "00001.mp4", full)


def grid(root: Path, full="", mute="", wav="") -> None:
    put(root / "s1" / "bbaf2n.mp4", full)
    put(root / "s3" / "video" / "mpg_6000" / "bbaf3s.mp4", full)
    put(root / "s4.mpg_vcd" / "bbaf4p.mp4", full)
    put(root / "readme" / "intro.mp4", full)


def folder(root: Path, full="", mute="", wav="") -> None:
    put(root / "anna" / "a.mp4", full)
    put(root / "ben.mp4", full)


TREES = {"lrs2": lrs2, "lrw": lrw, "cmlr": cmlr, "voxceleb": voxceleb, "grid": grid, "folder": folder}
FOUND = {
    "lrs2": {
        ("main/6330311066473698535/00011.mp4", "6330311066473698535", "train", None),
        ("main/6331559613336179781/00019.mp4", "6331559613336179781", "val", None),
        ("pretrain/5535415699068794046/00001.mp4", "5535415699068794046", "pretrain", None),
    },
    "lrw": {
        ("ABOUT/train/ABOUT_00001.mp4", "ABOUT_00001", "train", None),
        ("YEARS/val/YEARS_00007.mp4", "YEARS_00007", "val", None),
    },
    "cmlr": {
        ("s1/20170121/section_1_000.80_003.57.mp4", "s1", "train", "section_1_000.80_003.57.wav"),
        ("s11/20100508/section_3_000.61_002.72.mp4", "s11", "val", "section_3_000.61_002.72.wav"),
    },
    "voxceleb": {
        ("dev/mp4/id00012/21Uxsk56VDQ/00001.mp4", "id00012", "", "00001.wav"),
        ("dev/mp4/id00015/0fijmz4vTVU/00002.mp4", "id00015", "", "00002.wav"),
        ("test/mp4/id00017/01dfn2spqyE/00001.mp4", "id00017", "test", None),
    },
    "grid": {
        ("s1/bbaf2n.mp4", "s1", "test", None),
        ("s3/video/mpg_6000/bbaf3s.mp4", "s3", "", None),
        ("s4.mpg_vcd/bbaf4p.mp4", "s4", "", None),
    },
    "folder": {("anna/a.mp4", "anna", "", None), ("ben.mp4", "ben", "", None)},
}
SPLITS = {  # as prepared, by person
    "lrs2": {"6330311066473698535": "train", "6331559613336179781": "val", "5535415699068794046": "pretrain"},
    "lrw": {"ABOUT_00001": "train", "YEARS_00007": "val"},
    "cmlr": {"s1": "train", "s11": "train"},  # drawn: one of the two is moved to val below
    "voxceleb": {"id00012": "train", "id00015": "train", "id00017": "test"},
    "grid": {"s1": "test", "s3": "train", "s4": "train"},
    "folder": {"anna": "train"},  # both files show one face
}


def test_every_profile_is_tried_here():
    assert set(TREES) == set(PROFILES.names())


@pytest.mark.parametrize("name", TREES)
def test_tree_is_understood(tmp_path, name):
    TREES[name](tmp_path)
    videos = PROFILES.get(name).find(tmp_path)
    assert all(video.path.is_file() for video in videos)
    found = {(v.name, v.identity, v.split, v.sound.name if v.sound else None) for v in videos}
    assert found == FOUND[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", TREES)
def test_tree_is_prepared(tmp_path, clip, landmarker, name):
    TREES[name](tmp_path / "in", *clip)
    profile = PROFILES.get(name)
    summary = prepare(tmp_path / "in", tmp_path / "out", profile=profile, limits=Limits(min_seconds=1.1),
                      landmarker=landmarker)  # fmt: skip
    manifest = pd.read_csv(tmp_path / "out" / "manifest.csv", dtype=str)
    assert (manifest["frames"] == "30").all()
    assert summary.shared == ()
    found = dict(zip(manifest["identity"], manifest["split"], strict=True))
    wanted = SPLITS[name]
    assert found.keys() == wanted.keys()
    drawn = [person for person in wanted if found[person] != wanted[person]]
    # Where people are drawn, one of those without an official split goes to val, unless nobody else is left.
    assert [found[person] for person in drawn] == ([] if name in ("lrs2", "lrw", "folder") else ["val"])
    heard = read_audio(tmp_path / "out" / f"{manifest['clip'][0]}.mp4")
    assert abs(heard).max() > 0.05  # the sound of its own file came along
    report = (tmp_path / "out" / "report.md").read_text()
    assert profile.title in report
    assert "Nobody is in more than one split." in report
    assert re.search(r"\| side of the face, px \| \d+", report)


def test_official_splits_may_share_people_and_the_report_says_so(tmp_path, clip, landmarker):
    root = tmp_path / "in"
    for day in ("20170121", "20170122"):
        put(root / "video" / "s1" / day / "section_1.mp4", clip[0])
    put(root / "train.csv", "s1/20170121/section_1\n")
    put(root / "val.csv", "s1/20170122/section_1\n")
    cut = {"profile": PROFILES.get("cmlr"), "limits": Limits(min_seconds=1.1), "landmarker": landmarker}
    official = prepare(root, tmp_path / "out", split_by="official", **cut)
    assert official.splits == {"train": 1, "val": 1}
    assert official.shared == ("s1",)
    assert "**1 people are in more than one split** (s1)" in (tmp_path / "out" / "report.md").read_text()
    people = prepare(root, tmp_path / "out", **cut)
    assert people.splits == {"train": 2}
    assert people.shared == ()
    assert people.done_before == 2
    with pytest.raises(ConfigError, match="'people'"):
        prepare(root, tmp_path / "out", split_by="peple", **cut)


def test_utterances_of_one_recording_stay_together(tmp_path):
    for name in ("lrs2", "cmlr", "voxceleb", "grid"):
        TREES[name](tmp_path / name)
        for video in PROFILES.get(name).find(tmp_path / name):
            assert video.group == video.recording != ""
            assert video.group in video.name.removesuffix(".mp4")
    assert Video(Path("x"), "a.mp4", "a").group == "a.mp4"


def test_missing_lists_and_other_trees_are_said(tmp_path):
    lrs2(tmp_path)
    (tmp_path / "mvlrs_v1" / "val.txt").unlink()
    with pytest.raises(ConfigError, match=r"val\.txt is missing"):
        PROFILES.get("lrs2").find(tmp_path)
    (tmp_path / "mvlrs_v1" / "val.txt").write_text("")
    (tmp_path / "mvlrs_v1" / "train.txt").write_text("9/9\n")
    (tmp_path / "mvlrs_v1" / "pretrain.txt").unlink()
    with pytest.raises(ConfigError, match="None of the videos"):
        PROFILES.get("lrs2").find(tmp_path)
    folder(tmp_path / "other")
    for name in ("lrs2", "cmlr"):
        with pytest.raises(ConfigError, match="--help-profile"):
            PROFILES.get(name).find(tmp_path / "other")
    for name in ("lrw", "voxceleb", "grid"):
        with pytest.raises(ConfigError, match="no video where one is expected"):
            PROFILES.get(name).find(tmp_path / "other")
    with pytest.raises(ConfigError, match="no folder"):
        PROFILES.get("grid").find(tmp_path / "none")


@pytest.mark.parametrize("name", TREES)
def test_help_says_layout_splits_licence_and_where_to_ask(capsys, name):
    with pytest.raises(SystemExit) as ended:
        command("prepare", "--help-profile", name)
    assert ended.value.code == 0
    said = capsys.readouterr().out
    profile = PROFILES.get(name)
    for word in ("Folder for --videos", "Splits", "People", "Licence", "Access", profile.title):
        assert word in said
    assert name == "folder" or "https://" in profile.access
    if profile.limits != Limits():
        assert "Limits of its own" in said


def test_command_checks_its_options(tmp_path):
    common = ("prepare", "--videos", str(tmp_path), "--out", str(tmp_path / "out"))
    with pytest.raises(ConfigError, match="Did you mean 'lrs2'"):
        command(*common, "--profile", "lrs3")
    with pytest.raises(ConfigError, match="give one of them"):
        command(*common, "--profile", "lrs2", "--manifest", "m.csv")
    with pytest.raises(ConfigError, match="--sync-check"):
        command(*common, "--sync-trust", "0.1", "0.2")
    with pytest.raises(ConfigError, match="no sync expert"):
        command(*common, "--sync-check", "--sync-expert", str(tmp_path))
    assert not (tmp_path / "out").exists()
