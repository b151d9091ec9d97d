"""Montages and contact sheets show the right video at the right time, with legible names."""

import numpy as np
import pytest

from eval.compare.mouth_region import MouthTrack
from eval.compare.pictures.cells import cells_of, enlarged, fitted, letters
from eval.compare.pictures.contact_sheet import FrameStyle, contact_sheet, draw_frames
from eval.compare.pictures.lettering import FONT, plate
from eval.compare.pictures.montage import montage
from eval.compare.sets import Entry
from lipsync.errors import ConfigError
from lipsync.media import probe, read_audio, read_frames
from tests.media.clips import number_of, peak_time


@pytest.fixture(scope="module")
def item(video, tmp_path_factory):
    """One item with clips of different rates, sizes and lengths; the number on a frame says whose it is."""
    from eval.compare.sets import Sets

    sets = Sets(tmp_path_factory.mktemp("data"))
    id = sets.create("x", [
        Entry("one", "reference", video("r", 100, 25, 25, sound=True)),
        Entry("one", "half", video("h", 300, 12, 12.5, (160, 128))),
        Entry("one", "double", video("d", 500, 50, 50)),
        Entry("one", "short", video("s", 700, 10, 25)),
        Entry("one", "方法 五", video("f", 800, 25, 25)),
        Entry("two", "other", video("o", 900, 10, 25)),
    ])  # fmt: skip
    set_ = sets.open(id)
    return set_, set_.items[0]


def cell(page, number, columns, step, wide, tall, label):
    left, top = 4 + number % columns * (wide + 4), 4 + number // columns * step + label
    return page[top : top + tall, left : left + wide]


def test_every_cell_shows_its_video_at_the_time_of_the_montage(item, tmp_path):
    out = montage(*item, tmp_path / "m.mp4", labels=False)
    info = probe(out)
    assert info.fps == 50
    assert info.duration == pytest.approx(1.0, abs=0.02)
    assert (info.width, info.height) == (3 * 164 + 4, 2 * 132 + 4)
    for frame in read_frames(out):
        seen = [number_of(cell(frame.image, n, 3, 132, 160, 128, 0)) for n in range(5)]
        time = frame.index / 50
        expected = [100 + time * 25, 300 + min(time * 12.5, 11), 500 + frame.index, 700 + min(time * 25, 9),
                    800 + time * 25]  # fmt: skip
        assert seen[2] == expected[2]
        # A slower video changes at a tick of the montage at the latest.
        assert all(abs(number - want) <= 1 for number, want in zip(seen, expected, strict=True)), frame.index
        assert seen[0] == int(time * 25 + 0.01) + 100


def test_the_sound_is_that_of_the_chosen_video(item, tmp_path):
    out = montage(*item, tmp_path / "m.mp4", ["half", "reference"])
    assert peak_time(read_audio(out), 16000) == pytest.approx(0.2, abs=0.005)
    with pytest.raises(ConfigError, match="no sound of half for one"):
        montage(*item, tmp_path / "n.mp4", sound="half")
    silent = montage(*item, tmp_path / "silent.mp4", ["half", "short"])
    assert not probe(silent).has_audio


def test_names_stand_above_their_pictures_and_letters_hide_them(item, tmp_path):
    methods = ["half", "方法 五"]
    pages = {}
    for kind, names in (("names", None), ("letters", {"half": "A", "方法 五": "B"}), ("none", None)):
        out = montage(*item, tmp_path / f"{kind}.mp4", methods, names=names, labels=kind != "none")
        pages[kind] = next(iter(read_frames(out))).image
    label = pages["names"].shape[0] - pages["none"].shape[0]
    assert label == 16
    for kind, texts in (("names", methods), ("letters", ["A", "B"])):
        for number, text in enumerate(texts):
            shown = cell(pages[kind], number, 2, 0, 160, label, 0).astype(int)
            written = plate(text, 160, label, (255, 255, 255), (24, 24, 24)).astype(int)
            assert np.abs(shown - written).mean() < 6, text
            other = plate("方法 六" if number else "hall", 160, label, (255, 255, 255), (24, 24, 24))
            assert np.abs(shown - other).mean() > np.abs(shown - written).mean()


def test_zoom_is_under_each_picture_and_follows_the_track(item, tmp_path, monkeypatch):
    # The left half of a card is its first five bits.
    boxes = tuple((0.0, 0.0, 0.5, 1.0) if i < 10 else (0.5, 0.0, 1.0, 1.0) for i in range(25))
    monkeypatch.setattr("eval.compare.pictures.montage.mouth_track", lambda *_: MouthTrack(25, boxes))
    out = montage(*item, tmp_path / "m.mp4", ["reference"], labels=False, zoom=True)
    for frame in read_frames(out):
        number = 100 + frame.index
        mouth = frame.image[4 + 64 : 4 + 64 + 60, 4:84]
        row = mouth[30].mean(axis=1)
        bits = [row[16 * bit + 8] > 127 for bit in range(5)]
        part = number >> 5 if frame.index < 10 else number & 31
        assert bits == [bool(part >> (4 - bit) & 1) for bit in range(5)], frame.index


def test_mouths_alone_are_those_under_the_pictures(item, monkeypatch):
    track = MouthTrack(25, ((0.1, 0.2, 0.6, 0.7),))
    monkeypatch.setattr("eval.compare.pictures.contact_sheet.mouth_track", lambda *_, **__: track)
    cells = cells_of(*item, ["reference", "short"])
    styles = [FrameStyle(labels=False, picture=picture, mouth=True, widest=80) for picture in (True, False)]
    both, mouths = (draw_frames(*item, [1, 5, 8], cells, style) for style in styles)
    wide, tall, mouth = 80, 64, 60
    assert both.shape == (4 + 2 * (tall + mouth + 4), 4 + 3 * (wide + 4), 3)
    assert mouths.shape == (4 + 2 * (mouth + 4), 4 + 3 * (wide + 4), 3)
    for row in range(2):
        top = 4 + row * (tall + mouth + 4) + tall
        assert (mouths[4 + row * 64 :][:mouth] == both[top : top + mouth]).all()
    assert (mouths == 0).any()  # ink of the cards


@pytest.mark.parametrize(("methods", "generated"), [(["reference", "short"], True), (["reference"], False)])
def test_files_of_generated_videos_say_so_to_machines_and_name_no_method(item, tmp_path, methods, generated):
    import av
    from PIL import Image

    letters = dict.fromkeys(methods, "A")
    with av.open(str(montage(*item, tmp_path / "m.mp4", methods, names=letters))) as container:
        tags = dict(container.metadata)
    with Image.open(contact_sheet(*item, tmp_path / "s.png", [0], methods, names=letters)) as sheet:
        texts = dict(sheet.text)
    for said in (tags.get("comment", ""), texts.get("Comment", "")):
        assert said.startswith("AI-generated") == generated
        assert "short" not in said


def test_a_stopped_montage_leaves_nothing(item, tmp_path):
    def stop(done, total):
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        montage(*item, tmp_path / "m.mp4", report=stop)
    assert not list(tmp_path.iterdir())


def test_a_montage_reads_no_further_than_it_writes(item, tmp_path, monkeypatch):
    """Memory stays flat: no frame is read before the one in front of it is written."""
    read, written, most = [0], [0], [0]
    real = read_frames

    def counted(*args, **more):
        for frame in real(*args, **more):
            read[0] += 1
            most[0] = max(most[0], read[0] - 5 * written[0])
            yield frame

    monkeypatch.setattr("eval.compare.pictures.cells.read_frames", counted)
    montage(*item, tmp_path / "m.mp4", report=lambda done, _: written.__setitem__(0, done))
    assert most[0] <= 5


def test_a_sheet_shows_the_same_time_of_every_video(item, tmp_path):
    from PIL import Image

    out = contact_sheet(*item, tmp_path / "s.png", [0, 8, 20], labels=False)
    page = np.asarray(Image.open(out))
    for row, (first, fps, last) in enumerate(
        [(100, 25, 24), (300, 12.5, 11), (500, 50, 49), (700, 25, 9), (800, 25, 24)]
    ):
        for column, frame in enumerate([0, 8, 20]):
            top, left = 4 + row * 132, 4 + column * 164
            picture = page[top : top + 128, left : left + 160]
            if row == 3 and frame == 20:
                assert number_of(picture) in (0, 1023)  # grey: the video is over
                continue
            assert abs(number_of(picture) - first - min(last, frame / 25 * fps)) <= 0.5 * fps / 25 + 0.01


def test_frames_that_are_not_there_are_a_sentence(item, tmp_path):
    with pytest.raises(ConfigError, match="one has no frame 25; its frames are 0 to 24"):
        contact_sheet(*item, tmp_path / "s.png", [25])
    for frames in ([-1], [], list(range(60))):
        with pytest.raises(ConfigError):
            contact_sheet(*item, tmp_path / "s.png", frames)
    with pytest.raises(ConfigError, match=r"end in \.png"):
        contact_sheet(*item, tmp_path / "s.jpg", [1])
    with pytest.raises(ConfigError, match="no method 'none'"):
        contact_sheet(*item, tmp_path / "s.png", [1], ["none"])
    assert not list(tmp_path.iterdir())


def test_a_method_without_a_video_is_left_out_unless_it_is_named(item, tmp_path):
    without = contact_sheet(*item, tmp_path / "a.png", [1], labels=False)
    with_ = contact_sheet(*item, tmp_path / "b.png", [1], [*item[0].methods, "reference"], labels=False)
    from PIL import Image

    assert Image.open(with_).height - Image.open(without).height == 132


def test_letters_are_for_all_and_in_random_order():
    methods = [f"m{n}" for n in range(30)]
    found = letters(methods, seed=1)
    assert sorted(found) == sorted(methods)
    assert len(set(found.values())) == 30
    assert list(found) != methods
    assert list(found.values())[:2] == ["A", "B"]
    assert list(found.values())[26] == "AA"
    assert {tuple(letters(methods[:3], seed)) for seed in range(40)} > {tuple(methods[:3])}


def test_every_character_of_a_label_has_a_glyph():
    from fontTools.ttLib import TTFont

    known = TTFont(FONT).getBestCmap()
    text = "Wav2Lip (GAN) — 参考视频 說話人 方法，β=0.5 ×2 ½ é →"
    assert [character for character in text if ord(character) not in known and character != " "] == []
    assert not np.array_equal(
        plate("参", 40, 40, (255,) * 3, (0,) * 3), plate("考", 40, 40, (255,) * 3, (0,) * 3)
    )


def test_a_long_label_is_shortened_to_fit():
    picture = plate("a method with a very long name " * 5, 100, 20, (255,) * 3, (0,) * 3)
    assert picture.shape == (20, 100, 3)
    assert picture[:, :3].max() == 0
    assert picture.max() > 200


def test_fitting_keeps_the_shape_and_enlarging_takes_the_box():
    image = np.zeros((40, 80, 3), np.uint8)
    image[10:20, 20:40] = 200
    out = fitted(image, 100, 100, (9, 9, 9))
    assert (out[:25] == 9).all()
    assert (out[75:] == 9).all()
    assert abs(int(out[40, 30, 0]) - 200) < 20
    zoom = enlarged(image, (20 / 80, 10 / 40, 40 / 80, 20 / 40), 60, 30)
    assert (zoom[3:-3, 3:-3] > 190).all()
