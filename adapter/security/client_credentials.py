"""Tokens that we show to others: from a file, or from HelseID by client credentials and a signed assertion.

    auth = auth_of(partner, organisation="999999999")
    httpx.Client(auth=auth)

HelseID's security profile: client credentials (RFC 6749 4.4) with `private_key_jwt` (RFC 7523) and DPoP (RFC 9449). The
assertion's audience is the issuer, it lives for seconds and is used once; the organisation that we act for stands inside it
(https://utviklerportal.nhn.no, HelseID, "Organisasjonsnumre"). A token is used until it is about to end, the issuer's metadata
for a day.

Every failure is `Problem(TRANSIENT)`: what is wrong with a token people mend, and nothing that waits is given up for it. No
token, key or assertion is ever in a message or a log, nor what an issuer says beyond its error code.
"""

from __future__ import annotations

import re
import threading
import time
import uuid
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
from joserfc import jwk, jwt
from joserfc.errors import InvalidKeyTypeError, JoseError

from adapter.domain.problem import Kind, Problem, problem
from adapter.http_client import TooLong, client, read, retry_after
from adapter.r4 import json
from adapter.security.dpop import Proofs
from adapter.settings import Partner

METADATA_SECONDS: Final = 24 * 3600
ASSERTION_SECONDS: Final = 30  # HelseID takes at most 60
MARGIN_SECONDS: Final = 30.0  # before a token ends: a request on its way must still find it valid
LONGEST: Final = 64 * 1024  # of an issuer's answer
ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
RULE: Final = "RFC 6749 5.2"
_TOKEN: Final = re.compile(r"[A-Za-z0-9\-._~+/]+=*")  # RFC 6750 2.1
_ERROR: Final = re.compile(r"[a-z_]{1,40}")

SigningKey = jwk.RSAKey | jwk.ECKey


def auth_of(partner: Partner, organisation: str) -> httpx.Auth | None:
    """What lays tokens on calls to a partner, for the organisation that we are there. Raises `Problem` for a key it cannot read."""
    if partner.auth == "bearer" and partner.token_file:
        return TokenFile(partner.token_file)
    if partner.auth == "helseid" and partner.key_file:
        key, kid, algorithm = read_key(partner.key_file, partner.key_id)
        signer = Signer(key, kid, algorithm, partner.client_id, partner.issuer, organisation, partner.details)
        return ClientCredentials(signer, partner.scope)
    return None


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
    """Who we are to an issuer, and the key that says so. `details` is the claim that the organisation number goes in."""

    key: SigningKey
    kid: str
    algorithm: str
    client_id: str
    issuer: str
    organisation: str
    details: str = "assertion_details"

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
            self.details: [_acting_for(self.organisation)],
        }
        return jwt.encode(header, claims, self.key, algorithms=[self.algorithm])


class ClientCredentials(httpx.Auth):
    """DPoP-bound tokens on every call. A 401 gets a new token once, and `use_dpop_nonce` a new proof once.

    `now` is seconds since 1970; `transport` replaces the network to the issuer in tests.
    """

    def __init__(
        self,
        signer: Signer,
        scope: str,
        *,
        now: Callable[[], float] = time.time,
        transport: httpx.BaseTransport | None = None,
        timeout: float = 10.0,
    ) -> None:
        self._signer, self._scope, self._now = signer, scope, now
        self._timeout, self._transport = timeout, transport
        self._proofs = Proofs(now)
        self._one_at_a_time = threading.Lock()
        self._token, self._until = "", 0.0
        self._endpoint, self._endpoint_until = "", 0.0

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        renewed = reproved = False
        while True:
            token = self.token()
            request.headers["authorization"] = f"DPoP {token}"
            request.headers["dpop"] = self._proofs.make(request.method, request.url, token=token)
            answer = yield request
            fresh_nonce = self._proofs.keep(answer)
            if answer.status_code != httpx.codes.UNAUTHORIZED:
                return
            if fresh_nonce and not reproved and "use_dpop_nonce" in answer.headers.get("www-authenticate", ""):
                reproved = True
            elif not renewed:
                renewed = True
                self._drop(token)
            else:
                return

    def token(self) -> str:
        """The token, a new one where the last is about to end; who comes while one is asked for waits for that one."""
        with self._one_at_a_time:
            if not self._token or self._now() >= self._until:
                self._token, self._until = self._new_token()
            return self._token

    def _drop(self, token: str) -> None:
        with self._one_at_a_time:
            if self._token == token:
                self._token = ""

    def _new_token(self) -> tuple[str, float]:
        endpoint, asked = self._token_endpoint(), self._now()
        status, said, again = self._ask(endpoint)
        if status == httpx.codes.BAD_REQUEST and said.get("error") == "use_dpop_nonce" and again:
            status, said, _ = self._ask(endpoint)
        if status != httpx.codes.OK:
            raise self._refused(status, said)
        token, kind, seconds = said.get("access_token"), said.get("token_type"), said.get("expires_in", 60)
        if not isinstance(token, str) or not _TOKEN.fullmatch(token) or str(kind).lower() != "dpop" or not isinstance(seconds, int):
            raise self._failed("answered without a DPoP token", "svarte uten noe DPoP-token")
        return token, asked + max(seconds - MARGIN_SECONDS, seconds / 2)

    def _ask(self, endpoint: str) -> tuple[int, Mapping[str, Any], bool]:
        """Status and body of a token request, each with an assertion and a proof of its own; and whether it gave a new nonce."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self._signer.client_id,
            "scope": self._scope,
            "client_assertion_type": ASSERTION,
            "client_assertion": self._signer.assertion(self._now()),
        }
        return self._call("POST", endpoint, data=form, headers={"dpop": self._proofs.make("POST", endpoint)})

    def _token_endpoint(self) -> str:
        """From the issuer's metadata (OpenID Connect Discovery 4; RFC 8414 3.3: it must name itself as we do)."""
        if self._now() < self._endpoint_until:
            return self._endpoint
        issuer = self._signer.issuer
        status, said, _ = self._call("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        endpoint = said.get("token_endpoint")
        if status != httpx.codes.OK or said.get("issuer") != issuer or not isinstance(endpoint, str):
            raise self._failed("has no metadata under its own name", "har ingen metadata under eget navn")
        if httpx.URL(issuer).scheme == "https" and not endpoint.startswith("https://"):
            raise self._failed("has a token endpoint without TLS", "har et token-endepunkt uten TLS")
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
                raise self._failed(
                    f"answered {answer.status_code}", f"svarte {answer.status_code}", wait=answer.headers.get("retry-after", "")
                )
            body = json.parse(data)
        except (httpx.HTTPError, httpx.InvalidURL, TooLong) as fault:  # their text may quote the request
            name = type(fault).__name__
            raise self._failed(f"did not answer ({name})", f"svarte ikke ({name})") from None
        except Problem as fault:
            if fault.kind is Kind.TRANSIENT:
                raise
            raise self._failed("answered no JSON", "svarte ikke med JSON") from None
        return answer.status_code, body if isinstance(body, dict) else {}, self._proofs.keep(answer)

    def _refused(self, status: int, said: Mapping[str, Any]) -> Problem:
        code = said.get("error")
        told = code if isinstance(code, str) and _ERROR.fullmatch(code) else str(status)
        return self._failed(
            f"refused us ({told}): check client_id, key and scope there, and this machine's clock",
            f"avviste oss ({told}): kontroller client_id, nøkkel og scope der, og klokken på denne maskinen",
        )

    def _failed(self, en: str, nb: str, *, wait: str = "") -> Problem:
        host = httpx.URL(self._signer.issuer).host
        made = problem(Kind.TRANSIENT, f"The token issuer {host} {en}.", f"Tokenutstederen {host} {nb}.", rule=RULE)
        made.retry_after = retry_after(wait)
        return made


def read_key(path: Path, key_id: str = "") -> tuple[SigningKey, str, str]:
    """A private key from PEM or JWK, its `kid` and its algorithm: the JWK's own, else RS256 for RSA and ES256 for P-256."""
    try:
        data = path.read_bytes()
        key = _jwk(json.parse(data)) if data.lstrip().startswith(b"{") else _pem(data)
    except (OSError, JoseError, Problem, ValueError, TypeError, KeyError):  # without the cause, which may quote the key
        raise _bad_key(path, "cannot be read", "kan ikke leses") from None
    own = key.as_dict(private=False)
    rsa = isinstance(key, jwk.RSAKey)
    algorithm = str(own.get("alg") or ("RS256" if rsa else "ES256"))
    if not key.is_private or algorithm not in (("RS256", "PS256") if rsa else ("ES256",)) or own.get("crv", "P-256") != "P-256":
        raise _bad_key(path, "is no private RSA or P-256 key", "er ingen privat RSA- eller P-256-nøkkel")
    return key, key_id or str(own.get("kid") or key.thumbprint()), algorithm


def _jwk(body: Any) -> SigningKey:
    return jwk.RSAKey.import_key(body) if body["kty"] == "RSA" else jwk.ECKey.import_key(body)


def _pem(data: bytes) -> SigningKey:
    try:
        return jwk.RSAKey.import_key(data)
    except InvalidKeyTypeError:
        return jwk.ECKey.import_key(data)


def _bad_key(path: Path, en: str, nb: str) -> Problem:
    return problem(
        Kind.INVALID,
        f"{path} {en}: give key_file a private key, PEM without password or JWK, RSA or EC P-256.",
        f"{path} {nb}: gi key_file en privat nøkkel, PEM uten passord eller JWK, RSA eller EC P-256.",
    )


def _acting_for(organisation: str) -> dict[str, Any]:
    """The organisation, as HelseID's multi-tenant clients tell it: parent, a colon, and a child where there is one."""
    identifier = {"system": "urn:oid:1.0.6523", "type": "ENH", "value": f"NO:ORGNR:{organisation}:"}
    return {"type": "helseid_authorization", "practitioner_role": {"organization": {"identifier": identifier}}}
