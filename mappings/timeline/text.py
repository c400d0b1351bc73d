"""A pathway as lines of text, a hundred columns wide: a name, a line of time, and what there is to say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

from adapter.domain.course import Course
from adapter.domain.state import Owed, State
from mappings.timeline import words
from mappings.timeline.story import Bar, Story, tell

NAME: Final = 31
LINE: Final = 40


def lines(title: str, course: Course, state: State, today: date) -> list[str]:
    """The pathway for a terminal, or a file. `title` names its type and rule set, never a person."""
    story = tell(title, course, state, today)
    return [line.rstrip() for line in _lines(story, state)]


def _lines(story: Story, state: State) -> Iterator[str]:
    yield _plain(story.title)
    yield story.heading
    yield ""
    yield _row("", f"{story.first}".ljust(LINE - 10) + f"{story.last}", "")
    if story.first <= story.today <= story.last:
        yield _row("I dag", _drawn(story, {}), f"{story.today}")
    yield "Fase"
    for band in story.bands:
        end = band.until or (story.today if story.open else story.last)
        spread = range(_column(story, band.since), max(_column(story, end), _column(story, band.since) + 1))
        yield _row(band.name, _drawn(story, dict.fromkeys(spread, "━")), f"{band.since} – {band.until or ''}".rstrip(" –"))
    yield "Hendelser"
    for mark in story.marks:
        line = _drawn(story, {_column(story, mark.on): _plain(mark.letters[:1]) or "•"})
        yield _row(f"{mark.letters:3} {mark.name}", line, f"{mark.on} {mark.outcome}")
    yield "Frister"
    for bar in story.bars:
        yield _row(bar.name, _drawn(story, _bar(story, bar)), f"{bar.sign} {bar.word}")
        caused = "  L" if bar.patient_caused else ""
        yield _row(f"    {bar.start} – {bar.due or '?'}{caused}", _drawn(story, {}), f"  {bar.note}")
    if story.bars:
        yield _row("", "═ løper, ┃ siste dag, ╳ over fristen", "L pasientutsatt")
    waiting = [owed for owed in state.duties if not (owed.done or owed.over)]
    if waiting:
        yield "Gjøremål"
        yield from (_owed(owed) for owed in waiting)


def _bar(story: Story, bar: Bar) -> dict[int, str]:
    """The cells of a deadline: `═` of its time, `╳` beyond it, `┃` its last day, and the sign where it ended."""
    until = bar.due or bar.end or (story.today if story.open else bar.start)
    start, due = _column(story, bar.start), _column(story, until)
    cells = dict.fromkeys(range(start, due), "┄" if bar.standing in ("fell-away", "unknown") else "═")
    running = bar.standing in ("on-time", "due-soon", "overdue")
    reached = bar.end or (story.today if running else None)
    if reached and bar.due and reached > bar.due:
        cells |= dict.fromkeys(range(due, _column(story, reached) + 1), "╳")
    cells |= {due: "┃"} if bar.due else {}
    return cells | ({_column(story, bar.end): bar.sign} if bar.end else {})


def _owed(owed: Owed) -> str:
    name = words.duty(owed.duty.kind, owed.duty.nb)
    return f"  {_plain(name)} (fra {owed.since}" + (f", innen {owed.due})" if owed.due else ")")


def _drawn(story: Story, cells: dict[int, str]) -> str:
    now = _column(story, story.today) if story.first <= story.today <= story.last else -1
    return "".join(cells.get(column, "┊" if column == now else " ") for column in range(LINE))


def _column(story: Story, day: date) -> int:
    share = (day - story.first) / (story.last - story.first)
    return round((LINE - 1) * min(max(share, 0.0), 1.0))


def _row(name: str, line: str, said: str) -> str:
    return f"{_plain(name)[:NAME]:{NAME}} {line} {_plain(said)}"


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
