"""Terminology operations: what a code is called, whether it is one, what a value set holds, what a code is elsewhere.

https://hl7.org/fhir/R4/codesystem-operation-lookup.html, codesystem-operation-validate-code.html,
valueset-operation-validate-code.html, valueset-operation-expand.html and conceptmap-operation-translate.html. They tell of no
patient, and whoever is let in may ask. What is known is `adapter.r4.terminology`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from adapter.domain.identity import named
from adapter.domain.problem import Kind, Problem, problem
from adapter.fhir.bundles import instant
from adapter.fhir.clauses import fault
from adapter.fhir.face import Answer, Asked, Face, not_found
from adapter.fhir.inputs import Code, Inputs, inputs, required
from adapter.r4 import terminology
from adapter.r4.carried import Body, carried
from adapter.r4.outcome import TRANSLATION
from adapter.r4.systems import canonical_system
from adapter.r4.terminology import NORWEGIAN, Codes, Concept, Said, System, Verdict

PAGES: Final = "https://hl7.org/fhir/R4/"
CODE: Final = {"code": "text", "coding": "coding", "display": "text", "displayLanguage": "text", "abstract": "flag"}
LOOKUP: Final = {"system": "text", "code": "text", "version": "text", "coding": "coding"} | {
    "displayLanguage": "text",
    "property": "texts",
}
OF_SYSTEM: Final = {"url": "text", "version": "text", "codeableConcept": "concept", **CODE}
OF_SET: Final = {"url": "text", "system": "text", "systemVersion": "text", "codeableConcept": "concept", **CODE}
EXPAND: Final = {
    **{"url": "text", "filter": "text", "count": "number", "offset": "number", "includeDesignations": "flag"},
    **{"displayLanguage": "text", "activeOnly": "flag", "excludeNested": "flag", "excludeNotForUI": "flag"},
}
"""The last three change nothing: every code of ours is in use, meant for people, and stands below no other."""
TRANSLATE: Final = {
    **{"url": "text", "system": "text", "code": "text", "version": "text", "coding": "coding", "codeableConcept": "concept"},
    **{"source": "text", "target": "text", "targetsystem": "text", "reverse": "flag"},
}


def lookup(_: Face, asked: Asked, data: bytes) -> Answer:
    """The names and properties of a code. NOT_FOUND for a code or system that is not known here."""
    given = inputs(asked, data, LOOKUP)
    (wanted,) = given.codes()
    system = _system(wanted.system, "system", wanted.version)
    if not system.named:
        en = "Of this system the codes are known here, but not their names: they can be checked by $validate-code."
        nb = "Av dette systemet er kodene kjent her, men ikke navnene: de kan kontrolleres med $validate-code."
        raise problem(Kind.NOT_FOUND, en, nb, where="http.system")
    verdict = terminology.in_system(system, wanted.code)
    if verdict.concept is None:
        raise problem(Kind.NOT_FOUND, *verdict.why, where="http.code", rule=system.uri)
    return _parameters(_told(system, verdict.concept, given))


def _told(system: System, concept: Concept, given: Inputs) -> Iterable[Body]:
    """All there is, or the properties asked for; name and display always."""
    wanted = given.texts("property")
    yield {"name": "name", "valueString": system.title}
    yield {"name": "display", "valueString": concept.name(given.text("displayLanguage"))}
    for language, name in concept.names.items():
        if not wanted or {"designation", f"lang.{language}"} & {*wanted}:
            parts = [{"name": "language", "valueCode": language}, {"name": "value", "valueString": name}]
            yield {"name": "designation", "part": parts}
    for one in concept.properties:
        if not wanted or one["code"] in wanted:
            value = {key: said for key, said in one.items() if key != "code"}
            yield {"name": "property", "part": [{"name": "code", "valueCode": one["code"]}, {"name": "value", **value}]}


def validate_system_code(_: Face, asked: Asked, data: bytes) -> Answer:
    """Whether a code is one of a system; true where any coding of a concept is."""
    given = inputs(asked, data, OF_SYSTEM)
    url = _meant("CodeSystem", asked, given)
    codes = given.codes(url)
    system = _system(url or codes[0].system, "url", given.text("version"))
    return _validated([_in_system(system, one) for one in codes], given)


def _in_system(system: System, wanted: Code) -> Verdict:
    if canonical_system(wanted.system) != system.uri:
        en, nb = f"The code is of another system than {system.uri}.", f"Koden er fra et annet system enn {system.uri}."
        return Verdict(False, None, (en, nb))
    return terminology.in_system(system, wanted.code, wanted.display)


def validate_set_code(_: Face, asked: Asked, data: bytes) -> Answer:
    """Whether a code is in a value set; true where any coding of a concept is."""
    given = inputs(asked, data, OF_SET)
    codes = _codes(_meant("ValueSet", asked, given))
    wanted = given.codes()
    _unversioned(wanted[0].system, given.text("systemVersion"), "systemVersion")
    return _validated([terminology.in_value_set(codes, one.system, one.code, one.display) for one in wanted], given)


def _validated(verdicts: Sequence[Verdict], given: Inputs) -> Answer:
    """The first that holds, else the first of all."""
    verdict = next((one for one in verdicts if one.holds), verdicts[0])
    said: list[Body] = [{"name": "result", "valueBoolean": verdict.holds}]
    if not verdict.holds:
        said.append(_message(verdict.why))
    if verdict.concept and verdict.concept.display:
        said.append({"name": "display", "valueString": verdict.concept.name(given.text("displayLanguage"))})
    return _parameters(said)


def expand(face: Face, asked: Asked, data: bytes) -> Answer:
    """The concepts of a value set, or of a page of them."""
    given = inputs(asked, data, EXPAND)
    codes = _codes(_meant("ValueSet", asked, given))
    found = terminology.expanded(codes, given.text("filter"))
    offset, count = given.number("offset") or 0, given.number("count")
    page = found[offset:] if count is None else found[offset : offset + count]
    contains = [_contained(one, given) for one in page]
    about = next((body for body in carried("ValueSet").values() if body["url"] == codes.url), None)
    head = {key: value for key, value in about.items() if key != "compose"} if about else {"resourceType": "ValueSet"}
    told = {
        "identifier": f"urn:uuid:{named('expansion', codes.url, *(f'{one.system}|{one.code}' for one in found))}",
        "timestamp": instant(face.clock.now()),
        "total": len(found),
        "offset": offset,
        "parameter": [*_used(given)],
        "contains": contains,
    }
    expansion = {key: value for key, value in told.items() if value != []}
    body = {**head, "url": codes.url, "status": "active", "expansion": expansion}
    return Answer(200, msgspec.json.encode(body))


def _contained(concept: Concept, given: Inputs) -> Body:
    said: Body = {"system": concept.system, "code": concept.code}
    if concept.display:
        said["display"] = concept.name(given.text("displayLanguage"))
    if given.flag("includeDesignations") and concept.names:
        said["designation"] = [{"language": language, "value": name} for language, name in concept.names.items()]
    return said


def _used(given: Inputs) -> Iterable[Body]:
    """What the expansion was made by; the words of the filter are the caller's own, and are not repeated."""
    for name in EXPAND:
        if name in given and name not in ("url", "filter"):
            kind = {"text": "valueString", "flag": "valueBoolean", "number": "valueInteger"}[EXPAND[name]]
            yield {"name": name, kind: given.values[name]}


def translate(_: Face, asked: Asked, data: bytes) -> Answer:
    """What a code is called in another system, by one of our maps or all."""
    given = inputs(asked, data, TRANSLATE)
    maps = _maps(asked, given)
    codes = given.codes()
    for one in codes:
        _unversioned(one.system, one.version, "version")
    source, target = (_codes(given.text(name), name) if name in given else None for name in ("source", "target"))
    found = [
        match
        for one in codes
        if source is None or terminology.in_value_set(source, one.system, one.code).holds
        for match in terminology.translated(
            maps, one.system, one.code, target=given.text("targetsystem"), reverse=given.flag("reverse")
        )
        if target is None or (match.concept and terminology.in_value_set(target, match.concept.system, match.concept.code).holds)
    ]
    holds = any(match.concept and match.equivalence not in terminology.NO_MATCH for match in found)
    said: list[Body] = [{"name": "result", "valueBoolean": holds}]
    if not holds:
        comment = next((f" It is {match.comment}." for match in found if match.comment), "")
        said.append(_message((f"No map here has such a code there.{comment}", "Ingen kart her har en slik kode der.")))
    return _parameters([*said, *({"name": "match", "part": [*_match(match)]} for match in found)])


def _match(match: terminology.Match) -> Iterable[Body]:
    yield {"name": "equivalence", "valueCode": match.equivalence}
    if match.concept:
        said = {"system": match.concept.system, "code": match.concept.code, "display": match.concept.display}
        yield {"name": "concept", "valueCoding": {key: value for key, value in said.items() if value}}
    yield {"name": "source", "valueUri": match.source}


# --- what is meant


def _meant(type: str, asked: Asked, given: Inputs) -> str:
    """The canonical of what is asked about: by `url`, or by the id in the address. Empty where neither says it."""
    if not asked.id:
        return given.text("url")
    if "url" in given:
        raise fault("url", "is said by the address already: leave it out", "er sagt av adressen alt: utelat den")
    return str(_by_id(type, asked.id)["url"])


def _by_id(type: str, id: str) -> Body:
    found = carried(type).get(id)
    if found is None:
        raise not_found()
    return found


def _maps(asked: Asked, given: Inputs) -> Sequence[Body]:
    url = _meant("ConceptMap", asked, given)
    found = [body for body in carried("ConceptMap").values() if url in ("", body["url"])]
    if not found:
        raise _unknown("url", "There is no such concept map here.", "Det finnes ikke noe slikt kodekart her.")
    return found


def _system(name: str, parameter: str, version: str) -> System:
    """The code system. NOT_FOUND where it, or that version of it, is not known here."""
    bare, _, also = name.partition("|")
    _unversioned(bare, version or also, "version")
    found = terminology.system_named(bare)
    if found is None:
        raise _unknown(parameter, "The code system is not known here.", "Kodesystemet er ikke kjent her.")
    return found


def _codes(url: str, parameter: str = "url") -> Codes:
    if not url:
        raise required(parameter, "Say which value set is meant: url.", "Si hvilket verdisett det gjelder: url.")
    bare, _, version = url.partition("|")
    _unversioned(bare, version, parameter)
    found = terminology.value_set(bare)
    if found is None:
        en = "The value set is not known here, or not the codes in it."
        raise _unknown(parameter, en, "Verdisettet, eller kodene i det, er ikke kjent her.")
    return found


def _unversioned(name: str, version: str, parameter: str) -> None:
    """National code systems have no versions (HL7 Norway's rule for codes), nor have ours; R4's own are of R4."""
    if version and not (version == "4.0.1" and name.startswith("http://hl7.org/fhir/")):
        en = "That version is not known here. National code systems have none: leave it out."
        raise _unknown(parameter, en, "Versjonen er ikke kjent her. Nasjonale kodesystemer har ingen: utelat den.")


def _unknown(parameter: str, en: str, nb: str) -> Problem:
    return problem(Kind.NOT_FOUND, en, nb, where=f"http.{parameter}", rule=PAGES + "terminology-service.html")


# --- how it is said


def _message(said: Said) -> Body:
    """In English, with Norwegian beside it, as in an OperationOutcome."""
    parts = [{"url": "lang", "valueCode": NORWEGIAN}, {"url": "content", "valueString": said[1]}]
    return {"name": "message", "valueString": said[0], "_valueString": {"extension": [{"url": TRANSLATION, "extension": parts}]}}


def _parameters(said: Iterable[Body]) -> Answer:
    body: dict[str, Any] = {"resourceType": "Parameters", "parameter": [*said]}
    return Answer(200, msgspec.json.encode(body))
