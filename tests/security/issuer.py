"""An issuer of tokens for tests, clients that show them as RFC 9449 says, and nothing in either that is of the service itself.

    issuer = Issuer()
    tokens = Tokens(issuer.settings(), public_base=BASE, transport=issuer.transport)

    client = issuer.client(parent="999977774", scopes=["system/*.cruds"])
    httpx.get(url, headers=client.headers("GET", url))      # a token, and a new proof for this one request
    httpx.Client(base_url=…, auth=client)                    # or the same on every request

    with issuer.served() as address: …                       # over real HTTP, for a service in a process of its own

It signs whatever it is told to, so that what it says can be wrong in any single way.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from adapter.settings import HelseID

ISSUER = "https://sts.example"
AUDIENCE = "nhn:pakkeforlop"
BASE = "https://fhir.example"
PARENT, CHILD = "999977774", "999977775"  # fictitious organisations of HelseID's test environment
CLAIMS = "helseid://claims/"
Key = RSAKey | ECKey


@cache
def key(kind: str = "RSA", name: str = "1") -> Key:
    """A key that is made once in a run: "RSA", or a curve."""
    parameters: Any = {"kid": f"{kind}-{name}"}
    return RSAKey.generate_key(2048, parameters) if kind == "RSA" else ECKey.generate_key(kind, parameters)  # type: ignore[arg-type]


def signed(header: dict[str, Any], claims: dict[str, Any] | bytes, by: Any) -> str:
    """Any header, over any claims, by any key: also what nobody should sign."""
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    body = f"{encoded(json.dumps(header).encode())}.{encoded(payload)}"
    return f"{body}.{encoded(jws.JWSRegistry.algorithms[header['alg']].sign(body.encode(), by))}"


def encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """Metadata and keys at `url`; `asked` is what was fetched. `now` is seconds since 1970."""

    def __init__(self, url: str = ISSUER, *, alg: str = "PS256", now: Callable[[], float] = time.time) -> None:
        self.url, self.alg, self.now = url, alg, now
        self.key: Key = key("RSA") if alg[0] in "RP" else key({"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}[alg])
        self.keys: list[Key] = [self.key]
        self.asked: list[str] = []
        self.metadata: dict[str, Any] = {}  # beside what is usual
        self.cache_control = ""
        self.down = False

    @property
    def transport(self) -> httpx.MockTransport:
        """The network, with this issuer alone in it."""

        def answer(request: httpx.Request) -> httpx.Response:
            if self.down or not str(request.url).startswith(f"{self.url}/"):
                raise httpx.ConnectError("nobody there", request=request)
            found = self.answer(request.url.path)
            headers = {"cache-control": self.cache_control} if self.cache_control else {}
            return httpx.Response(404) if found is None else httpx.Response(200, json=found, headers=headers)

        return httpx.MockTransport(answer)

    def answer(self, path: str) -> dict[str, Any] | None:
        self.asked.append(path)
        if path == "/.well-known/openid-configuration":
            usual = {"issuer": self.url, "jwks_uri": f"{self.url}/keys", "token_endpoint": f"{self.url}/connect/token"}
            return {**usual, **self.metadata}
        return {"keys": [{**one.as_dict(private=False), "use": "sig"} for one in self.keys]} if path == "/keys" else None

    @contextmanager
    def served(self) -> Iterator[str]:
        """Over HTTP on a free port of this machine, which becomes its `url`."""
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps(issuer.answer(self.path)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            self.url = f"http://127.0.0.1:{server.server_port}"
            threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                yield self.url
            finally:
                server.shutdown()

    def settings(self, **more: Any) -> HelseID:
        """What a service is configured with to take this issuer's tokens."""
        return HelseID(issuer=self.url, audience=AUDIENCE, **more)

    def claims(
        self,
        jkt: str = "",
        *,
        parent: str = PARENT,
        child: str = "",
        supplier: str = "",
        scopes: Sequence[str] = ("system/*.cruds",),
        pid: str = "",
        hpr: str = "",
        level: str = "4",
        attest: dict[str, Any] | None = None,
        seconds: int = 600,
        **more: Any,
    ) -> dict[str, Any]:
        """What a token says; `more` are claims as they are, None leaves one out."""
        at = int(self.now())
        person = {f"{CLAIMS}identity/pid": pid, f"{CLAIMS}identity/security_level": level, f"{CLAIMS}hpr/hpr_number": hpr}
        found = {
            "iss": self.url,
            "aud": AUDIENCE,
            "client_id": "epj",
            "iat": at,
            "nbf": at,
            "exp": at + seconds,
            "jti": str(uuid.uuid4()),
            "scope": list(scopes),
            "cnf": {"jkt": jkt} if jkt else None,
            f"{CLAIMS}client/claims/orgnr_parent": parent or None,
            f"{CLAIMS}client/claims/orgnr_child": child or None,
            f"{CLAIMS}client/claims/orgnr_supplier": supplier or None,
            "nhn:tillitsrammeverk:parameters": attest,
            **({name: value or None for name, value in person.items()} if pid or hpr else {}),
            **more,
        }
        return {name: value for name, value in found.items() if value is not None}

    def token(self, jkt: str = "", *, header: dict[str, Any] | None = None, by: Any = None, **claims: Any) -> str:
        """A token bound to the key of thumbprint `jkt`. `header` goes over the usual one, None leaves a name out; `by` signs."""
        usual = {"alg": self.alg, "typ": "at+jwt", "kid": self.key.kid, **(header or {})}
        return signed({k: v for k, v in usual.items() if v is not None}, self.claims(jkt, **claims), by or self.key)

    def client(self, **claims: Any) -> Client:
        """A client with a key of its own and tokens that say this (`claims`)."""
        return Client(self, claims)


@dataclass
class Client(httpx.Auth):
    """Shows one token, until it is told to `renew`, with a new proof for each request."""

    issuer: Issuer
    claims: dict[str, Any]
    key: Key = field(default_factory=lambda: ECKey.generate_key("P-256"))
    token: str = ""

    def __post_init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        self.token = self.issuer.token(self.key.thumbprint(), **self.claims)

    def headers(self, method: str, url: str, **claims: Any) -> dict[str, str]:
        """The token, and a proof for this request alone; `claims` of the proof go over the usual ones."""
        return {"authorization": f"DPoP {self.token}", "dpop": self.proof(method, url, **claims)}

    def proof(self, method: str, url: str, *, header: dict[str, Any] | None = None, by: Any = None, **claims: Any) -> str:
        usual = {
            "jti": str(uuid.uuid4()),
            "htm": method,
            "htu": url.split("?", maxsplit=1)[0],
            "iat": int(self.issuer.now()),
            "ath": encoded(hashlib.sha256(self.token.encode()).digest()),
            **claims,
        }
        alg = "ES256" if isinstance(self.key, ECKey) else "PS256"
        top = {"typ": "dpop+jwt", "alg": alg, "jwk": self.key.as_dict(private=False), **(header or {})}
        return signed(
            {k: v for k, v in top.items() if v is not None}, {k: v for k, v in usual.items() if v is not None}, by or self.key
        )

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers.update(self.headers(request.method, str(request.url)))
        yield request
