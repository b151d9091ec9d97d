"""Fetching cores from the Hugging Face Hub.

The Hub's own client downloads into its own cache, so what was fetched once is there offline; every file is
hashed against the name that the Hub gives it before it is opened.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from lipsync.errors import ArtefactError, ConfigError
from lipsync.methods.hub_name import CARD, CONFIG, WEIGHTS, HubCore
from lipsync.weights import hub
from lipsync.weights.download import (
    CHUNK,
    TIMEOUT,
    NoSuchFile,
    Progress,
    SourceError,
    hub_answers,
    hub_endpoint,
    reporting,
)

MOST = 2_000_000_000  # bytes of one file; a name in a text field must not fill the disk
WAITS = (1, 2, 4, 8)  # s between two tries of a Hub that has had too many requests
_COMMIT = re.compile(r"[0-9a-f]{40}")
_HASH = re.compile(r"[0-9a-f]{64}|[0-9a-f]{40}")


@dataclass(frozen=True)
class Fetched:
    """A core on this machine.

    Attributes:
        path: its folder, or the file of the checkpoint.
        commit: of the repository it was taken from, 40 hex digits.
        root: the folder of that commit in the client's cache; what messages should not show.
    """

    path: Path
    commit: str
    root: Path


def locate_core(core: HubCore) -> Fetched | None:
    """The core if this machine has it already. Opens no connection."""
    wanted = (core.file,) if core.file else (CONFIG, WEIGHTS)
    found = [_cached(core, file, core.revision) for file in wanted]
    first = found[0]
    if first is None or None in found or not all(_is_right(path) for path in found if path):
        return None
    return _fetched(core, first, wanted[0])


def fetch_core(core: HubCore, progress: Progress | None = None) -> Fetched:
    """The core, downloaded first if this machine does not have the commit that its revision means now.

    Without a connection, or where the Hub does not answer, what was fetched before is used.

    Args:
        core: what to fetch.
        progress: called with bytes done and in all; an exception from it stops the download.

    Raises:
        ArtefactError: it is unavailable; the message states why and what to do.
        ConfigError: the repository holds no core of this project.
    """
    report = progress or (lambda done, total: None)
    if hub.offline():
        found = locate_core(core)
        if found is None:
            raise ArtefactError("hub.offline", model=core)
        return found
    try:
        return _download(core, report)
    except SourceError as problem:
        found = locate_core(core)
        if found is not None:
            return found
        raise ArtefactError("hub.cannot_fetch", model=core, problem=problem) from problem


def licence_of(core: HubCore) -> str | None:
    """The licence named in the model card; None as long as the card is not on this machine."""
    from huggingface_hub import metadata_load

    card = _cached(core, CARD, core.revision)
    try:
        return str((metadata_load(card) or {})["license"]) if card else None
    except Exception:  # somebody else's YAML: whatever is wrong with it, there is no licence to show
        return None


def _download(core: HubCore, report: Progress) -> Fetched:
    if core.file:
        return _fetched(core, _get(core, core.file, core.revision, report), core.file)

    def quietly(done: int, total: int | None) -> None:  # small files, beside the one that gets a progress bar
        report(0, None)

    config = _part(core, CONFIG, core.revision, quietly)
    _check_config(core, config)
    found = _fetched(core, config, CONFIG)
    _part(core, WEIGHTS, found.commit, report)  # of the same commit, should the branch move meanwhile
    with suppress(SourceError):  # a core without its card is still one
        _get(core, CARD, found.commit, quietly)
    return found


def _part(core: HubCore, file: str, revision: str, report: Progress) -> Path:
    try:
        return _get(core, file, revision, report)
    except NoSuchFile as problem:
        raise ConfigError("hub.no_model", model=core, file=file, repo=core.repo) from problem


def _check_config(core: HubCore, config: Path) -> None:
    """Refuse what is clearly somebody else's before its weights are downloaded."""
    try:
        found = json.loads(config.read_text(encoding="utf-8"))
    except ValueError:
        found = None
    if not isinstance(found, dict) or "audio" not in found:
        raise ConfigError("hub.other_network", model=core, file=CONFIG)


def _get(core: HubCore, file: str, revision: str, report: Progress) -> Path:
    """One file of the repository, whole and right, from the cache or the Hub."""
    from huggingface_hub import constants, hf_hub_download, hf_hub_url

    before = _cached(core, file, revision)
    if before is not None and _COMMIT.fullmatch(revision) and _is_right(before):
        return before
    endpoint = hub_endpoint()
    # The client reports progress once a piece; at 10 MB a piece a slow line would seem dead.
    constants.DOWNLOAD_CHUNK_SIZE = min(constants.DOWNLOAD_CHUNK_SIZE, CHUNK)
    with hub_answers(Path(constants.HF_HUB_CACHE), revision, "HF_HOME"):
        about = _ask(hf_hub_url(core.repo, file, revision=revision, endpoint=endpoint), report)
        if about.size is not None and about.size > MOST:
            raise ConfigError(
                "hub.too_large",
                file=file,
                model=core,
                size=about.size / 1e9,
                most=MOST / 1e9,
            )
        path = Path(
            hf_hub_download(
                core.repo,
                file,
                revision=revision,
                endpoint=endpoint,
                token=_token(),
                tqdm_class=reporting(report),
            )
        )
        if _is_right(path, about.etag):
            return path
        path.resolve().unlink()
        path.unlink(missing_ok=True)
    if before is not None:  # it may have been damaged on this disk: once more, from the Hub
        return _get(core, file, revision, report)
    raise SourceError("hub.other_checksum")


def _ask(address: str, report: Progress) -> Any:
    """Commit, size and hash of a file. A Hub that has had too many requests is asked again when it allows."""
    from huggingface_hub import get_hf_file_metadata
    from huggingface_hub.errors import HfHubHTTPError

    for pause in WAITS:
        try:
            return get_hf_file_metadata(address, timeout=TIMEOUT, endpoint=hub_endpoint(), token=_token())
        except HfHubHTTPError as problem:
            if problem.response.status_code != 429:
                raise
            retry_after = problem.response.headers.get("Retry-After", "")
            _wait(min(60, int(retry_after)) if retry_after.isdigit() else pause, report)
    return get_hf_file_metadata(address, timeout=TIMEOUT, endpoint=hub_endpoint(), token=_token())


def _wait(seconds: float, report: Progress) -> None:
    """Wait so that a cancel is felt."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        report(0, None)
        time.sleep(min(0.5, left))


def _cached(core: HubCore, file: str, revision: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(core.repo, file, revision=revision)
    return Path(found) if isinstance(found, str) else None


def _fetched(core: HubCore, path: Path, file: str) -> Fetched:
    """Where the commit lies, from one of its files: the client's layout is ``snapshots/commit/file``."""
    root = path.parents[len(PurePosixPath(file).parts) - 1]
    return Fetched(path if core.file else root, root.name, root)


def _is_right(path: Path, announced: str | None = None) -> bool:
    """Whether a file is the one the Hub means, which names large ones by SHA-256, small ones by git's SHA-1.

    The cache keeps it under that name; where it cannot (without symbolic links), ``announced`` is compared.
    """
    blob = path.resolve()
    wanted = blob.name if _HASH.fullmatch(blob.name) else announced or ""
    if not _HASH.fullmatch(wanted):
        return True
    if len(wanted) == 64:
        return hub.checksum(blob) == wanted
    content = blob.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest() == wanted


def _token() -> bool | None:
    """None: this machine's token. On a Space, where anybody can type a name, it opens nothing for them."""
    return False if os.environ.get("SPACE_ID") else None
