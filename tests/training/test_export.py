"""A trained model as a folder that loads again, at half the size."""

import json

import pytest
import torch

from lipsync.errors import ConfigError
from lipsync.methods.wav2lip.config import Wav2LipConfig
from lipsync.methods.wav2lip.convert import read_generator
from lipsync.methods.wav2lip.model import Generator
from lipsync.training.export import export, keep_log


def test_the_halved_model_draws_the_same(tmp_path):
    torch.manual_seed(0)
    net = Generator(Wav2LipConfig(width=0.125)).eval()
    net.save_pretrained(tmp_path / "run")
    card = tmp_path / "card.md"
    card.write_text("# A core\n")
    digest = export(tmp_path / "run", tmp_path / "out", card)
    assert len(digest) == 64
    before, after = (tmp_path / d / "model.safetensors" for d in ("run", "out"))
    assert after.stat().st_size < 0.6 * before.stat().st_size
    assert (tmp_path / "out" / "README.md").read_text() == "# A core\n"
    assert json.loads((tmp_path / "out" / "config.json").read_text())["width"] == 0.125
    config, state = read_generator(tmp_path / "out")
    again = Generator(config).eval()
    again.load_state_dict(state)
    speech, faces = torch.randn(2, 1, 80, 16), torch.rand(2, 6, 96, 96)
    with torch.no_grad():
        assert (net(speech, faces) - again(speech, faces)).abs().max() < 0.01
        hub = Generator.from_pretrained(tmp_path / "out").eval()
        assert (hub(speech, faces) - again(speech, faces)).abs().max() < 1e-6


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="not the folder of a trained model"):
        export(tmp_path, tmp_path / "out")


def test_logs_and_curves_go_along(tmp_path):
    run, out = tmp_path / "run", tmp_path / "out"
    run.mkdir()
    out.mkdir()
    (run / "log.csv").write_text("step,loss,gan,steps_per_second\n50,0.2,,3\n100,0.1,0.5,3\n")
    (run / "checks.csv").write_text("step,dev_r\n100,0.4\n")
    keep_log(run, out)
    assert (out / "log.csv").read_text() == (run / "log.csv").read_text()
    assert (out / "curves.png").read_bytes()[:4] == b"\x89PNG"
    with pytest.raises(ConfigError, match=r"log\.csv"):
        keep_log(tmp_path, out)
