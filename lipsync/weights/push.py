"""Putting a core on the Hugging Face Hub, with its model card, in one commit."""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lipsync.errors import ArtefactError, ConfigError
from lipsync.weights.download import SourceError, hub_answers, hub_endpoint
from lipsync.weights.model_card import read_card

FILES = (".md", ".json", ".safetensors", ".csv", ".png", ".toml", ".txt")  # what belongs to a core


@dataclass(frozen=True)
class HubRepo:
    """A repository on the Hub, made when something is put into it for the first time.

    Attributes:
        name: ``organisation/name``.
        kind: ``model``, ``space`` or ``dataset``.
        private: whether a new one is; one that exists stays as it is.
        hardware: of a new Space, in the Hub's words.
    """

    name: str
    kind: str = "model"
    private: bool = False
    hardware: str | None = None


@dataclass(frozen=True)
class Pushed:
    """What was, or would be, uploaded.

    Attributes:
        files: name and size in bytes, the largest first.
        commit: of the repository; None after a dry run, and where nothing had changed the one before.
        url: of that commit.
    """

    files: tuple[tuple[str, int], ...]
    commit: str | None = None
    url: str | None = None


def push(model: Path, repo: str, private: bool = False, dry_run: bool = False) -> Pushed:
    """Upload the folder of a model to ``repo`` on the Hub, made if missing. HF_TOKEN has to allow it.

    Args:
        model: a folder with config.json, model.safetensors and a model card; what ``export`` writes.
        repo: ``organisation/name``.
        private: whether a new repository is; one that exists stays as it is.
        dry_run: check everything that can be checked here, and upload nothing.

    Raises:
        ConfigError: the folder is no core, its card lacks something, or the name cannot be.
        ArtefactError: the Hub does not take it; nothing was changed there.
    """
    check_repo(repo)
    check_model(model)
    read_card(model)
    paths = [path for path in sorted(model.iterdir()) if path.is_file() and path.suffix in FILES]
    files = tuple(sorted(((path.name, path.stat().st_size) for path in paths), key=lambda entry: -entry[1]))
    if dry_run:
        return Pushed(files)
    message = f"Upload {model.resolve().name}"
    commit, url = upload(model, HubRepo(repo, private=private), message, [path.name for path in paths])
    return Pushed(files, commit, url)


def check_repo(repo: str) -> None:
    """Refuse what is no ``organisation/name``.

    Raises:
        ConfigError: it is none.
    """
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repo, re.ASCII):
        raise ConfigError("push.name_form", repo=repo)


def check_model(folder: Path) -> None:
    """Refuse a folder that nobody could load a model from.

    Raises:
        ConfigError: config.json or model.safetensors is missing or damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        with safe_open(folder / "model.safetensors", framework="np") as weights:
            whole = bool(isinstance(config, dict) and list(weights.keys()))
    except (OSError, ValueError, SafetensorError):
        whole = False
    if not whole:
        raise ConfigError("push.not_model", folder=folder)


def upload(
    folder: Path,
    repo: HubRepo,
    message: str,
    patterns: list[str] | None = None,
    replace: bool = False,
) -> tuple[str, str]:
    """Make the repository if it is missing, and put a folder into it in one commit.

    Args:
        patterns: of the names that are taken; None: all.
        replace: whether files of the repository that are not in the folder go.

    Returns:
        The commit's hash and its address.

    Raises:
        ArtefactError: the Hub does not take it.
    """
    from huggingface_hub import HfApi

    api = HfApi(endpoint=hub_endpoint())
    space: dict[str, Any] = {}
    if repo.kind == "space":
        space = {"space_sdk": "gradio", "space_hardware": repo.hardware}
    try:
        with hub_answers(folder), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the Hub's remarks on a card, which are no errors
            api.create_repo(
                repo.name, repo_type=repo.kind, private=repo.private or None, exist_ok=True, **space
            )
            made = api.upload_folder(
                repo_id=repo.name,
                folder_path=folder,
                repo_type=repo.kind,
                commit_message=message,
                allow_patterns=patterns,
                delete_patterns="*" if replace else None,
            )
    except SourceError as problem:
        raise ArtefactError("push.cannot_write", repo=repo.name, problem=problem) from problem
    except (RuntimeError, ValueError) as problem:  # refused metadata, or a storage that failed
        line = " ".join(str(problem.__cause__ or problem).split())[:300]
        raise ArtefactError("push.refused", repo=repo.name, problem=line) from problem
    return made.oid, made.commit_url
