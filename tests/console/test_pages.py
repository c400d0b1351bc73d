"""The pages: what they show, that nothing breaks out of them, and that nothing is fetched from another host."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lxml import html

from adapter.console.html import join, tag, text
from tests.http.service import Service, service

pytestmark = pytest.mark.slow  # a whole installation for each

XML = {"Content-Type": "application/xml"}
OUTSIDE = re.compile(
    r"""(?:src|href|action)\s*=\s*["']?\s*(?:https?:)?//|url\(\s*["']?\s*(?:https?:)?//|@import|(?:fetch|import)\(["']https?:"""
)


def send(here: Service, body: str) -> str:
    return str(here.http.post("/messages", content=body.encode(), headers=XML).json()["id"])


def test_text_from_outside_cannot_become_markup() -> None:
    assert tag("p", '<script>"&', class_='a"b') == '<p class="a&quot;b">&lt;script&gt;&quot;&amp;</p>'
    assert join("<b>", tag("br"), [1, None, "c"]) == "&lt;b&gt;<br>1c"


@pytest.mark.parametrize("character", ["\u202e", "\u200b", "\u2066", "\ufeff", "\x00", "\x1b", "\u2028", "\ud800"])
def test_a_character_that_draws_nothing_is_shown_as_a_marker(character: str) -> None:
    marker = f"⟨U+{ord(character):04X}⟩"

    assert marker in text(f"Kari{character}Nordmann")
    assert character not in text(f"Kari{character}Nordmann")
    assert tag("a", href=f"a{character}b") == f'<a href="a{marker}b"></a>'
    assert text("Kåre Ærlig\n\tØdegård") == "Kåre Ærlig\n\tØdegård"


def test_the_start_page_shows_the_newest_messages_and_where_to_look(here: Service) -> None:
    id = send(here, "m1 <x/>")
    page = html.fromstring(here.http.get("/").text)
    links = {a.get("href") for a in page.iter("a")}

    assert {f"/console/messages/{id}", "/docs", "/fhir/metadata"} <= links
    assert {f"/messages/{id}/{what}" for what in ("xml", "apprec", "bundle", "explanation")} <= links
    for address in links - {"#content"}:
        assert here.http.get(address).status_code == 200, address


def test_the_start_page_can_show_one_state_alone(here: Service) -> None:
    send(here, "m1 <x/>")
    send(here, "m1 <y/>")
    page = here.http.get("/?state=quarantined").text

    assert "Same MsgId, other content." in page
    assert page.count("<tbody><tr>") == 1
    assert page.count('/xml"') == 1


def test_more_messages_than_fit_are_on_older_pages(here: Service) -> None:
    for number in range(51):
        send(here, f"m{number} <x/>")
    older = re.search(r'href="(/\?before=[^"]*)"', here.http.get("/").text)

    assert older is not None
    assert here.http.get(older[1].replace("&amp;", "&")).text.count("/explanation") == 1


def test_a_message_is_explained_both_ways(here: Service) -> None:
    page = html.fromstring(here.http.get(f"/console/messages/{send(here, 'm1 <x/>')}").text)
    ids = {element.get("id") for element in page.iter() if element.get("id")}
    inside = {a.get("href")[1:] for a in page.iter("a") if a.get("href").startswith("#")}

    assert {"L1", "N1"} <= inside <= ids  # line to node, node to line, and no link into nothing
    assert "Patient.name[0].family" in page.text_content()
    assert "m1 <x/>" in page.text_content()


def test_markup_and_hidden_characters_of_a_message_are_inert(here: Service) -> None:
    id = send(here, "m1 <script>alert(1)</script>\n<a href='javascript:x'>\u202eevil</a>\r\n\u200b")
    page = here.http.get(f"/console/messages/{id}").text

    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "⟨U+202E⟩" in page
    assert "⟨U+200B⟩" in page
    assert not re.search("[\u202e\u200b\r]", page)
    assert "&lt;i&gt;Å" in page  # from the explanation
    assert not re.search(r"""href=["']?javascript:""", page)


def test_a_message_that_is_nobodys_or_none_has_no_page(here: Service) -> None:
    for id in ("00000000-0000-4000-8000-000000000000", "x", "%00"):
        assert here.http.get(f"/console/messages/{id}").status_code == 404
    other = {"X-Stafett-Organisation": "312232324"}
    assert here.http.get(f"/console/messages/{send(here, 'm1 <x/>')}", headers=other).status_code == 404


def test_an_operator_can_put_a_message_aside_from_its_page(here: Service) -> None:
    send(here, "m1 <x/>")
    id = send(here, "m1 <y/>")
    assert f'action="/console/messages/{id}/dismiss"' in here.http.get(f"/console/messages/{id}").text

    refused = here.http.post(f"/console/messages/{id}/dismiss", headers={"Sec-Fetch-Site": "cross-site"})
    done = here.http.post(f"/console/messages/{id}/dismiss", headers={"Origin": here.base})

    assert refused.status_code == 403
    assert (done.status_code, done.headers["location"]) == (303, f"/console/messages/{id}")
    assert "<form" not in here.http.get(f"/console/messages/{id}").text


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_page_loads_nothing_from_another_host_and_runs_nothing_inline(here: Service, path: str) -> None:
    answer = here.http.get(path)
    page = html.fromstring(answer.text)
    loaded = [e.get("src") or e.get("href") for e in page.iter("script", "link", "img")]
    policy = answer.headers["content-security-policy"]

    assert loaded
    for address in loaded:
        assert address.startswith("/console/assets/")
        asset = here.http.get(address)
        assert asset.status_code == 200
        assert asset.headers["x-content-type-options"] == "nosniff"
        if address.endswith(".css"):
            assert not OUTSIDE.search(asset.text)
    assert not OUTSIDE.search(answer.text)
    assert all(script.text is None for script in page.iter("script"))
    assert not [e for e in page.iter() if any(str(name).startswith("on") or name == "style" for name in e.attrib)]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "http" not in policy


def test_our_own_files_name_no_other_host(here: Service) -> None:
    for name in ("style.css", "docs.js", "favicon.svg"):
        source = here.http.get(f"/console/assets/{name}").text.replace("http://www.w3.org/2000/svg", "")
        assert "//" not in re.sub(r"^\s*//.*|null, // .*", "", source, flags=re.MULTILINE)
    assert here.http.get("/console/assets/..%2f__init__.py").status_code == 404
    assert here.http.get("/console/assets/core.py").status_code == 404


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/openapi.json", "/messages", "/fhir/metadata", "/fhir/Patient", "/nope", "/metrics"]
)
def test_every_answer_has_the_headers_that_keep_browsers_careful(here: Service, path: str) -> None:
    headers = here.http.get(path).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "access-control-allow-origin" not in headers
    assert headers["x-request-id"]


def test_a_service_under_a_path_of_its_own_names_that_path(tmp_path: Path) -> None:
    with service(tmp_path, "/stafett") as under:
        at = under.http.post("/messages", content="m1 <x/>", headers=XML).headers["location"]
        page, console = under.http.get("/").text + under.http.get("/pathways").text, under.http.get("/docs").text
        document = under.http.get("/openapi.json").json()
        patient = under.http.get("/fhir/Patient").json()

    assert at.startswith("/stafett/messages/")
    for address in re.findall(r'(?:href|src|action)="(/[^"]*)"', page + console):
        assert address.startswith("/stafett/")
    assert document["servers"] == [{"url": "/stafett"}]
    assert patient["link"][0]["url"] == f"{under.base}/stafett/fhir/Patient"
