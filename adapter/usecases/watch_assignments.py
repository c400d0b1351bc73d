"""An assignment whose time to answer has passed is marked overdue on our own copy, and a person is told. Nothing is cancelled.

    watch_assignments(store, sharing, now)      # how many came to be overdue

Only the last day in Norway matters (`Task.restriction.period.end`), and only our side's view: the owner's Task is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final

from adapter.domain.assignment import CODES, OPEN
from adapter.ports import Clause, Match, Query, Store, Unit
from adapter.usecases.assignments import Work
from adapter.usecases.sharing import Sharing
from mappings import times
from mappings.resources import assignment
from mappings.resources.writer import SYSTEM

PAGE: Final = 200
AWAITED: Final = sorted(OPEN - {"draft"})
_WANTED: Final = (
    Clause("status", [Match(value=status) for status in AWAITED]),
    Clause("code", [Match(f"{SYSTEM}coordination-task", code) for code in CODES]),
)


def watch_assignments(store: Store, sharing: Sharing, now: datetime, going: Callable[[], bool] = lambda: True) -> int:
    """Mark what is late. Repeating it changes nothing; `going` is asked before each page."""
    return sum(_watch(store, sharing, tenant, now, going) for tenant in sharing.organisations)


def _watch(store: Store, sharing: Sharing, tenant: str, now: datetime, going: Callable[[], bool]) -> int:
    query, changed = Query("Task", _WANTED, limit=PAGE), 0
    late: list[str] = []
    while going():
        with store.read() as unit:
            page = unit.search(tenant, query)
            late += [one.id for one in page.found if _is_late(Work(unit, sharing, now), tenant, one.id)]
        if page.next is None:
            break
        query = Query("Task", _WANTED, after=page.next, limit=PAGE)
    for id in late:
        changed += store.run(partial(_mark, sharing=sharing, tenant=tenant, id=id, now=now))
    return changed


def _is_late(work: Work, tenant: str, id: str) -> bool:
    task = work.body(tenant, "Task", id) or {}
    due = times.norwegian_day(task.get("restriction", {}).get("period", {}).get("end", ""))
    return due is not None and due < work.today and task["status"] in AWAITED and assignment.standing(task) != "overdue"


def _mark(unit: Unit, *, sharing: Sharing, tenant: str, id: str, now: datetime) -> int:
    work = Work(unit, sharing, now)
    if not _is_late(work, tenant, id):
        return 0
    task = work.body(tenant, "Task", id) or {}
    work.keep(tenant, assignment.with_standing(task, "overdue"))
    due = task["restriction"]["period"]["end"]
    en = f"No answer by {due}: call the owner. The assignment stands, and the answer is taken in whenever it comes."
    nb = f"Ikke besvart innen {due}: ring den som er spurt. Oppdraget står, og svaret tas imot når det kommer."
    work.trouble(tenant, f"Task/{id}", "overdue", en, nb)
    return 1
