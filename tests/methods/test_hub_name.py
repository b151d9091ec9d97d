"""What ``hub:`` names mean."""

import pytest

from lipsync.errors import ConfigError
from lipsync.methods import METHODS, load_method
from lipsync.methods.hub_name import HubCore, parse_core


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("hub:org/name", HubCore("org/name")),
        ("  org/name ", HubCore("org/name")),
        ("hub:org/name@v1", HubCore("org/name", None, "v1")),
        ("hub:org/name@refs/pr/3", HubCore("org/name", None, "refs/pr/3")),
        ("hub:org/name/model.safetensors", HubCore("org/name")),
        ("hub:org/name/a/b.pth", HubCore("org/name", "a/b.pth")),
        ("hub:org/name/a/b.pth@feature/x", HubCore("org/name", "a/b.pth", "feature/x")),
        ("hub:org/name@v1/a/b.pth", HubCore("org/name", "a/b.pth", "v1")),
        ("https://huggingface.co/org/name", HubCore("org/name")),
        ("https://huggingface.co/org/name/blob/main/a/b.pth", HubCore("org/name", "a/b.pth")),
    ],
)
def test_a_name_means_a_core(name, meant):
    assert parse_core(name) == meant
    assert parse_core(str(meant)) == meant


@pytest.mark.parametrize(
    "name",
    ["hub:", "hub:name", "hub:org/na me", "hub:org/name@", "hub:../../etc", "hub:org/name/../../x.pth",
     "https://example.org/org/name", "https://huggingface.co/datasets/org/name"],
)  # fmt: skip
def test_what_is_no_name_is_told_how_to_be_one(name):
    with pytest.raises(ConfigError, match="write hub:organisation/name"):
        METHODS.get(name if name.startswith("hub:") else f"hub:{name}")


def test_a_file_that_is_no_checkpoint_is_told_before_anything_is_fetched(local_hub):
    with pytest.raises(ConfigError, match="not a checkpoint format"):
        load_method("hub:org/name/weights.ckpt")
    assert local_hub.requests == []
