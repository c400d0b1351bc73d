"""docs/access.md: its commands are run in their order, issuer and service among them, and answer what it shows."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from base64 import urlsafe_b64decode
from contextlib import suppress
from os import killpg
from pathlib import Path
from signal import SIGKILL
from typing import Any

import pytest
from joserfc.jwk import ECKey

from adapter.security.access_token import read_claims
from adapter.security.caller import Caller, Person
from tests.house.processes import clean_environment, free_ports
from tests.house.test_fhir_document import NEXT, answers
from tests.security.issuer import Issuer
from tests.security.plain_client import PlainClient

ISSUER, SERVICE = "127.0.0.1:8010", "127.0.0.1:8011"  # in the test on other ports
NEEDED = ("node", "npm", "curl")


@pytest.fixture(scope="module")
def document(root: Path) -> str:
    return (root / "docs" / "access.md").read_text("utf-8")


@pytest.fixture
def tree(root: Path, tmp_path: Path) -> Path:
    """What the commands name, and nothing else of the project."""
    (tmp_path / "tests/security/oidc").mkdir(parents=True)
    for file in ("helseid.mjs", "package.json", "package-lock.json"):
        shutil.copy(root / "tests/security/oidc" / file, tmp_path / "tests/security/oidc")
    shutil.copy(root / "tests/security/plain_client.py", tmp_path / "tests/security")
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parent.parent)
    return tmp_path


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_every_command_answers_what_is_shown(document: str, tree: Path) -> None:
    if missing := [program for program in NEEDED if shutil.which(program) is None]:
        pytest.skip(f"not run here: the commands of docs/access.md lack {' and '.join(missing)} (nodejs, npm, curl)")
    blocks = re.findall(r"```sh\n(.*?)```(?:\n```text\n(.*?)```)?", document, re.DOTALL)
    assert len(blocks) == len(re.findall("```sh", document)) > 3
    port = free_ports(2)
    ports = {"8010": str(port), "8011": str(port + 1)}
    script = re.sub("801[01]", lambda found: ports[found[0]], f"{NEXT}\n".join(commands for commands, _ in blocks))

    with (tree / "out").open("w+") as out, (tree / "errors").open("w+") as errors:
        process = subprocess.Popen(
            ["bash", "-eu", "-c", script],
            cwd=tree,
            env=clean_environment(NO_PROXY="127.0.0.1", no_proxy="127.0.0.1"),
            stdout=out,
            stderr=errors,
            start_new_session=True,
        )
        try:
            code = process.wait(150)
        finally:
            with suppress(ProcessLookupError):
                killpg(process.pid, SIGKILL)  # what a fault left running
        said, wrong = ((tree / name).read_text("utf-8") for name in ("out", "errors"))

    assert (code, wrong) == (0, ""), said
    logged = [json.loads(line) for line in (tree / "build/trying/service.log").read_text("utf-8").splitlines()]
    assert [(line["host"], line["port"]) for line in logged if line["event"] == "listening"] == [("127.0.0.1", port + 1)]
    assert sum(line["event"] == "refused" for line in logged) == 2
    for (commands, shown), told in zip(blocks, said.split("--next--\n"), strict=True):
        assert answers(shown, told.replace(ports["8011"], "8011")), f"{commands}\n{told}"


def objects(document: str) -> list[dict[str, Any]]:
    """The JSON that is shown, 0 for what is left out."""
    blocks = re.findall(r"```json\n(.*?)```", document, re.DOTALL)
    return [json.loads(text.replace("…,", "0,").replace('"…"', "0")) for text in blocks]


def test_the_attest_that_is_shown_tells_what_is_said_of_it(document: str) -> None:
    *_, attest = objects(document)
    issuer = Issuer()
    token = read_claims(issuer.claims("A" * 43, attest=attest), issuer.settings()).token

    assert token.person == Person("13816912345", "431001110", "Kari Nordmann")
    assert token.purpose == attest["care_relation"]["purpose_of_use"]["code"] == "TREAT"
    caller = Caller("999977774", ("999977774",), numbers=token.numbers, person=token.person, attest=token.attest)
    assert set(caller.blocked_as) - set(token.numbers) == {"13816912345", "431001110", "312232324"}


def test_the_client_sends_what_is_shown(document: str) -> None:
    *shown, _ = objects(document)
    jwk = dict(ECKey.generate_key("P-256", {"alg": "ES256", "kid": "epj-1"}).as_dict(private=True))
    client = PlainClient(f"http://{ISSUER}", "epj", jwk, "999977774:", "nhn:pakkeforlop/fhir.read", "assertion_details")
    client.token = "any"

    header, assertion = read(client._assertion())
    proof_header, proof = read(client.headers("GET", f"http://{SERVICE}/fhir/Task?_count=1")["DPoP"])

    for said, written in zip(shown, (assertion, proof), strict=True):
        assert said == {name: 0 if said.get(name) == 0 else value for name, value in written.items()}
    assert header == {"typ": "client-authentication+jwt", "alg": "ES256", "kid": "epj-1"}
    assert (proof_header["typ"], proof_header["alg"], "d" in proof_header["jwk"]) == ("dpop+jwt", "ES256", False)


def read(jwt: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims."""
    header, claims = (json.loads(urlsafe_b64decode(part + "==")) for part in jwt.split(".")[:2])
    return header, claims
