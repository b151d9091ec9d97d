"""Studies made of real clips: from a folder, from a comparison set; whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from eval.compare.sets import Entry, Sets
from eval.study.storage.create import create
from eval.study.storage.models import Stimulus
from eval.study.storage.spec import Spec
from eval.study.storage.store import Store
from lipsync.errors import ConfigError, LipSyncError
from lipsync.media import VideoWriter, WriterOptions, probe, read_audio, read_frames
from tests.media.clips import astronaut

SECRET = "made by Method Number Nine"
TONES = {"anna": 300, "bert": 700, "cleo": 1500}


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three people by two methods and for real, each with a tone of their own, half a second each."""
    import soundfile

    folder = tmp_path_factory.mktemp("clips")
    for number, (item, tone) in enumerate(TONES.items()):
        (folder / item).mkdir()
        sound = folder / f"{item}.wav"
        soundfile.write(sound, 0.3 * np.sin(2 * np.pi * tone * np.arange(8000) / 16000), 16000)
        for k, method in enumerate(("ours", "theirs", "reference")):
            image = np.roll(astronaut(96, 96), 20 * number + 7 * k, axis=1)
            out = folder / item / f"{method}.mp4"
            with VideoWriter(
                out,
                96,
                96,
                25,
                audio=sound,
                options=WriterOptions(metadata={"comment": SECRET, "x-tool": SECRET}),
            ) as w:
                for shade in range(12):
                    w.write(np.maximum(image, np.uint8(shade)))
        sound.unlink()
    return folder


def spec(folder: Path, **values: Any) -> Spec:
    return Spec.from_dict({"title": "Real clips", "source": {"folder": str(folder)}} | values)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Store]:
    """A store in a folder of its own."""
    (tmp_path / "data").mkdir()
    store = Store("", tmp_path / "data")
    yield store
    store.close()


def stimuli(store: Store) -> list[Stimulus]:
    with store.database.read() as session:
        return list(session.scalars(select(Stimulus).order_by(Stimulus.id)))


def loudest(path: Path) -> float:
    """Hz of the strongest tone."""
    samples = read_audio(path, 16000)
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * 16000 / len(samples))


def test_a_folder_becomes_a_study_that_tells_nothing(here: Store, clips: Path) -> None:
    steps: list[tuple[int, int]] = []
    made = create(
        here,
        spec(
            clips, reference="reference", training=["anna/ours"], catch={"choose": [2, 4], "desync": 1},
            ratings_per_stimulus=5,
        ),
        report=lambda done, total: steps.append((done, total)),
    )  # fmt: skip
    assert steps == [(number, 13) for number in range(1, 14)]
    assert (made.state, made.clips, made.wanted) == ("draft", 9, 45)
    found = stimuli(here)
    assert [clip.kind for clip in found].count("reference") == 3
    assert {clip.method for clip in found if clip.kind == "reference"} == {"reference"}
    names = set()
    for clip in found:
        path = here.clip(made.id, clip.file)
        names.add(path.stem)
        info = probe(path)
        assert info.has_audio
        assert clip.seconds == pytest.approx(info.duration)
        content = path.read_bytes()
        assert SECRET.encode() not in content
        assert not any(name in content for name in (b"Lavf", b"Lavc", b"x264"))
    assert len(names) == 13
    facts = [path.stat() for path in here.clip_folder(made.id).iterdir()]
    assert len({(fact.st_size, fact.st_mtime_ns) for fact in facts}) == 1
    assert all(len(name) == 24 and set(name) <= set("0123456789abcdef") for name in names)
    assert {path.stem for path in here.clip_folder(made.id).iterdir()} == names
    # What is rated is the very picture that was brought.
    ours = next(clip for clip in found if (clip.kind, clip.item, clip.method) == ("rated", "bert", "ours"))
    before = [frame.image for frame in read_frames(clips / "bert" / "ours.mp4")]
    after = [frame.image for frame in read_frames(here.clip(made.id, ours.file))]
    assert len(before) == 12
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_catch_clips_say_their_mark_or_have_anothers_sound(here: Store, clips: Path) -> None:
    made = create(here, spec(clips, reference="reference", catch={"choose": [2, 5], "desync": 2}))
    caught = {clip.method: clip for clip in stimuli(here) if clip.kind == "catch"}
    assert caught["choose 2"].expected == {"sync": [2], "quality": [2], "overall": [2]}
    assert caught["choose 5"].expected == {"sync": [5], "quality": [5], "overall": [5]}
    pictures = {}
    for mark in (2, 5):
        clip = caught[f"choose {mark}"]
        assert loudest(here.clip(made.id, clip.file)) == pytest.approx(TONES[clip.item], abs=20)
        shown = next(iter(read_frames(here.clip(made.id, clip.file)))).image.astype(int)
        plain = next(iter(read_frames(clips / clip.item / "reference.mp4"))).image.astype(int)
        middle = (slice(30, 66), slice(10, 86))
        assert np.abs(shown[middle] - plain[middle]).mean() > 40  # the plate
        assert np.abs(shown[:8] - plain[:8]).mean() < 10  # the picture around it
        pictures[mark] = shown
    assert np.abs(pictures[2] - pictures[5]).max() > 100
    wrong = [clip for clip in caught.values() if clip.method.startswith("sound of")]
    assert len({clip.item for clip in wrong}) == 2
    for clip in wrong:
        other = clip.method.removeprefix("sound of ")
        assert other != clip.item
        assert loudest(here.clip(made.id, clip.file)) == pytest.approx(TONES[other], abs=20)
        assert clip.expected == {"sync": [1, 2]}


def test_a_comparison_set_becomes_a_study(here: Store, clips: Path) -> None:
    sets = Sets(here.folder)
    sets.create(
        "Faces", [Entry(item, path.stem, path) for item in TONES for path in (clips / item).iterdir()]
    )
    by_title = Spec.from_dict({"title": "t", "source": {"set": "Faces", "items": ["bert", "anna"]}})
    create(here, by_title)
    found = stimuli(here)
    assert {(clip.item, clip.method) for clip in found} == {
        (item, method) for item in ("anna", "bert") for method in ("ours", "theirs")
    }
    with_real = Spec.from_dict(
        {"title": "t", "mode": "pairwise", "source": {"set": "Faces"}, "reference": "reference"}
    )
    assert create(here, with_real).wanted == 3 * 3 * 24
    with pytest.raises(ConfigError, match="no comparison set"):
        create(here, Spec.from_dict({"title": "t", "source": {"set": "Fices"}}))


def test_what_cannot_be_made_leaves_nothing(here: Store, clips: Path, tmp_path: Path) -> None:
    lacking = tmp_path / "lacking"
    shutil.copytree(clips, lacking)
    (lacking / "bert" / "theirs.mp4").unlink()
    broken = tmp_path / "broken"
    shutil.copytree(clips, broken)
    (broken / "cleo" / "theirs.mp4").write_bytes(b"not a video")
    silent = tmp_path / "silent"
    (silent / "dora").mkdir(parents=True)
    with VideoWriter(silent / "dora" / "ours.mp4", 96, 96, 25) as writer:
        writer.write(astronaut(96, 96))
    (tmp_path / "empty").mkdir()
    one = {"folder": str(clips), "items": ["anna"]}
    for wrong, said in [
        (spec(lacking), "no video of 'theirs' for the item 'bert'"),
        (spec(broken), "not a video"),
        (spec(silent), "has no sound"),
        (spec(tmp_path / "none"), "no folder"),
        (spec(tmp_path / "empty"), "holds no video"),
        (spec(clips, reference="real"), "no method 'real'"),
        (spec(clips, source={"folder": str(clips), "items": ["dora"]}), "no item 'dora'"),
        (spec(clips, source={"folder": str(clips), "methods": ["mine"]}), "no method 'mine'"),
        (spec(clips, training=["anna/mine"]), "no training clip"),
        (spec(clips, training=["/etc/passwd"]), "no training clip"),
        (spec(clips, stimuli_per_rater=7), "there are 6"),
        (spec(clips, catch={"choose": [2, 2]}), "the same mark"),
        (spec(clips, source=one, catch={"desync": 1}), "needs 2 items"),
        (spec(clips, questions=["quality"], catch={"desync": 1}), "needs the question 'sync'"),
        (spec(clips, mode="pairwise", source=one | {"methods": ["ours"]}), "at least two methods"),
        (spec(clips, mode="pairwise", training=["anna/ours"]), "needs two clips"),
    ]:
        with pytest.raises(LipSyncError, match=said):
            create(here, wrong)
    assert here.studies() == []
    assert list(here.clips.iterdir()) == []

    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        create(here, spec(clips), report=stop)
    assert list(here.clips.iterdir()) == []


def test_deleting_a_study_deletes_its_clips(here: Store, clips: Path) -> None:
    kept, gone = create(here, spec(clips)), create(here, spec(clips))
    here.delete_study(gone.id)
    assert [study.id for study in here.studies()] == [kept.id]
    assert [folder.name for folder in here.clips.iterdir()] == [kept.id]
