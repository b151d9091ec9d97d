"""The loop: a resumed run equals an uninterrupted one, logs stay whole, what is frozen stays frozen."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from lipsync.audio.features import AudioFeatures
from lipsync.errors import ConfigError
from lipsync.experts.sync_expert import SyncExpert, SyncExpertConfig
from lipsync.experts.training.mouth_stage import MouthConfig, MouthStage
from lipsync.experts.training.sync_stage import SyncConfig, SyncStage
from lipsync.methods.lstm_cbam.config import LstmCbamConfig, discriminator_config
from lipsync.methods.lstm_cbam.train import JointConfig, JointStage
from lipsync.methods.wav2lip.config import Wav2LipConfig
from lipsync.methods.wav2lip.model import Generator
from lipsync.methods.wav2lip.train import GeneratorConfig, GeneratorStage
from lipsync.methods.wav2lip.train_speech import SpeechConfig, SpeechStage
from lipsync.training.loop import RunConfig, Stage, fit
from tests.training.toy import STORED, toy_clip

MODEL = Wav2LipConfig(
    audio=AudioFeatures(start=-4), channel_attention=True, spatial_attention=True, width=0.03
)
EXPERT = SyncExpertConfig(width=0.03, deep=1)
RUN = RunConfig(steps=4, device="cpu", threads=1, log_every=1, save_every=2, check_every=0)


@pytest.fixture(scope="module")
def clips():
    return [toy_clip(f"c{i}", seed=i, frames=60) for i in range(3)]


@pytest.fixture(scope="module")
def aids(tmp_path_factory, clips):
    """Folder with a speech encoder, a mouth expert and a sync expert of one training step each."""
    folder = tmp_path_factory.mktemp("aids")
    run = replace(RUN, steps=1)
    torch.manual_seed(0)
    fit(SpeechStage(SpeechConfig(model=MODEL, stretches=2, frames=30), clips, []), run, folder, quiet=True)
    fit(MouthStage(MouthConfig(clips=2, frames=2), clips, []), run, folder / "m", quiet=True)
    fit(SyncStage(SyncConfig(model=EXPERT, clips=2), clips, []), run, folder / "s", quiet=True)
    disc = SyncConfig(model=discriminator_config("lstm-cbam", 0.03), clips=2)
    fit(SyncStage(disc, clips, []), run, folder / "d", quiet=True)
    return folder


def sync_stage(clips, aids):
    torch.manual_seed(1)
    speech = str(aids / "speech.safetensors")
    return SyncStage(SyncConfig(model=EXPERT, clips=2, speech=speech, shape_weight=0.5), clips, clips[:1])


def speech_stage(clips, aids):
    torch.manual_seed(1)  # this stage has dropout, whose draws must come back too
    return SpeechStage(SpeechConfig(model=MODEL, stretches=2, frames=30), clips, clips[:1])


def generator_stage(clips, aids, **changes):
    torch.manual_seed(1)
    config = GeneratorConfig(
        model=MODEL,
        windows=2,
        sync_expert=str(aids / "s" / "sync-expert"),
        sync_from=0.5,
        gan_from=0.25,
        speech=str(aids / "speech.safetensors"),
        freeze_speech=True,
        mouth_expert=str(aids / "m" / "mouth.safetensors"),
        shape_weight=0.3,
        mouth_weight=2.0,
        ema=0.9,
        decay_from=0.5,
    )
    return GeneratorStage(replace(config, **changes), clips, clips[:1])


def joint_stage(clips, aids):
    torch.manual_seed(1)
    model, disc = LstmCbamConfig(width=0.03), aids / "d" / "sync-expert"
    return JointStage(JointConfig(model=model, discriminator=str(disc), windows=2), clips, clips[:1])


def state_of(stage) -> dict[str, torch.Tensor]:
    return {
        f"{name}.{key}": value.clone()
        for name, module in stage.modules.items()
        for key, value in module.state_dict().items()
    }


class Stopped(Exception):
    pass


def interrupted(stage, after: int):
    """The stage, made to break in its step number ``after`` (from 0), at the last of the step's batches."""
    step = stage.step

    def breaking(batch, update, progress):
        if progress >= after / RUN.steps and update.steps:
            raise Stopped
        return step(batch, update, progress)

    stage.step = breaking
    return stage


@pytest.mark.parametrize(
    ("make", "run"),
    [
        (sync_stage, RUN),
        (speech_stage, RUN),
        pytest.param(generator_stage, RUN, marks=pytest.mark.minutes),
        pytest.param(joint_stage, RUN, marks=pytest.mark.minutes),
        (joint_stage, replace(RUN, accumulate=2, workers=1, deterministic=True)),
    ],
    ids=["sync", "speech", "generator", "joint", "joint accumulated"],
)
def test_resumed_run_equals_an_uninterrupted_one(tmp_path, clips, aids, make, run):
    """Bit by bit, in fp32 on a CPU: weights, averages, statistics and logs."""
    straight = make(clips, aids)
    start = state_of(straight)
    fit(straight, run, tmp_path / "straight", quiet=True)
    with pytest.raises(Stopped):
        fit(interrupted(make(clips, aids), after=3), run, tmp_path / "broken", quiet=True)
    again = make(clips, aids)
    fit(again, run, tmp_path / "broken", resume=True, quiet=True)
    wanted, found = state_of(straight), state_of(again)
    assert all(torch.equal(wanted[key], found[key]) for key in wanted)
    moved = sum(not torch.equal(start[key], wanted[key]) for key in wanted)
    assert moved > len(wanted) / 2
    logs = [(tmp_path / name / "log.csv").read_text().splitlines() for name in ("straight", "broken")]
    assert [row.split(",")[0] for row in logs[1]] == ["step", "1", "2", "3", "4"]
    drop = [logs[0][0].split(",").index(name) for name in ("steps_per_second", "waiting")]
    rows = [[[v for i, v in enumerate(r.split(",")) if i not in drop] for r in log] for log in logs]
    assert rows[0] == rows[1]


def test_losses_that_join_late_get_their_own_columns(tmp_path, clips, aids):
    fit(generator_stage(clips, aids), RUN, tmp_path, quiet=True)
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [bool(row["gan"]) for row in rows] == [False, True, True, True]
    assert [bool(row["sync"]) for row in rows] == [False, False, True, True]
    assert all(float(row["l1"]) > 0 and float(row["steps_per_second"]) > 0 for row in rows)


def test_what_is_frozen_stays_and_the_modes_come_back_after_a_check(tmp_path, clips, aids):
    stage = generator_stage(clips, aids, sync_from=0.0, gan_from=0.0)
    stage.dev = [toy_clip("dev", seed=9)]
    frozen = {k: v.clone() for k, v in stage.net.audio_encoder.state_dict().items()}
    judges = [{k: v.clone() for k, v in net.state_dict().items()} for net in stage.frozen.values()]
    fit(stage, replace(RUN, check_every=2), tmp_path, quiet=True)
    assert all(torch.equal(v, frozen[k]) for k, v in stage.net.audio_encoder.state_dict().items())
    for net, before in zip(stage.frozen.values(), judges, strict=True):
        assert not net.training
        assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
    assert stage.net.face_decoder_blocks.training
    assert stage.disc.training
    assert (tmp_path / "sheet-000004.png").stat().st_size > 1000
    with (tmp_path / "checks.csv").open() as file:
        checks = list(csv.DictReader(file))
    assert [row["step"] for row in checks] == ["2", "4"]
    assert 0 < float(checks[-1]["lower_half_l1"]) < 1


@pytest.mark.parametrize("accumulate", [1, 2])
def test_average_starts_as_a_plain_mean_of_the_weights(tmp_path, clips, aids, accumulate):
    stage = generator_stage(clips, aids, ema=0.999)
    seen, average = [], stage.average.update_parameters

    def noting(net):
        seen.append(net.output_block[1].weight.detach().clone())
        average(net)

    stage.average.update_parameters = noting
    fit(stage, replace(RUN, accumulate=accumulate), tmp_path, quiet=True)
    assert len(seen) == RUN.steps  # not once per batch
    assert torch.allclose(stage.best.output_block[1].weight, torch.stack(seen).mean(0), atol=1e-6)
    exported = Generator.from_pretrained(str(tmp_path / "generator"))
    assert exported.config == MODEL
    assert torch.equal(exported.output_block[1].weight, stage.best.output_block[1].weight)


def test_exports_load_again(aids):
    assert SyncExpert.from_pretrained(str(aids / "s" / "sync-expert")).config == EXPERT
    keys = load_file(aids / "speech.safetensors")
    assert {key.split(".")[0] for key in keys} == {"audio_encoder", "audio_attention", "head"}


def test_generator_takes_the_speech_weights_it_was_given(clips, aids):
    stage = generator_stage(clips, aids)
    state = load_file(aids / "speech.safetensors")
    for key in (key for key in state if not key.startswith("head.")):
        value = state[key]
        assert torch.equal(stage.net.state_dict()[key], value)
        assert torch.equal(stage.best.state_dict()[key], value)


def test_weights_of_other_shape_are_refused_in_a_sentence(clips, aids):
    other = replace(MODEL, audio=AudioFeatures(kind="mel"))
    with pytest.raises(ConfigError, match="does not fit"):
        generator_stage(clips, aids, model=other)
    with pytest.raises(ConfigError, match="train speech"):
        generator_stage(clips, aids, speech="nowhere.safetensors")
    with pytest.raises(ConfigError, match="train sync"):
        generator_stage(clips, aids, sync_expert="")
    with pytest.raises(ConfigError, match="train mouth"):
        generator_stage(clips, aids, mouth_expert="nowhere.safetensors")
    with pytest.raises(ConfigError, match="windows"):
        SyncStage(SyncConfig(model=EXPERT, windows=1), clips, [])


def test_resuming_nothing_or_something_else_is_refused(tmp_path, clips, aids):
    with pytest.raises(ConfigError, match="Nothing to resume"):
        fit(sync_stage(clips, aids), RUN, tmp_path, resume=True, quiet=True)
    fit(sync_stage(clips, aids), replace(RUN, steps=1), tmp_path, quiet=True)
    with pytest.raises(ConfigError, match="another configuration"):
        fit(generator_stage(clips, aids), RUN, tmp_path, resume=True, quiet=True)


def test_reference_is_mirrored_with_its_frames(aids):
    """A face that is dark on the left only: frame and reference must agree on the dark side."""
    clip = toy_clip("c", seed=0, frames=60)
    clip.faces[:] = 220
    clip.faces[:, :, : STORED // 2] = 30
    stage = generator_stage([clip], aids, windows=8, augment=True)
    batch = stage.batch(np.random.default_rng(0))
    frames = batch["frames"][:, 0].float().mean((1, 2))  # (W, S): brightness of columns
    reference = batch["reference"].float().mean((1, 2))
    dark = [
        frames[:, :40].mean(1) < frames[:, -40:].mean(1),
        reference[:, :40].mean(1) < reference[:, -40:].mean(1),
    ]
    assert torch.equal(dark[0], dark[1])
    assert 0 < int(dark[0].sum()) < 8


def test_lips_lie_where_the_batch_says(clips, aids):
    batch = generator_stage(clips, aids, windows=6).batch(np.random.default_rng(1))
    frames, lips = batch["frames"].flatten(0, 1), batch["lips"].flatten(0, 1)
    for picture, points in zip(frames, lips, strict=True):
        x, y = points.mean(0).round().int().tolist()
        grey = picture.float().mean(0)
        assert float(grey[y, x]) < 0.6 * float(grey.median())  # the dark mouth of the toy


def test_sync_speech_belongs_to_the_first_frame(clips, aids):
    stage = generator_stage(clips, aids, windows=3)
    drawn, real = [], stage.sampler.draw
    stage.sampler.draw = lambda count, rng: drawn.extend(real(count, rng)) or drawn
    batch = stage.batch(np.random.default_rng(5))
    for clip, shape, heard in zip(drawn, batch["shape"].numpy(), batch["sync_speech"].numpy(), strict=True):
        first = int(np.abs(clip.shape[:-4] - shape[0]).sum(1).argmin())
        np.testing.assert_allclose(clip.shape[first : first + 5], shape, atol=1e-6)
        np.testing.assert_allclose(heard[None], clip.speech(np.array([first]), EXPERT.audio), atol=1e-5)


class Counter(Stage):
    """A stage that learns nothing: its validations say what the test wants."""

    def __init__(self, scores):
        self.scores, self.exported, self.checked = list(scores), [], []
        self.net = torch.nn.Linear(1, 1)
        self.modules, self.optimizers = {"net": self.net}, {}
        self.seen = []

    def batch(self, rng):
        return {"x": torch.zeros(1)}

    def step(self, batch, update, progress):
        self.seen.append(progress)
        return {"loss": 0.0}

    def check(self, folder, step):
        self.checked.append(step)
        return {"score": self.scores[len(self.checked) - 1]}

    def export(self, folder):
        self.exported.append(len(self.seen))


BEST = replace(RUN, best="score", save_every=0, check_every=2)


def test_the_best_model_is_exported_and_the_first_weights_count(tmp_path):
    stage = Counter([3.0, 2.0, 4.0, 1.0, 1.0, 5.0])
    fit(stage, replace(BEST, steps=10), tmp_path / "a", quiet=True)
    assert stage.checked == [0, 2, 4, 6, 8, 10]
    assert stage.exported == [0, 2, 6]
    assert not (tmp_path / "a" / "checkpoint.pt").exists()
    worse = Counter([3.0, 4.0, 5.0])
    fit(worse, replace(BEST, steps=4), tmp_path / "b", quiet=True)
    assert worse.exported == [0]
    with pytest.raises(ConfigError, match="'l1'"):
        fit(Counter([1.0]), replace(BEST, best="l1"), tmp_path / "c", quiet=True)


def test_a_run_ends_when_nothing_gets_better_or_its_time_is_over(tmp_path, monkeypatch):
    stage = Counter([3.0, 2.0, 2.5, 2.5, 1.0])
    fit(stage, replace(BEST, steps=50, patience=2), tmp_path / "a", quiet=True)
    assert stage.checked == [0, 2, 4, 6]
    now = [100.0]
    monkeypatch.setattr("lipsync.training.loop.time.monotonic", lambda: now[0])
    timed, told = Counter([1.0] * 9), []
    step = timed.step

    def slow(batch, update, progress):
        now[0] += 3.0
        return step(batch, update, progress)

    timed.step = slow
    run = replace(BEST, steps=1000, seconds=20.0, check_every=0, check_seconds=8.0)
    fit(timed, run, tmp_path / "b", quiet=True, watch=told.append)
    assert told == [3.0, 6.0, 9.0, 12.0, 15.0, 18.0, 21.0]
    assert timed.checked == [0, 3, 6, 7]
    assert timed.seen == pytest.approx([0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9])


def test_what_watches_a_run_can_end_it(tmp_path):
    def stop(seconds):
        raise Stopped

    stage = Counter([1.0])
    with pytest.raises(Stopped):
        fit(stage, BEST, tmp_path, quiet=True, watch=stop)
    assert len(stage.seen) == 1


def test_an_anchored_run_is_held_to_what_it_started_from(tmp_path, clips):
    torch.manual_seed(0)
    Generator(MODEL).save_pretrained(tmp_path / "start")
    config = GeneratorConfig(
        model=MODEL, windows=2, start=str(tmp_path / "start"), sync_weight=0.0, gan_weight=0.0,
        mismatched_audio_fraction=0.5,
        freeze_norms=True, anchor_weight=2.0,
    )  # fmt: skip
    stage = GeneratorStage(config, clips, [])
    fit(stage, replace(RUN, steps=1), tmp_path / "run", quiet=True)
    with (tmp_path / "run" / "log.csv").open() as file:
        assert float(next(csv.DictReader(file))["anchor"]) < 1e-6  # nothing has moved before the first step
    with torch.no_grad():
        stage.net.output_block[1].bias.add_(1.0)
    fit(stage, replace(RUN, steps=1), tmp_path / "moved", quiet=True)
    with (tmp_path / "moved" / "log.csv").open() as file:
        assert float(next(csv.DictReader(file))["anchor"]) > 0.01
