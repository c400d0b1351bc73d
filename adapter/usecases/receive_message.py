"""A message is received: once, whatever its channel does, and answered as HIS 80415 says.

    received = reception.receive(delivery)   # kept, with all that it causes, when this returns
    hub.confirm(delivery.hub_id, delivery.receiver)

Reading and mapping come first, and hold nobody up; then one transaction holds the inbox row, the resources and the AppRec in the
outbox. Should another have changed what the mapping was decided by in between, it is decided again. Many messages share a commit.
It is long because the whole way of a message, from arrival to commit and what goes wrong on it, is read in one place.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Any, Final, Literal

from adapter.correlation import because_of
from adapter.domain import gate
from adapter.domain.gate import GateRules
from adapter.domain.opening import decide
from adapter.domain.problem import Finding, Kind, Problem
from adapter.domain.referral import Service
from adapter.ports import Clock, Delivery, Message, State, Store, Unit
from adapter.usecases import context, journal, operate_messages, protect_address, receive_apprec, rows, verdict
from adapter.usecases.arrival import Arrival, arrivals, read_as
from adapter.usecases.assignments import Work
from adapter.usecases.disclosure import taken_in
from adapter.usecases.pathways import Pathways
from adapter.usecases.record_referral import NONE, Indexes, duties, indexes_of, link, record
from adapter.usecases.share_pathway import share_pathway
from adapter.usecases.sharing import Sharing
from adapter.usecases.situation import Situation, identity, look
from adapter.usecases.translate_message import Translated, receipt_of, taken_as_received, translate
from adapter.usecases.verdict import Verdict
from mappings.messages import apprec
from mappings.translation import Translation, Translator

Format = Literal["xml", "edi2"]

NOT_YOURS: Final = Finding(
    "error",
    Kind.MISADDRESSED,
    "The message is for no service of your organisation, or cannot be read. Nothing of it was kept: see its receiver's HER-id.",
    "Meldingen er ikke til noen av virksomhetens tjenester, eller kan ikke leses. Den er ikke tatt vare på: se mottakerens HER-id.",
)
OUR_FAULT: Final = (
    "An unexpected fault of ours ({}). The message stays where it is, and is tried again: report it.",
    "En uventet feil hos oss ({}). Meldingen blir der den er, og prøves på nytt: meld fra om feilen.",
)
UNSEEN: Final = Situation()


@dataclass(frozen=True, slots=True)
class Received:
    """The message that now stands for a delivery, and whether it was new, the same again, or in conflict with a known one."""

    message: Message
    outcome: Literal["new", "duplicate", "conflict"]


@dataclass(frozen=True, slots=True)
class Ready:
    """An arrival, and what is to become of it in the situation that was found; `again` is its message where it was kept before.

    `indexes` are what its resources are found by; `careful` is for the second time, where something was there that is not expected.
    """

    arrival: Arrival
    again: Message | None
    situation: Situation = UNSEEN
    verdict: Verdict | None = None
    indexes: Indexes | None = None
    careful: bool = False


class Reception:
    """Receives messages for our services.

    `hubs` are the channels that AppRecs leave by and the form each wants; a message from any other channel (HTTP) is
    answered in XML for its sender to fetch. A fault of ours is tried `attempts` times, first after `backoff`; a change
    without its referral waits for `patience`. Who tries again has `lease` for it. What others see of the pathways follows, by
    `sharing`. `audited`: what comes in is written down.
    """

    def __init__(
        self,
        store: Store,
        translator: Translator,
        services: Mapping[str, Service],
        rules: GateRules,
        hubs: Mapping[str, Format],
        clock: Clock,
        *,
        attempts: int = 3,
        backoff: timedelta = timedelta(minutes=1),
        patience: timedelta = timedelta(hours=96),
        sharing: Sharing | None = None,
        lease: timedelta = timedelta(seconds=120),
        audited: bool = False,
    ) -> None:
        self.store = store
        self.translator = translator
        self.services = services
        self.rules = rules
        self.hubs = hubs
        self.clock = clock
        self.attempts = attempts
        self.backoff = backoff
        self.patience = patience
        self.lease = lease
        self.audited = audited
        self.sharing = sharing

    def receive(self, delivery: Delivery, tenants: Collection[str] | None = None) -> Received:
        """Keep a delivery with all that it causes. After this it may be confirmed to its hub, whatever the outcome.

        Where a message without hub metadata names several of our services, each gets it; the primary's is returned. With
        `tenants` it is taken for theirs alone, and of any other nothing is kept or told: `Problem(MISADDRESSED)`.
        Raises `Problem(TRANSIENT)` or `Problem(CONFLICT)` where the store cannot take it now: nothing is kept then.
        """
        (taken,) = self.receive_all([delivery], tenants)
        if isinstance(taken, Problem):
            raise taken
        return taken

    def receive_all(self, deliveries: Sequence[Delivery], tenants: Collection[str] | None = None) -> list[Received | Problem]:
        """Keep several with as few commits as may be: each as by itself, with the `Problem` in its place where it was not kept."""
        found = [arrivals(delivery, self.translator, self.services) for delivery in deliveries]
        theirs = [[arrival for arrival in each if tenants is None or arrival.tenant in tenants] for each in found]
        arrived = [arrival for each in theirs for arrival in each]
        kept = self._take([(arrival, None) for arrival in arrived])
        for arrival, one in zip(arrived, kept, strict=True):
            if isinstance(one, Received):  # of a duplicate, by which way it came now
                came = arrival.delivery
                journal.received(replace(one.message, hub=came.hub, hub_id=came.hub_id), one.outcome)
        taken = iter(kept)
        return [_of_delivery([next(taken) for _ in each]) for each in theirs]

    def work_due(self, limit: int = 100) -> int:
        """Try again what a fault of ours stopped, and give up waiting where the time is out. Returns how many there were."""
        now = self.clock.now()
        with self.store.read() as unit:
            waits, silent = len(unit.due_messages(now, limit)), receive_apprec.silent(unit, now, limit)
        due, fault = 0, None
        while due < waits and (message := self.store.run(self._claim)):
            due += 1
            try:
                if message.state is State.RECEIVED:
                    self._again(message, context.as_it_came(message, self.services))
            except Problem as problem:  # it is tried again when its time is out; those behind it need not wait
                fault = problem
        given_up = self.store.run(lambda unit: receive_apprec.give_up(unit, now, limit)) if silent else []
        for row in given_up:
            journal.unanswered(row)
        if fault:
            raise fault
        return due + len(given_up)

    def retry(self, tenants: Sequence[str], id: str) -> Message:
        """Take a message that waits for a person through again, as it was received, with today's configuration and mappings.

        Raises `Problem(NOT_FOUND)`, or `Problem(BUSINESS_RULE)` in a state that does not allow it.
        """
        return self._again(operate_messages.retriable(self.store, tenants, id))

    def dismiss(self, tenants: Sequence[str], id: str) -> Message:
        """See `operate_messages.dismiss`."""
        return self.store.run(lambda unit: operate_messages.dismiss(unit, tenants, id))

    def bundle(self, tenants: Sequence[str], id: str) -> bytes | None:
        """See `operate_messages.bundle`."""
        return operate_messages.bundle(self.store, tenants, id)

    def apprec(self, tenants: Sequence[str], id: str) -> tuple[bytes, str] | None:
        """See `operate_messages.apprec`."""
        return operate_messages.apprec(self.store, tenants, id)

    def statuses(self, tenants: Sequence[str], id: str) -> list[dict[str, Any]]:
        """See `operate_messages.statuses`."""
        return operate_messages.statuses(self.store, tenants, id)

    def explanation(self, tenants: Sequence[str], id: str) -> dict[str, Any]:
        """See `operate_messages.explanation`."""
        return operate_messages.explanation(self.store, self.translator, tenants, id)

    def translate(self, data: bytes, pathway: str | None = None, received: datetime | None = None) -> Translated:
        """Translate and keep nothing, as received at `received`: by default when the message says it was made, else now."""
        moment = taken_as_received(received, self.translator.read(data).envelope.generated, self.clock.now())
        return translate(self.translator, self.services, self.rules, data, received=moment, by_hand=pathway or "")

    def _claim(self, unit: Unit) -> Message | None:
        """Take what is due first in hand: its try is counted before it begins, since it may end the process. Where no more are to
        be made, or the time to wait is out, a person is asked.
        """
        now = self.clock.now()
        message = next(iter(unit.due_messages(now, 1)), None)
        if message is None:
            return None
        if message.state is State.RECEIVED and message.attempts < self.attempts:
            taken = replace(message, attempts=message.attempts + 1, due=now + self.lease)
        else:
            reason, action = verdict.given_up() if message.state is State.PARKED else verdict.deadly(message.attempts)
            taken = replace(message, state=State.QUARANTINED, reason=reason, action=action, due=None)
        unit.change_message(taken)
        return taken

    def _again(self, message: Message, services: Mapping[str, Service] | None = None) -> Message:
        """Take a kept message through, for today's services or for these."""
        with self.store.read() as unit:
            xml = unit.message_xml(message.id) or b""
        found = arrivals(context.redelivery(message, xml), self.translator, services or self.services)
        arrival = next((a for a in found if a.receiver == message.receiver), found[0])
        (taken,) = self._take([(arrival, message)])
        if isinstance(taken, Problem):
            raise taken
        return taken.message

    def _take(self, arrived: Sequence[tuple[Arrival, Message | None]]) -> list[Received | Problem]:
        """Each in its own right; with a message where that one is taken through again."""
        ready = [self._decided(one) for one in self._seen(arrived)]
        jobs = [because_of(identity(one.arrival), self._keeping(one)) for one in ready if isinstance(one, Ready)]
        kept = iter(self.store.run_each(jobs))
        return [one if isinstance(one, Received) else self._kept(one, next(kept)) for one in ready]

    def _keeping(self, ready: Ready) -> Callable[[Unit], Received]:
        """The job of keeping it, which looks again when it is done again: then something was there that was not expected."""
        times = count()
        return lambda unit: self._keep(unit, replace(ready, careful=next(times) > 0))

    def _seen(self, arrived: Sequence[tuple[Arrival, Message | None]]) -> list[Ready]:
        """Each with its situation. Where one cannot be looked at, that is a fault of ours, and stops no other."""
        try:
            with self.store.read() as unit:
                return [self._look(unit, *one) for one in arrived]
        except Exception as error:
            if isinstance(error, Problem) and error.kind is Kind.TRANSIENT:
                raise
            if len(arrived) == 1:
                return [_set_aside(Ready(*arrived[0]), error)]
            return [seen for one in arrived for seen in self._seen([one])]

    def _look(self, unit: Unit, arrival: Arrival, again: Message | None) -> Ready:
        arrival = self._protected(unit, arrival)
        return Ready(arrival, again, look(unit, arrival, again))

    def _decided(self, seen: Ready) -> Ready | Received:
        """What is to become of it as things stand, which is the most of the work and holds nobody up."""
        if seen.arrival.error:
            return seen
        if seen.situation.known and seen.again is None:
            return Received(seen.situation.known, _outcome(seen.situation.known))
        try:
            decided = self._verdict(seen.arrival, seen.situation, seen.again)
            indexes = indexes_of(decided.translation) if decided.translation else None
            return replace(seen, verdict=decided, indexes=indexes)
        except Exception as error:  # ours: it is set aside, to be tried again
            return _set_aside(seen, error)

    def _kept(self, ready: Ready, done: Received | Exception) -> Received | Problem:
        """What the store made of it. What a fault of ours stopped is kept to be tried again."""
        if isinstance(done, Received) or (isinstance(done, Problem) and done.kind is Kind.TRANSIENT):
            return done
        overtaken = isinstance(done, Problem) and done.kind is Kind.CONFLICT  # SQLite's way; PostgreSQL's is to do it again itself
        once_more = replace(ready, careful=True) if overtaken else _set_aside(ready, done)
        try:
            return self.store.run(partial(self._keep, ready=once_more))
        except Problem as fault:
            return fault
        except Exception as error:  # it stays where it came from, and stops no other
            en, nb = (text.format(type(error).__name__) for text in OUR_FAULT)
            return Problem(Finding("fatal", Kind.INTERNAL, en, nb))

    def _protected(self, unit: Unit, arrival: Arrival) -> Arrival:
        """The arrival without what gives a place away, where the record knows the patient's address as confidential."""
        known = arrival.reading is not None and not arrival.reading.protection
        level = protect_address.level_of(unit, arrival.tenant, arrival.patient) if known else ""
        return read_as(arrival, self.translator, level) if level else arrival

    def _verdict(self, arrival: Arrival, situation: Situation, again: Message | None) -> Verdict:
        if situation.known:
            return Verdict(State.PROCESSED, f"The same message as {situation.known.id}, which has been dealt with. Without effect.")
        return self._judge(arrival, situation, again)

    def _judge(self, arrival: Arrival, situation: Situation, again: Message | None) -> Verdict:
        """What becomes of the message: from what was read and what the store knows, and nothing else."""
        delivery = arrival.delivery
        if clash := verdict.taken(situation):
            return clash
        if arrival.error:
            attempts = 1 if again is None else again.attempts + (again.state is not State.RECEIVED)  # those are counted before
            due = self.clock.now() + self.backoff * 4 ** (attempts - 1)
            return verdict.set_aside(arrival, attempts, None if attempts >= self.attempts else due)
        has_metadata = self.hubs.get(delivery.hub) == "edi2" or bool(delivery.receiver or delivery.sender or delivery.msg_id)
        if stopped := verdict.not_accepted(arrival, has_metadata=has_metadata):
            return stopped
        if arrival.fault:
            return self._unreadable(arrival)
        if arrival.apprec:
            return receive_apprec.weigh(arrival, situation)
        return self._referral(arrival, situation, again)

    def _unreadable(self, arrival: Arrival) -> Verdict:
        judged, reason = verdict.unreadable(arrival)
        if judged.state is not State.REFUSED or arrival.service is None:
            return judged
        receipt = receipt_of(arrival.delivery.received, arrival.service)
        answer = apprec.answer_unreadable(arrival.sender, arrival.receiver, arrival.msg_id, receipt, reason)
        return replace(judged, apprec=answer)

    def _referral(self, arrival: Arrival, situation: Situation, again: Message | None) -> Verdict:
        reading, service = arrival.reading, arrival.service
        assert reading  # noqa: S101 - tells the type checker
        assert service  # noqa: S101
        receipt = receipt_of(arrival.delivery.received, service, arrival.sender)
        spoof = verdict.spoofed(arrival)
        if reasons := (spoof,) if spoof else gate.judge(reading.case, self.rules):
            return verdict.refused(arrival, reasons, apprec.answer(reading, receipt, reasons))
        positive = apprec.answer(reading, receipt, ())
        serv_type = reading.envelope.serv_type
        warning = verdict.clock_warning(arrival)
        if serv_type in ("M", "C") and not situation.earlier:
            waiting = verdict.parked(arrival, positive, self.clock.now(), self.patience)
            if again and context.load(again).parked:
                reason, action = verdict.given_up()
                return replace(waiting, state=State.QUARANTINED, reason=reason, action=action, due=None)
            return waiting
        decision = decide(reading.case, service, situation.facts, receipt.day, self.translator.rulebook)
        first = None if decision.opening else self.translator.render(reading, receipt, decision)
        final = duties(decision, first, serv_type, situation)
        translation = first if first and final == decision else self.translator.render(reading, receipt, final)
        findings = (*warning, *translation.findings)
        reason = {"M": "The change was made.", "C": "The cancellation was made."}.get(serv_type, "Received and translated.")
        return Verdict(State.PROCESSED, reason, "", findings, apprec=positive, decision=final, translation=translation)

    def _keep(self, unit: Unit, ready: Ready) -> Received:
        """Write what was decided, with all that follows; unless the message is known by now. Where another has changed what it
        was decided by, it is decided again.
        """
        again = ready.again
        arrival = self._protected(unit, ready.arrival)
        standing = unit.message(again.id) if again else None
        if standing and standing != again:  # another took it through in between
            return Received(standing, "new")
        situation = look(unit, arrival, again)
        if situation.known and again is None:
            return Received(situation.known, _outcome(situation.known))
        if ready.verdict and arrival is ready.arrival and situation == ready.situation:
            judged = ready.verdict
        else:
            judged = self._verdict(arrival, situation, again)
        message = rows.message(arrival, situation, judged, again)
        if again:
            unit.change_message(message)
        else:
            unit.add_message(
                message,
                arrival.delivery.data if verdict.keeps_bytes(arrival, self.rules) else b"",
                bool(situation.taken) or not arrival.whole_key,
            )
        if judged.answered:
            unit.change_outgoing(judged.answered)
        if judged.apprec and not (again and unit.outgoing_for(message.id)):
            unit.enqueue(rows.answer(message, judged.apprec, self.hubs.get(message.hub), self.clock.now()))
        if judged.translation and arrival.reading:
            serv_type = arrival.reading.envelope.serv_type
            record(
                unit,
                message,
                self.clock.now(),
                translation=judged.translation,
                serv_type=serv_type,
                situation=situation,
                pathways=Pathways(self.translator.rulebook, self.translator.week),
                indexes=ready.indexes or NONE,
                careful=ready.careful,
            )
            if self.audited:
                taken_in(unit, message, arrival.patient, self.clock.now())
            if judged.decision and judged.decision.linked_pathway:
                link(unit, message, self.clock.now(), judged.decision.linked_pathway, judged.translation)
            self._share(unit, message, situation, judged.translation)
            if serv_type not in ("M", "C"):
                self._follow(unit, situation.waiting, careful=ready.careful)
        return Received(message, "conflict" if situation.taken else "new")

    def _share(self, unit: Unit, message: Message, situation: Situation, made: Translation) -> None:
        """What others see of the pathways that the message is about."""
        if self.sharing is not None:
            opened = [resource.id for resource in made.resources if resource.type == "EpisodeOfCare"]
            for id in dict.fromkeys([*opened, *([situation.episode["id"]] if situation.episode else [])]):
                share_pathway(Work(unit, self.sharing, self.clock.now()), message.tenant, id)

    def _follow(self, unit: Unit, waiting: Sequence[str], *, careful: bool) -> None:
        """The referral has come: take through what waited for it, each by itself."""
        for message in filter(None, map(unit.message, waiting)):
            xml = unit.message_xml(message.id) or b""
            found = arrivals(context.redelivery(message, xml), self.translator, self.services)
            arrival = next((a for a in found if a.receiver == message.receiver), found[0])
            try:
                with unit.savepoint():
                    self._keep(unit, Ready(arrival, message, careful=careful))
            except Exception as error:
                if isinstance(error, Problem) and error.kind in (Kind.TRANSIENT, Kind.CONFLICT):
                    raise
                self._keep(unit, _set_aside(Ready(arrival, message), error))


def _set_aside(ready: Ready, error: Exception) -> Ready:
    return Ready(replace(ready.arrival, error=type(error).__name__), ready.again)


def _of_delivery(taken: Sequence[Received | Problem]) -> Received | Problem:
    """What is told of a delivery: what its primary receiver has, or why it was not kept for all who were to have it."""
    return next((one for one in taken if isinstance(one, Problem)), taken[0] if taken else Problem(NOT_YOURS))


def _outcome(known: Message) -> Literal["duplicate", "conflict"]:
    """What a message that is known already is: the same again, or again the one that was in conflict."""
    return "conflict" if context.load(known).conflict else "duplicate"
