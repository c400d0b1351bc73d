"""The picture of a pathway: an SVG by itself, without scripts or anything from outside.

Colour is never alone: each deadline has a sign and words, and what was late is hatched, so that it can be read in black and
white. Texts have places of their own, reckoned with the widest of the usual fonts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from html import escape
from itertools import count
from typing import Final

from adapter.domain.course import Course
from adapter.domain.state import State
from mappings.timeline import words
from mappings.timeline.places import cut, lanes, text_width
from mappings.timeline.story import ASKED, Band, Bar, Lane, Mark, Story, tell

WIDTH: Final = 1000
LEFT: Final = 214  # where the time begins
RIGHT: Final = 796  # where it ends
EDGE: Final = 16
SMALL: Final = 11
USUAL: Final = 13
LANE: Final = 22
ROW: Final = 36
MONTHS: Final = ("jan.", "feb.", "mars", "april", "mai", "juni", "juli", "aug.", "sep.", "okt.", "nov.", "des.")

STYLE: Final = """
svg{--g:#fff;--i:#1d2a30;--s:#56656c;--l:#d3d8d6;--a:#0b5a80;--b:#e6eef2;--c:#c9dce5;--good:#1f6f54;--bad:#a33022;--wait:#8a5b00;--rest:#5f6b71;
font-family:system-ui,"Segoe UI","DejaVu Sans",sans-serif;background:var(--g)}
text{fill:var(--i);stroke:var(--g);stroke-width:3px;paint-order:stroke}.soft{fill:var(--s)}.bold{font-weight:600}.paper{fill:var(--g)}
.line{stroke:var(--l)}.pole{stroke:var(--s)}
.band{fill:var(--b);stroke:var(--g);stroke-width:2}.band.odd{fill:var(--c)}
.band.asked{fill:var(--g);stroke:var(--s);stroke-dasharray:4 3;stroke-width:1.5}.band.dropped{fill:url(#late)}
.flag{fill:var(--i)}.flag+text{fill:var(--g);stroke:none}.band+text{stroke:none}
.today{stroke:var(--a);stroke-width:2;stroke-dasharray:5 4}.now{fill:var(--a);font-weight:600}
.frame{fill:none;stroke:currentColor;stroke-width:1.5}.part{fill:currentColor;fill-opacity:.35}.late{fill:url(#late)}.hatch{fill:var(--bad)}
.open{stroke-dasharray:4 3}.due,.end{stroke:currentColor;stroke-width:3}.dot{fill:var(--g);stroke:currentColor;stroke-width:2.5}
.word{fill:currentColor;font-weight:600}
.on-time{color:var(--a)}.due-soon{color:var(--wait)}.overdue,.met-late{color:var(--bad)}.met{color:var(--good)}.fell-away,.unknown{color:var(--rest)}
@media screen and (prefers-color-scheme:dark){svg{--g:#182329;--i:#e6ebec;--s:#a3b1b6;--l:#2d3b42;--a:#8cc8e6;--b:#24404d;
--c:#31586a;--good:#8fd6b6;--bad:#f1a99d;--wait:#f4cd7c;--rest:#a3b1b6}}
""".replace("\n", "")
"""The same for every picture, so that a page's policy can allow it by its digest."""


def svg(title: str, course: Course, state: State, today: date, lanes: Sequence[Lane] = ()) -> bytes:
    """The picture of a pathway. `title` names its type and rule set, `lanes` organisations and roles, never a person."""
    return "".join(_document(tell(title, course, state, today, lanes))).encode()


def _document(story: Story) -> Iterator[str]:
    body: list[str] = []
    top = 112  # beneath title, heading, today and the months
    for part in (_events, _phases, _relay, _deadlines):
        drawn, height = part(story, top)
        body += drawn
        top += height
    bottom = top
    legend, height = _legend(bottom + 14)
    total = bottom + 14 + height
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {total}" width="{WIDTH}" height="{total}" lang="nb" '
        f'role="img" aria-labelledby="title desc"><title id="title">{_plain(story.title)}</title>'
        f'<desc id="desc">{_plain(_described(story))}</desc><style>{STYLE}</style><defs><pattern id="late" width="6" height="6" '
        'patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="hatch" width="3" height="6"/></pattern></defs>'
    )
    yield f'<rect class="paper" width="{WIDTH}" height="{total}"/>'
    yield _text(EDGE, 30, cut(story.title, 17, WIDTH - 2 * EDGE), 17, "bold")
    yield _text(EDGE, 52, story.heading, USUAL, "soft")
    yield from _months(story, bottom)
    yield from _today(story, bottom)
    yield from body
    yield from legend
    yield "</svg>"


def _phases(story: Story, top: int) -> tuple[list[str], int]:
    """The phases as bands."""
    return _bands(story, top, "Fase", story.bands, "phase")


def _relay(story: Story, top: int) -> tuple[list[str], int]:
    """Who had the baton, as bands: who was only asked has a dashed edge, and where nobody had it is hatched."""
    drawn: list[str] = []
    height = 0
    for lane in story.lanes:
        of_lane, high = _bands(story, top + height, lane.name, lane.bands, "hand")
        drawn += of_lane
        height += high - 14  # they belong together
    return drawn, height + 14 if drawn else 0


def _bands(story: Story, top: int, title: str, bands: Sequence[Band], group: str) -> tuple[list[str], int]:
    """A line of bands; a name that its band has no room for stands beneath it, and so does that of one that others may lie on."""
    drawn, outside = [_text(EDGE, top + 16, title, USUAL, "bold")], []
    for number, band in enumerate(bands):
        kind = f"band odd {band.code}" if number % 2 else f"band {band.code}"
        x, end = _x(story, band.since), _x(story, band.until) if band.until else RIGHT
        wide = max(end - x, 3)
        said = f"{band.name}: {band.since} – {band.until or ''}".rstrip(" –")
        drawn.append(_group(group, said) + f'<rect class="{kind}" {_box(x, top, wide, 24)}/>')
        name = cut(band.name, SMALL, WIDTH - LEFT)
        if text_width(name, SMALL) + 12 <= wide and band.code != ASKED:
            drawn.append(_text(x + 6, top + 16, name, SMALL))
        else:
            outside.append((x, name))
        drawn.append("</g>")
    rows = lanes([(_kept(x + 4, name, SMALL), text_width(name, SMALL) + 8) for x, name in outside])
    for (x, name), row in zip(outside, rows, strict=True):
        y = top + 24 + 16 * (row + 1)
        drawn.append(f'<path class="pole" d="M{x:.1f} {top + 24}V{y}"/>' + _text(_kept(x + 4, name, SMALL), y, name, SMALL))
    return drawn, 24 + 16 * (max(rows, default=-1) + 1) + 30


def _events(story: Story, top: int) -> tuple[list[str], int]:
    """The events as flags on poles that stand on the phases, the earliest on top."""
    places = [(_x(story, mark.on), _said(story, mark)) for mark in story.marks]
    widths = [_wide(mark.letters) + text_width(said, SMALL) + 14 for mark, (_, said) in zip(story.marks, places, strict=True)]
    rows = lanes([(x, wide) for (x, _), wide in zip(places, widths, strict=True)])
    line = top + LANE * (max(rows, default=0) + 1)
    drawn = [_text(EDGE, top + 12, "Hendelser", USUAL, "bold")]
    for mark, (x, said), row in zip(story.marks, places, rows, strict=True):
        y = line - LANE * (row + 1)
        drawn.append(_group("event" if mark.letters else "answer", f"{mark.letters} {mark.on} {mark.full}".strip()))
        drawn.append(f'<path class="pole" d="M{x:.1f} {y}V{line}"/>')
        drawn.append(_flag(x, y, mark.letters) if mark.letters else "")
        drawn.append(_text(x + _wide(mark.letters) + 5, y + 12, said, SMALL) if said else "")
        drawn.append("</g>")
    return drawn, line - top


def _said(story: Story, mark: Mark) -> str:
    """As much of an event's name as there is room for between its day and the edge; the whole is in its title."""
    x, room = _x(story, mark.on), WIDTH - EDGE / 2
    at = f"{mark.on} " if not story.first <= mark.on <= story.last else ""
    choices = (at + mark.whole, at + mark.name, at.strip())
    return next((c for c in choices if x + _wide(mark.letters) + 5 + text_width(c, SMALL) <= room), "")


def _deadlines(story: Story, top: int) -> tuple[list[str], int]:
    drawn = [_text(EDGE, top + 4, "Frister", USUAL, "bold")]
    for bar, y in zip(story.bars, count(top + 16, ROW), strict=False):
        drawn += _deadline(story, bar, y)
    return drawn, 16 + ROW * len(story.bars) + 4


def _deadline(story: Story, bar: Bar, y: int) -> Iterator[str]:
    """One deadline: its name, the bar from anchor to due day, where it ended, and how it stands in sign and words."""
    until = bar.due or bar.end or (story.today if story.open else bar.start)
    yield _group(f"deadline {bar.standing}", _sentence(bar)) + f'<path class="line" d="M{EDGE} {y}H{WIDTH - EDGE}"/>'
    yield _text(EDGE, y + 16, cut(bar.name, USUAL, LEFT - EDGE - 8), USUAL)
    yield _text(EDGE, y + 29, f"{bar.start} – {bar.due or '?'}", SMALL, "soft")
    x, due = _x(story, bar.start), _x(story, until)
    yield f'<rect class="frame{"" if bar.due else " open"}" {_box(x, y + 11, max(due - x, 2), 14)}/>'
    reached = bar.end or (story.today if bar.standing in ("on-time", "due-soon", "overdue") else None)
    if reached and bar.standing != "fell-away":
        yield f'<rect class="part" {_box(x, y + 11, max(min(_x(story, reached), due) - x, 0), 14)}/>'
        if bar.due and reached > bar.due:
            yield f'<rect class="late" {_box(due, y + 14, max(_x(story, reached) - due, 2), 8)}/>'
    if bar.due:
        yield f'<path class="due" d="M{due:.1f} {y + 7}V{y + 29}"/>'
    if bar.end and bar.standing != "fell-away":
        yield f'<circle class="dot" cx="{_x(story, bar.end):.1f}" cy="{y + 18}" r="4.5"/>'
    yield _text(RIGHT + 14, y + 16, f"{bar.sign} {bar.word}", USUAL, "word")
    yield _text(RIGHT + 14, y + 29, bar.note, SMALL, "soft")
    if bar.patient_caused:
        yield _flag(LEFT - 26, y + 18, "L")
    yield "</g>"


def _months(story: Story, bottom: int) -> Iterator[str]:
    for day, name in _ticks(story):
        x = _x(story, day)
        yield f'<path class="line" d="M{x:.1f} 96V{bottom}"/>' + _text(x + 3, 100, name, SMALL, "soft")


def _ticks(story: Story) -> Iterator[tuple[date, str]]:
    """The first of months, or Mondays where the time is short; never closer than their names are wide."""
    per_day = (RIGHT - LEFT) / (story.last - story.first).days
    if per_day * 7 >= 50:
        day = story.first + timedelta(days=-story.first.weekday() % 7)
        while day <= story.last:
            yield day, f"{day.day}. {MONTHS[day.month - 1]}"
            day += timedelta(days=7)
        return
    step = next((s for s in (1, 2, 3, 6, 12) if per_day * 28 * s >= 66), 12 * (1 + int(66 / (per_day * 365))))
    for month in range(story.first.year * 12 + story.first.month, story.last.year * 12 + 12):
        day = date(month // 12, month % 12 + 1, 1)
        if month % step == 0 and day <= story.last:
            yield day, f"{MONTHS[day.month - 1]} {day.year}"


def _today(story: Story, bottom: int) -> Iterator[str]:
    if not story.first <= story.today <= story.last:
        return
    x, said = _x(story, story.today), f"I dag {story.today}"
    yield f'<g class="present"><path class="today" d="M{x:.1f} 80V{bottom}"/>'
    yield _text(_kept(x - text_width(said, SMALL) / 2, said, SMALL), 76, said, SMALL, "now") + "</g>"


def _legend(top: int) -> tuple[list[str], int]:
    drawn, x, y = [f'<path class="line" d="M{EDGE} {top - 10}H{WIDTH - EDGE}"/>'], float(EDGE), top + 8
    for standing, (sign, word) in words.STANDINGS.items():
        said = f"{sign} {word}"
        drawn.append(f'<g class="{standing}">' + _text(x, y, said, SMALL, "word") + "</g>")
        x += text_width(said, SMALL) + 16
    drawn.append(_flag(x, y - 12, "L") + _text(x + 22, y, "pasientutsatt", SMALL, "soft"))
    more = "Søylen går fra fristen begynner å løpe til siste dag; skravert er det som er over. Ringen er da det ble gjort."
    drawn.append(_text(EDGE, y + 18, more, SMALL, "soft"))
    return drawn, 40


def _described(story: Story) -> str:
    """All that the picture shows, for those who hear it."""
    said = [story.heading + "."]
    said += [f"I dag {story.today}."] if story.open else []
    said += [f"{band.since} {band.name}." for band in story.bands]
    said += [f"{lane.name}: {band.since} {band.name}." for lane in story.lanes for band in lane.bands]
    said += [f"{mark.on} {mark.letters} {mark.whole}.".replace("  ", " ") for mark in story.marks]
    return " ".join([*said, *(f"{_sentence(bar)}." for bar in story.bars)])


def _sentence(bar: Bar) -> str:
    caused = ", pasientutsatt" if bar.patient_caused else ""
    return f"{bar.name}, {bar.start} – {bar.due or '?'}: {bar.word} ({bar.note}){caused}"


def _flag(x: float, y: int, letters: str) -> str:
    return f'<rect class="flag" {_box(x, y, _wide(letters), 16)}/>' + _text(x + 4, y + 12, letters, SMALL, "bold")


def _wide(letters: str) -> float:
    """How wide a flag is; its letters are bold."""
    return text_width(letters, SMALL) * 1.1 + 8 if letters else 0


def _x(story: Story, day: date) -> float:
    """Where a day is; one beyond the time that is shown is at its edge."""
    share = (day - story.first) / (story.last - story.first)
    return LEFT + (RIGHT - LEFT) * min(max(share, 0.0), 1.0)


def _kept(x: float, text: str, size: float) -> float:
    """The place of a text, moved so that it ends within the picture."""
    return min(x, WIDTH - EDGE / 2 - text_width(text, size))


def _box(x: float, y: float, width: float, height: float) -> str:
    return f'x="{x:.1f}" y="{y}" width="{width:.1f}" height="{height}"'


def _text(x: float, y: float, text: str, size: int, class_: str = "") -> str:
    kind = f' class="{class_}"' if class_ else ""
    return f'<text x="{x:.1f}" y="{y}" font-size="{size}"{kind}>{_plain(text)}</text>'


def _group(class_: str, title: str) -> str:
    """The beginning of a group, with what it says when it is pointed at."""
    return f'<g class="{class_}"><title>{_plain(title)}</title>'


def _plain(text: str) -> str:
    """Text as XML has it: escaped, without what XML cannot hold or nobody can see."""
    return escape("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text))
