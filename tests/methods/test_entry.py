"""The register of methods: listing imports no network, and weights tell whose they are."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from lipsync.methods import METHODS
from lipsync.methods.adapted import FACTS, Facts, read_facts
from lipsync.methods.entry import entry_for
from lipsync.methods.registry import Core, register_method
from lipsync.methods.stages import STAGES
from tests.portal import ROOT

LISTS = """
import sys
from lipsync.methods import METHODS, cards
from lipsync.methods.auto import candidates
from lipsync.training.stages import STAGES
assert len(cards()) > 5 and len(candidates()) > 3 and STAGES.names()
assert "torch" not in sys.modules
"""


def test_listing_methods_and_stages_imports_no_network() -> None:
    subprocess.run([sys.executable, "-c", LISTS], cwd=ROOT, check=True)


def test_the_menu_has_the_order_that_methods_declare() -> None:
    assert METHODS.names() == tuple(METHODS) == (
        "mcsawav2lip-embedded", "visual-dubbing", "visual-dubbing-whisper", "multi-reference",
        "multi-reference-whisper", "wav2lip", "wav2lip_gan", "lstm-cbam",
    )  # fmt: skip


@pytest.mark.parametrize("name", METHODS.names())
def test_weights_that_ship_tell_whose_they_are(name: str) -> None:
    entry = METHODS.get(name)
    if entry.folder is not None:
        assert entry_for(entry.folder).load is entry.load


def test_weights_without_a_signature_are_of_the_wav2lip_family(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"damaged")
    assert entry_for(tmp_path) == entry_for(tmp_path / "published.pth") == METHODS.get("mcsawav2lip-embedded")


def test_a_name_is_taken_once() -> None:
    class Again(Core):
        card = METHODS.get("wav2lip").card

    with pytest.raises(ValueError, match="method 'wav2lip' is registered twice"):
        register_method(Again)


@pytest.mark.parametrize("name", STAGES.names())
def test_every_stage_says_what_it_trains_and_by_which_settings(name: str) -> None:
    assert STAGES.metadata(name)["help"]
    assert dataclasses.is_dataclass(STAGES.get(name).settings)


def test_adapted_cores_of_before_still_load(tmp_path: Path) -> None:
    """What ``supports_mouth_opening`` is now called was ``opens``."""
    facts = Facts("ada", "wav2lip", "Wav2Lip", "0" * 64, "ada.mp4", 96, True, False, 9.0, 8.0, 7, 6, {}, {})
    facts.write(tmp_path)
    saved = json.loads((tmp_path / FACTS).read_text())
    saved["opens"] = saved.pop("supports_mouth_opening")
    (tmp_path / FACTS).write_text(json.dumps(saved))
    assert read_facts(tmp_path) == facts
