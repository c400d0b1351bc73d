"""What is shared stands so now: in the spaces here, in the team, and at the servers of both sides.

    stand(work, before, after)      # a Task has come to be, or has changed; everything that follows is put and enqueued

Everything happens in the unit at hand: what is to be sent leaves later, by the outbox. Nothing here judges a change; that is
done where it enters (`assignment_rules` for our clients, `follow_assignment` for partners).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal
from uuid import uuid4

import structlog

from adapter.correlation import cause
from adapter.domain.assignment import TERMINAL
from adapter.ports import Outgoing, Shared, Trouble, Unit
from adapter.r4 import json
from adapter.usecases.pathways import Body, is_pathway, patient_of, plain
from adapter.usecases.sharing import Partner, Sharing
from adapter.usecases.writing import draft
from mappings import times
from mappings.resources import assignment, care_team, notice

log = structlog.get_logger(__name__)

FHIR_JSON: Final = "application/fhir+json"


@dataclass(frozen=True, slots=True)
class Work:
    """One unit's work on what is shared."""

    unit: Unit
    sharing: Sharing
    now: datetime

    @property
    def today(self) -> date:
        return times.local_day(self.now)

    def body(self, tenant: str, type: str, id: str) -> Body | None:
        stored = self.unit.read(tenant, type, id)
        return plain(stored) if stored else None

    def keep(self, tenant: str, *bodies: Body) -> None:
        self.unit.put(tenant, [draft(one["resourceType"], one["id"], one, self.sharing.base) for one in bodies], self.now)

    def waits(self, partner: Partner) -> bool:
        """Whether a partner reads and answers here. One that has not been asked yet is taken to receive."""
        return (partner.mode or self.unit.partner_state(partner.name).mode) == "wait"

    def lead(self, task: Mapping[str, Any]) -> str:
        """The organisation of ours whose space what is known of the Task's sharing is kept in; empty where none is ours."""
        return next((number for number in parties(task) if number in self.sharing.organisations), "")

    def spaces(self, task: Mapping[str, Any]) -> list[str]:
        """The organisations that find the Task here: ours, and partners that wait."""
        return [number for number in parties(task) if number in self.sharing.organisations or self._reads_here(number)]

    def servers(self, task: Mapping[str, Any]) -> Iterator[Partner]:
        """The servers of both sides that receive."""
        for number in parties(task):
            partner = self.sharing.server_of(number)
            if partner and not self.waits(partner):
                yield partner

    def home(self, task: Mapping[str, Any]) -> Shared | None:
        """Where the authoritative Task is, if it is not ours."""
        return next((one for one in self.unit.shared(self.lead(task), "Task", task["id"]) if one.home), None)

    def trouble(self, tenant: str, about: str, kind: str, en: str, nb: str, *, partner: str = "", detail: bytes = b"") -> bool:
        """Leave something to a person, and say so in the log; whether it is new."""
        new = self.unit.raise_trouble(Trouble(tenant, partner, about, kind, en, nb, self.now, detail))
        if new:
            part = "partner" if about.startswith("Partner/") else "assignment"
            log.warning(f"{part}.{kind}", organisation=tenant, partner=partner, about=about, why=en)
        return new

    def settled(self, tenant: str, about: str, *kinds: str, partner: str = "") -> None:
        """These troubles about a resource are over."""
        self.unit.settle(tenant, about, self.now, kinds=kinds, partner=partner)

    def _reads_here(self, number: str) -> bool:
        partner = self.sharing.server_of(number)
        return partner is not None and self.waits(partner)


def parties(task: Mapping[str, Any]) -> tuple[str, ...]:
    """The numbers of requester and owner, each once."""
    return tuple(dict.fromkeys((assignment.party(task, "requester"), assignment.party(task, "owner"))))


def of_another_patient(work: Work, task: Mapping[str, Any]) -> bool:
    """Whether the pathway that the Task names is here, and another patient's."""
    lead, pathway = work.lead(task), assignment.pathway_of(task)
    episode = work.body(lead, "EpisodeOfCare", pathway) if lead and pathway else None
    if episode is None:
        team = work.body(lead, "CareTeam", care_team.id_of(pathway)) if lead and pathway else None
        return team is not None and _number(team["subject"]) != _number(task["for"])
    patient = work.body(lead, "Patient", patient_of(episode)) or {}
    return _number(task["for"]) not in [(one.get("system"), one.get("value")) for one in patient.get("identifier", [])]


def _number(patient: Mapping[str, Any]) -> tuple[Any, Any]:
    said = patient.get("identifier", {})
    return said.get("system"), said.get("value")


def name(task: Mapping[str, Any]) -> str:
    return f"{task['resourceType']}/{task['id']}"


def stand(
    work: Work, before: Body | None, after: Body, *, heard_from: str = "", written_in: str = "", on: date | None = None
) -> None:
    """A Task stands so from now on. `heard_from` is the partner that it was seen at, `written_in` the space that has it already.

    `on` is the day in Norway on which it came to stand so, where that is not today. A draft is its requester's own affair, also one
    that is called off.
    """
    from adapter.usecases.assign_coordinator import follow_task  # noqa: PLC0415 what is asked next is shared too
    from adapter.usecases.end_assignments import abort_done  # noqa: PLC0415 as above
    from adapter.usecases.share_pathway import home_of, share_pathway  # noqa: PLC0415 as above

    if after["status"] == "draft" or (after["status"] in TERMINAL and before and _is_unknown(work, before, written_in)):
        if not written_in:
            work.keep(work.lead(after), after)
        return
    lead = work.lead(after)
    if written_in not in ("", lead) and (ours := work.body(lead, "Task", after["id"])):
        after = assignment.laid(ours, assignment.view(after))  # a partner's space does not have what is ours alone
    if after["status"] in TERMINAL:
        work.settled(lead, name(after), "overdue", "conflict")
    for space in work.spaces(after):
        if space != written_in:
            work.keep(space, _as_in(work, space, after))
    new = before is None or before["status"] == "draft"
    if new:
        _begin(work, after, heard_from)
    else:
        level(work, lead, after)
    _team(work, None if new else before, after, on or work.today)
    share_pathway(work, home_of(work, after), assignment.pathway_of(after))
    notify(work, after, written_in)
    follow_task(work, None if new else before, after)
    abort_done(work, after)


def _is_unknown(work: Work, before: Body, written_in: str) -> bool:
    """Whether nobody but its requester knows of a Task, since it has never been more than a draft."""
    lead, id = work.lead(before), before["id"]
    others = [space for space in work.spaces(before) if space != (written_in or lead)]
    elsewhere = any(work.unit.read(space, "Task", id) for space in others) or work.unit.shared(lead, "Task", id)
    return before["status"] == "draft" or (before["status"] in TERMINAL and len(parties(before)) > 1 and not elsewhere)


def _as_in(work: Work, space: str, task: Body) -> Body:
    """The Task as a space has it: with what that space itself has put on its own."""
    there = work.body(space, "Task", task["id"])
    if there is not None:
        made = assignment.laid(there, assignment.view(task))
        return assignment.with_standing(made, "") if task["status"] in TERMINAL else made
    return task if space == work.lead(task) else {**assignment.outward(task), "id": task["id"]}


def _begin(work: Work, task: Body, heard_from: str) -> None:
    """A new Task goes to the servers of both sides; the owner's is its home."""
    lead, owner = work.lead(task), assignment.party(task, "owner")
    partners = [partner for partner in work.servers(task) if partner.name != heard_from]
    seen, body = (seen_of(task), creation(task)) if partners else (b"", b"")
    for partner in partners:
        work.unit.keep_shared(Shared(lead, "Task", task["id"], partner.name, partner.organisation == owner, seen=seen))
        send(work, "share", partner.name, lead, task, body)


def view(resource: Mapping[str, Any]) -> Body:
    """The shared elements of a Task or CareTeam, as they are compared."""
    return assignment.view(resource) if resource["resourceType"] == "Task" else care_team.view(resource)


def outward(resource: Body) -> Body:
    """What a partner gets to see of a Task or CareTeam."""
    return assignment.outward(resource) if resource["resourceType"] == "Task" else care_team.outward(resource)


def creation(resource: Body) -> bytes:
    """The transaction that creates a Task or CareTeam at a partner, once."""
    return assignment.share_bundle(outward(resource))


def seen_of(resource: Mapping[str, Any]) -> bytes:
    """The shared elements as they are remembered of a partner."""
    return json.encode(view(resource))


def change(resource: Mapping[str, Any]) -> bytes:
    """The bytes of a change of a copy: the shared elements as ours stood then. What is sent is how ours stands when it leaves."""
    return json.encode({"all": True, "set": view(resource)})


def proposals(work: Work, task: Mapping[str, Any]) -> list[Outgoing]:
    """What the requester wants of the home, and the home has not been asked yet."""
    home = work.home(task)
    return [row for row in work.unit.waiting_about(name(task), home.partner) if row.kind == "change"] if home else []


def propose(work: Work, task: Body, wanted: Body, only: Collection[str]) -> None:
    """Ask the home for what the requester wants: those elements of `wanted`, and how they were when that was made of them."""
    home = work.home(task)
    assert home  # noqa: S101 - tells the type checker: who proposes has seen that there is one
    said = {part: {key: value for key, value in view(one).items() if key in only} for part, one in (("was", task), ("set", wanted))}
    send(work, "change", home.partner, home.tenant, task, json.encode({"all": False, **said}))


def level(work: Work, lead: str, resource: Body, *, row: str = "") -> None:
    """See that every copy comes to stand as ours. Where a proposal is under way its outcome is awaited first.

    `row` is a proposal that has had its outcome. A change that waits is sent as ours stands when it leaves, so no second is needed;
    but one that has been taken up may have left already.
    """
    if resource["resourceType"] == "Task" and any(one.id != row for one in proposals(work, resource)):
        return
    wanted = view(resource)
    for shared in work.unit.shared(lead, resource["resourceType"], resource["id"]):
        if shared.home:
            continue
        changes = [one for one in work.unit.waiting_about(name(resource), shared.partner) if one.kind == "change"]
        if changes[-1].attempts if changes else json.parse(shared.seen) != wanted:
            send(work, "change", shared.partner, lead, resource, change(resource))


def send(
    work: Work, kind: Literal["share", "change", "notice"], partner: str, lead: str, resource: Body, body: bytes, earlier: str = ""
) -> Outgoing:
    """Put something for a partner into the outbox; what is about one patient keeps its order."""
    about, receiver = name(resource), work.sharing.partner(partner)
    row = Outgoing(
        id=str(uuid4()),  # the same may be sent twice: what was, and is again
        tenant=lead,
        key=f"{partner}|{_person(work, lead, resource)}",
        hub=partner,
        kind=kind,
        message_id="",
        hub_id=None,
        sender=lead,
        receiver=receiver.organisation if receiver else "",
        body=body,
        content_type=FHIR_JSON,
        created=work.now,
        about=about,
        earlier=earlier,
        cause=cause(),
    )
    work.unit.enqueue(row)
    return row


def _person(work: Work, lead: str, resource: Body) -> str:
    said = resource["for" if resource["resourceType"] == "Task" else "subject"].get("identifier", {})
    return work.sharing.person_key(lead, str(said.get("system", "")), str(said.get("value", "")))


def _team(work: Work, before: Body | None, after: Body, on: date) -> None:
    """The team as it follows from the Task's step; it goes to both sides, and to all who have it already."""
    lead, pathway = work.lead(after), assignment.pathway_of(after)
    if not pathway:
        return
    id = care_team.id_of(pathway)
    team = work.body(lead, "CareTeam", id)
    specialist = next((number for number in parties(after) if number not in work.sharing.municipalities), "")
    made = care_team.advance(team, pathway=pathway, patient=after["for"], before=before, after=after, on=on, specialist=specialist)
    if made is None:
        return
    work.keep(lead, made, *_led(work, lead, pathway, made))
    known = {shared.partner for shared in work.unit.shared(lead, "CareTeam", id)}
    for partner in work.servers(after):
        if partner.name not in known:
            work.unit.keep_shared(Shared(lead, "CareTeam", id, partner.name, seen=seen_of(made)))
            send(work, "share", partner.name, lead, made, creation(made))
    level(work, lead, made)


def _led(work: Work, lead: str, pathway: str, team: Body) -> Iterator[Body]:
    """The pathway's EpisodeOfCare with its team, and with the specialist service's coordinator: never the municipality's."""
    episode = work.body(lead, "EpisodeOfCare", pathway)
    if episode is None or not is_pathway(episode):
        return
    rest = {key: value for key, value in episode.items() if key not in ("team", "careManager")}
    manager = care_team.manager(team)
    made = {**rest, **({"careManager": manager} if manager else {}), "team": [{"reference": f"CareTeam/{team['id']}"}]}
    if made != episode:
        yield made


def notify(work: Work, task: Body, written_in: str = "") -> None:
    """Partners that read here are told that there is something to read: no more than its address, and once until it has left."""
    for number in parties(task):
        partner = work.sharing.server_of(number)
        if partner is None or not partner.notify_url or not work.waits(partner) or number == written_in:
            continue
        if not any(row.kind == "notice" for row in work.unit.waiting_about(name(task), partner.name)):
            told = notice.of(f"{work.sharing.base}/Task/{task['id']}", work.now)
            send(work, "notice", partner.name, work.lead(task), task, told)
