"""The page of one pathway: who holds the baton and how it came there, then its timeline and all that it has come to.

It names no patient. The resources behind it are linked to for testers, by each row and together at the bottom.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from starlette.responses import Response

from adapter.console.batons import asked_of, box, coordinators, day, follow_ups, hand_overs, row
from adapter.console.frame import page, table
from adapter.console.html import Child, Html, join, tag
from adapter.domain.ruleset import Limit
from adapter.domain.state import State
from adapter.usecases.pathways import Gathered
from adapter.usecases.see_batons import Relay
from mappings import limit_words
from mappings.resources import care_plan, care_team, task
from mappings.timeline import Story, tell, title_of, words

LINE: Final = "timeline.svg"


def pathway_page(prefix: str, pathway: Gathered, state: State, relay: Relay, today: date) -> Response:
    """One pathway: its baton, timeline, events, time limits, duties and findings."""
    rules, story = pathway.rules, tell(title_of(pathway.rules), pathway.course, state, today)
    line = f"{prefix}/pathways/{pathway.id}/{LINE}"
    picture = tag("img", src=line, alt=f"Timeline of the pathway: {story.heading}. All that it shows stands in the tables.")
    return page(
        prefix,
        rules.pathway,
        tag("p", tag("a", "← Pathways", href=f"{prefix}/pathways")),
        tag("h1", f"{rules.pathway} {rules.nb}"),
        box(relay.baton, today),
        _facts(pathway, state),
        tag("h2", "Hand-overs"),
        tag("p", tag("a", picture, href=line), class_="timeline"),
        hand_overs(relay.legs),
        tag("h2", "Asked of others"),
        asked_of(relay.stories, today),
        tag("h2", "Coordinators"),
        coordinators(relay.holdings),
        tag("h2", "The municipal coordinator's tasks"),
        follow_ups(relay.stories, today),
        tag("h2", "Events"),
        _events(prefix, pathway),
        tag("h2", "Time limits"),
        _limits(prefix, pathway, state, story),
        tag("h2", "Duties"),
        _duties(prefix, pathway, state),
        tag("h2", "Findings"),
        _findings(prefix, state),
        tag("h2", "For testers"),
        _behind(prefix, pathway, relay),
    )


def _facts(pathway: Gathered, state: State) -> Html:
    facts: tuple[tuple[str, Child], ...] = (
        ("Phase", words.phase(state.phase)),
        ("Status", words.STATUSES.get(state.status, state.status)),
        ("Rule set", pathway.rules.version),
        ("Care level", state.care_level),
        ("From", day(state.start) if state.start else None),
        ("To", [day(state.end), f" {words.OUTCOMES['X'].get(state.end_reason, state.end_reason)}"] if state.end else None),
    )
    return tag("dl", [[tag("dt", name), tag("dd", value)] for name, value in facts if value], class_="facts")


def _behind(prefix: str, pathway: Gathered, relay: Relay) -> Html:
    """What programs read of it."""
    id = pathway.id
    search = f"group-identifier=urn:uuid:{id}&_count=100"
    links = [
        _fhir(prefix, f"EpisodeOfCare/{id}", "EpisodeOfCare"),
        _fhir(prefix, f"CarePlan/{care_plan.id_of(id)}", "CarePlan"),
        _fhir(prefix, f"CareTeam/{care_team.id_of(id)}", "CareTeam") if relay.holdings else None,
        _fhir(prefix, f"Task?{search}", "Tasks"),
        _fhir(prefix, f"Observation?focus=EpisodeOfCare/{id}&_count=100", "Observations"),
        _fhir(prefix, f"EpisodeOfCare/{id}/$findings", "findings"),
        *(_fhir(prefix, f"Task/{story.now.id}", f"Task {story.now.code}") for story in relay.stories),
    ]
    return tag("p", "Id ", tag("code", id), ". As FHIR: ", [[link, " "] for link in links if link], class_="testers")


def _events(prefix: str, pathway: Gathered) -> Html:
    events = sorted(pathway.course.events, key=lambda event: (event.on, event.kind, event.id))
    if not events:
        return tag("p", "None is registered yet.", class_="empty")
    rows = [
        row(day(e.on), tag("code", e.kind + "".join(e.outcomes)), words.official(e), _json(prefix, f"Observation/{e.id}"))
        for e in events
    ]
    return table("Registered events (9322), by date", ("Date", "Code", "Event", "For testers"), rows)


def _limits(prefix: str, pathway: Gathered, state: State, story: Story) -> Html:
    if not story.bars:
        return tag("p", "None has begun to run.", class_="empty")
    limits = {deadline.key: deadline.limit for deadline in state.deadlines}
    rows = []
    for bar in story.bars:
        stands = tag("span", f"{bar.sign} {bar.word}", class_=f"standing {bar.standing}")
        caused = tag("p", "L: pasientutsatt", class_="aside") if bar.patient_caused else None
        shown = _json(prefix, f"Task/{task.id_of(pathway.id, bar.key)}") if bar.due else None
        rows.append(
            row(
                bar.name,
                day(bar.start),
                day(bar.due) if bar.due else "unknown",
                [stands, tag("p", bar.note), caused],
                _source(limits[bar.key]) if bar.key in limits else "see the finding below",
                shown,
            )
        )
    return table("What runs, and what has run", ("Limit", "From", "Due", "Stands", "By", "For testers"), rows)


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
        how = ["done ", day(owed.done)] if owed.done else ["no longer, since ", day(owed.over)] if owed.over else ["to be done"]
        if owed.due and not owed.done:
            how += [" by ", day(owed.due)]
        what = [owed.duty.en, tag("p", owed.duty.nb, class_="aside", lang="nb")]
        rows.append(row(what, day(owed.since), how, _json(prefix, f"Task/{task.id_of(pathway.id, owed.key)}")))
    return table("What no event tells of", ("Duty", "Since", "Stands", "For testers"), rows)


def _findings(prefix: str, state: State) -> Html:
    if not state.notes:
        return tag("p", "Nothing to report.", class_="empty")
    rows = []
    for noted in state.notes:
        f = noted.finding
        severity = tag("span", f.severity, class_=f"severity {f.severity}")
        event = _json(prefix, f"Observation/{noted.event}") if noted.event else None
        rows.append(row(severity, noted.number, f.en, tag("span", f.nb, lang="nb"), event))
    return table("By the rules of order", ("Severity", "Rule", "What", "Hva", "For testers"), rows)


def _json(prefix: str, what: str) -> Html:
    return _fhir(prefix, what, "JSON")


def _fhir(prefix: str, what: str, name: str) -> Html:
    return tag("a", name, href=f"{prefix}/fhir/{what}")
