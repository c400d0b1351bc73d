"""One message, explained both ways: what became of every node, and where every element came from, beside its lines."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from starlette.responses import Response

from adapter.console.frame import button, message_links, moment, page, state_badge, table
from adapter.console.html import Html, join, tag
from adapter.ports import Message, Outgoing, State

LINES: Final = 5_000  # shown of a message
WIDTH: Final = 300  # characters shown of a line
ROWS: Final = 5_000  # shown of a table
SIGNS: Final = {"used": "✓", "not-used": "–", "not-understood": "▲"}
TRANSLATED: Final = "http://hl7.org/fhir/StructureDefinition/translation"
RETRIED: Final = {State.QUARANTINED, State.RECEIVED}
DISMISSED: Final = {State.QUARANTINED, State.REFUSED}


def message_page(
    prefix: str, message: Message, xml: bytes, explanation: Mapping[str, Any], led_to: Sequence[Outgoing] = ()
) -> Response:
    """The page of one message; `explanation` is empty where it was not translated, `led_to` are deliveries that came of it."""
    nodes, elements = explanation.get("nodes", []), explanation.get("elements", [])
    return page(
        prefix,
        message.type or "Message",
        tag("p", tag("a", "← Messages", href=f"{prefix}/")),
        tag("h1", message.type or "A message that could not be read"),
        _facts(prefix, message, led_to),
        _decide(prefix, message),
        tag("h2", "Findings"),
        _issues(message.issues),
        tag("h2", "Where every value came from"),
        tag("p", _summary(message, explanation), class_="empty"),
        tag(
            "div",
            _lines(xml, nodes),
            tag("div", _elements(elements), _nodes(nodes, _types(elements)), class_="tables"),
            class_="beside",
        ),
    )


def _summary(message: Message, explanation: Mapping[str, Any]) -> str:
    """What was made of the message, in figures."""
    if not explanation:
        return "This message was not read as a referral to one of our services; its state says why."
    fates = [sum(node["fate"] == fate for node in explanation["nodes"]) for fate in SIGNS]
    nodes = "{} nodes of the message were used, {} left out for a reason, and {} not understood.".format(*fates)
    made = f"It became {len(explanation['elements'])} FHIR elements."
    if message.state is not State.PROCESSED:
        made = f"It was not taken in. Had it been, it would have become {len(explanation['elements'])} FHIR elements."
    return f"{made} {nodes}"


def _facts(prefix: str, message: Message, led_to: Sequence[Outgoing]) -> Html:
    deliveries = ", ".join(f"{row.hub} ({row.state})" for row in led_to)
    facts = (
        ("State", join(state_badge(message.state), " put aside" if message.dismissed else "")),
        ("Why", message.reason),
        ("What to do", message.action),
        ("Received", join(moment(message.received), f" over {message.hub}")),
        ("From → to", f"{message.sender or '?'} → {message.receiver or '?'}"),
        ("MsgId", message.msg_id),
        ("Document", message.document_id or ""),
        ("Led to", tag("a", f"deliveries to {deliveries}", href=f"{prefix}/deliveries?cause={message.id}") if led_to else ""),
        ("Look at", message_links(prefix, message)),
    )
    return tag("dl", [[tag("dt", name), tag("dd", value)] for name, value in facts if value], class_="facts")


def _decide(prefix: str, message: Message) -> Html | None:
    """What an operator can do from here."""
    if message.dismissed:
        return None
    address = f"{prefix}/console/messages/{message.id}"
    retry = button("Try again", f"{address}/retry") if message.state in RETRIED else None
    dismiss = button("Put aside", f"{address}/dismiss") if message.state in DISMISSED else None
    return tag("div", retry, dismiss, class_="decide") if retry or dismiss else None


def _issues(stored: bytes) -> Html:
    issues = msgspec.json.decode(stored).get("issue", []) if stored else []
    told = [issue for issue in issues if issue.get("code") != "informational"]
    if not told:
        return tag("p", "Nothing to report.", class_="empty")
    return table("What was found in the message", ("Severity", "What", "Hva", "Where"), [_issue(issue) for issue in told])


def _issue(issue: Mapping[str, Any]) -> Html:
    places = [*issue.get("location", []), *issue.get("expression", [])]
    line = re.search(r"Line\[(\d+)\]", " ".join(places))
    where = [tag("a", f"line {line[1]}", href=f"#L{line[1]}"), " "] if line else []
    xpath = [tag("code", place) for place in places if not place.startswith("Line[")]
    details = issue.get("details", {})
    severity = tag("span", issue.get("severity", ""), class_=f"severity {issue.get('severity', '')}")
    cells = (severity, details.get("text", ""), _norwegian(details), join(where, xpath))
    return tag("tr", [tag("td", cell) for cell in cells])


def _norwegian(details: Mapping[str, Any]) -> str:
    """The text in Norwegian, from the extension *translation*."""
    for extension in details.get("_text", {}).get("extension", []):
        if extension.get("url") == TRANSLATED:
            said = {part["url"]: part for part in extension["extension"]}
            return str(said.get("content", {}).get("valueString", ""))
    return ""


def _lines(xml: bytes, nodes: Sequence[Mapping[str, Any]]) -> Html:
    """The message's lines, each with its number as anchor, and a link to what became of its first node."""
    if not xml:
        return tag("p", "No document is kept, or it is kept no longer.", class_="empty")
    worst = {fate: rank for rank, fate in enumerate(SIGNS)}
    fates: dict[int, str] = {}
    for node in nodes:
        line = node.get("line")
        if line and worst[node["fate"]] >= worst[fates.get(line, "used")]:
            fates[line] = node["fate"]
    lines = _text(xml).split("\n")  # as the parser counts them
    rows = [_line(number, line, fates.get(number)) for number, line in enumerate(lines[:LINES], 1)]
    rest = tag("p", f"{len(lines) - LINES} more lines: see the XML itself.") if len(lines) > LINES else None
    scrolled = tag("div", tag("ol", rows, class_="lines"), rest, class_="scroll", tabindex=0, role="region", aria_label="Lines")
    return tag("section", tag("h3", "The message"), scrolled, class_="xml")


def _line(number: int, line: str, fate: str | None) -> Html:
    line = line.removesuffix("\r")
    shown = line if len(line) <= WIDTH else f"{line[:WIDTH]} … {len(line) - WIDTH} more characters"
    label = tag("a", number, href=f"#N{number}", title=fate.replace("-", " ")) if fate else tag("span", number)
    sign = tag("span", SIGNS[fate] if fate else " ", class_="sign", aria_hidden="true")
    return tag("li", label, sign, tag("code", shown), id=f"L{number}", class_=fate)


def _elements(elements: Sequence[Mapping[str, Any]]) -> Html | None:
    if not elements:
        return None
    types = _types(elements)
    rows = [
        tag("tr", tag("td", _path(e["path"], types)), tag("td", _at(e)), tag("td", _short(e["raw"])), tag("td", e["map"]))
        for e in elements[:ROWS]
    ]
    return tag("section", tag("h3", "FHIR elements"), table("Each element and its source", ("Element", "From", "Said", "By"), rows))


def _types(elements: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The resource type of each entry of the Bundle: the mapping that wrote it is named after it."""
    found = {}
    for element in elements:
        entry, name = re.match(r"Bundle\.entry\[(\d+)\]", element["path"]), element["map"].partition(":")[0]
        if entry:
            found[entry[1]] = "".join(word.capitalize() for word in name.split("-"))
    return found


def _nodes(nodes: Sequence[Mapping[str, Any]], types: Mapping[str, str]) -> Html | None:
    if not nodes:
        return None
    first: dict[int, int] = {}
    for index, node in enumerate(nodes):
        first.setdefault(node.get("line") or 0, index)
    rows = [_node(node, index, first, types) for index, node in enumerate(nodes[:ROWS])]
    return tag("section", tag("h3", "Nodes of the message"), table("Each node and its fate", ("Node", "Fate", "Became"), rows))


def _node(node: Mapping[str, Any], index: int, first: Mapping[int, int], types: Mapping[str, str]) -> Html:
    line = node.get("line") or 0
    became = [[_path(path, types), tag("br")] for path in node.get("elements", [])]
    sign = tag("span", SIGNS[node["fate"]], aria_hidden="true")
    fate = tag("span", sign, " ", node["fate"].replace("-", " "), class_=f"fate {node['fate']}")
    reason = tag("p", node["reason"]) if node.get("reason") else None
    anchor = f"N{line}" if line and first[line] == index else None
    return tag("tr", tag("td", _at(node)), tag("td", fate), tag("td", became, reason), id=anchor)


def _path(path: str, types: Mapping[str, str]) -> Html:
    """An element's path: its resource's type and place in the Bundle, and its name within the resource."""
    place = re.fullmatch(r"Bundle\.entry\[(\d+)\]\.resource\.(.+)", path)
    if not place:
        return tag("code", path, title=path)
    return join(f"{types.get(place[1], '')} {place[1]} ", tag("code", place[2], title=path))


def _at(place: Mapping[str, Any]) -> Html:
    """Line, as a link, and XPath; the steps of the way are shortened to the last two."""
    xpath = str(place.get("xpath") or "")
    steps = [step for step in xpath.split("/") if step]
    short = "/".join(steps[-2:]) if len(steps) > 2 else xpath
    line = place.get("line")
    return join(tag("a", line, href=f"#L{line}") if line else None, " ", tag("code", short, title=xpath))


def _short(value: Any) -> str:
    said = str(value or "")
    return said if len(said) <= WIDTH else f"{said[:WIDTH]} …"


def _text(xml: bytes) -> str:
    try:
        return xml.decode("utf-8-sig")
    except UnicodeDecodeError:
        return xml.decode("latin-1")
