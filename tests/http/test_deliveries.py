"""Partners and deliveries as an operator sees them, and what is done about one that a partner refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapter.console.delivery_described import ABOUT, ALSO_DEAD_ID, DEAD_ID, LISTED, SENT_ID, shown_delivery
from adapter.ports import PartnerState, Trouble
from tests.http.real import HOSPITAL, VAAGAA, WAITS, real_service
from tests.http.service import Service
from tests.http.waiting_deliveries import CAUSE, WAITING_ID, changed, make
from tests.serving import NOON

pytestmark = pytest.mark.slow  # a whole installation for each

OTHERS = "999999999"
NOBODYS = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Service]:
    with real_service(tmp_path, others=[OTHERS], partners=[WAITS]) as running:
        make(running.store, changed("theirs", tenant=OTHERS), changed("apprec", kind="apprec", hub="folder"))
        yield running


def ids(here: Service, query: str = "", **headers: str) -> list[str]:
    return [one["id"] for one in here.http.get(f"/deliveries{query}", headers=headers).raise_for_status().json()["items"]]


def text(answer: Any) -> str:
    return str(answer.json()["issue"][0]["details"]["text"])


def test_deliveries_are_listed_newest_first_without_receipts(here: Service) -> None:
    assert ids(here) == ["theirs", WAITING_ID, ALSO_DEAD_ID, DEAD_ID, SENT_ID]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?state=dead", [ALSO_DEAD_ID, DEAD_ID]),
        ("?partner=nobody", []),
        (f"?partner=municipality&about={ABOUT}&state=sent", [SENT_ID]),
        ("?about=Task/other", []),
        (f"?cause={CAUSE}&state=sent", [SENT_ID]),
        (f"?cause={NOBODYS}", []),
        (f"?after={DEAD_ID}", [SENT_ID]),
        ("?limit=1", ["theirs"]),
    ],
)
def test_deliveries_are_found_by_partner_state_and_resource(here: Service, query: str, found: list[str]) -> None:
    assert ids(here, query) == found


def test_the_next_page_goes_on_where_this_one_ended_with_the_same_question(here: Service) -> None:
    first = here.http.get("/deliveries?partner=municipality&state=dead&limit=1").json()
    second = here.http.get(first["next"]).json()

    assert [one["id"] for page in (first, second) for one in page["items"]] == [ALSO_DEAD_ID, DEAD_ID]
    assert second["next"] is None


def test_a_delivery_is_shown_without_what_it_says(here: Service) -> None:
    (shown,) = here.http.get("/deliveries?state=sent").json()["items"]

    assert shown == {
        "id": SENT_ID,
        "partner": "municipality",
        "organisation": HOSPITAL,
        "kind": "share",
        "about": ABOUT,
        "state": "sent",
        "attempts": 1,
        "created": "2026-06-01T10:00:00Z",
        "nextAttempt": None,
        "why": "",
        "action": "",
        "earlier": None,
        "cause": CAUSE,
    }
    assert set(shown) == set(LISTED)


def test_what_the_partner_said_is_told_in_its_words_alone(here: Service) -> None:
    """No narrative, codings or extensions; on one line, and without what may be somebody's national number."""
    shown = here.http.get(f"/deliveries/{DEAD_ID}").json()

    assert shown["outcome"] == {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "error",
                "code": "invalid",
                "diagnostics": "of ***, <b>bold</b>",
                "details": {"text": "performerType is required"},
                "expression": ["Task.for"],
            }
        ],
    }
    assert (shown["why"], bool(shown["action"]), set(shown)) == ("Refused with 422.", True, set(shown_delivery()))


def test_an_organisation_sees_its_own_deliveries_alone(here: Service) -> None:
    assert ids(here, **{"X-Stafett-Organisation": OTHERS}) == ["theirs"]
    for method, path in (("GET", ""), ("POST", "/resend"), ("POST", "/dismiss")):
        answer = here.http.request(method, f"/deliveries/{DEAD_ID}{path}", headers={"X-Stafett-Organisation": OTHERS})
        unknown = here.http.request(method, f"/deliveries/{NOBODYS}{path}")
        assert (answer.status_code, answer.json()) == (404, unknown.json())


def test_a_receipt_is_no_delivery(here: Service) -> None:
    assert [
        here.http.request(method, "/deliveries/apprec" + path).status_code for method, path in (("GET", ""), ("POST", "/resend"))
    ] == [
        404,
        404,
    ]


def test_a_dead_delivery_is_sent_again_as_a_new_one_and_the_first_is_kept(here: Service) -> None:
    here.clock.moment += timedelta(hours=3)

    answer = here.http.post(f"/deliveries/{DEAD_ID}/resend")
    new = answer.json()

    assert answer.status_code == 202
    assert (new["state"], new["earlier"], new["attempts"], new["why"], new["outcome"]) == ("waiting", DEAD_ID, 0, "", None)
    assert new["created"] == "2026-06-01T13:00:00Z"
    first = here.http.get(f"/deliveries/{DEAD_ID}").json()
    assert (first["state"], first["again"], first["why"], bool(first["outcome"])) == (
        "dismissed",
        new["id"],
        "Refused with 422.",
        True,
    )
    assert here.http.get(f"/deliveries/{new['id']}").json() == new
    with here.store.read() as unit:
        row = unit.outgoing(new["id"])
    assert row == changed(new["id"], earlier=DEAD_ID, created=NOON + timedelta(hours=3))


def test_a_delivery_is_sent_again_once(here: Service) -> None:
    new = here.http.post(f"/deliveries/{DEAD_ID}/resend").json()["id"]

    answer = here.http.post(f"/deliveries/{DEAD_ID}/resend")

    assert answer.status_code == 409
    assert text(answer) == f"This was sent again already, as {new}: look at that delivery."
    assert len(ids(here)) == 6


def test_what_is_sent_again_and_refused_again_is_sent_again_in_its_turn(here: Service) -> None:
    second = here.http.post(f"/deliveries/{DEAD_ID}/resend").json()["id"]
    with here.store.write() as unit:
        row = unit.outgoing(second)
        assert row
        unit.change_outgoing(changed(second, state="dead", earlier=DEAD_ID, created=row.created))

    third = here.http.post(f"/deliveries/{second}/resend")

    assert (third.status_code, third.json()["earlier"]) == (202, second)
    assert here.http.get(f"/deliveries/{second}").json()["again"] == third.json()["id"]


def test_what_was_put_aside_may_be_sent_again_after_all(here: Service) -> None:
    assert here.http.post(f"/deliveries/{DEAD_ID}/dismiss").status_code == 202

    assert here.http.post(f"/deliveries/{DEAD_ID}/resend").status_code == 202


@pytest.mark.parametrize(("id", "state"), [(SENT_ID, "sent"), (WAITING_ID, "waiting")])
def test_what_is_sent_or_waits_is_neither_sent_again_nor_put_aside(here: Service, id: str, state: str) -> None:
    for path, done in (("resend", "sent again"), ("dismiss", "put aside")):
        answer = here.http.post(f"/deliveries/{id}/{path}")
        assert (answer.status_code, text(answer)) == (409, f"The delivery is {state}, and cannot be {done}.")


def test_what_is_put_aside_no_longer_waits_for_a_person(here: Service) -> None:
    before = here.http.get("/partners").json()["items"][0]["dead"]

    answer = here.http.post(f"/deliveries/{DEAD_ID}/dismiss")

    assert (answer.status_code, answer.json()["state"], answer.json()["action"]) == (202, "dismissed", "")
    assert (before, here.http.get("/partners").json()["items"][0]["dead"]) == (2, 1)
    assert here.http.post(f"/deliveries/{DEAD_ID}/dismiss").status_code == 409


def test_the_trouble_is_over_with_the_last_refused_delivery_that_is_put_aside(here: Service) -> None:
    refused = Trouble(HOSPITAL, "municipality", ABOUT, "refused", "It refused.", "Den avviste.", NOON)
    conflict = Trouble(HOSPITAL, "municipality", ABOUT, "conflict", "Both changed it.", "Begge endret den.", NOON)
    with here.store.write() as unit:
        unit.raise_trouble(refused)
        unit.raise_trouble(conflict)
    left = []

    for id in (DEAD_ID, ALSO_DEAD_ID):
        here.http.post(f"/deliveries/{id}/dismiss")
        with here.store.read() as unit:
            left.append(unit.troubles([HOSPITAL]))

    assert left == [[refused, conflict], [conflict]]


def partner(here: Service, state: PartnerState, **headers: str) -> dict[str, Any]:
    with here.store.write() as unit:
        unit.keep_partner_state(state)
    (one,) = here.http.get("/partners", headers=headers).json()["items"]
    return dict(one)


def test_a_partner_that_was_never_called_is_unknown(here: Service) -> None:
    assert here.http.get("/partners").json()["items"] == [
        {
            "name": "municipality",
            "organisation": VAAGAA,
            "mode": "wait",
            "state": "unknown",
            "reached": None,
            "failingSince": None,
            "pausedUntil": None,
            "heardUntil": None,
            "waiting": 2,
            "dead": 2,
            "troubles": 0,
        }
    ]


def test_a_partner_is_reached_failing_or_paused(here: Service) -> None:
    hour = timedelta(hours=1)
    reached = PartnerState("municipality", "push", reached=NOON - hour, heard=NOON - 2 * hour)
    failing = PartnerState("municipality", failures=2, failing_since=NOON - hour, reached=NOON - 2 * hour)
    paused = PartnerState("municipality", failures=9, failing_since=NOON - hour, open_until=NOON + hour)
    over = PartnerState("municipality", failures=9, failing_since=NOON - hour, open_until=NOON)

    shown = [partner(here, state) for state in (reached, failing, paused, over)]

    assert [one["state"] for one in shown] == ["reached", "failing", "paused", "failing"]
    assert [one["pausedUntil"] for one in shown] == [None, None, "2026-06-01T11:00:00Z", None]
    assert [one["failingSince"] for one in shown] == [None, *["2026-06-01T09:00:00Z"] * 3]
    assert (shown[0]["reached"], shown[0]["heardUntil"]) == ("2026-06-01T09:00:00Z", "2026-06-01T08:00:00Z")


def test_open_troubles_about_a_partner_are_counted_for_the_organisation_that_has_them(here: Service) -> None:
    about = Trouble(HOSPITAL, "municipality", "Task/one", "foreign", "Not ours.", "Ikke vår.", NOON)
    with here.store.write() as unit:
        for trouble in (about, replace(about, about="Task/two"), replace(about, tenant=OTHERS), replace(about, partner="gone")):
            unit.raise_trouble(trouble)
        unit.settle(HOSPITAL, "Task/two", NOON)

    assert partner(here, PartnerState("municipality"), **{"X-Stafett-Organisation": HOSPITAL})["troubles"] == 1


def test_each_organisation_sees_the_partner_with_its_own_deliveries_counted(here: Service) -> None:
    one = partner(here, PartnerState("municipality"), **{"X-Stafett-Organisation": OTHERS})

    assert (one["waiting"], one["dead"]) == (1, 0)


def test_a_guest_sees_no_more_than_its_own_server(tmp_path: Path) -> None:
    other = {**WAITS, "name": "another", "organisation": "319900312", "municipality": ""}
    with real_service(tmp_path, partners=[WAITS, other]) as running:
        seen = running.http.get("/partners", headers={"X-Stafett-Organisation": VAAGAA}).json()["items"]

    assert [one["name"] for one in seen] == ["municipality"]
