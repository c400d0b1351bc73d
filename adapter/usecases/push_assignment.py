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

import msgspec

from adapter.domain.problem import Kind, Problem, problem
from adapter.ports import Clock, FhirServer, Outgoing, Refusal, Remote, Shared, Store, Unit
from adapter.r4 import json
from adapter.usecases.assignments import Work, change, creation, level, notify, outward, proposals, seen_of, stand, view
from adapter.usecases.deliver import MOST, Keep
from adapter.usecases.end_assignments import ask_to_end, closes
from adapter.usecases.follow_assignment import as_seen, other_than, take_in
from adapter.usecases.judge_proposal import judge
from adapter.usecases.pathways import Body
from adapter.usecases.sharing import Partner, Sharing
from adapter.usecases.writing import Check, raise_for
from mappings.resources import assignment, care_team
from mappings.resources.elements import URI

PUT_BACK: Final = (
    "Coordinators were changed in the partner's copy of the team, and are put back: tell them that the assignments decide.",
    "Koordinatorer ble endret i samarbeidspartens kopi av teamet, og settes tilbake: si fra at oppdragene avgjør.",
)
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

    def deliver(self, row: Outgoing) -> str | Keep:
        """Bring one row to the partner; returns the version that stands there then, or what is still to be kept of it.

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
        except Exception as error:
            if row.attempts >= MOST:  # the last try of a fault of ours
                self.store.run(partial(self._give_up, row=row, fault=_unexpected(error)))
            raise

    def _share(self, row: Outgoing) -> str | Keep:
        if not self.partner.mode and self._learns_to_wait():
            self.store.run(lambda unit: self._keep_here(unit, row))
            return ""
        type, _, _ = row.about.partition("/")
        found = self.server.find(type, URI, _key(row)) if row.attempts > 1 else []
        remote = found[0] if found else self.server.create(row.body)
        as_sent = _as_sent(row, remote)
        keep = partial(self._created, row=row, remote=remote, as_sent=as_sent)
        if as_sent and row.attempts == 1:
            return keep  # with what else leaves now: a commit waits for the disk
        self.store.run(keep)
        return remote.etag

    def _created(self, unit: Unit, row: Outgoing, remote: Remote, *, as_sent: bool) -> None:
        work, shared = self._work(unit), _shared(unit, row)
        known = replace(shared, remote=remote.id, etag=remote.etag)
        work.settled(row.tenant, row.about, "refused", "foreign", partner=self.name)
        if as_sent and not shared.remote and not row.earlier:
            unit.keep_shared(known)  # the first that is seen of it there: `seen` says what was sent
            return
        mine = work.body(row.tenant, shared.type, shared.id)
        assert mine  # noqa: S101 - tells the type checker: what is shared is kept
        self._must_be_ours(mine, remote)
        if shared.remote == remote.id and shared.etag != remote.etag:
            return  # a look was quicker than this answer: what it saw may be later, and is not undone
        unit.keep_shared(known)
        if shared.type == "Task":
            if assignment.standing(mine) == "delivery-failed":
                work.keep(row.tenant, assignment.with_standing(mine, ""))
            take_in(work, self.partner, remote, self.check)

    def _change(self, row: Outgoing) -> str | Keep:
        for _ in range(TRIES):
            with self.store.read() as unit:
                shared = _found(unit, row)
            if shared is None:
                self.store.run(partial(self._change_here, row=row))
                return ""
            remote = self._as_it_stands(row, shared)
            seen: str | None = shared.etag
            if remote.etag != seen or not seen:
                seen = self.store.run(partial(self._read, row=row, remote=remote, before=shared.etag))
            if seen is None:
                raise problem(Kind.TRANSIENT, "Another process has just read it.", "En annen prosess har nettopp lest det.")
            with self.store.read() as unit:
                wanted = self._wanted(unit, row, remote)
            try:
                changed = self.server.change(remote, wanted) if wanted else remote
            except Problem as fault:
                if fault.kind is not Kind.STALE:
                    raise
                continue
            changed = changed if changed.body else replace(changed, body=wanted or {})
            keep = partial(self._changed, row=row, remote=changed, before=seen)
            if row.attempts == 1 and not shared.home:
                return keep
            self.store.run(keep)
            return changed.etag
        raise problem(
            Kind.CONFLICT,
            "It changed at the partner each time that we were about to change it: look at both, and send it again.",
            "Det ble endret hos samarbeidsparten hver gang vi skulle endre det: se på begge, og send på nytt.",
        )

    def _as_it_stands(self, row: Outgoing, shared: Shared) -> Remote:
        if shared.remote:
            return self.server.read(shared.type, shared.remote)
        with self.store.read() as unit:
            mine = self._work(unit).body(row.tenant, shared.type, shared.id) or {}
        found = self.server.find(shared.type, URI, _identifier(mine))
        if not found:
            en = "It was never created at the partner: send its creation again first."
            raise problem(Kind.UNMATCHED, en, "Det ble aldri opprettet hos samarbeidsparten: send opprettelsen på nytt først.")
        return found[0]

    def _read(self, unit: Unit, row: Outgoing, remote: Remote, before: str) -> str | None:
        """What is new there is taken in before anything is written. Returns the ETag that is known then.

        None where another process has come to know a later one than `before`: then this one may be old.
        """
        shared = _shared(unit, row)
        if shared.etag not in (before, remote.etag):
            return None
        if shared.type == "Task":
            take_in(self._work(unit), self.partner, remote, self.check)
        elif care_team.view(remote.body) not in (json.parse(shared.seen), care_team.view(self._mine(unit, row))):
            self._work(unit).trouble(row.tenant, row.about, "conflict", *PUT_BACK, partner=self.name)
        return _shared(unit, row).etag

    def _wanted(self, unit: Unit, row: Outgoing, remote: Remote) -> Body | None:
        """What is to stand there; None where nothing is to be written."""
        work, shared, theirs = self._work(unit), _shared(unit, row), dict(remote.body)
        mine = work.body(row.tenant, shared.type, shared.id)
        assert mine  # noqa: S101 - tells the type checker: what is shared is kept
        self._must_be_ours(mine, remote)
        if shared.home:
            wanted = judge(json.parse(row.body), theirs, as_seen(self.partner, remote))
        elif shared.type == "CareTeam":
            wanted = care_team.laid(theirs, mine)
        elif proposals(work, mine):
            return None  # the copy is levelled when the home has answered
        else:
            wanted = assignment.laid(theirs, assignment.view(mine))
        return None if view(wanted) == view(theirs) else wanted

    def _mine(self, unit: Unit, row: Outgoing) -> Body:
        return self._work(unit).body(row.tenant, *row.about.split("/")) or {}

    def _must_be_ours(self, mine: Body, remote: Remote) -> None:
        """Nothing is written over what is another's, wherever it stands."""
        if mine["resourceType"] == "Task":
            raise_for(other_than(mine, remote.body))
        elif assignment.key_of(mine) != assignment.key_of(remote.body):
            en, nb = "Another team stands in its place there.", "Et annet team står i dets sted der."
            raise problem(Kind.CONFLICT, en, nb, where="CareTeam.identifier")

    def _change_here(self, unit: Unit, row: Outgoing) -> None:
        """The partner has come to read and answer here: what was to be asked of its Task is asked of ours."""
        work, said = self._work(unit), json.parse(row.body)
        mine = work.body(row.tenant, *row.about.split("/"))
        if mine and not said["all"]:
            stand(work, mine, judge(said, mine))

    def _changed(self, unit: Unit, row: Outgoing, remote: Remote, before: str) -> None:
        """What is wanted stands there: our Task follows its home, and the copies follow ours.

        Where another process has come to know a later version than `before`, what it knows stays.
        """
        work, shared = self._work(unit), _shared(unit, row)
        work.settled(row.tenant, row.about, "refused", "foreign", *(["conflict"] if shared.home else []), partner=self.name)
        known = shared.etag == before
        if shared.home:
            if known:
                take_in(work, self.partner, remote, self.check)
            if mine := work.body(row.tenant, "Task", shared.id):
                level(work, row.tenant, mine, row=row.id)
        elif known:
            there = as_seen(self.partner, remote)
            unit.keep_shared(replace(shared, remote=remote.id, etag=remote.etag, seen=seen_of(there)))

    def _give_up(self, unit: Unit, row: Outgoing, fault: Problem) -> None:
        """A person has to look: why is told, our own Task is marked where it never arrived, and a copy is put back."""
        work, shared = self._work(unit), _found(unit, row)
        told, kind = fault.findings[0], _kind(fault)
        detail = fault.outcome if isinstance(fault, Refusal) else b""
        work.trouble(row.tenant, row.about, kind, told.en, told.nb, partner=self.name, detail=detail)
        mine = work.body(row.tenant, *row.about.split("/"))
        if mine and row.about.startswith("Task/") and (shared is None or shared.home):
            if row.kind == "share":
                work.keep(row.tenant, assignment.with_standing(mine, "delivery-failed"))
            level(work, row.tenant, mine, row=row.id)
            if row.kind == "change" and kind == "conflict" and closes(json.parse(row.body)["set"]):
                ask_to_end(work, row.tenant, mine)  # somebody has begun meanwhile

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
            if shared.type == "Task":
                notify(work, mine)

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
    return change(mine) if said["all"] else row.body  # what was proposed is the requester's, not ours


def _kind(fault: Problem) -> str:
    """What sort of trouble it is: the partner sent us elsewhere or gave something else, both sides moved, or it refused."""
    if isinstance(fault, Refusal):
        return "foreign" if fault.kind in (Kind.CONFLICT, Kind.MISADDRESSED) else "refused"
    return "conflict" if fault.kind is Kind.CONFLICT else "refused"


def _unexpected(error: Exception) -> Problem:
    name = type(error).__name__
    return problem(
        Kind.INTERNAL,
        f"A fault of the service's own ({name}): report it, and send this again when it has been mended.",
        f"En feil i tjenesten selv ({name}): meld fra, og send på nytt når den er rettet.",
    )


def _found(unit: Unit, row: Outgoing) -> Shared | None:
    type, _, id = row.about.partition("/")
    return next((one for one in unit.shared(row.tenant, type, id) if one.partner == row.hub), None)


def _shared(unit: Unit, row: Outgoing) -> Shared:
    found = _found(unit, row)
    if found is None:
        en = "This is no longer shared with the partner: put the delivery aside."
        raise problem(Kind.UNMATCHED, en, "Dette deles ikke lenger med samarbeidsparten: legg leveransen til side.")
    return found


def _identifier(resource: Mapping[str, Any]) -> str:
    return next((str(one.get("value", "")) for one in resource.get("identifier", []) if one.get("system") == URI), "")


def _as_sent(row: Outgoing, remote: Remote) -> bool:
    """Whether what stands there is what we sent, all but its id and meta: there is nothing to judge in it."""
    sent, theirs = ({k: v for k, v in one.items() if k not in ("id", "meta")} for one in (_created_by(row), remote.body))
    return sent == theirs


def _key(row: Outgoing) -> str:
    """The identifier of what a row creates."""
    return _identifier(_created_by(row))


def _created_by(row: Outgoing) -> Body:
    made: Body = msgspec.json.decode(row.body)["entry"][0]["resource"]  # our own bytes: nothing in them needs a strict reader
    return made
