"""Batch and transaction over real HTTP (https://hl7.org/fhir/R4/http.html#transaction)."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from adapter.fhir import bundling
from adapter.r4.bundle import POINTERS, SEARCHES
from tests.fhir.made import FNR, SYNTHETIC, UNBORN, Body, computed, identifier, issues, patient, task
from tests.http.service import MUNICIPALITY, Service, service

PATCH = "application/json-patch+json"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("bundles")) as running:
        yield running


def urn() -> str:
    return f"urn:uuid:{uuid4()}"


def entry(method: str, url: str, resource: Body | None = None, full_url: str = "", **request: str) -> Body:
    made: Body = {"request": {"method": method, "url": url, **request}}
    if full_url:
        made["fullUrl"] = full_url
    return made if resource is None else {**made, "resource": resource}


def sent(here: Service, type: str, *entries: Body, **headers: str) -> httpx.Response:
    bundle = {"resourceType": "Bundle", "type": type, "entry": list(entries)}
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    return here.http.post("/fhir", json=bundle, headers={"Content-Type": "application/fhir+json", **said})


def carried_out(here: Service, *entries: Body, **headers: str) -> list[Body]:
    answer = sent(here, "transaction", *entries, **headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["type"] == "transaction-response"
    return list(answer.json().get("entry", []))


def place(entry: Body) -> str:
    return "/fhir/" + str(entry["response"]["location"]).partition("/_history")[0]


def count(here: Service, type: str) -> int:
    return int(here.http.get(f"/fhir/{type}", params={"_summary": "count"}).json()["total"])


def test_entries_are_answered_in_their_order_with_status_place_and_version(here: Service) -> None:
    """bundle.html: response.location has type, id and version; etag and lastModified are of that version."""
    first = here.http.post("/fhir/Patient", json=patient()).json()
    answers = carried_out(
        here,
        entry("GET", f"Patient/{first['id']}"),
        entry("PUT", f"Patient/{first['id']}", {**first, "active": True}),
        entry("POST", "Task", task()),
    )

    assert [one["response"]["status"] for one in answers] == ["200 OK", "200 OK", "201 Created"]
    assert answers[0]["resource"]["active"] is True  # GET comes last
    assert answers[1]["response"] == {
        "status": "200 OK",
        "location": f"Patient/{first['id']}/_history/2",
        "etag": 'W/"2"',
        "lastModified": "2026-06-01T10:00:00.000Z",
    }
    assert here.http.get(place(answers[2])).json()["status"] == "requested"


def test_the_base_with_and_without_a_slash_is_the_same(here: Service) -> None:
    bundle = {"resourceType": "Bundle", "type": "transaction"}

    assert here.http.post("/fhir/", json=bundle).json() == here.http.post("/fhir", json=bundle).json()
    assert here.http.post("/fhir", json=bundle).json() == {"resourceType": "Bundle", "type": "transaction-response"}


def test_links_between_entries_become_ids_in_contained_resources_and_extensions_too(here: Service) -> None:
    a, b = urn(), urn()
    inside = task(id="c", **{"for": {"reference": a}})
    body = task(
        contained=[inside],
        basedOn=[{"reference": "#c"}],
        extension=[{"url": "https://x.example/mother", "valueReference": {"reference": a}}],
        description=a,
        partOf=[{"reference": b}],
        **{"for": {"reference": a}},
    )
    made = carried_out(here, entry("POST", "Task", body, b), entry("POST", "Patient", patient(), a))
    kept, person = here.http.get(place(made[0])).json(), place(made[1]).removeprefix("/fhir/")

    assert kept["for"]["reference"] == kept["contained"][0]["for"]["reference"] == person
    assert kept["extension"][0]["valueReference"]["reference"] == person
    assert kept["description"] == a
    assert kept["partOf"][0]["reference"] == place(made[0]).removeprefix("/fhir/")  # itself


def test_resources_may_refer_to_each_other_in_a_circle(here: Service) -> None:
    a, b = urn(), urn()
    made = carried_out(
        here,
        entry("POST", "Task", task(partOf=[{"reference": b}]), a),
        entry("POST", "Task", task(partOf=[{"reference": a}]), b),
    )
    one, other = (here.http.get(place(answer)).json() for answer in made)

    assert one["partOf"][0]["reference"] == f"Task/{other['id']}"
    assert other["partOf"][0]["reference"] == f"Task/{one['id']}"


def test_a_uuid_that_is_a_business_identifier_too_is_not_taken_for_a_link(here: Service) -> None:
    name = urn()
    body = task(identifier=[{"system": "urn:ietf:rfc:3986", "value": name}])
    request = {"ifNoneExist": f"identifier=urn:ietf:rfc:3986|{name}"}
    first = carried_out(here, entry("POST", "Task", body, name, **request))
    again = carried_out(here, entry("POST", "Task", body, name, **request))

    assert [one[0]["response"]["status"] for one in (first, again)] == ["201 Created", "200 OK"]
    assert place(first[0]) == place(again[0])
    assert here.http.get(place(first[0])).json()["identifier"][0]["value"] == name


def test_a_link_to_an_entry_that_existed_already_leads_to_what_exists(here: Service) -> None:
    own, a = identifier(), urn()
    there = here.http.post("/fhir/Patient", json=patient(identifier=[own])).json()
    unless = {"ifNoneExist": f"identifier={own['system']}|{own['value']}"}
    made = carried_out(
        here,
        entry("POST", "Patient", patient(identifier=[own]), a, **unless),
        entry("POST", "Task", task(**{"for": {"reference": a}})),
    )

    assert [one["response"]["status"] for one in made] == ["200 OK", "201 Created"]
    assert here.http.get(place(made[1])).json()["for"]["reference"] == f"Patient/{there['id']}"


def test_a_national_number_may_stand_in_the_criteria_of_an_entry(here: Service) -> None:
    person = patient(identifier=[{"system": FNR, "value": SYNTHETIC}])
    unless = {"ifNoneExist": f"identifier={FNR}|{SYNTHETIC}"}
    first, again = (carried_out(here, entry("POST", "Patient", person, **unless)) for _ in range(2))
    meant = carried_out(here, entry("POST", "Task", task(**{"for": {"reference": f"Patient?identifier={FNR}|{SYNTHETIC}"}})))
    found = carried_out(here, entry("GET", f"Patient?identifier={FNR}|{SYNTHETIC}"))

    assert place(first[0]) == place(again[0])
    assert here.http.get(place(meant[0])).json()["for"]["reference"] == place(first[0]).removeprefix("/fhir/")
    assert found[0]["resource"]["total"] == 1


@pytest.mark.parametrize("several", [False, True])
def test_a_conditional_reference_to_none_or_several_fails_the_transaction(here: Service, several: bool) -> None:
    """http.html#trules: if there are no matches, or multiple matches, the transaction fails."""
    own = identifier()
    for _ in range(2 if several else 0):
        here.http.post("/fhir/Patient", json=patient(identifier=[own]))
    before = count(here, "Task")
    reference = f"Patient?identifier={own['system']}|{own['value']}"
    answer = sent(
        here, "transaction", entry("POST", "Task", task()), entry("POST", "Task", task(**{"for": {"reference": reference}}))
    )

    assert (answer.status_code, issues(answer)[0][0]) == (412, "multiple-matches" if several else "not-found")
    assert count(here, "Task") == before


def test_nothing_is_kept_where_one_entry_fails_and_every_fault_is_told(here: Service) -> None:
    before = count(here, "Task"), count(here, "Patient")
    answer = sent(
        here,
        "transaction",
        entry("POST", "Task", task()),
        entry("POST", "Task", task(status="done")),
        entry("POST", "Patient", patient(gender="mann")),
        entry("DELETE", "Task/1"),
        entry("POST", "https://evil.example/fhir/Task", task()),
    )

    assert answer.status_code == 400
    assert sorted(issues(answer)) == [
        ("code-invalid", "Bundle.entry[1].resource.status"),
        ("code-invalid", "Bundle.entry[2].resource.gender"),
        ("invalid", "Bundle.entry[4].request.url"),
        ("not-supported", "Bundle.entry[3].request.method"),
    ]
    assert (count(here, "Task"), count(here, "Patient")) == before


@pytest.mark.parametrize(
    ("second", "status", "code"),
    [
        (
            entry("PUT", "Patient/00000000-0000-4000-8000-000000000000", patient(id="00000000-0000-4000-8000-000000000000")),
            405,
            "not-supported",
        ),
        (entry("GET", "Patient/none"), 404, "not-found"),
        (entry("POST", "Patient", patient(identifier=[{"system": FNR, "value": UNBORN}])), 422, "business-rule"),
        (entry("POST", "Task", task(**{"for": {"reference": "urn:uuid:7d6f2f0e-7f0b-4b61-9a3e-000000000000"}})), 400, "invalid"),
    ],
)
def test_what_is_found_wrong_late_undoes_the_rest_too(here: Service, second: Body, status: int, code: str) -> None:
    before = count(here, "Task")
    answer = sent(here, "transaction", entry("POST", "Task", task()), second)

    assert (answer.status_code, issues(answer)[0][0]) == (status, code)
    assert issues(answer)[0][1].startswith("Bundle.entry[1].")
    assert count(here, "Task") == before


def test_a_stale_version_fails_the_transaction(here: Service) -> None:
    first = here.http.post("/fhir/Task", json=task()).json()
    path = f"Task/{first['id']}"
    stale = sent(here, "transaction", entry("PUT", path, {**first, "status": "accepted"}, ifMatch='W/"2"'))
    missing = sent(here, "transaction", entry("PUT", path, {**first, "status": "accepted"}))
    good = carried_out(here, entry("PUT", path, {**first, "status": "accepted"}, ifMatch='W/"1"'))

    assert (stale.status_code, missing.status_code, good[0]["response"]["etag"]) == (412, 412, 'W/"2"')


def test_a_patch_in_a_transaction_comes_in_a_binary(here: Service) -> None:
    first = here.http.post("/fhir/Task", json=task()).json()
    operations = b64encode(b'[{"op":"replace","path":"/status","value":"accepted"}]').decode()
    binary = {"resourceType": "Binary", "contentType": PATCH, "data": operations}
    made = carried_out(here, entry("PATCH", f"Task/{first['id']}", binary, ifMatch='W/"1"'))

    assert made[0]["response"]["etag"] == 'W/"2"'
    assert here.http.get(place(made[0])).json()["status"] == "accepted"


def test_a_conditional_update_creates_and_then_updates(here: Service) -> None:
    own = identifier()
    put = entry("PUT", f"Patient?identifier={own['system']}|{own['value']}", patient(identifier=[own]))
    first, again = carried_out(here, put), carried_out(here, put)

    assert [one[0]["response"]["status"] for one in (first, again)] == ["201 Created", "200 OK"]
    assert place(first[0]) == place(again[0])


def test_prefer_says_what_comes_back_of_what_was_written(here: Service) -> None:
    (minimal,) = carried_out(here, entry("POST", "Task", task()))
    (whole,) = carried_out(here, entry("POST", "Task", task()), Prefer="return=representation")
    (told,) = carried_out(here, entry("POST", "Task", task()), Prefer="return=OperationOutcome")

    assert ("resource" in minimal, whole["resource"]["status"]) == (False, "requested")
    assert told["response"]["outcome"]["resourceType"] == "OperationOutcome"


# Entries that meet


def test_two_entries_with_the_same_address_are_refused(here: Service) -> None:
    first = here.http.post("/fhir/Patient", json=patient()).json()
    put = entry("PUT", f"Patient/{first['id']}", {**first, "active": True})
    answer = sent(here, "transaction", put, put)

    assert (answer.status_code, issues(answer)) == (400, [("invalid", "Bundle.entry[1]")])


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("methods", [("PUT", "PUT"), ("POST", "POST"), ("POST", "PUT")])
def test_two_entries_whose_criteria_meet_are_refused_and_nothing_is_kept(
    here: Service, there: bool, methods: tuple[str, str]
) -> None:
    """Whether what they mean existed before, or both would make it."""
    own = identifier()
    meant = f"identifier={own['system']}|{own['value']}"
    if there:
        here.http.post("/fhir/Patient", json=patient(identifier=[own]))
    before = count(here, "Patient")
    entries = [
        entry("PUT", f"Patient?{meant}", patient(identifier=[own]))
        if method == "PUT"
        else entry("POST", "Patient", patient(identifier=[own]), ifNoneExist=meant)
        for method in methods
    ]

    answer = sent(here, "transaction", *entries)

    assert (answer.status_code, issues(answer)[0][0]) == (400, "invalid")
    assert count(here, "Patient") == before


# Batch


def test_the_entries_of_a_batch_stand_alone(here: Service) -> None:
    answer = sent(
        here,
        "batch",
        entry("POST", "Task", task()),
        entry("POST", "Task", task(status="done")),
        entry("GET", "Task/none"),
        entry("DELETE", "Task/1"),
        entry("GET", "metadata"),
        entry("GET", "Task?status=requested&_count=1"),
        entry("POST", "/", {"resourceType": "Bundle", "type": "batch"}),
    )
    answers = answer.json()["entry"]

    assert (answer.status_code, answer.json()["type"]) == (200, "batch-response")
    assert [one["response"]["status"][:3] for one in answers] == ["201", "422", "404", "405", "400", "200", "400"]
    assert answers[5]["resource"]["type"] == "searchset"
    assert all(one["response"]["outcome"]["issue"] for one in (answers[n] for n in (1, 2, 3, 4, 6)))
    assert answers[1]["response"]["outcome"]["issue"][0]["expression"] == ["Bundle.entry[1].resource.status"]


def test_every_look_up_has_its_place_in_a_batch(here: Service) -> None:
    made = here.http.post("/fhir/Patient", json=patient()).json()
    path = f"Patient/{made['id']}"
    answers = sent(
        here,
        "batch",
        entry("GET", path),
        entry("GET", path, ifNoneMatch='W/"1"'),
        entry("GET", f"{path}/_history/1"),
        entry("GET", f"{path}/_history?_count=1"),
        entry("GET", "Patient/_history?_count=1"),
        entry("GET", f"{here.base}/fhir/Patient?_id={made['id']}"),
    ).json()["entry"]

    assert [one["response"]["status"][:3] for one in answers] == ["200", "304", "200", "200", "200", "200"]
    assert answers[0]["resource"] == answers[2]["resource"] == answers[5]["resource"]["entry"][0]["resource"] == made
    assert answers[0]["response"]["etag"] == 'W/"1"'
    assert [answers[n]["resource"]["type"] for n in (3, 4)] == ["history", "history"]
    assert "resource" not in answers[1]


@pytest.mark.parametrize("type", ["batch", "transaction"])
@pytest.mark.parametrize(
    "entries",
    [
        [entry("GET", "Task?_count=200")] * (SEARCHES + 1),
        [entry("GET", "Task/_history")] * (SEARCHES + 1),
        [entry("POST", "Task", task(), ifNoneExist="_id=" + "x," * 5_000)] * 30,
        [entry("POST", "Task", task(partOf=[{"reference": f"Task?identifier=a|{n}"} for n in range(POINTERS + 1)]))],
    ],
    ids=["searches", "histories", "criteria", "conditional references"],
)
def test_a_bundle_that_asks_for_too_much_looking_up_is_refused_before_it_does(
    here: Service, type: str, entries: list[Body]
) -> None:
    """Each of a thousand entries may be worth a page of resources: minutes, and gigabytes."""
    began = time.monotonic()
    answer = sent(here, type, *entries)

    assert (answer.status_code, issues(answer)) == (413, [("too-costly", "Bundle.entry")])
    assert time.monotonic() - began < 10


@pytest.mark.slow
def test_a_bundle_reads_no_more_than_there_is_room_for(here: Service) -> None:
    large = {"resourceType": "Binary", "contentType": "text/plain", "data": "AAAA" * 2_000_000}
    made = here.http.post("/fhir/Binary", json=large).json()
    read = [entry("GET", f"Binary/{made['id']}")] * 6

    alone = sent(here, "batch", *read, entry("GET", f"Task/{uuid4()}")).json()["entry"]
    together = sent(here, "transaction", *read)

    assert [one["response"]["status"][:3] for one in alone] == ["200"] * 4 + ["413"] * 2 + ["404"]
    assert (together.status_code, issues(together)) == (413, [("too-costly", "Bundle.entry[4].request")])


def test_a_bundle_looks_no_longer_than_there_is_time_for(here: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundling, "SECONDS", -1.0)
    looks = [entry("GET", "Task?_id=none"), entry("GET", "Task/none"), entry("POST", "Task", task())]

    assert [one["response"]["status"][:3] for one in sent(here, "batch", *looks).json()["entry"]] == ["413", "413", "201"]
    assert issues(sent(here, "transaction", *looks)) == [("too-costly", "Bundle.entry[0].request")]


def test_what_is_read_in_a_bundle_was_modified_when_its_meta_says(here: Service) -> None:
    """bundle.html, Bundle.entry.response.lastModified: it has to match meta.lastUpdated, where a resource is included."""
    id = here.http.post("/fhir/Task", json=task()).json()["id"]
    (answer,) = sent(here, "batch", entry("GET", f"Task/{id}")).json()["entry"]

    assert answer["response"]["lastModified"] == answer["resource"]["meta"]["lastUpdated"]


def test_a_version_of_what_is_not_there_fails_the_transaction(here: Service) -> None:
    """RFC 9110 13.1.1: If-Match is false where there is nothing; creating it would hide that the other has gone."""
    own = identifier()
    put = entry("PUT", f"Task?identifier={own['system']}|{own['value']}", task(identifier=[own]), ifMatch='W/"3"')
    answer = sent(here, "transaction", put)

    assert (answer.status_code, issues(answer)) == (412, [("conflict", "Bundle.entry[0].request")])


def test_another_organisations_resources_are_out_of_reach(here: Service) -> None:
    made = here.http.post("/fhir/Patient", json=patient()).json()
    answers = sent(
        here,
        "batch",
        entry("GET", f"Patient/{made['id']}"),
        entry("PUT", f"Patient/{made['id']}", made),
        X_Stafett_Organisation=MUNICIPALITY,
    ).json()["entry"]

    assert [one["response"]["status"][:3] for one in answers] == ["404", "405"]


def test_a_computed_resource_is_as_read_only_within_a_bundle(here: Service) -> None:
    id = computed(here.store, task())
    answer = sent(here, "transaction", entry("PUT", f"Task/{id}", task(id=id, priority="stat"), ifMatch='W/"1"'))

    assert (answer.status_code, issues(answer)) == (422, [("business-rule", "Bundle.entry[0].resource.priority")])


@pytest.mark.parametrize(
    ("bundle", "status"),
    [
        ({"resourceType": "Bundle", "type": "collection"}, 400),
        ({"resourceType": "Task", "status": "requested", "intent": "order"}, 400),
        ({"resourceType": "Bundle", "type": "batch", "entry": {}}, 400),
        ({"resourceType": "Bundle", "type": "batch", "entry": [{}]}, 400),
        ({"resourceType": "Bundle", "type": "batch", "entry": [1]}, 400),
        ({"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "LOOK", "url": "Task"}}]}, 422),
        ({"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET"}}]}, 400),
        ({"resourceType": "Bundle", "type": "batch", "colour": "red"}, 400),
    ],
)
def test_a_bundle_that_is_none_is_refused_whole(here: Service, bundle: Any, status: int) -> None:
    answer = here.http.post("/fhir", json=bundle)

    assert answer.status_code == status, answer.text
    assert issues(answer)
