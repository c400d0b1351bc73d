"""HL7's own examples of every type that we serve, written and read again over HTTP, in JSON and in XML.

What comes back is what was sent, number text and order of elements kept; ours are the id, the version and its time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from adapter.fhir.types import TYPES
from adapter.usecases.writing import FOR_READING
from tests.http.real import real_service
from tests.http.service import Service
from tests.r4.packages import Examples, r4_examples  # noqa: F401  a fixture

REFUSED = {  # by R4 itself (tests/r4/test_examples.py)
    "Observation-clinical-gender.json",  # an Encounter as performer
    "Organization-2.16.840.1.113883.19.5.json",  # an OID without urn:oid: under urn:ietf:rfc:3986
}
DENIALS = {  # they say no (OPTOUT, or deny) to more, or to others, than is enforced here: profiles/, patient-block
    "Consent-consent-example-Emergency.json",
    "Consent-consent-example-grantor.json",
    "Consent-consent-example-notOrg.json",
    "Consent-consent-example-Out.json",
    "Consent-consent-example-pkb.json",
}
IN_ERROR = "Subscription-example-error.json"  # that it is so is for a server to find out
CALLED = "biliwatch.com"  # the host of the other Subscription's endpoint; the worker that would call it is not running
SECRET, MASKED = b"Authorization: Bearer secret-token-abc-123", b"Authorization: ***"
"""A Subscription's header, as it is sent and as it is shown."""
PASSED, LATER = b'"2021-01-01T00:00:00Z"', b'"2031-01-01T00:00:00Z"'
"""When it ends, which is to come."""
LARGEST = 1_000_000
XML = {"Content-Type": "application/fhir+xml"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with real_service(tmp_path_factory.mktemp("examples"), subscriptions={"hosts": [CALLED]}) as running:
        yield running


def number(text: str) -> tuple[str, str]:
    return "number", text


def ordered(data: bytes) -> Any:
    """Objects as lists of pairs, since order counts; numbers as their text. The id and meta of before are left out."""
    pairs = json.loads(data, object_pairs_hook=list, parse_float=number, parse_int=number)
    meta = [pair for name, value in pairs if name == "meta" for pair in value if pair[0] not in ("versionId", "lastUpdated")]
    return meta, [pair for pair in pairs if pair[0] not in ("id", "meta")]


@pytest.mark.slow
@pytest.mark.parametrize("type", sorted(set(TYPES) - FOR_READING))
def test_what_is_written_is_read_again_to_the_letter(service: Service, r4_examples: Examples, type: str) -> None:  # noqa: F811
    sent = [
        (name, data.replace(PASSED, LATER) if type == "Subscription" else data)
        for name, data in r4_examples(type)
        if len(data) < LARGEST and name not in REFUSED
    ]
    assert sent
    for name, data in sent:
        made = service.http.post(f"/fhir/{type}", content=data, headers={"Content-Type": "application/fhir+json"})
        if name in DENIALS:
            assert (made.status_code, "StructureDefinition/patient-block" in made.text) == (422, True), name
            continue
        if name == IN_ERROR:
            assert (made.status_code, "error are the server's to say" in made.text) == (422, True), made.text
            continue
        assert made.status_code == 201, (name, made.text)
        here = f"/fhir/{type}/{made.json()['id']}"
        assert ordered(service.http.get(here, headers={"Accept": "application/fhir+json"}).content) == ordered(
            data.replace(SECRET, MASKED)
        ), name

        in_xml = service.http.get(here, headers={"Accept": "application/fhir+xml"})
        again = service.http.post(f"/fhir/{type}", content=in_xml.content.replace(MASKED, SECRET), headers=XML)
        assert again.status_code == 201, (name, again.text)
        assert sorted_like(ordered(again.content)) == sorted_like(ordered(data.replace(SECRET, MASKED))), name


def sorted_like(said: Any) -> Any:
    """Without the order of members: XML has the standard's own."""
    meta, rest = said
    return by_name(meta), by_name(rest)


def by_name(value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(one, tuple) and len(one) == 2 for one in value):
        return sorted((name, by_name(inner)) for name, inner in value)
    return [by_name(one) for one in value] if isinstance(value, list) else value
