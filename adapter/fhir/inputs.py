"""What an operation is called with (https://hl7.org/fhir/R4/operations.html#request): parameters of the address, or Parameters.

    given = inputs(asked, data, {"url": "text", "count": "number", "coding": "coding", "property": "texts"})
    given.text("url"), given.number("count"), given.coding()

The kinds are `text` and `flag` and `number`, which an address can hold, `texts` for one that may come again, and `coding` and
`concept` (CodeableConcept), which come in Parameters alone. What the operation has not is refused, since an answer that left it out
would be to another question. No value is ever repeated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from adapter.domain.problem import Finding, Kind, Problem, problem
from adapter.fhir.clauses import fault, shown
from adapter.fhir.face import Asked
from adapter.fhir.negotiation import body_is_xml
from adapter.fhir.search import refuse_person
from adapter.r4.document import read as parse

RULE: Final = "https://hl7.org/fhir/R4/operations.html#request"
LONGEST: Final = 1_000  # characters of a text: no code, name or address of ours comes near
PASSED: Final = ("_format", "_pretty")
VALUES: Final = {
    "text": ("Code", "String", "Uri", "Canonical", "Url", "Id", "Oid", "Uuid", "Markdown", "Date", "DateTime", "Instant"),
    "flag": ("Boolean",),
    "number": ("Integer", "UnsignedInt", "PositiveInt"),
    "coding": ("Coding",),
    "concept": ("CodeableConcept",),
}
"""Kind -> what a Parameters says it by: who means a code often sends a string."""

Kinds = Mapping[str, str]


class Code(NamedTuple):
    """A code as it was given, with its system and its name; empty where they were not."""

    system: str
    code: str
    display: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What was given, by name."""

    values: Mapping[str, Any]

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def text(self, name: str) -> str:
        return str(self.values.get(name, ""))

    def texts(self, name: str) -> list[str]:
        return list(self.values.get(name, ()))

    def flag(self, name: str) -> bool:
        return bool(self.values.get(name, False))

    def number(self, name: str) -> int | None:
        found = self.values.get(name)
        return None if found is None else int(found)

    def codes(self, system: str = "") -> list[Code]:
        """The code that is meant, or the codings of the concept: exactly one of `code`, `coding` and `codeableConcept` is given.

        `system` is that of `code` where the operation has it from elsewhere. REQUIRED and INVALID where it is not so.
        """
        said = [name for name in ("code", "coding", "codeableConcept") if name in self.values]
        if not said:
            raise required("code", "Say which code is meant: code and system, or coding.", "Si hvilken kode det gjelder.")
        if len(said) > 1:
            raise fault(said[1], f"is given beside {said[0]}: use one", f"er gitt ved siden av {said[0]}: bruk én", rule=RULE)
        if said == ["code"]:
            system = system or self.text("system")
            if not system:
                raise required(
                    "system", "A code alone means nothing: name its system.", "En kode alene betyr ingenting: angi system."
                )
            return [Code(system, self.text("code"), self.text("display"), self.text("version"))]
        if said == ["coding"]:
            return [_code(self.values["coding"], "coding", system)]
        codings = self.values["codeableConcept"].get("coding", [])
        if not isinstance(codings, list) or not codings or len(codings) > 100:
            raise fault("codeableConcept", "has from 1 to 100 codings", "har fra 1 til 100 kodinger", rule=RULE)
        return [_code(one, "codeableConcept", system) for one in codings]


def inputs(asked: Asked, data: bytes, kinds: Kinds) -> Inputs:
    """All that was given, by the address and by the body together. Raises `Problem` with every fault."""
    refuse_person(asked.pairs)
    found: dict[str, Any] = {}
    faults: list[Finding] = []
    pairs = ((name, "", value) for name, value in asked.pairs if name not in PASSED)
    for name, kind, value in (*pairs, *(_sent(asked, data) if data else ())):
        try:
            _take(found, kinds, name, kind, value)
        except Problem as wrong:
            faults += wrong.findings
    if faults:
        raise Problem(*faults)
    return Inputs(found)


def required(name: str, en: str, nb: str) -> Problem:
    return problem(Kind.REQUIRED, en, nb, where=f"http.{name}", rule=RULE)


def _take(found: dict[str, Any], kinds: Kinds, name: str, kind: str, value: Any) -> None:
    wanted = kinds.get(name)
    if wanted is None:
        known = ", ".join(kinds)
        raise fault(name, f"is not a parameter here. There are {known}", f"er ingen parameter her. Det finnes {known}", rule=RULE)
    made = _made(name, wanted.removesuffix("s"), kind, value)
    if wanted == "texts":
        found.setdefault(name, []).append(made)
    elif name in found:
        raise fault(name, "is given twice: give it once", "er gitt to ganger: gi den én gang", rule=RULE)
    else:
        found[name] = made


def _made(name: str, wanted: str, kind: str, value: Any) -> Any:
    """The value, of the kind that is wanted. `kind` is empty for text of an address."""
    if kind and kind not in VALUES[wanted]:
        types = ", ".join(f"value{one}" for one in VALUES[wanted])
        raise fault(name, f"is given as {types}", f"gis som {types}", rule=RULE)
    match wanted:
        case "text" if isinstance(value, str) and value and len(value) <= LONGEST:
            return value
        case "flag" if isinstance(value, bool) or (not kind and value in ("true", "false")):
            return value in (True, "true")
        case "number" if (kind and type(value) is int and 0 <= value < 2**31) or (not kind and re.fullmatch("[0-9]{1,9}", value)):
            return int(value)
        case "coding" | "concept" if isinstance(value, dict):
            return value
    if wanted in ("coding", "concept") and not kind:
        raise fault(name, "is sent by POST, in a Parameters", "sendes med POST, i en Parameters", rule=RULE)
    en, nb = {
        "text": (f"is text of up to {LONGEST} characters", f"er tekst på inntil {LONGEST} tegn"),
        "flag": ("is true or false", "er true eller false"),
        "number": ("is a whole number from 0", "er et helt tall fra 0"),
    }.get(wanted, ("is an object", "er et objekt"))
    raise fault(name, en, nb, rule=RULE)


def _sent(asked: Asked, data: bytes) -> Iterator[tuple[str, str, Any]]:
    """Name, kind of value and value of each parameter of the body."""
    body = parse(data, xml=body_is_xml(asked.headers)).body
    parameters = body.get("parameter", []) if isinstance(body, dict) and body.get("resourceType") == "Parameters" else None
    if not isinstance(parameters, list) or not all(isinstance(one, dict) for one in parameters):
        en, nb = "The operation is called with a Parameters resource.", "Operasjonen kalles med en Parameters-ressurs."
        raise problem(Kind.INVALID, en, nb, where="Parameters", rule=RULE)
    for one in parameters:
        name, said = one.get("name"), [key for key in one if key.startswith("value")]
        if not isinstance(name, str) or len(said) != 1:
            name = shown(name) if isinstance(name, str) else "parameter"
            raise fault(name, "has a name and one value", "har et navn og én verdi", rule=RULE)
        yield name, said[0].removeprefix("value"), one[said[0]]


def _code(coding: Any, name: str, system: str) -> Code:
    said = [coding.get(key, "") for key in ("system", "code", "display", "version")] if isinstance(coding, dict) else []
    if not said or not all(isinstance(one, str) and len(one) <= LONGEST for one in said) or not said[1]:
        raise fault(name, "has a system and a code", "har system og kode", rule=RULE)
    if not (said[0] or system):
        raise required(name, "A code alone means nothing: name its system.", "En kode alene betyr ingenting: angi system.")
    return Code(said[0] or system, *said[1:])
