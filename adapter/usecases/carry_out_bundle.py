"""A client's transaction: all of its entries, or none (https://hl7.org/fhir/R4/http.html#trules). A batch is many of one entry.

    ready = prepare(steps, rules)
    done = store.run(lambda unit: carry_out(unit, rules, tenant, ready, now, look))

Ids are given before the store is asked anything, so that references between the entries can be rewritten and every resource
checked outside the unit of work; what then proves to exist already is only renamed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from adapter.domain.problem import Finding, Kind, Problem, problem
from adapter.ports import Query, Stored, Unit
from adapter.r4.bundle import RULES, Step, condition, in_order, references, renaming, rewritten, same_resource, twice
from adapter.usecases.create_resource import to_create
from adapter.usecases.keep_changes import keep_changes
from adapter.usecases.update_resource import nothing_to_patch, require_same_id, to_patch, to_update
from adapter.usecases.writing import ALWAYS, Change, Rules, When, Written, has_errors, judged, no_such, require_none, the_one

Look = Callable[[Unit, Step], Any]
"""Carries out a GET within the unit; what it gives is given back as it is."""


@dataclass(frozen=True, slots=True)
class Ready:
    """Entries that can be carried out, linked to each other. Every name (`Type/id`) is a guess until the store was asked."""

    steps: Sequence[Step]
    names: Mapping[int, str]  # by position: what the entry writes
    queries: Mapping[int, Query]  # by position: what it must find, or not find, first
    pointers: Mapping[str, Query]  # by stand-in name: what a conditional reference means
    told: Mapping[int, tuple[Finding, ...]]  # by position: what the check tells


def prepare(steps: Sequence[Step], rules: Rules) -> Ready:
    """Name, link and check all entries. Raises `Problem` with everything that is wrong with any of them."""
    faults = [fault for step in steps for fault in step.faults]
    names = {step.position: step.name or f"{step.type}/{rules.new_id()}" for step in steps if step.writes and not step.faults}
    queries, links, pointers, told = dict[int, Query](), dict[str, str](), dict[str, Query](), dict[int, tuple[Finding, ...]]()
    for step in steps:
        with _collecting(step, faults):
            if step.position in names and (criteria := step.if_none_exist or ("" if step.id else step.criteria)):
                queries[step.position] = rules.query_of(step.type, criteria)
        for where, reference in references(step.resource, step.type):
            if reference not in links and (meant := condition(reference)):
                with _collecting(step, faults, where):
                    links[reference] = stand_in = f"{meant[0]}/{rules.new_id()}"
                    pointers[stand_in] = rules.query_of(*meant)
    faults += twice(names)
    links |= {step.full_url: names[step.position] for step in steps if step.full_url and step.position in names}
    linked = [_linked(step, links) for step in steps]
    for step in linked:
        if step.resource is not None:
            found = [_placed(finding, step) for finding in (*judged(rules, step.resource), *_unresolved(step))]
            told[step.position] = tuple(found)
            faults += found if has_errors(found) else []
    if faults:
        raise Problem(*faults)
    return Ready(linked, names, queries, pointers, told)


def carry_out(unit: Unit, rules: Rules, tenant: str, ready: Ready, now: datetime, look: Look) -> list[Any]:
    """Write all, then look; the answers are in the order of the entries. Whatever is raised undoes the whole unit."""
    names, steps = _resolved(unit, tenant, ready)
    there = {f"{s.type}/{s.id}": s for s in unit.read_all(tenant, [_split(name) for name in names.values()])}
    answers: dict[int, Any] = {}
    changes: dict[int, Change] = {}
    for step in in_order([step for step in steps if step.writes]):
        old = there.get(names[step.position])
        if step.method == "POST" and old:
            answers[step.position] = Written(old)
            continue
        with _placing(step):
            change = _change(unit, rules, tenant, step, names[step.position], old)
        told = (*ready.told.get(step.position, ()), *(_placed(finding, step) for finding in change.told))
        changes[step.position] = replace(change, told=told, place=partial(_placed, step=step))
    answers |= dict(zip(changes, keep_changes(unit, rules, tenant, list(changes.values()), now), strict=True))
    _require_apart(unit, tenant, ready.queries, names)
    for step in steps:
        if not step.writes:
            with _placing(step):
                answers[step.position] = look(unit, step)
    return [answers[step.position] for step in steps]


def _resolved(unit: Unit, tenant: str, ready: Ready) -> tuple[dict[int, str], Sequence[Step]]:
    """The entries' true names, and the entries with their links to these."""
    names = dict(ready.names)
    moved: dict[str, str] = {}
    for step in ready.steps:
        if step.position in ready.queries:
            with _placing(step):
                found = the_one(unit, tenant, ready.queries[step.position])
                if found:
                    names[step.position] = f"{found.type}/{found.id}"
                    moved[ready.names[step.position]] = names[step.position]
                if step.method == "PUT":
                    require_same_id(step.resource or {}, found)
    if faults := twice(names):
        raise Problem(*faults)
    moved |= {stand_in: _target(unit, tenant, query) for stand_in, query in ready.pointers.items()}
    return names, [_linked(step, moved) for step in ready.steps] if moved else ready.steps


def _change(unit: Unit, rules: Rules, tenant: str, step: Step, name: str, old: Stored | None) -> Change:
    """The version that an entry would make."""
    when = When(step.if_match, step.if_none_match)
    if step.method == "PATCH":
        if old is None:
            raise nothing_to_patch()
        return to_patch(unit, rules, tenant, old, step.operations, when)
    resource = step.resource or {}
    if old is not None:
        return to_update(unit, rules, tenant, old, resource, when)
    if step.name:
        raise no_such()
    require_none(when if step.method == "PUT" else ALWAYS)
    return to_create(rules, resource, _split(name)[1])


def _require_apart(unit: Unit, tenant: str, queries: Mapping[int, Query], names: Mapping[int, str]) -> None:
    """After the writes no entry's criteria match what another entry wrote: else two of them made one thing twice."""
    kinds = [_split(name)[0] for name in names.values()]
    for position, query in queries.items():
        if kinds.count(query.type) > 1:
            others = {name for p, name in names.items() if p != position}
            if any(f"{s.type}/{s.id}" in others for s in unit.search(tenant, replace(query, limit=len(names) + 1)).found):
                raise Problem(same_resource(position))


def _target(unit: Unit, tenant: str, query: Query) -> str:
    """What a conditional reference means. None or several fail the transaction."""
    found = the_one(unit, tenant, query)
    if found is None:
        raise problem(
            Kind.UNMATCHED,
            f"A conditional reference to {query.type} matches nothing: create it first, or correct the criteria.",
            f"En betinget referanse til {query.type} treffer ingen: opprett den først, eller rett kriteriene.",
            where="Bundle.entry",
            rule=RULES,
        )
    return f"{found.type}/{found.id}"


def _linked(step: Step, names: Mapping[str, str]) -> Step:
    if step.resource is None:
        return step
    return replace(step, resource=rewritten(step.resource, renaming(names, step.full_url)))


def _unresolved(step: Step) -> Iterator[Finding]:
    """References to a uuid that no entry has: they would lead nowhere for ever."""
    en = "The reference names a urn:uuid that no entry of the Bundle has as fullUrl: correct it, or add the entry."
    nb = "Referansen viser til en urn:uuid som ingen oppføring i Bundle har som fullUrl: rett den, eller legg til oppføringen."
    rule = "https://hl7.org/fhir/R4/bundle.html#references"
    for where, reference in references(step.resource, step.type):
        if reference.startswith("urn:uuid:"):
            yield Finding("error", Kind.INVALID, en, nb, where, rule=rule)


def _split(name: str) -> tuple[str, str]:
    type, _, id = name.partition("/")
    return type, id


def _placed(finding: Finding, step: Step, where: str = "") -> Finding:
    """The finding with its place in the Bundle; what is of no element is of the request."""
    type, said = step.type, where or finding.where
    if said == type or said.startswith((f"{type}.", f"{type}[")):
        return replace(finding, where=f"{step.where}.resource{said[len(type) :]}")
    return finding if said.startswith("Bundle.") else replace(finding, where=f"{step.where}.request")


@contextmanager
def _collecting(step: Step, faults: list[Finding], where: str = "") -> Iterator[None]:
    try:
        yield
    except Problem as fault:
        faults += [_placed(finding, step, where) for finding in fault.findings]


@contextmanager
def _placing(step: Step) -> Iterator[None]:
    try:
        yield
    except Problem as fault:  # changed and raised as it is: the store runs a job again by the kind of what it raised
        fault.findings = tuple(_placed(finding, step) for finding in fault.findings)
        raise
