"""From TOML and --set to the dataclasses of a run, and the command that trains."""

import argparse
import json

import pytest
import torch

from lipsync.audio.features import AudioFeatures
from lipsync.cli.prepare import add_prepare_command
from lipsync.cli.train import add_train_command
from lipsync.errors import ConfigError
from lipsync.methods.lstm_cbam.config import discriminator_config
from lipsync.methods.mcsawav2lip.config import generator_config, sync_expert_config
from lipsync.methods.stages import STAGES, read_config, read_saved_run, recipe, recipes
from lipsync.methods.wav2lip.config import Wav2LipConfig
from lipsync.methods.wav2lip.train import GeneratorConfig
from lipsync.training.config import DataConfig, read_toml
from lipsync.training.loop import RunConfig
from tests.training.toy import toy_folder


def test_nothing_given_is_the_defaults():
    config = read_config("generator", {})
    assert (config.stage, config.run, config.data) == (GeneratorConfig(), RunConfig(), DataConfig())


def test_tables_and_sets_reach_their_fields(tmp_path):
    file = tmp_path / "x.toml"
    file.write_text(
        '[run]\nsteps = 7\nprecision = "bf16"\n[data]\ntrain = ["a", "b"]\n'
        '[stage]\nlearning_rate = 1\nema = 0.5\n[stage.model]\nablation = "csa"\nwidth = 0.5\n'
        "[stage.model.audio]\nstart = -4\n"
    )
    sets = [
        "run.steps=9",
        "stage.speech=runs/x.safetensors",
        "stage.model.size=128",
        "stage.freeze_speech=true",
    ]
    config = read_config("generator", read_toml(file), sets)
    assert config.run == RunConfig(steps=9, precision="bf16")
    assert config.data.train == ("a", "b")
    assert config.stage == GeneratorConfig(
        model=Wav2LipConfig(AudioFeatures("mel", start=-4), True, True, width=0.5, size=128),
        learning_rate=1.0,
        ema=0.5,
        speech="runs/x.safetensors",
        freeze_speech=True,
    )


@pytest.mark.parametrize("name", ["wav2lip", "mfcc", "m", "ca", "sa", "csa", "full", "audio-channel"])
def test_ablation_shortcut(name):
    sets = [f"stage.model.ablation={name}"]
    assert read_config("speech", {}, sets).stage.model == generator_config(name)
    assert read_config("sync", {}, sets).stage.model == sync_expert_config(name)


@pytest.mark.parametrize("name", ["without-both", "without-lstm", "without-cbam", "lstm-cbam"])
def test_ablation_shortcut_of_the_other_paper(name):
    assert read_config("sync", {}, [f"stage.model.ablation={name}"]).stage.model == discriminator_config(name)
    with pytest.raises(ConfigError, match="'lstm-cbam'"):
        read_config("sync", {}, ["stage.model.ablation=lstm-cbma"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("run.accumulate=0", "1 or more"),
        ("run.stepz=3", "'steps'"),
        ("stage.learning_rat=3", "'learning_rate'"),
        ("stage.model.widht=1", "'width'"),
        ("stage.model.audio.begin=1", r"stage\.model\.audio"),
        ("stage.model.audio.kind=mfc", "'mfcc'"),
        ("stage.model.ablation=cas", "ablation 'cas'"),
        ("stages.ema=1", "'stage'"),
        ("run.steps=many", "a whole number"),
        ("run.steps=true", "a whole number"),
        ("run.steps=1.5", "a whole number"),
        ("run.steps=0", "1 or more"),
        ("stage.model=3", "a table"),
        ("run=3", "a table"),
        ("stage.freeze_speech=1", "true or false"),
        ("data.train=train", "a list"),
        ("run.precision=fp64", "precision"),
        ("run.device=gpu", "device"),
        ("run.steps", "key=value"),
    ],
)
def test_mistakes_are_answered_with_a_sentence(text, said):
    with pytest.raises(ConfigError, match=said):
        read_config("generator", {}, [text])


def test_unknown_stage_and_unreadable_files(tmp_path):
    with pytest.raises(ConfigError, match="'speech'"):
        read_config("speach", {})
    with pytest.raises(ConfigError, match="Cannot read"):
        read_toml(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("[run\n")
    with pytest.raises(ConfigError, match="not a TOML"):
        read_toml(tmp_path / "bad.toml")


def test_what_is_kept_with_a_run_reads_back():
    config = read_config("speech", {}, ["stage.model.ablation=full", "stage.weights=[1, 2.5, 0, 0]"])
    assert config.stage.weights == (1.0, 2.5, 0.0, 0.0)
    assert read_config("speech", json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize("file", recipes().values(), ids=lambda path: path.stem)
def test_shipped_configurations_are_valid(file):
    name = file.stem.partition("-")[2]  # the stage, and what tells it from others of the same
    stage = max((kind for kind in STAGES if f"{name}-".startswith(f"{kind}-")), key=len)
    config = read_config(stage, read_toml(file))
    assert config.stage is not None


def test_published_recipes_are_the_papers():
    sync = read_config("sync", read_toml(recipe("mcsawav2lip-sync"))).stage
    assert (2 * sync.clips * sync.windows, sync.learning_rate, sync.weight_decay) == (32, 1e-3, 0)
    assert sync.objective == "bce"
    assert sync.model == sync_expert_config("full")
    generator = read_config("generator", read_toml(recipe("mcsawav2lip-generator"))).stage
    assert (generator.windows, generator.learning_rate) == (48, 1e-4)
    assert (generator.sync_weight, generator.gan_weight) == (0.03, 0.07)
    assert (generator.ema, generator.shape_weight, generator.mouth_weight) == (0, 0, 0)
    assert generator.model.channel_attention
    assert generator.model.spatial_attention
    assert generator.model.width == 1


AIDED = ("sync", "syncx", "generator", "joint", "lip-reader", "expression", "dubbing", "multi-reference")


@pytest.mark.parametrize("file", recipes().values(), ids=lambda path: path.stem)
def test_only_recipes_that_are_no_papers_augment(file):
    name = file.stem.partition("-")[2]
    kind = max((kind for kind in STAGES if f"{name}-".startswith(f"{kind}-")), key=len)
    stage = read_config(kind, read_toml(file)).stage
    if kind not in AIDED:
        assert file.stem.startswith("embedded-")  # a stage that no paper has
    elif file.stem == "ablation-expression":  # was measured without
        assert not stage.augment
    else:
        assert stage.augment == file.stem.startswith(("embedded-", "ablation-"))


def test_published_is_the_default():
    for kind in AIDED:
        assert not read_config(kind, {}).stage.augment
    for name, kind in (("visual_dubbing-expression", "expression"), ("visual_dubbing-dubbing", "dubbing")):
        published, usual = read_config(kind, read_toml(recipe(f"{name}"))).stage, STAGES.get(kind).settings()
        assert published.model == usual.model
        assert (kind, getattr(published, "reduction", "sum")) == (kind, "sum")
    dubbing = read_config("dubbing", {}).stage
    assert dubbing.model.references > 1
    assert not dubbing.mouth_only
    patent = read_config("multi-reference", read_toml(recipe("multi_reference-multi-reference"))).stage
    assert (patent.mouth_only, patent.perceptual_frames, patent.sync_epsilon) == (False, 0, 1e-6)
    assert patent.discriminators > 1
    small = read_config("multi-reference", read_toml(recipe("embedded-multi-reference"))).stage
    assert (small.mouth_only, small.perceptual_frames, small.discriminators) == (True, 3, 1)
    small = read_config("expression", read_toml(recipe("embedded-expression"))).stage
    assert small.reduction == "mean"
    assert read_config("dubbing", read_toml(recipe("embedded-dubbing"))).stage.model.references == 1


@pytest.mark.parametrize(
    ("kind", "was", "goes_on"),
    [
        ("generator", {}, {"augment": True}),
        ("generator", {"augment": False}, {"augment": False}),
        ("sync", {}, {"augment": True}),
        ("expression", {"vary": True}, {"augment": True, "reduction": "mean"}),
        ("expression", {"augment": False, "reduction": "sum"}, {"augment": False, "reduction": "sum"}),
        ("multi-reference", {}, {"augment": True, "mouth_only": True, "discriminators": 1}),
        ("dubbing", {"vary": True}, {"augment": True}),
    ],
)
def test_a_run_of_before_goes_on_as_it_began(kind, was, goes_on, tmp_path):
    """``train.json`` as the version before wrote it: without the settings that came since."""
    tables = {"kind": kind, **read_config(kind, {}).to_dict()}
    for name in ("augment", "reduction", "mouth_only", "discriminators"):
        if name not in was:
            tables["stage"].pop(name, None)
    tables["stage"] |= was
    if kind == "dubbing":
        tables["stage"]["model"] |= {"spade_scales": [12, 24, 48]}
        del tables["stage"]["model"]["references"]
    (tmp_path / "train.json").write_text(json.dumps(tables))
    found, tables = read_saved_run(tmp_path)
    stage = read_config(found, tables).stage
    assert found == kind
    assert {name: getattr(stage, name) for name in goes_on} == goes_on
    if kind == "dubbing":
        assert (stage.model.references, stage.model.spade_scales) == (1, (24, 48))


def test_recipes_of_lstm_cbam_are_the_papers():
    sync = read_config("sync", read_toml(recipe("lstm_cbam-sync"))).stage
    assert (sync.learning_rate, sync.weight_decay, sync.objective) == (1e-4, 0, "bce")
    assert sync.model == discriminator_config("lstm-cbam")
    joint = read_config("joint", read_toml(recipe("lstm_cbam-joint"))).stage
    assert joint.learning_rate == 1e-4
    assert joint.model.width == 1
    assert joint.model.audio.kind == sync.model.audio.kind


def command(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    add_prepare_command(commands)
    add_train_command(commands)
    options = parser.parse_args(arguments)
    return options.handler(options)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder as ``prepare`` leaves it, of two synthetic people."""
    return toy_folder(tmp_path_factory.mktemp("prepared"), ("train", "val"), frames=70)


def test_command_trains_and_resumes(prepared, tmp_path, capsys):
    common = ("train", "mouth", "--data", str(prepared), "--out", str(tmp_path / "run"))
    sets = ("run.device=cpu", "run.threads=1", "run.save_every=1", "stage.clips=2", "stage.frames=2")
    assert command(*common, "--set", "run.steps=2", *sets) == 0
    assert "1 clip to train on, 1 to check on" in capsys.readouterr().out
    assert (tmp_path / "run" / "mouth.safetensors").is_file()
    assert "dev_r_gap" in (tmp_path / "run" / "checks.csv").read_text()
    with pytest.raises(ConfigError, match="--resume"):
        command(*common)
    assert command(*common, "--resume", "--set", "run.steps=3") == 0
    kept = json.loads((tmp_path / "run" / "train.json").read_text())
    assert kept["kind"] == "mouth"
    assert kept["run"]["steps"] == 3
    assert kept["stage"]["clips"] == 2  # from the first call
    assert [row.split(",")[0] for row in (tmp_path / "run" / "log.csv").read_text().split()][-1] == "3"
    with pytest.raises(ConfigError, match="another stage"):
        command("train", "speech", *common[2:], "--resume")


def test_a_resumed_run_of_before_still_augments(prepared, tmp_path):
    common = ("train", "generator", "--data", str(prepared), "--out", str(tmp_path))
    sets = (
        "run.device=cpu", "run.threads=1", "run.save_every=1", "run.check_every=0", "stage.windows=2",
        "stage.frames=1", "stage.sync_weight=0", "stage.gan_weight=0", "stage.model.width=0.03",
    )  # fmt: skip
    command(*common, "--set", "run.steps=1", *sets)
    kept = json.loads((tmp_path / "train.json").read_text())
    assert kept["stage"].pop("augment") is False
    (tmp_path / "train.json").write_text(json.dumps(kept))
    command(*common, "--resume", "--set", "run.steps=2")
    assert json.loads((tmp_path / "train.json").read_text())["stage"]["augment"] is True


def test_seed_makes_a_run_repeatable(prepared, tmp_path):
    sets = ("run.device=cpu", "run.threads=1", "run.steps=1", "stage.clips=2", "stage.frames=2")
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        torch.randn(seed + len(name) + ord(name))  # whatever happened in the process before
        command(
            "train", "mouth", "--data", str(prepared), "--out", str(tmp_path / name),
            "--set", *sets, f"run.seed={seed}", "run.check_every=0",
        )  # fmt: skip
    a, b, c = ((tmp_path / name / "mouth.safetensors").read_bytes() for name in "abc")
    assert a == b != c
