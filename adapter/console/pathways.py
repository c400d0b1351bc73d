"""The pages of the pathways: which are open and what is due next, and one with its timeline. No page names a patient."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from starlette.responses import Response

from adapter.console.frame import page, table
from adapter.console.html import Child, Html, join, tag
from adapter.domain.ruleset import Limit
from adapter.domain.state import State
from adapter.usecases.pathways import Gathered
from adapter.usecases.see_pathways import MOST, Seen
from mappings import limit_words
from mappings.resources import care_plan, task
from mappings.timeline import Story, tell, title_of, words

LINE: Final = "timeline.svg"


def list_page(prefix: str, seen: Sequence[Seen], closed: Sequence[Seen], today: date) -> Response:
    """The open pathways, those whose time runs out first on top; then those that closed last."""
    intro = f"Those whose time limit is nearest, or passed, come first; no more than {MOST}. All of them: "
    more = tag("a", "EpisodeOfCare", href=f"{prefix}/fhir/EpisodeOfCare?status=planned,waitlist,active")
    heads = ("Due", "What", "Pathway", "Rule set", "Phase", "Look at")
    rows = [_seen(prefix, one, today) for one in seen]
    none = tag("p", "None is open. ", tag("a", "Send a referral", href=f"{prefix}/docs"), " to open one.", class_="empty")
    return page(
        prefix,
        "Pathways",
        tag("h1", "Open pathways"),
        tag("p", intro, more, ".", class_="intro"),
        table("By the next time limit", heads, rows, "pathways") if rows else none,
        [tag("h2", "Closed pathways"), table("Newest first", heads[2:], [_ended(prefix, one) for one in closed], "pathways")]
        if closed
        else None,
    )


def _seen(prefix: str, one: Seen, today: date) -> Html:
    due = one.next.due if one.next else None
    late = due is not None and due < today
    sign = tag("span", "▲ overdue", class_="severity error") if late else None
    kind, _, ordinal = one.next.key.rpartition("-") if one.next else ("", "", "1")
    cells: list[Child] = [
        [_day(due) if due else "–", " ", sign],
        words.limit(kind, int(ordinal)) if kind else tag("span", "no time limit is known or runs", class_="empty"),
        *_what(prefix, one),
        [_fhir(prefix, "EpisodeOfCare", one.id), " ", _fhir(prefix, "Task", one.next.task) if one.next else None],
    ]
    return _row(*cells)


def _ended(prefix: str, one: Seen) -> Html:
    return _row(*_what(prefix, one), _fhir(prefix, "EpisodeOfCare", one.id))


def _what(prefix: str, one: Seen) -> tuple[Child, ...]:
    name = tag("a", f"{one.type} {words.pathway(one.type)}", href=f"{prefix}/pathways/{one.id}")
    return name, one.version, [words.phase(one.phase), tag("p", one.status, class_="id")]


def pathway_page(prefix: str, pathway: Gathered, state: State, today: date) -> Response:
    """One pathway: its timeline, events, time limits, duties and findings, each with its resource."""
    rules, story = pathway.rules, tell(title_of(pathway.rules), pathway.course, state, today)
    line = f"{prefix}/pathways/{pathway.id}/{LINE}"
    picture = tag("img", src=line, alt=f"Timeline of the pathway: {story.heading}. All that it shows stands in the tables.")
    return page(
        prefix,
        rules.pathway,
        tag("p", tag("a", "← Pathways", href=f"{prefix}/pathways")),
        tag("h1", f"{rules.pathway} {rules.nb}"),
        _facts(prefix, pathway, state),
        tag("p", tag("a", picture, href=line), class_="timeline"),
        tag("h2", "Events"),
        _events(prefix, pathway),
        tag("h2", "Time limits"),
        _limits(prefix, pathway, state, story),
        tag("h2", "Duties"),
        _duties(prefix, pathway, state),
        tag("h2", "Findings"),
        _findings(prefix, state),
    )


def _facts(prefix: str, pathway: Gathered, state: State) -> Html:
    id = pathway.id
    links = [
        _fhir(prefix, "EpisodeOfCare", id),
        _fhir(prefix, "CarePlan", care_plan.id_of(id)),
        tag("a", "Tasks", href=f"{prefix}/fhir/Task?group-identifier=urn:uuid:{id}&_count=100"),
        tag("a", "Observations", href=f"{prefix}/fhir/Observation?focus=EpisodeOfCare/{id}&_count=100"),
        tag("a", "findings", href=f"{prefix}/fhir/EpisodeOfCare/{id}/$findings"),
    ]
    facts: tuple[tuple[str, Child], ...] = (
        ("Phase", words.phase(state.phase)),
        ("Status", state.status),
        ("Rule set", pathway.rules.version),
        ("Care level", state.care_level),
        ("From", _day(state.start) if state.start else None),
        ("To", [_day(state.end), f" {words.OUTCOMES['X'].get(state.end_reason, state.end_reason)}"] if state.end else None),
        ("Id", tag("code", id)),
        ("FHIR", [[link, " "] for link in links]),
    )
    return tag("dl", [[tag("dt", name), tag("dd", value)] for name, value in facts if value], class_="facts")


def _events(prefix: str, pathway: Gathered) -> Html:
    events = sorted(pathway.course.events, key=lambda event: (event.on, event.kind, event.id))
    if not events:
        return tag("p", "None is registered yet.", class_="empty")
    rows = [
        _row(_day(e.on), tag("code", e.kind + "".join(e.outcomes)), words.official(e), _fhir(prefix, "Observation", e.id))
        for e in events
    ]
    return table("Registered events (9322), by date", ("Date", "Code", "Event", "Look at"), rows)


def _limits(prefix: str, pathway: Gathered, state: State, story: Story) -> Html:
    if not story.bars:
        return tag("p", "None has begun to run.", class_="empty")
    limits = {deadline.key: deadline.limit for deadline in state.deadlines}
    rows = []
    for bar in story.bars:
        stands = tag("span", f"{bar.sign} {bar.word}", class_=f"standing {bar.standing}")
        caused = tag("p", "L: pasientutsatt", class_="aside") if bar.patient_caused else None
        shown = _fhir(prefix, "Task", task.id_of(pathway.id, bar.key)) if bar.due else None
        rows.append(
            _row(
                bar.name,
                _day(bar.start),
                _day(bar.due) if bar.due else "unknown",
                [stands, tag("p", bar.note), caused],
                _source(limits[bar.key]) if bar.key in limits else "see the finding below",
                shown,
            )
        )
    return table("What runs, and what has run", ("Limit", "From", "Due", "Stands", "By", "Look at"), rows)


def _source(limit: Limit) -> Html:
    """Whose rule it is, and how sure its figure: official (A), secondary (B), inferred (C), not found (D)."""
    source = limit.source
    days = (
        "a date for each patient" if limit.unit == "date" else f"{limit.days} {limit.unit} days" if limit.days is not None else ""
    )
    national = f"national; {limit_words.CONFIDENCES[source.confidence][1]} ({source.confidence})"
    sure = "local: the organisation's own" if source.local else national
    return join(tag("p", days), tag("p", sure, class_="aside", title=source.note or source.reference))


def _duties(prefix: str, pathway: Gathered, state: State) -> Html:
    if not state.duties:
        return tag("p", "None has arisen.", class_="empty")
    rows = []
    for owed in sorted(state.duties, key=lambda owed: (bool(owed.done or owed.over), owed.since)):
        how = ["done ", _day(owed.done)] if owed.done else ["no longer, since ", _day(owed.over)] if owed.over else ["to be done"]
        if owed.due and not owed.done:
            how += [" by ", _day(owed.due)]
        what = [owed.duty.en, tag("p", owed.duty.nb, class_="aside", lang="nb")]
        rows.append(_row(what, _day(owed.since), how, _fhir(prefix, "Task", task.id_of(pathway.id, owed.key))))
    return table("What no event tells of", ("Duty", "Since", "Stands", "Look at"), rows)


def _findings(prefix: str, state: State) -> Html:
    if not state.notes:
        return tag("p", "Nothing to report.", class_="empty")
    rows = []
    for noted in state.notes:
        f = noted.finding
        severity = tag("span", f.severity, class_=f"severity {f.severity}")
        event = _fhir(prefix, "Observation", noted.event) if noted.event else None
        rows.append(_row(severity, noted.number, f.en, tag("span", f.nb, lang="nb"), event))
    return table("By the rules of order", ("Severity", "Rule", "What", "Hva", "Look at"), rows)


def _row(*cells: Child) -> Html:
    return tag("tr", [tag("td", cell) for cell in cells])


def _day(day: date) -> Html:
    return tag("time", day.isoformat(), datetime=day.isoformat())


def _fhir(prefix: str, type: str, id: str) -> Html:
    return tag("a", type, href=f"{prefix}/fhir/{type}/{id}")
