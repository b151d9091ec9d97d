import io
import os
import pickle
import zipfile
from pathlib import Path

import pytest
import torch

from lipsync.errors import ArtefactError, ConfigError
from lipsync.weights.checkpoint import load_checkpoint

STATE = {"layer.weight": torch.arange(6.0).reshape(2, 3), "layer.bias": torch.tensor([1, 2])}


class Marks:
    """Unpickling an object of this class makes a folder: what a malicious checkpoint would do."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def same(loaded, state) -> bool:
    return loaded.keys() == state.keys() and all(torch.equal(loaded[name], state[name]) for name in state)


@pytest.mark.parametrize("ending", [".pth", ".pt", ".model", ".safetensors"])
@pytest.mark.parametrize("zipped", [True, False])
def test_what_was_saved_is_loaded(tmp_path, ending, zipped):
    path = tmp_path / f"weights{ending}"
    if ending == ".safetensors":
        from safetensors.torch import save_file

        save_file(STATE, path)
    else:
        torch.save(STATE, path, _use_new_zipfile_serialization=zipped)
    assert same(load_checkpoint(path), STATE)


def test_a_checkpoint_in_the_field_s_usual_wrapping(tmp_path):
    path = tmp_path / "wav2lip.pth"
    torch.save({"state_dict": STATE, "optimizer": None, "global_step": 3, "global_epoch": 1}, path)
    loaded = load_checkpoint(path)
    assert loaded["global_step"] == 3
    assert same(loaded["state_dict"], STATE)


def test_a_published_checkpoint_loads(shared):
    loaded = load_checkpoint(shared / "weights" / "lr_asd_ava.model")
    tensors = [value for value in loaded.values() if isinstance(value, torch.Tensor)]
    # 0.84 million parameters, as its authors state; the file holds little else.
    assert 0.8e6 < sum(tensor.numel() for tensor in tensors) < 0.9e6


@pytest.mark.parametrize("torch_zip", [True, False])
def test_code_in_a_pickle_is_refused_and_not_run(tmp_path, torch_zip):
    path, mark = tmp_path / "evil.pth", tmp_path / "ran"
    torch.save({"w": Marks(mark)}, path, _use_new_zipfile_serialization=torch_zip)
    with pytest.raises(ArtefactError, match=r"evil\.pth holds more than weights \(\w+\.mkdir\)"):
        load_checkpoint(path)
    assert not mark.exists()
    # The trap is a real one: an ordinary load springs it.
    torch.load(path, weights_only=False)
    assert mark.exists()


def test_code_in_a_plain_pickle_is_not_run(tmp_path):
    path, mark = tmp_path / "evil.model", tmp_path / "ran"
    path.write_bytes(pickle.dumps(Marks(mark), protocol=2))
    with pytest.raises(ArtefactError):
        load_checkpoint(path)
    assert not mark.exists()


def saved(state=STATE, zipped=True) -> bytes:
    buffer = io.BytesIO()
    torch.save(state, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>Sign in to continue</html>",
        b"\x80\x02}q\x00(X",
        saved()[:400],
        saved(zipped=False)[:300],
        saved()[: len(saved()) // 2],
    ],
    ids=["empty", "a web page", "half a pickle", "cut zip", "cut pickle", "half a zip"],
)
@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_a_damaged_file_is_named_and_told_what_to_do(tmp_path, content, ending):
    path = tmp_path / f"weights{ending}"
    path.write_bytes(content)
    message = r"weights\.\w+ is damaged or not a checkpoint.*copy it again"
    with pytest.raises(ArtefactError, match=message) as caught:
        load_checkpoint(path)
    assert "\n" not in str(caught.value)


def test_other_content_is_told_apart(tmp_path):
    listed = tmp_path / "list.pt"
    torch.save([torch.zeros(2)], listed)
    with pytest.raises(ArtefactError, match="holds a list, not named weights"):
        load_checkpoint(listed)

    program = tmp_path / "program.pt"
    with zipfile.ZipFile(program, "w") as archive:  # the layout torch.jit.save writes
        for name in ("data.pkl", "constants.pkl", "version"):
            archive.writestr(f"program/{name}", b"")
    with pytest.raises(ArtefactError, match="TorchScript program"):
        load_checkpoint(program)

    with pytest.raises(ArtefactError, match=r"no checkpoint .*missing\.pth"):
        load_checkpoint(tmp_path / "missing.pth")
    with pytest.raises(ConfigError, match=r"notes\.txt is not a checkpoint format"):
        load_checkpoint(tmp_path / "notes.txt")


def test_what_a_header_says_breaks_no_line(tmp_path):
    header = b'{"a": {"dtype": "\\u001b[31m\\n", "shape": [1], "data_offsets": [0, 4]}}'
    path = tmp_path / "x.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(ArtefactError, match="damaged") as problem:
        load_checkpoint(path)
    assert str(problem.value).isprintable()


def _with_directory(path: Path, field: int, value: bytes) -> Path:
    """A saved state whose first line of the zip's directory says something else."""
    torch.save(STATE, path)
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x01\x02")
    content[at + field : at + field + len(value)] = value
    path.write_bytes(content)
    return path


def test_a_damaged_directory_of_a_pickle_is_a_sentence(tmp_path):
    for field, value in ((46, b"\xff"), (42, b"\xff\xff\xff\xff")):  # no UTF-8; a member behind the end
        with pytest.raises(ArtefactError, match="damaged or not a checkpoint"):
            load_checkpoint(_with_directory(tmp_path / "x.pth", field, value))


def test_a_zip_of_a_later_version_is_left_to_torch(tmp_path):
    assert same(load_checkpoint(_with_directory(tmp_path / "x.pth", 6, b"\x40")), STATE)
