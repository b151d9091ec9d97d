"""Learning one person: what is refused, never worse than it began, and nothing half-written."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from filelock import FileLock
from safetensors import SafetensorError

from lipsync.__main__ import main
from lipsync.adapt import AdaptRequest, adapt
from lipsync.assets import asset
from lipsync.audio.features import AudioFeatures
from lipsync.data.preparation.person import PersonClips, check_speech, prepare_person, speech_seconds
from lipsync.errors import Cancelled, ConfigError, FaceError, LipSyncError, MediaError
from lipsync.generate import Progress, Request, generate
from lipsync.media import VideoWriter, read_audio, read_frames
from lipsync.methods import METHODS, cards, load_method
from lipsync.methods.adapted import adapted_folder, adapted_names, delete_adapted, secret_name
from lipsync.methods.wav2lip.config import Wav2LipConfig
from lipsync.methods.wav2lip.model import Generator
from lipsync.methods.wav2lip.train import GeneratorConfig, GeneratorStage
from lipsync.weights import hub
from lipsync.weights.push import push

EXAMPLES = asset("examples")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
RATE = 16_000


def write(path: Path, images: list[np.ndarray], sound: np.ndarray | None) -> Path:
    wav = path.with_suffix(".wav")
    if sound is not None:
        soundfile.write(wav, sound, RATE)
    height, width = images[0].shape[:2]
    with VideoWriter(path, width, height, 25, audio=wav if sound is not None else None) as writer:
        for image in images:
            writer.write(image)
    return path


@pytest.fixture(scope="module")
def landmarker() -> Path:
    found = hub.locate("face_landmarker")
    if found is None:
        pytest.skip("needs the face_landmarker artefact (make weights)")
    return found


@pytest.fixture(scope="module")
def face() -> list[np.ndarray]:
    """4.4 s of the bundled example face, whose lips move."""
    return [frame.image for frame in read_frames(EXAMPLES / "portrait.mp4", fps=25, max_frames=110)]


@pytest.fixture(scope="module")
def voice() -> np.ndarray:
    return read_audio(EXAMPLES / "english.wav")[: 110 * 640]


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory, face: list[np.ndarray], voice: np.ndarray) -> Path:
    return write(tmp_path_factory.mktemp("video") / "ada.mp4", face, voice)


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory, video: Path, landmarker: Path) -> PersonClips:
    with pytest.MonkeyPatch.context() as patch:  # the bundled face smiles and moves its lips but little
        patch.setattr("lipsync.data.preparation.person.LEAST_MOVEMENT", 0.0)
        return prepare_person(video, tmp_path_factory.mktemp("clips"), landmarker)


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A core that draws noise: there is much to learn."""
    folder = tmp_path_factory.mktemp("core")
    torch.manual_seed(0)
    audio = AudioFeatures(start=-4)
    config = Wav2LipConfig(audio=audio, channel_attention=True, spatial_attention=True, width=0.03)
    Generator(config).save_pretrained(folder)
    return folder


@pytest.fixture
def asked(
    tmp_path: Path, video: Path, core: Path, person: PersonClips, monkeypatch: pytest.MonkeyPatch
) -> AdaptRequest:
    """A short run; the video was cut before, for all tests once."""
    monkeypatch.setattr("lipsync.data.preparation.person.prepare_person", lambda *args: person)
    return AdaptRequest(video, tmp_path / "cores" / "ada", "mcsawav2lip-embedded", core, minutes=60, steps=8)


def left(asked: AdaptRequest) -> list[str]:
    """What lies in the folder of the core, hidden files too."""
    return sorted(path.name for path in asked.out.parent.iterdir())


def silence_after(voice: np.ndarray, seconds: float) -> np.ndarray:
    quiet = voice.copy()
    quiet[round(seconds * RATE) :] = 0
    return quiet


def test_the_last_fifth_of_the_video_is_held_out(person: PersonClips, face: list[np.ndarray]) -> None:
    assert [len(clip) for clip in (*person.train, *person.held)] == [88, 22]
    assert person.held[0].faces.shape[0] == 22
    tail = read_audio(person.held[0].folder / f"{person.held[0].name}.mp4")
    assert len(tail) == pytest.approx(22 * 640, abs=1600)
    # In the order of the video: the head held out is where it is at the end.
    first, last = person.train[0].landmarks[0], person.held[0].landmarks[-1]
    assert np.abs(first - last).max() > 0.5


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("photo", MediaError, "is a photo"),
        ("recording", MediaError, "no picture"),
        ("mute", MediaError, "has no sound"),
        ("short", MediaError, "lasts 3.0 s"),
        ("silent", MediaError, "is silent or holds no speech"),
        ("tone", MediaError, "is silent or holds no speech"),
        ("a word", MediaError, "for 0.. s only"),
        ("nobody", FaceError, "shows no face"),
        ("two people", FaceError, "shows several people"),
        ("still lips", FaceError, "hardly move"),
        ("notes", LipSyncError, "is not a video"),
    ],
)
def test_what_is_no_video_of_one_person_who_speaks_is_refused(
    tmp_path: Path, face, voice, landmarker, name: str, error: type, said: str
) -> None:  # type: ignore[no-untyped-def]
    tone = 0.2 * np.sin(np.arange(len(voice)) * 0.2).astype(np.float32)
    path = tmp_path / "x.mp4"
    if name in ("photo", "recording", "mute"):
        path = EXAMPLES / {"photo": "portrait.jpg", "recording": "english.wav", "mute": "portrait.mp4"}[name]
    elif name == "notes":
        path.write_text("not a video")
    else:
        small = [image[::2, ::2] for image in face]
        images = {
            "short": small[:75],
            "nobody": [np.full((96, 96, 3), 120, np.uint8)] * len(face),
            "two people": [np.concatenate([image, image[:, ::-1]], 1) for image in small],
            "still lips": [face[0]] * len(face),
        }.get(name, small)
        sounds = {"silent": 0 * voice, "tone": tone, "a word": silence_after(voice, 0.9)}
        write(path, images, sounds.get(name, voice)[: len(images) * 640])
    out = tmp_path / "cores" / "ada"
    with pytest.raises(error, match=said) as caught:
        adapt(AdaptRequest(path, out, "mcsawav2lip-embedded"))
    assert CHINESE.search(caught.value.message.text("zh"))
    assert path.name in caught.value.message.text("zh")
    assert list(out.parent.iterdir()) == []


def test_speech_is_what_is_louder_than_the_room(voice: np.ndarray) -> None:
    room = np.random.default_rng(0).normal(0, 0.003, len(voice)).astype(np.float32)  # -50 dB
    said = speech_seconds(voice)
    assert 2.0 < said < len(voice) / RATE
    assert speech_seconds(voice + room) == pytest.approx(said, abs=0.5)
    with pytest.raises(MediaError, match="no speech"):
        check_speech(Path("noise.mp4"), room * 10)
    assert speech_seconds(0 * voice) == 0


def test_a_core_is_tuned_named_used_pushed_and_deleted(
    asked: AdaptRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIPSYNC_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(  # noise becomes a face in a few steps
        "lipsync.methods.wav2lip.tune.GeneratorConfig",
        lambda **given: GeneratorConfig(**{**given, "learning_rate": 0.01, "anchor_weight": 0.0}),
    )
    asked = replace(asked, out=adapted_folder("ada"), steps=16)
    steps: list[Progress] = []
    made = adapt(asked, steps.append)
    assert left(asked) == ["ada"]
    assert not made.facts.kept_original
    assert made.facts.after["score"] < made.facts.before["score"]
    assert "went from" in made.summary
    assert CHINESE.search(made.summary.text("zh"))
    assert steps[0].stage == "weights"
    learning = [step for step in steps if step.stage == "learn"]
    assert len(learning) == 17
    assert learning[-1].total == 3600
    told = json.loads((made.path / "adapt.json").read_text())
    assert (told["name"], told["method"], told["steps"]) == ("ada", "mcsawav2lip-embedded", 16)

    files = [name for name, _ in push(made.path, "someone/ada", dry_run=True).files]
    assert {"config.json", "model.safetensors", "README.md", "adapt.json"} <= set(files)
    assert adapted_names() == ["ada"]
    for method in (load_method("adapted:ada"), load_method("multi-reference", made.path)):
        assert (method.card.name, method.card.title) == ("adapted:ada", "ada")
        assert method.weights_sha256 == hub.checksum(made.path / "model.safetensors")
    result = generate(Request(asked.face, None, tmp_path / "out.mp4", method="adapted:ada"))
    assert result.method == "adapted:ada"

    assert main(["adapt", "--delete", "ada"]) == 0
    assert not made.path.exists()
    with pytest.raises(ConfigError, match="no adapted model 'ada'"):
        METHODS.get("adapted:ada")
    assert main(["adapt", "--delete", "ada"]) == 2


@pytest.mark.parametrize("method", ["visual-dubbing", "multi-reference", "mcsawav2lip-embedded"])
def test_a_model_that_ships_can_learn(asked: AdaptRequest, method: str) -> None:
    """On its own 3D face model, where it has one."""
    made = adapt(replace(asked, method=method, checkpoint=None, steps=1))
    assert made.facts.steps == 1
    assert {"config.json", "model.safetensors"} <= {path.name for path in made.path.iterdir()}


def test_never_worse_than_it_began(asked: AdaptRequest, core: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learn = GeneratorStage.step

    def spoil(self, batch, update, progress):  # type: ignore[no-untyped-def]
        values = learn(self, batch, update, progress)
        with torch.no_grad():  # a run that goes wrong
            for net in (self.net, self.best):
                net.output_block[1].bias.add_(torch.tensor([2.0, -2.0, 2.0]))
        return values

    monkeypatch.setattr(GeneratorStage, "step", spoil)
    made = adapt(replace(asked, steps=4))
    assert made.facts.kept_original
    assert made.facts.best_step == 0
    assert made.facts.after == made.facts.before
    for name in ("config.json", "model.safetensors"):
        assert (made.path / name).read_bytes() == (core / name).read_bytes()
    assert "untouched original" in made.summary
    assert CHINESE.search(made.summary.text("zh"))
    assert "Nothing was gained" in (made.path / "README.md").read_text()


def test_what_stops_it_leaves_nothing(asked: AdaptRequest) -> None:
    cancel = threading.Event()

    def stop(step: Progress) -> None:
        if step.stage == "learn":
            cancel.set()

    with pytest.raises(Cancelled):
        adapt(asked, stop, cancel)
    assert left(asked) == []

    def interrupt(step: Progress) -> None:
        if step.stage == "learn":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        adapt(asked, interrupt)
    assert left(asked) == []


@pytest.mark.parametrize(
    "problem",
    [
        OSError(28, "No space left on device"),
        SafetensorError("Error while serializing: No space left on device"),
    ],
)
def test_a_full_disk_is_said_and_leaves_nothing(
    asked: AdaptRequest, problem: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **options: object) -> None:
        Path(str(args[1])).write_bytes(b"half")
        raise problem

    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(ConfigError, match=r"No space left on device.*Make room") as caught:
        adapt(asked)
    assert CHINESE.search(caught.value.message.text("zh"))
    assert left(asked) == []


def test_one_run_at_a_time_and_none_over_a_core_that_is_there(asked: AdaptRequest) -> None:
    asked.out.parent.mkdir(parents=True)
    with (
        FileLock(asked.out.parent / ".ada.lock"),
        pytest.raises(ConfigError, match="Another run") as caught,
    ):
        adapt(asked)
    assert CHINESE.search(caught.value.message.text("zh"))
    asked.out.mkdir()
    (asked.out / "mine").write_text("kept")
    with pytest.raises(ConfigError, match="exists already"):
        adapt(asked)
    assert (asked.out / "mine").read_text() == "kept"


def test_what_a_killed_run_left_is_no_core_and_is_removed_by_the_next(
    asked: AdaptRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIPSYNC_DATA", str(tmp_path / "data"))
    asked = replace(asked, out=adapted_folder("ada"), steps=1)
    stale = asked.out.with_name(".ada.partial")
    stale.mkdir(parents=True)
    (stale / "adapt.json").write_text("{}")
    (stale / "huge").write_text("x")
    assert adapted_names(secret=True) == []
    adapt(asked)
    assert left(asked) == ["ada"]
    assert not (asked.out / "huge").exists()


def test_names_that_a_page_gave_are_listed_to_nobody(
    asked: AdaptRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIPSYNC_DATA", str(tmp_path / "data"))
    names = [secret_name(Path("Ada B. 李.mp4")) for _ in range(2)]
    assert len(set(names)) == 2
    made = adapt(replace(asked, out=adapted_folder(names[0]), steps=1))
    assert made.facts.label == "Ada-B-李"
    assert adapted_names() == []
    assert adapted_names(secret=True) == [names[0]]
    assert [card.name for card in cards() if card.name.startswith("adapted:")] == []
    card = METHODS.get(f"adapted:{names[0]}").card  # what results and files say
    assert (card.name, card.title) == ("adapted:Ada-B-李", "Ada-B-李")
    delete_adapted(f"adapted:{names[0]}")
    assert adapted_names(secret=True) == []


@pytest.mark.parametrize("name", ["../../etc", "a/b", ".hidden", "", "a" * 200, "~x"])
def test_no_name_leads_out_of_the_folder(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be the name") as caught:
        delete_adapted(name)
    assert CHINESE.search(caught.value.message.text("zh"))


def test_a_method_that_cannot_learn_says_so(asked: AdaptRequest, tmp_path: Path) -> None:
    from lipsync.methods.lstm_cbam.config import LstmCbamConfig
    from lipsync.methods.lstm_cbam.model import LipGANGenerator

    LipGANGenerator(LstmCbamConfig(width=0.03)).save_pretrained(tmp_path / "lstm")
    with pytest.raises(ConfigError, match="LSTM-CBAM cannot learn a face") as caught:
        adapt(replace(asked, method="lstm-cbam", checkpoint=tmp_path / "lstm"))
    assert CHINESE.search(caught.value.message.text("zh"))
    with pytest.raises(ConfigError, match="minutes"):
        adapt(replace(asked, minutes=0))


def test_the_command_line_says_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["adapt"]) == 2
    assert "--face VIDEO and --out CORE" in capsys.readouterr().err
