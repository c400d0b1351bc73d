"""A patient's address is confidential: nothing that gives it away is kept, whoever sends it, and what was kept before is cleansed.

    changes = admitted(unit, tenant, changes, base)      # as they may be kept; each says what was left out
    cleanse(unit, tenant, patient, now, base)         # after the write that first says so: history, relatives, messages

See `mappings.resources.protected` for how a resource says so. A label stays; a client takes it off by the label *lifted*, in a new
version of the Patient. What was taken out meanwhile is gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Final

import msgspec

from adapter.domain.address_protection import strictest
from adapter.domain.identity import BASE
from adapter.domain.problem import Finding, Kind, Problem
from adapter.ports import Clause, Match, MessageQuery, Query, State, Unit
from adapter.r4.compartment import all_whose, names_of
from adapter.usecases.pathways import Body, plain
from adapter.usecases.situation import decode
from adapter.usecases.writing import Change, draft
from mappings.messages.redaction import redacted
from mappings.messages.xml import Limits, parse
from mappings.resources import assignment, normal, protected
from mappings.resources.outward_pathway import is_copy

_A_NUMBER: Final = 8  # signs of the shortest number that is looked for in messages
RULE: Final = f"{BASE}/CodeSystem/address-protection"
_encode: Final = msgspec.json.Encoder(decimal_format="number").encode


def level_of(unit: Unit, tenant: str, patient: str) -> str:
    """How a patient of the organisation is protected; empty where not, or where there is no such patient."""
    stored = unit.read(tenant, "Patient", patient) if patient else None
    return protected.level_of(plain(stored)) if stored else ""


def admitted(unit: Unit, tenant: str, changes: Sequence[Change], base: str) -> list[Change]:
    """What clients write, as it may be kept: of a protected patient without what gives the place away, and with a word about it."""
    changes = [_for_others(unit, tenant, change, base) if assignment.is_shared(change.body) else change for change in changes]
    if not any(protected.persons(change.body) for change in changes):
        return changes
    changes = [_lifted(change) for change in changes]
    patients = {change.id: change.body for change in changes if change.type == "Patient"}
    levels = [_level(unit, tenant, change.body | {"id": change.id}, patients, base) for change in changes]
    streets = [street for change, level in zip(changes, levels, strict=True) if level for street in protected.streets(change.body)]
    return [_admitted(change, level, streets) if level else change for change, level in zip(changes, levels, strict=True)]


def _level(unit: Unit, tenant: str, body: Body, patients: Mapping[str, Body], base: str) -> str:
    """How the patient of a resource is protected, by whatever name it says who that is; `patients` come with it, by id."""
    within = [one for one in protected.persons(body) if one is not body and one["resourceType"] == "Patient"]
    names = {*all_whose(body, base), *(name for one in within for name in names_of(one.get("identifier", ())))}
    known = [one for name in names for one in _named(unit, tenant, name, patients)]
    return strictest(map(protected.level_of, (*known, *within)))


def _named(unit: Unit, tenant: str, name: str, patients: Mapping[str, Body]) -> Iterator[Body]:
    """The Patients of a name: an id or `system|value`, where an empty system may be any. As they come, else as they stand."""
    system, bar, value = name.rpartition("|")
    if bar:
        come = {id for id, one in patients.items() if {name, f"{system}|{value}"} & {*names_of(one.get("identifier", ()))}}
        stand = unit.search(tenant, Query("Patient", [Clause("identifier", [Match(system or None, value)])])).found
        yield from (patients[id] for id in come)
        yield from (plain(one) for one in stand if one.id not in patients)
    elif name in patients:
        yield patients[name]
    elif stored := unit.read(tenant, "Patient", name):
        yield plain(stored)


def _lifted(change: Change) -> Change:
    is_lifted = change.type == "Patient" and protected.is_lifted(change.body)
    return replace(change, body=protected.lifted(change.body)) if is_lifted else change


def _admitted(change: Change, level: str, streets: Sequence[str]) -> Change:
    body = protected.without_streets(protected.withheld(change.body, level), streets)
    if body is change.body:
        return change
    en = "The patient's address is confidential: it, and what else gives the place away, was not kept."
    nb = "Pasientens adresse er sperret: den, og annet som røper stedet, er ikke tatt vare på."
    where = f"{change.type}.address" if change.type in protected.TYPES else change.type
    told = Finding("warning", Kind.BUSINESS_RULE, en, nb, where, rule=RULE)
    return replace(change, body=body, told=(*change.told, change.place(told)))


def _for_others(unit: Unit, tenant: str, change: Change, base: str) -> Change:
    """An assignment: it goes to another organisation, and is kept as it goes there."""
    body, before = protected.for_others(change.body), change.before or {}
    if change.type != "Task" or body is change.body or not _is_of_protected(unit, tenant, change.id, change.body, base):
        return change
    stood = {name: said for name, said in change.body.items() if name in before and before[name] == said}
    body = {**body, **stood}  # what stood before the patient was protected is not changed by an answer
    if body == change.body:
        return change
    en = "The patient's address is confidential: places, units and texts of your own do not go to others, and were not kept."
    nb = "Pasientens adresse er sperret: steder, enheter og egne tekster går ikke til andre, og er ikke tatt vare på."
    told = Finding("warning", Kind.BUSINESS_RULE, en, nb, "Task", rule=RULE)
    return replace(change, body=body, told=(*change.told, change.place(told)))


def _is_of_protected(unit: Unit, tenant: str, id: str, task: Body, base: str) -> bool:
    """Whether the patient of an assignment is protected, as the writer's side knows; and the other, once it has the assignment.

    Before, the answer would tell whoever names a number whether it is that of another organisation's patient.
    """
    said = normal.identifier(normal.obj(task.get("for")).get("identifier"))
    clause = Clause("identifier", [Match(said.get("system"), said.get("value"))])
    parties = {assignment.party(task, "requester"), assignment.party(task, "owner")} - {"", tenant}
    spaces = [tenant, *(space for space in parties if unit.read(space, "Task", id))]
    found = [one for space in spaces for one in unit.search(space, Query("Patient", [clause])).found] if said else []
    return bool(_level(unit, tenant, task, {}, base)) or any(protected.level_of(plain(one)) for one in found)


def newly_protected(changes: Sequence[Change]) -> Iterator[str]:
    """The ids of patients whom these changes protect, and who were not before: also new ones, of whom older things may speak."""
    for change in changes:
        if change.type == "Patient" and protected.level_of(change.body) and not protected.level_of(change.before or {}):
            yield change.id


def as_kept(bodies: Sequence[tuple[Body, Body | None]]) -> list[tuple[Body, Body | None]]:
    """What a message makes of resources, each with what stands now, as it may be kept."""
    level = next((level for body, _ in bodies if body["resourceType"] == "Patient" and (level := protected.level_of(body))), "")
    return [(protected.withheld(body, level), old) for body, old in bodies] if level else list(bodies)


def cleanse(unit: Unit, tenant: str, patient: str, now: datetime, base: str) -> None:
    """Take out of everything that is kept of a protected patient what gives the place away: no version of it stays as it was.

    Of the Patient and the RelatedPersons every version, also where they are contained; the streets that these told, wherever else
    in the record; of assignments and teams what is not for others; of the messages that speak of the patient the XML. All in the
    unit that makes the patient protected.
    """
    level, of_record = level_of(unit, tenant, patient), _record(unit, tenant, patient)
    parties = [(type, id) for type, id in of_record if type in protected.TYPES]
    streets = {street for type, id in parties for street in _streets(unit, tenant, type, id)}
    streets |= {street for one in unit.read_all(tenant, of_record) for street in protected.streets(decode(one.body))}
    for one in unit.read_all(tenant, parties):
        unit.put(tenant, [draft(one.type, one.id, protected.withheld(plain(one), level), base)], now)
    for type, id in of_record:
        unit.rewrite(tenant, type, id, partial(_cleansed, level=level, streets=[*streets]))
    _cleanse_shared(unit, tenant, [name for name in of_record if name[0] in ("Task", "CareTeam")])
    for message in unit.messages_of(tenant, patient):
        unit.rewrite_message(message, _message_cleansed)
    if numbers := _numbers(unit, tenant, patient):
        for message in _without_outcome(unit, tenant):
            unit.rewrite_message(message, partial(_message_cleansed, numbers=numbers))


def _cleanse_shared(unit: Unit, tenant: str, names: Sequence[tuple[str, str]]) -> None:
    """Leave in assignments and pathways' teams, in the spaces of both sides, what may go to others."""
    shared = [body for one in unit.read_all(tenant, names) if assignment.is_shared(body := plain(one)) or is_copy(body)]
    spaces = {tenant, *(assignment.party(body, who) for body in shared for who in ("requester", "owner"))} - {""}
    for body in shared:
        for space in spaces:
            unit.rewrite(space, body["resourceType"], body["id"], _as_for_others)


def _as_for_others(body: bytes) -> bytes:
    resource: Body = decode(body)
    made = protected.for_others(resource)
    return body if made is resource else _encode(made)


def _record(unit: Unit, tenant: str, patient: str) -> list[tuple[str, str]]:
    """Types and ids of the patient's record: by the Patient's id, and by number where that is all that is told."""
    stored = unit.read(tenant, "Patient", patient)
    said = plain(stored).get("identifier", []) if stored else []
    names = [patient, *names_of(said), *(f"|{one['value']}" for one in said if "value" in one)]
    return list(dict.fromkeys([("Patient", patient), *(found for name in names for found in unit.resources_of(tenant, name))]))


def _streets(unit: Unit, tenant: str, type: str, id: str) -> Iterator[str]:
    """The streets in any version of a Patient or RelatedPerson."""
    after: Sequence[Any] | None = None
    while True:
        page = unit.history(tenant, type, id, 100, after)
        for one in page.found:
            yield from protected.streets(decode(one.body))
        after = page.next
        if after is None:
            return


def _cleansed(body: bytes, level: str, streets: Sequence[str]) -> bytes:
    resource: Body = decode(body)
    made = protected.without_streets(protected.withheld(resource, level), streets)
    return body if made is resource else _encode(made)


def _without_outcome(unit: Unit, tenant: str) -> Iterator[str]:
    """The messages that have made nothing of what they say, so that only their XML tells whom they speak of."""
    for state in (State.RECEIVED, State.PARKED, State.QUARANTINED, State.REFUSED):
        query = MessageQuery(state=state, limit=100)
        while found := unit.messages([tenant], query):
            yield from (one.id for one in found)
            query = replace(query, after=(found[-1].received, found[-1].id))


def _numbers(unit: Unit, tenant: str, patient: str) -> list[bytes]:
    stored = unit.read(tenant, "Patient", patient)
    said = plain(stored).get("identifier", []) if stored else []
    return [value.encode() for one in said if len(value := str(one.get("value", ""))) >= _A_NUMBER]


def _message_cleansed(xml: bytes, numbers: Sequence[bytes] = (b"",)) -> bytes:
    """A kept message without the place, where it holds one of the numbers. Of what cannot be read nothing is kept."""
    if not any(number in xml for number in numbers):
        return xml
    try:
        parse(xml, Limits())
    except Problem:
        return b""
    return redacted(xml)
