"""A service that takes one issuer's tokens, and a client of it, with a clock that a test sets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.datastructures import Headers

from adapter.security.admission import Token, Tokens, Unadmitted
from tests.security.issuer import BASE, CHILD, Client, Issuer

PATH = "/fhir/Task/1"
URL = BASE + PATH
Pairs = list[tuple[str, str]]


@dataclass
class World:
    """`read` is what the service makes of a request; `shown` what the client sends with a token, and a proof for it."""

    alg: str = "PS256"
    settings: dict[str, Any] = field(default_factory=dict)
    at: float = 1_780_000_000.0

    def __post_init__(self) -> None:
        self.issuer = Issuer(alg=self.alg, now=lambda: self.at)
        self.tokens = Tokens(
            self.issuer.settings(**self.settings), public_base=BASE, now=lambda: self.at, transport=self.issuer.transport
        )
        self.client: Client = self.issuer.client(child=CHILD)

    def read(self, headers: Iterable[tuple[str, str]], method: str = "GET", path: str = PATH) -> Token:
        return self.tokens.read(method, path, Headers(raw=[(n.lower().encode(), v.encode("latin-1")) for n, v in headers]))

    def shown(self, token: str = "", **proof: Any) -> Pairs:
        if token:
            self.client.token = token
        return list(self.client.headers("GET", URL, **proof).items())

    def token(self, *, header: dict[str, Any] | None = None, by: Any = None, **claims: Any) -> Pairs:
        """A token that says this, bound to the client's key, with a good proof."""
        return self.shown(self.issuer.token(self.client.key.thumbprint(), header=header, by=by, **claims))

    def refused(self, headers: Iterable[tuple[str, str]], method: str = "GET", path: str = PATH) -> Unadmitted:
        with pytest.raises(Unadmitted) as caught:
            self.read(headers, method, path)
        return caught.value
