"""A patient with a strictly confidential address (kode 6): accepted, and the place is nowhere: stored, logged, found or shown."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.http.real import real_service
from tests.secrecy.messages import CANARIES, CITY, CODE, MOBILE, referral

FORM = "application/x-www-form-urlencoded"
PAGES = ("/", "/messages", "/pathways", "/deliveries", "/docs", "/fhir/metadata", "/metrics")
TYPES = (
    "Patient",
    "RelatedPerson",
    "Organization",
    "PractitionerRole",
    "ServiceRequest",
    "CareTeam",
    "EpisodeOfCare",
    "Provenance",
)


def seen(text: str | bytes) -> list[str]:
    said = text if isinstance(text, str) else text.decode("utf-8", "replace")
    return [canary for canary in CANARIES if canary in said]


def test_b039_a_strictly_confidential_address_is_stored_logged_found_and_shown_nowhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Faktaark 55: the address and what else tells where; here of patient, relatives and the units around them."""
    caplog.set_level(logging.DEBUG)
    with real_service(tmp_path) as service:
        http = service.http
        made = http.post("/messages", content=referral().encode(), headers={"content-type": "application/xml"})
        assert (made.status_code, made.json()["state"]) == (201, "processed")
        at = made.headers["location"]

        answers: list[httpx.Response] = [made]
        answers += [http.get(f"{at}{part}") for part in ("", "/xml", "/apprec", "/bundle", "/explanation")]
        answers += [http.get(f"{at}{part}", headers={"accept": "text/html"}) for part in ("", "/explanation")]
        answers += [http.get(page, headers={"accept": "text/html"}) for page in PAGES]
        answers += [http.get(f"/fhir/{type}?_count=100") for type in TYPES]
        answers += [http.get(f"/fhir/{type}/_history") for type in ("Patient", "RelatedPerson")]
        patient = answers[-2].json()["entry"][0]["resource"]
        answers += [http.get(f"/fhir/Patient/{patient['id']}/_history/1", headers={"accept": "application/fhir+xml"})]
        answers += [http.post("/translate", content=referral().encode(), headers={"content-type": "application/xml"})]

        assert [one.status_code for one in answers[:6]] == [201, 200, 200, 200, 200, 200]
        for one in answers:
            assert one.status_code < 500
            assert (one.request.url.path, seen(one.text)) == (one.request.url.path, [])
        assert MOBILE in answers[4].text  # what is not a place is there
        assert '"masked"' in answers[4].text
        for criteria in (f"address={CITY}", f"address-city={CITY}", f"address-postalcode={CODE}", "address:contains=anari"):
            found = http.post(
                "/fhir/Patient/_search", content=criteria, headers={"content-type": FORM, "prefer": "handling=strict"}
            )
            assert found.status_code == 400 or found.json().get("total", 0) == 0, criteria

    out, err = capfd.readouterr()
    assert seen("\n".join((caplog.text, out, err))) == []
    with closing(sqlite3.connect(tmp_path / "stafett.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for file in (one for one in tmp_path.rglob("*") if one.is_file()):
        assert (file.name, seen(file.read_bytes())) == (file.name, [])
