import subprocess
import sys

import pytest

from lipsync.errors import ConfigError
from lipsync.registry import Registry


def test_a_lazy_entry_is_imported_on_first_use_and_not_before():
    # A fresh interpreter: in this one some other test may have imported the module already.
    program = """
import sys
from lipsync.registry import Registry
colours = Registry("colour")
colours.register("hsv", "colorsys:rgb_to_hsv", label="hue first")
assert colours.names() == ("hsv",) and colours.metadata("hsv")["label"] == "hue first"
assert "hsv" in colours and list(colours) == ["hsv"] and len(colours) == 1
assert "colorsys" not in sys.modules
assert colours.get("hsv")(1, 0, 0) == (0.0, 1.0, 1.0)
assert colours.get("hsv") is sys.modules["colorsys"].rgb_to_hsv
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_objects_come_back_as_they_were_and_in_their_order():
    registry: Registry[object] = Registry("thing")
    things = {name: object() for name in ("second", "first", "third")}
    for name, thing in things.items():
        registry.register(name, thing)
    assert registry.names() == ("second", "first", "third")
    assert all(registry.get(name) is thing for name, thing in things.items())


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("wav2lp", "Did you mean 'Wav2Lip'?"),
        ("WAV2LIP", "Did you mean 'Wav2Lip'?"),
        ("zzz", "Choose one of: Wav2Lip, lstm."),
    ],
)
def test_an_unknown_name_is_told_what_there_is(asked, hint):
    registry: Registry[int] = Registry("method")
    registry.register("Wav2Lip", 1)
    registry.register("lstm", 2)
    for look_up in (registry.get, registry.metadata):
        with pytest.raises(ConfigError) as caught:
            look_up(asked)
        assert str(caught.value) == f"There is no method {asked!r}. {hint}"


def test_a_name_is_registered_once_and_a_place_has_module_and_attribute():
    registry: Registry[int] = Registry("method")
    registry.register("one", 1)
    with pytest.raises(ValueError, match="twice"):
        registry.register("one", 2)
    with pytest.raises(ValueError, match="module:attribute"):
        registry.register("two", "only.a.module")
    assert registry.get("one") == 1
    assert registry.names() == ("one",)


def test_metadata_cannot_be_changed_from_outside():
    registry: Registry[int] = Registry("method")
    registry.register("one", 1, label="a")
    with pytest.raises(TypeError):
        registry.metadata("one")["label"] = "b"  # type: ignore[index]
