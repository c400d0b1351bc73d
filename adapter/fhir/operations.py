"""The operations that /fhir offers (https://hl7.org/fhir/R4/operations.html): one table, for routes and CapabilityStatement.

An operation is an interaction (face, asked, data) -> Answer, in a file named for it, and a line here.

>>> [operation.name for operation in of_type("EpisodeOfCare")]
['validate', 'findings', 'everything']
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from adapter.domain.identity import BASE
from adapter.fhir import following, terminology
from adapter.fhir.everything import everything
from adapter.fhir.exporting import export
from adapter.fhir.face import Answer, Asked, Face
from adapter.fhir.findings import findings
from adapter.fhir.measures import evaluate
from adapter.fhir.types import TYPES
from adapter.fhir.validating import validate

CORE: Final = "http://hl7.org/fhir/OperationDefinition"
BULK: Final = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition"
BACKPORT: Final = "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition"
OWN: Final = f"{BASE}/OperationDefinition"


@dataclass(frozen=True, slots=True)
class Operation:
    """`$name`, which `definition` (a canonical) defines. `types` are those that it is of, none where it is of the service alone.

    `on_service`, `on_type` and `on_instance` are the methods that it is called by there. `needs` are the letters of the scope that
    it takes for its type (`adapter.fhir.rights`); one that needs none looks at the caller's rights itself, or gives what all may
    know. One that `begins` something is called by GET and POST alone, and not by HEAD.
    """

    name: str
    definition: str
    run: Callable[[Face, Asked, bytes], Answer]
    types: Sequence[str] = ()
    on_service: Sequence[str] = ()
    on_type: Sequence[str] = ()
    on_instance: Sequence[str] = ()
    needs: str = ""
    begins: bool = False

    def paths(self) -> list[tuple[str, str, Sequence[str]]]:
        """Where it is called: the type that the path is of ("" for any, and for none), the path below /fhir, the methods."""
        everywhere = tuple(self.types) == tuple(TYPES)
        kinds = [("", "{type}")] if everywhere else [(type, type) for type in self.types]
        found = [("", f"/${self.name}", self.on_service)]
        found += [(type, f"/{part}/${self.name}", self.on_type) for type, part in kinds]
        found += [(type, f"/{part}/{{id}}/${self.name}", self.on_instance) for type, part in kinds]
        return [path for path in found if path[2]]


ASKED: Final = ("GET", "POST")
"""Methods of what changes nothing."""

OPERATIONS: Final = (
    Operation(
        "validate",
        f"{CORE}/Resource-validate",
        validate,
        tuple(TYPES),
        on_service=("POST",),
        on_type=("POST",),
        on_instance=("GET", "POST"),
    ),
    Operation("lookup", f"{CORE}/CodeSystem-lookup", terminology.lookup, ("CodeSystem",), on_type=ASKED),
    Operation(
        "validate-code",
        f"{CORE}/CodeSystem-validate-code",
        terminology.validate_system_code,
        ("CodeSystem",),
        on_type=ASKED,
        on_instance=ASKED,
    ),
    Operation(
        "validate-code",
        f"{CORE}/ValueSet-validate-code",
        terminology.validate_set_code,
        ("ValueSet",),
        on_type=ASKED,
        on_instance=ASKED,
    ),
    Operation("expand", f"{CORE}/ValueSet-expand", terminology.expand, ("ValueSet",), on_type=ASKED, on_instance=ASKED),
    Operation(
        "translate", f"{CORE}/ConceptMap-translate", terminology.translate, ("ConceptMap",), on_type=ASKED, on_instance=ASKED
    ),
    Operation("evaluate-measure", f"{CORE}/Measure-evaluate-measure", evaluate, ("Measure",), on_type=ASKED, on_instance=ASKED),
    Operation(
        "status",
        f"{BACKPORT}/backport-subscription-status",
        following.status,
        ("Subscription",),
        on_type=("GET", "POST"),
        on_instance=("GET", "POST"),
        needs="r",
    ),
    Operation(
        "events",
        f"{BACKPORT}/backport-subscription-events",
        following.events,
        ("Subscription",),
        on_instance=("GET", "POST"),
        needs="r",
    ),
    Operation("findings", f"{OWN}/EpisodeOfCare-findings", findings, ("EpisodeOfCare",), on_instance=("GET",), needs="r"),
    Operation("everything", f"{CORE}/Patient-everything", everything, ("Patient",), on_instance=ASKED, needs="r"),
    Operation("everything", f"{OWN}/EpisodeOfCare-everything", everything, ("EpisodeOfCare",), on_instance=ASKED, needs="r"),
    Operation("export", f"{BULK}/export", export, on_service=("GET", "POST"), begins=True),
    Operation("export", f"{BULK}/patient-export", export, ("Patient",), on_type=("GET", "POST"), begins=True),
)


def of_type(type: str) -> list[Operation]:
    """The operations of a resource type and of its instances."""
    return [operation for operation in OPERATIONS if type in operation.types]


def of_service() -> list[Operation]:
    """The operations of the service as a whole."""
    return [operation for operation in OPERATIONS if operation.on_service]
