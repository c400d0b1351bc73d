"""Tokens and proofs that nobody may come in by. Each is a good one but for one thing, and is refused for that thing.

Who says that they are bad: RFC 8725 (JWT best practices), RFC 9068 4, RFC 9449 4.3 and 7, HelseID's rules for services, and the
rows of the corpus of bad inputs (B098 to B105) that a name begins with.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import warnings
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwe
from joserfc.jwk import ECKey, OctKey, RSAKey

from tests.security.issuer import BASE, CLAIMS, encoded, key, signed
from tests.security.world import URL, Pairs, World

PARENT = f"{CLAIMS}client/claims/orgnr_parent"
OTHERS: ECKey = ECKey.generate_key("P-256", {"kid": "RSA-1"})
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the library says what the row is about
    WEAK = RSAKey.import_key(generate_private_key(65537, 1024))
Make = Callable[[World], Pairs]


def unsigned(alg: str, signature: str = "") -> Make:
    def make(world: World) -> Pairs:
        header = {"alg": alg, "typ": "at+jwt", "kid": world.issuer.key.kid}
        claims = world.issuer.claims(world.client.key.thumbprint())
        return world.shown(f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(claims).encode())}.{signature}")

    return make


def confused(secret: Callable[[RSAKey], bytes]) -> Make:
    """Signed by HMAC with what everybody knows: the issuer's public key."""

    def make(world: World) -> Pairs:
        assert isinstance(world.issuer.key, RSAKey)
        header = {"alg": "HS256", "typ": "at+jwt", "kid": world.issuer.key.kid}
        claims = world.issuer.claims(world.client.key.thumbprint())
        body = f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(claims).encode())}"
        mac = hmac.new(secret(world.issuer.key), body.encode(), hashlib.sha256).digest()
        return world.shown(f"{body}.{encoded(mac)}")

    return make


def header(by: Any = None, **changed: Any) -> Make:
    return lambda world: world.token(header=changed, by=by)


def claim(**changed: Any) -> Make:
    return lambda world: world.token(**changed)


def named(name: str, value: Any) -> Make:
    return lambda world: world.token(**{name: value})


def ahead(name: str, seconds: int) -> Make:
    return lambda world: world.token(**{name: int(world.at) + seconds})


def said(payload: Callable[[dict[str, Any]], bytes]) -> Make:
    """Signed by the issuer, whatever the bytes are."""

    def make(world: World) -> Pairs:
        top = {"alg": world.issuer.alg, "typ": "at+jwt", "kid": world.issuer.key.kid}
        return world.shown(signed(top, payload(world.issuer.claims(world.client.key.thumbprint())), world.issuer.key))

    return make


def proof(top: dict[str, Any] | None = None, by: Any = None, **changed: Any) -> Make:
    return lambda world: world.shown(header=top, by=by, **changed)


def made(seconds: int) -> Make:
    return lambda world: world.shown(iat=int(world.at) + seconds)


def proved_by(other: Any, alg: str = "ES256", **more: Any) -> Make:
    """A proof that is right in itself, by a key that the token was not given to."""
    return proof({"alg": alg, "jwk": {**other.as_dict(private=False), **more}}, by=other)


def bound_to(other: Any, alg: str, **more: Any) -> Make:
    """Token and proof that fit, by a key that is good for nothing."""

    def make(world: World) -> Pairs:
        world.client.token = world.issuer.token(other.thumbprint())
        return world.shown(header={"alg": alg, "jwk": {**other.as_dict(private=False), **more}}, by=other)

    return make


def bound_as(**jwk: Any) -> Make:
    """A token that is bound to a key that was made up."""

    def make(world: World) -> Pairs:
        canonical = json.dumps(jwk, separators=(",", ":"), sort_keys=True)  # RFC 7638 3
        world.client.token = world.issuer.token(encoded(hashlib.sha256(canonical.encode()).digest()))
        return world.shown(
            header={"alg": "PS256" if jwk["kty"] == "RSA" else "ES256", "jwk": jwk},
            by=key("RSA" if jwk["kty"] == "RSA" else "P-256"),
        )

    return make


def number(bits: int) -> str:
    return encoded((2 ** (bits - 1) + 1).to_bytes(-(-bits // 8)))


def twice(name: str) -> Make:
    return lambda world: [pair for pair in world.shown() for _ in range(2 if pair[0] == name else 1)]


def without(name: str) -> Make:
    return lambda world: [pair for pair in world.shown() if pair[0] != name]


def scheme(word: str) -> Make:
    return lambda world: [(n, v.replace("DPoP ", word, 1) if n == "authorization" else v) for n, v in world.shown()]


def in_place(name: str, change: Callable[[str], str]) -> Make:
    return lambda world: [(n, change(v) if n == name else v) for n, v in world.shown()]


def encrypted(world: World) -> Pairs:
    """A megabyte of the same letter in a few hundred bytes: who decrypts before asking whether to, is full of it."""
    secret = OctKey.import_key(b"k" * 32)
    top = {"alg": "dir", "enc": "A256GCM", "zip": "DEF", "typ": "at+jwt", "kid": world.issuer.key.kid}
    bomb = json.dumps({"a": "a" * 200_000}).encode()
    return world.shown(jwe.encrypt_compact(top, bomb, secret, algorithms=["dir", "A256GCM", "DEF"]))


TOKEN, PROOF, SCOPE = "invalid_token", "invalid_dpop_proof", "insufficient_scope"
BAD: dict[str, tuple[Make, int, str, str]] = {
    # Algorithms (RFC 8725 3.1, 3.2)
    "B098 alg none": (unsigned("none"), 401, TOKEN, "JWT in three parts"),
    "B098 alg none with a signature": (unsigned("none", "AAAA"), 401, TOKEN, "algorithm"),
    "B098 alg None": (unsigned("None", "AAAA"), 401, TOKEN, "algorithm"),
    "B098 alg nOnE": (unsigned("nOnE", "AAAA"), 401, TOKEN, "algorithm"),
    "B098 alg a list": (unsigned(["RS256"], "AAAA"), 401, TOKEN, "algorithm"),  # type: ignore[arg-type]
    "B098 RS256 without a signature": (unsigned("RS256"), 401, TOKEN, "JWT in three parts"),
    "B099 HS256 by the public key as PEM": (confused(lambda k: k.as_pem(private=False)), 401, TOKEN, "algorithm"),
    "B099 HS256 by the public key as DER": (
        confused(lambda k: k.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)),
        401,
        TOKEN,
        "algorithm",
    ),
    "B099 HS256 by the public key's modulus": (
        confused(lambda k: str(k.as_dict(private=False)["n"]).encode()),
        401,
        TOKEN,
        "algorithm",
    ),
    "PS256 where the key is for RS256": (lambda world: _keyed(world, "RS256"), 401, TOKEN, "signature"),
    "ES256 by a key of that name that is another's": (header(OTHERS, alg="ES256"), 401, TOKEN, "signature"),
    # Which key (RFC 8725 3.10)
    "B100 kid a path": (header(kid="../../../../dev/null"), 401, TOKEN, "no key"),
    "B100 kid a query": (header(kid="x' UNION SELECT 'k' --"), 401, TOKEN, "no key"),
    "B100 kid an address": (header(kid="https://evil.example/keys"), 401, TOKEN, "no key"),
    "B100 kid very long": (header(kid="k" * 4000), 401, TOKEN, "no key"),
    "B100 kid a number": (header(kid=1), 401, TOKEN, "no key"),
    "B100 kid none": (header(kid=None), 401, TOKEN, "no key"),
    "B100 kid of nobody": (header(kid="RSA-2"), 401, TOKEN, "no key"),
    "B100 jku": (header(OTHERS, alg="ES256", jku="https://evil.example/keys"), 401, TOKEN, "elsewhere"),
    "B100 x5u": (header(OTHERS, alg="ES256", x5u="https://evil.example/cert"), 401, TOKEN, "elsewhere"),
    "B100 x5c": (header(x5c=["MIIB"]), 401, TOKEN, "elsewhere"),
    "B100 jwk": (header(OTHERS, alg="ES256", jwk=OTHERS.as_dict(private=False)), 401, TOKEN, "its own key"),
    "signed by another RSA key": (header(key("RSA", "other")), 401, TOKEN, "signature"),
    # Headers
    "B102 crit of an unknown extension": (header(crit=["x"], x=True), 401, TOKEN, "extension"),
    "B102 crit of a known claim": (header(crit=["exp"], exp=1), 401, TOKEN, "extension"),
    "B102 crit empty": (header(crit=[]), 401, TOKEN, "extension"),
    "B102 b64 false": (header(b64=False), 401, TOKEN, "extension"),
    "typ missing": (header(typ=None), 401, TOKEN, "type"),
    "typ of an ID token": (header(typ="id+jwt"), 401, TOKEN, "type"),
    "typ of a proof": (header(typ="dpop+jwt"), 401, TOKEN, "type"),
    "typ a number": (header(typ=1), 401, TOKEN, "type"),
    # Form
    "B103 JWE": (encrypted, 401, TOKEN, "JWT in three parts"),
    "B103 a token of 1 MB": (claim(x="x" * 1_000_000), 431, "", "longer"),
    "B103 a token a little too long": (claim(x="x" * 6_000), 431, "", "longer"),
    "claims a list": (said(lambda claims: json.dumps([claims]).encode()), 401, TOKEN, "JSON object"),
    "claims no JSON": (said(lambda claims: b"{"), 401, TOKEN, "JSON object"),
    "claims not UTF-8": (said(lambda claims: b'{"a":"\xff"}'), 401, TOKEN, "JSON object"),
    "claims 2000 deep": (said(lambda claims: b'{"a":' + b"[" * 2000 + b"]" * 2000 + b"}"), 401, TOKEN, "JSON object"),
    "a claim twice": (
        said(lambda claims: json.dumps(claims)[:-1].encode() + b',"aud":"nhn:pakkeforlop"}'),
        401,
        TOKEN,
        "JSON object",
    ),
    "a header 1000 deep": (
        lambda world: world.shown(encoded(b'{"a":' + b"[" * 1000 + b"]" * 1000 + b"}") + ".e30.AAAA"),
        401,
        TOKEN,
        "JSON object",
    ),
    "a header that is text": (lambda world: world.shown(encoded(b'"alg"') + ".e30.AAAA"), 401, TOKEN, "JSON object"),
    "a token of two parts": (lambda world: world.shown("e30.e30"), 401, TOKEN, "three parts"),
    "an opaque token": (lambda world: world.shown("4f9a"), 401, TOKEN, "three parts"),
    "a padded signature": (in_place("authorization", lambda v: v + "="), 401, TOKEN, "three parts"),
    # For whom, by whom, when
    "B104 aud missing": (claim(aud=None), 401, TOKEN, "aud"),
    "B104 aud another's": (claim(aud="nhn:parek"), 401, TOKEN, "aud"),
    "B104 aud a list with another's": (claim(aud=["nhn:pakkeforlop", "nhn:parek"]), 401, TOKEN, "aud"),
    "B104 aud an empty list": (claim(aud=[]), 401, TOKEN, "aud"),
    "B104 aud that begins like ours": (claim(aud="nhn:pakkeforlop2"), 401, TOKEN, "aud"),
    "B104 aud with a space": (claim(aud="nhn:pakkeforlop nhn:parek"), 401, TOKEN, "aud"),
    "B104 aud in capitals": (claim(aud="NHN:PAKKEFORLOP"), 401, TOKEN, "aud"),
    "B104 iss missing": (claim(iss=None), 401, TOKEN, "iss"),
    "B104 iss with a slash": (claim(iss="https://sts.example/"), 401, TOKEN, "iss"),
    "B104 iss that begins like ours": (claim(iss="https://sts.example.evil.example"), 401, TOKEN, "iss"),
    "B104 iss with a letter that looks the same": (claim(iss="https://sts.exаmple"), 401, TOKEN, "iss"),
    "B104 iss without TLS": (claim(iss="http://sts.example"), 401, TOKEN, "iss"),
    "B104 exp passed": (ahead("exp", -5), 401, TOKEN, "expired"),
    "B104 exp missing": (claim(exp=None), 401, TOKEN, "no time in exp"),
    "B104 exp a text": (claim(exp="4102444800"), 401, TOKEN, "no time in exp"),
    "B104 exp true": (claim(exp=True), 401, TOKEN, "no time in exp"),
    "B104 exp beyond all time": (claim(exp=10**18), 401, TOKEN, "no time in exp"),
    "B104 exp not a number": (said(lambda claims: json.dumps({**claims, "exp": float("nan")}).encode()), 401, TOKEN, "JSON object"),
    "B104 nbf to come": (ahead("nbf", 6), 401, TOKEN, "yet"),
    "B104 nbf missing": (claim(nbf=None), 401, TOKEN, "nbf"),
    "B104 iat to come": (ahead("iat", 6), 401, TOKEN, "yet"),
    # What it gives
    "B104 scope empty": (claim(scope=""), 403, SCOPE, "no scope"),
    "B104 scope missing": (claim(scope=None), 403, SCOPE, "no scope"),
    "B104 scope an empty list": (claim(scope=[]), 403, SCOPE, "no scope"),
    "B104 scope more than there is": (claim(scopes=["system/*.cruds*", "system/*.*", "*", "system/**.r"]), 403, SCOPE, "no scope"),
    "B104 scope a number": (claim(scope=1), 401, TOKEN, "scope"),
    "B104 scope a list of lists": (claim(scope=[["system/*.rs"]]), 401, TOKEN, "scope"),
    "scope of a patient": (claim(scopes=["patient/*.cruds"]), 403, SCOPE, "no scope"),
    "scope of version 1": (claim(scopes=["system/*.read", "system/*.write"]), 403, SCOPE, "no scope"),
    "scope with a query": (claim(scopes=["system/Task.rs?owner=1"]), 403, SCOPE, "no scope"),
    "scope with letters in disorder": (claim(scopes=["system/Task.sr"]), 403, SCOPE, "no scope"),
    "scope that is a word of our own": (claim(scopes=["messages", "operate"]), 403, SCOPE, "no scope"),
    "no client": (claim(client_id=None), 401, TOKEN, "client_id"),
    "no organisation": (claim(parent="", child=""), 403, SCOPE, "organisation"),
    "a child without its parent": (claim(parent="", child="999977775"), 403, SCOPE, "organisation"),
    "an organisation of eight digits": (named(PARENT, "99997777"), 401, TOKEN, "orgnr_parent"),
    "an organisation in other digits": (named(PARENT, "٩٩٩٩٧٧٧٧٤"), 401, TOKEN, "orgnr_parent"),
    "two organisations": (named(PARENT, ["999977774", "999977775"]), 401, TOKEN, "orgnr_parent"),
    "a person of level 3": (claim(pid="13816912345", level="3"), 403, SCOPE, "level 4"),
    "a person of no level": (claim(hpr="431001110", level=""), 403, SCOPE, "level 4"),
    "a person without a number": (claim(pid="1381691234"), 401, TOKEN, "pid"),
    "an attest that is text": (named("nhn:tillitsrammeverk:parameters", "TREAT"), 401, TOKEN, "attest"),
    "an emergency attested without the scope": (
        claim(pid="13816912345", attest={"care_relation": {"purpose_of_use": {"code": "ETREAT"}}}),
        403,
        SCOPE,
        "emergency",
    ),
    # How it is shown (RFC 6750 2.1, RFC 9449 7.1)
    "no token": (lambda world: [], 401, "", "needed"),
    "a proof alone": (without("authorization"), 401, "", "needed"),
    "two tokens": (twice("authorization"), 401, TOKEN, "once"),
    "B105 downgrade to Bearer": (scheme("Bearer "), 401, TOKEN, "as nothing else"),
    "B105 downgrade to Bearer without the proof": (
        lambda world: [("authorization", f"Bearer {world.client.token}")],
        401,
        TOKEN,
        "as nothing else",
    ),
    "Basic": (scheme("Basic "), 401, TOKEN, "as nothing else"),
    "two schemes in one": (in_place("authorization", lambda v: f"{v}, {v}"), 401, TOKEN, "as nothing else"),
    "no scheme": (scheme(""), 401, TOKEN, "as nothing else"),
    "B105 a token that is bound to nothing": (claim(cnf=None), 401, TOKEN, "cnf.jkt"),
    "a token bound to no thumbprint": (claim(cnf={"jkt": "x"}), 401, TOKEN, "cnf.jkt"),
    "a token bound by certificate": (claim(cnf={"x5t#S256": "A" * 43}), 401, TOKEN, "cnf.jkt"),
    # The proof (RFC 9449 4.3)
    "no proof": (without("dpop"), 401, PROOF, "once"),
    "two proofs": (twice("dpop"), 401, PROOF, "once"),
    "an empty proof": (in_place("dpop", lambda v: ""), 401, PROOF, "three parts"),
    "a proof of 1 MB": (in_place("dpop", lambda v: v + "A" * 1_000_000), 431, "", "longer"),
    "the token as proof": (
        lambda world: [(n, world.client.token if n == "dpop" else v) for n, v in world.shown()],
        401,
        PROOF,
        "type",
    ),
    "a proof of type JWT": (proof({"typ": "JWT"}), 401, PROOF, "type"),
    "a proof with alg none": (proof({"alg": "none"}), 401, PROOF, "three parts"),
    "a proof by HMAC": (proof({"alg": "HS256"}, by=OctKey.import_key(b"k" * 32)), 401, PROOF, "algorithm"),
    "a proof with crit": (proof({"crit": ["x"], "x": 1}), 401, PROOF, "extension"),
    "a proof with jku": (proof({"jku": "https://evil.example/keys"}), 401, PROOF, "elsewhere"),
    "a proof without a key": (proof({"jwk": None}), 401, PROOF, "no RSA or EC key"),
    "a proof whose key is text": (proof({"jwk": "k"}), 401, PROOF, "no RSA or EC key"),
    "a proof whose key is a secret": (proof({"jwk": {"kty": "oct", "k": "AAAA"}}), 401, PROOF, "no RSA or EC key"),
    "a proof that shows the private key": (
        lambda world: world.shown(header={"jwk": world.client.key.as_dict(private=True)}),
        401,
        PROOF,
        "private",
    ),
    "a proof with a key off the curve": (
        bound_as(kty="EC", crv="P-256", x=encoded(b"\x01" * 32), y=encoded(b"\x01" * 32)),
        401,
        PROOF,
        "cannot be read",
    ),
    "a proof with a short RSA key": (bound_to(WEAK, "PS256"), 401, PROOF, "size"),
    "a proof with a huge RSA key": (bound_as(kty="RSA", n=number(4104), e="AQAB"), 401, PROOF, "size"),
    "a proof with a huge exponent": (bound_as(kty="RSA", n=number(2048), e=number(40)), 401, PROOF, "size"),
    "a proof with half a key": (proof({"jwk": {"kty": "EC", "crv": "P-256", "x": "AAAA"}}), 401, PROOF, "no RSA or EC key"),
    "a proof whose key has numbers": (proof({"jwk": {"kty": "RSA", "n": 1, "e": 3}}), 401, PROOF, "no RSA or EC key"),
    "a proof whose key is on no curve": (bound_as(kty="EC", crv="P-1", x="AA", y="AA"), 401, PROOF, "cannot be read"),
    "a proof of ES384 by a key for ES256": (proof({"alg": "ES384"}, by=key("P-384")), 401, PROOF, "signature"),
    "B105 another key than the token's": (proved_by(OTHERS), 401, PROOF, "another key"),
    "B105 the token's key, another's signature": (proof(by=OTHERS), 401, PROOF, "signature"),
    "B105 htm of another method": (proof(htm="POST"), 401, PROOF, "htm"),
    "B105 htm in small letters": (proof(htm="get"), 401, PROOF, "htm"),
    "B105 htm missing": (proof(htm=None), 401, PROOF, "htm"),
    "B105 htu of another resource": (proof(htu=f"{BASE}/fhir/Task/2"), 401, PROOF, "htu"),
    "B105 htu of another host": (proof(htu="https://evil.example/fhir/Task/1"), 401, PROOF, "htu"),
    "B105 htu without TLS": (proof(htu=URL.replace("https", "http")), 401, PROOF, "htu"),
    "B105 htu of another port": (proof(htu="https://fhir.example:8443/fhir/Task/1"), 401, PROOF, "htu"),
    "B105 htu with a user": (proof(htu="https://fhir.example@evil.example/fhir/Task/1"), 401, PROOF, "htu"),
    "B105 htu of another path by capitals": (proof(htu=f"{BASE}/fhir/task/1"), 401, PROOF, "htu"),
    "B105 htu with an encoded slash": (proof(htu=f"{BASE}/fhir/Task%2F1"), 401, PROOF, "htu"),
    "B105 htu with a line break": (proof(htu=f"{BASE}/fhir/Ta\nsk/1"), 401, PROOF, "htu"),
    "B105 htu missing": (proof(htu=None), 401, PROOF, "htu"),
    "B105 htu no address": (proof(htu="https://[::1/fhir/Task/1"), 401, PROOF, "htu"),
    "B105 htu of the host that the request names": (
        lambda world: [
            *world.shown(htu="https://evil.example/fhir/Task/1"),
            ("host", "evil.example"),
            ("x-forwarded-host", "evil.example"),
            ("forwarded", "host=evil.example;proto=https"),
        ],
        401,
        PROOF,
        "htu",
    ),
    "B105 ath of another token": (proof(ath=encoded(hashlib.sha256(b"other").digest())), 401, PROOF, "ath"),
    "B105 ath missing": (proof(ath=None), 401, PROOF, "ath"),
    "B105 ath as hex": (lambda w: w.shown(ath=hashlib.sha256(w.client.token.encode()).hexdigest()), 401, PROOF, "ath"),
    "B105 ath with padding": (
        lambda w: w.shown(ath=urlsafe_b64encode(hashlib.sha256(w.client.token.encode()).digest()).decode()),
        401,
        PROOF,
        "ath",
    ),
    "B105 iat old": (made(-16), 401, PROOF, "iat"),
    "B105 iat to come": (made(6), 401, PROOF, "iat"),
    "B105 iat missing": (proof(iat=None), 401, PROOF, "iat"),
    "B105 iat a text": (proof(iat="1780000000"), 401, PROOF, "iat"),
    "B105 jti missing": (proof(jti=None), 401, PROOF, "jti"),
    "B105 jti empty": (proof(jti=""), 401, PROOF, "jti"),
    "B105 jti a number": (proof(jti=1), 401, PROOF, "jti"),
    "B105 jti very long": (proof(jti="x" * 257), 401, PROOF, "jti"),
}


def _keyed(world: World, alg: str) -> Pairs:
    """The issuer says what its key is for, and the token is signed otherwise."""
    assert isinstance(world.issuer.key, RSAKey)
    only = RSAKey.import_key({**world.issuer.key.as_dict(private=True)}, {"alg": alg})
    world.issuer.keys = [only]
    return world.token()


@pytest.mark.filterwarnings("ignore:Key size")
@pytest.mark.parametrize("name", BAD)
def test_it_is_refused_for_what_is_wrong_with_it(name: str) -> None:
    make, status, error, word = BAD[name]
    world = World()
    refusal = world.refused(make(world))

    assert refusal.status == status
    assert word in refusal.findings[0].en
    assert refusal.challenge == challenge(status, error)
    told = " ".join((str(refusal), refusal.challenge, refusal.findings[0].nb))
    assert not any(part[:12] in told for part in world.client.token.split(".") if part)
    assert "evil" not in told
    assert set(world.issuer.asked) <= {"/.well-known/openid-configuration", "/keys"}  # and nothing else anywhere


def challenge(status: int, error: str) -> str:
    """RFC 9449 7.1: scheme, what is wrong, and what is taken; without a token, nothing is wrong yet (RFC 6750 3.1)."""
    if status == 431:
        return ""
    said = f'error="{error}", ' if error else ""
    return f'DPoP {said}algs="RS256 PS256 ES256 RS384 PS384 ES384 RS512 PS512 ES512"'


def test_they_are_many_and_of_every_row() -> None:
    assert len(BAD) >= 40
    assert {name.split()[0] for name in BAD if name.startswith("B")} >= {f"B{row:03}" for row in (98, 99, 100, 102, 103, 104, 105)}


def test_what_they_are_made_of_is_good() -> None:
    world = World()
    assert world.read(world.shown()).client == "epj"
    assert world.read(world.token()).client == "epj"
    assert world.read(said(lambda claims: json.dumps(claims).encode())(world)).client == "epj"


@given(st.data())
def test_any_single_other_letter_spoils_a_token_or_a_proof(data: st.DataObject) -> None:
    """Base64 leaves bits over in its last letter, so that two texts can mean one signature; only one of them is taken."""
    name = data.draw(st.sampled_from(["authorization", "dpop"]))
    pairs = SPOILT.shown()
    value = dict(pairs)[name]
    start = len("DPoP ") if name == "authorization" else 0
    at = data.draw(st.integers(start, len(value) - 1))
    letter = data.draw(st.characters(min_codepoint=0, max_codepoint=255).filter(lambda c: c != value[at]))

    spoilt = value[:at] + letter + value[at + 1 :]
    assert SPOILT.refused([(n, spoilt if n == name else v) for n, v in pairs]).status == 401


SPOILT = World()
