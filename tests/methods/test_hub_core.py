"""Cores by ``hub:`` names, fetched by the real client from a Hub on this machine: first, again, offline."""

import io
import threading
from itertools import pairwise

import pytest
import torch

from lipsync.errors import ArtefactError, Cancelled
from lipsync.methods import METHODS, load_method
from lipsync.methods.hub_core import fetch_core, licence_of, locate_core
from lipsync.methods.hub_name import HubCore, parse_core
from lipsync.methods.lstm_cbam.config import LstmCbamConfig
from lipsync.methods.lstm_cbam.model import LipGANGenerator
from lipsync.methods.mcsawav2lip.config import generator_config
from lipsync.methods.wav2lip.config import Wav2LipConfig
from lipsync.methods.wav2lip.convert import read_published
from lipsync.methods.wav2lip.infer import Wav2LipMethod
from lipsync.methods.wav2lip.model import Generator
from tests.methods.hub_cores import CORE, REPO, blobs, downloads, files_of


def test_fetched_with_progress_then_kept(hub, core, tmp_path, monkeypatch):
    seen: list[tuple[int, int | None]] = []
    running = set(threading.enumerate())  # another test's progress bar may have left its monitor behind
    method = load_method(str(CORE), progress=lambda done, total: seen.append((done, total)))
    assert isinstance(method, Wav2LipMethod)
    assert method.card.revision == hub.commit(REPO)
    assert method.card.name == f"hub:{REPO}"
    size = len(core["model.safetensors"])
    weights = [done for done, total in seen if total == size]
    assert weights[-1] == size
    assert len(weights) > 2
    assert weights == sorted(set(weights))
    assert METHODS.get(str(CORE)).card.licence == "mit"
    assert METHODS.get(str(CORE)).ready
    started = set(threading.enumerate()) - running
    assert not [thread for thread in started if "monitor" in type(thread).__module__]

    assert downloads(hub) == 1
    load_method(str(CORE))
    assert downloads(hub) == 1

    pinned = f"hub:{REPO}@{hub.commit(REPO)}"
    asked = len(hub.requests)
    assert load_method(pinned).card.revision == hub.commit(REPO)
    assert len(hub.requests) == asked, "a commit never changes: nobody has to be asked"


def test_what_was_fetched_is_there_without_a_connection(hub, monkeypatch):
    commit = fetch_core(CORE).commit
    with monkeypatch.context() as cut:
        cut.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # the discard port: nothing listens
        assert fetch_core(CORE).commit == commit
    with monkeypatch.context() as offline:
        offline.setenv("LIPSYNC_OFFLINE", "1")
        offline.setattr("socket.socket.connect", lambda *_: pytest.fail("a socket was opened offline"))
        assert load_method(str(CORE)).card.revision == commit
        with pytest.raises(ArtefactError, match="hub:org/other is not on this machine, and offline"):
            load_method("hub:org/other")


def test_a_moved_branch_is_followed_and_a_pinned_commit_is_not(hub, put, core, tmp_path):
    old = fetch_core(CORE)
    torch.manual_seed(1)
    put(files_of(Generator(generator_config("full", width=0.125)), tmp_path / "new"))
    new = fetch_core(CORE)
    assert new.commit == hub.commit(REPO) != old.commit
    assert (new.path / "model.safetensors").read_bytes() != core["model.safetensors"]
    pinned = fetch_core(HubCore(REPO, None, old.commit))
    assert (pinned.path / "model.safetensors").read_bytes() == core["model.safetensors"]


def test_an_old_commit_that_was_never_fetched_is_still_to_be_had(hub, put, core, tmp_path):
    old = hub.commit(REPO)
    put({"model.safetensors": b"something else"})
    found = fetch_core(HubCore(REPO, None, old))
    assert found.commit == old
    assert (found.path / "model.safetensors").read_bytes() == core["model.safetensors"]


def test_the_weights_belong_to_the_commit_of_the_config(hub, put, core, monkeypatch):
    """The branch moves between the two downloads."""
    old = hub.commit(REPO)
    real = __import__("huggingface_hub").hf_hub_download

    def moving(repo, file, **options):
        path = real(repo, file, **options)
        if file == "config.json":
            put({"model.safetensors": b"something else"})
        return path

    monkeypatch.setattr("huggingface_hub.hf_hub_download", moving)
    found = fetch_core(CORE)
    assert found.commit == old
    assert (found.path / "model.safetensors").read_bytes() == core["model.safetensors"]


def test_a_repository_without_a_card_is_a_core_too(local_hub, put, core):
    put({name: data for name, data in core.items() if name != "README.md"})
    assert fetch_core(CORE).commit == local_hub.commit(REPO)
    assert licence_of(CORE) is None


def test_the_family_is_told_by_the_weights(local_hub, put, tmp_path):
    net = LipGANGenerator(LstmCbamConfig(width=0.125))
    put(files_of(net, tmp_path / "lipgan"))
    assert isinstance(load_method(str(CORE)).net, LipGANGenerator)


# --- broken lines ---


def test_a_line_that_breaks_is_taken_up_where_it_broke(hub, core, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)
    hub.cut("/storage/", after=700_000)
    found = fetch_core(CORE)
    assert (found.path / "model.safetensors").read_bytes() == core["model.safetensors"]
    ranges = [{k.lower(): v for k, v in r.headers.items()}.get("range") for r in hub.seen("GET", "/storage/")]
    assert ranges[0] is None
    assert ranges[1].startswith("bytes=")
    assert 0 < int(ranges[1][6:-1]) <= 700_000


def test_a_stopped_download_leaves_nothing_and_comes_whole_the_next_time(hub, core, tmp_path):
    def stop(done: int, total: int | None) -> None:
        if done > 500_000:
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        fetch_core(CORE, stop)
    assert not any(name.endswith(".incomplete") for name in blobs(tmp_path))
    assert locate_core(CORE) is None
    found = fetch_core(CORE)
    assert (found.path / "model.safetensors").read_bytes() == core["model.safetensors"]


def test_a_slow_line_shows_progress_and_can_be_stopped(hub, core):
    pieces = 12
    hub.slow("/storage/", len(core["model.safetensors"]) // pieces, 0.02, times=2)
    seen: list[int] = []
    fetch_core(CORE, lambda done, total: seen.append(done) if total and total > 100_000 else None)
    assert len(seen) >= pieces / 2
    assert max(later - earlier for earlier, later in pairwise(seen)) < seen[-1] / 2


def test_too_many_requests_are_repeated_when_the_hub_says(hub, monkeypatch):
    waits: list[float] = []
    monkeypatch.setattr("lipsync.methods.hub_core._wait", lambda seconds, report: waits.append(seconds))
    hub.fail("/resolve/", 429, times=2, headers={"Retry-After": "7"})
    assert fetch_core(CORE).commit == hub.commit(REPO)
    assert waits == [7, 7]

    hub.fail("/resolve/", 429)
    with pytest.raises(ArtefactError, match="too many requests from here, try again later"):
        fetch_core(HubCore(REPO, None, "0" * 40))
    assert waits[2:] == [1, 2, 4, 8]


def test_waiting_for_the_hub_can_be_stopped(hub):
    hub.fail("/resolve/", 429, headers={"Retry-After": "3600"})

    def stop(done: int, total: int | None) -> None:
        raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        fetch_core(CORE, stop)


# --- published checkpoints ---


@pytest.fixture(scope="module")
def checkpoint(published) -> bytes:
    """A published Wav2Lip file: its keys and shapes, and the optimiser's state that comes with it."""
    state = {key: torch.zeros(shape) for key, shape in published["generator"].items()}
    for key in state:
        if key.endswith("running_var"):
            state[key] += 1
    state["output_block.1.bias"] = torch.tensor([0.1, 0.2, 0.3])
    buffer = io.BytesIO()
    torch.save({"state_dict": state, "optimizer": {"step": 3}, "global_step": 3}, buffer)
    return buffer.getvalue()


def test_a_published_checkpoint_is_converted_once(local_hub, put, checkpoint, tmp_path, monkeypatch):
    put({"checkpoints/wav2lip_gan.pth": checkpoint})
    name = f"hub:{REPO}/checkpoints/wav2lip_gan.pth"
    first = load_method(name)
    assert isinstance(first, Wav2LipMethod)
    assert first.card.revision == local_hub.commit(REPO)
    (kept,) = (tmp_path / "cache" / "converted").iterdir()
    assert kept.name == first.weights_sha256
    assert {path.name for path in kept.iterdir()} == {"config.json", "model.safetensors"}

    file = fetch_core(parse_core(name)).path
    with monkeypatch.context() as patch:
        patch.setattr("torch.load", lambda *_, **__: pytest.fail("the pickle was opened again"))
        again = read_published(file)[1]
    assert torch.equal(again["output_block.1.bias"], first.net.output_block[1].bias)
    assert again["output_block.1.bias"].tolist() == pytest.approx([0.3, 0.2, 0.1])  # BGR became RGB, once

    (kept / "model.safetensors").unlink()  # it is still mapped into memory
    (kept / "model.safetensors").write_bytes(b"damaged")
    assert torch.equal(read_published(file)[1]["output_block.1.bias"], again["output_block.1.bias"])
    assert (kept / "model.safetensors").stat().st_size > 1e6


def test_a_conversion_that_finds_no_room_is_done_without(local_hub, put, checkpoint, tmp_path, monkeypatch):
    put({"wav2lip.pth": checkpoint})
    (tmp_path / "cache").write_text("in the way")
    assert read_published(fetch_core(HubCore(REPO, "wav2lip.pth")).path)[0] == Wav2LipConfig(framing="s3fd")
