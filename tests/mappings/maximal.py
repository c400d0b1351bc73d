"""Messages that hold everything: each element of a format's schema, made from the message tables.

A choice cannot hold all its branches at once, so there is a message for each branch; where a choice may repeat, one message
holds them all. The values are plausible for the element's name, since a number that is none would rightly be doubted.
"""

from __future__ import annotations

import re
from typing import Any
from xml.sax.saxutils import quoteattr

from mappings import data

FORMATS = ("henvisning-2.0", "henvisning-1.1", "henvisning-1.0")
BRANCHES = range(12)  # choices of two, three and four branches, nested

_TEXTS = {
    "dateTime": "2026-03-01T10:00:00",
    "date": "2026-03-01",
    "gYear": "2015",
    "boolean": "true",
    "true-false": "true",
    "integer": "7",
    "decimal": "2.50",
    "base64": "aGVp",
    "oid": "2.16.578.1.12.4.1.1.9999",
    "timestamp": "2026-03-01T10:00:00",
}
_NAMED = {
    "MsgId": "11111111-2222-4333-8444-555555555555",
    "DocumentId": "66666666-7777-4888-9999-aaaaaaaaaaaa",
    "Name": "Etternavn, Fornavn",
    "OffId": "13916910082",
}
_CODES = {
    "Sex": "2",
    "Priority": "N",
    "TypeOffId": "FNR",
    "TeleAddress": "tel:+4700000000",
    "TypeTelecom": "MC",
    "ArithmeticComp": "LT",
    "NumResultValue": "2.50",
    "IntendedDuration": "3",
    "QuantitySupplied": "30",
    "UnitDose": "10",
    "Low": "1",
    "High": "2",
    "DrugId": "N05AH03",
    "DateOfBirth": "1969-11-13",
    "RoleReceiver": "COP",
}
_SERV_TYPES = {"Henvisning": "N", "ServReq": "N"}


class Maximal:
    """One message: the branch of each choice is `branch`, counted round."""

    def __init__(self, name: str, branch: int) -> None:
        table = data.json_file("messages/tables", f"{name}.json")
        self._types: list[dict[str, Any]] = table["types"]
        self._branch = branch
        self._root = table["root"]
        self._seen = 0

    def xml(self) -> bytes:
        return b'<?xml version="1.0" encoding="UTF-8"?>' + self._element(self._root, 0, "", 0).encode()

    def _element(self, tag: str, number: int, above: str, depth: int) -> str:
        namespace, _, name = tag[1:].rpartition("}")
        kind = self._types[number]
        attributes = "".join(
            f" {key}={quoteattr(self._attribute(key, sort, name, above))}" for key, sort in kind.get("attributes", {}).items()
        )
        inner = self._children(kind, name, depth) if "children" in kind else self._text(kind, name, above)
        return f'<{name} xmlns="{namespace}"{attributes}>{inner}</{name}>'

    def _attribute(self, key: str, sort: str, name: str, above: str) -> str:
        if key == "S":
            return "2.16.578.1.12.4.1.1.9999"
        if key == "V":
            if name == "ServType":
                return _SERV_TYPES.get(above, "N")
            if name in ("TypeId", "Type") and above in ("Ident", "AdditionalId", "Inst", "Dept", "HCPerson", "HCProf"):
                return "LOK" if above == "AdditionalId" else "HPR" if above in ("HCPerson", "HCProf") else "LAV"
            if name == "MsgType" and above == "RefDoc":
                return "A" if self._seen else "XML"
            return _CODES.get(name) or _TEXTS.get(sort, "1")
        return {"DN": "navn", "OT": "fri tekst", "U": "mg"}[key]

    def _text(self, kind: dict[str, Any], name: str, above: str) -> str:
        if "fixed" in kind:
            return str(kind["fixed"])
        if kind.get("text") == "any" or "text" not in kind:
            return ""
        if name == "Id" and above in ("ServReq", "Ident", "Inst", "Dept", "HCProf", "HCPerson"):
            return "8000201"
        return _NAMED.get(name) or _TEXTS.get(kind["text"], f"{name} sagt")

    def _children(self, kind: dict[str, Any], name: str, depth: int) -> str:
        letters = {letter: (tag, number) for tag, (letter, number) in kind["children"].items()}
        parts = []
        branch = self._branch
        if name == "MsgHead" or (name == "RefDoc" and "MsgHead" in self._root and not self._seen):
            branch = 0 if name == "MsgHead" else 1  # a referral, in a Document's Content
        for letter in self._chosen(kind["model"], branch):
            tag, number = letters[letter]
            if depth > 5 and tag.endswith(("}Organisation", "}SubOrg")):
                continue
            if tag.endswith("}Henvisning"):
                if self._seen:
                    continue
                parts.append(self._element(tag, number, name, depth + 1))
                self._seen = 1
                continue
            if tag.endswith("}Base64Container") and "MsgHead" in self._root and not self._seen:
                continue
            parts.append(self._element(tag, number, name, depth + 1))
            if tag.endswith("}Document"):
                parts.append(self._element(tag, number, name, depth + 1))
        return "".join(parts)

    def _chosen(self, model: str, branch: int) -> str:
        """The letters of a content model with one branch of each choice."""
        while True:
            group = re.search(r"\(\?:([^()]*)\)([?*+]?)|\[([a-zA-Z]*)\]\*", model)
            if not group:
                return re.sub(r"[?*+]", "", model)
            inside = group[3] if group[3] is not None else group[1].split("|")[branch % (group[1].count("|") + 1)]
            model = model[: group.start()] + inside + model[group.end() :]


def messages(name: str) -> list[bytes]:
    """The messages of a format, one for each branch."""
    return [Maximal(name, branch).xml() for branch in BRANCHES]
