"""What is found by search parameters, and whose record each resource is, is worked out anew when that has changed: after a
migration, or with a newer program.
"""

from __future__ import annotations

from collections import defaultdict
from hashlib import sha256

import msgspec

from adapter.ports import Stored
from adapter.r4.index import Index, index
from adapter.r4.parameters import PARAMETERS
from adapter.storage.resources import Resources
from adapter.storage.rows import Columns
from adapter.storage.tables import key, moment, resource_index

FORM = 3  # to be raised when the same parameters come to find other values
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


def fingerprint() -> bytes:
    """What the entries of a database depend on. Not our own address: references by an earlier one stay ours."""
    said = [
        (type, one.name, one.type, one.expression, one.system, sorted(one.systems.items()))
        for type, parameters in sorted(PARAMETERS.items())
        for one in parameters.values()
    ]
    return sha256(repr((FORM, said)).encode()).hexdigest().encode()


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
