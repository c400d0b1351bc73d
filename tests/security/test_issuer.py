"""Our tokens at an issuer that nobody here wrote: oidc-provider, a process of its own, asking what HelseID asks of its clients."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
from joserfc.jwk import ECKey, RSAKey

from adapter.domain.problem import Problem
from adapter.ports import Outgoing
from adapter.security.acting import acting_for
from adapter.security.client_credentials import ClientCredentials, auth_of
from adapter.settings import HubSettings, Organisation, Partner, Receiver, Settings
from adapter.wiring import SystemClock, make_hub
from tests.house.processes import free_ports, running, wait_for
from tests.security.oidc import installed
from tests.security.test_tokens_out import CLOCK, parts, proof_of

pytestmark = pytest.mark.slow
HEAD, UNIT, OTHER = "999977774", "999977775", "312232324"
OURS = (
    Organisation(number=HEAD, name="Granfjelldal kommune"),
    Organisation(number=UNIT, name="Granfjelldal kommune, a unit", parent=HEAD),
    Organisation(number=OTHER, name="Flaksvågøy kommune"),
)
KEYS: dict[str, RSAKey | ECKey] = {
    "RS256": RSAKey.generate_key(2048, {"alg": "RS256", "kid": "one"}),
    "PS256": RSAKey.generate_key(2048, {"alg": "PS256", "kid": "two"}),
    "ES256": ECKey.generate_key("P-256", {"alg": "ES256", "kid": "three"}),
}
OLD, NEW = (ECKey.generate_key("P-256", {"alg": "ES256", "kid": kid}) for kid in ("old", "new"))


class Issuer:
    """Where it is, and who is registered there: at first a client for each algorithm, by its name."""

    def __init__(self, url: str, file: Path) -> None:
        self.url, self._file = url, file
        self._clients = {alg: {"client_id": alg, "alg": alg, "jwk": key.as_dict(private=False)} for alg, key in KEYS.items()}
        self._write()

    def register(self, client: str, *keys: ECKey) -> None:
        self._clients[client] = {"client_id": client, "jwks": [key.as_dict(private=False) for key in keys]}
        self._write()

    def _write(self) -> None:
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps(list(self._clients.values())))
        fresh.replace(self._file)


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    folder, port = tmp_path_factory.mktemp("issuer"), free_ports(1)
    there = Issuer(f"http://127.0.0.1:{port}", folder / "clients.json")
    command = ["node", installed() / "server.mjs", str(port), folder / "clients.json"]
    log = folder / "log"
    with running(command, folder, log) as process:
        wait_for(lambda: b"listening" in log.read_bytes(), process, 30)
        yield there


@pytest.fixture(autouse=True)
def _clocks_agree() -> None:
    CLOCK.ahead = 0.0


def written(folder: Path, *keys: RSAKey | ECKey) -> Path:
    path = folder / "key.jwks"
    path.write_text(json.dumps({"keys": [key.as_dict(private=True) for key in keys]}))
    return path


def said(issuer: Issuer, client: str, key_file: Path) -> dict[str, Any]:
    return {"auth": "helseid", "issuer": issuer.url, "client_id": client, "scope": "nhn:fhir/all", "key_file": key_file}


def credentials(issuer: Issuer, client: str, key_file: Path) -> ClientCredentials:
    partner = Partner(name="kommune", base_url="https://fhir.example", organisation="319900306", **said(issuer, client, key_file))
    auth = auth_of(partner, OURS)
    assert isinstance(auth, ClientCredentials)
    return auth


def shown(request: httpx.Request) -> dict[str, Any]:
    """The claims of the token that a request shows, bound to the key of its proof."""
    scheme, token = request.headers["authorization"].split()
    header, claims, _, _ = parts(token)
    assert (scheme, header["typ"], claims["cnf"]["jkt"]) == ("DPoP", "at+jwt", proof_of(request)["jkt"])
    return claims


def told(auth: ClientCredentials, organisation: str = HEAD) -> tuple[str, str]:
    """Which key a new token was given for, and to whom."""
    with acting_for(organisation):
        claims = parts(auth.token())[1]
    return claims["signed_with"], claims["organisation"]


@pytest.mark.parametrize("alg", list(KEYS))
def test_the_issuer_gives_a_token_that_only_our_proofs_go_with(issuer: Issuer, tmp_path: Path, alg: str) -> None:
    seen: list[tuple[dict[str, Any], dict[str, Any]]] = []

    def resource(request: httpx.Request) -> httpx.Response:
        seen.append((shown(request), proof_of(request)))
        return httpx.Response(200)

    auth = credentials(issuer, alg, written(tmp_path, KEYS[alg]))
    with httpx.Client(auth=auth, transport=httpx.MockTransport(resource)) as http:
        for _ in range(2):
            http.get("https://fhir.example/Task/1")

    (claims, proof), (again, other) = seen
    assert (claims["iss"], claims["aud"], claims["client_id"]) == (issuer.url, "nhn:fhir", alg)
    assert claims["organisation"] == f"NO:ORGNR:{HEAD}:"
    assert again["jti"] == claims["jti"]
    assert proof["jti"] != other["jti"]


def test_a_key_that_the_issuer_does_not_know_is_told_so(issuer: Issuer, tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"refused us \(invalid_client\)"):
        credentials(issuer, "RS256", written(tmp_path, KEYS["PS256"])).token()


def test_one_client_gets_tokens_for_each_of_its_organisations(issuer: Issuer, tmp_path: Path) -> None:
    auth = credentials(issuer, "ES256", written(tmp_path, KEYS["ES256"]))

    assert [told(auth, number)[1] for number in (HEAD, UNIT, OTHER)] == [
        f"NO:ORGNR:{HEAD}:",
        f"NO:ORGNR:{HEAD}:{UNIT}",
        f"NO:ORGNR:{OTHER}:",
    ]


def test_two_clients_with_their_own_keys_get_nothing_by_each_others(issuer: Issuer, tmp_path: Path) -> None:
    issuer.register("hospital", OLD)
    issuer.register("municipality", NEW)
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()

    assert told(credentials(issuer, "hospital", written(tmp_path / "a", OLD)))[0] == "old"
    assert told(credentials(issuer, "municipality", written(tmp_path / "b", NEW)))[0] == "new"
    with pytest.raises(Problem, match="invalid_client"):
        credentials(issuer, "hospital", tmp_path / "b" / "key.jwks").token()


def test_keys_are_changed_while_we_run_and_no_token_is_missing_for_a_moment(issuer: Issuer, tmp_path: Path) -> None:
    """As docs/operating.md says to do it, and with each side late once."""
    issuer.register("changing", OLD)
    file = written(tmp_path, OLD)
    used = []
    auth = credentials(issuer, "changing", file)
    for file_has, issuer_has in (
        ([OLD], [OLD]),
        ([NEW, OLD], [OLD]),  # ours is first
        ([NEW, OLD], [OLD, NEW]),
        ([NEW, OLD], [NEW]),  # theirs is first
        ([NEW], [NEW]),
    ):
        written(tmp_path, *file_has)
        issuer.register("changing", *issuer_has)
        auth._tokens.clear()  # as when they have ended
        used.append(told(auth)[0])

    assert used == ["old", "old", "old", "new", "new"]


def test_the_national_hub_is_shown_the_receivers_own_token(issuer: Issuer, tmp_path: Path) -> None:
    hub = HubSettings(kind="edi2", base_url="https://hub.example", **said(issuer, "ES256", written(tmp_path, KEYS["ES256"])))
    receivers = (Receiver(her_id="1", organisation=UNIT), Receiver(her_id="2", organisation=OTHER))
    made = make_hub(hub, Settings(organisation=OURS, receiver=receivers, hub=(hub,)), SystemClock())
    row = Outgoing(
        "i", OTHER, "k", "edi2", "message", "", None, "2", "9", b"{}", "application/json", datetime(2026, 5, 11, tzinfo=UTC)
    )
    nonce = httpx.Response(401, headers={"www-authenticate": 'DPoP error="use_dpop_nonce"', "dpop-nonce": "of-the-hub"})
    with respx.mock(assert_all_called=False) as net:
        net.route(host="127.0.0.1").pass_through()
        listed = net.get("https://hub.example/Messages").respond(json=[])
        posted = net.post("https://hub.example/Messages").mock(side_effect=[nonce, httpx.Response(201, json="id")])
        assert made.fetch(10) == []
        assert made.deliver(row) == "id"

    asked = [(call.request.url.params["ReceiverHerIds"], shown(call.request)["organisation"]) for call in listed.calls]
    assert asked == [("1", f"NO:ORGNR:{HEAD}:{UNIT}"), ("2", f"NO:ORGNR:{OTHER}:")]
    assert [shown(call.request)["organisation"] for call in posted.calls] == [f"NO:ORGNR:{OTHER}:"] * 2
    assert proof_of(posted.calls.last.request)["nonce"] == "of-the-hub"
