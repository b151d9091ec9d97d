"""What earlier versions saved loads under the names of today, with the same values."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from lipsync.assets import asset
from lipsync.audio.activity import SpeechActivity
from lipsync.audio.speech_input import SpeechInput
from lipsync.experts.lip_motion import LipMotion
from lipsync.experts.quality_discriminator import QualityDiscriminator
from lipsync.experts.sync_expert import SyncExpert
from lipsync.faces.covers import CoverNet
from lipsync.methods.lstm_cbam.model import LipGANGenerator
from lipsync.methods.multi_reference.config import MultiReferenceConfig
from lipsync.methods.multi_reference.model import MultiReference
from lipsync.methods.stages import read_config, read_saved_run
from lipsync.methods.visual_dubbing.config import ExpressionConfig, VisualDubbingConfig
from lipsync.methods.visual_dubbing.model import VisualDubbing
from lipsync.methods.wav2lip.model import Generator
from lipsync.weights.pretrained import read_config as read_settings
from lipsync.weights.renamed import SETTINGS, WEIGHTS, current_weights

OLD = MultiReferenceConfig(
    SpeechInput(dimension=16), 2, 64, 3, 0.0625, 2, spade=1, token_modulation=True, warp_references=True
)


SHIPPED = {
    "covers-embedded": CoverNet,
    "lip-motion-embedded": LipMotion,
    "lip-motion-whisper": LipMotion,
    "lstm-cbam-embedded": LipGANGenerator,
    "mcsawav2lip-embedded": Generator,
    "multi-reference-embedded": MultiReference,
    "multi-reference-whisper": MultiReference,
    "speech-activity-embedded": SpeechActivity,
    "sync-expert-embedded": SyncExpert,
    "visual-dubbing-embedded": VisualDubbing,
    "visual-dubbing-whisper": VisualDubbing,
}


def test_every_shipped_folder_with_a_network_is_here() -> None:
    assert {path.parent.name for path in asset("models").glob("*/config.json")} == set(SHIPPED)


@pytest.mark.parametrize(("name", "kind"), SHIPPED.items())
def test_shipped_networks_hold_what_their_files_hold(name: str, kind: Any) -> None:
    folder = asset("models", name)
    net = kind.from_pretrained(folder)
    current, state = current_weights(net, load_file(folder / "model.safetensors")), net.state_dict()
    assert set(current) == set(state)
    for key, value in current.items():
        assert torch.equal(value.float(), state[key].float()), key


def old_names(kind: str, settings: dict) -> dict:  # type: ignore[type-arg]
    back = {new: old for old, new in SETTINGS[kind].items()}
    return {back.get(key, key): value for key, value in settings.items()}


def test_a_core_of_before_loads(tmp_path: Path) -> None:
    net = MultiReference(OLD).eval()
    net.save_pretrained(tmp_path)
    settings = old_names("MultiReferenceConfig", json.loads((tmp_path / "config.json").read_text()))
    settings["audio"] = old_names("SpeechInput", settings["audio"])
    assert (settings["told"], settings["moves"], settings["audio"]["hears"]["start"]) == (True, True, -4)
    (tmp_path / "config.json").write_text(json.dumps(settings))
    again = MultiReference.from_pretrained(tmp_path)
    assert again.config == OLD
    assert read_settings(tmp_path / "config.json", MultiReferenceConfig, "a network") == OLD
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in net.state_dict().items())


def test_weights_of_before_load_wherever_the_module_is() -> None:
    net = nn.ModuleDict({"generator": MultiReference(OLD), "quality": QualityDiscriminator(0.125)})
    old = {}
    for name, value in net.state_dict().items():
        was = name.replace("fusion.audio_attention.", "fusion.hear.")
        was = was.replace("fusion.audio_norm.", "fusion.hear_norm.")
        was = was.replace("image_decoder.modulation.", "image_decoder.tell.")
        was = was.replace("quality.score.", "quality.judge.")
        old[was] = value + 1
    assert set(old) != set(net.state_dict())
    other = nn.ModuleDict({"generator": MultiReference(OLD), "quality": QualityDiscriminator(0.125)})
    other.load_state_dict(old)
    for name, value in net.state_dict().items():
        assert torch.equal(other.state_dict()[name], value + 1), name


def test_the_expression_network_of_before() -> None:
    settings = old_names("ExpressionConfig", asdict(replace(ExpressionConfig(), audio_residual=True)))
    config = VisualDubbingConfig(expression=settings, averaged=(settings | {"semantic_images": False},))  # type: ignore[arg-type]
    assert config.expression.audio_residual
    assert config.averaged[0].audio_residual


@pytest.mark.parametrize(
    ("stage", "old", "new"),
    [
        ("generator", {"swapped": 0.2, "vary": True}, {"mismatched_audio_fraction": 0.2, "augment": True}),
        (
            "multi-reference",
            {
                "stills": 0.25, "wide": 0.5, "shrunk": True,
                "model": {"told": True, "audio": {"hears": {"start": -12}}},
            },
            {"single_reference_fraction": 0.25, "wide_mouth_fraction": 0.5, "train_at_network_size": True},
        ),
    ],
)  # fmt: skip
def test_recipes_and_runs_of_before(stage: str, old: dict, new: dict, tmp_path: Path) -> None:  # type: ignore[type-arg]
    found = read_config(stage, {"stage": old}).stage
    assert {name: getattr(found, name) for name in new} == new
    (tmp_path / "train.json").write_text(json.dumps({"kind": stage, "stage": old}))
    kind, tables = read_saved_run(tmp_path)
    found = read_config(kind, tables).stage
    assert {name: getattr(found, name) for name in new} == new
    if "model" in old:
        assert found.model.token_modulation
        assert found.model.audio.features.start == -12


def test_set_comes_after_the_file_under_either_name() -> None:
    tables = {"stage": {"mismatched_audio_fraction": 0.2}}
    assert read_config("generator", tables, ["stage.swapped=0.4"]).stage.mismatched_audio_fraction == 0.4
    tables = {"stage": {"swapped": 0.2}}
    sets = ["stage.mismatched_audio_fraction=0.4"]
    assert read_config("generator", tables, sets).stage.mismatched_audio_fraction == 0.4


def test_no_old_name_is_a_name_of_today() -> None:
    for table in (*SETTINGS.values(), *WEIGHTS.values()):
        assert not set(table) & set(table.values())
