"""A Hugging Face Hub, a package index and a plain file server on this machine, for tests.

It speaks as much of the protocols as the real clients need: ``resolve`` with ETag, X-Repo-Commit
and X-Linked-* headers, large files behind a redirect to another host name, ranges, the Hub's
error codes, gated repositories, earlier commits, and all that writes (``tests.hub_commits``); and the
simple index of PEP 503 (HTML) and PEP 691 (JSON). Faults are planned with ``fail``, ``cut``, ``slow``,
``hold`` and ``swap``; every request is kept in ``requests``.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.hub_commits import Commits, key
from tests.hub_pages import HubPages, etag

_RESOLVE = re.compile(
    r"/(?P<repo>(?:datasets/|spaces/)?[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)"
)
_INFO = re.compile(
    r"/api/(?P<kind>models|datasets|spaces)/(?P<name>[^/]+/[^/]+)"
    r"(?:/(?P<what>revision|tree)/(?P<revision>[^/]+))?/?"
)
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
    slow: tuple[int, float] = (0, 0.0)  # bytes sent at once, seconds between them
    hold: tuple[int, threading.Event] | None = None  # bytes sent before the event, the others after it


class HubServer:
    """Use as a context manager. ``url`` is what HF_ENDPOINT wants, ``index_url`` what PIP_INDEX_URL wants."""

    def __init__(self, json_index: bool = True) -> None:
        self.json_index = json_index
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.small: set[tuple[str, str]] = set()  # files not kept in large file storage
        self.gates: dict[str, str] = {}  # the token that opens a gated repository
        self.writers: set[str] = set()  # tokens that may write; none: everyone
        self.commits = Commits(self)
        self._earlier: dict[tuple[str, str], dict[str, bytes]] = {}  # files of a commit that was answered for
        self._swapped: dict[str, bytes] = {}
        self.packages: dict[str, dict[str, bytes]] = {}
        self.files: dict[str, bytes] = {}
        self.requests: list[Request] = []
        self._faults: list[_Fault] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def storage_url(self) -> str:
        """Large files lie on another host, as at the Hub, so that a client must not send its token there."""
        return f"{self.url.replace('127.0.0.1', 'localhost')}/storage"

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

    def gate(self, repo: str, token: str) -> None:
        """Let only this token read a repository, as one whose terms its holder has accepted."""
        self.gates[repo] = token

    def swap(self, announced: bytes, sent: bytes) -> None:
        """From now on announce a large file as before, but send another content of it."""
        self._swapped[etag(announced)] = sent

    def add_file(self, name: str, content: bytes) -> str:
        """Put a file on the plain file server; its address."""
        self.files[name] = content
        return f"{self.url}/files/{name}"

    def add_package(self, project: str, archive: str, content: bytes) -> None:
        """Put an archive (``name-1.0-py3-none-any.whl`` or ``name-1.0.tar.gz``) into the package index."""
        self.packages.setdefault(project, {})[archive] = content

    def commit(self, repo: str) -> str:
        """The commit hash of a repository, from its content; from then on that commit stays to be had."""
        files = self.repositories[repo]
        names = "".join(f"{name}{etag(data)}" for name, data in sorted(files.items()))
        made = hashlib.sha1(names.encode()).hexdigest()
        self._earlier[repo, made] = dict(files)
        return made

    def at(self, repo: str, revision: str) -> dict[str, bytes] | None:
        """The files of a repository at a revision: ``main`` or a commit."""
        now = self.commit(repo)
        return self._earlier.get((repo, now if revision == "main" else revision))

    def squash(self, repo: str) -> None:
        """Forget all commits of a repository but the last."""
        self._earlier = {place: files for place, files in self._earlier.items() if place[0] != repo}
        self.commit(repo)

    def history(self, repo: str) -> list[dict[str, bytes]]:
        """The files of every commit of a repository that can still be had."""
        return [files for (name, _), files in self._earlier.items() if name == repo]

    def name_of(self, repo: str, file: str, content: bytes) -> str:
        """The hash by which the Hub names a file: git's of a small one, SHA-256 of a large one."""
        if (repo, file) in self.small:
            return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        return etag(content)

    def stored(self, digest: str) -> bytes | None:
        """The content of a large file, by the hash under which it was announced."""
        if digest in self._swapped:
            return self._swapped[digest]
        kept = (data for files in self._earlier.values() for data in files.values())
        return next((data for data in kept if etag(data) == digest), None)

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

    def slow(self, path: str, piece: int, pause: float, times: int = 1) -> None:
        """Send the body of such a GET request in pieces of ``piece`` bytes, ``pause`` seconds apart."""
        self._faults.append(_Fault(path, "GET", times, slow=(piece, pause)))

    def hold(self, path: str, after: int, times: int = 1) -> threading.Event:
        """Send ``after`` bytes of the body of such a GET request, and the others when the event is set."""
        go_on = threading.Event()
        self._faults.append(_Fault(path, "GET", times, hold=(after, go_on)))
        return go_on

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


class _Handler(HubPages, BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: HubServer

    def do_GET(self) -> None:
        raw = urlsplit(self.path).path
        path = self._note(raw)
        if self.fault and self.fault.status:
            self._answer(self.fault.status, b"", self.fault.headers)
        elif match := _RESOLVE.fullmatch(raw):
            self._resolve(**{name: unquote(value) for name, value in match.groupdict().items()})
        elif match := _INFO.fullmatch(path):
            self._info(key(match["kind"], match["name"]), match["what"], match["revision"] or "main")
        elif path.startswith("/storage/"):
            self._content(self.hub.stored(path.removeprefix("/storage/")))
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

    def do_POST(self) -> None:
        path = self._note(urlsplit(self.path).path)
        body = self._body()
        if self.fault and self.fault.status:
            self._answer(self.fault.status, b"", self.fault.headers)
            return
        status, told = self.hub.commits.answer(self.command, path, body, self._token())
        self._answer(status, json.dumps(told).encode(), {"Content-Type": "application/json"})

    do_PUT = do_POST

    def _note(self, raw: str) -> str:
        path = unquote(raw)
        self.hub.requests.append(Request(self.command, path, dict(self.headers.items())))
        self.fault = self.hub.fault(self.command, path)
        return path

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

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
        elif self.fault and self.fault.slow[0]:
            piece, pause = self.fault.slow
            for start in range(0, len(body), piece):
                self.wfile.write(body[start : start + piece])
                self.wfile.flush()
                time.sleep(pause)
        elif self.fault and self.fault.hold:
            after, go_on = self.fault.hold
            self.wfile.write(body[:after])
            self.wfile.flush()
            go_on.wait()
            self.wfile.write(body[after:])
        else:
            self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass
