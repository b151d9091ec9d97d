"""An OpenID provider on this machine, as the Hub is one for Spaces: whoever comes is a given account."""

from __future__ import annotations

import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "portal", "portal-secret"


class OpenIdProvider:
    """Use as a context manager. ``url`` is what OPENID_PROVIDER_URL wants; ``account`` is who logs in."""

    def __init__(self) -> None:
        self.account = "someone"
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
        self.nonces: dict[str, str] = {}  # by code
        handler = type("Handler", (_Handler,), {"provider": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def environment(self) -> dict[str, str]:
        """What the Hub tells a Space with ``hf_oauth: true``."""
        return {
            "OAUTH_CLIENT_ID": CLIENT, "OAUTH_CLIENT_SECRET": SECRET, "OAUTH_SCOPES": "openid profile",
            "OPENID_PROVIDER_URL": self.url,
        }  # fmt: skip

    def __enter__(self) -> OpenIdProvider:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *args: Any) -> None:
        self._server.shutdown()
        self._server.server_close()

    def claims(self, nonce: str) -> dict[str, Any]:
        """What the Hub says about an account."""
        now, name = int(time.time()), self.account
        return {
            "iss": self.url, "aud": CLIENT, "sub": name, "iat": now, "exp": now + 600, "nonce": nonce,
            "name": name.title(), "preferred_username": name, "profile": f"{self.url}/{name}",
            "picture": f"{self.url}/{name}.png",
        }  # fmt: skip


class _Handler(BaseHTTPRequestHandler):
    provider: OpenIdProvider

    def do_GET(self) -> None:
        place, asked = urlsplit(self.path), parse_qs(urlsplit(self.path).query)
        url = self.provider.url
        if place.path == "/.well-known/openid-configuration":
            self._answer({
                "issuer": url, "authorization_endpoint": f"{url}/authorize", "token_endpoint": f"{url}/token",
                "jwks_uri": f"{url}/keys", "id_token_signing_alg_values_supported": ["RS256"],
            })  # fmt: skip
        elif place.path == "/keys":
            self._answer({"keys": [self.provider.key.as_dict(private=False)]})
        elif place.path == "/authorize":  # nobody is asked anything
            assert asked["client_id"] == [CLIENT]
            code = secrets.token_hex(8)
            self.provider.nonces[code] = asked["nonce"][0]
            back = urlsplit(asked["redirect_uri"][0])
            more = urlencode({"code": code, "state": asked["state"][0]})
            query = f"{back.query}&{more}" if back.query else more
            self.send_response(302)
            self.send_header("Location", back._replace(query=query).geturl())
            self.end_headers()
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        asked = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        claims = self.provider.claims(self.provider.nonces.pop(asked["code"][0]))
        self._answer({
            "access_token": "hf_of_the_visitor", "token_type": "Bearer", "expires_in": 600,
            "scope": "openid profile",
            "id_token": jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.provider.key),
        })  # fmt: skip

    def _answer(self, told: dict[str, Any]) -> None:
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass
