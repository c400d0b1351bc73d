"""Building FHIR so that every element knows its source.

    patient = trail.resource("Patient", id)
    patient.put("birthDate", "1969-11-13", node)          # value, then the nodes it came from
    patient.put("active", True, rule="…")                  # or the rule that says so
    name = patient.item("name")                            # a new item of a list, to build on

The resource stays plain data. What is recorded is cheap: a place and its sources; paths, lines and texts are worked out only
when somebody asks for the explanation.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from adapter.domain.referral import Part, Said


class Build(Struct, eq=False, gc=False):
    """An element under construction: a plain dict, and where it stands."""

    json: dict[str, Any]
    at: Place
    marks: list[Mark]

    def put(self, key: str, value: Any, *sources: Said, rule: str = "") -> None:
        """Set an element."""
        self.json[key] = value
        self.marks.append((self.at, key, -1, sources, rule))

    def say(self, key: str, said: Said | None) -> None:
        """Set an element to what was said, if anything was."""
        if said is not None:
            self.json[key] = said.value
            self.marks.append((self.at, key, -1, (said,), ""))

    def whole(self, key: str, said: Said | None) -> None:
        """Set an element to a text to the letter, blanks included."""
        if said is not None:
            self.json[key] = said.text
            self.marks.append((self.at, key, -1, (said,), ""))

    def push(self, key: str, value: Any, *sources: Said, rule: str = "") -> None:
        """Append to a list."""
        items = self.json.setdefault(key, [])
        self.marks.append((self.at, key, len(items), sources, rule))
        items.append(value)

    def item(self, key: str) -> Build:
        """A new object at the end of a list."""
        items = self.json.setdefault(key, [])
        child: dict[str, Any] = {}
        items.append(child)
        return Build(child, (self.at, key, len(items) - 1), self.marks)

    def object(self, key: str) -> Build:
        """The object of that name, made where it is not there yet."""
        return Build(self.json.setdefault(key, {}), (self.at, key, -1), self.marks)

    def mark(self, key: str, sources: tuple[Said, ...], rule: str) -> None:
        """Record nodes that lead to an element that is already there."""
        self.marks.append((self.at, key, -1, sources, rule))


def lay_over(first: Build, again: Build) -> None:
    """Add what a second building of the same resource has and the first lacks, with its marks; what differs stays out."""
    moved: dict[tuple[str, int], int] = {}
    refused: set[str] = set()
    for key, value in again.json.items():
        if isinstance(value, list):
            items = first.json.setdefault(key, [])
            for number, item in enumerate(value):
                if item not in items:
                    items.append(item)
                moved[key, number] = items.index(item)
        elif first.json.setdefault(key, value) != value:
            refused.add(key)
    for at, key, index, sources, rule in again.marks:
        top, place = _moved((at, key, index), first.at, moved)
        if top not in refused:
            first.marks.append((*place, sources, rule))


def _moved(place: Place, root: Place, moved: dict[tuple[str, int], int]) -> tuple[str, tuple[Place, str, int]]:
    """The element of the resource that a place is in, and the place where the first building has it."""
    above, key, index = place
    if above is None or above is root:
        return key, (root, key, moved.get((key, index), index))
    top, there = _moved(above, root, moved)
    return top, (there, key, index)


Place = tuple["Place | None", str, int]
"""Where an element stands: what it is in, its name, its index in a list (or -1). A resource is in none, at its entry's index."""

Mark = tuple[Place, str, int, tuple[Said, ...], str]
"""What was set: in which element, its name and index, from which said values, by which rule."""


def origin(said: Said) -> Any:
    """The node of the message behind a said value."""
    return said.source if isinstance(said, Part) else said


def place(mark: Mark) -> str:
    """The path of a mark's element, as FHIRPath from the Bundle."""
    return path((mark[0], mark[1], mark[2]))


def path(at: Place) -> str:
    above, key, index = at
    if above is None:
        return f"Bundle.entry[{index}].resource"
    step = key if index < 0 else f"{key}[{index}]"
    return f"{path(above)}.{step}"
