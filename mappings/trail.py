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

from adapter.domain.referral import Part, Said


class Build:
    """An element under construction: a plain dict, and where it stands."""

    __slots__ = ("index", "json", "key", "marks", "parent")

    def __init__(self, json: dict[str, Any], parent: Build | None, key: str, index: int, marks: list[Mark]) -> None:
        self.json = json
        self.parent = parent
        self.key = key
        self.index = index
        self.marks = marks

    def put(self, key: str, value: Any, *sources: Said, rule: str = "") -> None:
        """Set an element."""
        self.json[key] = value
        self.marks.append((self, key, -1, sources, rule))

    def say(self, key: str, said: Said | None) -> None:
        """Set an element to what was said, if anything was."""
        if said is not None:
            self.json[key] = said.value
            self.marks.append((self, key, -1, (said,), ""))

    def whole(self, key: str, said: Said | None) -> None:
        """Set an element to a text to the letter, blanks included."""
        if said is not None:
            self.json[key] = said.text
            self.marks.append((self, key, -1, (said,), ""))

    def push(self, key: str, value: Any, *sources: Said, rule: str = "") -> None:
        """Append to a list."""
        items = self.json.setdefault(key, [])
        items.append(value)
        self.marks.append((self, key, len(items) - 1, sources, rule))

    def item(self, key: str) -> Build:
        """A new object at the end of a list."""
        items = self.json.setdefault(key, [])
        child: dict[str, Any] = {}
        items.append(child)
        return Build(child, self, key, len(items) - 1, self.marks)

    def object(self, key: str) -> Build:
        """The object of that name, made where it is not there yet."""
        child = self.json.setdefault(key, {})
        return Build(child, self, key, -1, self.marks)

    @property
    def path(self) -> str:
        """Where it stands, as FHIRPath from the Bundle."""
        step = self.key if self.index < 0 else f"{self.key}[{self.index}]"
        return f"{self.parent.path}.{step}" if self.parent else step


Mark = tuple[Build, str, int, tuple[Said, ...], str]


def origins(said: Said) -> list[Any]:
    """The nodes of the message behind a said value."""
    while isinstance(said, Part):
        said = said.source
    return [said]


def place(mark: Mark) -> str:
    """The path of a mark's element."""
    build, key, index, _, _ = mark
    return f"{build.path}.{key}" if index < 0 else f"{build.path}.{key}[{index}]"
