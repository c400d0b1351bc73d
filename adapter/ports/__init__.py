"""What the use cases need of the world: a store, hubs, other FHIR servers and a clock. No behaviour.

All methods that touch a patient's data take the organisation (`tenant`, its number) first.
`NOBODY` owns what arrived for a service that is not ours. Each module has what is said of one thing, and the part of a unit of work
that is about it.
"""

from __future__ import annotations

from adapter.ports.audit import Appended, AuditRecord, Link
from adapter.ports.clock import Clock
from adapter.ports.exports import Export, ExportFile, Stood
from adapter.ports.figures import Queue
from adapter.ports.following import NO_EVENTS, Attempt, Follower, FollowerState, Happening, Seen
from adapter.ports.hubs import Hub, Take, Taken, take_all
from adapter.ports.keeping import Copy
from adapter.ports.messages import NOBODY, Delivery, Message, MessageQuery, State
from adapter.ports.outbox import Outgoing
from adapter.ports.partners import FhirServer, Refusal, Remote
from adapter.ports.processes import InHand, Process
from adapter.ports.resources import Clause, Draft, Match, Page, Query, Stored, Through
from adapter.ports.sessions import Session
from adapter.ports.sharing import PartnerState, Shared, Trouble
from adapter.ports.store import Store, Unit

__all__ = [
    "NOBODY",
    "NO_EVENTS",
    "Appended",
    "Attempt",
    "AuditRecord",
    "Clause",
    "Clock",
    "Copy",
    "Delivery",
    "Draft",
    "Export",
    "ExportFile",
    "FhirServer",
    "Follower",
    "FollowerState",
    "Happening",
    "Hub",
    "InHand",
    "Link",
    "Match",
    "Message",
    "MessageQuery",
    "Outgoing",
    "Page",
    "PartnerState",
    "Process",
    "Query",
    "Queue",
    "Refusal",
    "Remote",
    "Seen",
    "Session",
    "Shared",
    "State",
    "Stood",
    "Store",
    "Stored",
    "Take",
    "Taken",
    "Through",
    "Trouble",
    "Unit",
    "take_all",
]
