"""What all resource mappings write with: the resources so far, ids, codes and findings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lxml import etree
from msgspec import Struct

from adapter.domain.identity import BASE, series
from adapter.domain.problem import Finding, Kind
from adapter.domain.referral import Coded, Receipt, Referral, Said
from mappings import terms
from mappings.messages.tree import Node, line_of, path_of
from mappings.trail import Build, Mark, lay_over

EXTENSION = f"{BASE}/StructureDefinition/"
SYSTEM = f"{BASE}/CodeSystem/"
_OID = "urn:oid:"


class Resource(Struct, frozen=True, gc=False):
    """One resource of the translation. `body` is plain FHIR JSON; a `merge` one adds to what is stored and never blanks it."""

    type: str
    id: str
    body: dict[str, Any]
    merge: bool
    map: str  # the mapping that wrote it


class Writer:
    """One translation under way. Resources come out in the order they were begun."""

    def __init__(
        self, referral: Referral, receipt: Receipt, owner: tuple[str, str], person_id: Callable[[str, str, str], str], source: str
    ) -> None:
        self.referral = referral
        self.receipt = receipt
        self.resources: dict[tuple[str, str], Resource] = {}
        self._roots: dict[tuple[str, str], Build] = {}
        self.marks: list[Mark] = []
        self.findings: list[Finding] = []
        self.whole: set[etree._Element] = set()  # elements kept as they are, with all that is in them
        self._own_id = series(*owner)  # sender's HER-id, DocumentId or else MsgId
        self._person_id = person_id
        self._source = source  # the message, as meta.source

    def begin(self, type: str, id: str, map: str, merge: bool = False) -> Build:
        """A new resource, or the one of that id begun before."""
        root = self._roots.get((type, id))
        if root is None:
            body: dict[str, Any] = {"resourceType": type, "id": id, "meta": {"source": self._source}}
            root = Build(body, (None, "", len(self.resources)), self.marks)
            self._roots[(type, id)] = root
            self.resources[(type, id)] = Resource(type, id, body, merge, map)
        return root

    def has(self, type: str, id: str) -> bool:
        return (type, id) in self.resources

    def own_id(self, role: str, position: int = 0) -> str:
        """The id of a resource that belongs to the referral: the same in N, M and C."""
        return self._own_id(f"{role}|{position}")

    def party_id(self, system: str, value: str) -> str:
        """The keyed id of a person or party at the receiving organisation."""
        return self._person_id(self.receipt.organisation, system, value)

    def concept(self, build: Build, key: str, coded: Coded | None, repeats: bool = False, text: Said | None = None) -> None:
        """A CodeableConcept: the code as it came with its system, the list's own name for it, and what else was said."""
        if coded is None:
            return
        concept = self.codeable(coded)
        sources: tuple[Said, ...] = (coded.said,)
        if text is not None:
            if "text" in concept:
                concept["extension"] = [{"url": EXTENSION + "coded-text", "valueCodeableConcept": {"text": concept["text"]}}]
            concept["text"] = text.text
            sources = (coded.said, text)
        if repeats:
            build.push(key, concept, *sources)
        else:
            build.put(key, concept, *sources)

    def codeable(self, coded: Coded) -> dict[str, Any]:
        attributes = coded.said.attributes
        code = coded.said.value
        name = attributes.get("DN", "").strip()
        text = attributes["OT"].strip() if "OT" in attributes else ""
        if not code:
            return {"text": text or name} if text or name else {}
        oid = attributes["S"].strip() if "S" in attributes else ""
        system = _OID + oid if oid else _system(coded.list)
        if not system:
            self.note(
                coded.said, f"Code {code} has no code system; kept as text.", f"Koden {code} mangler kodeverk; beholdt som tekst."
            )
            return {"text": text or f"{code} {name}".strip()}
        coding = {"system": system, "code": code}
        known = terms.displays(system)
        display = known.get(code) if known else None
        if display or name:
            coding["display"] = display or name
        if known is not None and display is None:
            self.note(
                coded.said,
                f"Code {code} is not in {system}; kept as it came.",
                f"Koden {code} finnes ikke i {system}; beholdt som den kom.",
            )
        if not text and display and name != display:
            text = name
        return {"coding": [coding], "text": text} if text else {"coding": [coding]}

    def mention(self, type: str, id: str, map: str, merge: bool = True) -> Build:
        """A person or party, to be written whole each time it is named; `mentioned` then adds what is new."""
        if not self.has(type, id):
            return self.begin(type, id, map, merge=merge)
        return Build({}, self._roots[(type, id)].at, [])

    def mentioned(self, type: str, id: str, build: Build) -> None:
        """Lay a further mention over the first. What contradicts it is left out, and so told as not understood."""
        first = self._roots[(type, id)]
        if build is not first:
            lay_over(first, build)

    def translate(self, map: str, coded: Coded | None) -> str:
        """A code by a concept map, or nothing."""
        return terms.concept_map(map).get(coded.said.attributes.get("V", "").strip(), "") if coded else ""

    def extend(self, build: Build, name: str, type: str, value: Any, *sources: Said, url: str = "") -> None:
        """An extension with one value."""
        build.push("extension", {"url": url or EXTENSION + name, f"value{type}": value}, *sources)

    def extend_code(self, build: Build, name: str, coded: Coded | None) -> None:
        if coded is not None:
            self.extend(build, name, "CodeableConcept", self.codeable(coded), coded.said)

    def note(self, said: Said, en: str, nb: str, kind: Kind = Kind.UNKNOWN_CODE) -> None:
        """A warning at a node of the message."""
        while not isinstance(said, Node):
            said = said.source  # type: ignore[attr-defined]
        self.findings.append(Finding("warning", kind, en, nb, path_of(said.element), line_of(said.element)))


def _system(code_list: str) -> str:
    """The system of a code whose message names none: the national list that its place implies, or one of ours for that place."""
    if not code_list:
        return ""
    return terms.OID + code_list if code_list.isdigit() else SYSTEM + code_list


def reference(type: str, id: str) -> dict[str, str]:
    return {"reference": f"{type}/{id}"}


def own(system: str, code: str) -> dict[str, Any]:
    """A CodeableConcept of one of our own code systems."""
    known = terms.displays(SYSTEM + system)
    return {"coding": [{"system": SYSTEM + system, "code": code, "display": known[code] if known else code}]}
