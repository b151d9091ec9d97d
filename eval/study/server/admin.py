"""The login of the portal's owner, who alone may make studies, see their results, and change what is others'.

- A password from ``LIPSYNC_ADMIN_PASSWORD``; and, or, on a Hugging Face Space with OAuth, the owner of the
  Space and those whom ``LIPSYNC_ADMINS`` names.
- With neither, only someone at this machine: a token is printed at the start, good for one entry from a
  browser on the machine itself; then the next one is printed.

Who has entered is known by the name of the browser (`lipsync.ui.visitor`), whose cookie is signed.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping

from eval.study.server.client_address import ClientAddress
from eval.study.server.rate_limits import Limit
from eval.study.server.secret import new_token
from lipsync.errors import ConfigError, StudyError

SHORTEST = 8  # signs of a password
LASTING = 12 * 3600.0  # s that a login lasts
MOST = 1000  # logins at once


class Admin:
    """The login: lets the admin in, and recognises them afterwards.

    Args:
        password: None: there is none.
        owners: user names of Hugging Face that need no password here.
        guesses: wrong passwords from all addresses together in a minute, after which every login is refused.
        proxies: trusted proxies in front; see :meth:`eval.study.server.client_address.Origin.address`.
        announce: is given each one-time token.
        clock: seconds, from any origin.

    Raises:
        ConfigError: the password is too short.
    """

    def __init__(
        self,
        password: str | None = None,
        owners: Iterable[str] = (),
        guesses: int = 60,
        proxies: int = 0,
        announce: Callable[[str], None] = lambda token: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if password is not None and len(password) < SHORTEST:
            raise ConfigError("admin.password_length", least=SHORTEST)
        self._salt = secrets.token_bytes(16)
        self._password = None if password is None else self._hash(password)
        self._owners = frozenset(owner.lower() for owner in owners)
        self._proxies = proxies
        self._announce = announce
        self._clock = clock
        self._logins: dict[str, float] = {}  # name of the browser to the end of its login
        self._lock = threading.Lock()
        # Guesses of one address, and of all together: addresses are cheap.
        self._guesses = (Limit(5, 60.0, clock), Limit(guesses, 60.0, clock))
        self._token: str | None = None
        if self.local:
            self._renew()

    @classmethod
    def from_environment(
        cls,
        environment: Mapping[str, str] = os.environ,
        proxies: int = 0,
        announce: Callable[[str], None] = lambda token: None,
    ) -> Admin:
        """The login that the environment variables configure.

        Raises:
            ConfigError: the password is too short.
        """
        owners: list[str] = []
        # Elsewhere Gradio lets anyone play the part of whoever is logged in on the machine.
        if "SPACE_ID" in environment and "OAUTH_CLIENT_ID" in environment:
            owners = [
                environment.get("SPACE_AUTHOR_NAME", ""),
                *environment.get("LIPSYNC_ADMINS", "").split(","),
            ]
        return cls(
            environment.get("LIPSYNC_ADMIN_PASSWORD") or None,
            [owner.strip() for owner in owners if owner.strip()],
            proxies=proxies,
            announce=announce,
        )

    @property
    def by_password(self) -> bool:
        """Whether a password is required."""
        return self._password is not None

    @property
    def by_account(self) -> bool:
        """Whether owners log in with their Hugging Face account."""
        return bool(self._owners)

    @property
    def local(self) -> bool:
        """Only someone at this machine is let in, with the token printed there."""
        return not (self.by_password or self.by_account)

    def enter(self, secret: object, origin: ClientAddress, visitor: str) -> None:
        """Log a visitor in who knows the password or token.

        Raises:
            StudyError: as :meth:`verify`.
        """
        self.verify(secret, origin)
        self._log_in(visitor)

    def verify(self, secret: object, origin: ClientAddress) -> None:
        """Accept the right password or token.

        Raises:
            StudyError: wrong, too many guesses, or not from this machine where only that is let in.
        """
        self._from_here(origin)
        if not isinstance(secret, str) or len(secret) > 1000:
            secret = ""
        limits = tuple(zip(self._guesses, (origin.address(self._proxies), "all"), strict=True))
        with self._lock:  # one after the other, so that guesses made at once count, too
            for limit, asked in limits:
                limit.check(asked)
            if self._is_right(secret):
                return
            for limit, asked in limits:
                limit.count(asked)
        raise StudyError("admin.wrong_token" if self._password is None else "admin.wrong_password")

    def enter_as(self, account: str | None, visitor: str) -> None:
        """Log an owner in.

        Args:
            account: user name of Hugging Face as Gradio's OAuth says, never as the browser says.
            visitor: name of the browser.

        Raises:
            StudyError: someone else.
        """
        if account is None or account.lower() not in self._owners:
            raise StudyError("admin.not_owner")
        self._log_in(visitor)

    def check(self, visitor: str, origin: ClientAddress) -> None:
        """Accept a visitor who has logged in during the last 12 hours.

        Args:
            visitor: name of the browser.
            origin: of this request.

        Raises:
            StudyError: someone else.
        """
        self._from_here(origin)
        with self._lock:
            end = self._logins.get(visitor)
        if end is None or end <= self._clock():
            raise StudyError("admin.log_in")

    def leave(self, visitor: str) -> None:
        """Log a visitor out."""
        with self._lock:
            self._logins.pop(visitor, None)

    def _log_in(self, visitor: str) -> None:
        with self._lock:
            now = self._clock()
            self._logins = {name: end for name, end in self._logins.items() if end > now}
            if len(self._logins) >= MOST:
                del self._logins[min(self._logins, key=self._logins.__getitem__)]
            self._logins[visitor] = now + LASTING

    def _from_here(self, origin: ClientAddress) -> None:
        if self.local and not origin.loopback:
            raise StudyError("admin.only_here")

    def _is_right(self, secret: str) -> bool:
        if self._password is not None:
            return hmac.compare_digest(self._hash(secret), self._password)
        if self._token is not None and hmac.compare_digest(
            secret.encode("utf-8", "replace"), self._token.encode()
        ):
            self._renew()
            return True
        return False

    def _renew(self) -> None:
        self._token = new_token()
        self._announce(self._token)

    def _hash(self, password: str) -> bytes:
        """Slow on purpose: some 30 ms."""
        secret = password.encode("utf-8", "replace")
        return hashlib.scrypt(secret, salt=self._salt, n=2**14, r=8, p=1)
