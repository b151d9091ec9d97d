"""The portal for programs: the names that stay, and the examples of docs/api.md as they stand there."""

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client

from lipsync.audio.voices import available
from lipsync.methods import EMBEDDED
from lipsync.methods.ranking import ranking
from tests.coroutines import run
from tests.portal import ROOT
from tests.test_docs import fences
from tests.ui.rated import example_speech, open_trial

pytestmark = pytest.mark.slow

EXAMPLES = ROOT / "assets" / "examples"
PAGE = ROOT / "docs" / "api.md"
LOCAL = "http://127.0.0.1:7860"
# The parameters of /generate up to the format.
GIVEN = (
    *(EXAMPLES / name for name in ("portrait.mp4", "english.wav")),
    *(EMBEDDED, -1, "audio", True, True, 1, 0, 0, "one"),
)
ENDPOINTS = {
    "/generate": [
        "face",
        "speech",
        "method",
        "face_index",
        "length",
        "label",
        "consent",
        "mouth_opening",
        "sharpen",
        "person",
        "faces",
        "format",
        "size",
        "quality",
        "captions",
        "face_start",
        "face_end",
        "speech_start",
        "speech_end",
    ],
    "/score": ["generated", "reference", "metrics", "region", "variant", "controls", "names"],
    "/compare_list": [],
    "/compare_show": ["id"],
    "/compare_create": ["videos", "title", "names"],
    "/compare_export": ["id"],
    "/compare_rename": ["id", "title"],
    "/compare_delete": ["id"],
    "/compare_publish": ["id", "published"],
    "/leaderboard_show": ["suite", "language"],
    "/leaderboard_publish": ["method", "published"],
    "/leaderboard_open": ["public"],
    "/leaderboard_add": ["report"],
    "/study_open": ["link", "code"],
    "/study_consent": ["link", "language"],
    "/study_next": ["session"],
    "/study_rate": ["session", "trial", "marks", "token"],
    "/study_back": ["session", "trial"],
    "/study_finish": ["session", "comment"],
    "/study_delete": ["code"],
}
if available():
    ENDPOINTS["/speak"] = ["text", "voice"]


@pytest.fixture(scope="module")
def client(portal: str, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client(portal, verbose=False, download_files=str(tmp_path_factory.mktemp("down")))


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a reader of that page has it: a face and speech."""
    folder = tmp_path_factory.mktemp("reader")
    shutil.copyfile(EXAMPLES / "portrait.mp4", folder / "me.mp4")
    example_speech(folder / "speech.wav", seconds=1.2)
    return folder


@pytest.fixture(scope="module")
def link(work: Path, portal_data: Path) -> str:
    return open_trial(work, portal_data)


def test_end_points_keep_their_names_and_parameters(client: Client) -> None:
    known = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    ours = {
        name: [parameter["parameter_name"] for parameter in about["parameters"]]
        for name, about in known.items()
    }
    assert ours == ENDPOINTS
    untyped = [
        (name, parameter["parameter_name"])
        for name, about in known.items()
        for parameter in about["parameters"]
        if parameter["python_type"]["type"] == "Any"
    ]
    assert untyped == []
    kinds = "generate|speak|score|compare|leaderboard|study"
    named = re.findall(rf"`(/(?:{kinds})\w*)`", PAGE.read_text(encoding="utf-8"))
    assert set(named) == {*ENDPOINTS, "/speak"}


def test_the_examples_run_as_they_stand(portal: str, work: Path, link: str, portal_data: Path) -> None:
    python = fences(PAGE, "python")
    assert len(python) >= 2
    code = "\n".join(python).replace(LOCAL, portal).replace('"LINK"', repr(link))
    check = (
        "\nfrom pathlib import Path\nfrom lipsync.media import probe"
        "\nassert probe(Path(video)).has_audio and facts['frames'] == 30"
        "\nassert {column['metric'] for column in table['columns']} == {'ssim', 'psnr'}"
        "\nassert made['items'] == [{'name': 'speech', 'methods': ['ours', 'input']}]"
        "\nassert Path(archive).stat().st_size > 10_000 and clip['stage'] == 'end'"
        "\nprint('ALL DONE')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code + check],
        cwd=work, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=600,
        check=False,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1:] == ["ALL DONE"], done.stderr
    assert any(name in done.stdout.splitlines()[-4] for name in ranking())


def test_the_line_without_python_is_answered(portal: str) -> None:
    (line,) = [block for block in fences(PAGE, "bash") if block.startswith("curl")]
    place = re.search(r"(http\S+)", line)
    data = re.search(r"-d '(.*)'", line)
    assert place
    assert data
    request = urllib.request.Request(
        place[1].replace(LOCAL, portal), data[1].encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        assert isinstance(json.load(answer)["data"][0], list)


@pytest.mark.parametrize(
    ("arguments", "name", "told"),
    [
        ((EXAMPLES / "english.wav", None), "/generate", "Confirm that the person in english.wav agreed"),
        ((EXAMPLES / "portrait.mp4", EXAMPLES / "english.wav", "wav2lop"), "/generate", "Did you mean"),
        ((EXAMPLES / "portrait.mp4", EXAMPLES / "english.wav", "hub:nobody"), "/generate", "names no model"),
        ((*GIVEN, "avi"), "/generate", "not in the list of choices: .*'webm', 'mov', 'gif'"),
        ((*GIVEN, "mp4", 10), "/generate", "The size must be 64 pixels or more, not 10"),
        (([],), "/score", "Choose at least one generated video first"),
        ((["x"], "", [["a", "b"], ["c", "d"]]), "/compare_create", "1 video and 2 names"),
        (("0123456789abcdef",), "/compare_show", "There is no comparison set"),
        (("nobody",), "/study_next", "This session has ended"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(client: Client, arguments: tuple, name: str, told: str) -> None:  # type: ignore[type-arg]
    given = [handle_file(value) if isinstance(value, Path) else value for value in arguments]
    if given and given[0] == ["x"]:
        given[0] = [handle_file(EXAMPLES / "portrait.mp4")]
    with pytest.raises(AppError, match=told) as caught:
        client.predict(*given, api_name=name)
    assert "\n" not in str(caught.value)


def test_a_file_that_was_not_uploaded_is_refused(client: Client) -> None:
    """A path on the server's disk is no upload."""
    here = {"path": str(ROOT / "README.md"), "meta": {"_type": "gradio.FileData"}}
    with pytest.raises(AppError):
        client.predict(here, None, api_name="/generate")


def test_assistants_find_the_same_tools_described(portal: str) -> None:
    async def visit() -> None:
        async with (
            streamablehttp_client(f"{portal}/gradio_api/mcp/") as (reading, writing, _),
            ClientSession(reading, writing) as session,
        ):
            await session.initialize()
            tools = {tool.name: tool for tool in (await session.list_tools()).tools}
            assert set(tools) == {name.strip("/") for name in ENDPOINTS}
            for name, tool in tools.items():
                assert len(tool.description or "") > 30, name
                described = {
                    key for key, about in tool.inputSchema["properties"].items() if "description" in about
                }
                assert described == set(ENDPOINTS[f"/{name}"]), name
            answer = await session.call_tool("compare_list", {})
            assert not answer.isError
            assert answer.content[0].text == "[]"
            refused = await session.call_tool("compare_show", {"id": "nobody"})
            assert "There is no comparison set nobody" in refused.content[0].text

    run(visit())
