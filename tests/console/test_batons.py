"""Who holds the baton, as an operator sees it: a child's pathway in Vågå, whose municipality reads and answers at our interface.

What is to be seen follows from the municipality's page (under 16: the health station; after a no the coordinating unit) and from
the assignment's life. Days are the test's own clock's: 2026-06-01 is a Monday, and five working days later is the 8th.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from lxml import etree, html

from adapter.ports import Trouble
from adapter.sandbox.partner_answers import Coordinator, answered
from adapter.sandbox.walking import Walked, _complete, _outputs, document, referral
from adapter.sandbox.walks import WALKS, Answers, Walk
from adapter.usecases.see_batons import Others
from adapter.usecases.see_pathways import open_pathways
from adapter.usecases.sharing import Partner
from adapter.usecases.writing import draft
from tests.console.test_pathways import links, names, rows
from tests.http.real import HOSPITAL, real_service
from tests.http.service import Service
from tests.serving import NOON

XML, FHIR = {"Content-Type": "application/xml"}, {"Content-Type": "application/fhir+json"}
NUMBER = "319900306"
VAAGAA = {
    "name": "municipality",
    "base_url": "http://127.0.0.1:9/fhir",
    "organisation": NUMBER,
    "municipality": "3435",
    "mode": "wait",
}
MUNICIPALITY = {"X-Stafett-Organisation": NUMBER}
CHILD = next(walk for walk in WALKS if walk.name == "child-handed-over")
URN = "urn:ietf:rfc:3986|urn:uuid:"
WHO = Coordinator("Prøve", "Kommuneli", "+4700003201", "990000302")
# Words of FHIR that nobody but a tester is to read; "received" and "completed" are words of everybody.
NOT_FOR_PEOPLE = (
    r"\b(Task|CareTeam|EpisodeOfCare|Observation|CarePlan|resource|requested|in-progress|businessStatus|statusReason|Bundle)\b"
)


class Told:
    """A pathway under way in a service, and its municipality."""

    def __init__(self, here: Service, walk: Walk = CHILD, *, granted: bool = True) -> None:
        self.here, http = here, here.http
        today = date(2026, 6, 1)
        assert http.post("/messages", content=referral(walk, today), headers=XML).json()["state"] == "processed"
        (asked,) = entries(http.get("/fhir/ServiceRequest", params={"identifier": URN + document(walk)}).json())
        (episode,) = entries(http.get("/fhir/EpisodeOfCare", params={"incoming-referral": asked["id"]}).json())
        self.id = str(episode["id"])
        if granted:
            answer = _outputs(Answers(0, "waiting", outcome="1", limit=60), today)
            _complete(http, Walked(walk, self.id), "assess-referral", outputs=answer)

    def asked(self) -> dict[str, Any]:
        """What the municipality was asked last and has not answered."""
        said = {"group-identifier": URN + self.id, "status": "requested,received,accepted", "_count": "1"}
        (task,) = entries(self.here.http.get("/fhir/Task", params=said, headers=MUNICIPALITY).json())
        return task

    def answers(self, move: str, reason: str = "") -> None:
        task = self.asked()
        after = answered(task, move, self.here.clock.now(), reason=reason, coordinator=WHO)
        version = {"If-Match": f'W/"{task["meta"]["versionId"]}"'}
        done = self.here.http.put(f"/fhir/Task/{task['id']}", json=after, headers=MUNICIPALITY | FHIR | version)
        assert done.status_code == 200, done.text
        self.here.clock.moment += timedelta(days=1)

    def page(self) -> html.HtmlElement:
        return html.fromstring(self.here.http.get(f"/pathways/{self.id}").text)

    def facts(self) -> dict[str, str]:
        """The box on top of the page."""
        (box,) = self.page().xpath("//section[@class='held']/dl")
        said = [" ".join(" ".join(one.itertext()).split()) for one in box]
        return dict(zip(said[::2], said[1::2], strict=True))


def entries(bundle: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in bundle.get("entry", [])]


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    with real_service(tmp_path, partners=[VAAGAA]) as running:
        yield Told(running)


def stuck(page: html.HtmlElement) -> list[str]:
    return [" ".join(" ".join(one.itertext()).split()) for one in page.xpath("//ul[@class='stuck']/li")]


def test_who_is_asked_by_when_and_why_is_on_top(told: Told) -> None:
    facts = told.facts()

    assert facts["Has the baton"] == "Fjordheim sykehus HF"
    assert facts["Since"] == "2026-06-01"
    assert facts["The municipality"] == "is asked er spurt"
    assert (
        "The health station (Helsestasjonen) in Vågå answers whether it will coordinate"
        in facts["What happens next"] + facts["Then"]
    )
    assert "by 2026-06-08" in facts["What happens next"]
    assert "Pasienten er under 16 år" in told.page().text_content()


def test_a_no_a_yes_and_a_name_are_told_in_words_with_their_days(told: Told) -> None:
    told.answers("receive")  # 1 June, and each answer a day later
    told.answers("reject", reason="Ingen ledig på helsestasjonen.")
    told.answers("accept")
    yes = told.facts()["The municipality"]
    told.answers("name")
    page = told.page()
    asked = [row for row in rows(page) if row[0].startswith("To coordinate") and "Vågå" in row[1]]

    assert yes == "has said yes har sagt ja"
    assert [(row[2], row[4]) for row in asked] == [
        ("said no sagt nei", "2026-06-01 sent 2026-06-01 received 2026-06-02 said no: Ingen ledig på helsestasjonen."),
        (
            "coordinator named koordinator navngitt",
            "2026-06-02 sent 2026-06-03 said yes 2026-06-04 coordinator named",
        ),
    ]
    assert "The allocation office (Tildelingskontoret)" in asked[1][1]
    assert ["the municipality kommunen", "Vågå", "Prøve Kommuneli", "+4700003201", "2026-06-03", "still"] in rows(page)
    assert told.facts()["The municipality"] == "a coordinator is named koordinator er navngitt"


def test_a_coordinators_name_stands_on_the_pathways_own_page_alone(told: Told) -> None:
    told.answers("accept")
    told.answers("name")

    assert "Kommuneli" in told.page().text_content()
    for other in ("/pathways", f"/pathways/{told.id}/timeline.svg"):
        assert "Kommuneli" not in told.here.http.get(other).text


def test_no_page_names_the_patient(told: Told) -> None:
    told.answers("accept")
    told.answers("name")
    known = names(told.here) - {"990000302"}

    assert CHILD.person.number in known
    for path in ("/pathways", f"/pathways/{told.id}", f"/pathways/{told.id}/timeline.svg"):
        text = re.sub(r"https?://\S+", "", told.here.http.get(path).text)
        assert [name for name in known if name in text] == []


def test_silence_is_stuck_and_says_what_to_do(told: Told) -> None:
    assert stuck(html.fromstring(told.here.http.get("/pathways").text)) == []
    told.here.clock.moment += timedelta(days=8)
    page = html.fromstring(told.here.http.get("/pathways").text)
    first = page.xpath("//h2")[0].text

    assert first == "Stuck (1)"
    late = [one for one in stuck(page) if "Vågå" in one]
    assert len(late) == 1
    assert late[0].startswith("▲ The health station (Helsestasjonen) in Vågå did not answer by 2026-06-08")
    assert "Call those who were asked." in late[0]
    assert "Ring den som er spurt." in late[0]


def test_when_all_have_said_no_somebody_is_to_call(told: Told) -> None:
    told.answers("reject")
    told.answers("reject")

    assert any("Call the municipality" in one for one in stuck(told.page()))
    assert told.facts()["The municipality"] == "has said no har sagt nei"


def test_a_municipality_without_a_server_is_left_to_a_person(tmp_path: Path) -> None:
    with real_service(tmp_path, partners=[VAAGAA | {"municipality": "3434"}]) as running:
        here = Told(running)
        page = html.fromstring(running.http.get("/pathways").text)

        assert any("Call the municipality" in one for one in stuck(page))
        assert any("Call the municipality" in one for one in stuck(here.page()))


def test_the_pages_speak_no_fhir(told: Told) -> None:
    told.answers("accept")
    told.answers("name")
    for path in ("/pathways", f"/pathways/{told.id}"):
        page = html.fromstring(told.here.http.get(path).text)
        for part in [*page.xpath("//p[@class='testers']"), *page.xpath("//header")]:
            part.drop_tree()

        assert re.findall(NOT_FOR_PEOPLE, page.xpath("string(//main)")) == []


def test_every_link_leads_somewhere(told: Told) -> None:
    told.answers("accept")
    told.answers("name")
    for path in ("/pathways", f"/pathways/{told.id}"):
        for address in links(html.fromstring(told.here.http.get(path).text)):
            assert told.here.http.get(address).status_code == 200, address


def test_what_a_partner_writes_is_text_and_no_more_than_a_few_lines_of_it(told: Told) -> None:
    told.answers("reject", reason="<script>alert(1)</script>\u202e" + "x" * 5000)
    page = told.here.http.get(f"/pathways/{told.id}").text

    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "⟨U+202E⟩" in page
    assert "x" * 300 not in page
    assert "alert" not in told.here.http.get("/pathways").text


def test_the_timeline_shows_who_had_the_baton_and_who_was_asked(told: Told) -> None:
    told.answers("reject")
    told.answers("accept")
    told.answers("name")
    picture = etree.fromstring(told.here.http.get(f"/pathways/{told.id}/timeline.svg").content)
    said = [title.text for title in picture.iter("{http://www.w3.org/2000/svg}title")]

    assert "Fjordheim sykehus HF: 2026-06-01" in said
    assert "Helsestasjonen i Vågå sa nei: 2026-06-01 – 2026-06-01" in said
    assert "Tildelingskontoret (koordinerende enhet) i Vågå er spurt: 2026-06-01 – 2026-06-02" in said
    assert "Koordinator i Vågå: 2026-06-02" in said
    assert "Helsestasjonen i Vågå sa nei" in picture.findtext("{http://www.w3.org/2000/svg}desc", "")


def test_the_list_asks_the_store_no_more_questions_for_more_pathways(tmp_path: Path) -> None:
    def questions(here: Service) -> int:
        asked: list[str] = []

        class Counting:
            def __init__(self, unit: Any) -> None:
                self.unit = unit

            def __getattr__(self, name: str) -> Any:
                asked.append(name)
                return getattr(self.unit, name)

        others = Others([Partner("municipality", NUMBER, "")], frozenset({NUMBER}))
        with here.store.read() as unit:
            assert open_pathways(Counting(unit), others, ["319900101"], date(2026, 6, 1))  # type: ignore[arg-type]
        return len(asked)

    with real_service(tmp_path, partners=[VAAGAA]) as running:
        Told(running)
        one = questions(running)
        for walk in (one for one in WALKS if one.rules == "2025" and one is not CHILD):
            Told(running, walk)

        assert questions(running) == one


# --- what waits beside the pathways. By the kind of each trouble (`Trouble`), and where no pathway of the page tells of it.

REFUSED = Trouble(HOSPITAL, "municipality", "Task/never-kept", "foreign", "Task.for is another's.", "Task.for er en annens.", NOON)
SILENT = Trouble(HOSPITAL, "municipality", "Partner/municipality", "unreachable", "No answer.", "Intet svar.", NOON)


def waiting(here: Service, *troubles: Trouble) -> tuple[html.HtmlElement, list[list[str]]]:
    """The page of all pathways when these stand open, and what it says is waiting beside them."""
    with here.store.write() as unit:
        for one in troubles:
            unit.raise_trouble(one)
    page = html.fromstring(here.http.get("/pathways").text)
    (table,) = page.xpath("//table[contains(@class, 'waiting')]") or [None]
    return page, [] if table is None else rows(table)


def test_an_assignment_that_was_refused_when_it_began_at_a_partner_waits_for_a_person(told: Told) -> None:
    page, found = waiting(told.here, replace(REFUSED, since=NOON - timedelta(days=3)))
    ((since, where, what, _),) = found

    assert page.xpath("//h2")[0].text == "Also waiting (1)"
    assert page.xpath("//h2/following-sibling::p")[0].text == "Annet som venter"
    assert not page.xpath("//p[contains(., 'Nothing is stuck')]")
    assert (since, where) == ("2026-05-29", f"municipality {NUMBER}")
    assert what.startswith("▲ What stands there cannot be taken in here")
    assert "Call those whose server it is" in what
    assert "Ring dem som har serveren" in what


def test_what_a_pathway_of_the_page_tells_of_stands_with_it_alone(told: Told) -> None:
    """The municipality is asked about the pathway, so that its silence holds that one up."""
    asked = told.asked()["id"]
    page, found = waiting(told.here, SILENT, replace(REFUSED, about=f"Task/{asked}", kind="refused"))

    assert found == []
    assert page.xpath("//h2")[0].text == "Stuck (1)"
    assert sum(told in one for one in stuck(page) for told in ("No answer.", "Task.for is another's.")) == 2


def test_a_silent_server_of_which_nothing_is_awaited_is_told_of_once_with_its_own_words(tmp_path: Path) -> None:
    with real_service(tmp_path, others=["999999999"], partners=[VAAGAA]) as running:
        refused = replace(SILENT, kind="refused", since=NOON + timedelta(minutes=1))
        _, found = waiting(running, SILENT, replace(SILENT, tenant="999999999"), refused)

    assert len(found) == 2
    assert found[0][2].startswith("▲ The server does not answer")
    assert "stafett partner check" in found[0][2]
    assert found[1][2].startswith("▲ What is new there is not told to us")
    assert "ask those who run the server for access" in found[1][2]


def test_a_task_of_no_pathway_here_waits_with_what_was_asked_for_and_whom(tmp_path: Path) -> None:
    """Late answers have no partner of their own: it is its owner who is called."""
    late = Trouble(HOSPITAL, "", "Task/alone", "overdue", "No answer by 2026-05-29.", "Ikke besvart innen 2026-05-29.", NOON)
    with real_service(tmp_path, partners=[VAAGAA]) as running:
        there = Told(running).asked()
        body = there | {"id": "alone", "groupIdentifier": {"system": "urn:ietf:rfc:3986", "value": "urn:uuid:of-no-pathway"}}
        with running.store.write() as unit:
            unit.put(HOSPITAL, [draft("Task", "alone", body, running.base)], NOON)
        ((_, where, what, of),) = waiting(running, late)[1]

    assert where == f"municipality {NUMBER}"
    assert what.startswith("▲ There was no answer by the deadline")
    assert "Call those who were asked." in what
    assert of.startswith("To coordinate Være koordinator")


def test_what_waits_is_the_callers_own_and_over_when_it_is_settled(tmp_path: Path) -> None:
    with real_service(tmp_path, others=["999999999"], partners=[VAAGAA]) as running:
        assert len(waiting(running, REFUSED)[1]) == 1
        other = running.http.get("/pathways", headers={"X-Stafett-Organisation": "999999999"}).text
        with running.store.write() as unit:
            unit.settle(HOSPITAL, REFUSED.about, NOON)

        assert "Also waiting" not in other
        assert waiting(running)[1] == []


def test_what_waits_is_bounded_the_longest_first_also_behind_many_that_pathways_tell_of(told: Told) -> None:
    about = f"Task/{told.asked()['id']}"
    claimed = [replace(REFUSED, about=about, kind=f"kind-{n}", since=NOON - timedelta(days=9)) for n in range(120)]
    others = [replace(REFUSED, about=f"Task/{n}", since=NOON - timedelta(minutes=n)) for n in range(102)]
    page, found = waiting(told.here, *claimed, *others)

    assert [one.text for one in page.xpath("//h2")][:2] == ["Stuck (1)", "Also waiting (100+)"]
    assert len(found) == 100
    assert "there are more than these 100" in page.text_content()


def test_what_waits_is_told_without_fhir_a_number_or_markup_of_a_partner(told: Told) -> None:
    number = CHILD.person.number
    hostile = replace(REFUSED, en=f"<script>alert(1)</script>\u202e{number} Task.for " + "x" * 5000)
    page, found = waiting(told.here, hostile, replace(REFUSED, kind="of-tomorrow"))
    raw = told.here.http.get("/pathways").text
    for part in [*page.xpath("//p[@class='testers']"), *page.xpath("//header")]:
        part.drop_tree()

    assert "<script" not in raw
    assert "\u202e" not in raw
    assert "x" * 300 not in raw
    assert number not in raw
    assert re.findall(NOT_FOR_PEOPLE, page.xpath("string(//main)")) == []
    assert any(row[2].startswith("▲ Look into it.") for row in found)
