"""A patient's own extract of the audit: all that was seen and done of theirs at one organisation, and by whom.

    names = names_of(unit, tenant, number, person_id)
    found = extract(store, tenant, names, request, now)

(Pasientjournalloven § 22 and pasientjournalforskriften § 14: the patient may see who has looked.) The extract is an access too, and
is written down before anything of it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from adapter.domain import persons
from adapter.domain.problem import Kind, problem
from adapter.ports import AuditRecord, Clause, Link, Match, Query, Store, Unit
from mappings.resources.elements import NUMBERS

PAGE: Final = 500
PATIENT_ASKS: Final = "PATRQT"
"""The purpose of use of an extract that the patient has asked for (v3-ActReason)."""

_said: Final = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(frozen=True, slots=True)
class Access:
    """One record as it concerns the patient, who goes by `names` in it."""

    position: int
    moment: datetime
    names: tuple[str, ...]
    record: dict[str, Any]


def names_of(unit: Unit, tenant: str, number: str, person_id: Callable[[str, str, str], str]) -> list[str]:
    """What a patient with this national number goes by in the audit of an organisation. INVALID where it is none.

    The ids of the Patients that have it, the one that a message gives such a patient, also where it is no longer there, and the
    number itself.
    """
    kind = persons.kind(number)
    if not kind:
        raise problem(
            Kind.INVALID,
            "This is no national number (11 digits, the last two of which check the others): read it again.",
            "Dette er ikke et fødselsnummer, D-nummer eller hjelpenummer (11 siffer, hvorav to kontrollsiffer): les det på nytt.",
        )
    system = NUMBERS[kind]
    found = unit.search(tenant, Query("Patient", [Clause("identifier", [Match(system, number)])], limit=PAGE)).found
    return list(dict.fromkeys([*(stored.id for stored in found), person_id(tenant, system, number), f"{system}|{number}"]))


def extract(store: Store, tenant: str, names: Sequence[str], asked: AuditRecord, now: datetime) -> list[Access]:
    """Every access to what is the patient's, oldest first. `asked` tells of this extract itself, and is not in it."""
    with store.read() as unit:
        links = {link.position: link for name in names for link in _links(unit, tenant, name)}
    store.append_audit([asked], [], now)
    return [_access(links[position], names) for position in sorted(links)]


def asked_by(id: str, operator: str, tenant: str, names: Sequence[str], now: datetime) -> AuditRecord:
    """The record of an extract that somebody at the installation makes."""
    patients = sorted(names)
    said = {
        "id": id,
        "moment": now,
        "tenant": tenant,
        "who": {"organisations": [tenant], "operator": operator},
        "what": "audit extract",
        "ground": {"purpose": PATIENT_ASKS},
        "action": "R",
        "patients": patients,
        "outcome": "0",
    }
    return AuditRecord(id, now, tenant, tuple(patients), msgspec.json.encode(said))


def _links(unit: Unit, tenant: str, patient: str) -> Iterator[Link]:
    after = 0
    while page := unit.audit_about(tenant, patient, after, PAGE):
        yield from page
        after = page[-1].position


def _access(link: Link, names: Sequence[str]) -> Access:
    """Of a write that was never answered the record itself does not say whom it was about: its place in the audit does."""
    record = _said(link.record.body)
    patients = {*record.get("patients", []), *link.record.about}
    told = [name for name in names if name in patients]
    return Access(link.position, link.record.moment, tuple(told), record)
