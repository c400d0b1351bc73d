"""Our tokens at an issuer that nobody here wrote: oidc-provider, a process of its own, asking what HelseID asks of its clients."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey, RSAKey

from adapter.domain.problem import Problem
from adapter.security.client_credentials import ClientCredentials, auth_of
from adapter.settings import Partner
from tests.house.processes import free_ports, running, wait_for
from tests.security.oidc import installed
from tests.security.test_tokens_out import CLOCK, OURS, parts, proof_of

pytestmark = pytest.mark.slow
ORGANISATION = "999977774"
KEYS: dict[str, RSAKey | ECKey] = {
    "RS256": RSAKey.generate_key(2048, {"alg": "RS256", "kid": "one"}),
    "PS256": RSAKey.generate_key(2048, {"alg": "PS256", "kid": "two"}),
    "ES256": ECKey.generate_key("P-256", {"alg": "ES256", "kid": "three"}),
}


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, port = tmp_path_factory.mktemp("issuer"), free_ports(1)
    clients = [{"client_id": alg, "alg": alg, "jwk": key.as_dict(private=False)} for alg, key in KEYS.items()]
    (folder / "clients.json").write_text(json.dumps(clients))
    command = ["node", installed() / "server.mjs", str(port), folder / "clients.json"]
    log = folder / "log"
    with running(command, folder, log) as process:
        wait_for(lambda: b"listening" in log.read_bytes(), process, 30)
        yield f"http://127.0.0.1:{port}"


def credentials(issuer: str, folder: Path, alg: str, *, client: str = "") -> ClientCredentials:
    (folder / "key.jwk").write_text(json.dumps(KEYS[alg].as_dict(private=True)))
    partner = Partner(
        name="kommune",
        base_url="https://fhir.example",
        organisation="319900306",
        auth="helseid",
        key_file=folder / "key.jwk",
        issuer=issuer,
        client_id=client or alg,
        scope="nhn:fhir/all",
    )
    auth = auth_of(partner, OURS)
    assert isinstance(auth, ClientCredentials)
    return auth


@pytest.mark.parametrize("alg", list(KEYS))
def test_the_issuer_gives_a_token_that_only_our_proofs_go_with(issuer: str, tmp_path: Path, alg: str) -> None:
    seen: list[tuple[dict[str, Any], dict[str, Any]]] = []
    CLOCK.ahead = 0.0

    def resource(request: httpx.Request) -> httpx.Response:
        scheme, token = request.headers["authorization"].split()
        header, claims, _, _ = parts(token)
        assert (scheme, header["typ"]) == ("DPoP", "at+jwt")
        seen.append((claims, proof_of(request)))
        return httpx.Response(200)

    with httpx.Client(auth=credentials(issuer, tmp_path, alg), transport=httpx.MockTransport(resource)) as http:
        for _ in range(2):
            http.get("https://fhir.example/Task/1")

    (claims, proof), (again, other) = seen
    assert claims["cnf"]["jkt"] == proof["jkt"] == other["jkt"]
    assert (claims["iss"], claims["aud"], claims["client_id"]) == (issuer, "nhn:fhir", alg)
    assert claims["organisation"] == f"NO:ORGNR:{ORGANISATION}:"
    assert again["jti"] == claims["jti"]
    assert proof["jti"] != other["jti"]


def test_a_key_that_the_issuer_does_not_know_is_told_so(issuer: str, tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"refused us \(invalid_client\)"):
        credentials(issuer, tmp_path, "PS256", client="RS256").token()
