"""Searches by what lies beyond a reference, among a million Tasks: chains, `_has`; and all of a pathway by `$everything`.

The Tasks of `bench.tasks`, four to a pathway, with their Patients and EpisodesOfCare. One patient in a hundred has the same
family name, as the commonest in Norway nearly has; the others share theirs with nine. A quarter of the pathways are in each phase.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

from adapter.domain.identity import BASE
from adapter.ports import Stored
from adapter.r4.index import Index
from bench.loading import Making, draft_of, stored_of, stored_task
from bench.tasks import BEGAN, id

WHOLE, SOME = 1_000_000, 50_000
EACH: Final = 4  # Tasks of a patient
PHASES: Final = ("assessment", "treatment", "follow-up", "closed")


def patient(n: int) -> tuple[Stored, Index]:
    family = "Vanlig" if n % 100 == 0 else f"Navn{n // 10}"
    return _stored(n, {"resourceType": "Patient", "id": _patient(n), "name": [{"family": family}], "birthDate": "1990-05-01"})


def episode(n: int) -> tuple[Stored, Index]:
    phase = {"url": f"{BASE}/StructureDefinition/pathway-phase", "valueCode": PHASES[n % len(PHASES)]}
    whose = {"reference": f"Patient/{_patient(n)}"}
    body = {"resourceType": "EpisodeOfCare", "id": _episode(n), "extension": [phase], "status": "active", "patient": whose}
    return _stored(n, body)


def world(tasks: int) -> Iterator[Making]:
    """The Tasks, and those that they are of."""
    yield from ((id(n), stored_task, n) for n in range(tasks))
    for n in range(tasks // EACH):
        yield _patient(n), patient, n
        yield _episode(n), episode, n


def _stored(n: int, body: dict[str, Any]) -> tuple[Stored, Index]:
    return stored_of(draft_of(body), BEGAN + timedelta(seconds=EACH * n))


def _patient(n: int) -> str:
    return str(uuid5(NAMESPACE_OID, f"patient {n}"))


def _episode(n: int) -> str:
    return str(uuid5(NAMESPACE_OID, f"episode {n}"))
