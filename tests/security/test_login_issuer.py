"""People log in at an issuer that nobody here wrote: oidc-provider, a process of its own, with its own pages and forms."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

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


@pytest.fixture(params=[*CLIENTS])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """The service, and the issuer that it is a client of; once with requests pushed as the issuer demands, once without."""
    client, store, clock, seen = request.param, open_store(f"sqlite:///{tmp_path}/store.db"), StillClock(), list[Caller]()
    store.migrate()
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
