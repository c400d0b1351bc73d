"""Tokens that an issuer gave which nobody here wrote, asked for by a client that shares nothing with the service.

npm's oidc-provider stands in for HelseID: client credentials, private_key_jwt, a DPoP nonce, at+jwt. Two organisations have a key
each.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from joserfc.jwk import ECKey, RSAKey
from starlette.datastructures import Headers

from adapter.security.admission import Tokens, Unadmitted
from adapter.security.scopes import access_of
from adapter.settings import HelseID
from tests.house.processes import free_ports, running, wait_for
from tests.security.oidc import installed
from tests.security.plain_client import PlainClient

pytestmark = pytest.mark.slow
BASE, URL = "https://fhir.example", "https://fhir.example/fhir/Task?status=requested"
READ, WRITE = "nhn:pakkeforlop/fhir.read", "nhn:pakkeforlop/fhir.write"
HOSPITAL, MUNICIPALITY = "999977774:999977775", "312232324:"
KEYS: dict[str, RSAKey | ECKey] = {
    "hospital": RSAKey.generate_key(2048, {"alg": "PS256", "kid": "hospital-1"}),
    "municipality": ECKey.generate_key("P-256", {"alg": "ES256", "kid": "municipality-1"}),
}


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, port = tmp_path_factory.mktemp("helseid"), free_ports(1)
    clients = [
        {"client_id": name, "alg": key["alg"], "jwk": key.as_dict(private=False), "scope": scope, "organisations": [number]}
        for (name, key), scope, number in zip(KEYS.items(), (f"{READ} {WRITE}", READ), (HOSPITAL, MUNICIPALITY), strict=True)
    ]
    (folder / "clients.json").write_text(json.dumps(clients))
    log = folder / "log"
    with running(["node", installed() / "helseid.mjs", str(port), folder / "clients.json"], folder, log) as process:
        wait_for(lambda: b"listening" in log.read_bytes(), process, 30)
        yield f"http://127.0.0.1:{port}"


def client(issuer: str, name: str, organisation: str, scope: str = READ, details: str = "assertion_details") -> PlainClient:
    return PlainClient(issuer, name, dict(KEYS[name].as_dict(private=True)), organisation, scope, details)


def service(issuer: str) -> Tokens:
    return Tokens(HelseID(issuer=issuer, audience="nhn:pakkeforlop"), public_base=BASE)


@pytest.mark.parametrize("details", ["assertion_details", "authorization_details"])
def test_each_organisation_comes_in_as_itself_with_what_it_asked_for(issuer: str, details: str) -> None:
    tokens = service(issuer)
    hospital = client(issuer, "hospital", HOSPITAL, f"{READ} {WRITE}", details)
    municipality = client(issuer, "municipality", MUNICIPALITY, READ, details)
    for one in (hospital, municipality):
        assert one.ask().status_code == 200

    first = tokens.read("GET", "/fhir/Task", Headers(hospital.headers("GET", URL)))
    second = tokens.read("GET", "/fhir/Task", Headers(municipality.headers("GET", URL)))

    assert (first.client, first.numbers, first.access) == (
        "hospital",
        ("999977774", "999977775"),
        access_of(["system/*.cruds"], {}),
    )
    assert (second.client, second.numbers, second.access) == ("municipality", ("312232324",), access_of(["system/*.rs"], {}))


def test_neither_comes_in_by_the_others_token(issuer: str) -> None:
    tokens, hospital, municipality = (
        service(issuer),
        client(issuer, "hospital", HOSPITAL),
        client(issuer, "municipality", MUNICIPALITY),
    )
    hospital.ask()
    municipality.token = hospital.token

    with pytest.raises(Unadmitted, match="another key"):
        tokens.read("GET", "/fhir/Task", Headers(municipality.headers("GET", URL)))


def test_a_token_for_another_service_does_not_count(issuer: str) -> None:
    hospital = client(issuer, "hospital", HOSPITAL)
    hospital.ask()
    elsewhere = Tokens(HelseID(issuer=issuer, audience="nhn:parek"), public_base=BASE)

    with pytest.raises(Unadmitted, match="aud"):
        elsewhere.read("GET", "/fhir/Task", Headers(hospital.headers("GET", URL)))


@pytest.mark.parametrize(
    ("organisation", "scope", "error"), [(HOSPITAL, READ, "invalid_client"), (MUNICIPALITY, WRITE, "invalid_scope")]
)
def test_the_issuer_gives_nobody_more_than_is_registered(issuer: str, organisation: str, scope: str, error: str) -> None:
    """What we rest on: that the stand-in keeps organisations and scopes apart as HelseID does."""
    assert client(issuer, "municipality", organisation, scope).ask().json()["error"] == error


def test_the_issuer_says_where_its_tokens_are_got(issuer: str) -> None:
    assert service(issuer).keys.token_endpoint() == f"{issuer}/token"
