"""Assignments for measuring: an installation of a hospital, the servers of both sides, and what the hospital asks for.

with partner() as address, installation(folder, {"municipality": address}) as services:
    ask(services, range(1_000))          # by the use case itself, of a patient each
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, redirect_stdout
from datetime import UTC, date, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid4, uuid5

from adapter import serving
from adapter.domain.identity import BASE
from adapter.ports import Query, Unit
from adapter.r4.checker import check
from adapter.settings import load
from adapter.usecases.create_resource import create
from adapter.usecases.writing import Rules
from adapter.wiring import Services, build
from bench.load import free_port, started
from mappings import times
from mappings.resources.elements import ENH, URI
from tests import national_numbers

NUMBERS: Final = {"specialist": "319900101", "municipality": "319900306"}
HOSPITAL: Final = NUMBERS["specialist"]
FNR: Final = "urn:oid:2.16.578.1.12.4.1.4.1"


def configuration(
    folder: Path, partners: Mapping[str, str], *, more: str = "", store: str = "", poll_seconds: float = 60.0
) -> Path:
    """`stafett.toml` of the hospital's installation, with these servers (of `NUMBERS`) by their addresses."""
    text = f'auth = "off"\n{more}\n[store]\nurl = "{store or f"sqlite:///{folder}/stafett.db"}"\n'
    text += f'[[organisation]]\nnumber = "{HOSPITAL}"\nname = "Målesykehuset"\n'
    for name, address in partners.items():
        text += f'[[partner]]\nname = "{name}"\nbase_url = "{address}"\norganisation = "{NUMBERS[name]}"\nmode = "push"\n'
        text += f"poll_seconds = {poll_seconds}\n" + ('municipality = "3435"\n' if name == "municipality" else "")
    file = folder / "stafett.toml"
    file.write_text(text, "utf-8")
    return file


@contextmanager
def installation(folder: Path, partners: Mapping[str, str], **settings: Any) -> Iterator[Services]:
    """The parts of `stafett serve` in this process, its log lines written to nowhere."""
    log_to_nowhere()
    services = build(load(configuration(folder, partners, **settings)))
    try:
        yield services
    finally:
        services.close()


@cache
def log_to_nowhere() -> None:
    """For as long as the process runs: a logger remembers where it wrote first."""
    with redirect_stdout(Path(os.devnull).open("w")):
        serving.log()


def partner(found: Path | None = None) -> AbstractContextManager[str]:
    """A server that takes what it is sent (`bench/peers/partner.py`), and finds the Tasks of the file."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "bench.peers.partner:app", "--port", str(port), "--no-access-log"]
    environment = {"STAFETT_FOUND": str(found)} if found else {}
    return started([*command, "--log-level", "warning"], port, "", **environment)


def ask(services: Services, which: Sequence[int]) -> None:
    """Make these assignments, each as a client's POST does, and many in a commit."""
    sharing = services.lines[0].courier.sharing
    rules = Rules(check, lambda type, _: Query(type), lambda: str(uuid4()), sharing=sharing)

    def job(unit: Unit, some: Sequence[int]) -> None:
        for n in some:
            create(unit, rules, HOSPITAL, task(n), datetime.now(UTC), id=str(uuid4()))

    for start in range(0, len(which), 100):
        services.store.run(partial(job, some=which[start : start + 100]))


def task(n: int) -> dict[str, Any]:
    """What the hospital's journal system asks of the municipality, of the n-th patient."""
    now = datetime.now(UTC)
    return {
        "resourceType": "Task",
        "identifier": [{"system": URI, "value": key(n)}],
        "groupIdentifier": {"system": URI, "value": f"urn:uuid:{uuid5(NAMESPACE_OID, f'pathway {n}')}"},
        "status": "requested",
        "intent": "order",
        "code": {"coding": [{"system": f"{BASE}/CodeSystem/coordination-task", "code": "assign-coordinator"}]},
        "focus": {"reference": f"https://stafett.example/fhir/CarePlan/{n}", "type": "CarePlan"},
        "for": {"type": "Patient", "identifier": {"system": FNR, "value": patient(n)}},
        "authoredOn": times.utc(now),
        "requester": {"type": "Organization", "identifier": {"system": ENH, "value": NUMBERS["specialist"]}},
        "owner": {"type": "Organization", "identifier": {"system": ENH, "value": NUMBERS["municipality"]}},
        "restriction": {"period": {"end": (now + timedelta(days=7)).date().isoformat()}},
    }


def key(n: int) -> str:
    """The business identifier of the n-th assignment."""
    return f"urn:uuid:{uuid5(NAMESPACE_OID, f'assignment {n}')}"


def patient(n: int) -> str:
    """The n-th synthetic number; ten of each birth date."""
    days, skip = divmod(n, 10)
    born = date(1950, 1, 1) + timedelta(days=days)
    return national_numbers.make(born.day, born.month, born.year, "female", skip=skip)
