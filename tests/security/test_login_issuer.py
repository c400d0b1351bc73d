"""People log in at an issuer that nobody here wrote: oidc-provider, a process of its own, with its own pages and forms."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from joserfc.jwk import ECKey

from adapter.ports import NOBODY, Store
from adapter.security.caller import Caller, Person
from adapter.security.login import Login
from adapter.security.sessions import HPR, PID
from adapter.settings import LoginSettings, Organisation
from adapter.storage import open_store
from tests.house.processes import free_ports, running, wait_for
from tests.national_numbers import make as a_number
from tests.security.at_browser import HOSPITAL, MUNICIPALITY, Browser, StillClock, service, sessions_of
from tests.security.oidc import installed
from tests.serving import served
from tests.stores import with_tables

pytestmark = pytest.mark.slow
KEY = ECKey.generate_key("P-256", {"alg": "ES256", "kid": "one"})
ORGANISATION = Organisation(number=HOSPITAL, name="A hospital")
LEVEL = "helseid://claims/identity/security_level"
PEOPLE = {
    "kari": {"name": "Kari <b>Lege", HPR: "9144900", PID: a_number(12, 3, 1985, "female"), LEVEL: "4"},
    "tester": {"name": "Test Tester", LEVEL: "4"},
    "stranger": {"name": "Ukjent", HPR: "1", LEVEL: "4"},
    "vague": {"name": "Kari Lege", HPR: "9144900", LEVEL: "3"},
}
CLIENTS = {"pushing": True, "plain": False}


@dataclass(frozen=True)
class World:
    base: str
    issuer: str
    clock: StillClock
    store: Store
    seen: list[Caller]
    log: Path


@pytest.fixture
def world(running_world: World) -> World:
    """At the present, and nobody seen yet."""
    running_world.clock.at = datetime.now(UTC)
    running_world.seen.clear()
    return running_world


@pytest.fixture(params=[*CLIENTS], scope="module")
def running_world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The service, and the issuer that it is a client of; once with requests pushed as the issuer demands, once without."""
    tmp_path = tmp_path_factory.mktemp(request.param)
    client, store, clock, seen = request.param, open_store(with_tables(tmp_path / "store.db")), StillClock(), list[Caller]()
    port, log = free_ports(1), tmp_path / "log"
    issuer = f"http://127.0.0.1:{port}"
    (tmp_path / "key.jwk").write_text(json.dumps(KEY.as_dict(private=True)))
    settings = LoginSettings(issuer=issuer, client_id=client, key_file=tmp_path / "key.jwk", levels=("4",))
    bases: list[str] = []

    def make(base: str) -> object:
        bases.append(base)
        login = Login(settings, ORGANISATION, key=b"a key for tests", public_base=base, now=clock.seconds)
        return service(sessions_of(store, clock, settings), login, base, seen)

    with served(make) as http:  # type: ignore[arg-type]
        base = bases[0]
        registered = [
            {"client_id": name, "jwk": KEY.as_dict(private=False), "redirect_uri": f"{base}/login/callback", "pushed": pushed}
            for name, pushed in CLIENTS.items()
        ]
        (tmp_path / "world.json").write_text(json.dumps({"clients": registered, "people": PEOPLE}))
        with running(["node", installed() / "login.mjs", str(port), tmp_path / "world.json"], tmp_path, log) as process:
            wait_for(lambda: b"listening" in log.read_bytes(), process, 30)
            yield World(base, issuer, clock, store, seen, log)
        http.close()
    store.close()


def log_in(world: World, browser: Browser, who: str, page: str = "/pathways?type=D11", stop_at: str = "\0") -> httpx.Response:
    """As a person does: open a page, be asked who one is, say so, agree, and come back to where one wanted to be."""
    asked = browser.get(world.base + page)
    assert asked.url.netloc.decode() == urlsplit(world.issuer).netloc
    agreed = browser.submit(asked, stop_at, login=who, password="any")
    return browser.submit(agreed, stop_at, prompt="consent") if "consent" in agreed.text else agreed


def test_a_person_logs_in_comes_back_to_the_page_that_was_asked_for_and_changes_something(world: World) -> None:
    browser = Browser()

    back = log_in(world, browser, "kari")

    assert (back.status_code, str(back.url)) == (200, f"{world.base}/pathways?type=D11")
    assert "Kari &lt;b&gt;Lege" in back.text
    assert browser.submit(back, to="/change").status_code == 200
    (caller,) = world.seen
    assert (caller.tenant, caller.tenants, caller.numbers) == (HOSPITAL, (HOSPITAL,), (HOSPITAL,))
    assert caller.person == Person(pid=PEOPLE["kari"][PID], hpr="9144900", name="Kari <b>Lege")
    assert not any(PEOPLE["kari"][PID] in str(answer.url) + str(answer.headers) for answer in browser.seen)


def test_the_person_of_several_organisations_sees_all_of_them_and_what_came_for_nobody(world: World) -> None:
    browser = Browser()
    browser.submit(log_in(world, browser, "tester"), to="/change")

    assert [caller.tenants for caller in world.seen] == [(HOSPITAL, MUNICIPALITY, NOBODY)]


def test_whoever_the_issuer_knows_and_the_configuration_does_not_is_told_so_and_has_no_session(world: World) -> None:
    browser = Browser()

    answer = log_in(world, browser, "stranger")

    assert (answer.status_code, "stranger" in answer.text) == (403, True)
    assert "stafett" not in browser.cookies[urlsplit(world.base).netloc]
    assert browser.send("GET", world.base, {"accept": "*/*"}).status_code == 401


def test_whoever_is_not_identified_surely_enough_is_not_let_in(world: World) -> None:
    failed_alike(world, log_in(world, Browser(), "vague"))


def failed_alike(world: World, answer: httpx.Response) -> None:
    """One page for all that fails, which says nothing of why."""
    assert (answer.status_code, str(answer.url).split("?")[0]) == (400, f"{world.base}/login/callback")
    assert "You are not logged in" in answer.text
    assert not any(line.startswith("stafett=") for line in answer.headers.get_list("set-cookie"))
    words = answer.text.lower()
    assert not any(word in words for word in ("state", "nonce", "iss", "token", "level", "kari", "code"))


def coming_back(world: World, browser: Browser, who: str = "kari") -> tuple[str, dict[str, str]]:
    """The address that the issuer sends a person back to, not followed, and its parameters."""
    answer = log_in(world, browser, who, stop_at="/login/callback")
    address = answer.headers["location"]
    return address, {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def test_a_code_counts_once(world: World) -> None:
    browser = Browser()
    address, _ = coming_back(world, browser)
    cookies = dict(browser.cookies[urlsplit(world.base).netloc])

    assert browser.get(address).status_code == 200
    browser.cookies[urlsplit(world.base).netloc] = cookies
    failed_alike(world, browser.get(address))


@pytest.mark.parametrize(
    "changed",
    [
        {"state": "A" * 43},
        {"state": None},
        {"state": "ø"},
        {"iss": "https://sts.another.example"},
        {"iss": None},  # this issuer's metadata says that it always names itself
        {"code": "A" * 43},
        {"code": None},
        {"error": "access_denied"},
    ],
    ids=str,
)
def test_an_answer_that_is_not_as_the_issuer_gave_it_logs_nobody_in(world: World, changed: dict[str, str | None]) -> None:
    browser = Browser()
    _, given = coming_back(world, browser)
    said = {name: value for name, value in {**given, **changed}.items() if value is not None}

    failed_alike(world, browser.get(f"{world.base}/login/callback?{urlencode(said)}"))


def test_a_parameter_that_is_there_twice_logs_nobody_in(world: World) -> None:
    browser = Browser()
    address, given = coming_back(world, browser)

    failed_alike(world, browser.get(f"{address}&state={given['state']}"))


def test_the_answer_to_one_browser_logs_no_other_one_in(world: World) -> None:
    """Else an attacker could have somebody work as them (login CSRF), or bring another's code to a login of their own."""
    attacker, victim = Browser(), Browser()
    address, _ = coming_back(world, attacker)
    failed_alike(world, victim.get(address))

    theirs, _ = coming_back(world, victim, "tester")
    failed_alike(world, attacker.get(theirs))


def test_a_code_of_another_login_of_the_same_browser_does_not_fit_the_state_of_this_one(world: World) -> None:
    browser = Browser()
    _, first = coming_back(world, browser)
    _, second = coming_back(world, Browser())
    mixed = urlencode({**first, "code": second["code"]})

    failed_alike(world, browser.get(f"{world.base}/login/callback?{mixed}"))


def test_who_takes_too_long_begins_anew(world: World) -> None:
    browser = Browser()
    address, _ = coming_back(world, browser)
    world.clock.advance(minutes=11)

    failed_alike(world, browser.get(address))


def test_the_id_that_a_browser_brought_along_is_not_the_one_that_it_has_afterwards(world: World) -> None:
    """Session fixation: an id that an attacker has laid there never becomes anybody's; one's own earlier one ends."""
    browser, host = Browser(), urlsplit(world.base).netloc
    browser.cookies[host] = {"stafett": "A" * 43}
    log_in(world, browser, "kari")
    first = browser.cookies[host]["stafett"]
    browser.get(f"{world.base}/login")
    second = browser.cookies[host]["stafett"]

    assert len({"A" * 43, first, second}) == 3
    for earlier in ("A" * 43, first):
        assert Browser().send("GET", world.base, {"cookie": f"stafett={earlier}", "accept": "*/*"}).status_code == 401
    assert Browser().send("GET", world.base, {"cookie": f"stafett={second}", "accept": "*/*"}).status_code == 200


def test_what_was_asked_of_the_issuer_is_what_its_rules_want(world: World) -> None:
    """Where the request is pushed, the browser's address has no more of it than its name."""
    browser = Browser()
    browser.get(world.base + "/")
    (asked,) = (answer for answer in browser.seen if answer.url.path == "/auth")
    said = {name: values[0] for name, values in parse_qs(asked.url.query.decode()).items()}

    if "request_uri" in said:
        assert said.keys() == {"client_id", "request_uri"}
    else:
        assert (said["response_type"], said["code_challenge_method"], said["redirect_uri"]) == (
            "code",
            "S256",
            f"{world.base}/login/callback",
        )
        assert all(re.fullmatch(r"[\w-]{43}", said[name]) for name in ("state", "nonce", "code_challenge"))
        assert len({said[name] for name in ("state", "nonce", "code_challenge")}) == 3
