"""The service as it is installed, an issuer that nobody here wrote, and clients of other hands beside our own.

npm's oidc-provider gives the tokens; a plain script, SMART's fhirclient and our own client for partners show them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import requests
from fhirclient import server
from fhirclient.models import humanname, patient

from adapter.security.client_credentials import auth_of
from adapter.settings import Organisation, Partner
from tests.house.processes import STAFETT, free_ports, get, running, wait_for
from tests.security import plain_client
from tests.security.plain_client import PlainClient
from tests.security.test_issued_tokens import HOSPITAL, KEYS, MUNICIPALITY, READ, WRITE, client, issuer

__all__ = ["issuer"]
pytestmark = pytest.mark.slow
NUMBERS = {"hospital": "999977774", "municipality": "312232324"}


@pytest.fixture(scope="module")
def base(issuer: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, port = tmp_path_factory.mktemp("service"), free_ports(1)
    organisations = "".join(f'[[organisation]]\nnumber = "{n}"\nname = "{name}"\nkind = "{name}"\n' for name, n in NUMBERS.items())
    (folder / "stafett.toml").write_text(
        f'public_base = "http://127.0.0.1:{port}"\nauth = "helseid"\n'
        f'[helseid]\nissuer = "{issuer}"\naudience = "nhn:pakkeforlop"\n{organisations}'
    )
    log = folder / "log"
    with running([STAFETT, "serve", "--port", str(port)], folder, log) as process:
        wait_for(lambda: get(f"http://127.0.0.1:{port}/health/live"), process, 60)
        yield f"http://127.0.0.1:{port}/fhir"


@pytest.fixture(scope="module")
def hospital(issuer: str) -> PlainClient:
    found = client(issuer, "hospital", HOSPITAL, f"{READ} {WRITE}")
    found.ask().raise_for_status()
    return found


@pytest.fixture(scope="module")
def municipality(issuer: str) -> PlainClient:
    found = client(issuer, "municipality", MUNICIPALITY)
    found.ask().raise_for_status()
    return found


class Shown(requests.auth.AuthBase):
    """Lays a token and its proof on a request of the library that fhirclient sends with."""

    def __init__(self, plain: PlainClient) -> None:
        self.plain = plain

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(self.plain.headers(str(request.method), str(request.url)))
        return request


def ask(plain: PlainClient, method: str, url: str, body: object = None) -> httpx.Response:
    return httpx.request(method, url, headers=plain.headers(method, url), json=body, trust_env=False)


def test_two_organisations_with_their_own_keys_see_their_own(base: str, hospital: PlainClient, municipality: PlainClient) -> None:
    made = ask(hospital, "POST", f"{base}/Patient", {"resourceType": "Patient", "name": [{"family": "Prøve"}]})
    assert made.status_code == 201, made.text
    place = f"{base}/Patient/{made.json()['id']}"

    assert ask(hospital, "GET", place).status_code == 200
    assert ask(municipality, "GET", place).status_code == 404
    assert ask(municipality, "GET", f"{base}/Patient?_total=accurate").json()["total"] == 0
    assert ask(municipality, "POST", f"{base}/Patient", {"resourceType": "Patient"}).status_code == 403  # it asked to read alone


def test_a_token_is_of_no_use_with_anothers_key(base: str, hospital: PlainClient, municipality: PlainClient) -> None:
    stolen = municipality.headers("GET", f"{base}/Patient") | {"Authorization": f"DPoP {hospital.token}"}

    assert httpx.get(f"{base}/Patient", headers=stolen, trust_env=False).status_code == 401


def test_a_script_asks_reads_and_is_answered(base: str, issuer: str, tmp_path: Path) -> None:
    key = tmp_path / "key.jwk"
    key.write_text(json.dumps(KEYS["hospital"].as_dict(private=True)))
    words = [issuer, "hospital", str(key), HOSPITAL, READ, "GET", f"{base}/Task?_count=1"]

    said = subprocess.run([sys.executable, plain_client.__file__, *words], capture_output=True, text=True, timeout=60, check=True)

    status, body = said.stdout.split("\n", 1)
    assert (status, json.loads(body)["type"]) == ("200", "searchset")


def test_smarts_fhirclient_writes_and_reads(base: str, hospital: PlainClient) -> None:
    smart = server.FHIRServer(None, base_uri=base)
    smart.session.auth = Shown(hospital)
    person = patient.Patient()
    name = humanname.HumanName()
    name.family = "Smartsen"
    person.name = [name]

    made = person.create(smart)

    assert patient.Patient.read(made["id"], smart).name[0].family == "Smartsen"
    found = patient.Patient.where({"family": "Smartsen"}).perform_resources_iter(smart)
    assert [one.id for one in found] == [made["id"]]


def test_our_own_client_for_partners_is_let_in(base: str, issuer: str, tmp_path: Path) -> None:
    key = tmp_path / "key.jwk"
    key.write_text(json.dumps(KEYS["hospital"].as_dict(private=True)))
    partner = Partner(
        name="other",
        base_url=base,
        organisation="312232324",
        auth="helseid",
        key_file=key,
        issuer=issuer,
        client_id="hospital",
        scope=READ,
    )
    unit = Organisation(number="999977775", name="Poliklinikk", parent="999977774")

    with httpx.Client(auth=auth_of(partner, [unit]), trust_env=False) as http:
        answers = [http.get(f"{base}/Task") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
