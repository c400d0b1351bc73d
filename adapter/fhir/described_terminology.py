"""What the OpenAPI document says of codes, definitions and indicators: their operations, and the address of the definitions.

Every example of a request is named by the status that answers it; a test sends them all.
"""

from __future__ import annotations

from typing import Any, Final

from adapter.domain.identity import BASE
from adapter.failures import FHIR_JSON
from adapter.fhir.definitions import DEFINED
from adapter.fhir.describing import ORGANISATION, example, fault, in_path, operation, query, resource
from adapter.fhir.negotiation import FHIR_XML
from adapter.r4.systems import VOLVEN

EVENT: Final = f"{VOLVEN}9322"
PHASES: Final = f"{BASE}/ValueSet/pathway-phase"
PHASE: Final = f"{BASE}/CodeSystem/pathway-phase"
PRIORITY: Final = f"{VOLVEN}8304"
NAMES: Final = "A national system goes by its OID (with urn:oid: or bare), by its canonical and by the address of its page alike."
INDICATOR: Final = "right-refused"


def paths() -> dict[str, Any]:
    """The paths for the document."""
    return {
        **_called("CodeSystem/$lookup", _lookup()),
        **_called("CodeSystem/$validate-code", _validate_system(), instance="address-protection"),
        **_called("ValueSet/$validate-code", _validate_set(), instance="pathway-phase"),
        **_called("ValueSet/$expand", _expand(), instance="pathway-phase"),
        **_called("ConceptMap/$translate", _translate(), instance="priority-8304"),
        **_called("Measure/$evaluate-measure", _evaluate(), instance=INDICATOR),
        **{path: described for type in DEFINED for path, described in _definitions(type).items()},
    }


class _Told:
    """An operation: its words, its parameters (name -> description, right value, wrong value and its status), its answer."""

    def __init__(self, summary: str, said: str, taken: dict[str, tuple[str, Any, Any, int]], answer: dict[str, Any]) -> None:
        self.summary, self.said, self.taken, self.answer = summary, said, taken, answer


def _called(path: str, told: _Told, instance: str = "") -> dict[str, Any]:
    """By GET and POST, of the type and, where there is one, of an instance, whose address takes the place of `url`."""
    type, _, name = path.partition("/")
    found = {f"/fhir/{path}": {method: _operation(type, name, told, method, "") for method in ("get", "post")}}
    if instance:
        address = f"/fhir/{type}/{{id}}/{name}"
        found[address] = {method: _operation(type, name, told, method, instance) for method in ("get", "post")}
    return found


def _operation(type: str, name: str, told: _Told, method: str, instance: str) -> dict[str, Any]:
    taken = {key: one for key, one in told.taken.items() if not (instance and key in ("url", "measure"))}
    id = f"fhir_{type}_{name[1:]}_{'of_one_' if instance else ''}{method}".replace("-", "_").lower()
    own = [in_path("id", f"Id of the {type}.", _ids(instance))] if instance else []
    asked = [_query(key, *one) for key, one in taken.items()] if method == "get" else []
    answers = {"200": resource("The answer.", told.answer), **{str(status): fault(status) for status in (400, 404)}}
    if type == "Measure":
        answers |= {"422": fault(422)}
    if method == "get":
        return operation(id, told.summary, told.said, [*own, *asked, ORGANISATION], answers)
    answers |= {str(status): fault(status) for status in (408, 413, 415, 422)}
    said = f"{told.said}\n\nAs by GET, with a Parameters resource. Here `coding` and `codeableConcept` can be said too."
    return {**operation(id, told.summary, said, [*own, ORGANISATION], answers), "requestBody": _body(taken)}


def _ids(instance: str) -> dict[str, Any]:
    return {"200-known": example(200, "one that is here", instance), "404-no-such": example(404, "no such", "nothing")}


def _query(name: str, said: str, right: Any, wrong: Any, status: int) -> dict[str, Any]:
    examples = {"200-usual": example(200, "usual", right)}
    if status:
        examples[f"{status}-wrong"] = example(status, "wrong", wrong)
    return query(name, said, examples)


def _body(taken: dict[str, tuple[str, Any, Any, int]]) -> dict[str, Any]:
    """A Parameters with all that is usual, and one with what there is not."""
    usual = [_parameter(name, one[1]) for name, one in taken.items() if one[1] is not None]
    examples = {
        "200-usual": example(200, "usual", {"resourceType": "Parameters", "parameter": usual}),
        "400-unknown": example(400, "no such parameter", {"resourceType": "Parameters", "parameter": [_parameter("unknown", "x")]}),
    }
    schema = {"type": "object", "description": "A Parameters resource."}
    xml = {"schema": {"type": "string", "description": "The same in XML."}}
    return {"required": True, "content": {FHIR_JSON: {"schema": schema, "examples": examples}, FHIR_XML: xml}}


def _parameter(name: str, value: str) -> dict[str, Any]:
    if value in ("true", "false"):
        return {"name": name, "valueBoolean": value == "true"}
    return (
        {"name": name, "valueInteger": int(value)} if value.isdigit() and name == "count" else {"name": name, "valueString": value}
    )


def _parameters(**said: Any) -> dict[str, Any]:
    def kind(value: Any) -> str:
        return "valueBoolean" if isinstance(value, bool) else "valueString"

    return {"resourceType": "Parameters", "parameter": [{"name": name, kind(value): value} for name, value in said.items()]}


def _lookup() -> _Told:
    taken = {
        "system": (f"The code system. {NAMES}", EVENT, "urn:none", 404),
        "code": ("The code.", "M", "none", 404),
        "displayLanguage": ("nb or en; names are Norwegian where there is no other.", None, None, 0),
        "property": ("display, designation, lang.nb, lang.en, or a property of the system; without it all.", None, None, 0),
    }
    answer = _parameters(name="Hendelse i forløp", display="Første fremmøte i pakkeforløpet")
    return _Told("What a code is called", "Names and properties of a code of the systems that are carried here.", taken, answer)


def _validate_system() -> _Told:
    taken = {
        "url": (f"The code system. {NAMES}", f"{BASE}/CodeSystem/address-protection", "urn:none", 404),
        "code": ("The code.", "confidential", "", 400),
        "display": ("A name, which must be right then.", None, None, 0),
    }
    said = "Of a system that is known in part (content: fragment) a code may be one though it is not known: that is told of."
    return _Told("Whether a code is one of a system", said, taken, _parameters(result=True, display="Fortrolig adresse"))


def _validate_set() -> _Told:
    taken = {
        "url": ("The value set: one of ours, or one that R4 requires.", PHASES, "urn:none", 404),
        "system": (f"The code's system. {NAMES}", PHASE, "", 400),
        "code": ("The code.", "treatment", "", 400),
        "display": ("A name, which must be right then.", None, None, 0),
    }
    said = "With codeableConcept it is true where one of its codings is in the value set."
    return _Told("Whether a code is in a value set", said, taken, _parameters(result=True, display="Behandling"))


def _expand() -> _Told:
    taken = {
        "url": ("The value set: one of ours, or one that R4 requires.", PHASES, "urn:none", 404),
        "filter": ("Words that stand in the code or a name of it.", None, None, 0),
        "count": ("How many; 0 gives the number alone.", "10", "many", 400),
        "offset": ("How many to pass over.", None, "-1", 400),
        "includeDesignations": ("Names in all languages.", "true", "yes", 400),
        "displayLanguage": ("nb or en.", None, None, 0),
    }
    contains = [{"system": PHASE, "code": "treatment", "display": "Behandling"}]
    expansion = {"timestamp": "2026-11-22T12:00:00Z", "total": 1, "offset": 0, "contains": contains}
    answer = {"resourceType": "ValueSet", "url": PHASES, "status": "active", "expansion": expansion}
    return _Told("The codes of a value set", "In its order, with their names.", taken, answer)


def _translate() -> _Told:
    taken = {
        "url": ("The map; without it all are asked.", f"{BASE}/ConceptMap/priority-8304", "urn:none", 404),
        "system": (f"The code's system. {NAMES}", PRIORITY, "", 400),
        "code": ("The code.", "0", "", 400),
        "targetsystem": ("The system that is wanted.", None, None, 0),
        "reverse": ("The other way: from the maps' target to their source.", None, "yes", 400),
    }
    said = "By the maps that messages are translated with."
    return _Told("What a code is in another system", said, taken, _parameters(result=True))


def _evaluate() -> _Told:
    taken = {
        "measure": ("The indicator: its id, or its canonical.", INDICATOR, "none", 404),
        "periodStart": ("First day.", "2026-01-01", "yesterday", 400),
        "periodEnd": ("Last day, or month or year.", "2026-12-31", "2025-12-31", 400),
        "reportType": ("Only *summary*: an indicator names no patient.", "summary", "subject", 422),
    }
    answer = {
        **{"resourceType": "MeasureReport", "status": "complete", "type": "summary", "measure": f"{BASE}/Measure/{INDICATOR}"},
        "period": {"start": "2026-01-01", "end": "2026-12-31"},
    }
    said = (
        "The organisation's own figure of a period as it stands, by the national time limits; what few patients are behind is "
        "masked. What a patient has closed to the caller is not counted. Who asks may search EpisodeOfCare, Observation and Task."
    )
    return _Told("A quality indicator of the organisation", said, taken, answer)


def _definitions(type: str) -> dict[str, Any]:
    """Search and read of the definitions of a type; each has examples of what is there and of what is not."""
    first = {"CodeSystem": "no-kodeverk-9322", "ConceptMap": "priority-8304", "Measure": INDICATOR, "ValueSet": "pathway-phase"}
    id = first.get(type) or {
        "NamingSystem": "forlops-id",
        "OperationDefinition": "EpisodeOfCare-findings",
        "SearchParameter": "Task-deadline",
        "StructureDefinition": "pathway",
    }.get(type, "")
    count = {"200-few": example(200, "two on a page", "2"), "400-no-number": example(400, "not a number", "many")}
    names = [query(name, f"As R4 has it ({one.type}).") for name, one in DEFINED[type].items()]
    said = f"{type} resources that come with the program: the same for all, and changed with the program alone."
    bundle = {"resourceType": "Bundle", "type": "searchset", "total": 1, "link": [], "entry": []}
    body = {"resourceType": type, "id": id, "status": "active"}
    answers = {"200": resource("What was found.", bundle), "400": fault(400)}
    summary = {"200-summary": example(200, "what matters", "true"), "400-count": example(400, "nothing to count", "count")}
    return {
        f"/fhir/{type}": {
            "get": operation(
                f"fhir_{type}_search".lower(),
                f"Search {type}",
                said,
                [*names, query("_count", "On a page: 50, at most 200.", count), ORGANISATION],
                answers,
            )
        },
        f"/fhir/{type}/{{id}}": {
            "get": operation(
                f"fhir_{type}_read".lower(),
                f"Read a {type}",
                said,
                [in_path("id", f"Id of the {type}.", _ids(id)), query("_summary", "A part of it.", summary), ORGANISATION],
                {"200": resource("The definition.", body), "400": fault(400), "404": fault(404)},
            )
        },
    }
