"""The artefact layer against the real Hub client, a local Hub and a local file server."""

import hashlib
import io
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import HfApi, hf_hub_download

from lipsync.errors import ArtefactError, Cancelled, ConfigError
from lipsync.weights import hub
from lipsync.weights.manifest import Artefact, FaceKitArchive, HubFile, Source, Url, read_table
from tests.hub_server import HubServer

CONTENT = bytes(range(256)) * 8192  # 2 MiB: several chunks
OTHER = CONTENT[::-1]
REPO = "someone/weights"


@pytest.fixture
def server(local_hub) -> HubServer:
    local_hub.add_model(REPO, "models/net.pth", CONTENT)
    return local_hub


@pytest.fixture(autouse=True)
def home(tmp_path, server) -> Path:
    """The empty cache folder."""
    return tmp_path / "cache"


def artefact(*sources: Source, content: bytes = CONTENT) -> Artefact:
    digest = hashlib.sha256(content).hexdigest()
    return Artefact("net", "net.pth", digest, len(content), "MIT", "a test", sources)


ON_HUB = artefact(HubFile(REPO, "models/net.pth"))


def kept(home: Path) -> set[str]:
    """The files in the cache, without locks."""
    files = (path.relative_to(home) for path in home.rglob("*") if path.is_file())
    return {str(path) for path in files if path.parts[0] != "locks"}


# --- the Hub ---


def test_the_local_hub_is_one_to_the_real_client(server):
    info = HfApi(endpoint=server.url).model_info(REPO)
    assert info.sha == server.commit(REPO)
    assert [file.rfilename for file in info.siblings or []] == ["models/net.pth"]


@pytest.mark.parametrize("large", [True, False], ids=["large file storage", "in the repository"])
def test_first_from_the_hub_then_from_the_cache(server, home, large):
    server.add_model(REPO, "models/net.pth", CONTENT, large)
    if not large:
        server.small.add((REPO, "models/net.pth"))
    seen: list[tuple[int, int | None]] = []
    path = hub.obtain(ON_HUB, lambda done, total: seen.append((done, total)))
    assert path == home / "net.pth"
    assert path.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert kept(home) == {"net.pth"}

    requests = len(server.requests)
    assert requests > 0
    assert hub.obtain(ON_HUB) == path
    assert len(server.requests) == requests


def test_a_token_goes_to_the_hub_and_not_to_its_storage(server, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    hub.obtain(ON_HUB)
    assert "Bearer hf_secret" in [r.headers.get("authorization") for r in server.seen("HEAD", "/resolve/")]
    (download,) = server.seen("GET", "/storage/")
    assert "authorization" not in {name.lower() for name in download.headers}


def test_a_pinned_revision_is_the_one_asked_for(server):
    commit = server.commit(REPO)
    path = hub.obtain(artefact(HubFile(REPO, "models/net.pth", commit)))
    assert path.read_bytes() == CONTENT
    assert all(commit in request.path for request in server.seen("HEAD", "/resolve/"))


def test_a_hub_download_that_breaks_off_goes_on_where_it_was(server, monkeypatch):
    # The client only counts whole chunks of 10 MB; this file is smaller than one.
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 100_000)
    server.cut("/storage/", after=700_000)
    assert hub.obtain(ON_HUB).read_bytes() == CONTENT
    first, second = server.seen("GET", "/storage/")
    assert "Range" not in first.headers
    ranges = {name.lower(): value for name, value in second.headers.items()}
    assert ranges["range"] == "bytes=700000-"


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        (401, "", "wants a token: set HF_TOKEN"),
        (401, "RepoNotFound", "no such repository, or it is private"),
        (403, "GatedRepo", "accept its terms on the Hub and set HF_TOKEN"),
        (403, "", "refuses access"),
        (404, "EntryNotFound", "no such file in the repository"),
        (404, "RevisionNotFound", "no such revision 'main'"),
        (429, "", "too many requests"),
        (500, "", "answered 500"),
    ],
)
def test_a_hub_that_says_no_is_quoted_and_the_next_source_used(server, home, status, code, told):
    server.fail("/resolve/", status, headers={"X-Error-Code": code} if code else None)
    with pytest.raises(ArtefactError) as caught:
        hub.obtain(ON_HUB)
    message = str(caught.value)
    assert f"Hub {REPO}/models/net.pth: " in message
    assert told in message
    assert str(home / "net.pth") in message  # where to put it by hand
    assert "LIPSYNC_WEIGHTS" in message

    mirrored = artefact(HubFile(REPO, "models/net.pth"), Url(server.add_file("net", CONTENT)))
    assert hub.obtain(mirrored).read_bytes() == CONTENT


@pytest.mark.parametrize(
    "source",
    [HubFile("nobody/nothing", "net.pth"), HubFile(REPO, "other.pth"), HubFile(REPO, "models/net.pth", "v9")],
    ids=["repository", "file", "revision"],
)
def test_what_the_hub_does_not_have(source):
    kind = {"nobody/nothing": "repository", REPO: "revision" if source.revision == "v9" else "file"}
    with pytest.raises(ArtefactError, match=f"no such {kind[source.repo]}"):
        hub.obtain(artefact(source))


@pytest.mark.timeout(20)  # the client alone would retry for longer
def test_an_unreachable_hub_does_not_hold_up_the_next_source(server, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # the discard port: nothing listens
    with pytest.raises(ArtefactError, match=r"models/net\.pth: cannot be reached .*refused"):
        hub.obtain(ON_HUB)
    mirrored = artefact(HubFile(REPO, "models/net.pth"), Url(server.add_file("net", CONTENT)))
    assert hub.obtain(mirrored).read_bytes() == CONTENT


def test_what_the_hub_s_client_already_keeps_is_found(server, home):
    path = hf_hub_download(REPO, "models/net.pth", endpoint=server.url)
    requests = len(server.requests)
    assert hub.obtain(ON_HUB) == Path(path)
    assert len(server.requests) == requests
    assert not home.exists()


# --- right and wrong files ---


def test_a_wrong_file_is_refused_and_removed_and_the_next_source_tried(server, home):
    server.add_model(REPO, "models/net.pth", OTHER)
    wrong_url = server.add_file("wrong", OTHER)
    bad = artefact(HubFile(REPO, "models/net.pth"), Url(wrong_url))
    with pytest.raises(ArtefactError) as caught:
        hub.obtain(bad)
    assert str(caught.value).count("its checksum differs") == 2
    assert kept(home) == set()

    good = artefact(HubFile(REPO, "models/net.pth"), Url(wrong_url), Url(server.add_file("right", CONTENT)))
    assert hub.obtain(good).read_bytes() == CONTENT
    assert kept(home) == {"net.pth"}


def test_a_file_of_another_length_is_not_even_downloaded(server, home):
    url = server.add_file("long", CONTENT * 4)
    with pytest.raises(ArtefactError, match=f"has {4 * len(CONTENT)} bytes there instead of {len(CONTENT)}"):
        hub.obtain(artefact(Url(url)))
    assert kept(home) == set()


def test_a_damaged_file_in_the_cache_is_replaced(server, home):
    home.mkdir()
    (home / "net.pth").write_bytes(OTHER)
    assert hub.obtain(ON_HUB).read_bytes() == CONTENT


def test_a_file_that_changes_after_its_check_is_checked_again(server, home):
    path = hub.obtain(ON_HUB)
    path.write_bytes(OTHER)  # the same length
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 1))
    requests = len(server.requests)
    assert hub.obtain(ON_HUB).read_bytes() == CONTENT
    assert len(server.requests) > requests


# --- the folder of files put there by hand ---


def test_the_folder_of_one_s_own_files_comes_first(server, home, tmp_path, monkeypatch):
    hub.obtain(ON_HUB)
    own = tmp_path / "own"
    own.mkdir()
    (own / "net.pth").write_bytes(CONTENT)
    monkeypatch.setenv("LIPSYNC_WEIGHTS", str(own))
    assert hub.obtain(ON_HUB) == own / "net.pth"


def test_a_wrong_file_among_one_s_own_is_named_and_left_alone(server, tmp_path, monkeypatch):
    own = tmp_path / "own"
    own.mkdir()
    (own / "net.pth").write_bytes(OTHER)
    monkeypatch.setenv("LIPSYNC_WEIGHTS", str(own))
    with pytest.raises(ArtefactError) as caught:
        hub.obtain(artefact())
    assert f"{own / 'net.pth'}: is not this file (its checksum differs)" in str(caught.value)
    assert f"Put it by hand at {own / 'net.pth'}" in str(caught.value)
    assert hub.obtain(ON_HUB).read_bytes() == CONTENT
    assert (own / "net.pth").read_bytes() == OTHER


def test_a_folder_that_is_not_there_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("LIPSYNC_WEIGHTS", str(tmp_path / "typo"))
    with pytest.raises(ArtefactError, match=r"typo, which is not a folder"):
        hub.obtain(artefact())


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("face_landmarker", "face_landmarker.task"),
        ("yunet", "face_detection_yunet_2023mar_int8bq.onnx"),
        ("sface", "face_recognition_sface_2021dec_int8bq.onnx"),
        ("lpips_alex", "lpips_alexnet.ckpt"),
        ("lr_asd", "lr_asd_ava.model"),
        ("ict_facekit", "ict_facekit.npz"),
    ],
)
def test_real_weights_by_hand(shared, monkeypatch, server, name, file):
    monkeypatch.setenv("LIPSYNC_WEIGHTS", str(shared / "weights"))
    assert hub.locate(name) == shared / "weights" / file
    assert hub.fetch(name) == shared / "weights" / file
    row = next(row for row in hub.status() if row.name == name)
    assert (row.path, row.place) == (shared / "weights" / file, "LIPSYNC_WEIGHTS")
    assert row.size == (shared / "weights" / file).stat().st_size
    assert server.requests == []


# --- offline ---


@pytest.mark.parametrize("variable", ["LIPSYNC_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_opens_no_socket(server, home, monkeypatch, variable):
    monkeypatch.setenv(variable, "1")
    url = server.add_file("net", CONTENT)

    def forbidden(*args, **options):
        raise AssertionError("a socket was opened offline")

    with monkeypatch.context() as patch:
        patch.setattr("socket.socket.connect", forbidden)
        patch.setattr("socket.getaddrinfo", forbidden)
        with pytest.raises(ArtefactError, match="offline mode is on"):
            hub.obtain(artefact(HubFile(REPO, "models/net.pth"), Url(url)))
        assert hub.locate("wav2lip") is None
        assert [row.path for row in hub.status()] == [None] * len(hub.artefacts())
    assert server.requests == []

    monkeypatch.delenv(variable)
    hub.obtain(ON_HUB)
    monkeypatch.setenv(variable, "1")
    assert hub.obtain(ON_HUB) == home / "net.pth"


# --- addresses: going on, stopping, waiting ---


def test_a_stopped_download_goes_on_next_time(server, home):
    wanted = artefact(Url(server.add_file("net", CONTENT)))

    def stop(done: int, total: int | None) -> None:
        if done > 1_000_000:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        hub.obtain(wanted, stop)
    assert not (home / "net.pth").exists()
    seen: list[int] = []
    assert hub.obtain(wanted, lambda done, total: seen.append(done)).read_bytes() == CONTENT
    assert seen[0] > 1_000_000
    assert server.requests[-1].headers["Range"] == f"bytes={seen[0]}-"
    assert kept(home) == {"net.pth"}


def test_a_connection_that_breaks_off_is_taken_up_again(server):
    url = server.add_file("net", CONTENT)
    server.cut("/files/", after=600_000)
    assert hub.obtain(artefact(Url(url))).read_bytes() == CONTENT
    assert [request.headers.get("Range") for request in server.requests] == [None, "bytes=600000-"]


def test_a_connection_that_keeps_breaking_off_is_given_up_with_what_came(server, home):
    url = server.add_file("net", CONTENT)
    server.cut("/files/", after=1000, times=3)
    with pytest.raises(ArtefactError, match=f"broke off after 3000 of {len(CONTENT)} bytes"):
        hub.obtain(artefact(Url(url)))
    assert hub.obtain(artefact(Url(url))).read_bytes() == CONTENT
    assert server.requests[-1].headers["Range"] == "bytes=3000-"


@pytest.mark.parametrize(
    "leftover", [OTHER[:5000], CONTENT + b"more", b""], ids=["other", "too long", "empty"]
)
def test_half_a_download_of_another_file_is_thrown_away(server, home, leftover):
    url = server.add_file("net", CONTENT)
    part = home / "partial" / "net.pth" / "0" / "file"
    part.parent.mkdir(parents=True)
    part.write_bytes(leftover)
    assert hub.obtain(artefact(Url(url))).read_bytes() == CONTENT
    assert kept(home) == {"net.pth"}


@pytest.mark.parametrize(
    ("url", "told"),
    [("{server}/files/none", "answered 404 Not Found"), ("http://127.0.0.1:9/net", "cannot be reached")],
)
def test_an_address_that_does_not_give_the_file(server, home, url, told):
    with pytest.raises(ArtefactError, match=told):
        hub.obtain(artefact(Url(url.format(server=server.url))))
    assert kept(home) == set()


def test_a_cache_that_cannot_be_written_is_named(server, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LIPSYNC_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(ArtefactError, match=r"Cannot write .*cache.*set LIPSYNC_CACHE"):
        hub.obtain(ON_HUB)


def test_two_threads_share_one_download(server, home):
    wanted = artefact(Url(server.add_file("net", CONTENT)))
    second_waits = threading.Event()
    results: list[Path] = []

    def second() -> None:
        results.append(hub.obtain(wanted, lambda done, total: second_waits.set()))

    thread = threading.Thread(target=second)

    def first(done: int, total: int | None) -> None:
        if not thread.is_alive() and not second_waits.is_set():
            thread.start()
            assert second_waits.wait(10)

    results.append(hub.obtain(wanted, first))
    thread.join(10)
    assert results == [home / "net.pth"] * 2
    assert len(server.seen("GET", "/files/")) == 1


OTHER_PROCESS = """
import sys
from lipsync.weights import hub
from tests.weights.test_hub import artefact
from lipsync.weights.manifest import HubFile
def progress(done, total):
    print("waiting", done, flush=True)
print(hub.obtain(artefact(HubFile(*sys.argv[1:])), progress))
"""


def test_two_processes_share_one_download(server, home):
    # The other process also shows that HF_ENDPOINT works when it is set before the start.
    other = None

    def progress(done: int, total: int | None) -> None:
        nonlocal other
        if other is None:
            other = subprocess.Popen(
                [sys.executable, "-c", OTHER_PROCESS, REPO, "models/net.pth"],
                stdout=subprocess.PIPE,
                text=True,
                env=os.environ | {"HF_HOME": str(home.parent / "home")},
            )
            assert other.stdout is not None
            assert other.stdout.readline() == "waiting 0\n"

    path = hub.obtain(ON_HUB, progress)
    assert other is not None
    output, _ = other.communicate(timeout=60)
    assert output.splitlines()[-1] == str(path)
    assert len(server.seen("GET", "/storage/")) == 1
    shutil.rmtree(home)
    alone = [sys.executable, "-c", OTHER_PROCESS, REPO, "models/net.pth"]
    done = subprocess.run(alone, capture_output=True, text=True, timeout=60, check=True)
    assert Path(done.stdout.splitlines()[-1]).read_bytes() == CONTENT
    assert len(server.seen("GET", "/storage/")) == 2


# --- a file that is put together from its author's release ---


def meshes(**shapes: str) -> bytes:
    """A zip of a repository with small meshes, as GitHub packs one."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("ICT-FaceKit-main/README.md", "v 1 2 3")
        for name, vertices in shapes.items():
            text = f"# v 9 9 9\n{vertices}\nvt 0 1\nf 1/1 2/2 3/3\nf 3/1 2/1 1/1 3/1\n"
            archive.writestr(f"ICT-FaceKit-main/FaceXModel/{name}.obj", text)
    return packed.getvalue()


NEUTRAL = "v 0 0 0\nv 1 0 0\nv 0 1 0"
RELEASE = meshes(
    generic_neutral_mesh=NEUTRAL,
    mouthPucker="v 0 0 0\nv 1 0 -0.25\nv 0 1 0",
    jawOpen="v 0 0 0\nv 1 0 0\nv 0 -1.5 0",
    identity001="v 0 0 0\nv 1 0 0\nv 0 1 2",
    identity000="v 0 0 3\nv 1 0 0\nv 0 1 0",
)


def test_a_face_is_put_together_from_its_own_release(server, home):
    built = io.BytesIO()
    identity, expression = np.zeros((2, 3, 3), np.float16), np.zeros((2, 3, 3), np.float16)
    identity[0, 0, 2], identity[1, 2, 2], expression[0, 2, 1], expression[1, 1, 2] = 3, 2, -2.5, -0.25
    np.savez_compressed(
        built,
        neutral=np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32),
        faces=np.array([[0, 1, 2, -1], [2, 1, 0, 2]], np.int32),
        identity=identity,
        expression=expression,
        expression_names=np.array(["jawOpen", "mouthPucker"]),
    )
    wanted = artefact(FaceKitArchive(server.add_file("face.zip", RELEASE)), content=built.getvalue())
    path = hub.obtain(wanted)
    assert path.read_bytes() == built.getvalue()
    assert kept(home) == {"net.pth"}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"no archive", "is not ICT-FaceKit"),
        (meshes(jawOpen=NEUTRAL), "is not ICT-FaceKit"),
        (meshes(generic_neutral_mesh=NEUTRAL, jawOpen=NEUTRAL), "lacks identities"),
        (meshes(generic_neutral_mesh=NEUTRAL, jawOpen="v 1 2 x"), "is not ICT-FaceKit"),
        (meshes(generic_neutral_mesh=NEUTRAL, jawOpen=NEUTRAL, identity000=NEUTRAL), "is not this file"),
    ],
    ids=["no zip", "no neutral face", "no identity", "no number", "another face"],
)
def test_a_release_that_is_not_it_is_refused(server, home, content, told):
    with pytest.raises(ArtefactError, match=told):
        hub.obtain(artefact(FaceKitArchive(server.add_file("face.zip", content))))
    assert not (home / "net.pth").exists()


# --- the table ---


def test_every_row_of_the_table_can_be_read_and_names_are_helped():
    table = hub.artefacts()
    assert {"wav2lip", "wav2lip_gan", "syncnet_v2", "facenet_vggface2", "whisper_base"} <= table.keys()
    assert [name for name, row in table.items() if row.default] == ["face_landmarker", "sface"]
    assert table["syncnet_v2"].sha256.startswith("961e8696f888fce4")
    assert table["syncnet_v2"].size == 54573114
    with pytest.raises(ConfigError, match="Did you mean 'wav2lip_gan'"):
        hub.fetch("wav2lip-gan")


def test_setting_up_without_a_network_tells_and_does_not_raise(monkeypatch):
    monkeypatch.setenv("LIPSYNC_OFFLINE", "1")
    problem, _ = hub.fetch_defaults()
    assert problem.startswith("face_landmarker.task (face landmarks and blendshapes) is not here")


ROW = '[net]\nfile = "net.pth"\nsha256 = "' + "0" * 64 + '"\nsize = 1\nlicence = "MIT"\npurpose = "test"\n'


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("[net]", "[net"), "not valid TOML"),
        (("size = 1\n", ""), "missing 1 required"),
        (("size = 1", "size = 0"), "size must be"),
        (("size = 1", "size = 1\nvendor = 'x'"), "vendor"),
        (('"net.pth"', '"../net.pth"'), "must be 'name' or 'folder/name'"),
        (('"net.pth"', '"/net.pth"'), "must be 'name' or 'folder/name'"),
        (("0" * 64, ""), "sha256 must be 64"),
        (("0" * 64, "F" * 64), "sha256 must be 64"),
        (("size = 1", "size = 1\nsources = [{ ftp = 'x' }]"), "names no hub, url"),
        (("size = 1", "size = 1\nsources = [{ package = 'x', archive = 'wheel', member = 'm' }]"), "=="),
        (
            ("size = 1", "size = 1\nsources = [{ package = 'x==1', archive = 'egg', member = 'm' }]"),
            "'sdist'",
        ),
        (("size = 1", "size = 1\nsources = ['x']"), "source 'x' is not a table"),
    ],
)
def test_a_faulty_table_says_where(change, told):
    assert read_table(ROW)["net"].size == 1
    with pytest.raises(ConfigError, match="(?s)" + told):
        read_table(ROW.replace(*change))


def test_two_rows_cannot_share_a_file():
    with pytest.raises(ConfigError, match="share a file name"):
        read_table(ROW + ROW.replace("[net]", "[other]"))
