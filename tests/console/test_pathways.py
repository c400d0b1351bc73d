"""The pages of the pathways: what is due next, and one pathway with its timeline; nobody's name, and nobody else's pathway."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from urllib.parse import urljoin

import pytest
from lxml import etree, html

from adapter.hub.examples import GOOD, shown
from tests.http.real import real_service
from tests.http.service import Service

XML = {"Content-Type": "application/xml"}
REFERRAL = "ccdfd1c1-0956-516b-aa27-f5b0d1b8631e"  # the first example's, an adult's
DAYS = 20  # of working days and holidays: more than the ten that a referral is to be assessed in


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that has taken in a few referrals, and nothing more."""
    with real_service(tmp_path_factory.mktemp("pathways")) as running:
        for example in shown(GOOD):
            assert running.http.post("/messages", content=example.xml.encode(), headers=XML).json()["state"] == "processed"
        yield running


@pytest.fixture(scope="module")
def id(here: Service) -> str:
    bundle = here.http.get("/fhir/EpisodeOfCare", params={"incoming-referral": REFERRAL}).json()
    return str(bundle["entry"][0]["resource"]["id"])


def links(page: html.HtmlElement) -> set[str]:
    return {a.get("href") for a in page.iter("a")} - {"#content"}


def names(here: Service) -> set[str]:
    """What would tell who somebody is: family names and numbers of all persons."""
    found = set()
    for type in ("Patient", "RelatedPerson", "Practitioner"):
        for entry in here.http.get(f"/fhir/{type}?_count=200").json().get("entry", []):
            found |= {name["family"] for name in entry["resource"].get("name", []) if "family" in name}
            found |= {one["value"] for one in entry["resource"].get("identifier", [])}
    return found


def rows(page: html.HtmlElement) -> list[list[str]]:
    """Every row of every table, as it reads."""
    found = [[" ".join(" ".join(cell.itertext()).split()) for cell in row.iter("td")] for row in page.iter("tr")]
    return [row for row in found if row]


def test_the_open_pathways_are_listed_with_who_has_them_and_what_is_next(here: Service, id: str) -> None:
    answer = here.http.get("/pathways")
    page = html.fromstring(answer.text)

    assert len(rows(page)) == 3
    assert {row[1] for row in rows(page)} == {"Fjordheim sykehus HF"}
    # received Monday 2026-06-01, and ten working days later is Monday 2026-06-15
    (mine,) = [row for row in page.iter("tr") if f"/pathways/{id}" in row.xpath(".//a/@href")]
    assert [" ".join(cell.text_content().split()) for cell in mine.iter("td")] == [
        "D11 Utredning og behandling i psykisk helsevern, voksneHenvist · 2025",
        *(
            "Fjordheim sykehus HF",
            "2026-06-01",
            "Assess the referralVurdere henvisningenby 2026-06-15",
            "is not askeder ikke spurt",
        ),
    ]
    assert "overdue" not in answer.text
    assert "Nothing is stuck." in page.text_content()


def test_a_pathway_whose_time_is_over_is_said_to_be_so(tmp_path: Path) -> None:
    with real_service(tmp_path) as later:
        later.http.post("/messages", content=shown(GOOD)[0].xml.encode(), headers=XML)
        later.clock.moment += timedelta(days=DAYS)
        page = later.http.get("/pathways").text
        one = html.fromstring(page).xpath("//td/a[starts-with(@href, '/pathways/')]/@href")[0]

        assert "▲ overdue" in html.fromstring(page).text_content()
        assert "▲ Frist brutt" in html.fromstring(later.http.get(one).text).text_content()


def test_every_link_of_the_pages_leads_somewhere(here: Service, id: str) -> None:
    for path in ("/pathways", f"/pathways/{id}"):
        for address in links(html.fromstring(here.http.get(path).text)):
            assert here.http.get(urljoin(path, address)).status_code == 200, address


def test_a_pathways_page_tells_of_it_in_tables_beside_the_picture(here: Service, id: str) -> None:
    page = html.fromstring(here.http.get(f"/pathways/{id}").text)
    said = page.text_content()
    (picture,) = (img for img in page.iter("img"))

    assert picture.get("src") == f"/pathways/{id}/timeline.svg"
    assert "Henvist" in picture.get("alt", "")
    assert [h.text for h in page.iter("h2")] == [
        *("Hand-overs", "Asked of others", "Coordinators", "The municipal coordinator's tasks"),
        *("Events", "Time limits", "Duties", "Findings", "For testers"),
    ]
    assert "Vurdere henvisningen" in said
    assert "10 working days" in said
    assert f"/fhir/EpisodeOfCare/{id}" in links(page)


def test_the_picture_is_safe_to_open_by_itself(here: Service, id: str) -> None:
    answer = here.http.get(f"/pathways/{id}/timeline.svg")
    picture = etree.fromstring(answer.content)
    (style,) = picture.iter("{http://www.w3.org/2000/svg}style")
    digest = b64encode(sha256((style.text or "").encode()).digest()).decode()

    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; ")
    assert f"style-src 'sha256-{digest}'" in answer.headers["content-security-policy"]


def test_no_page_names_anybody(here: Service, id: str) -> None:
    assert len(known := names(here)) > 10
    for path in ("/pathways", f"/pathways/{id}", f"/pathways/{id}/timeline.svg"):
        text = re.sub(r"https?://\S+", "", here.http.get(path).text)
        assert [name for name in known if name in text] == []


def test_a_pathway_that_is_none_has_no_page(here: Service) -> None:
    nothing = "00000000-0000-4000-8000-000000000000"
    patient = here.http.get("/fhir/Patient").json()["entry"][0]["resource"]["id"]
    for wrong in (nothing, "x", "%00", patient, "a" * 500):
        for what in ("", "/timeline.svg"):
            answer = here.http.get(f"/pathways/{wrong}{what}")
            assert (answer.status_code, answer.json()["resourceType"]) == (404, "OperationOutcome")


def test_another_organisations_pathway_is_not_there(tmp_path: Path) -> None:
    with real_service(tmp_path, others=("312232324",)) as shared:
        shared.http.post("/messages", content=shown(GOOD)[0].xml.encode(), headers=XML)
        (one,) = html.fromstring(shared.http.get("/pathways").text).xpath("//td/a[starts-with(@href, '/pathways/')]/@href")
        other = {"X-Stafett-Organisation": "312232324"}

        assert "None is open." in shared.http.get("/pathways", headers=other).text
        for path in (one, f"{one}/timeline.svg"):
            assert (shared.http.get(path).status_code, shared.http.get(path, headers=other).status_code) == (200, 404)
