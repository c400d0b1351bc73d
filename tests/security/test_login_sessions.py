"""What a session lets a browser do, how it ends, and that no other site can use it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lxml import html
from sqlalchemy import text
from starlette.datastructures import Headers

from adapter.ports import NOBODY, Store
from adapter.security.caller import Caller, Person
from adapter.security.login import Login
from adapter.security.sessions import ACCESS, HPR, PID, Sessions, SignedIn, cookie_of
from adapter.settings import LoginSettings, Operator, Organisation
from adapter.storage import open_store
from tests.national_numbers import make as a_number
from tests.security.at_browser import HOSPITAL, MUNICIPALITY, OPERATORS, Browser, StillClock, service, sessions_of
from tests.serving import served
from tests.stores import with_tables

pytestmark = pytest.mark.slow  # a whole installation for each

ISSUER = "https://sts.example"
NUMBER = a_number(12, 3, 1985, "female")
KARI = {"iss": ISSUER, "sub": "kari", "name": "Kari Lege", HPR: "9144900", PID: NUMBER, "email": "kari@example.com"}
TESTER = {"iss": ISSUER, "sub": "tester"}
NONE = Headers({})


@dataclass
class World:
    base: str
    clock: StillClock
    store: Store
    sessions: Sessions
    seen: list[Caller]
    folder: Path

    def browser(self, claims: dict[str, Any] = KARI) -> Browser:
        """One at which somebody is logged in."""
        made = Browser()
        made.cookies[self.base.removeprefix("http://")] = {self.sessions.cookie: self.sessions.begin(claims, NONE)}
        return made

    def id(self, browser: Browser) -> str:
        return browser.cookies[self.base.removeprefix("http://")][self.sessions.cookie]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    store, clock, seen = open_store(with_tables(tmp_path / "store.db")), StillClock(), list[Caller]()
    settings = LoginSettings(issuer=ISSUER, client_id="stafett", key_file=_key(tmp_path))
    sessions, bases = sessions_of(store, clock, settings), list[str]()

    def make(base: str) -> Any:
        bases.append(base)
        organisation = Organisation(number=HOSPITAL, name="A hospital")
        return service(sessions, Login(settings, organisation, key=b"key", public_base=base), base, seen)

    with served(make):
        yield World(bases[0], clock, store, sessions, seen, tmp_path)
    store.close()


def _key(folder: Path) -> Path:
    from joserfc.jwk import ECKey

    path = folder / "key.pem"
    path.write_bytes(ECKey.generate_key("P-256").as_pem(private=True))
    return path


def caller_of(found: SignedIn | None) -> Caller | None:
    return found.caller if found else None


def headers(*cookies: str) -> Headers:
    return Headers(raw=[(b"cookie", cookie.encode()) for cookie in cookies])


def test_a_session_gives_what_pages_need_of_the_organisations_that_are_configured_for_the_person(world: World) -> None:
    found = caller_of(world.sessions.find(headers(f"stafett={world.sessions.begin(KARI, NONE)}")))

    assert found == Caller(
        tenant=HOSPITAL,
        tenants=(HOSPITAL,),
        client="stafett",
        numbers=(HOSPITAL,),
        person=Person(pid=NUMBER, hpr="9144900", name="Kari Lege"),
        access=ACCESS,
        purpose="HSYSADMIN",  # https://terminology.hl7.org/ValueSet-v3-PurposeOfUse.html: they see to a system, and treat nobody
    )
    assert [ACCESS.allows("Task", letter) for letter in "cruds"] == [False, True, False, False, True]
    assert [ACCESS.other(what) for what in ("messages", "operate", "emergency")] == [True, True, False]


@pytest.mark.parametrize(
    ("claims", "tenants"),
    [
        (TESTER, (HOSPITAL, MUNICIPALITY, NOBODY)),
        ({**TESTER, "sub": "Tester"}, ()),
        ({**TESTER, "sub": "x", "helseid://claims/client/claims/orgnr_parent": MUNICIPALITY}, (MUNICIPALITY,)),
        ({**TESTER, "sub": "x", "helseid://claims/client/claims/orgnr_parent": ["1", MUNICIPALITY]}, (MUNICIPALITY,)),
        ({**TESTER, "sub": "x", "helseid://claims/client/claims/orgnr_parent": [[MUNICIPALITY]]}, ()),
        ({**TESTER, "sub": "x", HPR: 9144900}, ()),
        ({**TESTER, "sub": "x", HPR: "19144900"}, ()),
        ({**TESTER, "sub": "9144900"}, ()),
        ({**TESTER, HPR: "9144900", "sub": "x", "helseid://claims/client/claims/orgnr_parent": MUNICIPALITY},
         (HOSPITAL, MUNICIPALITY, NOBODY)),
    ],
)  # fmt: skip
def test_who_may_see_what_is_what_the_configuration_says_of_the_claims(
    world: World, claims: dict[str, Any], tenants: tuple[str, ...]
) -> None:
    found = caller_of(world.sessions.find(headers(f"stafett={world.sessions.begin(claims, NONE)}")))

    assert (found.tenants if found else ()) == tenants
    assert world.sessions.may_enter(claims) == bool(tenants)


def test_who_is_taken_out_of_the_configuration_is_out(world: World) -> None:
    id = world.sessions.begin(KARI, NONE)
    settings = LoginSettings(issuer=ISSUER, client_id="stafett")

    def after(operators: tuple[Operator, ...], issuer: str = ISSUER) -> bool:
        login = settings.model_copy(update={"issuer": issuer})
        return bool(Sessions(world.store, world.clock, login, operators, (HOSPITAL,), secure=False).find(headers(f"stafett={id}")))

    assert after(OPERATORS)
    assert not after(OPERATORS[1:])
    assert not after(OPERATORS, "https://sts.another.example")


def test_the_database_has_neither_the_id_nor_what_the_issuer_said_beside_what_is_needed(world: World) -> None:
    id = world.sessions.begin(KARI, NONE)
    found = world.sessions.find(headers(f"stafett={id}"))
    assert found

    data = b"".join(path.read_bytes() for path in world.folder.glob("store.db*"))
    assert b"kari" in data
    assert not any(secret.encode() in data for secret in (id, found.token, KARI["email"]))


def test_ids_are_long_and_no_two_alike(world: World) -> None:
    ids = {world.sessions.begin(KARI, NONE) for _ in range(50)}

    assert len(ids) == 50
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", id) for id in ids)  # 256 bits


def test_a_new_login_ends_the_browsers_earlier_session(world: World) -> None:
    first = headers(f"stafett={world.sessions.begin(KARI, NONE)}")
    second = headers(f"stafett={world.sessions.begin(TESTER, first)}")

    assert (world.sessions.find(first), bool(world.sessions.find(second))) == (None, True)


def test_a_session_ends_half_an_hour_after_its_last_use(world: World) -> None:
    browser = world.browser()
    for _ in range(3):
        world.clock.advance(minutes=29)
        assert browser.get(world.base).status_code == 200
    world.clock.advance(minutes=32)  # of which up to one is not written down

    assert browser.send("GET", world.base).headers["location"].startswith("/login")


def test_a_session_ends_after_eight_hours_of_whatever_use(world: World) -> None:
    browser = world.browser()
    for _ in range(24):
        world.clock.advance(minutes=20)
        assert browser.get(world.base).status_code == 200
    world.clock.advance(minutes=1)

    assert browser.send("GET", world.base).is_redirect


def test_looking_at_pages_writes_the_last_use_down_once_a_minute(world: World) -> None:
    browser = world.browser()

    def used() -> Any:
        with world.store.read() as unit:
            return unit.connection.execute(text("SELECT used FROM session")).scalar_one()  # type: ignore[attr-defined]

    first = used()
    world.clock.advance(seconds=50)
    browser.get(world.base)
    second = used()
    world.clock.advance(seconds=20)
    browser.get(world.base)

    assert second == first
    assert used() > first


def test_what_is_over_is_swept_out_at_the_next_login(world: World) -> None:
    for _ in range(3):
        world.sessions.begin(KARI, NONE)
    world.clock.advance(hours=1)
    world.sessions.begin(TESTER, NONE)

    with world.store.read() as unit:
        assert unit.connection.execute(text("SELECT count(*) FROM session")).scalar_one() == 1  # type: ignore[attr-defined]


def test_logging_out_ends_the_session_for_whoever_has_its_id(world: World) -> None:
    browser = world.browser()
    id, other = world.id(browser), world.browser()

    out = browser.submit(browser.get(world.base), to="/logout")

    assert (out.status_code, "You are logged out" in out.text) == (200, True)
    assert not browser.cookies[world.base.removeprefix("http://")]
    assert Browser().send("GET", world.base, {"cookie": f"stafett={id}", "accept": "*/*"}).status_code == 401
    assert other.get(world.base).status_code == 200


def test_logging_out_everywhere_ends_all_of_the_persons_sessions_and_nobody_elses(world: World) -> None:
    browser, elsewhere, tester = world.browser(), world.browser(), world.browser(TESTER)

    assert browser.submit(browser.get(world.base), to="/logout?everywhere=true").status_code == 200
    assert [b.send("GET", world.base, {"accept": "*/*"}).status_code for b in (browser, elsewhere, tester)] == [401, 401, 200]


def test_a_page_says_who_is_logged_in_and_has_its_sessions_token_in_every_form(world: World) -> None:
    browser = world.browser()
    page = browser.get(world.base)
    found = world.sessions.find(headers(f"stafett={world.id(browser)}"))
    assert found

    tokens = html.fromstring(page.text).xpath("//form//input[@name='csrf']/@value")
    assert tokens == [found.token] * 3
    assert "Kari Lege" in page.text
    assert NUMBER not in page.text
    assert world.id(browser) not in page.text
    assert page.headers["cache-control"] == "no-store"
    assert browser.submit(page, to="/change").text.count(found.token) == 1  # the body is there for the route to read
    assert len(world.seen) == 1


def forms(token: str, other: str) -> list[dict[str, Any]]:
    form = "application/x-www-form-urlencoded"
    return [
        {},
        {"data": {"csrf": ""}},
        {"data": {"csrf": other}},
        {"data": {"csrf": token + "x"}},
        {"data": {"csrf": token[:-1]}},
        {"data": {"csrf": "ø"}},
        {"data": {"csrf": [token, token]}},
        {"data": {"csrf": [other, token]}},
        {"data": {"CSRF": token}},
        {"params": {"csrf": token}},
        {"headers": {"csrf": token, "x-csrf-token": token}},
        {"headers": {"x-stafett-form": other}},
        {"headers": {"x-stafett-form": ""}},
        {"content": f"csrf={token}"},
        {"content": f"csrf={token}", "headers": {"content-type": "text/plain"}},
        {"json": {"csrf": token}},
        {"files": {"csrf": (None, token)}},
        {"content": f"csrf={token}&x={'x' * 5000}", "headers": {"content-type": form}},
        {"content": b"csrf=\xff", "headers": {"content-type": form}},
        {"content": "&".join(["a=1"] * 50) + f"&csrf={token}", "headers": {"content-type": form}},
    ]


def test_what_changes_something_without_the_sessions_own_token_is_403_and_changes_nothing(world: World) -> None:
    browser, another = world.browser(), world.browser()
    found = [world.sessions.find(headers(f"stafett={world.id(one)}")) for one in (browser, another)]
    token, other = (one.token for one in found if one)

    for sent in forms(token, other):
        answer = browser.send("POST", f"{world.base}/change", **sent)
        assert (answer.status_code, answer.json()["issue"][0]["code"]) == (403, "forbidden"), sent
        assert token not in answer.text
    assert browser.send("POST", f"{world.base}/logout").status_code == 403
    assert world.seen == []
    assert browser.send("POST", f"{world.base}/change", data={"csrf": token}).status_code == 200
    assert browser.send("POST", f"{world.base}/change", {"x-stafett-form": token}, content=b"<x/>").text == "<x/>"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "QUERY"])
def test_every_method_that_may_change_something_takes_the_token(world: World, method: str) -> None:
    assert world.browser().send(method, f"{world.base}/change").status_code == 403


def test_a_browser_that_is_not_logged_in_is_sent_to_log_in_and_a_program_is_told(world: World) -> None:
    sent = Browser().send("GET", f"{world.base}/pathways?type=D11&since=2026")

    assert (sent.status_code, sent.headers["location"]) == (303, "/login?back=/pathways%3Ftype%3DD11%26since%3D2026")
    assert Browser().send("GET", f"{world.base}/fhir/Patient?name=x").headers["location"] == "/login?back=/fhir/Patient"
    assert Browser().send("GET", world.base, {"accept": "application/json"}).status_code == 401
    assert Browser().send("POST", f"{world.base}/change").status_code == 401


@pytest.mark.parametrize(
    "cookie",
    ["", "stafett", "stafett=", "stafett=x", "stafett=%s ", "stafett=%s; stafett=%s", "stafett=%sA", "Stafett=%s", "xstafett=%s"],
)
def test_only_the_one_cookie_that_was_set_counts(world: World, cookie: str) -> None:
    id = world.sessions.begin(KARI, NONE)
    found = world.sessions.find(headers(cookie.replace("%s", id)))

    assert (found is not None) == (cookie == "stafett=%s ")
    assert world.sessions.find(headers(f"a=b; stafett={id}; c"))
    assert world.sessions.find(headers("a=b", f"stafett={id}"))
    assert not world.sessions.find(headers(f"stafett={id}", f"stafett={id}"))


def test_a_cookie_is_for_this_host_alone_over_https_and_out_of_reach_of_scripts(world: World) -> None:
    settings = LoginSettings(issuer=ISSUER, client_id="stafett")
    secure = sessions_of(world.store, world.clock, settings, secure=True)

    assert (secure.cookie, secure.login_cookie) == ("__Host-stafett", "__Host-stafett-login")
    assert secure.set(secure.cookie, "x") == "__Host-stafett=x; Path=/; HttpOnly; SameSite=Lax; Secure"
    assert secure.set(secure.login_cookie, "", 0).endswith("; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0")
    assert world.sessions.set(world.sessions.cookie, "x") == "stafett=x; Path=/; HttpOnly; SameSite=Lax"
    assert cookie_of(headers("__Host-stafett=a; stafett=b"), "__Host-stafett") == "a"
    assert secure.find(headers(f"stafett={world.sessions.begin(KARI, NONE)}")) is None


def test_an_issuer_that_is_away_is_a_page_of_its_own_making(world: World) -> None:
    """sts.example does not exist (RFC 2606)."""
    answer = Browser().send("GET", f"{world.base}/login")

    assert (answer.status_code, "You are not logged in" in answer.text) == (503, True)
    assert "set-cookie" not in answer.headers


def test_logging_out_without_being_logged_in_is_no_fault(world: World) -> None:
    assert Browser().send("POST", f"{world.base}/logout").status_code == 200
