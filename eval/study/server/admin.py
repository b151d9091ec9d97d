"""Who may make studies and see their results.

- A password from ``LIPSYNC_ADMIN_PASSWORD``; and, or, on a Hugging Face Space with OAuth, the owner of the
  Space and those whom ``LIPSYNC_ADMINS`` names.
- With neither, only someone at this machine: a token is printed at the start, good for one entry from a
  browser on the machine itself; then the next one is printed.
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
from eval.study.server.secret import fingerprint, new_token
from lipsync.errors import ConfigError, StudyError

SHORTEST = 8  # signs of a password
LASTING = 12 * 3600.0  # s that a key opens
MOST = 1000  # keys at once


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
        self._keys: dict[str, float] = {}
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

    def enter(self, secret: object, origin: ClientAddress) -> str:
        """A key for :meth:`check`, for the right password or token.

        Raises:
            StudyError: wrong, too many guesses, or not from this machine where only that is let in.
        """
        self._from_here(origin)
        if not isinstance(secret, str) or len(secret) > 1000:
            secret = ""
        limits = tuple(zip(self._guesses, (origin.address(self._proxies), "all"), strict=True))
        for limit, asked in limits:
            limit.check(asked)
        with self._lock:
            right = self._is_right(secret)
        if not right:
            for limit, asked in limits:
                limit.count(asked)
            raise StudyError("admin.wrong_token" if self._password is None else "admin.wrong_password")
        return self._new_key()

    def enter_as(self, account: str | None) -> str:
        """A key for an owner.

        Args:
            account: user name of Hugging Face as Gradio's OAuth says, never as the browser says.

        Raises:
            StudyError: someone else.
        """
        if account is None or account.lower() not in self._owners:
            raise StudyError("admin.not_owner")
        return self._new_key()

    def check(self, key: object, origin: ClientAddress | None = None) -> None:
        """Accept a valid key; a key is valid for 12 hours.

        Args:
            key: from :meth:`enter` or :meth:`enter_as`; anything where there is none.
            origin: of this request; None where the key never left the server.

        Raises:
            StudyError: someone else.
        """
        if origin is not None:
            self._from_here(origin)
        if isinstance(key, str) and key.isascii():
            with self._lock:
                end = self._keys.get(fingerprint(key))
            if end is not None and end > self._clock():
                return
        raise StudyError("admin.log_in")

    def leave(self, key: object) -> None:
        """Forget a key."""
        if isinstance(key, str) and key.isascii():
            with self._lock:
                self._keys.pop(fingerprint(key), None)

    def _new_key(self) -> str:
        key = new_token()
        with self._lock:
            now = self._clock()
            self._keys = {mark: end for mark, end in self._keys.items() if end > now}
            if len(self._keys) >= MOST:
                del self._keys[min(self._keys, key=self._keys.__getitem__)]
            self._keys[fingerprint(key)] = now + LASTING
        return key

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
