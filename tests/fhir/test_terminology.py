"""Terminology operations over HTTP: https://hl7.org/fhir/R4/terminology-service.html and the pages of the operations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fhir.resources.R4B.parameters import Parameters
from fhir.resources.R4B.terminologycapabilities import TerminologyCapabilities
from fhir.resources.R4B.valueset import ValueSet

from adapter.domain.identity import BASE
from adapter.r4.checker import check
from adapter.r4.outcome import TRANSLATION
from tests.http.service import service
from tests.national_numbers import make

Json = dict[str, Any]
EVENT = "urn:oid:2.16.578.1.12.4.1.1.9322"
PROTECTION = f"{BASE}/CodeSystem/address-protection"
PHASES, PHASE = f"{BASE}/ValueSet/pathway-phase", f"{BASE}/CodeSystem/pathway-phase"
PRIORITIES = f"{BASE}/ConceptMap/priority-8304"
PRIORITY = "urn:oid:2.16.578.1.12.4.1.1.8304"
FRAGMENT = "http://helsedir.no/fhir/CodeSystem/no-kodeverk-8410"
NUMBER = make(23, 9, 1980, "female")


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with service(tmp_path_factory.mktemp("codes")) as running:
        yield running.http


def parameters(*said: Json) -> Json:
    return {"resourceType": "Parameters", "parameter": [*said]}


def good(answer: httpx.Response) -> Json:
    """An answer by both oracles: our checker, and the models of fhir.resources."""
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    assert check(body) == []
    (Parameters if body["resourceType"] == "Parameters" else ValueSet).model_validate(body)
    return body


def said(body: Json, name: str) -> Any:
    """The value of the one parameter of that name; None where there is none."""
    found = [
        next(value for key, value in one.items() if key.startswith("value")) for one in body["parameter"] if one["name"] == name
    ]
    assert len(found) < 2
    return found[0] if found else None


def parts(body: Json, name: str) -> list[dict[str, Any]]:
    return [
        {part["name"]: next(value for key, value in part.items() if key.startswith("value")) for part in one["part"]}
        for one in body["parameter"]
        if one["name"] == name
    ]


def refused(answer: httpx.Response, status: int, code: str, where: str = "") -> Json:
    """An OperationOutcome in both languages, of that kind, about that parameter."""
    assert answer.status_code == status, answer.text
    (issue,) = answer.json()["issue"]
    assert issue["code"] == code
    assert issue["details"]["_text"]["extension"][0]["extension"][0]["valueCode"] == "nb"
    assert not where or issue["location"] == [f"http.{where}"]
    return dict(issue)


# --- $lookup


@pytest.mark.parametrize(
    "system",
    [
        EVENT,
        "2.16.578.1.12.4.1.1.9322",
        "http://helsedir.no/fhir/CodeSystem/no-kodeverk-9322",
        "https://finnkode.helsedirektoratet.no/adm/collections/9322",
    ],
)
def test_a_code_is_looked_up_by_each_name_of_its_system(http: httpx.Client, system: str) -> None:
    by_get = good(http.get("/fhir/CodeSystem/$lookup", params={"system": system, "code": "M"}))
    coding = {"name": "coding", "valueCoding": {"system": system, "code": "M"}}
    by_post = good(http.post("/fhir/CodeSystem/$lookup", json=parameters(coding)))

    assert by_get == by_post
    assert said(by_get, "display") == "Første fremmøte i pakkeforløpet"  # 9322 in the display lists of the messages
    assert said(by_get, "name") == "Hendelse i forløp"


def test_names_are_given_in_the_language_that_is_asked_for_where_we_have_it(http: httpx.Client) -> None:
    def display(system: str, code: str, language: str) -> Any:
        asked = {"system": system, "code": code, "displayLanguage": language}
        return said(good(http.get("/fhir/CodeSystem/$lookup", params=asked)), "display")

    assert display(PROTECTION, "confidential", "en-GB") == "Confidential address"
    assert display(PROTECTION, "confidential", "nb") == display(PROTECTION, "confidential", "fr") == "Fortrolig adresse"
    assert display(EVENT, "M", "en") == "Første fremmøte i pakkeforløpet"  # national lists have no other


def test_only_the_properties_that_are_asked_for_are_given(http: httpx.Client) -> None:
    """9327 has *inferred* of the codes with L, which follow a pattern."""
    address = "/fhir/CodeSystem/$lookup?system=urn:oid:2.16.578.1.12.4.1.1.9327&code=D12L"
    whole, one = good(http.get(address)), good(http.get(f"{address}&property=inferred"))

    assert parts(whole, "property") == parts(one, "property") == [{"code": "inferred", "value": True}]
    assert parts(whole, "designation") == [{"language": "nb", "value": "Pasientutsatt pakkeforløp"}]
    assert parts(one, "designation") == []
    names = good(http.get(f"/fhir/CodeSystem/$lookup?system={PROTECTION}&code=confidential&property=lang.en"))
    assert parts(names, "designation") == [{"language": "en", "value": "Confidential address"}]
    assert said(names, "display") == "Fortrolig adresse"


def test_what_cannot_be_looked_up_is_not_found_and_says_why(http: httpx.Client) -> None:
    def asked(**given: str) -> httpx.Response:
        return http.get("/fhir/CodeSystem/$lookup", params=given)

    refused(asked(system=EVENT, code="no such"), 404, "not-found", "code")
    refused(asked(system="urn:none", code="M"), 404, "not-found", "system")
    refused(asked(system=EVENT, code="M", version="2019"), 404, "not-found", "version")
    assert "fragment" in refused(asked(system=FRAGMENT, code="X"), 404, "not-found")["details"]["text"]
    assert (
        "$validate-code"
        in refused(asked(system="http://hl7.org/fhir/task-status", code="ready"), 404, "not-found")["details"]["text"]
    )


# --- $validate-code


def test_a_code_of_a_system_is_valid_and_another_is_not(http: httpx.Client) -> None:
    def asked(**given: str) -> Json:
        return good(http.get("/fhir/CodeSystem/$validate-code", params=given))

    right = asked(url=PROTECTION, code="confidential")
    assert (said(right, "result"), said(right, "display"), said(right, "message")) == (True, "Fortrolig adresse", None)
    assert said(asked(url=PROTECTION, code="confidential", display="Confidential address"), "result") is True
    misnamed = asked(url=PROTECTION, code="confidential", display="Klientadresse")
    assert (said(misnamed, "result"), said(misnamed, "display")) == (False, "Fortrolig adresse")
    assert said(asked(url=PROTECTION, code="CONFIDENTIAL"), "result") is False  # the system is case sensitive
    assert said(asked(url="http://hl7.org/fhir/task-status", code="on-hold"), "result") is True
    assert said(asked(url="http://hl7.org/fhir/task-status", code="done"), "result") is False
    unsure = asked(url=FRAGMENT, code="X")
    assert (said(unsure, "result"), "fragment" in said(unsure, "message")) == (False, True)
    (message,) = (one for one in unsure["parameter"] if one["name"] == "message")
    assert message["_valueString"]["extension"][0]["url"] == TRANSLATION


@pytest.mark.parametrize("path", ["ValueSet/$validate-code", "ValueSet/pathway-phase/$validate-code"])
def test_a_concept_is_in_a_value_set_where_one_of_its_codings_is(http: httpx.Client, path: str) -> None:
    url = [] if "pathway-phase" in path else [{"name": "url", "valueUri": PHASES}]

    def asked(*codings: Json) -> Json:
        concept = {"name": "codeableConcept", "valueCodeableConcept": {"coding": [*codings]}}
        return good(http.post(f"/fhir/{path}", json=parameters(*url, concept)))

    other, phase = {"system": EVENT, "code": "M"}, {"system": PHASE, "code": "treatment"}
    assert said(asked(other, phase), "result") is True
    assert said(asked(other, phase), "display") == "Behandling"
    assert said(asked(other), "result") is False
    assert said(asked({**phase, "display": "Venter"}), "result") is False
    coding = parameters(*url, {"name": "coding", "valueCoding": phase})
    assert said(good(http.post(f"/fhir/{path}", json=coding)), "result") is True


def test_a_system_is_checked_at_its_own_address_too(http: httpx.Client) -> None:
    assert said(good(http.get("/fhir/CodeSystem/no-kodeverk-9322/$validate-code?code=M")), "result") is True
    foreign = {"name": "coding", "valueCoding": {"system": PHASE, "code": "M"}}
    other = good(http.post("/fhir/CodeSystem/no-kodeverk-9322/$validate-code", json=parameters(foreign)))
    assert said(other, "result") is False
    assert "another system" in said(other, "message")


def test_the_version_of_r4_is_one_of_its_value_sets(http: httpx.Client) -> None:
    """Bindings name them so: http://hl7.org/fhir/ValueSet/task-status|4.0.1."""
    statuses, system = "http://hl7.org/fhir/ValueSet/task-status", "http://hl7.org/fhir/task-status"
    asked = {"url": f"{statuses}|4.0.1", "system": system, "code": "ready"}
    assert said(good(http.get("/fhir/ValueSet/$validate-code", params=asked)), "result") is True
    refused(http.get("/fhir/ValueSet/$validate-code", params={**asked, "url": f"{statuses}|9"}), 404, "not-found", "url")


# --- $expand


def test_a_value_set_is_expanded_whole_by_pages_and_by_words(http: httpx.Client) -> None:
    def codes(query: str = "") -> tuple[int, list[str]]:
        expansion = good(http.get(f"/fhir/ValueSet/pathway-phase/$expand{query}"))["expansion"]
        return expansion["total"], [one["code"] for one in expansion.get("contains", ())]

    total, whole = codes()
    assert total == len(whole) == len(set(whole))
    assert codes("?count=3") == (total, whole[:3])
    assert codes("?count=3&offset=3") == (total, whole[3:6])
    assert codes("?offset=999999999") == (total, [])
    assert codes("?count=999999999") == (total, whole)
    assert codes("?count=0") == (total, [])
    assert codes("?filter=VENT") == (1, ["waiting"])  # Venter
    assert codes("?filter=waiting") == (1, ["waiting"])
    by_url = good(http.get("/fhir/ValueSet/$expand", params={"url": PHASES}))
    assert [one["code"] for one in by_url["expansion"]["contains"]] == whole
    assert by_url["url"] == PHASES
    assert "compose" not in by_url


@pytest.mark.parametrize("words", ["%", ".*", "'\"<b>", "\\", "æøå ÆØÅ", "  ", "a b c d e f g", "\u202e", "😀" * 200, "%00"])
def test_odd_words_are_words_like_others(http: httpx.Client, words: str) -> None:
    """No phase has any of them in its names; blanks ask for nothing."""
    body = good(http.get("/fhir/ValueSet/pathway-phase/$expand", params={"filter": words}))
    assert body["expansion"]["total"] == (0 if words.split() else 10)


def test_names_come_in_the_language_and_with_all_others_where_asked(http: httpx.Client) -> None:
    body = good(http.get("/fhir/ValueSet/pathway-phase/$expand?filter=venter&displayLanguage=en&includeDesignations=true"))
    (one,) = body["expansion"]["contains"]
    assert one["display"] == "Waiting"
    assert one["designation"] == [{"language": "nb", "value": "Venter"}, {"language": "en", "value": "Waiting"}]
    told = {said["name"] for said in body["expansion"]["parameter"]}
    assert told == {"displayLanguage", "includeDesignations"}


def test_the_words_of_a_filter_come_back_nowhere(http: httpx.Client) -> None:
    sent = parameters({"name": "filter", "valueString": NUMBER}, {"name": "url", "valueUri": PHASES})
    assert NUMBER not in http.post("/fhir/ValueSet/$expand", json=sent).text


# --- $translate


def test_a_code_is_translated_by_one_map_or_by_all(http: httpx.Client) -> None:
    """8304: 0 is "Øyeblikkelig hjelp", which request-priority calls stat; N is "Vanlig"."""

    def asked(path: str = "ConceptMap/$translate", **given: str) -> Json:
        return good(http.get(f"/fhir/{path}", params=given))

    for found in (
        asked(system=PRIORITY, code="0"),
        asked(url=PRIORITIES, system=PRIORITY, code="0"),
        asked("ConceptMap/priority-8304/$translate", system="2.16.578.1.12.4.1.1.8304", code="0"),
        asked(system=PRIORITY, code="0", targetsystem="http://hl7.org/fhir/request-priority"),
        asked(system=PRIORITY, code="0", target="http://hl7.org/fhir/ValueSet/request-priority"),
    ):
        (match,) = parts(found, "match")
        assert said(found, "result") is True
        assert match["equivalence"] == "equivalent"
        assert match["concept"] == {"system": "http://hl7.org/fhir/request-priority", "code": "stat"}
        assert match["source"] == PRIORITIES
    assert said(asked(system=PRIORITY, code="0", target=PHASES), "result") is False
    unmatched = asked(system=PRIORITY, code="30")  # a time limit, and no priority
    assert said(unmatched, "result") is False
    assert [match["equivalence"] for match in parts(unmatched, "match")] == ["unmatched"]
    assert said(unmatched, "message")
    assert said(asked(system="urn:none", code="30"), "result") is False
    back = asked(url=PRIORITIES, system="http://hl7.org/fhir/request-priority", code="stat", reverse="true")
    assert [match["concept"]["code"] for match in parts(back, "match")] == ["0"]


# --- what is wrong with a request


BOTH = [{"name": "code", "valueCode": "M"}, {"name": "coding", "valueCoding": {"system": EVENT, "code": "M"}}]
CHECKED = "ValueSet/pathway-phase/$validate-code"
WRONG: list[tuple[str, Json, str]] = [
    ("ValueSet/$expand", parameters({"name": "valueSet", "resource": {"resourceType": "ValueSet"}}), "valueSet"),
    ("ValueSet/$expand", parameters({"name": "url", "valueInteger": 1}), "url"),
    ("ValueSet/$expand", parameters({"name": "url", "valueUri": PHASES}, {"name": "count", "valueInteger": -1}), "count"),
    ("ValueSet/$expand", parameters({"name": "url", "valueUri": "x" * 1_001}), "url"),
    ("ValueSet/$expand", parameters({"name": "url"}), "url"),
    ("CodeSystem/$lookup", parameters(*BOTH), "coding"),
    ("CodeSystem/$lookup", parameters({"name": "coding", "valueCoding": {"system": EVENT}}), "coding"),
    ("CodeSystem/$lookup", parameters({"name": "coding", "valueCoding": {"system": EVENT, "code": ["M"]}}), "coding"),
    ("CodeSystem/$lookup", parameters({"name": "coding", "valueCoding": "M"}), "coding"),
    (
        "ValueSet/pathway-phase/$validate-code",
        parameters({"name": "codeableConcept", "valueCodeableConcept": {}}),
        "codeableConcept",
    ),
    ("ValueSet/pathway-phase/$validate-code", parameters({"name": "abstract", "valueBoolean": "yes"}), "abstract"),
]


@pytest.mark.parametrize(("path", "body", "where"), WRONG)
def test_what_cannot_be_read_is_told_by_its_parameter(http: httpx.Client, path: str, body: Json, where: str) -> None:
    refused(http.post(f"/fhir/{path}", json=body), 400, "invalid", where)


@pytest.mark.parametrize(
    ("path", "code", "where"),
    [
        ("ValueSet/$expand", "required", "url"),
        (f"ValueSet/pathway-phase/$expand?url={PHASES}", "invalid", "url"),
        (f"ValueSet/$expand?url={PHASES}&url={PHASES}", "invalid", "url"),
        (f"ValueSet/$expand?url={PHASES}&count=many", "invalid", "count"),
        (f"ValueSet/$expand?url={PHASES}&count=9999999999999999999999", "invalid", "count"),
        (f"ValueSet/$expand?url={PHASES}&exclude-system=x", "invalid", "exclude-system"),
        (f"ValueSet/$validate-code?url={PHASES}", "required", "code"),
        (f"ValueSet/$validate-code?url={PHASES}&code=treatment", "required", "system"),
        ("CodeSystem/$validate-code?code=M", "required", "system"),
        ("CodeSystem/$lookup?coding=x", "invalid", "coding"),
        (f"CodeSystem/$lookup?system={EVENT}&code=", "invalid", "code"),
        ("ConceptMap/$translate?dependency=x", "invalid", "dependency"),
    ],
)
def test_what_is_missing_twice_or_not_known_is_refused(http: httpx.Client, path: str, code: str, where: str) -> None:
    refused(http.get(f"/fhir/{path}"), 400, code, where)


def test_bodies_that_are_no_parameters_are_refused(http: httpx.Client) -> None:
    for body in (
        {"resourceType": "Task"},
        [],
        {"resourceType": "Parameters", "parameter": {}},
        {"resourceType": "Parameters", "parameter": [1]},
    ):
        answer = http.post("/fhir/ValueSet/$expand", json=body)
        assert answer.status_code in (400, 422), answer.text
        assert answer.json()["resourceType"] == "OperationOutcome"
    sent = http.post("/fhir/ValueSet/$expand", content=b"x", headers={"Content-Type": "text/plain"})
    assert sent.status_code == 415


def test_a_persons_number_is_taken_in_no_address_and_never_repeated(http: httpx.Client) -> None:
    for path in (
        f"CodeSystem/$lookup?system={EVENT}&code={NUMBER}",
        f"ValueSet/$expand?url={PHASES}&filter={NUMBER}",
        f"CodeSystem?name={NUMBER}",
        f"CodeSystem/no-kodeverk-9322?_elements={NUMBER}",
        f"ConceptMap/$translate?system={EVENT}&code={NUMBER}",
    ):
        answer = http.get(f"/fhir/{path}")
        assert answer.status_code == 400, path
        assert NUMBER not in answer.text
    coding = {"name": "coding", "valueCoding": {"system": EVENT, "code": NUMBER, "display": NUMBER}}
    for path in ("CodeSystem/$lookup", "CodeSystem/$validate-code", "ConceptMap/$translate"):
        assert NUMBER not in http.post(f"/fhir/{path}", json=parameters(coding)).text


@pytest.mark.parametrize("kind", ["json", "xml"])
def test_it_is_all_there_in_xml_too(http: httpx.Client, kind: str) -> None:
    accept = {"Accept": f"application/fhir+{kind}"}
    answer = http.get(f"/fhir/CodeSystem/$lookup?system={quote(EVENT)}&code=M", headers=accept)
    assert answer.headers["content-type"].startswith(f"application/fhir+{kind}")
    assert "Første fremmøte" in answer.text
    coding = f'<valueCoding><system value="{EVENT}"/><code value="M"/></valueCoding>'
    sent = f'<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="coding"/>{coding}</parameter></Parameters>'
    by_xml = http.post("/fhir/CodeSystem/$lookup", content=sent, headers={**accept, "Content-Type": "application/fhir+xml"})
    assert (by_xml.status_code, by_xml.content) == (200, answer.content)


# --- what is said of it


def test_the_statement_of_the_terminology_names_each_system_that_can_be_looked_up(http: httpx.Client) -> None:
    answer = http.get("/fhir/metadata?mode=terminology")
    body = answer.json()
    assert answer.status_code == 200
    assert check(body) == []
    TerminologyCapabilities.model_validate(body)
    assert {one["name"] for one in body["expansion"]["parameter"]} >= {"url", "filter", "count", "offset"}
    for one in body["codeSystem"]:
        found = http.get("/fhir/CodeSystem", params={"url": one["uri"]}).json()
        (entry,) = found["entry"]
        code = entry["resource"]["concept"][0]
        looked = good(http.get("/fhir/CodeSystem/$lookup", params={"system": one["uri"], "code": code["code"]}))
        assert said(looked, "display") == code["display"]


def test_every_operation_of_codes_is_in_the_capability_statement(http: httpx.Client) -> None:
    """By the definitions of R4: https://hl7.org/fhir/R4/operationslist.html."""
    resources = http.get("/fhir/metadata").json()["rest"][0]["resource"]
    told = {one["type"]: {(each["name"], each["definition"]) for each in one.get("operation", ())} for one in resources}
    core = "http://hl7.org/fhir/OperationDefinition/"
    assert told["CodeSystem"] == {("lookup", core + "CodeSystem-lookup"), ("validate-code", core + "CodeSystem-validate-code")}
    assert told["ValueSet"] == {("validate-code", core + "ValueSet-validate-code"), ("expand", core + "ValueSet-expand")}
    assert told["ConceptMap"] == {("translate", core + "ConceptMap-translate")}
    assert told["Measure"] == {("evaluate-measure", core + "Measure-evaluate-measure")}
