"""What has not arrived, as the start page tells a person of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.http.real import HOSPITAL, WAITS, real_service
from tests.http.service import Service
from tests.serving import NOON
from tests.storage.things import a_row


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Service]:
    with real_service(tmp_path, partners=[WAITS]) as running:
        yield running


def put(here: Service, id: str, hub: str, state: str, age: timedelta) -> None:
    with here.store.write() as unit:
        unit.enqueue(a_row(id, hub=hub, state=state, created=NOON - age, tenant=HOSPITAL))


def told(here: Service) -> list[list[str]]:
    """The cells of the table, each without its markup; nothing where there is no table."""
    page = here.http.get("/").raise_for_status().text.partition("Not arrived")[2].partition("</section>")[0]
    rows = [re.findall(r"<td>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)]
    return [[re.sub(r"<[^>]+>", "", cell) for cell in row[:3]] for row in rows if row]


def test_the_start_page_tells_the_oldest_of_what_has_not_arrived_and_what_is_given_up_first(here: Service) -> None:
    put(here, "o1", "edi2", "waiting", timedelta(minutes=40))
    put(here, "o2", "edi2", "waiting", timedelta(minutes=5))
    put(here, "o3", "edi2", "unanswered", timedelta(days=2, hours=1))
    put(here, "o4", "municipality", "dead", timedelta(seconds=9))
    put(here, "o5", "municipality", "sent", timedelta(days=9))

    assert told(here) == [
        ["municipality", "given up", "under a minute"],
        ["edi2", "without AppRec", "2 d 1 h"],
        ["edi2", "not sent", "40 min"],
    ]
    page = here.http.get("/").text
    assert 'href="/deliveries?partner=municipality&amp;state=dead"' in page
    assert 'href="/deliveries?partner=edi2' not in page


def test_what_is_only_on_its_way_is_not_told_of(here: Service) -> None:
    put(here, "o1", "edi2", "waiting", timedelta(seconds=59))

    assert told(here) == []
    assert "Not arrived" not in here.http.get("/").text
