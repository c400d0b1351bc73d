"""What waits for a partner is carried to its server: created there once, or changed there by the version that was read.

    Courier(partner, server, store, sharing, check, clock).deliver(row)

Repeating a delivery does no harm, wherever the one before it was cut off: a creation is conditional and looks first on a second
try, a change reads first and does nothing where it stands so already. Whatever is read on the way is taken in before anything is
written, so that an answer is never written over. A version that moves under us is read again once; then a person decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from adapter.domain import assignment as life
from adapter.domain.problem import Finding, Kind, Problem, problem
from adapter.ports import Clock, FhirServer, Outgoing, Refusal, Remote, Shared, Store, Unit
from adapter.r4 import json
from adapter.usecases.assignments import Work, change, creation, level, outward, proposals, seen_of
from adapter.usecases.follow_assignment import take_in
from adapter.usecases.pathways import Body
from adapter.usecases.sharing import Partner, Sharing
from adapter.usecases.writing import Check, raise_for
from mappings.resources import assignment, care_team, normal
from mappings.resources.elements import URI

TRIES: Final = 2  # of a change, where the version moves under us


@dataclass(frozen=True, slots=True)
class Courier:
    """Carries what waits for one partner."""

    partner: Partner
    server: FhirServer
    store: Store
    sharing: Sharing
    check: Check
    clock: Clock

    @property
    def name(self) -> str:
        return self.partner.name

    def deliver(self, row: Outgoing) -> str:
        """Bring one row to the partner; returns the version that stands there then.

        Raises `Problem(TRANSIENT)` where it is to be tried again; any other is recorded as a trouble for a person.
        """
        try:
            if row.kind == "notice":
                self.server.notify(self.partner.notify_url, row.body)
                return ""
            return self._share(row) if row.kind == "share" else self._change(row)
        except Problem as fault:
            if fault.kind is not Kind.TRANSIENT:
                self.store.run(partial(self._give_up, row=row, fault=fault))
            raise

    def _share(self, row: Outgoing) -> str:
        if not self.partner.mode and self._learns_to_wait():
            self.store.run(lambda unit: self._keep_here(unit, row))
            return ""
        type, _, _ = row.about.partition("/")
        found = self.server.find(type, URI, _key(row)) if row.attempts > 1 else []
        remote = found[0] if found else self.server.create(row.body)
        self.store.run(lambda unit: self._created(unit, row, remote))
        return remote.etag

    def _created(self, unit: Unit, row: Outgoing, remote: Remote) -> None:
        work, shared = self._work(unit), _shared(unit, row)
        unit.keep_shared(replace(shared, remote=remote.id, etag=remote.etag))
        mine = work.body(row.tenant, shared.type, shared.id)
        assert mine  # noqa: S101 - tells the type checker: what is shared is kept
        work.settled(row.tenant, row.about, "refused", "foreign", partner=self.name)
        if shared.type == "Task":
            if assignment.standing(mine) == "delivery-failed":
                work.keep(row.tenant, assignment.with_standing(mine, ""))
            take_in(work, self.partner, remote, self.check)

    def _change(self, row: Outgoing) -> str:
        for _ in range(TRIES):
            remote = self._as_it_stands(row)
            self.store.run(partial(self._read, row=row, remote=remote))
            with self.store.read() as unit:
                wanted = self._wanted(unit, row, remote)
            try:
                changed = self.server.change(remote, wanted) if wanted else remote
            except Problem as fault:
                if fault.kind is not Kind.STALE:
                    raise
                continue
            self.store.run(partial(self._changed, row=row, remote=changed))
            return changed.etag
        raise problem(
            Kind.CONFLICT,
            "It changed at the partner each time that we were about to change it: look at both, and send it again.",
            "Det ble endret hos samarbeidsparten hver gang vi skulle endre det: se på begge, og send på nytt.",
        )

    def _as_it_stands(self, row: Outgoing) -> Remote:
        with self.store.read() as unit:
            shared = _shared(unit, row)
            mine = self._work(unit).body(row.tenant, shared.type, shared.id) or {}
        if shared.remote:
            return self.server.read(shared.type, shared.remote)
        found = self.server.find(shared.type, URI, _identifier(mine))
        if not found:
            en = "It was never created at the partner: send its creation again first."
            raise problem(Kind.UNMATCHED, en, "Det ble aldri opprettet hos samarbeidsparten: send opprettelsen på nytt først.")
        return found[0]

    def _read(self, unit: Unit, row: Outgoing, remote: Remote) -> None:
        """What is new there is taken in before anything is written."""
        if row.about.startswith("Task/"):
            take_in(self._work(unit), self.partner, remote, self.check)

    def _wanted(self, unit: Unit, row: Outgoing, remote: Remote) -> Body | None:
        """What is to stand there; None where nothing is to be written."""
        work, said = self._work(unit), json.parse(row.body)
        if row.about.startswith("CareTeam/"):
            wanted = {**said, "id": remote.id, "meta": {**remote.body.get("meta", {}), **said["meta"]}}
            return None if care_team.view(remote.body) == care_team.view(wanted) else wanted
        shared, theirs = _shared(unit, row), dict(remote.body)
        mine = work.body(row.tenant, "Task", shared.id) or {}
        if not shared.home and proposals(work, mine):
            return None  # the copy is levelled when the home has answered
        wanted = assignment.laid(theirs, said["set"], only=None if said["all"] else said["set"].keys())
        if assignment.view(wanted) == assignment.view(theirs):
            return None
        if shared.home:
            self._must_be_lawful(theirs, wanted)
        return wanted

    def _must_be_lawful(self, before: Body, after: Body) -> None:
        """A proposal holds only of the home as it is now."""
        code = assignment.code_of(before)
        refused = life.refusal(code, before["status"], after["status"], {"requester", "service"})
        if refused:
            raise Problem(replace(refused, kind=Kind.CONFLICT))
        raise_for([_overtaken(before)] if before["status"] in life.TERMINAL and after["status"] == before["status"] else [])

    def _changed(self, unit: Unit, row: Outgoing, remote: Remote) -> None:
        """What is wanted stands there: our Task follows its home, and the copies follow ours."""
        work, shared = self._work(unit), _shared(unit, row)
        work.settled(row.tenant, row.about, "refused", "foreign", *(["conflict"] if shared.home else []), partner=self.name)
        if shared.home:
            take_in(work, self.partner, remote, self.check)
            if mine := work.body(row.tenant, "Task", shared.id):
                level(work, row.tenant, mine, row=row.id)
        else:
            there = normal.absolute(dict(remote.body), self.partner.base_url)
            unit.keep_shared(replace(shared, remote=remote.id, etag=remote.etag, seen=seen_of(there)))

    def _give_up(self, unit: Unit, row: Outgoing, fault: Problem) -> None:
        """A person has to look: why is told, our own Task is marked where it never arrived, and a copy is put back."""
        work, shared = self._work(unit), _shared(unit, row)
        told, kind = fault.findings[0], _kind(fault)
        detail = fault.outcome if isinstance(fault, Refusal) else b""
        work.trouble(row.tenant, row.about, kind, told.en, told.nb, partner=self.name, detail=detail)
        mine = work.body(row.tenant, shared.type, shared.id)
        if mine and shared.type == "Task":
            if row.kind == "share" and shared.home:
                work.keep(row.tenant, assignment.with_standing(mine, "delivery-failed"))
            if shared.home:
                level(work, row.tenant, mine, row=row.id)

    def _learns_to_wait(self) -> bool:
        """Whether the partner does not receive. It is asked once; its answer is kept."""
        with self.store.read() as unit:
            state = unit.partner_state(self.name)
        if not state.mode:
            mode = self.server.mode()

            def keep(unit: Unit) -> None:
                unit.keep_partner_state(replace(unit.partner_state(self.name), mode=mode))

            self.store.run(keep)
            return mode == "wait"
        return state.mode == "wait"

    def _keep_here(self, unit: Unit, row: Outgoing) -> None:
        """The partner reads and answers here after all: what was to be created there is put into its space."""
        work, shared = self._work(unit), _shared(unit, row)
        unit.drop_shared(shared)
        mine = work.body(row.tenant, shared.type, shared.id)
        if mine and self.partner.organisation not in self.sharing.organisations:
            work.keep(self.partner.organisation, {**outward(mine), "id": shared.id})

    def _work(self, unit: Unit) -> Work:
        return Work(unit, self.sharing, self.clock.now())


def remake(sharing: Sharing, clock: Clock, unit: Unit, row: Outgoing) -> bytes:
    """The bytes of a row as they would be made today, for sending it again after something was corrected."""
    type, _, id = row.about.partition("/")
    mine = Work(unit, sharing, clock.now()).body(row.tenant, type, id)
    if mine is None or row.kind == "notice":
        return row.body
    if row.kind == "share":
        return creation(mine)
    said: Mapping[str, Any] = json.parse(row.body)
    return change(mine) if said.get("all", True) else row.body  # what was proposed is the requester's, not ours


def _kind(fault: Problem) -> str:
    """What sort of trouble it is: the partner sent us elsewhere or gave something else, both sides moved, or it refused."""
    if isinstance(fault, Refusal):
        return "foreign" if fault.kind in (Kind.CONFLICT, Kind.MISADDRESSED) else "refused"
    return "conflict" if fault.kind is Kind.CONFLICT else "refused"


def _shared(unit: Unit, row: Outgoing) -> Shared:
    type, _, id = row.about.partition("/")
    found = next((one for one in unit.shared(row.tenant, type, id) if one.partner == row.hub), None)
    if found is None:
        en = "This is no longer shared with the partner: put the delivery aside."
        raise problem(Kind.UNMATCHED, en, "Dette deles ikke lenger med samarbeidsparten: legg leveransen til side.")
    return found


def _identifier(resource: Mapping[str, Any]) -> str:
    return next((str(one.get("value", "")) for one in resource.get("identifier", []) if one.get("system") == URI), "")


def _key(row: Outgoing) -> str:
    """The identifier of what a row creates."""
    return _identifier(json.parse(row.body)["entry"][0]["resource"])


def _overtaken(before: Body) -> Finding:
    en = f"The assignment is {before['status']} there already, so nothing of it is changed."
    return Finding("error", Kind.CONFLICT, en, f"Oppdraget er allerede {before['status']} der, så ingenting endres.", "Task.status")
