"""Where a request comes from, as far as it can be known behind proxies."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass

# What a proxy in between adds. Any of them means: the machine at the other end is not the visitor's.
PROXY = (
    "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "forwarded", "via",
    "cf-connecting-ip", "true-client-ip", "x-client-ip",
)  # fmt: skip
OWN_NAMES = ("localhost", "127.0.0.1", "[::1]")


def trusted_proxies(environment: Mapping[str, str] = os.environ) -> int:
    """How many proxies of the operator are in front: ``LIPSYNC_PROXIES``; on a Hugging Face Space one."""
    named = environment.get("LIPSYNC_PROXIES", "")
    return int(named) if named.isdigit() else int("SPACE_ID" in environment)


@dataclass(frozen=True)
class ClientAddress:
    """The other end of a request.

    Attributes:
        host: address of the connection, as the server says.
        headers: of the request; names in small letters.
    """

    host: str
    headers: Mapping[str, str]

    @property
    def loopback(self) -> bool:
        """The request was made on this machine, and to it by name: no proxy, no page of another site.

        A connection from 127.0.0.1 alone does not show that: it may be a proxy's. Nor does the name: a page
        of another site, or of another server on this machine, can send requests to it.
        """
        if any(name in self.headers for name in PROXY) or self._of_another_page:
            return False
        asked = self.headers.get("host", "").lower()
        name = asked if asked.endswith("]") else asked.rpartition(":")[0] or asked
        return name in OWN_NAMES and _is_loopback(self.host)

    @property
    def _of_another_page(self) -> bool:
        """A browser made the request for a page of another origin; a link opened in a tab is the person's."""
        origin = self.headers.get("origin")
        if origin is not None:
            return origin.lower().partition("://")[2] != self.headers.get("host", "").lower()
        site = self.headers.get("sec-fetch-site", "none")
        return site in ("cross-site", "same-site") and self.headers.get("sec-fetch-dest") != "document"

    def address(self, proxies: int = 0) -> str:
        """The visitor's address, for limits and duplicates: what the outermost trusted proxy saw.

        Args:
            proxies: how many trusted proxies are in front. What stands further left in
                ``X-Forwarded-For`` is only the visitor's word.
        """
        seen = [part.strip() for part in self.headers.get("x-forwarded-for", "").split(",") if part.strip()]
        return household(seen[-proxies] if 0 < proxies <= len(seen) else self.host)


def household(address: str) -> str:
    """The address that stands for all of one household: of IPv6 its network, the /64 that it has."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address  # not an address in numbers
    if isinstance(parsed, ipaddress.IPv6Address):
        parsed = parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False).network_address
    return str(parsed)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
