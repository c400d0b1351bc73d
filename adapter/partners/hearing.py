"""The line to one partner: what waits is carried there, what is new there is heard, and now and then everything is compared.

    line = Line(courier, poll_seconds=60)
    line.round()          # for the worker: everything that is due now; returns how much there was
    line.told(ids)        # a notification named these Tasks: they are read at once

Pull is the guarantee, a notification only makes it sooner. Looks overlap, since clocks differ and a server may show a change late;
what is known already (its ETag) costs nothing but the look. While the circuit breaker is open nothing is called. A partner that
knows each of our organisations by its token is asked for each, since it shows none what is another's. A clock that once stood
ahead left times behind that are far off: how far is asked, not whether they are past, so that nothing waits until they come.
It is long because carrying, hearing and comparing share one breaker and one memory of the partner.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Lock
from typing import Final
from uuid import uuid4

import structlog

from adapter.correlation import because_of, caused_by
from adapter.domain.problem import Kind, Problem
from adapter.partners.habits import updated
from adapter.ports import Outgoing, PartnerState, Refusal, Remote, Shared, Unit
from adapter.r4 import json
from adapter.security.acting import acting, acting_for
from adapter.usecases.assignments import Work, change, creation, level, seen_of, send, view
from adapter.usecases.at_work import Hand
from adapter.usecases.breaker import OPENS_AFTER, after_failure, after_success, held, may_call
from adapter.usecases.deliver import PARTNERS, Keep, deliver
from adapter.usecases.follow_assignment import as_seen, missing, take_in, unreadable
from adapter.usecases.push_assignment import Courier
from mappings import times

log = structlog.get_logger(__name__)

OVERLAP: Final = timedelta(seconds=30)
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
COMPARE_EVERY: Final = timedelta(hours=24)
TROUBLE_AFTER: Final = timedelta(minutes=15)
AT_ONCE: Final = 100  # rows in a round, and Tasks of a notification
PAGE: Final = 200
MEANWHILE: Final = timedelta(seconds=0.5)
GIVEN_UP: Final = ("dead", "dismissed")  # a person decides, or has decided


class Line:
    """Everything that passes between us and one partner."""

    def __init__(
        self,
        courier: Courier,
        *,
        poll_seconds: float = 60.0,
        lease: float = 120.0,
        at_once: int = 1,
        organisations: Sequence[str] = (),
        audited: bool = False,
        hand: Hand | None = None,
    ) -> None:
        self.courier = courier
        self._hand = hand
        self.organisations = organisations or ("",)
        self.name = courier.name
        self.store, self.clock, self.server = courier.store, courier.clock, courier.server
        self.poll = timedelta(seconds=poll_seconds)
        self.lease, self.at_once, self.audited = lease, at_once, audited
        self._looked: datetime | None = None
        self._carried = self.clock.now()
        self._refuses = True  # to let us hear what is new: until it has answered, it may have before we began
        self._silent: datetime | None = None  # since when, where that has been told
        self._named: deque[str] = deque(maxlen=AT_ONCE)  # by notifications, and not read yet
        self._reading = Lock()

    def round(self) -> int:
        """Carry what is due, and look where it is time to."""
        with self.store.read() as unit:
            state = unit.partner_state(self.name)
        self._watch(state)
        if not may_call(state, self.clock.now()) or (state.open_until and not self.store.run(self._first)):
            return 0
        rows = self._carry(state)
        if rows and all(row.state == "waiting" for row in rows):
            return len(rows)  # it does not answer: one call told that
        return len(rows) + self._hear(state)

    def _first(self, unit: Unit) -> bool:
        """Whether we, among all processes, are the one that tries after a pause if the partner is back."""
        state, now = unit.partner_state(self.name), self.clock.now()
        if not may_call(state, now):
            return False
        unit.keep_partner_state(held(state, now))
        return True

    def told(self, ids: Iterable[str]) -> None:
        """Read these Tasks now, or leave them to the thread that is at it: a slow partner holds up one of ours, however often it
        calls. One that says more than it should, or does not answer, is looked at in its turn.
        """
        self._named.extend(id for id in list(dict.fromkeys(ids))[:AT_ONCE] if id not in self._named)
        while self._named and self._reading.acquire(blocking=False):
            try:
                while self._named:
                    id = self._named.popleft()
                    if self._may_call():
                        self._reached(partial(self._read, id))
            finally:
                self._reading.release()

    def _may_call(self) -> bool:
        with self.store.read() as unit:
            return may_call(unit.partner_state(self.name), self.clock.now())

    def _carry(self, state: PartnerState) -> list[Outgoing]:
        """A partner that failed is tried with one row, so that thousands do not wait for its time-outs."""
        self._carried = self.clock.now()
        limit = 1 if state.failures else AT_ONCE
        rows = deliver(
            *(self.store, self, self.clock),
            limit=limit,
            lease=self.lease,
            ladder=PARTNERS,
            at_once=self.at_once,
            audited=self.audited,
            told=self._delivered,
        )
        if rows:
            self._note(failed=all(row.state == "waiting" for row in rows))
        for row in rows:
            if row.kind == "change" and row.state != "waiting":
                with caused_by(row.cause):
                    self.store.run(partial(self._answered, row=row))
        return rows

    def _delivered(self, row: Outgoing) -> None:
        told = {"id": row.id, "partner": self.name, "kind": row.kind, "about": row.about, "attempts": row.attempts}
        told["correlation"] = row.cause
        if row.state == "sent":
            log.info("delivery.sent", **told)
        else:
            log.warning(f"delivery.{row.state}", **told, why=row.error, next_attempt=str(row.next_attempt))

    def deliver(self, row: Outgoing) -> str | Keep:
        """Carry one row, for the organisation whose it is. What is kept of it, and follows from that, came of the same."""
        with acting_for(row.tenant), caused_by(row.cause):
            brought = self.courier.deliver(row)
        return brought if isinstance(brought, str) else because_of(row.cause, brought)

    def _answered(self, unit: Unit, row: Outgoing) -> None:
        """The home has answered, and its row is marked so: copies that were left alone until then come to stand as ours."""
        type, _, id = row.about.partition("/")
        if any(one.home and one.partner == self.name for one in unit.shared(row.tenant, type, id)):
            work = self._work(unit)
            if mine := work.body(row.tenant, type, id):
                level(work, row.tenant, mine)

    def _hear(self, state: PartnerState) -> int:
        now = self.clock.now()
        if self._looked and abs(now - self._looked) < self.poll:
            return 0
        self._looked = now
        if not self._ours():
            return 0
        with caused_by(str(uuid4())):  # what is heard came of nothing that we know: each look has an id of its own
            if state.compared is None or abs(now - state.compared) >= COMPARE_EVERY:
                return self._reached(self._compare)
            return self._reached(lambda: self._listen(state.heard))

    def _ours(self) -> bool:
        """Whether it is this process that hears the partner: of several one does, for as long as it lives."""
        return self._hand is None or bool(self._hand.take([self.name]).ours)

    def _listen(self, heard: datetime | None) -> int:
        """What changed since the last look, by the partner's own clock."""
        new, _, newest = self._seen(heard - OVERLAP if heard else None)
        if newest and (heard is None or newest > heard):
            self._remember(lambda state: replace(state, heard=self._until(newest)))
        return new

    def _compare(self) -> int:
        """All that is shared, one by one: what was never told is found here."""
        new, there, newest = self._seen(None, whole=True)
        self._learn()
        after = ""
        while page := self._shared(after):
            for shared in self._doubtful(page, there):
                with acting_for(shared.tenant):
                    new += self._matched(shared, there)
                self._carry_meanwhile()
            last = page[-1]
            after = f"{last.tenant} {last.type} {last.id}"
        now = self.clock.now()
        self._remember(lambda state: replace(state, compared=now, heard=self._until(newest) or state.heard))
        return new

    def _seen(self, since: datetime | None, *, whole: bool = False) -> tuple[int, set[str], datetime | None]:
        """Take in what the partner shows each of our organisations: how much was new, what is there, and when the last changed."""
        new, there, newest = 0, set[str](), None
        for organisation in self.organisations:
            with acting_for(organisation):
                for remote in self.server.changed(since):
                    there.add(remote.id)
                    new += self._take(remote, whole=whole)
                    newest = max(filter(None, (newest, updated(remote.body))), default=None)
                    if whole:
                        self._carry_meanwhile()
        return new, there, newest

    def _carry_meanwhile(self) -> None:
        """To compare thousands takes minutes: what is due does not wait for the end of it."""
        if abs(self.clock.now() - self._carried) < MEANWHILE:
            return
        with self.store.read() as unit:
            state = unit.partner_state(self.name)
        if may_call(state, self.clock.now()):
            self._carry(state)

    def _until(self, newest: datetime | None) -> datetime | None:
        """Until when all is heard: not beyond the start of the look, after which one organisation may have been asked before a
        change and another after it, and a partner whose clock once ran ahead would not be heard until then; nor in the year 1,
        which some servers write where they know no time, and before which there is none to look back to.
        """
        return newest and min(max(newest, EARLIEST), self._looked or self.clock.now())

    def _shared(self, after: str) -> list[Shared]:
        with self.store.read() as unit:
            return unit.shared_with(self.name, after, PAGE)

    def _doubtful(self, page: Sequence[Shared], there: set[str]) -> list[Shared]:
        """What is not there, or is a copy that stands otherwise than ours: few of thousands, and they alone cost a write."""

        def is_copy_of_another(unit: Unit, shared: Shared) -> bool:
            mine = None if shared.home else self._work(unit).body(shared.tenant, shared.type, shared.id)
            return mine is not None and shared.seen != seen_of(mine)

        with self.store.read() as unit:
            return [one for one in page if not one.remote or _is_unseen(one, there) or is_copy_of_another(unit, one)]

    def _matched(self, shared: Shared, there: set[str]) -> int:
        """One that is shared, against what is there: what is not there is missing, and what never came is sent again."""
        if _is_unseen(shared, there):
            try:
                remote = self.server.read(shared.type, shared.remote)
                if shared.type == "Task":
                    return self._take(remote)
                if remote.etag == shared.etag:
                    return 0
            except Problem as fault:
                if fault.kind is Kind.TRANSIENT:
                    raise
                gone = fault.kind is Kind.NOT_FOUND  # else it is kept from us, and the others are compared all the same
                kept = Remote(shared.type, shared.remote, shared.etag)
                self.store.run(
                    lambda unit: (
                        missing(self._work(unit), shared) if gone else unreadable(self._work(unit), self.courier.partner, kept)
                    )
                )
                return 1
        return self.store.run(partial(self._mended, shared=shared))

    def _mended(self, unit: Unit, shared: Shared) -> int:
        work, about = self._work(unit), f"{shared.type}/{shared.id}"
        mine = work.body(shared.tenant, shared.type, shared.id)
        if mine is None or unit.waiting_about(about, self.name):
            return 0
        last = unit.deliveries([shared.tenant], hub=self.name, about=about, limit=1)
        if last and last[0].state in GIVEN_UP:
            return 0
        if not shared.remote:
            unit.keep_shared(replace(shared, seen=seen_of(mine)))
            send(work, "share", self.name, shared.tenant, mine, creation(mine))
        elif shared.type == "CareTeam":
            send(work, "change", self.name, shared.tenant, mine, change(mine))  # it is read there, and written only if it differs
        else:
            level(work, shared.tenant, mine)
        return 1

    def _take(self, remote: Remote, *, whole: bool = False) -> int:
        """Take in a Task that we have not seen so; one that cannot be understood holds up no other.

        A server that was restored from an older copy gives old things the names of newer versions: `whole` trusts no ETag.
        """
        with self.store.read() as unit:
            known = _etags(unit, self.name, remote.id)
            same = not whole or all(self._is_as_seen(one, remote) for one in unit.shared_there(self.name, "Task", remote.id))
        if remote.etag and known == [remote.etag] and same:
            return 0
        return self._read(remote.id, known) if known else self._taken(remote, known)

    def _is_as_seen(self, shared: Shared, remote: Remote) -> bool:
        return bool(json.parse(shared.seen) == view(as_seen(self.courier.partner, remote)))

    def _learn(self) -> None:
        """Whether the partner receives may change: what is not configured is asked once a day."""
        if not self.courier.partner.mode:
            mode = self.server.mode()
            self._remember(lambda state: replace(state, mode=mode))

    def _read(self, id: str, known: Sequence[str] | None = None) -> int:
        """Read a Task and take it in: a list of many may be old by now, what is read after `known` was noted is not."""
        told, whose = known is None, [acting()]
        if known is None:
            with self.store.read() as unit:
                rows = unit.shared_there(self.name, "Task", id)
            known, whose = [one.etag for one in rows], [one.tenant for one in rows] or list(self.organisations)
        for organisation in whose:
            try:
                with acting_for(organisation):
                    remote = self.server.read("Task", id)
                break
            except Problem as fault:
                if fault.kind is Kind.TRANSIENT:
                    raise
                log.warning("assignment.not_read", partner=self.name, why=str(fault))
        else:
            return 0
        if told and remote.etag and known == [remote.etag]:
            return 0  # what we wrote ourselves is told to us too
        return self._taken(remote, known)

    def _taken(self, remote: Remote, known: Sequence[str]) -> int:
        """Take a version in, where we still know none but those that we knew before it was read: else it may be the older one."""

        def take(unit: Unit) -> list[str]:
            if _etags(unit, self.name, remote.id) != known or not take_in(
                self._work(unit), self.courier.partner, remote, self.courier.check
            ):
                return []
            return [f"Task/{one.id}" for one in unit.shared_there(self.name, "Task", remote.id)] or [""]

        try:
            for about in (new := self.store.run(take)):
                log.info("assignment.heard", partner=self.name, about=about)
            return min(len(new), 1)
        except Problem as fault:
            if fault.kind is Kind.TRANSIENT:  # our own database's: it is looked at again
                raise
            why = str(fault)
        except Exception as error:  # a partner's resource must not stop the line, whatever is in it
            why = type(error).__name__
        log.error("assignment.not_taken_in", partner=self.name, why=why)
        self.store.run(lambda unit: unreadable(self._work(unit), self.courier.partner, remote))
        return 0

    def _reached(self, look: Callable[[], int]) -> int:
        """What a look gave; whether the partner was reached is remembered."""
        try:
            found = look()
        except Problem as fault:
            log.warning("partner.not_heard", partner=self.name, why=str(fault))
            self._note(failed=fault.kind is Kind.TRANSIENT)
            if fault.kind is not Kind.TRANSIENT:
                self._refuses = True
                self.store.run(partial(self._refused, fault=fault))
            return 0
        self._note(failed=False)
        if self._refuses:
            self._refuses = False
            self.store.run(lambda unit: self._settled(unit, "refused"))
        return found

    def _note(self, *, failed: bool) -> None:
        """How the partner answers: a trouble for each of our organisations when it has not for a while."""
        now = self.clock.now()
        with self.store.read() as unit:
            was = unit.partner_state(self.name)
        if not failed and not was.failures and was.reached and abs(now - was.reached) < self.poll:
            return  # nothing new worth a write
        self._remember(lambda state: after_failure(state, now) if failed else after_success(state, now))
        if not failed and was.failures:
            self.store.run(lambda unit: self._back(unit, was))

    def _watch(self, state: PartnerState) -> None:
        """A person is told in time of a partner that does not answer, also while it is left alone."""
        since = state.failing_since
        if since and since != self._silent and abs(self.clock.now() - since) >= TROUBLE_AFTER:
            self.store.run(lambda unit: self._unreachable(unit, since))
            self._silent = since

    def _unreachable(self, unit: Unit, since: datetime) -> None:
        if unit.partner_state(self.name).failing_since != since:
            return  # it has answered another process
        hour = since.astimezone(times.OSLO).strftime("%d.%m. %H:%M")
        en = f"The partner's server has not answered since {hour}: what is for it waits. Call them; nothing is lost."
        nb = f"Samarbeidspartens server har ikke svart siden {hour}: det som skal dit, venter. Ring dem; ingenting er tapt."
        self._tell(unit, "unreachable", en, nb)

    def _refused(self, unit: Unit, *, fault: Problem) -> None:
        en = f"We may not hear what is new at the partner: {fault.findings[0].en}"
        nb = f"Vi får ikke høre hva som er nytt hos samarbeidsparten: {fault.findings[0].nb}"
        self._tell(unit, "refused", en, nb, fault.outcome if isinstance(fault, Refusal) else b"")

    def _tell(self, unit: Unit, kind: str, en: str, nb: str, detail: bytes = b"") -> None:
        for organisation in self.courier.sharing.organisations:
            self._work(unit).trouble(organisation, f"Partner/{self.name}", kind, en, nb, partner=self.name, detail=detail)

    def _back(self, unit: Unit, was: PartnerState) -> None:
        """After a real outage what was put off, by up to a day, goes now; what another process holds is left to it."""
        if was.failures >= OPENS_AFTER:
            unit.hurry(self.name, self.clock.now() + timedelta(seconds=self.lease))
        self._settled(unit, "unreachable")

    def _settled(self, unit: Unit, kind: str) -> None:
        for organisation in self.courier.sharing.organisations:
            unit.settle(organisation, f"Partner/{self.name}", self.clock.now(), kinds=[kind])

    def _remember(self, change: Callable[[PartnerState], PartnerState]) -> None:
        self.store.run(lambda unit: unit.keep_partner_state(change(unit.partner_state(self.name))))

    def _work(self, unit: Unit) -> Work:
        return Work(unit, self.courier.sharing, self.clock.now())


def _is_unseen(shared: Shared, there: set[str]) -> bool:
    """Whether it must be read by itself to know how it stands: a Task that was not listed, any team."""
    return shared.remote != "" and shared.remote not in there


def _etags(unit: Unit, partner: str, id: str) -> list[str]:
    """The version of a Task at a partner that is known to us; none where we do not share it."""
    return [one.etag for one in unit.shared_there(partner, "Task", id)]
