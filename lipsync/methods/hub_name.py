"""Names of cores on the Hugging Face Hub.

``hub:org/name`` is a repository as this project writes them; ``hub:org/name/path/file.pth`` one file of
weights in the published Wav2Lip format. ``@revision`` at the end pins a branch, a tag or a commit.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from lipsync.errors import ConfigError
from lipsync.weights.checkpoint import check_ending
from lipsync.weights.download import hub_endpoint

PREFIX = "hub:"
CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "README.md"


@dataclass(frozen=True)
class HubCore:
    """What a name means.

    Attributes:
        repo: ``org/name``.
        file: path of a checkpoint in it; None: the repository is a core of this project.
        revision: branch, tag or commit.
    """

    repo: str
    file: str | None = None
    revision: str = "main"

    def __str__(self) -> str:
        at = "" if self.revision == "main" else f"@{self.revision}"
        return f"{PREFIX}{self.repo}{f'/{self.file}' if self.file else ''}{at}"


def parse_core(name: str) -> HubCore:
    """The core that a name means, with or without ``hub:``; an address of a page of the Hub will do too.

    Raises:
        ConfigError: it is none of these.
    """
    from huggingface_hub import parse_hf_uri
    from huggingface_hub.errors import HfUriError

    body = name.strip().removeprefix(PREFIX).strip("/")
    place, _, revision = body.rpartition("@")
    if "://" not in body:
        if place.count("/") > 1:  # behind a file, which is not where the Hub's own notation has it
            org, repo, file = place.split("/", 2)
            body = f"{org}/{repo}@{quote(revision, safe='')}/{file}"
        body = f"hf://models/{body}"
    try:
        found = parse_hf_uri(body, hub_endpoint())
    except HfUriError:
        found = None
    if found is None or found.type != "model" or ".." in found.path_in_repo.split("/"):
        raise ConfigError("hub.name_form", name=name)
    file = found.path_in_repo
    if file not in ("", CONFIG, WEIGHTS):
        check_ending(file)
        return HubCore(found.id, file, found.revision or "main")
    return HubCore(found.id, None, found.revision or "main")
