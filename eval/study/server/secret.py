"""Secret codes and tokens; the database stores only their hashes."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from eval.study.server.client_address import household

SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: none looks like another
ALIKE = str.maketrans("OIL", "011")
GROUPS, SIZE = 3, 4  # 12 signs, 60 bits


def new_code() -> str:
    """A rater code that can be read out and typed, such as "7KQF-9M2X-0R4D"."""
    return "-".join("".join(secrets.choice(SIGNS) for _ in range(SIZE)) for _ in range(GROUPS))


def new_token() -> str:
    """A token for programs (192 bits)."""
    return secrets.token_urlsafe(24)


def new_session(rater: str) -> str:
    """The token of a rater's session: their pseudonym and a secret.

    The pseudonym tells a token that was replaced from one that is not known.
    """
    return f"{rater}-{new_token()}"


def rater_of(session: str) -> str:
    """The pseudonym at the beginning of a session's token."""
    return session.partition("-")[0]


def fingerprint(secret: str) -> str:
    """SHA-256 of a code or token. They are random and long, so no salt is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def code_fingerprint(code: str) -> str:
    """SHA-256 of a rater code; case, dashes, blanks and look-alike characters do not matter."""
    plain = "".join(sign for sign in code.upper().translate(ALIKE) if sign in SIGNS)
    return fingerprint(plain)


def address_fingerprint(address: str, salt: str) -> str:
    """A keyed hash of a network address; of IPv6, of the /64 that one household has.

    With the salt gone nobody can find out the address by trying all.
    """
    return hmac.new(bytes.fromhex(salt), household(address).encode(), hashlib.sha256).hexdigest()[:32]
