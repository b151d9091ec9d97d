"""A method is one folder: the page of the docs is followed literally, in a copy of the portal."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lipsync.media import probe
from tests.portal import ROOT
from tests.training.toy import toy_folder
from tests.ui.rated import example_speech

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs" / "add-a-method.md").read_text(encoding="utf-8")
TRAIN = """
from dataclasses import dataclass
import numpy as np
import torch
from lipsync.audio import AudioFeatures
from lipsync.data.clips import Sampler
from lipsync.methods.toy.network import Toy, ToyConfig
from lipsync.training.loop import Stage

@dataclass(frozen=True)
class ToyTraining:
    model: ToyConfig = ToyConfig()
    frames: int = 8  # of a batch

class ToyStage(Stage):
    settings = ToyTraining

    def __init__(self, config, train, dev):
        self.config, self.net, self.sampler = config, Toy(config.model), Sampler(train, config.frames)
        self.modules, self.optimizers = {"net": self.net}, {"net": torch.optim.Adam(self.net.parameters())}

    def batch(self, rng):
        (clip,), at = self.sampler.draw(1, rng), np.arange(self.config.frames)
        audio = clip.speech(at, AudioFeatures(self.config.model.audio), rng)
        return {"faces": torch.from_numpy(clip.pictures(at)), "audio": torch.from_numpy(audio)}

    def step(self, batch, update, progress):
        faces = batch["faces"].permute(0, 3, 1, 2) / 255
        loss = (self.net(batch["audio"], faces) - faces).abs().mean()
        update(loss, self.net, self.optimizers["net"])
        return {"loss": loss.item()}

    def export(self, folder):
        self.net.save_pretrained(folder / "toy")
"""
SCORES = "method,lipcorr_own,lipcorr_other,lmd,lpips\nstill frame,0,,14,0.2\ntoy,0.9,0,1,0.01\n"
ARTEFACT = f"""
[toy_extra]
file = "toy.bin"
sha256 = "{"0" * 64}"
size = 1
licence = "MIT"
purpose = "nothing"
"""
TEXTS = {"en": "Darkens the mouth.", "zh": "使嘴部变暗。"}
FOUND = """
import json, sys
from lipsync.methods import METHODS, cards
from lipsync.methods.auto import candidates
from lipsync.methods.entry import entry_for
from lipsync.methods.stages import STAGES, recipes
from lipsync.texts import Message
from lipsync.weights import hub
listed = "torch.nn" in sys.modules
import gradio
from pathlib import Path
from lipsync.ui.generate_api import add_generate
from lipsync.ui.generate_queue import Jobs
from lipsync.ui.uploads import menu
with gradio.Blocks() as page:
    lines = [name for _, name in menu()]
    add_generate(Jobs(), None)
boxes = [part["props"] for part in page.get_config_file()["components"] if part["type"] == "dropdown"]
print(json.dumps({
    "methods": METHODS.names(), "cards": [card.name for card in cards()], "menu": lines,
    "auto": [entry.card.name for entry in candidates()], "stages": STAGES.names(), "recipes": list(recipes()),
    "artefacts": list(hub.artefacts()), "api": [value for _, value in boxes[0]["choices"]],
    "texts": {language: Message("toy.x").text(language) for language in ("en", "zh")},
    "whose": entry_for(Path("lipsync/methods/toy/weights")).card.name,
}))
"""


class Copy:
    """A copy of the portal whose only addition is one folder."""

    def __init__(self, folder: Path):
        self.folder, self.toy = folder, folder / "lipsync" / "methods" / "toy"
        shutil.copytree(ROOT / "lipsync", folder / "lipsync", ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "assets").symlink_to(ROOT / "assets")
        self.toy.mkdir()
        (self.toy / "__init__.py").touch()
        for name, code in re.findall(
            r"^```py\n# (\S+?),?(?: at the end)?\n(.*?)^```", PAGE, re.DOTALL | re.M
        ):
            with (folder / name).open("a", encoding="utf-8") as file:
                file.write(code)

    def run(self, command: str) -> str:
        """What a command of the shell prints."""
        python = Path(sys.executable).parent
        environment = {**os.environ, "PATH": f"{python}:{os.environ['PATH']}", "PYTHONPATH": str(self.folder)}
        done = subprocess.run(
            ["bash", "-euc", command], cwd=self.folder, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return Copy(tmp_path_factory.mktemp("portal"))


@pytest.fixture(scope="module")
def drawn(copy: Copy) -> Path:
    """The video of the page's commands."""
    (commands,) = re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.M)
    copy.run(commands)
    return copy.folder / "toy.mp4"


@pytest.fixture(scope="module")
def found(copy: Copy, drawn: Path) -> dict[str, Any]:
    """Where the method is found, with all that may lie in its folder."""
    (copy.toy / "scores.csv").write_text(SCORES)
    (copy.toy / "artefacts.toml").write_text(ARTEFACT)
    (copy.toy / "locales").mkdir()
    for language, text in TEXTS.items():
        (copy.toy / "locales" / f"{language}.json").write_text(json.dumps({"toy.x": text}), "utf-8")
    (copy.toy / "configs").mkdir()
    (copy.toy / "configs" / "toy-short.toml").write_text("[run]\nsteps = 2\n")
    return json.loads(copy.run(f"python -c '{FOUND}'").splitlines()[-1])


def test_the_page_leads_to_a_video(drawn: Path) -> None:
    video = probe(drawn)
    assert video.has_audio
    assert video.duration > 4


@pytest.mark.parametrize("place", ["methods", "cards", "menu", "api", "auto", "stages"])
def test_it_is_found_everywhere(found: dict[str, Any], place: str) -> None:
    assert "toy" in found[place]
    assert len(found[place]) > 6, "beside all others"


def test_auto_ranks_it_by_the_scores_in_its_folder(found: dict[str, Any]) -> None:
    assert found["auto"][0] == "toy"


def test_what_lies_in_its_folder_is_gathered(found: dict[str, Any]) -> None:
    assert "toy_extra" in found["artefacts"]
    assert "toy-short" in found["recipes"]
    assert found["texts"] == TEXTS
    assert found["whose"] == "toy", "its weights tell whose they are"


def test_the_command_line_names_it(copy: Copy) -> None:
    assert "toy" in copy.run("python -m lipsync generate --help")
    assert "the toy network" in copy.run("python -m lipsync train --help")


@pytest.mark.minutes
def test_its_stage_trains_what_it_draws_with(copy: Copy, drawn: Path, tmp_path: Path) -> None:
    (copy.toy / "train.py").write_text(TRAIN)
    data, run = toy_folder(tmp_path, ("train", "val")), copy.folder / "run"
    sets = "run.steps=3 run.device=cpu run.log_every=1 stage.frames=4"
    printed = copy.run(f"python -m lipsync train toy --data {data} --out {run} --set {sets}")
    assert "step 3/3" in printed
    assert json.loads((run / "train.json").read_text())["stage"]["frames"] == 4
    command = (
        "python -m lipsync generate --method toy --json --out again.mp4 --face assets/examples/portrait.jpg"
    )
    speech = example_speech(tmp_path / "speech.wav")
    made = json.loads(copy.run(f"{command} --audio {speech} --checkpoint {run}/toy"))
    assert made["method"] == "toy"
    assert made["frames_without_face"] == 0
