"""Every answer of the service has the whole set of security headers: each route, each kind of refusal, each kind of content.

The set is OWASP's Secure Headers Project's and ASVS 5.0 3.4's; the values that must not be weaker are written out here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from starlette.routing import BaseRoute, Mount, Route

from adapter.settings import Settings, StoreSettings
from adapter.wiring import build
from tests.http.service import LARGEST, Service, service
from tests.serving import served

WANTED = {
    "x-content-type-options": r"nosniff",
    "x-frame-options": r"DENY",
    "referrer-policy": r"no-referrer",
    "cross-origin-opener-policy": r"same-origin",
    "cross-origin-resource-policy": r"same-origin",
    "permissions-policy": r".*camera=\(\).*geolocation=\(\).*microphone=\(\).*",
    "content-security-policy": r"(sandbox; )?default-src 'none'(?!.*unsafe)(?!.*\*)(?!.*http).*",
    "cache-control": r"no-store|private, no-store|private, no-cache|no-cache|public, max-age=3600",
    "x-request-id": r".+",
}
OPEN_TO_CACHES = re.compile(r"/console/assets/\{name\}|/package\.tgz")
"""Routes whose answers hold nothing of anyone."""
UNUSUAL = {"public, max-age=3600", "no-cache"}
"""What lets a shared cache keep an answer."""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("headers")) as running:
        yield running


def faults(answer: httpx.Response) -> list[str]:
    """What the answer's headers lack, or have too much of."""
    said = {name: answer.headers.get_list(name) for name in WANTED}
    found = [f"{name}: {values}" for name, values in said.items() if len(values) != 1 or not re.fullmatch(WANTED[name], values[0])]
    found += [f"{name}: {answer.headers[name]}" for name in ("server", "x-powered-by", "set-cookie") if name in answer.headers]
    return found


def all_routes(routes: Iterable[BaseRoute], prefix: str = "") -> Iterator[tuple[str, str]]:
    """(method, path template) of everything that the app has."""
    for route in routes:
        inside = getattr(route, "original_router", None)
        if isinstance(route, Mount):
            yield from all_routes(route.routes, prefix + route.path)
        elif isinstance(route, Route) and route.methods:
            yield from ((method, prefix + route.path) for method in sorted(route.methods - {"HEAD"}))
        elif inside is not None:
            yield from all_routes(inside.routes, prefix)
        else:
            raise AssertionError(f"a kind of route that nobody walks: {route!r}")


@contextmanager
def built(folder: Path, base: str) -> Iterator[FastAPI]:
    """The app as an installation at that address has it."""
    services = build(Settings(public_base=base, store=StoreSettings(url=f"sqlite:///{folder}/stafett.db")))
    try:
        yield services.app
    finally:
        services.close()


def test_every_route_answers_with_the_whole_set(tmp_path: Path, here: Service) -> None:
    with built(tmp_path, "https://stafett.example") as app:
        named = sorted(set(all_routes(app.routes)))
    wrong: dict[str, list[str]] = {}
    for method, template in named:
        path = re.sub(r"\{[^}]*\}", "x", template.replace("{type}", "Task"))
        answer = here.http.request(method, path)
        found = faults(answer)
        if answer.headers.get("cache-control") in UNUSUAL and not (
            OPEN_TO_CACHES.fullmatch(template) or answer.request.url.path == "/fhir/metadata"
        ):
            found.append("a cache may keep it")
        if found:
            wrong[f"{method} {template}"] = found

    assert wrong == {}
    assert len(named) > 40  # the walk has found them


@pytest.mark.parametrize("path", ["/", "/pathways", "/docs", "/profiles", "/profiles/pathway-event"])
def test_a_page_stands_in_no_frame_and_its_forms_and_links_lead_here(here: Service, path: str) -> None:
    """What `default-src` does not speak of (Content Security Policy 3, 6.3 and 6.4)."""
    said = here.http.get(path).headers["content-security-policy"]
    policy = dict(directive.strip().partition(" ")[::2] for directive in said.split(";"))

    assert (policy["frame-ancestors"], policy["base-uri"]) == ("'none'", "'none'")
    assert policy["form-action"] in ("'self'", "'none'")


XML = {"Content-Type": "application/xml"}
OF_A_KIND = {
    "nothing there": ("GET", "/nowhere", {}, b"", 404),
    "a method that nobody has": ("MKCOL", "/messages", {}, b"", 405),
    "another host's name": ("GET", "/messages", {"Host": "evil.example"}, b"", 400),
    "a page of another site": ("POST", "/messages", {**XML, "Origin": "https://evil.example"}, b"<a/>", 403),
    "an address beyond measure": ("GET", "/messages?a=" + "x" * 9000, {}, b"", 414),
    "a body beyond measure": ("POST", "/messages", XML, b"x" * (LARGEST + 1), 413),
    "a media type that nobody takes": ("POST", "/messages", {"Content-Type": "text/csv"}, b"a", 415),
    "a media type that nobody gives": ("GET", "/fhir/Task", {"Accept": "text/csv"}, b"", 406),
    "a body that cannot be read": ("POST", "/fhir/Task", {"Content-Type": "application/fhir+json"}, b"{", 400),
    "no such resource": ("GET", "/fhir/Task/none", {}, b"", 404),
    "a search": ("GET", "/fhir/Task", {}, b"", 200),
    "a page": ("GET", "/", {}, b"", 200),
    "a page of pathways": ("GET", "/pathways", {}, b"", 200),
    "a style sheet": ("GET", "/console/assets/style.css", {}, b"", 200),
    "a script": ("GET", "/console/assets/swagger-ui-bundle.js", {}, b"", 200),
    "the console": ("GET", "/docs", {}, b"", 200),
    "what is offered": ("GET", "/fhir/metadata", {}, b"", 200),
    "asked for the head alone": ("HEAD", "/messages", {}, b"", 200),
    "what is allowed": ("OPTIONS", "/messages", {}, b"", 405),
}


@pytest.mark.parametrize("kind", OF_A_KIND)
def test_every_kind_of_answer_has_the_whole_set(here: Service, kind: str) -> None:
    method, path, headers, body, status = OF_A_KIND[kind]
    answer = here.http.request(method, path, headers=headers, content=body)

    assert (answer.status_code, faults(answer)) == (status, [])


def test_a_message_and_all_that_follows_from_it_stays_in_no_cache(here: Service) -> None:
    id = here.http.post("/messages", content=b"m1 <x/>", headers=XML).json()["id"]
    ways = ("", "/xml", "/apprec", "/bundle", "/explanation", "/statuses")
    answers = [here.http.get(f"/messages/{id}{way}") for way in ways] + [here.http.get(f"/console/messages/{id}")]

    assert [answer.status_code for answer in answers] == [200] * 7
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}
    assert [faults(answer) for answer in answers] == [[]] * 7


@pytest.mark.parametrize(("base", "told"), [("https://stafett.example", True), ("http://127.0.0.1:8000", False)])
def test_browsers_are_told_to_come_by_https_alone_where_that_is_the_way(tmp_path: Path, base: str, told: bool) -> None:
    with built(tmp_path, base) as app, served(lambda _: app) as client:
        asked = [client.get(path, headers={"Host": "localhost"}) for path in ("/health/live", "/", "/fhir/metadata", "/nowhere")]

    said = ["max-age=31536000; includeSubDomains"] if told else []
    assert [answer.headers.get_list("strict-transport-security") for answer in asked] == [said] * 4


def test_no_script_or_style_stands_in_a_page(here: Service) -> None:
    id = here.http.post("/messages", content=b"m2 <x/>", headers=XML).json()["id"]
    for path in ("/", "/docs", "/pathways", "/partners", f"/console/messages/{id}"):
        page = here.http.get(path).text
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|<script(?![^>]*\ssrc=)", page), path
