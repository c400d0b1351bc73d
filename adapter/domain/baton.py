"""Who holds the baton of a pathway: who is responsible now and since when, what happens next and by when, and what is stuck.

    baton(run, today).holder.en     # "The pathway coordinator at Fjordheim sykehus HF"

While a pathway is open the specialist service has it: the unit that assesses or treats, or its coordinator once somebody has taken
that on. It goes over to the municipality when the pathway closes with follow-up there, to whoever has said yes. Being asked is not
holding: from a no, or from silence, the baton stays where it was. Organisations and roles are named here, never a person.

Whose it is to coordinate, and when, is the national pathways' text (a coordinator in the specialist service until a therapist is
named, a municipal one beside it and after it); that the baton stays with whoever had it is ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from adapter.domain.assignment import OPEN
from adapter.domain.baton_words import ANSWERS, DOES, FOLLOW_UP, KINDS, LOOK, MILESTONES, STANDINGS, TO_DO
from adapter.domain.coordination import NOTHING, Text

AWAITS_ANSWER: Final = ("requested", "received")


@dataclass(frozen=True, slots=True)
class Assignment:
    """What one organisation asked another for, as it stands. `owner` is who is asked, `who` whom its rules name there.

    `since` is the day that it came to its status; `waits` says that it has not been sent yet, `undelivered` that it could not be.
    """

    id: str
    code: str
    status: str
    municipal: bool
    owner: str
    since: date
    who: Text = NOTHING
    due: date | None = None
    awaits_information: bool = False
    undelivered: bool = False
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """Somebody's part in the team: an organisation that said yes, with a person once one is `named`. `until` None: it lasts."""

    municipal: bool
    organisation: str
    named: bool
    since: date
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Next:
    """Something that is awaited, and by when; None where nobody has said."""

    nb: str
    en: str
    by: date | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that waits for a person, as it was told: its kind (`adapter.ports.Trouble`), why, since when."""

    kind: str
    nb: str
    en: str
    since: date


@dataclass(frozen=True, slots=True)
class Run:
    """All that the baton follows from. `awaits` are the time limits that run; `asks`: municipalities are asked from here."""

    phase: str
    hospital: str
    opened: date | None
    ended: date | None = None
    awaits: tuple[Next, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    team: tuple[Part, ...] = ()
    faults: tuple[Fault, ...] = ()
    asks: bool = True


@dataclass(frozen=True, slots=True)
class Stuck:
    """Why the baton does not move, what somebody is to do about it, and since when it is so."""

    why: Text
    to_do: Text
    since: date


@dataclass(frozen=True, slots=True)
class Baton:
    """`held` is False where nobody has it. `municipality` tells how it stands there; `then` is what is awaited after `next`."""

    holder: Text
    held: bool
    since: date | None
    municipality: Text
    next: Next | None
    then: tuple[Next, ...] = ()
    stuck: tuple[Stuck, ...] = ()


FINISHED: Final = frozenset({"closed", "refused"})
NOBODY: Final = Text("Ingen", "Nobody")
DROPPED: Final = Text("Ingen i kommunen, så vidt vi vet", "Nobody in the municipality, as far as we know")

_NO_ONE: Final = TO_DO["no-one-to-ask"]


def baton(run: Run, today: date) -> Baton:
    """Where the baton is, on a day."""
    holder, since = _holder(run)
    held = holder not in (NOBODY, DROPPED)
    awaited = [] if run.phase in FINISHED else [*_answers(run), *(run.awaits if run.phase != FOLLOW_UP else ())]
    if not any(one in run.awaits for one in awaited) and run.phase in MILESTONES and held:
        awaited.append(Next(*MILESTONES[run.phase]))
    awaited.sort(key=lambda one: one.by or date.max)
    stuck = sorted(_stuck(run, today), key=lambda one: one.since)
    return Baton(holder, held, since, _municipality(run), awaited[0] if awaited else None, tuple(awaited[1:]), tuple(stuck))


def _holder(run: Run) -> tuple[Text, date | None]:
    if run.phase in FINISHED:
        return NOBODY, run.ended
    if run.phase == FOLLOW_UP:
        part = _now(run, municipal=True)
        if part is None:
            return DROPPED, run.ended
        return _title(part), max(filter(None, (part.since, run.ended)))
    part = _now(run, municipal=False)
    if part and part.named:
        return _title(part), part.since
    return Text(run.hospital, run.hospital), run.opened


@dataclass(frozen=True, slots=True)
class Leg:
    """Somebody had the baton, from a day until another; `until` None: has it still. Not `held`: nobody had it."""

    holder: Text
    held: bool
    since: date
    until: date | None


def legs(run: Run) -> tuple[Leg, ...]:
    """Who has had the baton, from the beginning: the specialist service while the pathway is open, then the municipality."""
    found: list[Leg] = []
    if run.opened:
        ours = [part for part in run.team if part.named and not part.municipal]
        found += _through(ours, run.opened, run.ended, Leg(Text(run.hospital, run.hospital), True, run.opened, None))
    if run.phase == FOLLOW_UP and run.ended:
        found += _through([part for part in run.team if part.municipal], run.ended, None, Leg(DROPPED, False, run.ended, None))
    return tuple(found)


def _through(parts: Sequence[Part], since: date, until: date | None, else_: Leg) -> Iterator[Leg]:
    """The parts in order of time within a period, and between them who has it where none of them does."""
    for part in sorted(parts, key=lambda one: one.since):
        begin, end = max(part.since, since), min(filter(None, (part.until, until)), default=None)
        if end is not None and end <= begin:
            continue
        if begin > since:
            yield replace(else_, since=since, until=begin)
        yield Leg(_title(part), True, begin, end)
        if end is None:
            return
        since = end
    if until is None or since < until:
        yield replace(else_, since=since, until=until)


def _now(run: Run, *, municipal: bool) -> Part | None:
    """The part that a side has in the team now."""
    return next((part for part in reversed(run.team) if part.municipal == municipal and part.until is None), None)


def _title(part: Part) -> Text:
    if not part.named:
        return Text(part.organisation, part.organisation)
    if part.municipal:
        return Text(f"Koordinatoren i {part.organisation}", f"The coordinator in {part.organisation}")
    return Text(f"Forløpskoordinatoren ved {part.organisation}", f"The pathway coordinator at {part.organisation}")


def asked(one: Assignment) -> Text:
    """Who is asked: the unit that its rules name, and whose."""
    if not one.who.nb:
        return Text(one.owner, one.owner)
    at = ("i", "in") if one.municipal else ("ved", "at")
    return Text(f"{one.who.nb} {at[0]} {one.owner}", f"{one.who.en or one.who.nb} {at[1]} {one.owner}")


def _subject(one: Assignment) -> Text:
    """The same as what a sentence begins with: after "…, which is the coordinating unit in Vågå" comes another comma."""
    return Text(*(f"{text}," if "," in text else text for text in asked(one)))


def _answers(run: Run) -> Iterator[Next]:
    """What is awaited of those who were asked."""
    for one in filter(_awaited, run.assignments):
        if one.awaits_information:
            yield Next(
                f"{run.hospital} gir opplysningene som er bedt om", f"{run.hospital} gives the information asked for", one.due
            )
            continue
        who = _subject(one)
        what = (ANSWERS if one.status in AWAITS_ANSWER else DOES)[one.code]
        yield Next(f"{who.nb} {what.nb}", f"{who.en} {what.en}", one.due)


def _awaited(one: Assignment) -> bool:
    """Whether the baton waits for it. A coordinator's follow-up tasks are daily work and hold nothing up."""
    return one.code in KINDS and one.status in OPEN and one.status != "draft"


def _municipality(run: Run) -> Text:
    """How it stands in the municipality."""
    part, last = _now(run, municipal=True), _last(run)
    if part and part.named:
        return Text("koordinator er navngitt", "a coordinator is named")
    if part:
        return Text("har sagt ja", "has said yes")
    if last and last.status in AWAITS_ANSWER:
        return Text("er spurt", "is asked")
    if last and last.status in ("rejected", "failed"):
        return Text("har sagt nei", "has said no")
    return Text("er ikke spurt", "is not asked")


def _last(run: Run) -> Assignment | None:
    """What the municipality was asked last, of those it was asked to be coordinator."""
    wanted = [one for one in run.assignments if one.municipal and one.code in ("assign-coordinator", "handover-coordinator")]
    return max(wanted, key=lambda one: (one.status in OPEN, one.since), default=None)


def _stuck(run: Run, today: date) -> Iterator[Stuck]:
    for fault in run.faults:
        to_do = TO_DO.get(fault.kind, LOOK)
        yield Stuck(Text(fault.nb, fault.en), to_do, fault.since)
    kinds = {fault.kind for fault in run.faults}
    for one in filter(_awaited, run.assignments):
        yield from _stuck_assignment(one, kinds, today)
    last = _last(run)
    if not run.asks or kinds & {"no-one-to-ask"} or run.phase in FINISHED or _now(run, municipal=True):
        return
    if last and last.status in ("rejected", "failed"):
        who = _subject(last)
        yield Stuck(
            Text(f"{who.nb} sa nei, og ingen andre er spurt", f"{who.en} said no, and nobody else is asked"), _NO_ONE, last.since
        )
    elif run.phase == FOLLOW_UP and not (last and last.status in OPEN):
        why = Text(
            "Kommunen skal følge opp, og ingen koordinator der er kjent",
            "The municipality is to follow up, and no coordinator there is known",
        )
        yield Stuck(why, _NO_ONE, run.ended or today)


def _stuck_assignment(one: Assignment, kinds: set[str], today: date) -> Iterator[Stuck]:
    who = _subject(one)
    if one.undelivered and not kinds & {"refused", "unreachable"}:
        yield Stuck(Text(f"{who.nb} har ikke fått det", f"{who.en} has not got it"), TO_DO["refused"], one.since)
    if one.due and one.due < today and "overdue" not in kinds:
        yield Stuck(
            Text(f"{who.nb} har ikke svart innen {one.due}", f"{who.en} did not answer by {one.due}"), TO_DO["overdue"], one.due
        )
    if one.status == "on-hold":
        yield Stuck(
            Text(f"{who.nb} har satt det på vent", f"{who.en} has put it on hold"),
            Text("Spør når det går videre.", "Ask when it goes on."),
            one.since,
        )


def standing(one: Assignment) -> Text:
    """How an assignment stands, in a word or two."""
    if one.undelivered:
        return Text("ikke kommet frem", "not delivered")
    if one.waits:
        return Text("venter på å bli sendt", "waits to be sent")
    if one.status == "completed" and one.code in ("assign-coordinator", "handover-coordinator"):
        return Text("koordinator navngitt", "coordinator named")
    return STANDINGS.get(one.status, Text("ukjent", "unknown"))
