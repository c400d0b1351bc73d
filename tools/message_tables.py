"""Derives the message tables in `mappings/messages/tables/` from the official XSDs.

    python tools/message_tables.py [--check]

A table says for each element type which children it may have (as a regular expression over one letter per child),
which attributes, and what its text must look like. The XSDs themselves are not part of the project: point
STAFETT_STANDARDS at the folder that holds `xsd/` (default ../shared/standards). `--check` compares instead of writing,
and does nothing where the XSDs are absent.
"""

from __future__ import annotations

import json
import os
import string
import sys
from pathlib import Path

from lxml import etree

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "mappings" / "messages" / "tables"
XS = "{http://www.w3.org/2001/XMLSchema}"
MSGHEAD = "{http://www.kith.no/xmlstds/msghead/2006-05-24}"
HENVISNING_2 = "{http://ehelse.no/xmlstds/henvisning/2017-11-30}"
BASE64 = "{http://www.kith.no/xmlstds/base64container}"
SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"
COMMON = ("kith", "felleskomponent1", "kith-base64")
LETTERS = string.ascii_letters

# name of the table -> (files, root, further roots that a Content wildcard admits)
TABLES = {
    "henvisning-2.0": (
        ("MsgHead-v1_2", "Henvisning-v2.0", "poKomponent-v2.0", *COMMON),
        MSGHEAD + "MsgHead",
        [HENVISNING_2 + "Henvisning", BASE64 + "Base64Container"],
    ),
    "henvisning-1.1": (
        ("Henvisning-v1.1", "poKomponent-v1.5", *COMMON),
        "{http://www.kith.no/xmlstds/henvisning/2012-02-15}Message",
        [BASE64 + "Base64Container"],
    ),
    "henvisning-1.0": (("Henvisning-v1.0", *COMMON), "{http://www.kith.no/xmlstds/henvisning/2005-07-08}Message", []),
}
BUILTIN = {
    "string": "string",
    "token": "token",
    "anyURI": "token",
    "dateTime": "dateTime",
    "date": "date",
    "gYear": "gYear",
    "boolean": "boolean",
    "integer": "integer",
    "double": "decimal",
    "decimal": "decimal",
    "base64Binary": "base64",
    "anyType": "any",
}
NAMED = {"oid": "oid", "ST": "string", "INT": "integer"}
TS = "timestamp"  # dateTime, date, gYear, gYearMonth or time


class Derivation:
    """One table: walks from the root and numbers each type it meets."""

    def __init__(self, files: tuple[str, ...], root: str, content: list[str], xsd: Path) -> None:
        self.content = content
        self.globals: dict[tuple[str, str], etree._Element] = {}
        for path in sorted(xsd.rglob("*.xsd")):
            if path.stem in files:
                self._index(etree.parse(path).getroot())
        self.types: list[dict[str, object]] = []
        self.numbers: dict[object, int] = {}
        self.root = root
        self.declared("element", root)

    def _index(self, schema: etree._Element) -> None:
        target = "{" + schema.get("targetNamespace", "") + "}"
        for child in schema:
            if isinstance(child.tag, str) and child.get("name"):
                self.globals[(child.tag.removeprefix(XS), target + child.get("name"))] = child

    @staticmethod
    def _qualified(at: etree._Element, name: str) -> str:
        prefix, _, local = name.rpartition(":")
        return "{" + (at.nsmap.get(prefix or None) or "") + "}" + local

    def declared(self, sort: str, name: str) -> int:
        return self.type_of(self.globals[(sort, name)])

    def type_of(self, element: etree._Element) -> int:
        """The number of an element declaration's type; a new one is entered into the table."""
        named = element.get("type")
        if named:
            name = self._qualified(element, named)
            if name.startswith(XS):
                return self.simple(BUILTIN[name.removeprefix(XS)])
            if ("complexType", name) not in self.globals:
                return self.simple(self._simple_name(name))
            holder, key = self.globals[("complexType", name)], name
        else:
            holder, key = element.find(XS + "complexType"), element
            if holder is None:
                return self.simple("string")
        if key in self.numbers:
            return self.numbers[key]
        number = self.numbers[key] = len(self.types)
        entry: dict[str, object] = {}
        self.types.append(entry)
        self._complex(holder, entry)
        return number

    def _simple_name(self, name: str) -> str:
        return NAMED[name.partition("}")[2]]

    def simple(self, text: str, fixed: str | None = None) -> int:
        key = ("simple", text, fixed)
        if key not in self.numbers:
            self.numbers[key] = len(self.types)
            self.types.append({"text": text} | ({"fixed": fixed} if fixed else {}))
        return self.numbers[key]

    def _complex(self, holder: etree._Element, entry: dict[str, object]) -> None:
        children: dict[str, list[object]] = {}
        model = "".join(
            self._particle(c, children) for c in holder.iter(XS + "sequence", XS + "choice") if self._outermost(c, holder)
        )
        attributes = {}
        for attribute in holder.findall(XS + "attribute"):
            attributes[attribute.get("name")] = self._attribute(attribute)
        if any(next(wild.iterancestors(f"{XS}complexType")) is holder for wild in holder.iter(f"{XS}any")):
            entry["wildcard"] = True
        if children:
            entry["children"] = children
            entry["model"] = model
        if attributes:
            entry["attributes"] = attributes
        if not children and not attributes:
            extended = holder.find(f".//{XS}extension")
            entry["text"] = (
                BUILTIN[self._qualified(extended, extended.get("base")).removeprefix(XS)] if extended is not None else "string"
            )
        if holder.find(f".//{XS}any") is not None and not children:
            entry["text"] = "any"

    @staticmethod
    def _outermost(particle: etree._Element, holder: etree._Element) -> bool:
        for ancestor in particle.iterancestors():
            if ancestor is holder:
                return True
            if ancestor.tag in (XS + "sequence", XS + "choice"):
                return False
        return False

    def _attribute(self, attribute: etree._Element) -> str:
        name = attribute.get("type")
        if name is None:
            return TS if attribute.find(f".//{XS}union") is not None else "true-false"
        qualified = self._qualified(attribute, name)
        return BUILTIN[qualified.removeprefix(XS)] if qualified.startswith(XS) else self._simple_name(qualified)

    def _particle(self, particle: etree._Element, children: dict[str, list[object]]) -> str:
        """A content model as a regular expression over the children's letters."""
        parts = []
        for child in particle:
            if child.tag == XS + "element":
                parts.append(self._element(child, children))
            elif child.tag in (XS + "sequence", XS + "choice"):
                parts.append(self._particle(child, children))
            elif child.tag == XS + "any":
                parts.append(
                    "[" + "".join(self._child(name, self.declared("element", name), children) for name in self.content) + "]*"
                )
        body = "|".join(parts) if particle.tag == XS + "choice" else "".join(parts)
        return f"(?:{body}){self._occurs(particle)}"

    def _element(self, element: etree._Element, children: dict[str, list[object]]) -> str:
        if element.get("ref"):
            name = self._qualified(element, element.get("ref"))
            number = self.simple("any") if name == SIGNATURE else self.declared("element", name)
        else:
            name = self._target(element) + element.get("name")
            number = self.simple("string", element.get("fixed")) if element.get("fixed") else self.type_of(element)
        return self._child(name, number, children) + self._occurs(element)

    @staticmethod
    def _target(element: etree._Element) -> str:
        return "{" + element.getroottree().getroot().get("targetNamespace", "") + "}"

    @staticmethod
    def _child(name: str, number: int, children: dict[str, list[object]]) -> str:
        return str(children.setdefault(name, [LETTERS[len(children)], number])[0])

    @staticmethod
    def _occurs(particle: etree._Element) -> str:
        low, high = particle.get("minOccurs", "1"), particle.get("maxOccurs", "1")
        return {("1", "1"): "", ("0", "1"): "?", ("0", "unbounded"): "*", ("1", "unbounded"): "+"}[(low, high)]


def derived(xsd: Path) -> dict[str, str]:
    """All tables as file name -> text."""
    texts = {}
    for name, (files, root, content) in TABLES.items():
        table = Derivation(files, root, content, xsd)
        body = ",\n  ".join(json.dumps(entry, ensure_ascii=False) for entry in table.types)
        texts[f"{name}.json"] = f'{{"root": "{root}", "types": [\n  {body}\n]}}\n'
    return texts


def main() -> int:
    xsd = Path(os.environ.get("STAFETT_STANDARDS", ROOT.parent / "shared" / "standards")) / "xsd"
    if not xsd.is_dir():
        print("message tables: not checked, the XSDs are not here (STAFETT_STANDARDS)")
        return 0
    stale = 0
    for name, text in derived(xsd).items():
        target = OUT / name
        if "--check" in sys.argv:
            if target.read_text(encoding="utf-8") != text:
                print(f"message tables: {name} is not what the XSDs give; run python tools/message_tables.py")
                stale = 1
        else:
            OUT.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    return stale


if __name__ == "__main__":
    sys.exit(main())
