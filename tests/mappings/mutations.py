"""Changes to a message, one at a time, of the kinds that senders make by mistake. Each needs only a source of chance.

root = etree.fromstring(xml)
MUTATIONS["drop"](root, Random(1))     # root now lacks an element
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from random import Random

from lxml import etree

from mappings.messages.tree import XSI

VALUES = (
    *("", " ", "x", "-", "+1", "1.", ".5", "1e5", "NaN", "INF", "0", "1", "true", "TRUE", " true ", "ja", "٣", "1 2", "12345"),
    *("2026", "02026", "2026-05", "2026-13", "10:00:00", "1.2.3", "1..2", "2.16."),
    *("2026-02-28", "2026-02-29", "2024-02-29", "1900-02-29", "2000-02-29", "2026-02-30", "2026-04-31", "2026-1-1", "0000-01-01"),
    *("2026-01-01Z", "2026-01-01+14:00", "2026-01-01+14:01", "2026-01-01T24:00:00", "2026-01-01T24:00:01", "2026-01-01T25:00:00"),
    *("2026-01-01T10:00:00.5", "2026-01-01T10:00:00.", "2026-01-01T10:00", "2026-01-01T10:00:00+02:00"),
)
ATTRIBUTES = ("V", "S", "DN", "OT", "U", "x", f"{XSI}nil", f"{XSI}schemaLocation", "{http://www.w3.org/XML/1998/namespace}lang")


def below(root: etree._Element) -> list[tuple[etree._Element, etree._Element]]:
    """Every element but the root, with what it stands in."""
    return [(element, parent) for element in root.iter("*") if (parent := element.getparent()) is not None]


def drop(root: etree._Element, chance: Random) -> None:
    element, parent = chance.choice(below(root))
    parent.remove(element)


def duplicate(root: etree._Element, chance: Random) -> None:
    element, parent = chance.choice(below(root))
    parent.insert(parent.index(element), copy.deepcopy(element))


def swap(root: etree._Element, chance: Random) -> None:
    """Two neighbours change places."""
    first = chance.choice([element for element, _ in below(root) if element.getnext() is not None])
    second = first.getnext()
    if second is not None:
        second.addnext(first)


def rename(root: etree._Element, chance: Random) -> None:
    element, _ = chance.choice(below(root))
    element.tag += "X"


def other_namespace(root: etree._Element, chance: Random) -> None:
    element, _ = chance.choice(below(root))
    element.tag = "{urn:other}" + etree.QName(element).localname


def move(root: etree._Element, chance: Random) -> None:
    element, _ = chance.choice(below(root))
    inside = set(element.iter("*"))
    chance.choice([to for to in root.iter("*") if to not in inside]).append(element)


def text(root: etree._Element, chance: Random) -> None:
    """Another text, or a text where there is none."""
    chance.choice([element for element in root.iter("*") if not len(element)]).text = chance.choice(VALUES)


def stray_text(root: etree._Element, chance: Random) -> None:
    element, _ = chance.choice(below(root))
    element.tail = chance.choice(("stray", "\n"))


def value(root: etree._Element, chance: Random) -> None:
    """Another value of an attribute."""
    element = chance.choice([element for element in root.iter("*") if element.attrib])
    element.set(chance.choice(sorted(element.attrib)), chance.choice(VALUES))


def drop_attribute(root: etree._Element, chance: Random) -> None:
    element = chance.choice([element for element in root.iter("*") if element.attrib])
    del element.attrib[chance.choice(sorted(element.attrib))]


def add_attribute(root: etree._Element, chance: Random) -> None:
    chance.choice(list(root.iter("*"))).set(chance.choice(ATTRIBUTES), chance.choice(("1", "true")))


def nest(root: etree._Element, chance: Random) -> None:
    element = chance.choice(list(root.iter("*")))
    etree.SubElement(element, element.tag)


def comment(root: etree._Element, chance: Random) -> None:
    """What changes nothing."""
    chance.choice(list(root.iter("*"))).append(etree.Comment("<Sex V='x'/>"))


MUTATIONS: dict[str, Callable[[etree._Element, Random], None]] = {
    change.__name__: change
    for change in (
        *(drop, duplicate, swap, rename, other_namespace, move, nest),
        *(text, stray_text, value, drop_attribute, add_attribute, comment),
    )
}
