"""Queries: every search parameter with its modifiers and chains, parameters of the result, and what is none of these."""

from __future__ import annotations

from functools import cache
from urllib.parse import quote

from hypothesis import strategies as st

from adapter.fhir.types import RESULT, TYPES, includes, modifiers, revincludes, targets
from adapter.r4.definitions import type_named
from tests.fhir.fuzz.values import DATES, NUMBERS, REFERENCES, mostly, texts, values


@cache
@st.composite
def criteria(draw: st.DrawFn, type: str) -> tuple[str, str]:
    """A parameter of the type with a modifier, or a chain, and a value of its kind; or what is none."""
    name = draw(st.sampled_from(sorted(TYPES[type])))
    parameter, full, here = TYPES[type][name], name, type
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 1, 2, 3, 4]))):
        able = targets(here, full.rpartition(".")[2].partition(":")[0])
        if not able:
            break
        here = draw(st.sampled_from(able))
        name = draw(st.sampled_from(sorted(TYPES[here])))
        parameter, full = TYPES[here][name], f"{full}{draw(st.sampled_from(['', f':{here}']))}.{name}"
    modifier = draw(st.sampled_from(["", "", "", *modifiers(here, name), "text", "in", "of-type", "iterate", ""]))
    asked = draw(mostly(st.just(f"{full}:{modifier}" if modifier else full), texts, of=15))
    return asked, draw(mostly(st.just("true")) if modifier == "missing" else value_of(parameter.type))


USUAL = {
    "date": DATES,
    "reference": REFERENCES,
    "token": ["active", "known", "urn:a|b", "|a", "urn:a|", "requested,active", "true", "http://hl7.org/fhir/task-status|x"],
    "string": ["p", "Prøve", "%", "a_", "ß", "x\\,y"],
    "uri": ["http://a.example/", "https://a.example/a/b?c#d", "urn:oid:1.2", "://"],
}
"""Kind of parameter -> values that it takes, most of them."""


@cache
def value_of(kind: str) -> st.SearchStrategy[str]:
    several = st.lists(st.sampled_from(USUAL[kind]), min_size=1, max_size=3).map(",".join)
    return mostly(several, st.one_of(values, values.map(lambda one: f"a,{one}|{one}")), of=5)


@cache
@st.composite
def result_parameter(draw: st.DrawFn, type: str) -> tuple[str, str]:
    name = draw(st.sampled_from([*RESULT, "_page", "_since", "_at", "_has:Task:owner:status", "_filter", "_text"]))
    some = st.lists(st.sampled_from(sorted(TYPES[type])), min_size=1, max_size=3)
    usual: dict[str, st.SearchStrategy[str]] = {
        "_sort": st.tuples(st.sampled_from(["", "-"]), some).map(lambda one: one[0] + f",{one[0]}".join(one[1])),
        "_count": st.sampled_from(["1", "2", "0", *NUMBERS]),
        "_total": st.sampled_from(["none", "accurate", "estimate"]),
        "_summary": st.sampled_from(["true", "text", "data", "count", "false"]),
        "_elements": st.lists(st.sampled_from(sorted(type_named(type).elements)), max_size=4).map(",".join),
        "_include": st.sampled_from([*includes(type), "*", f"{type}:*", f"{type}:x", "::::"]),
        "_revinclude": st.sampled_from([*revincludes(type), "*", "Provenance:target:Task:x"]),
        "_format": st.sampled_from(["json", "xml", "application/fhir+xml", "html", "ttl"]),
        "_since": st.sampled_from(DATES),
        "_at": st.sampled_from(DATES),
    }
    modifier = draw(st.sampled_from(["", "", "", "", ":iterate", ":exact"])) if "include" in name else ""
    return name + modifier, draw(mostly(usual.get(name, values)))


@cache
def queries(type: str) -> st.SearchStrategy[str]:
    one = st.one_of(criteria(type), criteria(type), result_parameter(type), st.tuples(texts, values))
    some = st.integers(0, 5).flatmap(lambda number: st.lists(one, max_size=number))
    return some.map(lambda pairs: "&".join(f"{quote(name, safe=':')}={quote(value, safe='%')}" for name, value in pairs))


@cache
def moments_of(type: str) -> st.SearchStrategy[str]:
    usual = st.sampled_from(["", "_count=1", "_since=2026-01-01", "_at=2026", "_count=0", "_since=2026-01-01&_count=2"])
    moment = st.sampled_from([f"{name}={quote(date)}" for name in ("_since", "_at") for date in DATES])
    return st.one_of(usual, moment, queries(type))
