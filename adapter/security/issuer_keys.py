"""The keys that an issuer signs with, from its own metadata (RFC 8414, RFC 7517), and from nowhere else.

    keys = IssuerKeys("https://sts.example", ["RS256"])
    key = keys.find("kid-of-a-token")

They are kept for a day, or for as long as the issuer says. A name that is not among them may be a new key's, so the issuer is
asked again; once a minute at most, however many such names come in however many threads, for anyone can invent a name. While the
issuer cannot be reached, the keys that are known go on counting, for three days.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import structlog

from adapter.domain.problem import Kind, Problem, problem
from adapter.http_client import LOOPBACK, TooLong, client, read
from adapter.r4 import json
from adapter.security.compact import Faulty, PublicKey, public_key

DAY: Final = 24 * 3600.0
STALE: Final = 3 * DAY
COOL_DOWN: Final = 60.0
FIRST: Final = 5.0  # while no key at all is known: nobody can be let in, so it is worth asking more often
LONGEST: Final = 256 * 1024  # of an issuer's answer
MOST: Final = 100
WAITING: Final = 8  # threads that wait for one answer; the others are answered by what is known
KID: Final = re.compile(r"[\w.~=-]{1,128}", re.ASCII)
_MAX_AGE: Final = re.compile(r"(?:^|[\s,])max-age=(\d{1,9})")
log = structlog.get_logger(__name__)


class KeysNeeded(Exception):
    """The issuer must be asked first, which takes a while: try again where waiting is no harm (`wait=True`)."""


@dataclass(frozen=True, slots=True)
class _Known:
    keys: Mapping[str, PublicKey] = field(default_factory=dict)
    until: float = 0.0
    token_endpoint: str = ""


class IssuerKeys:
    """One issuer's keys. `now` is seconds since 1970; `transport` replaces the network in tests. May be shared by threads."""

    def __init__(
        self,
        issuer: str,
        algorithms: Sequence[str],
        *,
        now: Callable[[], float] = time.time,
        transport: httpx.BaseTransport | None = None,
        timeout: float = 5.0,
    ) -> None:
        self._issuer, self._algorithms, self._now = issuer, algorithms, now
        self._transport, self._timeout = transport, timeout
        self._known, self._asked_at = _Known(), float("-inf")
        self._asking = threading.Lock()
        self._waiting = threading.BoundedSemaphore(WAITING)

    def token_endpoint(self) -> str:
        """Where the issuer gives tokens, as it says itself; empty where it cannot be asked."""
        if not self._known.token_endpoint:
            self._ask(urgent=True)
        return self._known.token_endpoint

    def ask(self) -> list[str]:
        """The names of the keys that the issuer has now. Raises `Problem` where its metadata or keys are not as they must be."""
        return list(self._fetched().keys)

    def find(self, kid: object, *, wait: bool = True) -> PublicKey | None:
        """The key of that name, None where the issuer has none. Raises `Problem(TRANSIENT)` while none of its keys are known.

        With `wait=False` it never uses the network, and raises `KeysNeeded` where it would have.
        """
        if not isinstance(kid, str) or not KID.fullmatch(kid):
            return None
        now = self._now()
        key = self._current(now).get(kid)
        if key is None or now >= self._known.until:
            if self._may_ask(now):
                if not wait:
                    raise KeysNeeded
                self._ask(urgent=key is None)
            current = self._current(self._now())
            if not current:
                raise self._failed("has given no keys yet", "har ikke gitt noen nøkler ennå")
            key = current.get(kid)
        return key

    def _current(self, now: float) -> Mapping[str, PublicKey]:
        return self._known.keys if now < self._known.until + STALE else {}

    def _may_ask(self, now: float) -> bool:
        return abs(now - self._asked_at) >= (COOL_DOWN if self._known.keys else FIRST)  # a clock that is set back bars nothing

    def _ask(self, *, urgent: bool) -> None:
        """Let one thread ask. Who cannot do without (`urgent`) waits for its answer, unless enough wait already."""
        if not self._waiting.acquire(blocking=False):
            return
        try:
            if self._asking.acquire(blocking=urgent):
                try:
                    self._renew()
                finally:
                    self._asking.release()
        finally:
            self._waiting.release()

    def _renew(self) -> None:
        if not self._may_ask(self._now()):
            return  # another thread has, while this one waited
        try:
            self._known = self._fetched()
        except Problem as fault:
            log.warning("issuer_keys.not_fetched", reason=str(fault), known=len(self._known.keys))
        finally:
            self._asked_at = self._now()

    def _fetched(self) -> _Known:
        said, _ = self._get(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        address, endpoint = said.get("jwks_uri"), said.get("token_endpoint")
        if said.get("issuer") != self._issuer or not isinstance(address, str):  # RFC 8414 3.3
            raise self._failed("has no metadata under its own name", "har ingen metadata under eget navn")
        if not _safe(address):
            raise self._failed("has keys at an address without TLS", "har nøkler på en adresse uten TLS")
        body, age = self._get(address)
        keys = signing_keys(body, self._algorithms)
        if not keys:
            raise self._failed("has no keys that can be used", "har ingen nøkler som kan brukes")
        return _Known(keys, self._now() + age, endpoint if isinstance(endpoint, str) and _safe(endpoint) else "")

    def _get(self, url: str) -> tuple[Mapping[str, Any], float]:
        """What is there, and for how many seconds it counts."""
        try:
            with (
                client(url, timeout=self._timeout, transport=self._transport, max_bytes=LONGEST) as asking,
                asking.stream("GET", url) as answer,
            ):
                data = read(answer, LONGEST, self._timeout)
        except (httpx.HTTPError, httpx.InvalidURL, TooLong) as fault:
            name = type(fault).__name__
            raise self._failed(f"did not answer ({name})", f"svarte ikke ({name})") from None
        if answer.status_code != httpx.codes.OK:
            raise self._failed(f"answered {answer.status_code}", f"svarte {answer.status_code}")
        try:
            body = json.parse(data)
        except Problem:
            raise self._failed("answered no JSON", "svarte ikke med JSON") from None
        age = _MAX_AGE.search(answer.headers.get("cache-control", "").lower())
        return body if isinstance(body, dict) else {}, min(max(float(age[1]), COOL_DOWN), DAY) if age else DAY

    def _failed(self, en: str, nb: str) -> Problem:
        host = httpx.URL(self._issuer).host
        made = problem(
            Kind.TRANSIENT,
            f"The token issuer {host} {en}: try again later.",
            f"Tokenutstederen {host} {nb}: prøv igjen senere.",
            rule="RFC 8414 3",
        )
        made.retry_after = FIRST
        return made


def signing_keys(body: Mapping[str, Any], algorithms: Sequence[str]) -> dict[str, PublicKey]:
    """The keys of a set (RFC 7517 5) that can have signed a token, by name. What cannot be used is passed over."""
    found: dict[str, PublicKey] = {}
    every = body.get("keys")
    for jwk in every[:MOST] if isinstance(every, list) else ():
        if not isinstance(jwk, dict) or jwk.get("use", "sig") != "sig" or ("alg" in jwk and jwk["alg"] not in algorithms):
            continue
        kid = jwk.get("kid")
        if isinstance(kid, str):
            with suppress(Faulty):
                found.setdefault(kid, public_key(jwk))
    return found


def _safe(address: str) -> bool:
    """With TLS, or on this machine."""
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        return False
    return url.scheme == "https" or url.host in LOOPBACK
