"""Search parameters in the store's words: whole values, derived by hand from R4's search.html, whose section stands beside each."""

from __future__ import annotations

import doctest
from datetime import UTC, datetime
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.problem import Problem
from adapter.fhir import clauses, dates, results, search, shaping, types
from adapter.fhir.clauses import NOTHING
from adapter.fhir.results import Include
from adapter.fhir.search import Search, criteria, names_person, pairs_of, parse, query_of
from adapter.fhir.types import TYPES, includes, modifiers, revincludes
from adapter.ports import Clause, Match, Query
from tests.national_numbers import make

BASE = "https://stafett.example/fhir"
TASK_STATUS = "http://hl7.org/fhir/task-status"


def read(type: str, query: str, *, strict: bool = True) -> Search:
    return parse(type, pairs_of(query), base=BASE, strict=strict)


def refused(type: str, query: str, *, strict: bool = False) -> list[str]:
    """Where the faults are."""
    with pytest.raises(Problem) as fault:
        parse(type, pairs_of(query), base=BASE, strict=strict)
    return [one.where for one in fault.value.findings]


def anyof(parameter: str, *matches: Match, negated: bool = False) -> Clause:
    return Clause(parameter, matches, negated)


@pytest.mark.parametrize(
    ("type", "query", "clauses"),
    [
        # search.html#token: system|code, code, |code (no system), system| (any code)
        ("Task", "identifier=urn:a|1", [anyof("identifier", Match("urn:a", "1"))]),
        ("Task", "identifier=1", [anyof("identifier", Match(None, "1"))]),
        ("Task", "identifier=|1", [anyof("identifier", Match("", "1"))]),
        ("Task", "identifier=urn:a|", [anyof("identifier", Match("urn:a", None))]),
        # #combining: a comma is OR, a parameter given again is AND
        (
            "Task",
            "identifier=1,2&identifier=3",
            [anyof("identifier", Match(None, "1"), Match(None, "2")), anyof("identifier", Match(None, "3"))],
        ),
        ("Task", "identifier=,1,", [anyof("identifier", Match(None, "1"))]),
        # #escaping: \, \| \$ \\
        ("Task", r"identifier=a\,b", [anyof("identifier", Match(None, "a,b"))]),
        ("Task", r"identifier=a\|b", [anyof("identifier", Match(None, "a|b"))]),
        ("Task", r"identifier=urn\|a|b\|c", [anyof("identifier", Match("urn|a", "b|c"))]),
        ("Task", r"identifier=\$1", [anyof("identifier", Match(None, "$1"))]),
        ("Task", r"identifier=a\\,b", [anyof("identifier", Match(None, "a\\"), Match(None, "b"))]),
        # Nothing else has a meaning.
        ("Task", "identifier=%25_\\'\";--", [anyof("identifier", Match(None, "%_\\'\";--"))]),
        # The system of a code element is implied by its binding: named, it must be that one; "no system" is then never so.
        ("Task", "status=requested", [anyof("status", Match(None, "requested"))]),
        ("Task", f"status={TASK_STATUS}|requested", [anyof("status", Match(None, "requested"))]),
        ("Task", f"status={TASK_STATUS}|", [anyof("status", Match())]),
        ("Task", "status=http://other|requested", [NOTHING]),
        ("Task", "status=http://other|a,requested", [anyof("status", Match(None, "requested"))]),
        ("Task", "status=|requested", [NOTHING]),
        # #modifiers: :not turns the whole parameter around, its alternatives together; :missing asks for any value
        (
            "Task",
            "status:not=completed,cancelled",
            [anyof("status", Match(None, "completed"), Match(None, "cancelled"), negated=True)],
        ),
        ("Task", "status:not=http://other|completed", []),
        ("Task", "owner:missing=true", [anyof("owner", Match(), negated=True)]),
        ("Task", "owner:missing=false", [anyof("owner", Match())]),
        ("Task", "authored-on:missing=false", [anyof("authored-on", Match())]),
        # #reference: id, Type/id, an address of ours or another's; the type as a modifier; by identifier
        ("Task", "subject=p1", [anyof("subject", Match(None, "p1"))]),
        ("Task", "subject=Patient/p1", [anyof("subject", Match("Patient", "p1"))]),
        ("Task", f"subject={BASE}/Patient/p1", [anyof("subject", Match("Patient", "p1"))]),
        ("Task", "subject:Patient=p1", [anyof("subject", Match("Patient", "p1"))]),
        ("Task", "subject:Patient=Patient/p1", [anyof("subject", Match("Patient", "p1"))]),
        ("Task", "owner:Organization=Practitioner/p1", [NOTHING]),
        (
            "Task",
            "subject=https://other.example/fhir/Patient/p1",
            [anyof("subject", Match(None, "https://other.example/fhir/Patient/p1"))],
        ),
        (
            "Task",
            "subject=urn:uuid:8b5a0c10-0000-4000-8000-000000000000",
            [anyof("subject", Match(None, "urn:uuid:8b5a0c10-0000-4000-8000-000000000000"))],
        ),
        ("Task", "subject=Patient/p1/_history/2", [anyof("subject", Match("Patient", "p1"))]),
        ("Task", "owner:identifier=urn:a|1", [anyof("owner:identifier", Match("urn:a", "1"))]),
        ("Task", "owner=Organization/1,Practitioner/2", [anyof("owner", Match("Organization", "1"), Match("Practitioner", "2"))]),
        # #string: from the beginning, whatever case and accents (å and ø are letters); :contains anywhere; :exact as it is
        ("Patient", "family=Ødegård", [anyof("family", Match(None, "ødegård", "prefix"))]),
        ("Patient", "family:contains=GÅRD", [anyof("family", Match(None, "gård", "contains"))]),
        ("Patient", "family:exact=Ødegård", [anyof("family", Match("Ødegård", "ødegård"))]),
        ("Patient", "family=André", [anyof("family", Match(None, "andre", "prefix"))]),
        ("Patient", "family=100%25_", [anyof("family", Match(None, "100%_", "prefix"))]),
        # #uri: as it is; :below and :above by whole steps of the path
        ("Task", "_profile=http://a.no/P", [anyof("_profile", Match(None, "http://a.no/P"))]),
        (
            "Task",
            "_profile:below=http://a.no/P/",
            [anyof("_profile", Match(None, "http://a.no/P"), Match(None, "http://a.no/P/", "prefix"))],
        ),
        (
            "Task",
            "_source:above=http://a.no/P/1",
            [
                anyof(
                    "_source",
                    *(Match(None, f"http://{one}{end}") for one in ("a.no", "a.no/P", "a.no/P/1") for end in ("", "/")),
                )
            ],
        ),
        # Parameters of every resource (resource.html#search)
        ("Task", "_id=a,b", [anyof("_id", Match(None, "a"), Match(None, "b"))]),
        ("Task", "_id:not=a", [anyof("_id", Match(None, "a"), negated=True)]),
        ("Task", "_id=%C3%A6", [NOTHING]),
        ("Task", "_tag=urn:t|x", [anyof("_tag", Match("urn:t", "x"))]),
        (
            "Task",
            "_lastUpdated=ge2026-11-21T10:00:00Z",
            [anyof("_lastUpdated", Match(low_from=datetime(2026, 11, 21, 10, tzinfo=UTC)))],
        ),
        # Ours: a Task's deadline is a date
        (
            "Task",
            "deadline=lt2026-11-21T10:00:00Z",
            [anyof("deadline", Match(low_before=datetime(2026, 11, 21, 10, tzinfo=UTC)))],
        ),
    ],
)
def test_a_parameter_asks_what_the_standard_says(type: str, query: str, clauses: list[Clause]) -> None:
    search = read(type, query)

    assert search.query == Query(type, tuple(clauses))
    assert search.kept == pairs_of(query)
    assert not search.ignored


# What an EPJ may write for a Norwegian code list; the store knows one of the three (docs of HL7 Norway on code systems).
@pytest.mark.parametrize(
    "system",
    [
        "urn:oid:2.16.578.1.12.4.1.1.9322",
        "http://helsedir.no/fhir/CodeSystem/no-kodeverk-9322",
        "https://finnkode.helsedirektoratet.no/adm/collections/9322",
    ],
)
def test_a_norwegian_code_list_is_found_by_each_of_its_names(system: str) -> None:
    (found,) = read("Observation", f"code={system}|A").query.clauses

    assert found == anyof("code", Match("urn:oid:2.16.578.1.12.4.1.1.9322", "A"))


PLAIN = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=12)


def escaped(text: str) -> str:
    """search.html#escaping: a backslash before `,`, `|`, `$` and itself."""
    return "".join(f"\\{one}" if one in ",|$\\" else one for one in text)


@given(st.lists(st.tuples(st.none() | PLAIN, PLAIN), min_size=1, max_size=5))
def test_whatever_is_escaped_arrives_as_it_was(tokens: list[tuple[str | None, str]]) -> None:
    value = ",".join(escaped(code) if system is None else f"{escaped(system)}|{escaped(code)}" for system, code in tokens)

    search = parse("Task", [("identifier", value)], base=BASE)

    assert search.query.clauses == (anyof("identifier", *(Match(system, code) for system, code in tokens)),)


@pytest.mark.parametrize(
    ("type", "query", "where"),
    [
        ("Task", "status:text=x", ["http.status"]),  # a modifier that we have not: search.html#modifiers has it refused
        ("Task", "status:exact=x", ["http.status"]),
        ("Task", "subject:Device=x", ["http.subject"]),
        ("Patient", "family:not=x", ["http.family"]),
        ("Task", "_id:missing=true", ["http._id"]),
        ("Task", "authored-on:not=2026", ["http.authored-on"]),
        ("Task", "status.name=x", ["http.status.name"]),  # a chain of what is no reference
        ("Task", "patient.owner=x", ["http.patient.owner"]),  # a Patient has no owner
        ("Patient", "_has:EpisodeOfCare:team:status=active", ["http._has:EpisodeOfCare:team:status"]),  # no Patient is a team
        ("Patient", "_has:Task:patient:colour=red", ["http._has:Task:patient:colour"]),
        ("Patient", "_has:Task:patient:_sort=status", ["http._has:Task:patient:_sort"]),
        ("Patient", "_has:Task:status=draft", ["http._has:Task:status"]),
        ("Patient", "_has=draft", ["http._has"]),
        ("Patient", "_has:Task:patient:status:text=x", ["http.status"]),
        ("Task", "owner:missing=yes", ["http.owner"]),
        ("Task", "identifier=|", ["http.identifier"]),
        ("Task", "subject=Patient/p1/x", ["http.subject"]),
        ("Task", "subject=a b", ["http.subject"]),
        ("Task", "authored-on=yesterday", ["http.authored-on"]),
        ("Task", "_profile:below=urn:uuid:1", ["http._profile"]),
        ("Task", "_id=a%00", ["http._id"]),
        ("Task", "_id=" + ",".join("a" * 501), ["http._id"]),
        ("Task", "_count=-1", ["http._count"]),
        ("Task", "_count=many", ["http._count"]),
        ("Task", "_count=1&_count=2", ["http._count"]),
        ("Task", "_count:not=1", ["http._count"]),
        ("Task", "_summary=short", ["http._summary"]),
        ("Task", "_total=about", ["http._total"]),
        ("Task", "_summary=true&_elements=status", ["http._elements"]),
        ("Task", "_summary=text&_include=Task:focus", ["http._include"]),  # search.html#summary
        ("Task", "_include:recurse=Task:focus", ["http._include"]),
        ("Task", "_sort=" + ",".join(["status"] * 6), ["http._sort"]),
        ("Task", "&".join(["_include=Task:focus"] * 31), ["http._include"]),
        (
            "Task",
            "authored-on=x&_count=y&subject=a b&status:of-type=z",
            ["http.authored-on", "http.subject", "http.status", "http._count"],
        ),
    ],
)
def test_what_cannot_be_understood_is_refused_all_of_it_at_once(type: str, query: str, where: list[str]) -> None:
    assert refused(type, query) == where


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("status=draft&colour=red", [("status", "draft")]),
        ("status=draft&colour:not=red", [("status", "draft")]),
        ("status=&identifier=,", []),  # no value
        ("_sort=colour,-status", [("_sort", "-status")]),
        ("_include=Task:colour", []),
        ("_include=Patient:organization", []),  # not of the type searched for
        ("_include=Task:patient:Endpoint", []),  # not what it points to
        ("_include=*", []),
        ("_revinclude=Provenance:agent", []),  # does not point to a Task
        ("_elements=status,colour", [("_elements", "status")]),
        ("_text=x&_content=x&_list=x", []),
    ],
)
def test_what_is_not_known_is_left_out_and_told_of_or_refused(query: str, kept: list[tuple[str, str]]) -> None:
    search = read("Task", query, strict=False)

    assert search.kept == kept
    assert {(one.severity, one.where) for one in search.ignored} == {
        ("warning", one) for one in refused("Task", query, strict=True)
    }


def test_the_result_is_given_as_asked() -> None:
    result = read(
        "Task",
        "_sort=status,-authored-on&_count=1000000000&_total=accurate&_elements=status,code&_include=Task:subject:Patient"
        "&_include:iterate=Patient:general-practitioner&_revinclude=Provenance:target&_format=json&_pretty=true",
    ).result

    assert (result.sort, result.count, result.total, result.summary) == (
        (("status", False), ("authored-on", True)),
        200,
        "accurate",
        "",
    )
    assert result.elements == ("status", "code")
    assert set(result.includes) == {
        Include("Task", "subject", "Patient"),
        Include("Patient", "general-practitioner", iterate=True),
        Include("Provenance", "target", reverse=True),
    }


@pytest.mark.parametrize(
    ("query", "count", "summary"),
    [("", 50, ""), ("_count=0", 0, ""), ("_count=7", 7, ""), ("_summary=count&_count=7", 0, ""), ("_summary=false", 50, "")]
    + [(f"_summary={form}", 50, form) for form in ("true", "text", "data")],
)
def test_pages_and_summaries(query: str, count: int, summary: str) -> None:
    result = read("Task", query).result

    assert (result.count, result.summary) == (count, summary)


def test_more_parameters_than_anyone_needs_are_refused() -> None:
    with pytest.raises(Problem):
        pairs_of("a=b&" * 101)

    assert len(pairs_of("&".join(["a=b"] * 100))) == 100


@pytest.mark.parametrize(
    "value",
    [
        "{n}",
        "urn:oid:2.16.578.1.12.4.1.4.1|{n}",
        "|{n}",
        "a,{n}",
        "a\\,{n}",
        "urn:oid:2.16.578.1.12.4.1.4.3|x",
        "2.16.578.1.12.4.1.4.3|x",
        "HNR|7",
        "a|b|{n}",
    ],
)
def test_a_persons_number_is_seen_in_any_form(value: str) -> None:
    number = make(12, 3, 1985, "female")

    assert names_person(value.format(n=number))
    assert names_person(value.format(n=f"{number[:6]} {number[6:]}"))
    assert read("Patient", f"identifier={value.format(n=number)}").private


@pytest.mark.parametrize(
    "value", ["urn:oid:2.16.578.1.12.4.1.4.101|999977774", "p1", "2026-11-21", "urn:oid:2.16.578.1.12.4.1.4.1|"]
)
def test_other_values_are_no_persons(value: str) -> None:
    assert not names_person(value)


@pytest.mark.parametrize(
    "text",
    [
        *("identifier=urn:a%7C1", "?identifier=urn:a%7C1", "Task?identifier=urn:a%7C1", "/Task?identifier=urn:a%7C1"),
        *(f"{BASE}/Task?identifier=urn:a%7C1", "https://other-name.example/fhir/Task?identifier=urn:a%7C1"),
    ],
)
def test_criteria_come_as_a_query_or_as_an_address(text: str) -> None:
    assert criteria(text, "Task", base=BASE) == [("identifier", "urn:a|1")]
    assert query_of("Task", criteria(text, "Task", base=BASE), base=BASE) == Query(
        "Task", (anyof("identifier", Match("urn:a", "1")),)
    )


def test_a_question_mark_may_stand_in_a_value() -> None:
    assert criteria("identifier=what?1=2", "Task", base=BASE) == [("identifier", "what?1=2")]


@pytest.mark.parametrize(
    "text", ["Patient?identifier=1", f"{BASE}/Patient?identifier=1", f"{BASE}/Task/1?identifier=1", "../Task?identifier=1"]
)
def test_criteria_of_something_else_are_refused(text: str) -> None:
    with pytest.raises(Problem):
        criteria(text, "Task", base=BASE)


@pytest.mark.parametrize(
    "text",
    ["", "?", "colour=red", "identifier=", "identifier=1&colour=red", "_sort=status", "identifier=1&_count=1", "patient.name=x"],
)
def test_criteria_that_leave_something_out_are_refused(text: str) -> None:
    with pytest.raises(Problem):
        query_of("Task", criteria(text, "Task", base=BASE), base=BASE)


def test_each_type_has_what_its_life_needs() -> None:
    assert {"owner", "status", "patient", "code", "identifier", "authored-on", "business-status", "deadline"} <= TYPES[
        "Task"
    ].keys()
    assert {"episode", "care-team"} <= TYPES["CarePlan"].keys()
    assert {"phase", "team", "incoming-referral"} <= TYPES["EpisodeOfCare"].keys()
    assert all(
        {"_id", "_lastUpdated", "_tag", "_profile", "_security", "_source"} <= parameters.keys() for parameters in TYPES.values()
    )
    assert {"Task:focus", "Task:patient", "Task:owner"} <= set(includes("Task"))
    assert {"Provenance:target", "Task:part-of"} <= set(revincludes("Task"))
    assert {"Organization", "identifier", "missing"} <= set(modifiers("Task", "owner"))
    assert len(TYPES) == 27


@pytest.mark.parametrize("module", [clauses, dates, results, search, shaping, types])
def test_the_examples_in_the_documentation_are_true(module: ModuleType) -> None:
    assert doctest.testmod(module).failed == 0
