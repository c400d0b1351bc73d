"""Whatever is sent, whoever signed it: the answer is a token that was read, or a refusal in both languages; never anything else."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapter.domain.problem import Problem
from adapter.security.admission import Tokens, Unadmitted
from adapter.security.issuer_keys import signing_keys
from tests.security.issuer import BASE, encoded, signed
from tests.security.world import Pairs, World

WORLD = World()
LATIN = st.text(st.characters(max_codepoint=255), max_size=60)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)
NAMES = [*WORLD.issuer.claims("x" * 43, pid="13816912345", hpr="1", child="999977775", supplier="999977775", attest={}), "name"]


def refusal_of(pairs: Pairs) -> Unadmitted | None:
    try:
        WORLD.read(pairs)
    except Unadmitted as refusal:
        return refusal
    return None


def answered(pairs: Pairs) -> None:
    if refusal := refusal_of(pairs):
        assert refusal.status in (401, 403, 431)
        assert all(finding.en and finding.nb for finding in refusal.findings)


@given(LATIN | LATIN.map("DPoP {}".format), LATIN)
def test_any_headers_at_all(authorization: str, proof: str) -> None:
    answered([("authorization", authorization), ("dpop", proof)])


@given(st.binary(max_size=200), st.binary(max_size=200), st.binary(max_size=70))
def test_any_three_parts(header: bytes, claims: bytes, signature: bytes) -> None:
    text = ".".join(encoded(part) for part in (header, claims, signature))
    answered(WORLD.shown(text))
    answered([*World().shown()[:1], ("dpop", text)])


@given(st.dictionaries(st.sampled_from(NAMES), PLAIN, max_size=4))
@example({"exp": 1e308, "nbf": -1e308})
@example({"exp": 10**400})
@example({"scope": [None]})
@example({"nhn:tillitsrammeverk:parameters": {"care_relation": {"purpose_of_use": {"code": ["ETREAT"]}}, "practitioner": []}})
def test_any_claims_that_the_issuer_signs(claims: dict[str, Any]) -> None:
    answered(WORLD.token(**claims))


@given(st.dictionaries(st.sampled_from(["typ", "kid", "alg2", "cty", "x5t", "nonce", "crit"]), PLAIN, max_size=3))
def test_any_header_that_the_issuer_signs(header: dict[str, Any]) -> None:
    answered(WORLD.token(header=header))


@given(st.dictionaries(st.sampled_from(["jti", "htm", "htu", "iat", "ath", "nonce"]), PLAIN, max_size=3))
@example({"iat": 10**400})
def test_any_proof_that_the_client_signs(claims: dict[str, Any]) -> None:
    answered(WORLD.shown(**claims))


@given(
    PLAIN
    | st.dictionaries(
        st.sampled_from(["kty", "crv", "x", "y", "n", "e", "d"]), PLAIN | st.sampled_from(["EC", "RSA", "P-256", "AQAB"])
    )
)
def test_any_key_in_a_proof(jwk: Any) -> None:
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk}
    answered([*WORLD.shown()[:1], ("dpop", signed(header, {}, WORLD.client.key))])


@given(PLAIN)
def test_any_set_of_keys(keys: Any) -> None:
    assert signing_keys({"keys": keys}, ["RS256"]) == {}


@given(PLAIN, PLAIN)
def test_any_metadata_and_keys(metadata: Any, keys: Any) -> None:
    """What lies in the issuer's own answers is our failure, not the caller's, and for as long as it is there."""

    def network(request: httpx.Request) -> httpx.Response:
        found = {"issuer": WORLD.issuer.url, "jwks_uri": metadata} if request.url.path != "/keys" else {"keys": keys}
        return httpx.Response(200, content=json.dumps(found))

    tokens = Tokens(WORLD.issuer.settings(), public_base=BASE, now=lambda: WORLD.at, transport=httpx.MockTransport(network))
    with pytest.raises(Problem, match="try again later"):
        tokens.keys.find("RSA-1")
