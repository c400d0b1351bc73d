"""The whole installation with somebody at a browser: what a session opens, what it does not, and what is written down of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from joserfc.jwk import ECKey
from lxml import html
from msgspec.json import encode
from sqlalchemy import text
from starlette.datastructures import Headers

from adapter.ports import Delivery, Follower, FollowerState
from adapter.security.sessions import HPR, PID, Sessions
from adapter.settings import HelseID, LoginSettings, Operator, Organisation, Settings, StoreSettings
from adapter.usecases.followers import Wanted
from adapter.wiring import Services, SystemClock, build
from tests.http.service import service
from tests.national_numbers import make as a_number
from tests.security.at_browser import HOSPITAL, MUNICIPALITY, Browser
from tests.serving import served

pytestmark = pytest.mark.slow  # a whole installation for each

ISSUER = "http://127.0.0.1:1"  # nobody answers there
NUMBER = a_number(12, 3, 1985, "female")
OPERATORS = (Operator(value="kari", organisations=(HOSPITAL,)), Operator(value="all", organisations=(HOSPITAL, MUNICIPALITY)))
FHIR = "application/fhir+json"
TRANSACTION = (
    b'{"resourceType":"Bundle","type":"transaction","entry":[{"resource":{"resourceType":"Task","status":"draft","intent":"order"},'
    b'"request":{"method":"POST","url":"Task"}}]}'
)


@dataclass
class World:
    base: str
    services: Services
    sessions: Sessions

    def browser(self, subject: str = "all") -> Browser:
        claims = {"iss": ISSUER, "sub": subject, "name": "Kari Lege", HPR: "9144900", PID: NUMBER}
        made = Browser()
        made.cookies[self.base.removeprefix("http://")] = {"stafett": self.sessions.begin(claims, Headers({}))}
        return made


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    (tmp_path / "key.jwk").write_text(json.dumps(ECKey.generate_key("P-256").as_dict(private=True)))
    made: list[World] = []

    def make(base: str) -> FastAPI:
        settings = Settings(
            public_base=base,
            auth="helseid",
            store=StoreSettings(url=f"sqlite:///{tmp_path}/store.db"),
            organisation=(
                Organisation(number=HOSPITAL, name="A hospital"),
                Organisation(number=MUNICIPALITY, name="A municipality", kind="municipality", municipality="4601"),
            ),
            helseid=HelseID(issuer=ISSUER, audience="nhn:pakkeforlop"),
            login=LoginSettings(issuer=ISSUER, client_id="stafett", key_file=tmp_path / "key.jwk"),
            operator=OPERATORS,
        )
        services = build(settings)
        numbers = [HOSPITAL, MUNICIPALITY]
        sessions = Sessions(services.store, SystemClock(), settings.login, OPERATORS, numbers, secure=False)
        made.append(World(base, services, sessions))
        return services.app

    with served(make):
        yield made[0]
    made[0].services.close()


def token_of(page: httpx.Response) -> str:
    return str(html.fromstring(page.text).forms[0].fields["csrf"])


@pytest.mark.parametrize(
    "path", ["/", "/pathways", "/partners", "/deliveries", "/subscriptions", "/messages", "/fhir/Task", "/fhir/Patient?_count=1"]
)
def test_what_pages_need_is_open_to_whoever_is_logged_in_and_to_nobody_else(world: World, path: str) -> None:
    stranger = Browser()

    assert world.browser().get(world.base + path).status_code == 200
    assert stranger.send("GET", world.base + path).headers["location"].startswith("/login?back=/")
    assert stranger.send("GET", world.base + path, {"accept": "application/json"}).status_code == 401


def test_the_pages_say_who_is_logged_in_and_the_way_out_works(world: World) -> None:
    browser = world.browser()
    page = browser.get(world.base)
    assert "Kari Lege" in page.text
    assert NUMBER not in page.text

    assert "You are logged out" in browser.submit(page, to="/logout").text
    assert browser.send("GET", world.base).headers["location"] == "/login?back=/"


def waiting(world: World) -> str:
    """The id of a message that nobody could read: it came for nobody, and waits for a person."""
    delivery = Delivery(b"<x/>", datetime(2026, 6, 1, 10, 0, tzinfo=UTC), "http")
    return world.services.reception.receive(delivery).message.id


def test_what_waits_for_a_person_is_put_aside_from_its_page(world: World) -> None:
    id, browser = waiting(world), world.browser()

    put_aside = browser.submit(browser.get(f"{world.base}/console/messages/{id}"), to="/dismiss")

    assert (put_aside.status_code, str(put_aside.url)) == (200, f"{world.base}/console/messages/{id}")
    assert "put aside" in put_aside.text


def test_a_subscription_is_turned_off_from_its_page_and_by_no_other_form(world: World) -> None:
    browser, asked = world.browser(), encode(Wanted(topic="task-change", endpoint="https://epj.example/hook"))
    with world.services.store.write() as unit:
        unit.keep_follower(Follower(HOSPITAL, "s1", "Task", "active", asked))
        unit.keep_follower_state(FollowerState(HOSPITAL, "s1", datetime(2026, 6, 1, tzinfo=UTC)))
    page = f"{world.base}/subscriptions/s1"
    wrong = token_of(world.browser().get(world.base))  # of another session of the same person's

    assert browser.send("POST", f"{page}/off", data={"csrf": wrong}).status_code == 403
    assert "✓" in browser.get(page).text
    turned = browser.submit(browser.get(page), to="/off")
    assert (turned.status_code, str(turned.url)) == (200, page)
    assert "Ask the endpoint again now" not in turned.text
    assert "Turn off" not in turned.text


def test_whoever_may_not_see_what_came_for_nobody_cannot_put_it_aside_either(world: World) -> None:
    id, browser = waiting(world), world.browser("kari")
    token = token_of(browser.get(world.base))

    assert browser.get(f"{world.base}/console/messages/{id}").status_code == 404
    assert browser.send("POST", f"{world.base}/console/messages/{id}/dismiss", data={"csrf": token}).status_code == 404
    assert "put aside" not in world.browser().get(f"{world.base}/console/messages/{id}").text


@pytest.mark.parametrize("path", ["/console/messages/{}/dismiss", "/messages/{}/dismiss", "/messages/{}/retry", "/messages"])
def test_nothing_is_changed_for_whoever_cannot_show_the_sessions_token(world: World, path: str) -> None:
    id, browser = waiting(world), world.browser()
    token = token_of(world.browser().get(world.base))  # of another session of the same person's

    for sent in ({}, {"data": {"csrf": token}}, {"content": b"<x/>", "headers": {"content-type": "application/xml"}}):
        assert browser.send("POST", world.base + path.format(id), **sent).status_code == 403  # type: ignore[arg-type]
    assert "put aside" not in browser.get(f"{world.base}/console/messages/{id}").text


def test_a_page_of_another_site_is_turned_away_even_with_the_token(world: World) -> None:
    browser = world.browser()
    token = token_of(browser.get(world.base))

    for headers in ({"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "https://evil.example"}):
        assert browser.send("POST", f"{world.base}/logout", headers, data={"csrf": token}).status_code == 403
    assert browser.get(world.base).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/fhir/Task"), ("PUT", "/fhir/Task/1"), ("POST", "/fhir"), ("PATCH", "/fhir/Task/1")]
)
def test_a_session_writes_nothing_to_fhir(world: World, method: str, path: str) -> None:
    browser = world.browser()
    token = token_of(browser.get(world.base))
    bodies = {"PATCH": (b"[]", "application/json-patch+json"), "/fhir": (TRANSACTION, FHIR)}
    body, kind = bodies.get(method) or bodies.get(path) or (b'{"resourceType":"Task","id":"1"}', FHIR)
    sent = {"content-type": kind, "accept": FHIR}

    for with_token in ({}, {"x-stafett-form": token}):
        assert browser.send(method, world.base + path, {**sent, **with_token}, content=body).status_code == 403
    assert browser.send(method, world.base + path, data={"csrf": token}).status_code in (403, 415)


def test_what_is_tried_at_the_console_goes_with_the_session(world: World) -> None:
    """Messages are sent and looked at, resources looked for and judged; the script there shows the session's token."""
    browser, another = world.browser(), world.browser()
    place = html.fromstring(browser.get(f"{world.base}/docs").text).get_element_by_id("console").get("data-token")
    token = browser.send("GET", world.base + str(place), {"accept": "text/plain"}).text
    assert token == token_of(browser.get(world.base))

    def post(path: str, kind: str, body: bytes, shown: str) -> int:
        said = {"content-type": kind, "accept": FHIR, "x-stafett-form": shown}
        return browser.send("POST", world.base + path, said, content=body).status_code

    task = b'{"resourceType":"Task","status":"draft","intent":"order"}'
    tried = [
        ("/messages", "application/xml", b"<x/>", 201),
        ("/translate", "application/xml", b"<x/>", 422),
        ("/fhir/Task/_search", "application/x-www-form-urlencoded", b"status=draft", 200),
        ("/fhir/Task/$validate", FHIR, task, 200),
    ]
    assert [post(path, kind, body, token) for path, kind, body, _ in tried] == [status for *_, status in tried]
    for shown in ("", token[:-1], token_of(another.get(world.base))):
        assert [post(path, kind, body, shown) for path, kind, body, _ in tried] == [403] * 4


def test_the_token_of_a_session_is_for_its_own_browser(world: World) -> None:
    assert Browser().send("GET", f"{world.base}/login/token", {"accept": "text/plain"}).status_code == 401
    told = world.browser().send("GET", f"{world.base}/login/token", {"origin": "https://evil.example"})
    assert (told.headers["cross-origin-resource-policy"], told.headers["cache-control"]) == ("same-origin", "no-store")
    assert not any(name.startswith("access-control") for name in told.headers)


def test_a_token_goes_before_a_cookie(world: World) -> None:
    """What a program sends is judged by itself: a bad token is not mended by a session that comes along."""
    bad = {"authorization": "Bearer x", "accept": "application/json"}

    assert world.browser().send("GET", f"{world.base}/messages", bad).status_code in (401, 503)


def test_who_it_was_is_written_down(world: World) -> None:
    id = waiting(world)
    world.browser().get(f"{world.base}/console/messages/{id}")

    with world.services.store.read() as unit:
        bodies = unit.connection.execute(text("SELECT body FROM audit")).scalars().all()  # type: ignore[attr-defined]
    assert any(NUMBER.encode() in body and b"9144900" in body and b"stafett" in body for body in bodies)


def test_with_authentication_off_nobody_logs_in_and_forms_work_without_a_token(tmp_path: Path) -> None:
    with service(tmp_path) as here:
        sent = here.http.post("/messages", content=b"m1 <x/>", headers={"content-type": "application/xml"})
        sent = here.http.post("/messages", content=b"m1 <y/>", headers={"content-type": "application/xml"})
        id = sent.headers["location"].rpartition("/")[2]
        page = here.http.get(f"/console/messages/{id}", headers={"cookie": f"stafett={'A' * 43}"})

        assert [here.http.request(m, p).status_code for m, p in WAYS] == [404] * 4
        assert ("csrf" in page.text, "Log out" in page.text, "data-token" in here.http.get("/docs").text) == (False,) * 3
        assert here.http.post(f"/console/messages/{id}/dismiss").status_code == 303


WAYS = (("GET", "/login"), ("GET", "/login/callback"), ("POST", "/logout"), ("GET", "/login/token"))
