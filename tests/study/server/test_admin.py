"""Who is let in as admin, and who only looks like it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from eval.study.server.admin import LASTING, Admin
from eval.study.server.client_address import ClientAddress, trusted_proxies
from lipsync.errors import ConfigError, StudyError
from tests.study.rater import Clock

PASSWORD = "correct horse battery"
HERE = ClientAddress("127.0.0.1", {"host": "127.0.0.1:7860"})
AWAY = ClientAddress("203.0.113.7", {"host": "portal.example"})


def test_the_password_opens_and_nothing_else_does(clock: Clock) -> None:
    admin = Admin(PASSWORD, clock=clock)
    assert (admin.by_password, admin.by_account, admin.local) == (True, False, False)
    admin.enter(PASSWORD, AWAY, "ann")
    admin.check("ann", AWAY)
    for other in ("an", "annn", PASSWORD, "", "é"):
        with pytest.raises(StudyError, match="Log in first"):
            admin.check(other, AWAY)
    for wrong in ("Correct horse battery", "", None, "\ud800" * 20):
        with pytest.raises(StudyError, match="Wrong "):
            admin.enter(wrong, AWAY, "bo")
    with pytest.raises(StudyError, match="Log in first"):
        admin.check("bo", AWAY)
    admin.leave("ann")
    with pytest.raises(StudyError, match="Log in first"):
        admin.check("ann", AWAY)
    admin.enter(PASSWORD, AWAY, "ann")
    clock.wait(LASTING + 1)
    with pytest.raises(StudyError, match="Log in first"):
        admin.check("ann", AWAY)


def test_guessing_is_slowed_down_also_from_many_addresses(clock: Clock) -> None:
    admin = Admin(PASSWORD, guesses=12, clock=clock)
    for _ in range(5):
        with pytest.raises(StudyError, match="Wrong "):
            admin.verify("a wrong one", AWAY)
    for guess in ("a wrong one", PASSWORD):
        with pytest.raises(StudyError, match="Too many requests"):
            admin.verify(guess, AWAY)
    admin.verify(PASSWORD, HERE)
    for number in range(7):
        with pytest.raises(StudyError, match="Wrong "):
            admin.verify("a wrong one", ClientAddress(f"198.51.100.{number}", {}))
    with pytest.raises(StudyError, match="Too many requests"):
        admin.verify("a wrong one", ClientAddress("198.51.100.200", {}))
    clock.wait(61)
    admin.verify(PASSWORD, AWAY)


def test_guesses_made_at_once_are_no_more_than_one_after_the_other() -> None:
    admin, begin = Admin(PASSWORD), threading.Barrier(12)

    def guess(number: int) -> str:
        begin.wait()
        with pytest.raises(StudyError) as refused:
            admin.verify(f"guess {number}", AWAY)
        return str(refused.value)

    with ThreadPoolExecutor(12) as pool:
        told = list(pool.map(guess, range(12)))
    assert sum(sentence.startswith("Wrong ") for sentence in told) == 5


def test_without_a_password_only_the_machine_itself_is_let_in_once_per_token(clock: Clock) -> None:
    told: list[str] = []
    admin = Admin(announce=told.append, clock=clock)
    assert admin.local
    with pytest.raises(StudyError, match="only on the machine itself"):
        admin.enter(told[0], AWAY, "ann")
    admin.enter(told[0], HERE, "ann")
    admin.check("ann", HERE)
    with pytest.raises(StudyError, match="only on the machine itself"):
        admin.check("ann", AWAY)
    with pytest.raises(StudyError, match="Wrong "):
        admin.enter(told[0], HERE, "bo")  # used up
    assert len(set(told)) == 2
    admin.enter(told[1], HERE, "bo")
    admin.check("bo", HERE)


@pytest.mark.parametrize(
    ("origin", "loopback"),
    [
        (ClientAddress("127.0.0.1", {"host": "localhost:7860"}), True),
        (ClientAddress("127.0.0.1", {"host": "127.0.0.1"}), True),
        (ClientAddress("::1", {"host": "[::1]:7860"}), True),
        (ClientAddress("::1", {"host": "[::1]"}), True),
        (ClientAddress("127.0.0.1", {"host": "localhost:7860", "x-forwarded-for": "127.0.0.1"}), False),
        (ClientAddress("127.0.0.1", {"host": "localhost:7860", "x-real-ip": "127.0.0.1"}), False),
        (ClientAddress("127.0.0.1", {"host": "localhost:7860", "forwarded": "for=127.0.0.1"}), False),
        (ClientAddress("127.0.0.1", {"host": "localhost:7860", "via": "1.1 proxy"}), False),
        (ClientAddress("127.0.0.1", {"host": "localhost:7860", "cf-connecting-ip": "::1"}), False),
        (
            ClientAddress("127.0.0.1", {"host": "portal.example"}),
            False,
        ),  # a proxy that says nothing of itself
        (
            ClientAddress("127.0.0.1", {"host": "localhost.evil.example:7860"}),
            False,
        ),  # a name led here by DNS
        (ClientAddress("127.0.0.1", {}), False),
        (ClientAddress("10.0.0.2", {"host": "localhost:7860"}), False),
        (ClientAddress("203.0.113.7", {"host": "127.0.0.1:7860"}), False),
        (ClientAddress("", {"host": "127.0.0.1:7860"}), False),
        (ClientAddress("testclient", {"host": "127.0.0.1:7860"}), False),
    ],
)
def test_loopback_cannot_be_feigned(origin: ClientAddress, loopback: bool) -> None:
    assert origin.loopback is loopback


@pytest.mark.parametrize(
    ("sent", "loopback"),
    [
        ({"origin": "http://localhost:7860", "sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none", "sec-fetch-dest": "document"}, True),
        ({"sec-fetch-site": "cross-site", "sec-fetch-dest": "document"}, True),  # a link in a terminal's page
        ({"origin": "https://evil.example", "sec-fetch-site": "cross-site"}, False),
        ({"origin": "http://localhost:3000", "sec-fetch-site": "same-site"}, False),  # another server here
        ({"origin": "https://evil.example", "sec-fetch-dest": "document"}, False),  # a form that is sent
        ({"origin": "null"}, False),
        ({"origin": "https://portal.example"}, False),  # by a proxy that calls it by its own name
        ({"sec-fetch-site": "cross-site", "sec-fetch-dest": "image"}, False),
        ({"sec-fetch-site": "cross-site", "sec-fetch-dest": "iframe"}, False),
    ],
)
def test_a_page_of_another_origin_does_not_act_as_who_sits_at_the_machine(
    sent: dict[str, str], loopback: bool
) -> None:
    assert ClientAddress("127.0.0.1", {"host": "localhost:7860", **sent}).loopback is loopback


def test_owners_of_a_space_need_no_password() -> None:
    space = {
        "SPACE_ID": "ann/portal",
        "OAUTH_CLIENT_ID": "x",
        "SPACE_AUTHOR_NAME": "Ann",
        "LIPSYNC_ADMINS": "bo, cy",
    }
    admin = Admin.from_environment(space)
    assert (admin.by_password, admin.by_account, admin.local) == (False, True, False)
    for name in ("Ann", "ann", "bo", "cy"):
        admin.enter_as(name, f"browser of {name}")
        admin.check(f"browser of {name}", AWAY)
    for name in ("eve", "", None):
        with pytest.raises(StudyError, match="not an owner"):
            admin.enter_as(name, "eve")
    with pytest.raises(StudyError, match="Wrong "):
        admin.verify("", AWAY)
    # Off a Space the same names count for nothing: there Gradio's login is only played.
    elsewhere = Admin.from_environment({key: space[key] for key in space if key != "SPACE_ID"})
    assert elsewhere.local
    with pytest.raises(StudyError, match="not an owner"):
        elsewhere.enter_as("ann", "ann")


def test_the_environment_decides() -> None:
    Admin.from_environment({"LIPSYNC_ADMIN_PASSWORD": PASSWORD}).verify(PASSWORD, AWAY)
    assert Admin.from_environment({"LIPSYNC_ADMIN_PASSWORD": ""}).local
    with pytest.raises(ConfigError, match="at least 8"):
        Admin.from_environment({"LIPSYNC_ADMIN_PASSWORD": "short"})


def test_addresses_behind_proxies() -> None:
    forged = ClientAddress("10.0.0.1", {"x-forwarded-for": "1.1.1.1, 203.0.113.7"})
    assert forged.address() == "10.0.0.1"
    assert forged.address(1) == "203.0.113.7"  # what the proxy saw, not what the visitor claims
    assert forged.address(2) == "1.1.1.1"
    assert forged.address(3) == "10.0.0.1"
    assert ClientAddress("10.0.0.1", {}).address(1) == "10.0.0.1"
    # One household has a whole network of IPv6: an address of it for each guess is one visitor's.
    home = {ClientAddress(f"2001:db8:1:2::{n:x}", {}).address() for n in range(1, 20)}
    assert home == {"2001:db8:1:2::"}
    assert ClientAddress("::ffff:198.51.100.4", {}).address() == "198.51.100.4"
    assert [trusted_proxies(env) for env in ({}, {"SPACE_ID": "a/b"}, {"LIPSYNC_PROXIES": "2"})] == [0, 1, 2]
