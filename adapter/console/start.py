"""The start page: what this is, where to look, and which messages wait for someone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from starlette.responses import Response

from adapter.console.frame import message_links, moment, page, state_badge, table
from adapter.console.html import Child, Html, tag
from adapter.ports import Message, State

SHOWN: Final = 50  # messages on the page

WHERE: Final = (
    ("Send a message", "/docs", "Examples to send, and what each answer means. Works without a network."),
    ("FHIR R4", "/fhir/metadata", "What is offered, by type and search parameter."),
    ("Profiles", "/profiles", "What resources hold beyond R4, with codes and examples, and the package for programs."),
    ("Referrals", "/fhir/ServiceRequest?_count=20", "The newest referrals as FHIR."),
    ("Pathways", "/pathways", "Who holds the baton of each, what happens next, and what is stuck."),
    ("Partners", "/partners", "The other FHIR servers: which of them answer, and what waits for them."),
    ("Subscriptions", "/subscriptions", "Who follows what happens here, whether it reaches them, and why not."),
    ("Tasks", "/fhir/Task?_count=20", "What someone is to do, and when."),
    ("Figures", "/metrics", "What waits, where and since when, for Prometheus."),
)


def start_page(
    prefix: str,
    messages: Sequence[Message],
    counts: Mapping[State, int],
    asked: State | None,
    older: str,
    late: Html | None,
    *,
    open_access: bool,
) -> Response:
    """`counts` are the messages by state, `asked` the state shown alone, `older` the address of the next page, if any, `late` what
    is on its way out and has not arrived.
    """
    warning = "Test installation: nobody is asked who they are. Use invented persons only."
    intro = (
        "Carries the baton of a patient pathway between hospital and municipality. Referrals come in over the national "
        "message hub, become FHIR R4, and are answered with application receipts (AppRec). Journal systems read, search and "
        "write what they became over FHIR's own interface."
    )
    return page(
        prefix,
        "Messages",
        tag("h1", "Patient pathways, handed over without dropping the baton"),
        tag("p", intro, class_="intro"),
        tag("p", warning, class_="note") if open_access else None,
        tag("ul", [_place(prefix, *place) for place in WHERE], class_="places"),
        late,
        tag("h2", "Messages"),
        _filters(prefix, counts, asked),
        _messages(prefix, messages),
        tag("p", tag("a", "Older messages", href=prefix + older)) if older else None,
    )


def _place(prefix: str, name: str, path: str, what: str) -> Html:
    return tag("li", tag("a", tag("strong", name), tag("span", what), href=prefix + path))


def _filters(prefix: str, counts: Mapping[State, int], asked: State | None) -> Html:
    def choice(name: Child, address: str, current: bool) -> Html:
        return tag("li", tag("a", name, href=address, aria_current="page" if current else None))

    everything = choice(f"all {sum(counts.values())}", f"{prefix}/", asked is None)
    states = [choice([state_badge(s), f" {counts.get(s, 0)}"], f"{prefix}/?state={s.value}", s is asked) for s in State]
    return tag("ul", everything, states, class_="filters")


def _messages(prefix: str, messages: Sequence[Message]) -> Html:
    if not messages:
        return tag("p", "None yet. ", tag("a", "Send an example", href=f"{prefix}/docs"), " to see one here.", class_="empty")
    heads = ("Received", "Message", "From → to (HER-id)", "State", "Why, and what to do", "Look at")
    return table("Newest first", heads, [_row(prefix, message) for message in messages], "messages")


def _row(prefix: str, message: Message) -> Html:
    link = tag("a", message.type or "unread", href=f"{prefix}/console/messages/{message.id}")
    action = tag("p", message.action, class_="action") if message.action else None
    aside = tag("p", "put aside", class_="aside") if message.dismissed else None
    return tag(
        "tr",
        tag("td", moment(message.received)),
        tag("td", link, tag("p", message.msg_id, class_="id")),
        tag("td", message.sender or "?", " → ", message.receiver or "?"),
        tag("td", state_badge(message.state), aside),
        tag("td", tag("p", message.reason) if message.reason else None, action),
        tag("td", message_links(prefix, message), class_="links"),
    )
