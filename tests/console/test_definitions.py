"""The pages of definitions: one for each, whole and readable, with links that lead somewhere and nothing from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from urllib.parse import urldefrag

import pytest
from lxml import html

from adapter.console.published import definitions, examples, snapshot
from tests.console.test_pages import OUTSIDE
from tests.http.service import Service, service

NAMES = [*definitions(), *examples()]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("pages")) as running:
        yield running


@pytest.fixture(scope="module")
def pages(here: Service) -> dict[str, Any]:
    """Address -> page, of the list and of all that it leads to."""
    paths = ["/profiles", *(f"/profiles/{name.removeprefix('StructureDefinition-')}" for name in NAMES)]
    found = {}
    for path in paths:
        answer = here.http.get(path)
        assert (path, answer.status_code) == (path, 200)
        assert OUTSIDE.findall(answer.text) == []
        found[path] = html.fromstring(answer.text)
    return found


def rows(page: Any, caption: str) -> list[list[str]]:
    """The cells of a table, by its caption, with their white space made one."""
    (table,) = [t for t in page.iter("table") if t.findtext("caption") == caption]
    return [
        [" ".join(" ".join(cell.itertext()).split()) for cell in row.iter("td")]
        for row in table.iter("tr")
        if row.find("td") is not None
    ]


def test_every_link_between_them_leads_to_a_page_and_a_place_on_it(pages: dict[str, Any], here: Service) -> None:
    links = {(path, a.get("href")) for path, page in pages.items() for a in page.find(".//main").iter("a")}
    inside = {(at or path, place) for path, href in links for at, place in [urldefrag(href)]}
    beside = {at for at, _ in inside} - set(pages)

    assert len(links) > 1000
    assert {at for at in beside if here.http.get(at).status_code != 200} == set()
    assert [(at, place) for at, place in inside if place and at in pages and not pages[at].xpath(f"//*[@id='{place}']")] == []


def test_the_list_leads_to_every_definition_and_example(pages: dict[str, Any]) -> None:
    assert {a.get("href") for a in pages["/profiles"].find(".//main").iter("a")} >= set(pages) - {"/profiles"}


def test_a_page_can_be_read_by_who_does_not_see_it(pages: dict[str, Any]) -> None:
    """WCAG 2.2: one heading of the first order, none left out below it, tables with headings and names, ids once, a language."""
    for path, page in pages.items():
        orders = [int(one.tag[1]) for one in page.iter("h1", "h2", "h3")]
        assert orders[0] == 1, path
        assert orders.count(1) == 1, path
        assert all(after <= before + 1 for before, after in pairwise(orders)), path
        assert page.get("lang") == "en", path
        ids = [one.get("id") for one in page.iter() if one.get("id")]
        assert len(ids) == len(set(ids)), path
        for table in page.iter("table"):
            heads = len(table.find("thead").findall(".//th[@scope='col']"))
            assert table.findtext("caption"), path
            assert {len(row.findall("td")) for row in table.find("tbody")} <= {heads}, path


def test_an_event_is_told_as_its_shorthand_has_it(pages: dict[str, Any]) -> None:
    """By profiles/input/fsh/pathway-event.fsh, read by hand."""
    told = {row[0]: row[2:] for row in rows(pages["/profiles/pathway-event"], "What it says")}

    assert told["effective[x]"] == ["1..1", "mandatory", "dateTime", ""]
    assert told["focus"] == ["0..1", "", "Reference to EpisodeOfCare", ""]
    assert told["status"] == ["1..1", "mandatory modifier", "code", "required: pathway-event-status final entered-in-error"]
    assert told["component : severity"] == ["0..1", "", "BackboneElement", ""]
    assert "category" not in told  # of R4, and left as it is
    rules = rows(pages["/profiles/pathway-event"], "Rules between elements; each leads to an example")
    assert [row[0] for row in rules] == [f"event-{number}" for number in range(1, 8)]
    assert rules[6][1:3] == ["The event's date is known to the day", "Hendelsens dato er kjent på dagen"]
    everything = rows(pages["/profiles/pathway-event"], "The snapshot")
    assert len(everything) == len(snapshot("StructureDefinition-pathway-event"))


def test_a_profile_tells_the_rules_and_elements_of_that_which_it_derives_from(pages: dict[str, Any]) -> None:
    """assignment-task derives from shared-task, which has assign-1 and `businessStatus`, and that from pathway-task with task-1."""
    page = pages["/profiles/assignment-task"]
    keys = {row[0] for row in rows(page, "Rules between elements; each leads to an example")}

    assert keys == {"task-1", *(f"assign-{number}" for number in range(1, 7))}
    assert "restriction" in {row[0] for row in rows(page, "What it says")}


def test_codes_maps_searches_and_operations_are_told(pages: dict[str, Any]) -> None:
    severity = rows(pages["/profiles/CodeSystem-severity"], "2 codes")
    gender = rows(pages["/profiles/ConceptMap-gender"], "Each code and what it becomes")

    assert severity == [["severe", "Alvorlig", "Severe"], ["less-severe", "Mindre alvorlig", "Less severe"]]
    assert ["2", "female", "equivalent", ""] in gender
    assert ["M", "Første fremmøte i pakkeforløpet", "no-kodeverk-9322"] in rows(
        pages["/profiles/ValueSet-awaited-event"], "3 codes"
    )
    assert "Task?deadline=" in pages["/profiles/SearchParameter-Task-deadline"].text_content()
    assert "/EpisodeOfCare/{id}/$findings" in pages["/profiles/OperationDefinition-EpisodeOfCare-findings"].text_content()


def test_a_column_that_no_code_fills_is_left_out(pages: dict[str, Any]) -> None:
    """9322 has names in Norwegian alone; our own phases have all four."""
    heads = {
        name: [cell.text_content() for cell in pages[f"/profiles/CodeSystem-{name}"].iter("th")]
        for name in ("no-kodeverk-9322", "pathway-phase")
    }
    assert heads["no-kodeverk-9322"] == ["Code", "In Norwegian"]
    assert heads["pathway-phase"][:2] == ["Code", "In Norwegian"]
    assert len(heads["pathway-phase"]) > 2


def test_a_measure_tells_who_is_counted_and_among_whom(pages: dict[str, Any]) -> None:
    """https://hl7.org/fhir/R4/valueset-measure-population.html; the words are mappings/resources/measure.py's."""
    refused = dict(rows(pages["/profiles/Measure-right-refused"], "Populations"))

    assert refused["numerator"] == "Of these, those where the right to care was refused."
    assert list(refused) == ["denominator", "numerator"]


def test_an_extension_tells_where_it_stands_who_uses_it_and_shows_an_example(pages: dict[str, Any]) -> None:
    page = pages["/profiles/pathway-phase"]
    links = {a.get("href") for a in page.find(".//main").iter("a")}

    assert "EpisodeOfCare" in page.findtext(".//dl/dd/code") or "EpisodeOfCare" in page.find(".//dl").text_content()
    assert {"/profiles/pathway", "/profiles/EpisodeOfCare-pathway"} <= links


def test_each_is_given_as_fhir_too(here: Service) -> None:
    for name in ("StructureDefinition-pathway", "ValueSet-severity", "Task-assess-1"):
        answer = here.http.get(f"/profiles/{name.removeprefix('StructureDefinition-')}.json")

        assert answer.headers["content-type"] == "application/fhir+json"
        assert json.loads(answer.content) == {**definitions(), **examples()}[name]


@pytest.mark.parametrize("name", ["nope", ".json", "StructureDefinition-", "%00", "pathway.json.json"])
def test_what_is_not_published_is_not_found(here: Service, name: str) -> None:
    answer = here.http.get(f"/profiles/{name}")

    assert (answer.status_code, answer.json()["resourceType"]) == (404, "OperationOutcome")
