"""Tokens that we show to others: from a file, or from HelseID by client credentials and a signed assertion.

    http = httpx.Client(auth=auth_of(partner, settings.organisation))
    with acting_for("999999999"):
        http.get(…)

HelseID's security profile: client credentials (RFC 6749 4.4) with `private_key_jwt` (RFC 7523) and DPoP (RFC 9449). The
assertion's audience is the issuer, it lives for seconds and is used once; the organisation that we act for stands inside it, so
each has tokens of its own. A token is used until it is about to end, the issuer's metadata for a day. A key that the issuer does
not take is followed by the next one at once. For one client one token is asked for at a time, whoever is in need of it.

Every failure is `Problem(TRANSIENT)`: what is wrong with a token people mend, and nothing that waits is given up for it. No
token, key or assertion is ever in a message or a log, nor what an issuer says beyond its error code.
"""

from __future__ import annotations

import re
import threading
import time
import uuid
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import structlog
from joserfc import jwt

from adapter.domain.problem import Kind, Problem, problem
from adapter.http_client import TooLong, client, read, retry_after
from adapter.r4 import json
from adapter.security.acting import acting, claim
from adapter.security.dpop import Proofs
from adapter.security.keys import Keys, SigningKey
from adapter.settings import Credentials, HubSettings, Organisation, Partner

log = structlog.get_logger(__name__)

METADATA_SECONDS: Final = 24 * 3600
ASSERTION_SECONDS: Final = 30  # HelseID takes at most 60
MARGIN_SECONDS: Final = 30.0  # before a token ends: a request on its way must still find it valid
LONGEST: Final = 64 * 1024  # of an issuer's answer
ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
RULE: Final = "RFC 6749 5.2"
_TOKEN: Final = re.compile(r"[A-Za-z0-9\-._~+/]+=*")  # RFC 6750 2.1
_ERROR: Final = re.compile(r"[a-z_]{1,40}")
_TURNS: Final[dict[tuple[str, str], threading.Lock]] = {}
"""By issuer and client: who holds it asks for a token. Several hubs and partners may know us as the same client."""


def auth_of(client: Partner | HubSettings, organisations: Sequence[Organisation]) -> httpx.Auth | None:
    """What lays tokens on calls to a hub or partner, for any of our organisations. Raises `Problem` for a key it cannot read."""
    if isinstance(client, Partner) and client.token_file and client.auth == "bearer":
        return TokenFile(client.token_file)
    return ClientCredentials(client, organisations) if client.auth == "helseid" else None


class TokenFile(httpx.Auth):
    """A bearer token in a file (RFC 6750), read anew when the file has changed; somebody else puts a fresh one there in time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: tuple[object, str] = (None, "")

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        token = self.token()
        request.headers["authorization"] = f"Bearer {token}"
        answer = yield request
        if answer.status_code == httpx.codes.UNAUTHORIZED and (newer := self.token()) != token:
            request.headers["authorization"] = f"Bearer {newer}"
            yield request

    def token(self) -> str:
        try:
            seen = self._path.stat()
            state = (seen.st_mtime_ns, seen.st_size, seen.st_ino)
            if state != self._read[0]:
                self._read = (state, self._path.read_text("ascii").strip())
        except (OSError, ValueError):
            self._read = (None, "")
        token = self._read[1]
        if not _TOKEN.fullmatch(token):
            raise problem(
                Kind.TRANSIENT,
                f"{self._path} holds no token that can be read: put one there, and nothing else.",
                f"{self._path} har ikke noe token som kan leses: legg ett der, og ikke noe annet.",
                rule="RFC 6750 2.1",
            )
        return token


@dataclass(frozen=True, slots=True)
class Signer:
    """Who we are to an issuer, the key that says so, and its claims beside the usual ones."""

    key: SigningKey
    kid: str
    algorithm: str
    client_id: str
    issuer: str
    claims: Mapping[str, Any] = field(default_factory=dict)

    def assertion(self, now: float) -> str:
        """A client assertion (RFC 7523 3), good for one request. `now` is seconds since 1970."""
        at = int(now)
        header = {"alg": self.algorithm, "typ": "client-authentication+jwt", "kid": self.kid}
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.issuer,
            "iat": at,
            "nbf": at,
            "exp": at + ASSERTION_SECONDS,
            "jti": str(uuid.uuid4()),
            **self.claims,
        }
        return jwt.encode(header, claims, self.key, algorithms=[self.algorithm])


class ClientCredentials(httpx.Auth):
    """DPoP-bound tokens on every call. A 401 gets a new token once, and `use_dpop_nonce` a new proof once.

    A call is for the organisation that it is made for (`acting_for`), or the first of ours where that is none of them.
    `now` is seconds since 1970; `transport` replaces the network to the issuer in tests.
    """

    def __init__(
        self,
        client: Credentials,
        organisations: Sequence[Organisation],
        *,
        now: Callable[[], float] = time.time,
        transport: httpx.BaseTransport | None = None,
        timeout: float = 10.0,
    ) -> None:
        self._client, self._now = client, now
        self._claims = {organisation.number: claim(client, organisation) for organisation in organisations}
        self._first = organisations[0].number
        self._timeout, self._transport = timeout, transport
        self._keys, self._proofs = Keys(client), Proofs(now)
        self._turn = _TURNS.setdefault((client.issuer, client.client_id), threading.Lock())
        self._tokens: dict[str, tuple[str, float]] = {}  # by organisation: the token, and until when it is used
        self._failed: dict[str, tuple[float, Problem]] = {}
        self._endpoint, self._endpoint_until = "", 0.0

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        organisation = self._acting()
        renewed = reproved = False
        while True:
            token = self._token(organisation)
            request.headers["authorization"] = f"DPoP {token}"
            request.headers["dpop"] = self._proofs.make(request.method, request.url, token=token)
            answer = yield request
            self._proofs.keep(answer)
            if answer.status_code != httpx.codes.UNAUTHORIZED:
                return
            if not reproved and "use_dpop_nonce" in answer.headers.get("www-authenticate", ""):
                reproved = True
            elif not renewed:
                renewed = True
                self._drop(organisation, token)
            else:
                return

    def token(self) -> str:
        """The token of the organisation that is acted for, a new one where the last is about to end."""
        return self._token(self._acting())

    def _acting(self) -> str:
        return acting() if acting() in self._claims else self._first

    def _token(self, organisation: str) -> str:
        """Who comes while one is asked for waits for that one, and for what becomes of it."""
        came = time.monotonic()
        if token := self._held(organisation):
            return token
        with self._turn:
            if token := self._held(organisation):
                return token
            failed, fault = self._failed.get(organisation, (0.0, None))
            if fault and failed > came:
                raise Problem(*fault.findings, retry_after=fault.retry_after)
            try:
                self._tokens[organisation] = self._new_token(self._claims[organisation])
            except Problem as fault:
                self._failed[organisation] = (time.monotonic(), fault)
                raise
            return self._tokens[organisation][0]

    def _held(self, organisation: str) -> str:
        token, until = self._tokens.get(organisation, ("", 0.0))
        return token if self._now() < until else ""

    def _drop(self, organisation: str, token: str) -> None:
        with self._turn:
            if self._tokens.get(organisation, ("",))[0] == token:
                del self._tokens[organisation]

    def _new_token(self, claims: Mapping[str, Any]) -> tuple[str, float]:
        endpoint, asked = self._token_endpoint(), self._now()
        for key in self._keys.in_order():
            status, said = self._ask(endpoint, Signer(*key, self._client.client_id, self._client.issuer, claims))
            if said.get("error") != "invalid_client":
                break
            log.warning("key.not_taken", client=self._client.client_id, kid=key.kid)
        if status != httpx.codes.OK:
            raise self._refused(status, said)
        self._keys.took(key)
        token, kind, seconds = said.get("access_token"), said.get("token_type"), said.get("expires_in", 60)
        if not isinstance(token, str) or not _TOKEN.fullmatch(token) or str(kind).lower() != "dpop" or not isinstance(seconds, int):
            raise self._failure("answered without a DPoP token", "svarte uten noe DPoP-token")
        return token, asked + max(seconds - MARGIN_SECONDS, seconds / 2)

    def _ask(self, endpoint: str, signer: Signer) -> tuple[int, Mapping[str, Any]]:
        """Status and body of a token request; where the issuer wants its nonce, of a second one. Each is signed anew."""
        for _ in range(2):
            form = {
                "grant_type": "client_credentials",
                "client_id": self._client.client_id,
                "scope": self._client.scope,
                "client_assertion_type": ASSERTION,
                "client_assertion": signer.assertion(self._now()),
            }
            proof = self._proofs.make("POST", endpoint)
            status, said, fresh_nonce = self._call("POST", endpoint, data=form, headers={"dpop": proof})
            if not (status == httpx.codes.BAD_REQUEST and said.get("error") == "use_dpop_nonce" and fresh_nonce):
                break
        return status, said

    def _token_endpoint(self) -> str:
        """From the issuer's metadata (OpenID Connect Discovery 4; RFC 8414 3.3: it must name itself as we do)."""
        if self._now() < self._endpoint_until:
            return self._endpoint
        issuer = self._client.issuer
        status, said, _ = self._call("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        endpoint = said.get("token_endpoint")
        if status != httpx.codes.OK or said.get("issuer") != issuer or not isinstance(endpoint, str):
            raise self._failure("has no metadata under its own name", "har ingen metadata under eget navn")
        if httpx.URL(issuer).scheme == "https" and not endpoint.startswith("https://"):
            raise self._failure("has a token endpoint without TLS", "har et token-endepunkt uten TLS")
        self._endpoint, self._endpoint_until = endpoint, self._now() + METADATA_SECONDS
        return endpoint

    def _call(self, method: str, url: str, **sent: Any) -> tuple[int, Mapping[str, Any], bool]:
        try:
            with (
                client(url, timeout=self._timeout, transport=self._transport, max_bytes=LONGEST) as asking,
                asking.stream(method, url, **sent) as answer,
            ):
                data = read(answer, LONGEST, self._timeout)
            if answer.status_code == httpx.codes.TOO_MANY_REQUESTS or answer.is_server_error or answer.is_redirect:
                raise self._failure(
                    f"answered {answer.status_code}", f"svarte {answer.status_code}", wait=answer.headers.get("retry-after", "")
                )
            body = json.parse(data)
        except (httpx.HTTPError, httpx.InvalidURL, TooLong) as fault:  # their text may quote the request
            name = type(fault).__name__
            raise self._failure(f"did not answer ({name})", f"svarte ikke ({name})") from None
        except Problem as fault:
            if fault.kind is Kind.TRANSIENT:
                raise
            raise self._failure("answered no JSON", "svarte ikke med JSON") from None
        return answer.status_code, body if isinstance(body, dict) else {}, self._proofs.keep(answer)

    def _refused(self, status: int, said: Mapping[str, Any]) -> Problem:
        code = said.get("error")
        told = code if isinstance(code, str) and _ERROR.fullmatch(code) else str(status)
        return self._failure(
            f"refused us ({told}): check client_id, key and scope there, and this machine's clock",
            f"avviste oss ({told}): kontroller client_id, nøkkel og scope der, og klokken på denne maskinen",
        )

    def _failure(self, en: str, nb: str, *, wait: str = "") -> Problem:
        host = httpx.URL(self._client.issuer).host
        made = problem(Kind.TRANSIENT, f"The token issuer {host} {en}.", f"Tokenutstederen {host} {nb}.", rule=RULE)
        made.retry_after = retry_after(wait)
        return made
