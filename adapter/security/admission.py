"""Who a request is from, by its headers alone: a token that counts, and the proof that it is the caller's own.

    tokens = Tokens(settings.helseid, public_base=settings.public_base)
    token = tokens.read("GET", "/fhir/Task/1", request.headers)     # raises Unadmitted, and nothing of the body was read

HelseID's rules for services (https://utviklerportal.nhn.no, HelseID, validation of access tokens), after RFC 9068 and RFC 9449;
how a refusal is told, RFC 6750 3 and RFC 9449 7.1. A service takes tokens with a proof or tokens alone, as it is configured, never
both: one that took both would take a stolen token for one that needs no proof. Tokens stand in the header Authorization and
nowhere else.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final, NamedTuple, Protocol

import httpx

from adapter.domain.problem import Finding, Kind, Problem
from adapter.security import access_token
from adapter.security.access_token import Said, Token, in_time, read_claims
from adapter.security.compact import LONGEST, Faulty, PublicKey, header_of, registry, verified
from adapter.security.issuer_keys import IssuerKeys, KeysNeeded
from adapter.security.proofs_in import Proof, ProofReader
from adapter.security.recent import Recent
from adapter.settings import HelseID

__all__ = ["Headers", "KeysNeeded", "Proof", "Token", "Tokens", "Unadmitted"]

RULE: Final = "RFC 9449 4.3"
TOKENS: Final = 4096
_CREDENTIALS: Final = re.compile(r"([A-Za-z]{1,20}) +([A-Za-z0-9._~+/=-]+)")


class Headers(Protocol):
    """The headers of a request, with all the values of each: `starlette.datastructures.Headers`."""

    def getlist(self, key: str, /) -> list[str]: ...


class Unadmitted(Problem):
    """Who is not let in. `challenge` is the header WWW-Authenticate, which goes with 401 and 403; `token` one that was verified."""

    def __init__(self, status: int, challenge: str, finding: Finding, token: Token | None = None) -> None:
        super().__init__(finding)
        self.status, self.challenge, self.token = status, challenge, token


class _Verified(NamedTuple):
    said: Said
    kid: object
    key: PublicKey


class Tokens:
    """The tokens of one issuer for this service. `now` is seconds since 1970; `transport` replaces the network to the issuer.

    A token that was verified is not verified again while the issuer's keys are the same; its time and its proof are, each time.
    May be shared by threads.
    """

    def __init__(
        self,
        settings: HelseID,
        *,
        public_base: str,
        now: Callable[[], float] = time.time,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._settings, self._now = settings, now
        self._scheme = "DPoP" if settings.scheme == "dpop" else "Bearer"
        self._registry = registry(settings.algorithms)
        self.keys = IssuerKeys(settings.issuer, settings.algorithms, now=now, transport=transport)
        self._proofs = ProofReader(public_base, settings.algorithms, settings.proof_seconds, settings.leeway_seconds, now)
        self._verified: Recent[bytes, _Verified] = Recent(TOKENS)

    def read(self, method: str, path: str, headers: Headers, *, wait: bool = True) -> Token:
        """Who asks. `path` as it was sent, percent-encoded. Raises `Unadmitted`, or `Problem(TRANSIENT)` without the issuer's keys.

        With `wait=False` it uses the processor alone, and raises `KeysNeeded` where the issuer must be asked.
        """
        text = self._shown(headers)
        digest = hashlib.sha256(text.encode("ascii")).digest()
        try:
            said = self._said(text, digest, wait=wait)
            in_time(said, self._now(), self._settings.leeway_seconds)
        except Faulty as fault:
            raise self._refused(401, "invalid_token", f"The token {fault.en}.", f"Tokenet {fault.nb}.") from None
        proof = self._proof(headers, method, path, digest, said.jkt) if said.jkt else None
        if said.refusal:
            en, nb = said.refusal
            raise self._refused(403, "insufficient_scope", f"The token {en}.", f"Tokenet {nb}.", token=said.token)
        return replace(said.token, proof=proof)

    def _shown(self, headers: Headers) -> str:
        """The token, of the one scheme that is taken here."""
        shown, proofs = headers.getlist("authorization"), headers.getlist("dpop")
        for name, values in (("Authorization", shown), ("DPoP", proofs)):
            if sum(map(len, values)) > LONGEST:
                en = f"The header {name} is longer than {LONGEST} bytes."
                nb = f"Headeren {name} er lengre enn {LONGEST} byte."
                raise Unadmitted(431, "", Finding("error", Kind.TOO_LARGE, en, nb, f"http.{name}", rule="RFC 6585 5"))
        if not shown:
            en = f"A token is needed: send it in the header Authorization, as {self._scheme}."
            nb = f"Det trengs et token: send det i headeren Authorization, som {self._scheme}."
            raise self._refused(401, "", en, nb)
        found = _CREDENTIALS.fullmatch(shown[0]) if len(shown) == 1 else None
        if not found or found[1].lower() != self._scheme.lower() or (proofs and self._scheme == "Bearer"):
            en = f"The header Authorization must be there once, with a token as {self._scheme} and as nothing else."
            nb = f"Headeren Authorization må være med én gang, med et token som {self._scheme} og ikke som noe annet."
            raise self._refused(401, "invalid_token", en, nb)
        return found[2]

    def _said(self, text: str, digest: bytes, *, wait: bool) -> Said:
        kept = self._verified.get(digest)
        if kept and self.keys.find(kept.kid, wait=wait) is kept.key:
            return kept.said
        header = header_of(text, self._settings.algorithms, access_token.TYPES)
        if "jwk" in header:
            raise Faulty("brings its own key", "har med sin egen nøkkel")
        key = self.keys.find(kid := header.get("kid"), wait=wait)
        if key is None:
            raise Faulty("is signed by no key of its issuer (kid)", "er ikke signert med en av utstederens nøkler (kid)")
        said = read_claims(verified(text, key, self._registry), self._settings)
        return self._verified.keep(digest, _Verified(said, kid, key)).said

    def _proof(self, headers: Headers, method: str, path: str, digest: bytes, jkt: str) -> Proof:
        shown = headers.getlist("dpop")
        try:
            if len(shown) != 1:
                raise Faulty("must be there once, in the header DPoP", "må være med én gang, i headeren DPoP")
            return self._proofs.read(shown[0], method=method, path=path, token=digest, jkt=jkt)
        except Faulty as fault:
            raise self._refused(
                401, "invalid_dpop_proof", f"The proof {fault.en}.", f"Beviset {fault.nb}.", "RFC 9449 4.3"
            ) from None

    def spent(self) -> Unadmitted:
        """To raise where a proof was used before, which whoever keeps them finds out."""
        en = "The proof was used before (jti): make a new one for each request."
        nb = "Beviset er brukt før (jti): lag et nytt for hver forespørsel."
        return self._refused(401, "invalid_dpop_proof", en, nb, "RFC 9449 11.1")

    def _refused(
        self, status: int, error: str, en: str, nb: str, rule: str = "RFC 6750 3.1", token: Token | None = None
    ) -> Unadmitted:
        said = [f'error="{error}"'] if error else []
        if self._scheme == "DPoP":
            said.append(f'algs="{" ".join(self._settings.algorithms)}"')  # RFC 9449 7.1
        kind = Kind.FORBIDDEN if status == 403 else Kind.UNADMITTED
        return Unadmitted(status, f"{self._scheme} {', '.join(said)}".rstrip(), Finding("error", kind, en, nb, rule=rule), token)
