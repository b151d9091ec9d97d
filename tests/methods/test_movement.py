"""Movements that a speech encoder predicts, embeddings corrected to them, and the stages that use both."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from lipsync.data.movement import closed_movement, corrected, load_movement_head, movement
from lipsync.data.windows import WindowOptions, draw_windows
from lipsync.errors import ConfigError
from lipsync.experts.sync_expert import SyncExpert
from lipsync.methods.lstm_cbam.config import LstmCbamConfig, discriminator_config
from lipsync.methods.lstm_cbam.train import JointConfig, JointStage
from lipsync.methods.wav2lip.config import Wav2LipConfig
from lipsync.methods.wav2lip.model import Generator
from lipsync.methods.wav2lip.train import GeneratorConfig, GeneratorStage
from lipsync.methods.wav2lip.train_speech import SpeechConfig, SpeechStage
from lipsync.training.loop import RunConfig, Update
from lipsync.training.schedules import LearningRates
from tests.training.toy import toy_clip

MODEL = Wav2LipConfig(channel_attention=True, spatial_attention=True, width=0.03)
SPEECH = SpeechConfig(model=MODEL, stretches=3, frames=20, dropout=0.0)
AIDS = {
    "movement": True,
    "wide_mouth_fraction": 0.5,
    "silent_fraction": 0.25,
    "mouth_weight": 2.0,
    "ema": 0.5,
}


@pytest.fixture(scope="module")
def clips():
    return [toy_clip(f"c{i}", seed=i, frames=60) for i in range(3)]


@pytest.fixture(scope="module")
def speech(clips, tmp_path_factory) -> str:
    """A speech encoder with a head, as ``train speech`` leaves it."""
    folder = tmp_path_factory.mktemp("speech")
    torch.manual_seed(5)
    SpeechStage(SPEECH, clips, []).export(folder)
    return str(folder / "speech.safetensors")


def update() -> Update:
    return Update(RunConfig(device="cpu"), torch.device("cpu"))


def weights(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {key: value.clone() for key, value in module.state_dict().items()}


@pytest.mark.parametrize(("kind", "apart"), [(torch.float32, 1e-5), (torch.bfloat16, 0.05)])
def test_a_corrected_embedding_reads_as_asked_and_is_the_nearest_that_does(kind, apart):
    torch.manual_seed(0)
    head, embedding, asked = torch.nn.Linear(16, 4), torch.randn(6, 16, 1, 1).to(kind), torch.randn(6, 4)
    found = corrected(embedding, asked, head.requires_grad_(False))
    assert (found.shape, found.dtype) == (embedding.shape, kind)
    own, now = (x.flatten(1).double().numpy() for x in (embedding, found))
    weight, bias = (x.double().numpy() for x in (head.weight, head.bias))
    assert np.abs(now @ weight.T + bias - asked.numpy()).max() < apart
    # Of all changes that the head reads as the difference, lstsq gives the shortest.
    change = np.linalg.lstsq(weight, (asked.numpy() - own @ weight.T - bias).T, rcond=None)[0].T  # (6, 16)
    assert np.abs(now - own - change).max() < apart
    again = corrected(found, asked, head)
    assert (again.float() - found.float()).abs().max() < apart


def test_the_movement_at_rest_is_the_median_over_people_of_closed_mouths(clips):
    rests = []
    for clip in clips:
        moved = clip.shape - np.append(0, clip.shape.mean(0)[1:])
        assert np.allclose(movement(clip.shape), moved, atol=1e-6)
        shut = np.argsort(clip.shape[:, 0])[: len(clip) // 4]
        rests.append(moved[shut].mean(0))
    assert np.allclose(closed_movement(clips).numpy(), np.median(rests, axis=0), atol=1e-3)


def test_a_head_is_asked_for_by_name(speech, tmp_path):
    headless = {key: value for key, value in load_file(speech).items() if not key.startswith("head")}
    save_file(headless, tmp_path / "speech.safetensors")
    for path in ("", str(tmp_path / "nowhere.safetensors"), str(tmp_path / "speech.safetensors")):
        with pytest.raises(ConfigError, match="train speech"):
            load_movement_head(path)


# --- the speech encoder


def test_speech_learns_how_far_mouths_move_and_to_close_them(clips):
    torch.manual_seed(2)
    config = replace(
        SPEECH, size_weight=4.0, silent_stretches=3, weights=(1.0, 0.0, 0.0, 0.0), learning_rate=3e-3
    )
    # Only the first of the weights counts for the course: the loss is then made of what is returned.
    stage = SpeechStage(config, clips, [])
    batch = stage.batch(np.random.default_rng(0))
    assert batch["speech"].shape[0] == 6 * 20
    assert batch["quiet"].shape == (3, 20)
    first = stage.step(batch, update(), 0.3)
    expected = 1 - first["r_gap"] + 4 * first["size"] + 10 * first["silent"]
    assert first["loss"] == pytest.approx(expected, rel=1e-4)
    for _ in range(25):
        last = stage.step(batch, update(), 0.3)
    assert last["size"] < 0.5 * first["size"]
    assert last["silent"] < 0.5 * first["silent"]


def test_sound_without_speech_is_quiet_all_along_or_up_to_where_speech_begins(clips):
    stage = SpeechStage(replace(SPEECH, silent_stretches=1), clips, [])
    found = [stage._silent(np.random.default_rng(seed)) for seed in range(24)]
    assert {windows.shape for windows, _ in found} == {found[0][0].shape}
    changes = [np.abs(np.diff(quiet)).sum() for _, quiet in found]
    assert max(changes) == 1  # once at most
    assert 4 < sum(change > 0 for change in changes) < 20
    # Lips may be on their way for some frames: of the frames around a turn none is held to be closed.
    assert sum(quiet.all() for _, quiet in found) >= 4


def test_speech_starts_from_an_encoder_and_its_head(clips, speech, tmp_path):
    torch.manual_seed(6)
    stage = SpeechStage(replace(SPEECH, start=speech), clips, [])
    stage.export(tmp_path)
    given, taken = load_file(speech), load_file(tmp_path / "speech.safetensors")
    assert given.keys() == taken.keys()
    assert {"head.weight", "head.bias"} < given.keys()
    assert all(torch.equal(given[key], taken[key]) for key in given)
    before = weights(stage.net)
    stage.step(stage.batch(np.random.default_rng(0)), update(), 0.3)
    assert not torch.equal(before["head.2.weight"], stage.net.head[2].weight)


# --- windows


def test_wide_mouths_are_drawn_as_often_as_closed_ones():
    clip = toy_clip("rare", frames=60)
    clip.shape[:, 0] = 0.0
    clip.shape[40, 0] = 1.0  # one frame in 60 is open
    alone = clip.pictures(np.array([40]))

    def share(wide: float) -> float:
        rng = np.random.default_rng(0)
        drawn = draw_windows(
            [clip] * 60, WindowOptions(1, 160, MODEL.audio, wide_mouth_fraction=wide, movements=True), rng
        )
        return float((drawn["movement"][:, 0, 0] == 1).float().mean())

    assert len(alone) == 1
    assert share(0.0) < 0.1
    assert 0.35 < share(1.0) < 0.65


def test_silent_windows_are_the_last_begin_at_closed_mouths_and_hear_no_speech(clips):
    rng = np.random.default_rng(0)
    drawn = draw_windows(clips * 4, WindowOptions(1, 96, MODEL.audio, silent=8, movements=True), rng)
    spoken = {clip.speech(np.array([frame]), MODEL.audio).tobytes() for clip in clips for frame in range(60)}
    heard = [windows.numpy().tobytes() in spoken for windows in drawn["speech"]]
    assert heard == [True] * 4 + [False] * 8
    for clip, gap in zip((clips * 4)[4:], drawn["movement"][4:, 0, 0], strict=True):
        assert gap <= np.quantile(clip.shape[:, 0], 0.3)
    assert torch.isfinite(drawn["speech"]).all()


# --- the generator and LSTM-CBAM's joint stage


@pytest.fixture(scope="module")
def discriminator(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("disc")
    torch.manual_seed(0)
    SyncExpert(discriminator_config("lstm-cbam", 0.03)).save_pretrained(folder)
    return str(folder)


def generator(clips, discriminator, **changes) -> GeneratorStage:
    torch.manual_seed(1)
    config = GeneratorConfig(MODEL, windows=4, frames=1, sync_weight=0.0, gan_weight=0.0, freeze_speech=True)
    return GeneratorStage(replace(config, **changes), clips, clips[:1])


def joint(clips, discriminator, **changes) -> JointStage:
    torch.manual_seed(1)
    model = LstmCbamConfig(width=0.03, audio=MODEL.audio)
    config = JointConfig(model=model, discriminator=discriminator, windows=4)
    return JointStage(replace(config, **changes), clips, clips[:1])


@pytest.mark.parametrize("make", [generator, joint])
def test_pictures_follow_the_real_movement_and_the_encoder_stays(make, clips, discriminator, tmp_path):
    path = speech_for(make, clips, discriminator, tmp_path)
    stage = make(clips, discriminator, speech=path, **AIDS)
    assert stage.frozen["head"] is stage.head
    given, before, seen = load_file(path), weights(stage.net), []
    draw = stage.net.draw
    stage.net.draw = lambda embedding, faces: seen.append(embedding.detach()) or draw(embedding, faces)
    batch = stage.batch(np.random.default_rng(3))
    values = stage.step(batch, update(), 0.0)
    assert all(np.isfinite(value) for value in values.values())
    read = load_movement_head(path)(seen[0].flatten(1))
    assert torch.allclose(read, batch["movement"].flatten(0, 1), atol=1e-3)
    after = weights(stage.net)
    assert all(torch.equal(value, after[key]) for key, value in given.items() if not key.startswith("head"))
    moved = {key.split(".")[0] for key in after if not torch.equal(after[key], before[key])}
    assert {"face_encoder_blocks", "face_decoder_blocks"} & moved or len(moved) > 1
    assert not any(key.startswith("audio") for key in moved)
    assert any(not torch.equal(value, before[key]) for key, value in weights(stage.best).items())


def speech_for(make, clips, discriminator, folder) -> str:
    """An encoder of the network's own shape with a random head, as ``train speech`` would name them."""
    net = make(clips, discriminator).net.eval()
    kept = {k: v.contiguous().clone() for k, v in net.state_dict().items() if k.startswith("audio_")}
    size = net.encode_audio(torch.zeros(1, 1, MODEL.audio.rows, MODEL.audio.window)).shape[1]
    head = torch.nn.Linear(size, 4)
    kept |= {f"head.{k}": v.detach().clone() for k, v in head.state_dict().items()}
    save_file(kept, folder / "speech.safetensors")
    return str(folder / "speech.safetensors")


@pytest.mark.parametrize("make", [generator, joint])
def test_without_a_head_there_is_no_movement_to_follow(make, clips, discriminator):
    with pytest.raises(ConfigError, match=r"head in stage\.speech"):
        make(clips, discriminator, movement=True)


def test_a_joint_run_starts_from_a_generator(clips, discriminator, tmp_path):
    given = joint(clips, discriminator)
    with torch.no_grad():
        for p in given.net.parameters():
            p.add_(0.01)
    given.net.save_pretrained(tmp_path)
    taken = joint(clips, discriminator, start=str(tmp_path))
    assert all(torch.equal(v, taken.net.state_dict()[k]) for k, v in given.net.state_dict().items())
    for progress, factor in ((0.0, 1.0), (0.75, 0.5)):
        stage = joint(clips, discriminator, decay_from=0.5)
        LearningRates(stage).set(progress)
        stage.step(stage.batch(np.random.default_rng(0)), update(), progress)
        rates = [group["lr"] for o in stage.optimizers.values() for group in o.param_groups]
        assert rates == pytest.approx([factor * stage.config.learning_rate] * 2)


def test_a_translated_decoder_takes_the_new_embedding_for_the_old_one(clips, discriminator, tmp_path):
    """Against ridge regression as scikit-learn has it, and in what the decoder's first layer gives."""
    torch.manual_seed(8)
    old = Generator(MODEL)
    old.save_pretrained(tmp_path / "old")
    path = speech_for(generator, clips, discriminator, tmp_path)
    before = generator(clips, discriminator, start=str(tmp_path / "old"), speech=path).net.eval()
    stage = generator(clips, discriminator, start=str(tmp_path / "old"), speech=path, translate=True)
    assert all(module.training for module in (stage.net, stage.disc))  # the first steps train, norms and all
    net = stage.net.eval()
    windows = torch.from_numpy(clips[1].speech(np.arange(3, 60, 8), MODEL.audio))
    with torch.no_grad():
        asked, plain, made = (
            n.face_decoder_blocks[0][0].conv_block[0](n.encode_audio(windows)).flatten(1)
            for n in (old.eval(), before, net)
        )
    assert (made - asked).square().mean() < 0.5 * (plain - asked).square().mean()
    # The rest of the network is the old one's.
    changed = {k for k, v in net.state_dict().items() if not torch.equal(v, before.state_dict()[k])}
    assert changed == {f"face_decoder_blocks.0.0.conv_block.0.{name}" for name in ("weight", "bias")}
