"""The writing half of the local Hub: repositories are made, large files uploaded, commits sent as NDJSON."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from tests.hub_server import HubServer

_API = r"/api/(?P<kind>models|datasets|spaces)/(?P<name>[^/]+/[^/]+)"
_PREUPLOAD = re.compile(_API + r"/preupload/(?P<revision>[^/]+)")
_COMMIT = re.compile(_API + r"/commit/(?P<revision>[^/]+)")
_SQUASH = re.compile(_API + r"/super-squash/[^/]+")
_BATCH = re.compile(r"/(?P<repo>(?:datasets/|spaces/)?[^/]+/[^/]+)\.git/info/lfs/objects/batch")
_LARGE = (".safetensors", ".pth", ".mp4", ".wav", ".jpg", ".png")
SMALL = 10_000_000  # bytes; what is larger is large whatever its name

Answer = tuple[int, dict[str, Any]]


def key(kind: str, name: str) -> str:
    """The name under which the server keeps a repository: models bare, the others with their kind."""
    return name if kind in ("model", "models") else f"{kind.rstrip('s')}s/{name}"


class Commits:
    """What a POST or PUT does. Every commit is kept in ``made`` as (repository, summary, paths)."""

    def __init__(self, hub: HubServer) -> None:
        self.hub = hub
        self.stored: dict[str, bytes] = {}  # large files that were uploaded, by SHA-256
        self.made: list[tuple[str, str, list[str]]] = []
        self.created: list[dict[str, Any]] = []

    def answer(self, method: str, path: str, body: bytes, token: str) -> Answer:
        """The status and JSON for a request that changes something."""
        if method == "PUT" and path.startswith("/lfs/"):
            return self._store(path.removeprefix("/lfs/"), body)
        if path == "/api/validate-yaml":
            return self._validate(json.loads(body)["content"])
        if self.hub.writers and token not in self.hub.writers:
            return 401, {"error": "Invalid credentials"}
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if path == "/lfs-verify":
            return (200, {}) if json.loads(body)["oid"] in self.stored else (404, {"error": "not uploaded"})
        if match := _PREUPLOAD.fullmatch(path):
            return self._preupload(key(match["kind"], match["name"]), json.loads(body)["files"])
        if match := _BATCH.fullmatch(path):
            return self._batch(json.loads(body)["objects"])
        if match := _SQUASH.fullmatch(path):
            self.hub.squash(key(match["kind"], match["name"]))
            return 200, {}
        if match := _COMMIT.fullmatch(path):
            return self._commit(key(match["kind"], match["name"]), body)
        return 404, {"error": "no such page"}

    def _validate(self, content: str) -> Answer:
        """The Hub refuses metadata that is no mapping, and a licence that it does not know."""
        found = re.match(r"\A---\n(.*?)\n---\n", content, re.DOTALL)
        data = yaml.safe_load(found[1]) if found else {}
        known = {"apache-2.0", "mit", "cc-by-4.0", "other"}
        if not isinstance(data, dict) or data.get("license", "mit") not in known:
            return 400, {"errors": [{"message": "this licence is not one of the known ones"}], "warnings": []}
        return 200, {"errors": [], "warnings": []}

    def _create(self, wish: dict[str, Any]) -> Answer:
        kind = wish.get("type") or "model"
        repo = key(kind, f"{wish['organization']}/{wish['name']}")
        url = {"url": f"{self.hub.url}/{repo}"}
        if repo in self.hub.repositories:
            return 409, url | {"error": "You already created this repo"}
        self.created.append(wish)
        self.hub.repositories[repo] = {}
        return 200, url

    def _preupload(self, repo: str, files: list[dict[str, Any]]) -> Answer:
        if repo not in self.hub.repositories:
            return 404, {"error": "Repository not found"}
        rows = []
        for file in files:
            large = file["path"].lower().endswith(_LARGE) or file["size"] > SMALL
            there = self.hub.repositories[repo].get(file["path"])
            rows.append(
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if large else "regular",
                    "shouldIgnore": False,
                    "oid": None if there is None else self.hub.name_of(repo, file["path"], there),
                }
            )
        return 200, {"files": rows}

    def _batch(self, wanted: list[dict[str, Any]]) -> Answer:
        rows: list[dict[str, Any]] = []
        for entry in wanted:
            row: dict[str, Any] = {"oid": entry["oid"], "size": entry["size"]}
            if entry["oid"] not in self.stored:
                upload = {"href": f"{self.hub.url}/lfs/{entry['oid']}"}
                row["actions"] = {"upload": upload, "verify": {"href": f"{self.hub.url}/lfs-verify"}}
            rows.append(row)
        return 200, {"transfer": "basic", "objects": rows}

    def _store(self, digest: str, body: bytes) -> Answer:
        if hashlib.sha256(body).hexdigest() != digest:
            return 400, {"error": "the content is not what its name says"}
        self.stored[digest] = body
        return 200, {}

    def _commit(self, repo: str, body: bytes) -> Answer:
        if repo not in self.hub.repositories:
            return 404, {"error": "Repository not found"}
        files = dict(self.hub.repositories[repo])
        summary, paths = "", []
        for line in body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "header":
                summary = value["summary"]
                continue
            paths.append(value["path"])
            match entry["key"]:
                case "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                    self.hub.small.add((repo, value["path"]))
                case "lfsFile" if value["oid"] in self.stored:
                    files[value["path"]] = self.stored[value["oid"]]
                    self.hub.small.discard((repo, value["path"]))
                case "deletedFile":
                    del files[value["path"]]
                case "deletedFolder":
                    files = {name: data for name, data in files.items() if not name.startswith(value["path"])}
                case _:
                    return 400, {"error": f"{entry['key']} of {value['path']} cannot be done"}
        self.hub.repositories[repo] = files
        self.made.append((repo, summary, paths))
        oid = self.hub.commit(repo)
        return 200, {"success": True, "commitOid": oid, "commitUrl": f"{self.hub.url}/{repo}/commit/{oid}"}
