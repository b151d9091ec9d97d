"""Networks of strangers: settings of another type or size are one sentence, before memory is taken."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from lipsync.audio.speech_input import SpeechInput
from lipsync.errors import ConfigError
from lipsync.methods.multi_reference.config import MultiReferenceConfig
from lipsync.methods.multi_reference.model import MultiReference
from lipsync.methods.wav2lip.config import Wav2LipConfig
from lipsync.methods.wav2lip.convert import read_generator
from lipsync.methods.wav2lip.model import Generator
from lipsync.weights.pretrained import make, read_saved

SMALL = MultiReferenceConfig(SpeechInput(), size=32, levels=2, width=0.05, spade=1)


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    return MultiReference(SMALL).state_dict()


def folder_of(folder: Path, config: Any, state: dict[str, torch.Tensor]) -> Path:
    save_file(state, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def read(folder: Path) -> MultiReference:
    return read_saved(folder, MultiReference, MultiReferenceConfig, "a network")


def test_a_saved_network_is_read(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    made = read(folder_of(tmp_path, asdict(SMALL), state))
    assert all(torch.equal(value, state[name]) for name, value in made.state_dict().items())


@pytest.mark.parametrize(
    "wrong",
    [
        {"audio": None}, {"audio": []}, {"audio": {"features": 3}}, {"audio": {"count": "11"}},
        {"audio": {"x": 1}}, {"levels": 10**9}, {"levels": 2.0}, {"levels": True}, {"width": float("nan")},
        {"width": 1e9}, {"heads": 0}, {"heads": -4}, {"lower_half": 1}, {"size": 2**80}, {"references": [3]},
    ],
)  # fmt: skip
def test_settings_of_another_type_or_size_are_a_sentence(
    wrong: dict[str, Any], state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError):
        read(folder_of(tmp_path, asdict(SMALL) | wrong, state))


def test_settings_nested_too_deep_are_a_sentence(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    folder_of(tmp_path, {}, state)
    (tmp_path / "config.json").write_text('{"audio":' * 50_000)
    with pytest.raises(Exception, match="cannot be read"):
        read(tmp_path)


def test_a_network_larger_than_its_weights_is_never_filled(
    state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    filled = []

    class Layer(torch.nn.Linear):
        def reset_parameters(self) -> None:
            filled.append(self.weight.numel())

    with pytest.raises(ConfigError, match="more weights than the file has"):
        make(lambda size: Layer(size, size), 8_000, {"a": torch.zeros(10)}, tmp_path, "a network")  # type: ignore[arg-type]
    assert filled == []
    with pytest.raises(ConfigError, match="more weights than the file has"):
        read(folder_of(tmp_path, asdict(SMALL) | {"width": 8.0}, state))


def test_settings_of_a_published_size_are_checked_too(tmp_path: Path) -> None:
    config = Wav2LipConfig(width=0.02)
    folder_of(tmp_path, asdict(config), Generator(config).state_dict())
    assert read_generator(tmp_path)[0] == config
    for wrong in ({"audio": None}, {"audio": {"coefficients": None}}, {"width": "x"}, {"width": 5000.0}):
        (tmp_path / "config.json").write_text(json.dumps(asdict(config) | wrong))
        with pytest.raises(ConfigError):
            read_generator(tmp_path)
