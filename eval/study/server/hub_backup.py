"""Backup of studies on machines without a lasting disk: change log and clips in a Hub dataset repository.

``LIPSYNC_STUDY_REPO=you/ratings`` names the repository, made private if it is missing. When the portal
starts, what is there becomes the studies and the leaderboard again; while it runs, what is new is sent every
minute, and once more when it stops. ``LIPSYNC_STUDY_WAIT=1`` answers a rater only when the marks are on the
Hub: for studies so small that a commit for each answer is no burden, and so dear that not even a crash may
cost a minute.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import (
    CommitInfo,
    CommitOperationAdd,
    CommitOperationDelete,
    CommitScheduler,
    HfApi,
    snapshot_download,
)

from eval.study.server.service import Service
from eval.study.server.views import Completion, Deleted, Started, TrialView
from eval.study.storage.change_log import FOLDER, ChangeLog
from eval.study.storage.store import CLIPS, Store
from lipsync.errors import ConfigError, StudyError
from lipsync.weights.download import SourceError, hub_answers, hub_endpoint, reporting
from lipsync.weights.push import check_repo

log = logging.getLogger(__name__)

EVERY = 60.0  # s; the Hub takes about a hundred commits an hour
PATTERNS = [f"{FOLDER}/*.jsonl", f"{CLIPS}/*/*.mp4"]


class HubBackup:
    """A store of studies and its repository.

    Args:
        store: what is backed up; its database has to be the portal's own.
        repo: ``user/name`` of a dataset repository.
        every: seconds between two uploads.
        files: patterns of more files in the store's folder, each of which is written as a whole.

    Raises:
        ConfigError: the repository cannot be used. Nothing may be rated then: it would be lost.
    """

    def __init__(self, store: Store, repo: str, every: float = EVERY, files: Sequence[str] = ()) -> None:
        check_repo(repo)
        self.store, self.repo, self.files = store, repo, tuple(files)
        self.change_log = ChangeLog(store)
        self._api = HfApi(endpoint=hub_endpoint())
        try:
            with hub_answers(store.folder, variable="LIPSYNC_DATA"):
                self._api.create_repo(repo, repo_type="dataset", private=True, exist_ok=True)
                self._fetch()
                self._sent = self._whole_files()
                self._changed: set[Path] = set()  # since something was deleted, and not sent yet
                self._deleted: set[str] = set()  # names or folders that the repository may still have
                left_out = self.change_log.replay()
                self.change_log.start()
                self._pusher = _Pusher(self, every)
        except SourceError as problem:
            raise ConfigError("hub_backup.unusable", repo=repo, problem=problem) from problem
        if left_out:
            log.warning("%d changes in the journal of %s do not fit and were left out", left_out, repo)

    def flush(self) -> None:
        """Block until everything stored so far is on the Hub.

        Raises:
            StudyError: it cannot be sent now; it is kept here, and is sent later.
        """
        try:
            self._pusher.push_to_hub()
        except Exception as problem:
            log.warning("the studies could not be sent to %s", self.repo, exc_info=True)
            raise StudyError("rating.not_safe_yet") from problem

    def close(self) -> None:
        """Accept no more answers, and upload what is left."""
        self.change_log.close()
        self._pusher.stop()
        try:
            self._pusher.push_to_hub()
        except Exception:
            log.exception(
                "the last answers could not be sent to %s; they are in %s", self.repo, self.store.folder
            )

    def _fetch(self) -> None:
        """Download what is on the Hub.

        Where a file that grows is longer here, it has lines that were not sent yet; of a file that is written
        as a whole, the one here is the newer.
        """
        there = Path(
            snapshot_download(
                self.repo,
                repo_type="dataset",
                allow_patterns=[*PATTERNS, *self.files],
                endpoint=hub_endpoint(),
                tqdm_class=reporting(lambda done, total: None),
            )
        )
        for pattern in (*PATTERNS, *self.files):
            for path in there.glob(pattern):
                here = self.store.folder / path.relative_to(there)
                grows = pattern in PATTERNS
                if not here.is_file() or (grows and here.stat().st_size < path.stat().st_size):
                    here.parent.mkdir(parents=True, exist_ok=True)
                    part = here.with_name(f".{here.name}.part")
                    shutil.copyfile(path, part)
                    part.replace(here)

    def _whole_files(self) -> set[str]:
        """The files here that are written as a whole, as they are called in the repository."""
        folder = self.store.folder
        return {path.relative_to(folder).as_posix() for one in self.files for path in folder.glob(one)}

    def erase(self) -> None:
        """Take what was deleted out of the repository: raters, studies, files; also out of its history.

        What could not be sent is tried again the next time.
        """
        here = self._whole_files()
        changed, studies = self.change_log.erase()
        self._changed |= set(changed)
        self._deleted |= {f"{CLIPS}/{study}/" for study in studies} | (self._sent - here)
        self._sent = here
        if not self._changed and not self._deleted:
            return
        there = self._api.list_repo_files(self.repo, repo_type="dataset") if self._deleted else []
        operations: list[Any] = [
            CommitOperationAdd(path.relative_to(self.store.folder).as_posix(), path)
            for path in sorted(self._changed)
        ]
        operations += [
            CommitOperationDelete(file) for file in there if file.startswith(tuple(self._deleted - here))
        ]
        if operations:
            self._api.create_commit(
                self.repo, operations, commit_message="Delete what was asked for", repo_type="dataset"
            )
            self._api.super_squash_history(self.repo, repo_type="dataset")
        self._changed, self._deleted = set(), set()


class _Pusher(CommitScheduler):
    """Uploads the files that have grown; one upload at a time."""

    def __init__(self, mirror: HubBackup, every: float) -> None:
        self._hub_backup = mirror
        self._alone = threading.Lock()
        super().__init__(
            repo_id=mirror.repo,
            repo_type="dataset",
            folder_path=mirror.store.folder,
            every=every / 60,
            private=True,
            allow_patterns=[*PATTERNS, *mirror.files],
            ignore_patterns=[f"{CLIPS}/.*"],  # a study in the making
            hf_api=mirror._api,
        )

    def push_to_hub(self) -> CommitInfo | None:
        """Upload what is new, and remove what was deleted."""
        with self._alone:
            self._hub_backup.erase()
            return super().push_to_hub()


class SafeService(Service):
    """The rater's requests, each answered once its data is on the Hub."""

    def __init__(self, store: Store, mirror: HubBackup) -> None:
        super().__init__(store)
        self._hub_backup = mirror

    def consent(self, link: str, language: str = "en", address: str | None = None) -> Started:
        """As `Service.consent`."""
        started = super().consent(link, language, address)
        self._hub_backup.flush()
        return started

    def rate(self, session: str, trial: str, marks: Mapping[str, int], token: str) -> TrialView:
        """As `Service.rate`."""
        view = super().rate(session, trial, marks, token)
        self._hub_backup.flush()
        return view

    def finish(self, session: str, comment: str = "") -> Completion:
        """As `Service.finish`."""
        completion = super().finish(session, comment)
        self._hub_backup.flush()
        return completion

    def delete(self, code: str, address: str | None = None) -> Deleted:
        """As `Service.delete`."""
        deleted = super().delete(code, address)
        self._hub_backup.flush()
        return deleted


def mirrored(
    store: Store, environment: Mapping[str, str], files: Sequence[str] = ()
) -> tuple[Service, HubBackup | None]:
    """The rater's requests over a store, and its Hub backup if LIPSYNC_STUDY_REPO names one.

    ``files`` are patterns of what else in the store's folder is backed up, as for :class:`HubBackup`.

    Raises:
        ConfigError: it cannot be used.
    """
    repo = environment.get("LIPSYNC_STUDY_REPO", "").strip()
    if not repo:
        return Service(store), None
    wait = environment.get("LIPSYNC_STUDY_WAIT", "0").strip() or "0"
    if wait not in ("0", "1"):
        raise ConfigError("hub_backup.wait_form", wait=wait)
    mirror = HubBackup(store, repo, files=files)
    return SafeService(store, mirror) if wait == "1" else Service(store), mirror
