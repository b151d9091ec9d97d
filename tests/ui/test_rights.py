"""Who may do what, as the table of docs/compare.md says: through API, assistants' tools and pages."""

from __future__ import annotations

import json
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client
from PIL import Image

from eval.compare.rights import PersonalSets, Visitor
from eval.compare.sets import Entry, Sets
from eval.leaderboard.board import Board
from eval.report.bench.bench_json import write_bench_report
from eval.study.storage.spec import Spec
from eval.study.storage.store import Store
from lipsync.assets import asset
from lipsync.errors import ConfigError
from lipsync.ui.visitor import COOKIE
from tests.coroutines import run
from tests.leaderboard.test_board import report
from tests.portal import ROOT
from tests.ui.conftest import PASSWORD
from tests.ui.rated import add_study

pytestmark = pytest.mark.slow

ROLES = ("visitor", "with the link", "maker", "rater", "owner")


def rights() -> dict[str, dict[str, str]]:
    """The table: verb to role to answer."""
    lines = (ROOT / "docs" / "compare.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    first = next(number for number, row in enumerate(rows) if row[0] == "what")
    assert tuple(rows[first][1:]) == ROLES
    return {verb: dict(zip(ROLES, cells, strict=True)) for verb, *cells in rows[first + 1 :]}


RIGHTS = rights()
CASES = [
    (verb, role, published)
    for verb, answers in RIGHTS.items()
    for role, answer in answers.items()
    for published in ((False, True) if answer == "if published" else (False,))
]


@dataclass
class Place:
    """A portal that serves others, its data, and a clip to make sets of."""

    address: str
    sets: Sets
    store: Store
    clip: Path
    cookies: dict[str, str]

    def client(self, role: str) -> Client:
        owner = {"x-lipsync-password": PASSWORD} if role == "owner" else {}
        headers = {"cookie": f"{COOKIE}={self.cookies[role]}", **owner}
        return Client(self.address, headers=headers, verbose=False)

    def name(self, role: str) -> str:
        return self.cookies[role].partition(".")[0]


def cookie_of(address: str) -> str:
    with urllib.request.urlopen(f"{address}/config") as answer:
        return str(answer.headers["set-cookie"]).partition("=")[2].partition(";")[0]


@pytest.fixture(scope="module")
def place(portal: str, portal_data: Path, store: Store, clip: Path) -> Place:
    return Place(portal, Sets(portal_data), store, clip, {role: cookie_of(portal) for role in ROLES})


@pytest.fixture(scope="module")
def clients(place: Place) -> dict[str, Client]:
    return {role: place.client(role) for role in ROLES}


@pytest.fixture
def set_of(place: Place) -> Iterator[Callable[[str, bool], str]]:
    """Makes the maker's set; for a rater an open study shows its clips. All are gone afterwards."""
    made, studies = [], []

    def make(role: str, published: bool) -> str:
        entries = [Entry("one", method, place.clip) for method in ("A", "B")]
        id = place.sets.create("Curlew", entries, maker=place.name("maker"))
        made.append(id)
        # For everybody to see, were it not for the study.
        place.sets.publish(id, published or role == "rater")
        if role == "rater":
            studies.append(add_study(place.store, place.clip, source={"set": id}).id)
        return id

    yield make
    for study in studies:
        place.store.delete_study(study)
    for id in made:
        if any(known.id == id for known in place.sets.list()):
            place.sets.delete(id)


def listed(client: Client, id: str) -> bool:
    return any(known["id"] == id for known in client.predict(api_name="/compare_list"))


def works(call: Callable[[], Any]) -> bool:
    """Whether a call is answered."""
    try:
        call()
    except (AppError, ConfigError) as refusal:
        if re.search(
            "no comparison set|Only the person who made|Only the owner|has not published", str(refusal)
        ):
            return False
        raise
    return True


VERBS: dict[str, Callable[[Client, str, Place], Any]] = {
    "watch a set": lambda client, id, place: client.predict(id, api_name="/compare_show"),
    "download a set": lambda client, id, place: client.predict(id, api_name="/compare_export"),
    "rename a set": lambda client, id, place: client.predict(id, "Egret", api_name="/compare_rename"),
    "delete a set": lambda client, id, place: client.predict(id, api_name="/compare_delete"),
    "publish a set": lambda client, id, place: client.predict(id, True, api_name="/compare_publish"),
}
ON_THE_PAGE = {"score a set": "score", "add videos to a set": "add"}


@pytest.mark.parametrize(
    ("verb", "role", "published"), [case for case in CASES if not re.search("study|job|leaderboard", case[0])]
)
def test_the_api_follows_the_table(
    verb: str, role: str, published: bool, clients: dict[str, Client], place: Place,
    set_of: Callable[[str, bool], str],
) -> None:  # fmt: skip
    allowed = RIGHTS[verb][role] == "yes" or published
    id, client = set_of(role, published), clients[role]
    if verb == "create a set":
        made = client.predict([handle_file(place.clip)], "Mine", [["x", "y"]], api_name="/compare_create")
        assert listed(client, made["id"])
        assert [other for other in ROLES if listed(clients[other], made["id"])] == [
            other for other in ROLES if other in (role, "owner")
        ]
        place.sets.delete(made["id"])
        return
    if verb == "find a set in the list" or role == "visitor":  # who knows no more than the list
        assert listed(client, id) is (published if role == "visitor" else allowed)
        if verb == "find a set in the list" or not published:
            return
    if verb in ON_THE_PAGE:  # whose events are tried below: what they ask before they begin
        asked = PersonalSets(
            place.sets, Visitor(place.name(role), owner=role == "owner"), place.store.sets_in_use
        )
        assert works(lambda: asked.allowed(ON_THE_PAGE[verb], id)) is allowed
        return
    before = place.sets.open(id)
    assert works(lambda: VERBS[verb](client, id, place)) is allowed
    if not allowed:
        assert place.sets.open(id) == before


@dataclass
class Listing:
    """The list of jobs on the Generate page, asked as its scripts ask."""

    place: Place
    config: dict[str, Any]

    def ask(self, event: str, role: str, job: str = "") -> str:
        """What the list answers to an event about a job; ``load``: what a fresh page shows."""
        headers = {"Content-Type": "application/json", "Cookie": f"{COOKIE}={self.place.cookies[role]}"}
        headers |= {"x-lipsync-password": PASSWORD} if role == "owner" else {}
        (listing,) = [
            one["id"] for one in self.config["components"] if one["props"].get("elem_id") == "my-jobs"
        ]
        asked = next(
            one["id"]
            for one in self.config["dependencies"]
            if listing in one["outputs"] and event in [name for _, name in one["targets"]]
        )
        data = {"data": [], "fn_index": asked, "session_hash": "rights", "event_data": {"job": job}}
        url = f"{self.place.address}/gradio_api/run/predict"
        wanted = urllib.request.Request(url, json.dumps(data).encode(), headers)
        with urllib.request.urlopen(wanted) as answer:
            return str(answer.read().decode())

    def made(self, speech: Path) -> str:
        """Id of a job of the maker that has failed: its photo shows no face."""
        before = set(re.findall(r'data-job=\\"([\w-]+)', self.ask("load", "maker")))
        client = self.place.client("maker")
        with pytest.raises(AppError, match="No human face"):
            client.predict(
                handle_file(speech.with_name("blank.png")), handle_file(speech), consent=True,
                api_name="/generate",
            )  # fmt: skip
        (job,) = set(re.findall(r'data-job=\\"([\w-]+)', self.ask("load", "maker"))) - before
        return str(job)


@pytest.fixture(scope="module")
def listing(place: Place) -> Listing:
    with urllib.request.urlopen(f"{place.address}/config") as answer:
        return Listing(place, json.load(answer))


@pytest.mark.parametrize("role", ROLES)
def test_the_list_of_jobs_follows_the_table(role: str, listing: Listing, tmp_path: Path) -> None:
    shutil.copyfile(asset("examples", "english.wav"), tmp_path / "english.wav")
    Image.new("RGB", (96, 96), "grey").save(tmp_path / "blank.png")
    job = listing.made(tmp_path / "english.wav")
    assert (job in listing.ask("load", role)) is (RIGHTS["find a job under My jobs"][role] == "yes")
    listing.ask("delete", role, job)
    kept = job in listing.ask("load", "maker")
    assert kept is (RIGHTS["delete a job"][role] == "no")
    assert RIGHTS["stop a job"] == RIGHTS["delete a job"]  # one check lets both through
    listing.ask("delete", "maker", job)
    assert job not in listing.ask("load", "maker")


# ---- the leaderboard --------------------------------------------------------------------------------------


@dataclass
class Standing:
    """A leaderboard with two methods, of which ``Dunlin`` is published."""

    board: Board
    report: Path

    def names(self, client: Client) -> set[str]:
        """The methods that somebody reads there."""
        return {line["method"] for line in client.predict(api_name="/leaderboard_show")}


@pytest.fixture
def standing(store: Store, tmp_path: Path) -> Iterator[Standing]:
    board, path = Board(store), tmp_path / "report.json"
    write_bench_report(report(methods=("Dunlin", "Whimbrel")), path)
    added = board.add(path)
    board.publish(["Dunlin"])
    yield Standing(board, path)
    for other in board.reports()[0]:
        board.remove(other.id)
    assert added.id not in [other.id for other in board.reports()[0]]
    board.publish_only([])
    board.show_to_visitors(False)


@pytest.mark.parametrize("role", ROLES)
def test_the_leaderboard_follows_the_table(
    role: str, standing: Standing, clients: dict[str, Client], place: Place, tmp_path: Path
) -> None:
    client, board = clients[role], standing.board
    other = tmp_path / "other.json"
    write_bench_report(report(2, methods=("Dunlin", "Whimbrel")), other)
    owned = RIGHTS["see the leaderboard"][role] == "yes"
    assert works(lambda: standing.names(client)) is owned
    board.show_to_visitors(True)
    names = standing.names(client)
    assert "Dunlin" in names
    assert ("Whimbrel" in names) is owned
    assert RIGHTS["read the name of a method on the leaderboard"][role] == (
        "yes" if owned else "if published"
    )
    for verb, ask in {
        "publish a method on the leaderboard": lambda: client.predict(
            "Whimbrel", True, api_name="/leaderboard_publish"
        ),
        "add scores to the leaderboard": lambda: client.predict(
            handle_file(other), api_name="/leaderboard_add"
        ),
        "show the leaderboard to visitors": lambda: client.predict(False, api_name="/leaderboard_open"),
    }.items():
        assert works(ask) is (RIGHTS[verb][role] == "yes"), verb
    assert ("Whimbrel" in board.settings.published) is owned
    assert board.settings.public is not owned
    assert len(board.reports()[0]) == 1 + owned
    board.publish(["Dunlin"])
    board.publish(["Whimbrel"], published=False)


def test_after_the_study_the_set_is_seen_again(
    clients: dict[str, Client], place: Place, set_of: Callable[[str, bool], str]
) -> None:
    id = set_of("with the link", True)
    study = add_study(place.store, place.clip, source={"set": id}).id
    assert not listed(clients["visitor"], id)
    assert listed(clients["maker"], id)
    place.store.close_study(study)
    assert listed(clients["visitor"], id)
    place.store.delete_study(study)


def test_a_wrong_password_is_refused_and_no_visitor(place: Place) -> None:
    client = Client(place.address, headers={"x-lipsync-password": "a wrong one"}, verbose=False)
    with pytest.raises(AppError, match="Wrong password"):
        client.predict(api_name="/compare_list")


def test_a_study_names_its_set_by_the_id(place: Place, set_of: Callable[[str, bool], str]) -> None:
    """Renamed, the set stays hidden."""
    from eval.study.storage.create import create

    id = set_of("with the link", True)
    spec = Spec.from_dict({"title": "By title", "source": {"set": "Curlew"}})
    study = place.store.open_study(create(place.store, spec).id)
    assert study.spec.source.set == id
    place.sets.rename(id, "Egret")
    assert id in place.store.sets_in_use()
    place.store.delete_study(study.id)


# ---- every event of every page --------------------------------------------------------------------------


def answers(address: str, cookie: str, value: object, event_data: object) -> Iterator[tuple[int, str]]:
    """The number and all answers of each event of the pages, with one value for all that a browser sends."""
    with urllib.request.urlopen(f"{address}/config") as answer:
        config = json.load(answer)
    kinds = {component["id"]: component["type"] for component in config["components"]}
    (password,) = [
        one["id"] for one in config["components"] if one["props"].get("elem_id") == "gate-password"
    ]

    def ask(path: str, data: object = None) -> Any:
        headers = {"Content-Type": "application/json", "Cookie": f"{COOKIE}={cookie}"}
        body = None if data is None else json.dumps(data).encode()
        return urllib.request.urlopen(urllib.request.Request(f"{address}/gradio_api/{path}", body, headers))

    for event in config["dependencies"]:
        if not event["backend_fn"] or event["api_visibility"] == "public" or password in event["inputs"]:
            continue  # guesses of the password are counted, for other tests too
        session, number = f"sweep-{event['id']}-{id(value)}", event["id"]
        data = [None if kinds[asked] == "state" else value for asked in event["inputs"]]
        asked = {"data": data, "fn_index": number, "session_hash": session, "event_data": event_data}
        try:
            ask("queue/join", asked).close()
        except urllib.error.HTTPError as refusal:
            yield number, refusal.read().decode()
            continue
        told = ""
        with ask(f"queue/data?session_hash={session}") as stream:
            for line in stream:
                told += line.decode()
                if b"process_completed" in line or b"close_stream" in line:
                    break
        yield number, told


def test_no_event_of_any_page_tells_a_stranger_or_changes_anything(place: Place) -> None:
    """A stranger who knows the ids of a study and of the set that it shows tries all that pages can ask."""
    entries = [Entry("Quokka", method, place.clip) for method in ("Bilby", "Numbat")]
    set_id = place.sets.create("Potoroo", entries)
    study = add_study(place.store, place.clip, source={"set": set_id}, title="Bettong")
    secrets = ("Quokka", "Bilby", "Numbat", "Potoroo", "Bettong", study.link)

    mine = place.name("visitor")

    def state() -> object:
        others = [known for known in place.sets.list() if known.maker != mine]
        return others, place.store.studies(), place.store.ratings(study.id).values.tolist()

    before, told = state(), []
    try:
        for value in (set_id, {"set": set_id, "item": 0}):
            given = answers(
                place.address, place.cookies["visitor"], value, {"study": study.id, "value": value}
            )
            told += [(number, text) for number, text in given]
        assert len({number for number, _ in told}) > 60
        assert [(number, secret) for number, text in told for secret in secrets if secret in text] == []
        assert state() == before
    finally:
        place.store.delete_study(study.id)
        for known in place.sets.list():
            if known.id == set_id or known.maker == mine:  # the example is everybody's to open
                place.sets.delete(known.id)


# ---- assistants -----------------------------------------------------------------------------------------


TOOLS: dict[str, tuple[str, dict[str, Any]]] = {
    "watch a set": ("compare_show", {}),
    "download a set": ("compare_export", {}),
    "rename a set": ("compare_rename", {"title": "Egret"}),
    "delete a set": ("compare_delete", {}),
    "publish a set": ("compare_publish", {"published": False}),
}


@pytest.mark.parametrize("role", ["with the link", "maker", "rater", "owner"])
def test_the_tools_of_assistants_follow_the_table(
    role: str, place: Place, set_of: Callable[[str, bool], str]
) -> None:
    headers = {"cookie": f"{COOKIE}={place.cookies[role]}"}
    headers |= {"x-lipsync-password": PASSWORD} if role == "owner" else {}

    async def done() -> dict[str, bool]:
        async with (
            streamablehttp_client(f"{place.address}/gradio_api/mcp/", headers=headers) as (
                reading,
                writing,
                _,
            ),
            ClientSession(reading, writing) as session,
        ):
            await session.initialize()
            return {
                verb: not (await session.call_tool(tool, {"id": set_of(role, False), **values})).isError
                for verb, (tool, values) in TOOLS.items()
            }

    assert run(done()) == {verb: RIGHTS[verb][role] == "yes" for verb in TOOLS}


@pytest.mark.parametrize("role", ["visitor", "owner"])
def test_the_tools_of_the_leaderboard_follow_the_table(role: str, place: Place, standing: Standing) -> None:
    headers = {"cookie": f"{COOKIE}={place.cookies[role]}"}
    headers |= {"x-lipsync-password": PASSWORD} if role == "owner" else {}
    asked: dict[str, dict[str, Any]] = {
        "leaderboard_show": {},
        "leaderboard_publish": {"method": "Whimbrel", "published": True},
        "leaderboard_open": {"public": True},
    }

    async def done() -> list[bool]:
        address = f"{place.address}/gradio_api/mcp/"
        async with (
            streamablehttp_client(address, headers=headers) as (reading, writing, _),
            ClientSession(reading, writing) as session,
        ):
            await session.initialize()
            return [not (await session.call_tool(tool, values)).isError for tool, values in asked.items()]

    assert run(done()) == [role == "owner"] * len(asked)
    assert standing.board.settings.public is (role == "owner")
    standing.board.publish(["Whimbrel"], published=False)
