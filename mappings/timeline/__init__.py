"""A pathway on a line: its events, phases and deadlines, with today; as a picture (SVG) and as lines of text.

    svg(title, course, state, today, lanes)      # bytes, for GET /pathways/{id}/timeline.svg
    lines(title, course, state, today)           # for `stafett timeline`

It names no person: type, rule set, codes, dates, and in the lanes organisations and their roles. In Norwegian, for those who work
with the pathway.
"""

from mappings.timeline import words
from mappings.timeline.picture import STYLE, svg
from mappings.timeline.story import ASKED, DROPPED, HELD, Band, Lane, Story, tell, title_of
from mappings.timeline.text import lines

__all__ = ["ASKED", "DROPPED", "HELD", "STYLE", "Band", "Lane", "Story", "lines", "svg", "tell", "title_of", "words"]
