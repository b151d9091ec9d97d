"""The reading half of the local Hub: what a visitor may see of a repository and of its files."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.hub_server import HubServer


class HubPages:
    """Part of the request handler."""

    hub: HubServer
    headers: Any

    def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        raise NotImplementedError

    def _content(self, content: bytes | None, headers: dict[str, str] | None = None) -> None:
        raise NotImplementedError

    def _token(self) -> str:
        return str(self.headers.get("Authorization", "")).removeprefix("Bearer ")

    def _files(self, repo: str, revision: str) -> dict[str, bytes] | None:
        """The files that this visitor may see; otherwise the refusal is answered."""
        if repo not in self.hub.repositories:
            self._answer(
                401, headers={"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"}
            )
            return None
        if self.hub.gates.get(repo, self._token()) != self._token():
            self._answer(403 if self._token() else 401, headers=_error("GatedRepo"))
            return None
        files = self.hub.at(repo, revision)
        if files is None:
            self._answer(404, headers=_error("RevisionNotFound"))
        return files

    def _resolve(self, repo: str, revision: str, file: str) -> None:
        files = self._files(repo, revision)
        if files is None:
            return
        content = files.get(file)
        headers = {"X-Repo-Commit": self.hub.commit(repo) if revision == "main" else revision}
        if content is None:
            self._answer(404, headers=headers | _error("EntryNotFound"))
        elif (repo, file) in self.hub.small:
            self._content(content, headers | {"ETag": f'"{self.hub.name_of(repo, file, content)}"'})
        else:
            headers |= {"X-Linked-Etag": f'"{etag(content)}"', "X-Linked-Size": str(len(content))}
            self._answer(302, headers=headers | {"Location": f"{self.hub.storage_url}/{etag(content)}"})

    def _info(self, repo: str, what: str | None, revision: str) -> None:
        files = self._files(repo, revision)
        if files is None:
            return
        if what == "tree":
            told: Any = [self._leaf(repo, name, data) for name, data in sorted(files.items())]
        else:
            sha = self.hub.commit(repo) if revision == "main" else revision
            told = {"_id": "0", "id": repo.split("/", repo.count("/") - 1)[-1], "sha": sha, "private": False}
            told |= {"siblings": [{"rfilename": name} for name in files]}
            told |= {"tags": [], "downloads": 0, "likes": 0}
        self._answer(200, json.dumps(told).encode(), {"Content-Type": "application/json"})

    def _leaf(self, repo: str, name: str, data: bytes) -> dict[str, Any]:
        leaf: dict[str, Any] = {"type": "file", "path": name, "size": len(data)}
        leaf["oid"] = self.hub.name_of(repo, name, data)
        if (repo, name) not in self.hub.small:
            leaf["lfs"] = {"oid": etag(data), "size": len(data), "pointerSize": 130}
        return leaf


def _error(code: str) -> dict[str, str]:
    """How the Hub says what is missing; its clients read the code, not the status."""
    return {"X-Error-Code": code, "X-Error-Message": code}


def etag(content: bytes) -> str:
    """SHA-256, which is what the Hub gives for large files."""
    return hashlib.sha256(content).hexdigest()
