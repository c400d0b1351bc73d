"""What is found by search parameters, and whose record each resource is, is worked out anew when that has changed: after a
migration, or with a newer program. An older program leaves alone what a newer one has worked out, and does not start on it: else
each would undo what the other did.
"""

from __future__ import annotations

from collections import defaultdict
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from adapter.domain.problem import Kind, problem
from adapter.ports import Stored
from adapter.r4.index import Index, index
from adapter.r4.parameters import PARAMETERS
from adapter.storage.resources import Resources
from adapter.storage.rows import Columns
from adapter.storage.tables import key, moment, resource_index

if TYPE_CHECKING:
    from adapter.storage.store import DatabaseUnit

FORM = 4  # to be raised when other parameters are found by, or the same ones come to find other values
BATCH = 500
SETTING = "index"
CURRENT = (
    "SELECT r.tenant, r.id, r.type, r.version, r.updated, r.patient, v.body FROM resource r JOIN resource_version v "
    "ON v.tenant = r.tenant AND v.id = r.id AND v.type = r.type AND v.version = r.version "
    "WHERE (r.tenant, r.id, r.type) > (?, ?, ?) ORDER BY r.tenant, r.id, r.type LIMIT ?"
)

# The newest version, and the older ones that were kept before it was known of any version whose it is.
OF_PATIENT = "UPDATE resource_version SET patient = ? WHERE tenant = ? AND id = ? AND type = ? AND (version = ? OR patient = '')"
# Whom a message is about: whom its resources are about, most of which are one patient's.
OF_MESSAGES = (
    "UPDATE message SET patient = coalesce((SELECT max(r.patient) FROM message_resource m JOIN resource r ON r.tenant = m.tenant "
    "AND r.id = m.id AND r.type = m.type WHERE m.tenant = message.tenant AND m.message_id = message.id), '') WHERE patient = ''"
)

decode = msgspec.json.Decoder().decode


def digest() -> str:
    """Of the parameters that are found by. Not of our own address: references by an earlier one stay ours."""
    said = [
        (type, one.name, one.type, one.expression, one.system, sorted(one.systems.items()))
        for type, parameters in sorted(PARAMETERS.items())
        for one in parameters.values()
    ]
    return sha256(repr(said).encode()).hexdigest()


def form_of(unit: DatabaseUnit) -> int:
    """That of a database's entries; 0 where there are none, or they are of a time when it was not told."""
    form, told, _ = (unit.setting(SETTING) or b"").partition(b":")
    return int(form) if told and form.isdigit() else 0


def bring_up(unit: DatabaseUnit, base: str) -> None:
    """Work all out anew where that was done by an older program. `Problem(UNSUPPORTED)` where it was by a newer one."""
    form = form_of(unit)
    if form > FORM:
        raise problem(
            Kind.UNSUPPORTED,
            f"What is found by search ({form}) is of a newer program than this one ({FORM}). Install the newer program.",
            f"Det som finnes ved søk ({form}), er av et nyere program enn dette ({FORM}). Installer det nyere programmet.",
            where="store.url",
        )
    if form < FORM:
        reindex(unit, base)
        unit.set_setting(SETTING, f"{FORM}:{digest()}".encode())


def reindex(unit: Resources, base: str) -> None:
    """Make every newest version found by what it holds now; `base` is our own FHIR address.

    The table is filled anew and indexed afterwards, which takes a third of the time: some six minutes for a million Tasks.
    """
    indexes = sorted(resource_index.indexes, key=lambda one: str(one.name))
    for one in indexes:
        one.drop(unit.connection)
    unit.tell("DELETE FROM resource_index", [()])
    last: Columns = ("", "", "")
    while rows := unit.ask(CURRENT, (*last, BATCH)):
        found: defaultdict[str, list[tuple[Stored, Index]]] = defaultdict(list)
        for tenant, id, type, version, updated, patient, body in rows:
            entries = index(decode(body), base=base)
            # What names none belongs with what it refers to, and what has several names with one of them, as when it was put.
            owner = patient if patient in entries.names else entries.patient or patient
            found[tenant].append((Stored(type, id, version, moment(updated), body, owner), entries))
        for tenant, changed in found.items():
            unit.find(tenant, changed)
            owned = [stored for stored, index in changed if index.patient]
            unit.tell(OF_PATIENT, [(key(s.patient), key(tenant), key(s.id), key(s.type), s.version) for s in owned])
        last = rows[-1][:3]
    unit.tell(OF_MESSAGES, [()])
    for one in indexes:
        one.create(unit.connection)
