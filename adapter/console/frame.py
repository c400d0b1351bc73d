"""The frame of every page: head, navigation, and the small parts that pages share. English, with no script."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from starlette.responses import Response

from adapter.console.html import Child, Html, join, tag
from adapter.ports import Message, State
from adapter.security.sessions import TOKEN, here

OSLO: Final = ZoneInfo("Europe/Oslo")
POLICY: Final = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
# A sign beside each colour, so that colour alone says nothing.
SIGNS: Final = {
    State.RECEIVED: "•",
    State.PARKED: "‖",
    State.PROCESSED: "✓",
    State.REFUSED: "×",
    State.QUARANTINED: "▲",
}


def page(prefix: str, title: str, *content: Child, status: int = 200) -> Response:
    """A whole page. `prefix` is the path that the service is reached under, usually empty."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"{title} · Stafett"),
        tag("link", rel="icon", type="image/svg+xml", href=f"{prefix}/console/assets/favicon.svg"),
        tag("link", rel="stylesheet", href=f"{prefix}/console/assets/style.css"),
    )
    name = tag("a", tag("span", aria_hidden="true", class_="baton"), "Stafett", href=f"{prefix}/", class_="name")
    banner = tag("header", name, navigation(prefix), _who(prefix))
    skip = tag("a", "Skip to content", href="#content", class_="skip")
    body = tag("body", skip, banner, tag("main", *content, id="content"))
    document = "<!doctype html>\n" + tag("html", head, body, lang="en")
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
    return Response(document.encode(), status, headers, "text/html; charset=utf-8")


def navigation(prefix: str) -> Html:
    """The ways to the other pages, on top of each."""
    links = (
        ("Messages", "/"),
        ("Pathways", "/pathways"),
        ("Send and try", "/docs"),
        ("FHIR", "/fhir/metadata"),
        ("Health", "/health/ready"),
    )
    return tag("nav", [tag("a", name, href=prefix + path) for name, path in links], aria_label="Main")


def button(label: str, action: str) -> Html:
    """A form that is a button, so that no script is needed; with the token of whoever is logged in."""
    found = here()
    token = tag("input", type="hidden", name=TOKEN, value=found.token) if found else None
    return tag("form", token, tag("button", label), method="post", action=action)


def _who(prefix: str) -> Html | None:
    """Who is logged in, and the ways out."""
    found = here()
    if found is None:
        return None
    outs = button("Log out", f"{prefix}/logout"), button("Log out everywhere", f"{prefix}/logout?everywhere=true")
    return tag("div", tag("span", found.name), *outs, class_="who")


def state_badge(state: State) -> Html:
    return tag("span", tag("span", SIGNS[state], aria_hidden="true"), " ", state.value, class_=f"state {state.value}")


def moment(when: datetime) -> Html:
    """A time as people in Norway read it."""
    there = when.astimezone(OSLO)
    return tag("time", f"{there:%Y-%m-%d %H:%M:%S}", datetime=when.isoformat())


def message_links(prefix: str, message: Message) -> Html:
    """The ways to look at one message, as programs get them; those that its state has."""
    answered = message.state not in (State.RECEIVED, State.QUARANTINED)
    ways = [("XML", "xml", True), ("AppRec", "apprec", answered)]
    ways += [("Bundle", "bundle", message.state is State.PROCESSED), ("Explanation", "explanation", answered)]
    address = f"{prefix}/messages/{message.id}"
    links = [[tag("a", name, href=f"{address}/{way}"), " "] for name, way, there in ways if there]
    return join(links, tag("a", "JSON", href=address))


def table(caption: str, heads: tuple[str, ...], rows: Sequence[Child], class_: str = "") -> Html:
    """A table that says what it is; wide ones scroll by themselves."""
    head = tag("thead", tag("tr", [tag("th", name, scope="col") for name in heads]))
    inside = tag("table", tag("caption", caption), head, tag("tbody", rows), class_=class_ or None)
    return tag("div", inside, class_="scroll", tabindex=0, role="region", aria_label=caption)
