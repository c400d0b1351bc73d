"""The tokens that we ask for and show, judged by the RFCs' own rules: what an issuer and a resource server have to check."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
import respx
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from adapter.domain.problem import Kind, Problem
from adapter.security.client_credentials import ClientCredentials, TokenFile, auth_of
from adapter.settings import Credentials, Organisation, Partner

ISSUER = "https://sts.example"
ENDPOINT = f"{ISSUER}/connect/token"
RESOURCE = "https://fhir.example/r4/Task?code=x"
ORGANISATION = "999977774"
OURS = [Organisation(number=ORGANISATION, name="Granfjelldal kommune")]
KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


class Clock:
    """Everybody's clock, put where a test wants it."""

    ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


CLOCK = Clock()


def unpacked(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    header, claims, signature = token.split(".")
    return json.loads(unpacked(header)), json.loads(unpacked(claims)), f"{header}.{claims}".encode(), unpacked(signature)


def proof_of(request: httpx.Request) -> dict[str, Any]:
    """The claims of a request's proof, once everything RFC 9449 4.3 demands of it holds; with the key's thumbprint as `jkt`."""
    header, claims, signed, signature = parts(request.headers["dpop"])
    assert (header["typ"], header["alg"], set(header["jwk"])) == ("dpop+jwt", "ES256", {"kty", "crv", "x", "y"})
    point = {name: int.from_bytes(unpacked(header["jwk"][name])) for name in ("x", "y")}
    half = len(signature) // 2
    der = encode_dss_signature(int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))
    ec.EllipticCurvePublicNumbers(**point, curve=ec.SECP256R1()).public_key().verify(der, signed, ec.ECDSA(hashes.SHA256()))
    assert claims["htm"] == request.method
    assert claims["htu"] == str(request.url.copy_with(query=None))
    assert abs(claims["iat"] - CLOCK()) < 5
    canonical = json.dumps({k: header["jwk"][k] for k in ("crv", "kty", "x", "y")}, separators=(",", ":"))  # RFC 7638 3
    return {**claims, "jkt": urlsafe_b64encode(hashlib.sha256(canonical.encode()).digest()).rstrip(b"=").decode()}


class Issuer:
    """An issuer that believes nothing: it checks each request as HelseID says that it does, and remembers what it has seen."""

    def __init__(self, nonce: str = "", seconds: int = 600) -> None:
        self.nonce, self.seconds = nonce, seconds
        self.assertions: list[dict[str, Any]] = []
        self.seen: set[str] = set()
        self.issued: dict[str, str] = {}  # token -> thumbprint

    def token(self, request: httpx.Request) -> httpx.Response:
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        assert form["grant_type"] == "client_credentials"
        assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        header, claims, signed, signature = parts(form["client_assertion"])
        KEY.public_key().verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
        assert header == {"alg": "RS256", "typ": "client-authentication+jwt", "kid": "ours"}
        assert claims["iss"] == claims["sub"] == form["client_id"] == "stafett"
        assert claims["aud"] == ISSUER
        assert claims["iat"] <= CLOCK() < claims["exp"] <= claims["iat"] + 60
        proof = proof_of(request)
        for jti in (claims["jti"], proof["jti"]):
            assert jti not in self.seen
            self.seen.add(jti)
        self.assertions.append(claims)
        if self.nonce and proof.get("nonce") != self.nonce:
            return httpx.Response(400, json={"error": "use_dpop_nonce"}, headers={"dpop-nonce": self.nonce})
        token = f"opaque-{len(self.issued) + 1}"
        self.issued[token] = proof["jkt"]
        return httpx.Response(
            200, json={"access_token": token, "token_type": "DPoP", "expires_in": self.seconds, "scope": form["scope"]}
        )

    def resource(self, request: httpx.Request) -> httpx.Response:
        scheme, token = request.headers["authorization"].split()
        proof = proof_of(request)
        assert (scheme, proof["jkt"]) == ("DPoP", self.issued[token])
        assert proof["ath"] == urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
        assert proof["jti"] not in self.seen
        self.seen.add(proof["jti"])
        return httpx.Response(200, json={"token": token})


@pytest.fixture(autouse=True)
def _clocks_agree() -> None:
    CLOCK.ahead = 0.0


@pytest.fixture
def net() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False) as router:
        yield router


def served(net: respx.MockRouter, issuer: Issuer) -> respx.Route:
    net.get(f"{ISSUER}/.well-known/openid-configuration").respond(json={"issuer": ISSUER, "token_endpoint": ENDPOINT})
    net.get(url__startswith="https://fhir.example/").mock(side_effect=issuer.resource)
    return net.post(ENDPOINT).mock(side_effect=issuer.token)


def pem(path: Path, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey = KEY) -> Path:
    file = path / "key.pem"
    file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return file


def settings(key_file: Path | None, **changes: Any) -> Credentials:
    said = {"issuer": ISSUER, "client_id": "stafett", "scope": "nhn:fhir/all", "key_file": key_file, "key_id": "ours"}
    return Credentials(**{**said, **changes})


def credentials(path: Path) -> ClientCredentials:
    return ClientCredentials(settings(pem(path)), OURS, now=CLOCK)


def test_a_token_is_bound_to_a_proof_on_every_call_and_reused_until_it_is_about_to_end(
    net: respx.MockRouter, tmp_path: Path
) -> None:
    issuer = Issuer(seconds=600)
    asked = served(net, issuer)
    tokens = []
    with httpx.Client(auth=credentials(tmp_path)) as http:
        for CLOCK.ahead in (0, 1, 569, 571, 1140):  # a new one from half a minute before the end on
            tokens.append(http.get(RESOURCE).json()["token"])

    assert tokens == ["opaque-1", "opaque-1", "opaque-1", "opaque-2", "opaque-2"]
    assert asked.call_count == 2


def test_the_organisation_stands_in_the_assertion_as_helseid_wants_it(net: respx.MockRouter, tmp_path: Path) -> None:
    issuer = Issuer()
    served(net, issuer)
    with httpx.Client(auth=credentials(tmp_path)) as http:
        http.get(RESOURCE)

    [claims] = issuer.assertions
    assert claims["assertion_details"] == [
        {
            "type": "helseid_authorization",
            "practitioner_role": {
                "organization": {"identifier": {"system": "urn:oid:1.0.6523", "type": "ENH", "value": "NO:ORGNR:999977774:"}}
            },
        }
    ]
    assert "authorization_details" not in claims


def test_an_issuer_that_wants_a_nonce_gets_it_with_an_assertion_of_its_own(net: respx.MockRouter, tmp_path: Path) -> None:
    issuer = Issuer(nonce="n-1")
    asked = served(net, issuer)
    with httpx.Client(auth=credentials(tmp_path)) as http:
        assert http.get(RESOURCE).status_code == 200

    assert asked.call_count == 2
    assert len({claims["jti"] for claims in issuer.assertions}) == 2


def test_a_server_that_wants_a_nonce_gets_it_once_with_the_same_token(net: respx.MockRouter, tmp_path: Path) -> None:
    issuer = Issuer()
    asked = served(net, issuer)
    proofs: list[dict[str, Any]] = []

    def demanding(request: httpx.Request) -> httpx.Response:
        proofs.append(proof_of(request))
        if proofs[-1].get("nonce") != "r-1":
            return httpx.Response(401, headers={"www-authenticate": 'DPoP error="use_dpop_nonce"', "dpop-nonce": "r-1"})
        return issuer.resource(request)

    net.get(url__startswith="https://fhir.example/").mock(side_effect=demanding)
    with httpx.Client(auth=credentials(tmp_path)) as http:
        assert [http.get(RESOURCE).status_code for _ in range(2)] == [200, 200]

    assert [p.get("nonce") for p in proofs] == [None, "r-1", "r-1"]
    assert asked.call_count == 1


def test_a_token_that_is_no_longer_taken_is_replaced_once(net: respx.MockRouter, tmp_path: Path) -> None:
    issuer = Issuer()
    asked = served(net, issuer)
    refused = net.get("https://other.example/never").respond(401)
    net.get("https://other.example/once").mock(side_effect=[httpx.Response(401), httpx.Response(200)])
    with httpx.Client(auth=credentials(tmp_path)) as http:
        assert http.get("https://other.example/once").status_code == 200
        assert asked.call_count == 2
        assert http.get("https://other.example/never").status_code == 401

    assert refused.call_count == 2
    assert asked.call_count == 3


def test_many_calls_at_once_ask_for_one_token(net: respx.MockRouter, tmp_path: Path) -> None:
    issuer = Issuer()
    asked = served(net, issuer)
    auth, tokens = credentials(tmp_path), []
    threads = [threading.Thread(target=lambda: tokens.append(auth.token())) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert tokens == ["opaque-1"] * 16
    assert asked.call_count == 1


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (
            httpx.Response(400, json={"error": "invalid_client", "error_description": "kid of SECRET"}),
            "refused us (invalid_client)",
        ),
        (httpx.Response(400, json={"error": "<script>"}), "refused us (400)"),
        (httpx.Response(200, json={"access_token": "a b", "token_type": "DPoP"}), "without a DPoP token"),
        (httpx.Response(200, json={"access_token": "SECRET", "token_type": "Bearer"}), "without a DPoP token"),
        (httpx.Response(200, text="<html>SECRET"), "no JSON"),
        (httpx.Response(302, headers={"location": "https://elsewhere.example/SECRET"}), "answered 302"),
        (httpx.Response(200, content=b" " * 70_000), "did not answer (ReadError)"),
        (httpx.ConnectTimeout("SECRET"), "did not answer (ConnectTimeout)"),
    ],
)
def test_what_an_issuer_does_wrong_is_tried_again_and_quotes_nothing(
    net: respx.MockRouter, tmp_path: Path, answer: httpx.Response | Exception, told: str
) -> None:
    served(net, Issuer())
    net.post(ENDPOINT).mock(side_effect=[answer])
    with httpx.Client(auth=credentials(tmp_path)) as http, pytest.raises(Problem) as caught:
        http.get(RESOURCE)

    assert caught.value.kind is Kind.TRANSIENT
    assert told in str(caught.value)
    assert "SECRET" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_issuer_that_is_overrun_is_left_alone_as_long_as_it_asks(net: respx.MockRouter, tmp_path: Path) -> None:
    served(net, Issuer())
    net.post(ENDPOINT).respond(503, headers={"retry-after": "17"})
    with httpx.Client(auth=credentials(tmp_path)) as http, pytest.raises(Problem) as caught:
        http.get(RESOURCE)

    assert caught.value.retry_after == 17


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://other.example", "token_endpoint": ENDPOINT},
        {"issuer": ISSUER},
        {"issuer": ISSUER, "token_endpoint": "http://sts.example/token"},
    ],
)
def test_an_issuer_whose_metadata_is_anothers_gets_no_assertion(
    net: respx.MockRouter, tmp_path: Path, metadata: dict[str, str]
) -> None:
    asked = served(net, Issuer())
    net.get(f"{ISSUER}/.well-known/openid-configuration").respond(json=metadata)
    with httpx.Client(auth=credentials(tmp_path)) as http, pytest.raises(Problem):
        http.get(RESOURCE)

    assert not asked.called


def test_the_metadata_is_asked_for_once_a_day(net: respx.MockRouter, tmp_path: Path) -> None:
    served(net, Issuer())
    net.post(ENDPOINT).respond(json={"access_token": "a", "token_type": "DPoP", "expires_in": 60})
    auth = credentials(tmp_path)
    for hours in (0, 1, 23.9, 24.1):
        CLOCK.ahead = hours * 3600
        auth.token()

    assert net.get(f"{ISSUER}/.well-known/openid-configuration").call_count == 2


def test_a_token_in_a_file_is_read_anew_when_it_changes(net: respx.MockRouter, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")
    route = net.get(RESOURCE).respond(200)
    with httpx.Client(auth=TokenFile(file)) as http:
        http.get(RESOURCE)
        file.write_text("second\n")
        http.get(RESOURCE)

    assert [call.request.headers["authorization"] for call in route.calls] == ["Bearer first", "Bearer second"]


def test_a_token_that_was_replaced_while_it_was_refused_is_shown_once_more(net: respx.MockRouter, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("old")

    def refusing(request: httpx.Request) -> httpx.Response:
        file.write_text("newer")
        return httpx.Response(200 if request.headers["authorization"] == "Bearer newer" else 401)

    route = net.get(RESOURCE).mock(side_effect=refusing)
    with httpx.Client(auth=TokenFile(file)) as http:
        assert http.get(RESOURCE).status_code == 200
    assert route.call_count == 2


@pytest.mark.parametrize("content", ["", "two words", "line\nline", "å"])
def test_a_file_without_a_token_is_no_token(net: respx.MockRouter, tmp_path: Path, content: str) -> None:
    file = tmp_path / "token"
    file.write_text(content)
    route = net.get(RESOURCE).respond(200)
    with httpx.Client(auth=TokenFile(file)) as http, pytest.raises(Problem, match="holds no token") as caught:
        http.get(RESOURCE)

    assert caught.value.kind is Kind.TRANSIENT
    assert not route.called


def test_a_partner_gets_what_its_table_says(tmp_path: Path) -> None:
    common = {"name": "k", "base_url": "https://fhir.example", "organisation": "111111111"}
    (tmp_path / "token").write_text("t")

    assert auth_of(Partner(**common), OURS) is None
    assert isinstance(auth_of(Partner(**common, auth="bearer", token_file=tmp_path / "token"), OURS), TokenFile)
    own = auth_of(Partner(**common, auth="helseid", key_file=pem(tmp_path), issuer=ISSUER, client_id="c", scope="s"), OURS)
    assert isinstance(own, ClientCredentials)
    assert os.fspath(tmp_path) not in repr(own)
