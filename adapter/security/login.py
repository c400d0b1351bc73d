"""People log in at an issuer: OpenID Connect's authorization code flow, of which we are the relying party.

    address, cookie = login.begin("/pathways")          # send the browser there, with the cookie
    claims, back = login.finish(cookie, parameters)     # when it comes back

OpenID Connect Core 1.0, chapter 3.1, with what RFC 9700 (best current practice) and HelseID's security profile ask for: PKCE
(RFC 7636, S256), `private_key_jwt` (RFC 7523), the request pushed (RFC 9126) where the issuer takes it, the issuer named in its
answer (RFC 9207), and a DPoP proof for the tokens (RFC 9449), of which only the ID token is read. The code is not bound to the
proof's key (`dpop_jkt`), since the process that the browser comes back to may be another than the one that it left.

Nothing is stored for whoever has not logged in: state, nonce and PKCE's verifier are worked out from the installation's key and
a random number in a cookie of that very browser, which is signed, ends after minutes, and also says where to go on afterwards.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx
import msgspec

from adapter.domain.problem import Problem
from adapter.http_client import TooLong, client, read
from adapter.r4 import json
from adapter.security.acting import claim
from adapter.security.client_credentials import ASSERTION, LONGEST, METADATA_SECONDS, Signer
from adapter.security.compact import Faulty, header_of, moment, registry, verified
from adapter.security.dpop import Proofs, encoded
from adapter.security.issuer_keys import IssuerKeys
from adapter.security.keys import Keys
from adapter.settings import LoginSettings, Organisation

SECONDS: Final = 600  # for a person to log in, with whatever they must look for
LEEWAY: Final = 10  # seconds that the issuer's clock and ours may differ
ALGORITHMS: Final = ("RS256", "PS256", "ES256")
TYPES: Final = ("jwt", "")  # of an ID token: an access token, or one that tells of a logout, says what it is instead
CALLBACK: Final = "/login/callback"
OURS: Final = re.compile(r"/(?!/)[A-Za-z0-9._~!$&'()*+,;=:@%/?-]{0,500}")
"""An address of our own to go on to. What browsers read as the start of another host (`//`, `/\\`) is none."""
_ERROR: Final = re.compile(r"[a-z_]{1,40}")


class NotLoggedIn(Exception):
    """A login that came to nothing. `why` is for the log: it says nothing of the person."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class _Attempt(msgspec.Struct, frozen=True):
    """What the cookie holds. `until` is seconds since 1970."""

    id: str
    until: int
    back: str


@dataclass(frozen=True, slots=True)
class _Issuer:
    """Of the issuer's metadata (OpenID Connect Discovery 3), what we go by."""

    authorize: str
    token: str
    pushed: str
    end: str
    names_itself: bool


class Login:
    """The way in, for whoever runs `organisation`, the first of ours. `key` is any secret of the installation.

    `now` is seconds since 1970; `transport` replaces the network in tests.
    """

    def __init__(
        self,
        settings: LoginSettings,
        organisation: Organisation,
        *,
        key: bytes,
        public_base: str,
        now: Callable[[], float] = time.time,
        transport: httpx.BaseTransport | None = None,
        timeout: float = 10.0,
    ) -> None:
        self._settings, self._now = settings, now
        self._key = hmac.digest(key, b"login", "sha256")
        self._callback = public_base.rstrip("/") + CALLBACK
        self._transport, self._timeout = transport, timeout
        self._own, self._acting_for, self._proofs = Keys(settings), claim(settings, organisation), Proofs(now)
        self._keys = IssuerKeys(settings.issuer, ALGORITHMS, now=now, transport=transport)
        self._asking = threading.Lock()
        self._known: _Issuer | None = None
        self._known_until = 0.0

    def begin(self, back: str) -> tuple[str, str]:
        """Where to send the browser, and the cookie to send it with. `back` that is no address of ours is the start page."""
        issuer = self._issuer()
        attempt = _Attempt(encoded(secrets.token_bytes(32)), int(self._now()) + SECONDS, back if OURS.fullmatch(back) else "/")
        asked = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._callback,
            "scope": self._settings.scope,
            "state": self._secret("state", attempt),
            "nonce": self._secret("nonce", attempt),
            "code_challenge": encoded(hashlib.sha256(self._secret("verifier", attempt).encode()).digest()),
            "code_challenge_method": "S256",
        }
        if self._settings.acr_values:
            asked["acr_values"] = self._settings.acr_values
        if issuer.pushed:
            status, said = self._ask(issuer.pushed, asked)
            if status != httpx.codes.CREATED or not isinstance(said.get("request_uri"), str):
                raise _refused(status, said)
            asked = {"client_id": self._settings.client_id, "request_uri": said["request_uri"]}
        return str(httpx.URL(issuer.authorize).copy_merge_params(asked)), self._sealed(attempt)

    def finish(self, cookie: str, answer: Mapping[str, str]) -> tuple[dict[str, Any], str]:
        """The ID token's claims, and where to go on. `answer` are the parameters that the browser came back with."""
        attempt = self._opened(cookie)
        if not _same(answer.get("state", ""), self._secret("state", attempt)):
            raise NotLoggedIn("state")
        issuer, name = self._issuer(), self._settings.issuer
        if answer.get("iss", "" if issuer.names_itself else name) != name:
            raise NotLoggedIn("answer of another issuer")
        if "error" in answer:
            raise _refused(0, answer)
        form = {
            "grant_type": "authorization_code",
            "code": answer.get("code", ""),
            "redirect_uri": self._callback,
            "code_verifier": self._secret("verifier", attempt),
        }
        status, said = self._ask(issuer.token, form, proven=True)
        token = said.get("id_token")
        if status != httpx.codes.OK or not isinstance(token, str):
            raise _refused(status, said)
        return self._claims(token, self._secret("nonce", attempt)), attempt.back

    def end_address(self) -> str:
        """Where a person ends their login at the issuer itself (OpenID Connect RP-Initiated Logout); empty where it tells none."""
        if self._known is None or not self._known.end:
            return ""
        return str(httpx.URL(self._known.end).copy_merge_params({"client_id": self._settings.client_id}))

    def _claims(self, token: str, nonce: str) -> dict[str, Any]:
        """OpenID Connect Core 3.1.3.7, all of it that a client with one issuer and a nonce has to look at."""
        us, now = self._settings.client_id, self._now()
        try:
            header = header_of(token, ALGORITHMS, TYPES)
            key = self._keys.find(header.get("kid"))
            if key is None:
                raise NotLoggedIn("ID token: a key that the issuer does not have")
            claims = verified(token, key, registry(ALGORITHMS))
            wrong = {
                "iss": claims.get("iss") != self._settings.issuer,
                "aud": claims.get("aud") not in (us, [us]),
                "azp": claims.get("azp", us) != us,
                "exp": moment(claims, "exp") <= now - LEEWAY,
                "iat": not now - SECONDS - LEEWAY <= moment(claims, "iat") <= now + LEEWAY,
                "nbf": "nbf" in claims and moment(claims, "nbf") > now + LEEWAY,
                "nonce": not _same(claims.get("nonce"), nonce),
                "sub": not isinstance(claims.get("sub"), str) or not 0 < len(claims["sub"]) <= 255,
                "level": bool(self._settings.levels) and str(claims.get(self._settings.level_claim)) not in self._settings.levels,
            }
        except (Faulty, Problem) as fault:
            raise NotLoggedIn(f"ID token: {fault.en if isinstance(fault, Faulty) else 'no keys of the issuer'}") from None
        if found := [name for name, is_wrong in wrong.items() if is_wrong]:
            raise NotLoggedIn(f"ID token: {', '.join(found)}")
        return claims

    def _secret(self, purpose: str, attempt: _Attempt) -> str:
        return encoded(hmac.digest(self._key, f"{purpose}|{attempt.id}".encode(), "sha256"))

    def _sealed(self, attempt: _Attempt) -> str:
        said = encoded(msgspec.json.encode(attempt))
        return f"{said}.{self._seal(said)}"

    def _seal(self, said: str) -> str:
        return encoded(hmac.digest(self._key, f"cookie|{said}".encode(), "sha256"))

    def _opened(self, cookie: str) -> _Attempt:
        said, _, seal = cookie.partition(".")
        if not said or not _same(seal, self._seal(said)):
            raise NotLoggedIn("no login was begun at this browser")
        attempt = msgspec.json.decode(_decoded(said), type=_Attempt)
        if attempt.until < self._now():
            raise NotLoggedIn("too late")
        return attempt

    def _issuer(self) -> _Issuer:
        """The issuer's metadata, asked for once a day (OpenID Connect Discovery 4; 4.3: it must name itself as we do)."""
        with self._asking:
            if self._known is None or self._now() >= self._known_until:
                status, said, _ = self._call("GET", f"{self._settings.issuer.rstrip('/')}/.well-known/openid-configuration")
                if status != httpx.codes.OK or said.get("issuer") != self._settings.issuer:
                    raise NotLoggedIn("no metadata of the issuer's")
                self._known, self._known_until = self._read(said), self._now() + METADATA_SECONDS
            return self._known

    def _read(self, said: Mapping[str, Any]) -> _Issuer:
        scheme = f"{httpx.URL(self._settings.issuer).scheme}://"

        def place(name: str, *, needed: bool = False) -> str:
            found = str(said.get(f"{name}_endpoint") or "")
            if found.startswith((scheme, "https://")) or not (found or needed):
                return found
            raise NotLoggedIn(f"the issuer's {name}_endpoint is missing or without TLS")

        return _Issuer(
            place("authorization", needed=True),
            place("token", needed=True),
            place("pushed_authorization_request"),
            place("end_session"),
            said.get("authorization_response_iss_parameter_supported") is True,
        )

    def _ask(self, endpoint: str, form: Mapping[str, str], *, proven: bool = False) -> tuple[int, Mapping[str, Any]]:
        """Post a form as the client that we are, by the first of our keys that the issuer takes."""
        for key in self._own.in_order():
            signer = Signer(*key, self._settings.client_id, self._settings.issuer, self._acting_for)
            status, said = self._ask_by(signer, endpoint, form, proven=proven)
            if said.get("error") != "invalid_client":
                self._own.took(key)
                break
        return status, said

    def _ask_by(self, signer: Signer, endpoint: str, form: Mapping[str, str], *, proven: bool) -> tuple[int, Mapping[str, Any]]:
        """`proven`: with a DPoP proof, and once more where the issuer wants its nonce in it."""
        for _ in range(2):
            sent = {
                **form,
                "client_id": self._settings.client_id,
                "client_assertion_type": ASSERTION,
                "client_assertion": signer.assertion(self._now()),
            }
            headers = {"dpop": self._proofs.make("POST", endpoint)} if proven else {}
            status, said, nonce = self._call("POST", endpoint, data=sent, headers=headers)
            if not (nonce and proven and said.get("error") == "use_dpop_nonce"):
                break
        return status, said

    def _call(self, method: str, url: str, **sent: Any) -> tuple[int, Mapping[str, Any], bool]:
        """Status and body of an answer, and whether it gave a new nonce."""
        try:
            with (
                client(url, timeout=self._timeout, transport=self._transport, max_bytes=LONGEST) as asking,
                asking.stream(method, url, **sent) as answer,
            ):
                body = json.parse(read(answer, LONGEST, self._timeout))
        except (httpx.HTTPError, httpx.InvalidURL, TooLong, Problem) as fault:  # their text may quote the request
            raise NotLoggedIn(f"the issuer did not answer: {type(fault).__name__}") from None
        return answer.status_code, body if isinstance(body, dict) else {}, self._proofs.keep(answer)


def _refused(status: int, said: Mapping[str, Any]) -> NotLoggedIn:
    """By the issuer. No more of its words than its error code is kept."""
    code = said.get("error")
    return NotLoggedIn(f"refused: {code if isinstance(code, str) and _ERROR.fullmatch(code) else status}")


def _same(one: Any, other: str) -> bool:
    return isinstance(one, str) and hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())


def _decoded(said: str) -> bytes:
    return urlsafe_b64decode(said + "=" * (-len(said) % 4))
