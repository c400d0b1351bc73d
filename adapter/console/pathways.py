"""The page of all pathways: what is stuck on top, then each with who holds the baton and what is next. It names no patient."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from starlette.responses import Response

from adapter.console.batons import awaited, both, day, held, reasons, row
from adapter.console.frame import page, table
from adapter.console.html import Child, Html, tag
from adapter.domain.baton import Stuck
from adapter.http_client import plain
from adapter.usecases.see_pathways import MOST, Seen
from adapter.usecases.see_troubles import Waiting
from mappings.timeline import words

HEADS = ("Pathway", "Has the baton", "Since", "What happens next", "The municipality")


def list_page(prefix: str, seen: Sequence[Seen], waiting: Sequence[Waiting], closed: Sequence[Seen], today: date) -> Response:
    """The pathways that somebody has to do with, what waits beside them, then those that closed last."""
    stuck = [one for one in seen if one.baton.stuck]
    moving = [one for one in seen if not one.baton.stuck]
    none = tag("p", "None is open. ", tag("a", "Send a referral", href=f"{prefix}/docs"), " to open one.", class_="empty")
    intro = f"Who holds the baton of each pathway, and what happens next: the soonest first, no more than {MOST}."
    everything = tag("a", "EpisodeOfCare", href=f"{prefix}/fhir/EpisodeOfCare?status=planned,waitlist,active")
    return page(
        prefix,
        "Pathways",
        tag("h1", "Who holds the baton"),
        tag("p", intro, class_="intro"),
        _stuck(prefix, stuck, today) if stuck or not waiting else None,
        _waiting(prefix, waiting) if waiting else None,
        tag("h2", f"Under way ({len(moving)})"),
        table("By what happens next", HEADS, [_seen(prefix, one, today) for one in moving], "pathways") if moving else none,
        [
            tag("h2", "Closed pathways"),
            table("Newest first", HEADS, [_seen(prefix, one, today) for one in closed], "pathways"),
        ]
        if closed
        else None,
        tag("p", "For testers: all of them as ", everything, ".", class_="testers"),
    )


def _stuck(prefix: str, seen: Sequence[Seen], today: date) -> Child:
    """Those that need somebody."""
    if not seen:
        return tag("p", "✓ Nothing is stuck.", class_="note well")
    heads = ("Pathway", "Why it is stuck, and what to do", "Has the baton", "What happens next")
    rows = [row(_name(prefix, one), reasons(one.baton.stuck), held(one.baton), awaited(one.baton.next, today)) for one in seen]
    return [tag("h2", f"Stuck ({len(seen)})"), table("The longest first", heads, rows, "pathways")]


def _waiting(prefix: str, waiting: Sequence[Waiting]) -> Child:
    """What needs somebody and stands with none of the pathways on this page."""
    rows = [row(day(one.since), _where(one), _why(one), _what(prefix, one)) for one in waiting[:MOST]]
    more = f"The longest first; there are more than these {MOST}" if len(waiting) > MOST else "The longest first"
    heading = tag("h2", f"Also waiting ({len(rows)}{'+' if len(waiting) > MOST else ''})")
    heads = ("Since", "At which partner", "What it is, and what to do", "Of what")
    return [heading, tag("p", "Annet som venter", class_="aside", lang="nb"), table(more, heads, rows, "waiting")]


def _why(one: Waiting) -> Html | None:
    return reasons([Stuck(one.what, one.to_do, one.since)])


def _where(one: Waiting) -> Child:
    if not (one.partner or one.organisation):
        return tag("span", "none", class_="empty")
    return [one.partner, tag("p", one.organisation, class_="aside")]


def _what(prefix: str, one: Waiting) -> Child:
    """What was asked for, the pathway, and what was recorded, in whatever words: shortened, and without a person's number."""
    pathway = tag("a", "The pathway", href=f"{prefix}/pathways/{one.pathway}") if one.pathway else None
    told = [tag("p", plain(one.told.en), class_="testers"), tag("p", plain(one.told.nb), class_="testers", lang="nb")]
    return [both(one.assigned) if one.assigned.en else None, pathway, told]


def _seen(prefix: str, one: Seen, today: date) -> Html:
    baton = one.baton
    return row(_name(prefix, one), held(baton), day(baton.since), awaited(baton.next, today), both(baton.municipality))


def _name(prefix: str, one: Seen) -> Child:
    name = tag("a", f"{one.type} {words.pathway(one.type)}", href=f"{prefix}/pathways/{one.id}")
    return [name, tag("p", f"{words.phase(one.phase)} · {one.version}", class_="aside", lang="nb")]
