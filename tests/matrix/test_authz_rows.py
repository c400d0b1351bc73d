"""The rows of the table of bad inputs about who may see what, each by itself and by its own words; the matrix has them all."""

from __future__ import annotations

from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.matrix.asking import Request, alike
from tests.matrix.instances import FNR, identifier
from tests.matrix.recipes import included, offers
from tests.matrix.world import BLOCKED, REFUSED, World

pytestmark = pytest.mark.slow


def test_b079_what_is_anothers_is_read_as_what_is_missing(world: World) -> None:
    """Each status, header and byte of a read, a vread and a history; `test_timing` has how long they take."""
    for reader in REFUSED:
        for path in ("", "/_history", "/_history/1"):
            for type in ("Patient", "Task", "Observation", "Binary"):
                there, none = world.seen[reader].ids[type], str(uuid4())
                answers = [world.ask(reader, Request("GET", f"{type}/{id}{path}")) for id in (there, none)]
                assert [answer.status_code for answer in answers] == [404, 404], (reader, type, path)
                assert alike(answers[0], {}) == alike(answers[1], {}), (reader, type, path)
                assert there not in answers[0].text


def test_b080_nothing_hidden_is_included_or_counted(world: World) -> None:
    offered = offers(world.types())
    for reader in ("other", *BLOCKED):
        names = world.seen[reader]
        for type in ("Task", "Observation", "CarePlan", "Provenance", "Consent", "Communication"):
            for word, some in (("_include", "searchInclude"), ("_revinclude", "searchRevInclude")):
                for suffix in ("", ":iterate"):
                    asked = "&".join(f"{word}{suffix}={one}" for one in offered[type].said[some][:30])
                    answer = world.ask(reader, Request("GET", f"{type}?_id={names.bridge[type]}&_total=accurate&{asked}"))
                    assert answer.json()["total"] == 1
                    assert not included(answer) & world.everything, (reader, type, word)
        # What the hospital owns is there for all its people, but leads to no hidden record.
        if reader in BLOCKED:
            who = f"Practitioner?_id={names.ids['Practitioner']}&_revinclude=Task:requester&_revinclude=Flag:author"
            assert not included(world.ask(reader, Request("GET", who))) & world.everything


def test_b081_no_chain_answers_yes_or_no_about_a_hidden_record(world: World) -> None:
    """The two answers that an oracle would tell apart: of a property that the hidden record has, and of one that it has not."""
    for reader in ("other", *BLOCKED):
        names = world.seen[reader]
        for chain in ("focus:CarePlan.status=active", "focus:CarePlan.status=revoked", "part-of:Task.status=requested"):
            found = world.ask(reader, Request("GET", f"Task?_id={names.bridge['Task']}&{chain}")).json()
            assert (found["total"], "entry" in found) == (0, False), (reader, chain)
        for status in ("requested", "completed"):
            asked = Request("GET", f"Patient?_id={names.ids['Patient']}&_has:Task:patient:status={status}")
            assert world.ask(reader, asked).json()["total"] == 0, (reader, status)
            assert world.ask(reader, has_task(names.links["Practitioner"], status)).json()["total"] == 0, (reader, status)
    # Whose Task it is refers to a Practitioner, who is there for all who act for the hospital.
    assert world.ask("own", has_task(world.seen["own"].links["Practitioner"], "requested")).json()["total"] == 1
    own = world.seen["own"].bridge["Task"]
    found = world.ask("own", Request("GET", f"Task?_id={own}&focus:CarePlan.status=active")).json()
    assert found["total"] == 1  # who may see the record sees what it leads to


def has_task(practitioner: str, status: str) -> Request:
    return Request("GET", f"Practitioner?_id={practitioner}&_has:Task:requester:status={status}")


def test_b082_no_total_link_or_condition_tells_what_there_is(world: World) -> None:
    for reader in REFUSED:
        names = world.seen[reader]
        number = f"identifier={quote(f'{FNR}|{names.number}')}"
        counted = world.ask(reader, Request("POST", "Patient/_search", form=f"{number}&_total=accurate&_summary=count"))
        assert (counted.json()["total"], [link["relation"] for link in counted.json()["link"]]) == (0, ["self"])

        for headers in ({"If-None-Match": 'W/"1"'}, {"If-Modified-Since": "Fri, 01 Jan 2027 00:00:00 GMT"}):
            answer = world.ask(reader, Request("GET", names.patient, headers))
            assert (answer.status_code, "etag" in answer.headers, "last-modified" in answer.headers) == (404, False, False)

        for match in ('W/"1"', 'W/"99"', "*"):
            answer = world.ask(reader, Request("PUT", names.patient, {"If-Match": match}, names.body("Patient")))
            absent = {**names.body("Patient"), "id": str(uuid4())}
            none = world.ask(reader, Request("PUT", f"Patient/{absent['id']}", {"If-Match": match}, absent))
            assert alike(answer, {}) == alike(none, {})

        unless = {"If-None-Exist": f"identifier={identifier('Flag', names.name)}"}
        new = {"resourceType": "Flag", "status": "active", "code": {"text": "Prøve"}, "subject": {"display": "Prøve"}}
        made = world.ask(reader, Request("POST", "Flag", unless, new))
        assert made.status_code == (403 if reader == "guest" else 201)  # a guest creates nothing at all


def test_b083_a_link_of_a_page_is_followed_by_who_got_it_alone(world: World) -> None:
    """Another organisation, one whom a patient blocks, another client, the same with other rights: to all it is as forged."""
    page = world.ask("own", Request("GET", "Task?_count=1")).json()
    history = world.ask("own", Request("GET", "Task/_history?_count=1")).json()
    for first in (page, history):
        link = next(link["url"] for link in first["link"] if link["relation"] == "next").partition("/fhir/")[2]
        forged = link.replace("_page=", "_page=A")
        for reader in ("other", "guest", "unit", "nurse", "colleague", "narrow"):
            answer, none = (world.ask(reader, Request("GET", one)) for one in (link, forged))
            assert answer.status_code == 404, (reader, link)
            assert alike(answer, {})[0::2] == alike(none, {})[0::2]
        assert world.ask("own", Request("GET", link)).status_code == 200
