"""Proofs that are taken: for the address that others see, within their time, and once."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest
from joserfc.jwk import ECKey, RSAKey

from adapter.security.admission import Tokens
from adapter.security.dpop import Proofs
from adapter.security.proofs_in import normal
from tests.security.issuer import BASE, key
from tests.security.world import URL, World


def test_what_is_remembered_of_a_proof_tells_of_nothing_but_itself() -> None:
    world = World()
    proof = world.read(world.shown(jti="a-b-c")).proof

    assert proof is not None
    assert proof.jti == hashlib.sha256(f"{world.client.key.thumbprint()}|a-b-c".encode()).hexdigest()
    # Ten seconds of age and five of a clock that is slow; five more, for the clocks of those who remember.
    assert proof.until == datetime.fromtimestamp(world.at + 20, UTC)


def test_the_same_proof_is_the_same_thing_to_remember_and_another_is_another() -> None:
    world = World()
    shown = world.shown()
    once, again, other = world.read(shown).proof, world.read(shown).proof, world.read(world.shown()).proof

    assert once == again
    assert once is not None
    assert other is not None
    assert once.jti != other.jti


def test_two_clients_may_give_their_proofs_the_same_name() -> None:
    world = World()
    one = world.read(world.shown(jti="1")).proof
    world.client = world.issuer.client()
    other = world.read(world.shown(jti="1")).proof

    assert one is not None
    assert other is not None
    assert one.jti != other.jti


@pytest.mark.parametrize("seconds", [-15, -10, 0, 5])
def test_a_proof_of_just_now_is_taken(seconds: int) -> None:
    world = World()

    assert world.read(world.shown(iat=int(world.at) + seconds)).proof


def test_how_old_a_proof_may_be_is_configured() -> None:
    world = World(settings={"proof_seconds": 1, "leeway_seconds": 0})

    assert world.read(world.shown(iat=int(world.at) - 1)).proof
    assert "iat" in world.refused(world.shown(iat=int(world.at) - 2)).findings[0].en


@pytest.mark.parametrize(
    "proof_key", [ECKey.generate_key("P-256"), ECKey.generate_key("P-384"), ECKey.generate_key("P-521"), key("RSA", "2")]
)
def test_a_client_has_the_kind_of_key_that_it_wants(proof_key: ECKey | RSAKey) -> None:
    world = World()
    world.client.key = proof_key
    world.client.renew()
    alg = "RS512" if isinstance(proof_key, RSAKey) else {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}[proof_key.curve_name]

    assert world.read(world.shown(header={"alg": alg})).proof


@pytest.mark.parametrize(
    "htu",
    [
        URL,
        f"{URL}?_id=1",
        f"{URL}#part",
        "HTTPS://FHIR.EXAMPLE/fhir/Task/1",
        "https://fhir.example:443/fhir/Task/1",
        "https://fhir.example/fhir/%54ask/1",
    ],
)
def test_an_address_may_be_spelt_in_more_than_one_way(htu: str) -> None:
    world = World()

    assert world.read(world.shown(htu=htu), path="/fhir/Task/1?code=x").proof


def test_behind_a_proxy_the_configured_base_counts() -> None:
    world = World()
    world.tokens = Tokens(
        world.issuer.settings(),
        public_base="https://helse.example/stafett/",
        now=lambda: world.at,
        transport=world.issuer.transport,
    )

    assert world.read(world.shown(htu="https://helse.example/stafett/fhir/Task/1")).proof
    assert world.refused(world.shown(htu=URL)).status == 401


def test_our_own_proofs_are_taken_by_us() -> None:
    world = World()
    ours = Proofs(lambda: world.at)
    world.client.token = world.issuer.token(ours._key.thumbprint())  # the key has no other way out, and needs none
    shown = [("authorization", f"DPoP {world.client.token}"), ("dpop", ours.make("GET", f"{URL}?a=b", token=world.client.token))]

    assert world.read(shown).proof


@pytest.mark.parametrize(
    ("url", "spelt"),
    [
        ("https://a.example", "https://a.example/"),
        ("https://a.example/", "https://a.example/"),
        ("http://a.example:80/x", "http://a.example/x"),
        ("http://a.example:8080/x", "http://a.example:8080/x"),
        ("https://[::1]:8443/x", "https://[::1]:8443/x"),
        ("https://a.example/%7Ex%2fy%24", "https://a.example/~x%2Fy%24"),
        ("https://a.example/%zz", "https://a.example/%zz"),
        ("https://a.example/A", "https://a.example/A"),
        ("ftp://a.example/x", ""),
        ("//a.example/x", ""),
        ("/x", ""),
        ("", ""),
        ("https:///x", ""),
        ("https://a.example:x/", ""),
        ("https://a.example:99999/", ""),
        ("https://a@a.example/", ""),
        ("https://a.example/å", ""),
        ("https://a.example/ x", ""),
        ("https://a.example/\tx", ""),
    ],
)
def test_addresses_have_one_spelling(url: str, spelt: str) -> None:
    """RFC 3986 6.2.2 and 6.2.3, by hand."""
    assert normal(url) == spelt


def test_a_base_is_not_confused_with_another_that_begins_like_it() -> None:
    world = World()

    assert world.refused(world.shown(htu=f"{BASE}.evil.example/fhir/Task/1")).status == 401
