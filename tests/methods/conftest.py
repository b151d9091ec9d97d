"""Keys and shapes of the published networks, listed by the original code; a core on the local Hub."""

import json
from pathlib import Path

import pytest
import torch

from lipsync.methods.mcsawav2lip.config import generator_config
from lipsync.methods.wav2lip.model import Generator
from tests.methods.hub_cores import REPO, SMALL, files_of


@pytest.fixture(scope="session")
def published() -> dict[str, dict[str, tuple[int, ...]]]:
    """``generator`` and ``sync_expert``: key to shape."""
    path = Path(__file__).parents[1] / "reference" / "wav2lip_keys.json"
    return {
        name: {key: tuple(shape) for key, shape in entries.items()}
        for name, entries in json.loads(path.read_text()).items()
    }


@pytest.fixture(scope="session")
def core(tmp_path_factory) -> dict[str, bytes]:
    """A core of this project, an eighth of the published width."""
    torch.manual_seed(0)
    net = Generator(generator_config("full", width=0.125))
    card = b"---\nlicense: mit\n---\n# A core\n"
    return files_of(net, tmp_path_factory.mktemp("core")) | {"README.md": card}


@pytest.fixture
def put(local_hub):
    """Puts files into a repository of the local Hub."""

    def put(files: dict[str, bytes], repo: str = REPO) -> None:
        for name, content in files.items():
            local_hub.add_model(repo, name, content, large=name not in SMALL)

    return put


@pytest.fixture
def hub(local_hub, put, core):
    """The local Hub with the core on it."""
    put(core)
    return local_hub
