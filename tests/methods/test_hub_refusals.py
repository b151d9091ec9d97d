"""What the Hub refuses, wrong files, full disks, and repositories that hold no core: one sentence each."""

import errno
import io
import json
import os
import subprocess
from pathlib import Path

import pytest
import torch

from lipsync.errors import ArtefactError, ConfigError
from lipsync.methods import load_method
from lipsync.methods.hub_core import fetch_core, locate_core
from lipsync.methods.mcsawav2lip.config import sync_expert_config
from tests.methods.hub_cores import CORE, REPO, blobs, downloads, files_of


def test_a_gated_repository_says_what_to_do(hub, monkeypatch):
    hub.gate(REPO, "hf_right")
    with pytest.raises(ArtefactError, match=r"hub:someone/core could not be fetched: asks for permission: "):
        load_method(str(CORE))  # 401
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(ArtefactError, match="accept its terms on the Hub and set HF_TOKEN"):
        load_method(str(CORE))  # 403
    monkeypatch.setenv("HF_TOKEN", "hf_right")
    assert load_method(str(CORE)).card.revision == hub.commit(REPO)
    storage = hub.seen("GET", "/storage/")[-1]
    assert "authorization" not in {name.lower() for name in storage.headers}


def test_on_a_space_the_owner_s_token_opens_nothing_for_visitors(hub, monkeypatch):
    hub.gate(REPO, "hf_owner")
    monkeypatch.setenv("HF_TOKEN", "hf_owner")
    monkeypatch.setenv("SPACE_ID", "owner/portal")
    with pytest.raises(ArtefactError, match="asks for permission"):
        load_method(str(CORE))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("hub:nobody/nothing", "no such repository, or it is private"),
        (f"hub:{REPO}@v9", "no such revision 'v9'"),
        (f"hub:{REPO}/other.pth", "no such file in the repository"),
    ],
)
def test_what_the_hub_does_not_have(hub, name, told):
    with pytest.raises(ArtefactError, match=f"{name} could not be fetched: {told}"):
        load_method(name)


# --- wrong files ---


def test_wrong_bytes_are_refused_and_removed(hub, core, tmp_path):
    weights = core["model.safetensors"]
    hub.swap(weights, weights[::-1])
    with pytest.raises(ArtefactError, match=r"its checksum differs\); it was removed"):
        load_method(str(CORE))
    assert not any((tmp_path / "hub").rglob("model.safetensors"))
    assert all(path.stat().st_size < 10_000 for path in (tmp_path / "hub").rglob("blobs/*"))
    hub.swap(weights, weights)
    assert load_method(str(CORE)).card.revision == hub.commit(REPO)


def test_a_file_that_rots_on_the_disk_is_fetched_again(hub, core):
    weights = fetch_core(CORE).path / "model.safetensors"
    blob = weights.resolve()
    blob.write_bytes(core["model.safetensors"][::-1])
    os.utime(blob, ns=(1, 1))
    assert locate_core(CORE) is None
    assert (fetch_core(CORE).path / "model.safetensors").read_bytes() == core["model.safetensors"]
    assert downloads(hub) == 2


def test_a_full_disk_is_said_and_nothing_half_is_left(hub, tmp_path, monkeypatch):
    real = Path.open

    def full(self, mode="r", *args, **options):
        file = real(self, mode, *args, **options)
        if not self.name.endswith(".incomplete"):
            return file

        class Full(io.FileIO):
            def write(self, data):
                if self.tell() > 500_000:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                return super().write(data)

        file.close()
        return Full(str(self), mode)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        with pytest.raises(ArtefactError, match=r"Cannot write .*hub: No space left on device.*HF_HOME"):
            load_method(str(CORE))
    assert not any(name.endswith(".incomplete") for name in blobs(tmp_path))
    assert load_method(str(CORE)).card.revision == hub.commit(REPO)


def test_a_disk_that_really_is_full(hub, tmp_path, monkeypatch):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mount.returncode:
        pytest.skip("needs the right to mount a small disk")
    try:
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(disk))
        full = pytest.raises(ArtefactError, match="No space left on device")
        with pytest.warns(UserWarning, match="Not enough free disk space"), full:
            load_method(str(CORE))
        assert not list(disk.rglob("*.incomplete"))
    finally:
        subprocess.run(["umount", str(disk)], check=True)


# --- not ours ---


def test_somebody_else_s_repository_is_named_as_one(local_hub, put, core):
    put({"pytorch_model.bin": b"x" * 1000})
    with pytest.raises(ConfigError, match=r"holds no model of this project: there is no config\.json in it"):
        load_method(str(CORE))
    put({"config.json": json.dumps({"architectures": ["Bert"]}).encode(), "model.safetensors": b"x"})
    with pytest.raises(ConfigError, match="describes another network"):
        load_method(str(CORE))
    assert downloads(local_hub) == 0, "weights were downloaded that could not be used"
    put({"config.json": b"{"})
    with pytest.raises(ConfigError, match="describes another network"):
        load_method(str(CORE))


def test_a_core_without_weights_or_with_others(local_hub, put, core, tmp_path):
    put({"config.json": core["config.json"]})
    with pytest.raises(ConfigError, match=r"there is no model\.safetensors in it"):
        load_method(str(CORE))
    from lipsync.experts.sync_expert import SyncExpert

    put(files_of(SyncExpert(sync_expert_config("full", 0.125)), tmp_path / "expert"))
    with pytest.raises(ConfigError) as caught:
        load_method(str(CORE))
    assert str(caught.value).startswith(f"{REPO}/model.safetensors does not hold the generator expected")
    assert "a sync expert" in str(caught.value)
    put({"model.safetensors": b"not tensors"})
    with pytest.raises(ArtefactError, match=f"^{REPO}/model.safetensors is damaged or not a checkpoint"):
        load_method(str(CORE))


def test_what_is_too_large_is_not_even_begun(hub, monkeypatch):
    monkeypatch.setattr("lipsync.methods.hub_core.MOST", 10_000)
    with pytest.raises(ConfigError, match=r"model\.safetensors of hub:someone/core has"):
        load_method(str(CORE))
    assert downloads(hub) == 0


def test_a_pickle_of_somebody_else_runs_nothing(local_hub, put, tmp_path):
    class Evil:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'ran'}",)

    buffer = io.BytesIO()
    torch.save({"state_dict": Evil()}, buffer)
    put({"a.pth": buffer.getvalue()})
    with pytest.raises(ArtefactError, match=f"{REPO}/a.pth holds more than weights"):
        load_method(f"hub:{REPO}/a.pth")
    assert not (tmp_path / "ran").exists()
