"""What a caller sees whom patients block is what they would see had those patients never been here.

Two databases are made of the same things by chance: one with the patient and the block, one in which neither ever was. Every
question of a unit is then asked of both, in the one as the caller whom the block is against. Which questions there are the port
itself says: one that is new to it must be decided here.
"""

from __future__ import annotations

import inspect
import json
import os
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapter.domain.problem import Kind, Problem
from adapter.ports import NOBODY, Clause, Draft, Match, MessageQuery, Query, State, Store, Through, Trouble, Unit
from adapter.r4.index import index
from adapter.storage import DatabaseStore, open_store, reindex, search
from adapter.storage import through as beyond
from tests.storage.things import NOW, OURS, THEIRS, a_message, a_row, in_status, later, named, of_patient
from tests.stores import with_tables

SEED = int(os.environ.get("STAFETT_SEED") or (1 if os.environ.get("CI") == "true" else random.SystemRandom().randrange(10**6)))
FNR = "urn:oid:2.16.578.1.12.4.1.4.1"
NUMBERS = {"p1": "21858999992", "p2": "07868399999", "p3": "15878999994", "p4": "03909099993"}
UNIT, DOCTOR, ELSEWHERE = "319900102", "990000201", "319900306"
WAYS = [(0, 0), (3, 3), (200, 500)]
Json = dict[str, Any]


def draft(type: str, id: str, **body: Any) -> Draft:
    whole = {"resourceType": type, "id": id, **body}
    return Draft(
        type, id, index(whole), lambda version, updated: f"{type}/{id} {version} {updated} {sorted(body.items())}".encode()
    )


def block(id: str, patient: str, *actors: str, status: str = "active", **also: Any) -> Draft:
    """A Consent as the profile *patient-block* has it."""
    against = [{"reference": {"identifier": {"system": "urn:oid:2.16.578.1.12.4.1.4.101", "value": actor}}} for actor in actors]
    scope = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]}
    said = {"scope": scope, "status": status, "patient": {"reference": f"Patient/{patient}"}, **also}
    return draft("Consent", id, **({"provision": {"type": "deny", "actor": against}} | said))


def patient(id: str, **body: Any) -> Draft:
    return draft("Patient", id, identifier=[{"system": FNR, "value": NUMBERS[id]}, {"value": f"local-{id}"}], **body)


# --- two databases of one world


class World:
    """Things made by chance, each of a patient or of nobody; `put` makes a database of those that are not `without` a patient."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.steps: list[tuple[str, Callable[[Unit], Any]]] = []
        for id in NUMBERS:
            self.put(id, patient(id, active=True))
        self.put("p1", block("c1", "p1", ELSEWHERE, UNIT))
        self.put("p2", block("c2", "p2", ELSEWHERE))
        self.put("p3", block("c3", "p3", UNIT, status="inactive"))
        for number in range(60):
            self.resource(number)
        for number in range(12):
            self.sent(number)

    def put(self, of: str, *drafts: Draft, message: str = "", tenant: str = OURS) -> None:
        moment = later(len(self.steps) // 2)
        self.steps.append((of, lambda unit: unit.put(tenant, drafts, moment, message)))

    def resource(self, number: int) -> None:
        """A Task, twice at times, of somebody who is named by id or number, or of nobody."""
        of = self.chance.choice([*NUMBERS, "p1", ""])
        by_number: Json = {"identifier": {"system": FNR, "value": NUMBERS.get(of)}}
        person = self.chance.choice([{"reference": f"Patient/{of}"}, by_number])
        for _ in range(self.chance.choice([1, 1, 2])):
            body: Json = {"for": person} if of else {}
            body["status"] = self.chance.choice(["draft", "requested", "completed"])
            body["identifier"] = [{"system": "urn:a", "value": str(self.chance.randrange(9))}]
            if self.chance.random() < 0.7:
                body["authoredOn"] = f"2026-0{self.chance.randrange(1, 10)}-01"
            self.put(of, draft("Task", f"t{number}", **body))

    def sent(self, number: int) -> None:
        """A message and what it made, if it made anything, its answer, a delivery to a partner, and a trouble."""
        of = "p1" if number < 2 else self.chance.choice([*NUMBERS, "p1", ""])
        id, moment, about = f"m{number}", later(number // 2), f"Task/of-m{number}"
        whom = f"{FNR}|{NUMBERS[of]}" if of else "somebody"
        message = a_message(id, received=moment, document_id=f"d{number % 3}", patient=whom)
        self.steps.append((of, lambda unit: unit.add_message(message, id.encode())))
        person = {"for": {"reference": f"Patient/{of}"}} if of else {}
        self.put(
            of,
            draft("Task", f"of-m{number}", **person),
            *([patient(of, active=True)] if of else []),
            message=id if number % 4 != 1 else "",
        )
        apprec = a_row(f"a{number}", message_id=id, created=moment)
        share = a_row(f"s{number}", kind="share", message_id="", about=about, hub="partner", created=moment)
        trouble = Trouble(OURS, "partner", about, "refused", "en", "nb", moment)
        self.steps.append((of, lambda unit: unit.enqueue(apprec)))
        self.steps.append((of, lambda unit: unit.enqueue(share)))
        self.steps.append((of, lambda unit: unit.raise_trouble(trouble)))

    def make(self, store: Store, without: str = "") -> None:
        with store.write() as unit:
            for of, step in self.steps:
                if not of or of != without:
                    step(unit)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], scope="module")
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[DatabaseStore, DatabaseStore]]:
    """The store with the patient as UNIT sees it, and another in which the patient never was; to be read only."""
    folder = tmp_path_factory.mktemp("both")
    on_sqlite = with_tables(folder / "store.db")
    store = open_store(request.getfixturevalue("postgresql")() if request.param == "postgresql" else on_sqlite)
    store.migrate()
    other = open_store(with_tables(folder / "never.db"))
    world = World(SEED)
    world.make(store)
    world.make(other, without="p1")
    yield store, other
    store.close()
    other.close()


def query(chance: random.Random) -> Query:
    clauses = [
        of_patient(chance.choice([*NUMBERS])),
        in_status(*chance.sample(["draft", "requested", "completed"], 2)),
        named(*(f"t{chance.randrange(60)}" for _ in range(20))),
        Clause("identifier", [Match("urn:a", str(chance.randrange(9)))], negated=chance.random() < 0.3),
        Clause("patient:identifier", [Match(FNR, NUMBERS[chance.choice([*NUMBERS])])]),
        Clause("authored-on", [Match(low_from=NOW + timedelta(days=300 + chance.randrange(400)))]),
        Clause("patient", [Match("Patient")]),
        Clause("_lastUpdated", [Match(low_from=later(chance.randrange(60)))]),
    ]
    sorts: list[list[tuple[str, bool]]] = [[], [("_lastUpdated", False)], [("authored-on", chance.random() < 0.5)]]
    sorts += [[("patient", False), ("status", True)], [("identifier", True)], [("_id", False)]]
    type = chance.choice(["Task", "Task", "Task", "Patient", "Consent"])
    through: list[Through] = []
    if chance.random() < 0.4:
        ends = [Query(end, chance.sample(clauses, chance.choice([0, 1]))) for end in ("Task", "Patient")]
        through = [Through("patient", ends[:1], reverse=True) if type == "Patient" else Through("patient", ends[1:])]
    return Query(
        type,
        chance.sample(clauses, chance.choice([0, 1, 1, 2])),
        chance.choice(sorts),
        limit=chance.choice([1, 3, 7, 50]),
        through=through,
    )


def paged(unit: Unit, asked: Query) -> list[Any]:
    pages, after = [], asked.after
    while True:
        page = unit.search(OURS, replace(asked, after=after))
        pages.append(page)
        after = page.next
        if after is None:
            return pages


def through(unit: Unit, type: str, id: str | None, limit: int) -> list[Any]:
    pages, after = [], None
    while True:
        page = unit.history(OURS, type, id, limit, after)
        pages.append(page)
        after = page.next
        if after is None:
            return pages


@pytest.mark.parametrize("ways", [(*WAYS[0], 0), (*WAYS[1], 3), (*WAYS[2], 5_000)])
def test_every_search_answers_as_if_the_blocking_patient_had_never_been(
    both: Any, ways: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole pages with their bounds, and totals, by each way to find them (`adapter.storage.search`)."""
    monkeypatch.setattr(search, "FEW", ways[0])
    monkeypatch.setattr(search, "FEW_SORTED", ways[1])
    monkeypatch.setattr(beyond, "MANY", ways[2])
    store, other = both
    chance = random.Random(SEED)
    seen, differed = store.seen_by([OURS], [UNIT]), 0

    def answer(of: Store, asked: Query) -> list[Any]:
        with of.read() as unit:  # one for each: all the searches of a unit have four seconds
            return [paged(unit, asked), unit.count(OURS, asked), unit.count(OURS, asked, 5)]

    for _ in range(120):
        asked = query(chance)
        found = answer(seen, asked)
        assert found == answer(other, asked), (SEED, asked)
        differed += found != answer(store, asked)
    assert differed > 20  # else the block would hide nothing, and this would say nothing


# --- every question of the port

Ask = Callable[[Unit], Any]
TASKS = [("Task", f"t{n}") for n in range(60)] + [("Task", f"of-m{n}") for n in range(12)]
NAMES = [*TASKS, *(("Patient", id) for id in NUMBERS), ("Consent", "c1"), ("Consent", "c2"), ("Consent", "c3")]
MESSAGES = [f"m{n}" for n in range(12)]

HIDDEN: dict[str, Ask] = {
    "message": lambda unit: [unit.message(id) for id in MESSAGES],
    "message_xml": lambda unit: [unit.message_xml(id) for id in MESSAGES],
    "messages": lambda unit: [unit.messages([OURS, THEIRS], MessageQuery(limit=n)) for n in (1, 4, 50)],
    "count_messages": lambda unit: unit.count_messages([OURS, THEIRS]),
    "read": lambda unit: [unit.read(OURS, *name, version) for name in NAMES for version in (None, 1, 2)],
    "read_all": lambda unit: unit.read_all(OURS, NAMES),
    "history": lambda unit: [through(unit, t, id, n) for n in (2, 50) for t, id in [*NAMES, ("Task", None), ("Patient", None)]],
    "search": lambda unit: paged(unit, Query("Task", limit=5)),
    "count": lambda unit: [unit.count(OURS, Query(type)) for type in ("Task", "Patient", "Consent")],
    "stood": lambda unit: [unit.stood(OURS, type, later(10**6), limit=99) for type in ("Task", "Patient", "Consent")],
    "message_resources": lambda unit: [unit.message_resources(OURS, id) for id in MESSAGES],
    "outgoing": lambda unit: [unit.outgoing(f"{kind}{n}") for kind in "as" for n in range(12)],
    "outgoing_for": lambda unit: [unit.outgoing_for(id) for id in MESSAGES],
    "deliveries": lambda unit: [unit.deliveries([OURS, THEIRS], limit=n) for n in (1, 4, 50)],
    "count_deliveries": lambda unit: unit.count_deliveries([OURS, THEIRS]),
    "troubles": lambda unit: [unit.troubles([OURS, THEIRS], limit=n) for n in (1, 4, 50)],
    "count_troubles": lambda unit: unit.count_troubles([OURS, THEIRS]),
}
"""What a caller asks for: without what is of the patient."""

WHOLE: dict[str, Ask | None] = {
    # The hub's work knows a message again whoever it is about, or it would be taken in twice.
    "messages_with_key": lambda unit: [unit.messages_with_key("8094866", "8142520", f"msg-{id}") for id in MESSAGES],
    "message_from_hub": lambda unit: [unit.message_from_hub("edi2", f"hub-{id}", "8094866") for id in MESSAGES],
    "referral_messages": lambda unit: [unit.referral_messages(OURS, "8142520", f"d{n}") for n in range(3)],
    # The worker's, which acts for no caller.
    "due_messages": lambda unit: unit.due_messages(later(10**6), 50),
    "sent_with": lambda unit: unit.sent_with("own-1"),
    "unanswered": lambda unit: unit.unanswered(50),
    "count_outgoing": lambda unit: unit.count_outgoing(),
    "waiting_about": lambda unit: [unit.waiting_about(f"Task/of-m{n}", "partner") for n in range(12)],
    # What partners have is asked of what has been read, and kept in step though nobody here may read it.
    "shared": lambda unit: unit.shared(OURS, "Task", "t1"),
    "shared_there": lambda unit: unit.shared_there("partner", "Task", "1"),
    "shared_with": lambda unit: unit.shared_with("partner", "", 50),
    "partner_state": lambda unit: unit.partner_state("partner"),
    # Nothing of a patient's record, or what the service and its operator do.
    "setting": lambda unit: unit.setting("key"),
    "session": None,
    **dict.fromkeys(
        ("audit_about", "audit_end", "audit_links", "audit_mark", "patient_of")
    ),  # a patient is told of all who saw them
    **dict.fromkeys(("resources_of", "messages_of")),  # what a confidential address is taken out of
    # What is counted of all organisations together, with nobody's name: for whoever watches over the service.
    **dict.fromkeys(("queues", "lengths", "standing_tasks", "open_troubles", "partner_states", "processes", "audit_waits")),
    **dict.fromkeys(("size", "schema", "received_at", "in_hand")),
    **dict.fromkeys(("old_copies", "missing_of_message")),  # what is kept no longer
    **dict.fromkeys(("export", "exports", "export_files", "export_file")),  # ids and versions, looked up for who fetches them
    # Who follows what: ids, versions and numbers. What is shown of them is taken by who asks, and by who is told (`closed_to`).
    **dict.fromkeys(("follower", "followers", "follower_state", "follower_states_due", "follower_states_left", "changes_seen")),
    **dict.fromkeys(
        ("follower_events", "told_of", "count_untold", "unseen", "notification", "closed_to", "attempts", "count_followers")
    ),
    "untold_since": None,
    "blocked": None,
}
WRITING = {
    *("savepoint", "add_message", "change_message", "put", "enqueue", "change_outgoing", "hurry", "keep_shared", "drop_shared"),
    *("keep_partner_state", "raise_trouble", "settle", "set_setting", "await_audit", "spend", "begin_session", "use_session"),
    *("end_session", "end_sessions", "end_old_sessions", "remove", "rewrite", "take_away", "rewrite_message"),
    *("beat", "bury", "take_in_hand", "put_down", "put_down_of_the_dead"),
    *("keep_follower", "keep_follower_state", "forget_changes", "add_events", "add_attempt", "drop_outgoing", "forget_events"),
    "give_up_attempt",
    *("skip_numbers", "put_off_follower"),
    *("ask_export", "go_on_with_export", "drop_export", "drop_old_exports"),
}


def test_of_every_method_of_a_unit_it_is_decided_whether_a_block_hides_what_it_gives() -> None:
    parts = [part for part in Unit.__mro__ if part.__module__.startswith("adapter.ports")]
    methods = {name for part in parts for name, value in vars(part).items() if inspect.isfunction(value) and name[0] != "_"}

    assert methods - WRITING - HIDDEN.keys() - WHOLE.keys() == set()
    assert not (HIDDEN.keys() & WHOLE.keys() | WRITING & HIDDEN.keys())


@pytest.mark.parametrize("method", HIDDEN)
def test_what_a_caller_asks_for_is_as_if_the_blocking_patient_had_never_been(both: Any, method: str) -> None:
    store, other = both
    ask = HIDDEN[method]

    with store.seen_by([OURS], [UNIT, DOCTOR]).read() as seen, other.read() as judge, store.read() as whole:
        assert ask(seen) == ask(judge), SEED
        assert ask(seen) != ask(whole)


@pytest.mark.parametrize("method", [*HIDDEN, *(name for name, ask in WHOLE.items() if ask)])
def test_nothing_is_hidden_by_blocks_against_others_or_in_other_spaces(both: Any, method: str) -> None:
    store, _ = both
    ask = HIDDEN.get(method) or WHOLE[method]
    assert ask

    with store.read() as whole:
        expected = ask(whole)
    for tenants, who in (([OURS], [DOCTOR]), ([THEIRS], [UNIT]), ([OURS], []), ([], [UNIT])):
        with store.seen_by(tenants, who).read() as seen:
            assert ask(seen) == expected


@pytest.mark.parametrize("method", [name for name, ask in WHOLE.items() if ask])
def test_what_only_the_services_own_work_asks_for_is_whole(both: Any, method: str) -> None:
    store, _ = both
    ask = WHOLE[method]
    assert ask

    with store.seen_by([OURS], [UNIT]).read() as seen, store.read() as whole:
        assert ask(seen) == ask(whole)


def test_the_newest_version_is_there_for_all_but_the_blocked(both: Any) -> None:
    store, other = both
    seen = store.seen_by([OURS], [UNIT])

    assert [seen.newest(OURS, *name) for name in NAMES] == [other.newest(OURS, *name) for name in NAMES]
    assert [store.seen_by([THEIRS], [UNIT]).newest(OURS, *name) for name in NAMES] == [store.newest(OURS, *n) for n in NAMES]


# --- blocks set and lifted


def sees(store: DatabaseStore, *who: str, tenant: str = OURS, tenants: Sequence[str] = (OURS,)) -> list[bool]:
    """Whether a caller sees the patient's Task: by `newest`, and in a unit."""
    seen = store.seen_by(tenants, who)
    with seen.read() as unit:
        found = [unit.read(tenant, "Task", "t1"), *unit.search(tenant, Query("Task")).found]
    found = [seen.newest(tenant, "Task", "t1"), *found, seen.run(lambda unit: unit.read(tenant, "Task", "t1"))]
    assert len({one is None for one in found}) == 1
    return [found[0] is not None]


@pytest.fixture
def one(store: DatabaseStore) -> DatabaseStore:
    """A store with a patient and their Task."""
    for tenant in (OURS, THEIRS):
        keep(store, patient("p1"), draft("Task", "t1", **{"for": {"reference": "Patient/p1"}}), tenant=tenant)
    return store


def keep(store: Store, *drafts: Draft, tenant: str = OURS) -> None:
    with store.write() as unit:
        unit.put(tenant, drafts, NOW)


@pytest.mark.parametrize("actor", [UNIT, DOCTOR, NUMBERS["p2"]])
def test_a_block_holds_against_whoever_it_names_and_nobody_else(one: DatabaseStore, actor: str) -> None:
    keep(one, block("c1", "p1", actor))

    assert sees(one, "1", actor) == [False]
    assert sees(one, ELSEWHERE, "1") == [True]
    assert sees(one) == [True]


def test_a_block_holds_in_the_space_that_it_is_in(one: DatabaseStore) -> None:
    keep(one, block("c1", "p1", UNIT))

    assert sees(one, UNIT, tenant=THEIRS, tenants=[OURS, THEIRS]) == [True]
    assert sees(one, UNIT, tenant=OURS, tenants=[THEIRS, OURS]) == [False]


@pytest.mark.parametrize("status", ["inactive", "entered-in-error", "draft", "proposed", "rejected"])
def test_a_block_holds_while_its_status_is_active(one: DatabaseStore, status: str) -> None:
    keep(one, block("c1", "p1", UNIT))
    before = sees(one, UNIT)
    keep(one, block("c1", "p1", UNIT, status=status))
    lifted = sees(one, UNIT)
    keep(one, block("c1", "p1", UNIT))

    assert (before, lifted, sees(one, UNIT)) == ([False], [True], [False])


NO_BLOCKS: list[Json] = [
    {"provision": {"type": "permit", "actor": [{"reference": {"identifier": {"system": "urn:x", "value": UNIT}}}]}},
    {"provision": {"type": "deny"}},
    {"provision": {"type": "deny", "actor": [{"reference": {"reference": f"Organization/{UNIT}"}}]}},
    {"scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "research"}]}},
]


@pytest.mark.parametrize("said", NO_BLOCKS)
def test_a_consent_that_is_no_block_hides_nothing(one: DatabaseStore, said: Json) -> None:
    keep(one, block("c1", "p1", UNIT, **said))

    assert sees(one, UNIT) == [True]


def test_nobody_sees_or_lifts_the_block_against_themselves(one: DatabaseStore) -> None:
    keep(one, block("c1", "p1", UNIT))
    lifting = block("c1", "p1", UNIT, status="inactive")

    with one.seen_by([OURS], [UNIT]).write() as unit:
        assert (unit.read(OURS, "Consent", "c1"), unit.search(OURS, Query("Consent")).found) == (None, [])
    with pytest.raises(Problem) as refused:
        keep(one.seen_by([OURS], [UNIT]), lifting)

    assert (refused.value.kind, sees(one, UNIT)) == (Kind.CONFLICT, [False])


def test_nothing_is_laid_over_what_the_caller_does_not_see(one: DatabaseStore) -> None:
    """An id may be worked out (of an identifier, of an event), so that the same comes out again."""
    keep(one, block("c1", "p1", UNIT))

    with pytest.raises(Problem, match="changed or made the same rows first"):
        keep(one.seen_by([OURS], [UNIT]), draft("Task", "new"), draft("Task", "t1"))

    assert one.newest(OURS, "Task", "new") is None
    stored = one.newest(OURS, "Task", "t1")
    assert stored
    assert stored.version == 1


def test_what_a_unit_writes_itself_holds_for_what_it_reads_next(one: DatabaseStore) -> None:
    """A block, its undoing, and a number that the patient is known by from now on."""
    by_number = draft("Task", "t2", **{"for": {"identifier": {"system": FNR, "value": NUMBERS["p1"]}}})
    with one.seen_by([OURS], [UNIT]).write() as unit:
        assert unit.read(OURS, "Task", "t1")
        with suppress(RuntimeError), unit.savepoint():
            unit.put(OURS, [block("c1", "p1", UNIT)], NOW)
            assert unit.read(OURS, "Task", "t1") is None
            raise RuntimeError
        assert unit.read(OURS, "Task", "t1")
        unit.put(OURS, [block("c1", "p1", UNIT), by_number], NOW)
        assert [unit.read(OURS, "Task", id) for id in ("t1", "t2")] == [None, None]


def test_what_names_the_patient_by_any_of_their_numbers_is_hidden_and_another_persons_is_not(one: DatabaseStore) -> None:
    tasks = [("n1", FNR, NUMBERS["p1"]), ("n2", "", "local-p1"), ("n3", FNR, NUMBERS["p2"]), ("n4", "urn:x", NUMBERS["p1"])]
    for id, system, value in tasks:
        keep(one, draft("Task", id, **{"for": {"identifier": {"system": system, "value": value}}}))
    keep(one, block("c1", "p1", UNIT))

    with one.seen_by([OURS], [UNIT]).read() as unit:
        assert sorted(stored.id for stored in unit.search(OURS, Query("Task")).found) == ["n3", "n4"]


def test_each_version_is_of_whom_it_names(one: DatabaseStore) -> None:
    """A Task of the wrong patient, put right: what was said of the one stays theirs. Who may not see what it has become sees none
    of it, else an old version would tell that there is a newer one.
    """
    keep(one, draft("Task", "t1", **{"for": {"reference": "Patient/p2"}}))
    keep(one, block("c1", "p1", UNIT), block("c2", "p2", DOCTOR))

    def versions(who: str) -> list[int]:
        with one.seen_by([OURS], [who]).read() as unit:
            newest = unit.read(OURS, "Task", "t1")
            assert one.seen_by([OURS], [who]).newest(OURS, "Task", "t1") == newest
            found = [stored.version for stored in unit.history(OURS, "Task", "t1", 9).found]
            assert found == [n for n in (2, 1) if unit.read(OURS, "Task", "t1", n)]
            return [newest.version if newest else 0, *found]

    assert (versions(UNIT), versions(DOCTOR), versions(ELSEWHERE)) == ([2, 2], [0], [2, 2, 1])


def test_many_who_block_one_do_not_end_its_questions(one: DatabaseStore) -> None:
    """More than a statement can have marks."""
    people = [draft("Patient", f"q{n}", identifier=[{"system": FNR, "value": f"{n}"}]) for n in range(300)]
    keep(one, *people, *(block(f"c{n}", f"q{n}", UNIT) for n in range(300)))

    with one.seen_by([OURS], [UNIT]).read() as unit:
        assert [stored.id for stored in unit.search(OURS, Query("Patient")).found] == ["p1"]
        assert unit.count(OURS, Query("Patient")) == 1


def test_a_message_that_was_here_before_the_column_is_hidden_too(one: DatabaseStore, monkeypatch: pytest.MonkeyPatch) -> None:
    body = b'{"resourceType":"Task","id":"t9","for":{"reference":"Patient/p1"}}'
    with one.write() as unit:
        unit.add_message(a_message("m1"), b"<x/>")
        unit.add_message(a_message("m2"), b"<x/>")
        unit.put(OURS, [replace(draft("Task", "t9"), make=lambda *_: body)], NOW, "m1")
        unit.connection.exec_driver_sql("DELETE FROM resource WHERE id <> 't9'")
    monkeypatch.setattr(reindex, "FORM", 99)
    one.migrate()
    with one.write() as unit:
        unit.put(OURS, [block("c1", "p1", UNIT)], NOW)

    with one.seen_by([OURS], [UNIT]).read() as unit:
        assert [message.id for message in unit.messages([OURS], MessageQuery())] == ["m2"]


# --- messages


def inbox(store: DatabaseStore, tenants: Sequence[str] = (OURS,)) -> tuple[list[str], int, list[bytes | None]]:
    """What UNIT sees of the messages: which, how many, and their XML."""
    with store.seen_by(tenants, [UNIT]).read() as unit:
        found = unit.messages([*tenants, NOBODY], MessageQuery())
        xml = [unit.message_xml(f"m{number}") for number in (1, 2, 3)]
        return sorted(message.id for message in found), sum(unit.count_messages([*tenants, NOBODY]).values()), xml


def receive(store: DatabaseStore, tenant: str) -> None:
    """Messages that made nothing: of the patient by number, of another, and of nobody can tell whom."""
    with store.write() as unit:
        unit.put(OURS, [patient("p1"), patient("p2")], NOW)
        for id, whom in (("m1", f"{FNR}|{NUMBERS['p1']}"), ("m2", f"{FNR}|{NUMBERS['p2']}"), ("m3", "")):
            unit.add_message(a_message(id, tenant=tenant, state=State.QUARANTINED, patient=whom), b"<x/>")


@pytest.mark.parametrize("tenant", [OURS, NOBODY])
def test_a_message_that_made_nothing_is_hidden_by_whom_it_names(store: DatabaseStore, tenant: str) -> None:
    receive(store, tenant)
    before = inbox(store)
    keep(store, block("c1", "p1", UNIT))

    assert before == (["m1", "m2", "m3"], 3, [b"<x/>", b"<x/>", b"<x/>"])
    assert inbox(store) == (["m2", "m3"], 2, [None, b"<x/>", b""])


def test_blocks_of_another_space_hide_no_message_here(store: DatabaseStore) -> None:
    receive(store, THEIRS)
    keep(store, block("c1", "p1", UNIT))

    assert inbox(store, [OURS, THEIRS])[0] == ["m1", "m2", "m3"]


def test_what_a_message_made_says_whose_it_is(store: DatabaseStore) -> None:
    """A Patient's id takes the place of the number: the record is asked for by it."""
    receive(store, OURS)
    with store.write() as unit:
        unit.put(OURS, [draft("Task", "t", **{"for": {"reference": "Patient/p1"}})], NOW, "m1")

    with store.read() as unit:
        found = unit.message("m1")
        assert found
        assert (found.patient, unit.messages_of(OURS, "p1")) == ("p1", ["m1"])


# --- what names no patient, and what a blocked caller writes


def test_what_names_no_patient_belongs_with_what_it_refers_to(store: DatabaseStore) -> None:
    task = draft("Task", "t", **{"for": {"reference": "Patient/p1"}})
    told = draft("Provenance", "told", target=[{"reference": "Organization/o"}, {"reference": "Task/t"}])
    part = draft("Task", "part", partOf=[{"reference": "Task/t"}])
    with store.write() as unit:
        unit.put(OURS, [patient("p1"), task, told, draft("Organization", "o")], NOW)
        unit.put(OURS, [part, draft("Provenance", "other", target=[{"reference": "Organization/o"}])], NOW)
        unit.put(OURS, [block("c", "p1", UNIT)], NOW)

    names = [("Provenance", "told"), ("Task", "part"), ("Provenance", "other"), ("Organization", "o")]
    with store.read() as whole, store.seen_by([OURS], [UNIT]).read() as unit:
        assert [one.patient for one in whole.read_all(OURS, names)] == ["p1", "p1", "", ""]
        assert [one.id for one in unit.read_all(OURS, names)] == ["other", "o"]


def test_what_the_blocked_write_of_the_patient_is_in_the_patients_record(store: DatabaseStore) -> None:
    """It tells its writer that it was kept and is not for them; whatever else were done would tell it to others, or lose it."""
    with store.write() as unit:
        unit.put(OURS, [patient("p1"), block("c", "p1", UNIT, ELSEWHERE)], NOW)
    with store.seen_by([OURS], [UNIT]).write() as unit:
        unit.put(OURS, [draft("Flag", "f", subject={"reference": "Patient/p1"})], NOW)

    for who in (UNIT, ELSEWHERE):
        with store.seen_by([OURS], [who]).read() as unit:
            assert unit.read(OURS, "Flag", "f") is None
    with store.read() as unit:
        assert [one.patient for one in unit.read_all(OURS, [("Flag", "f")])] == ["p1"]


def test_a_version_from_before_it_was_the_patients_is_hidden_with_the_others(store: DatabaseStore) -> None:
    with store.write() as unit:
        unit.put(OURS, [patient("p1"), block("c", "p1", UNIT), draft("Task", "t")], NOW)
        unit.put(OURS, [draft("Task", "t", **{"for": {"reference": "Patient/p1"}})], later(1))

    with store.seen_by([OURS], [UNIT]).read() as unit:
        assert [unit.read(OURS, "Task", "t", version) for version in (None, 1, 2)] == [None] * 3
        assert (list(unit.history(OURS, "Task", "t", 9).found), list(unit.history(OURS, "Task", None, 9).found)) == ([], [])


# --- contents, and those who are named in several ways


def contents(store: DatabaseStore, *ids: str) -> list[tuple[str, bool]]:
    """Whose each Binary is, and whether UNIT finds it, by id and in the type's history alike."""
    with store.read() as whole, store.seen_by([OURS], [UNIT]).read() as unit:
        owners = [one.patient for one in whole.read_all(OURS, [("Binary", id) for id in ids])]
        there = [unit.read(OURS, "Binary", id) is not None for id in ids]
        listed = {one.id for one in unit.history(OURS, "Binary", None, 50).found}
    assert there == [id in listed for id in ids]
    return list(zip(owners, there, strict=True))


LETTER: Json = {"subject": {"reference": "Patient/p1"}, "content": [{"attachment": {"url": "Binary/b"}}, {"attachment": {}}]}


@pytest.mark.parametrize("order", ["before", "after", "together"])
def test_a_content_is_of_the_record_of_the_document_that_names_it(one: DatabaseStore, order: str) -> None:
    binary, letter = draft("Binary", "b", contentType="text/plain"), draft("DocumentReference", "d", **LETTER)
    other = draft("Binary", "other", contentType="text/plain")
    for step in {"before": [[binary, other], [letter]], "after": [[letter], [binary, other]]}.get(order, [[other, binary, letter]]):
        keep(one, *step)
    keep(one, block("c1", "p1", UNIT))

    assert contents(one, "b", "other") == [("p1", False), ("", True)]


def test_a_content_that_is_of_a_record_stays_there_whoever_names_it(one: DatabaseStore) -> None:
    keep(one, patient("p2"), draft("Binary", "b", securityContext={"reference": "Patient/p2"}))
    keep(one, draft("DocumentReference", "d", **LETTER), block("c1", "p1", UNIT))

    assert contents(one, "b") == [("p2", True)]


@pytest.mark.parametrize("context", ["DocumentReference/d", "DocumentReference/d/_history/1", "Task/t1"])
def test_a_content_is_as_secret_as_what_it_says(one: DatabaseStore, context: str) -> None:
    """Any type may be its context (https://hl7.org/fhir/R4/binary.html)."""
    keep(one, draft("DocumentReference", "d", subject={"reference": "Patient/p1"}))
    keep(one, draft("Binary", "b", securityContext={"reference": context}), block("c1", "p1", UNIT))

    assert contents(one, "b") == [("p1", False)]


CONTAINED: list[list[Json]] = [
    [{"system": "urn:a", "value": "1"}, {"system": FNR, "value": NUMBERS["p1"]}],
    [{"value": NUMBERS["p1"]}],
    [{"system": "urn:a", "value": "1"}, {"value": "local-p1"}],
    [{"system": FNR, "value": "03909099993"}, {"value": NUMBERS["p1"]}],
]


@pytest.mark.parametrize("identifiers", CONTAINED)
def test_each_number_of_a_contained_patient_counts(one: DatabaseStore, identifiers: list[Json]) -> None:
    inner = {"resourceType": "Patient", "id": "p", "identifier": identifiers}
    keep(one, draft("Task", "t2", **{"for": {"reference": "#p"}, "contained": [inner]}))
    keep(one, block("c1", "p1", UNIT))

    with one.seen_by([OURS], [UNIT]).read() as unit:
        assert [stored.id for stored in unit.search(OURS, Query("Task")).found] == []


def test_when_all_is_indexed_anew_what_has_several_names_stays_whose_it_was(
    store: DatabaseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = {"resourceType": "Patient", "id": "p", "identifier": CONTAINED[2]}
    person = {"resourceType": "Patient", "id": "p1", "identifier": [{"value": "local-p1"}]}
    task = {"resourceType": "Task", "id": "t", "for": {"reference": "#p"}, "contained": [inner]}
    for body in (person, task):
        written = json.dumps(body).encode()
        keep(store, Draft(body["resourceType"], body["id"], index(body), lambda *_, written=written: written))
    before = store.newest(OURS, "Task", "t")
    monkeypatch.setattr(reindex, "FORM", 99)
    store.migrate()

    assert before
    assert (before.patient, store.newest(OURS, "Task", "t")) == ("|local-p1", before)


def test_what_is_of_several_patients_is_the_first_ones_alone(one: DatabaseStore) -> None:
    """As `docs/access.md` says: what it is hidden by, and what not."""
    targets = [{"reference": "Patient/p2"}, {"reference": "Task/t1"}, {"reference": "Patient/p1"}]
    keep(one, patient("p2"), draft("Provenance", "both", target=targets))
    shown = []
    for whom in ("p1", "p2"):
        keep(one, block("c", whom, UNIT))
        with one.seen_by([OURS], [UNIT]).read() as unit:
            shown.append((unit.read(OURS, "Provenance", "both") is not None, unit.read(OURS, "Task", "t1") is not None))

    assert shown == [(True, False), (False, True)]
