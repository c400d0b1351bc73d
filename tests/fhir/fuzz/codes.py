"""Requests about codes, definitions and indicators: nearly right, with values that nobody would send."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from hypothesis import strategies as st

from adapter.domain.identity import BASE
from adapter.fhir.definitions import DEFINED
from tests.fhir.fuzz.values import DATES, junk, mostly, texts, values

EVENT, PHASE = "urn:oid:2.16.578.1.12.4.1.1.9322", f"{BASE}/CodeSystem/pathway-phase"
USUAL: dict[str, dict[str, list[Any]]] = {
    "CodeSystem/$lookup": {"system": [EVENT, "2.16.578.1.12.4.1.1.9322"], "code": ["M", "C"], "displayLanguage": ["en"]},
    "CodeSystem/$validate-code": {"url": [PHASE, "http://hl7.org/fhir/task-status"], "code": ["treatment", "ready"]},
    "CodeSystem/pathway-phase/$validate-code": {"code": ["treatment"], "display": ["Behandling", "x"]},
    "ValueSet/$validate-code": {"url": [f"{BASE}/ValueSet/pathway-phase"], "system": [PHASE], "code": ["treatment"]},
    "ValueSet/pathway-phase/$validate-code": {"system": [PHASE], "code": ["treatment"], "abstract": ["true"]},
    "ValueSet/$expand": {"url": [f"{BASE}/ValueSet/pathway-phase", "http://hl7.org/fhir/ValueSet/task-status|4.0.1"]},
    "ValueSet/pathway-event-code/$expand": {"filter": ["ev", "fremmøte"], "count": ["0", "7"], "offset": ["250"]},
    "ConceptMap/$translate": {"system": ["urn:oid:2.16.578.1.12.4.1.1.8304"], "code": ["0"], "reverse": ["false"]},
    "ConceptMap/gender/$translate": {"system": ["urn:oid:2.16.578.1.12.4.1.1.3101"], "code": ["1"]},
    "Measure/right-refused/$evaluate-measure": {"periodStart": ["2024", *DATES[:3]], "periodEnd": ["2026-12", *DATES[:3]]},
}
"""Address -> its parameters with right values."""


def operations(name: str) -> list[str]:
    """The addresses of one operation."""
    return [path for path in USUAL if path.endswith(f"${name}")]


@st.composite
def called(draw: st.DrawFn, name: str) -> tuple[str, list[tuple[str, Any]]]:
    """Path and parameters: all that is usual, with one of them changed, left out or joined by another now and then."""
    path = draw(st.sampled_from(operations(name)))
    given = [(key, draw(mostly(st.sampled_from(right)))) for key, right in USUAL[path].items()]
    if draw(st.integers(0, 3)) == 0:
        given = draw(st.permutations(given))[: draw(st.integers(0, len(given)))]
    if draw(st.integers(0, 5)) == 0:
        given.append(
            (draw(mostly(st.sampled_from(["url", "filter", "count", "coding", "measure", "property"]), texts)), draw(values))
        )
    return "/" + path, given


def query(given: list[tuple[str, Any]]) -> str:
    return urlencode(given, errors="surrogatepass")


@st.composite
def body(draw: st.DrawFn, given: list[tuple[str, Any]]) -> Any:
    """The same as Parameters; some of another kind of value, or of none, and a coding beside."""
    kinds = mostly(
        st.sampled_from(["valueString", "valueUri", "valueCode"]), st.sampled_from(["valueInteger", "value", "resource"])
    )
    said: list[Any] = [{"name": name, draw(kinds): value} for name, value in given]
    if draw(st.integers(0, 3)) == 0:
        coding = draw(mostly(st.just({"system": EVENT, "code": "M"}), junk, of=3))
        said.append(draw(st.sampled_from([{"name": "coding", "valueCoding": coding}, _concept(coding)])))
    return draw(mostly(st.just({"resourceType": "Parameters", "parameter": said}), junk, of=15))


def _concept(coding: Any) -> dict[str, Any]:
    return {"name": "codeableConcept", "valueCodeableConcept": {"coding": [coding]}}


@st.composite
def defined(draw: st.DrawFn) -> tuple[str, str]:
    """Path and query of a read or a search of definitions."""
    type = draw(st.sampled_from(sorted(DEFINED)))
    if draw(st.booleans()):
        id = draw(mostly(st.sampled_from(["pathway-phase", "severity", "pathway", "no-kodeverk-9322", "right-refused"]), texts))
        return f"/{type}/{quote(id, safe='')}", draw(st.sampled_from(["", "_summary=true", "_elements=url,x", "_format=xml"]))
    names = mostly(st.sampled_from([*DEFINED[type], "_count", "_page", "_summary", "_sort", "name:contains", "_include"]), texts)
    some = draw(st.lists(st.tuples(names, values), max_size=3))
    return f"/{type}", query(some)
