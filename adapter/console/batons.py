"""Who holds the baton, drawn: the box on top of a pathway's page, what is stuck, how each assignment went. In two languages.

What others have written is text here, whatever it holds, and no more of it than is shown in a line or two.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from adapter.console.frame import table
from adapter.console.html import Child, Html, join, tag
from adapter.domain.assignment import NAMING, OPEN
from adapter.domain.baton import AWAITS_ANSWER, Baton, Leg, Next, Part, Stuck, asked, standing
from adapter.domain.baton_words import KINDS
from adapter.domain.coordination import Text
from adapter.usecases.see_batons import Holding, Relay, Story
from mappings.timeline import ASKED, DROPPED, HELD, Band, Lane, words


def both(said: Text) -> Html:
    """English, with the Norwegian under it where it is another text."""
    norwegian = tag("p", said.nb, class_="aside", lang="nb") if said.nb != said.en else None
    return join(said.en, norwegian)


def day(on: date | None) -> Html:
    return tag("time", on.isoformat(), datetime=on.isoformat()) if on else tag("span", "–", class_="empty")


def by(on: date | None, today: date) -> Child:
    """By when, and whether that has passed."""
    if on is None:
        return tag("span", "no date is set", class_="empty")
    late = tag("span", "▲ overdue", class_="severity error") if on < today else None
    return ["by ", day(on), " ", late]


def held(baton: Baton) -> Child:
    sign = None if baton.held else tag("span", "○ ", aria_hidden="true")
    return [sign, both(baton.holder)]


def awaited(one: Next | None, today: date) -> Child:
    if one is None:
        return tag("span", "nothing", class_="empty")
    return [one.en, tag("p", one.nb, class_="aside", lang="nb"), tag("p", by(one.by, today))]


def reasons(stuck: Sequence[Stuck]) -> Html | None:
    """What does not move, each with what to do about it."""
    if not stuck:
        return None
    return tag("ul", [tag("li", _reason(one)) for one in stuck], class_="stuck")


def _reason(one: Stuck) -> Child:
    why = tag("p", tag("strong", "▲ ", one.why.en), " ", tag("span", "since ", day(one.since), class_="empty"))
    nb = tag("p", f"{one.why.nb} → {one.to_do.nb}", class_="aside", lang="nb")
    return [why, tag("p", one.to_do.en, class_="action"), nb]


def box(baton: Baton, today: date) -> Html:
    """The first thing on a pathway's page."""
    facts: list[tuple[str, Child]] = [
        ("Has the baton", tag("div", held(baton), class_="holder")),
        ("Since", day(baton.since)),
        ("What happens next", awaited(baton.next, today)),
    ]
    facts += [("Then", [tag("div", awaited(one, today)) for one in baton.then])] if baton.then else []
    facts += [("The municipality", both(baton.municipality))]
    listed = tag("dl", [[tag("dt", name), tag("dd", value)] for name, value in facts], class_="facts")
    return tag("section", reasons(baton.stuck), listed, class_="held", aria_label="The baton")


def hand_overs(legs: Sequence[Leg]) -> Html:
    if not legs:
        return tag("p", "Nobody has had it yet.", class_="empty")
    rows = [row(day(leg.since), day(leg.until) if leg.until else "still", both(leg.holder)) for leg in legs]
    return table("Who has had the baton, from when to when", ("From", "Until", "Who"), rows)


def asked_of(stories: Sequence[Story], today: date) -> Html:
    """What organisations have asked one another for, and how each of it went."""
    handed = [story for story in stories if story.now.code in KINDS]
    if not handed:
        return tag("p", "Nobody has been asked yet.", class_="empty")
    heads = ("What", "Who is asked, and why", "How it stands", "Answer by", "How it went")
    return table("The first on top", heads, [_story(story, today) for story in handed], "asked")


def follow_ups(stories: Sequence[Story], today: date) -> Html:
    """What the municipality's coordinator is to do: the eight national tasks, as far as they have arisen."""
    rows = []
    for now in (story.now for story in stories if story.now.code not in KINDS):
        name, stands = words.duty(now.code, ""), standing(now)
        rows.append(row(tag("span", name, lang="nb"), stands.en, by(now.due, today) if now.status in OPEN else day(now.due)))
    if not rows:
        return tag("p", "None has arisen.", class_="empty")
    return table("National tasks of a municipal coordinator", ("Task", "How it stands", "By"), rows)


def _story(story: Story, today: date) -> Html:
    now = story.now
    went = tag("ol", [tag("li", day(one.on), " ", standing(one.stands).en, _because(one.reason)) for one in story.told])
    why = tag("div", both(story.why), class_="aside") if story.why.en else None
    stands = tag("span", standing(now).en, class_="standing"), tag("p", standing(now).nb, class_="aside", lang="nb")
    due = by(now.due, today) if now.status in OPEN else day(now.due)
    return row(both(KINDS[now.code]), [both(asked(now)), why], stands, due, went)


def _because(reason: str) -> Child:
    return [": ", tag("q", reason)] if reason else None


def coordinators(holdings: Sequence[Holding]) -> Html:
    """Who coordinates and has coordinated. They are health personnel at work: name and telephone are for being called."""
    if not holdings:
        return tag("p", "None yet.", class_="empty")
    rows = []
    for one in holdings:
        side = (
            Text("kommunen", "the municipality")
            if one.part.municipal
            else Text("spesialisthelsetjenesten", "the specialist service")
        )
        who = one.person or tag("span", "nobody is named yet", class_="empty")
        until = day(one.part.until) if one.part.until else "still"
        rows.append(row(both(side), one.part.organisation, who, one.phone, day(one.part.since), until))
    return table("From when to when", ("Of", "Organisation", "Who", "Telephone", "From", "Until"), rows)


def row(*cells: Child) -> Html:
    return tag("tr", [tag("td", cell) for cell in cells])


def lanes(relay: Relay) -> list[Lane]:
    """The hand-overs as the timeline draws them: who had the baton, who coordinated in the municipality, who was asked there."""
    parts = [one.part for one in relay.holdings if one.part.municipal]
    found = [
        Lane("Har pinnen", tuple(Band(HELD if o.held else DROPPED, o.holder.nb, o.since, o.until) for o in relay.legs)),
        Lane("I kommunen", tuple(Band(HELD, _part(part), part.since, part.until) for part in parts)),
        Lane("Spurt", tuple(Band(ASKED, _answer(one), *_asked(one)) for one in relay.stories if _is_to_coordinate(one))),
    ]
    return [lane for lane in found if lane.bands]


def _part(part: Part) -> str:
    return f"Koordinator i {part.organisation}" if part.named else f"{part.organisation} har sagt ja"


def _is_to_coordinate(story: Story) -> bool:
    return story.now.municipal and story.now.code in NAMING


def _answer(story: Story) -> str:
    return f"{asked(story.now).nb} {'sa nei' if story.now.status == 'rejected' else 'er spurt'}"


def _asked(story: Story) -> tuple[date, date | None]:
    """From when until when an answer was awaited."""
    answered = (one.on for one in story.told if one.stands.status not in ("draft", *AWAITS_ANSWER))
    return story.told[0].on, next(answered, None)
