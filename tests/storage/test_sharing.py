"""What other FHIR servers have of ours, what is remembered of them, and what waits for a person; on both engines."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text

from adapter.domain.problem import Problem
from adapter.ports import PartnerState, Shared, Trouble
from adapter.storage import DatabaseStore
from tests.storage.things import NOW, OURS, THEIRS, later

KNOWN = Shared(
    tenant=OURS,
    type="Task",
    id="t1",
    partner="fjord",
    home=True,
    remote="their-1",
    etag='W/"a b;1"',
    seen=b'{"status":"accepted","x":1.50}\xc3\xa6\x00',
)
STATE = PartnerState(
    name="fjord",
    mode="wait",
    failures=7,
    open_until=later(60),
    failing_since=later(-60),
    reached=later(-90),
    heard=later(-91),
    compared=later(-92),
)
CONFLICT = Trouble(
    tenant=OURS,
    partner="fjord",
    about="Task/t1",
    kind="conflict",
    en="Both changed it.",
    nb="Begge endret den.",
    since=NOW,
    detail=b'{"resourceType":"OperationOutcome"}',
)


def keep(store: DatabaseStore, *things: Shared) -> None:
    with store.write() as unit:
        for thing in things:
            unit.keep_shared(thing)


def raise_all(store: DatabaseStore, *troubles: Trouble) -> list[bool]:
    with store.write() as unit:
        return [unit.raise_trouble(one) for one in troubles]


def open_troubles(store: DatabaseStore, *about: str, tenants: tuple[str, ...] = (OURS, THEIRS), limit: int = 100) -> list[Trouble]:
    with store.read() as unit:
        return unit.troubles(tenants, about, limit)


def test_what_is_shared_comes_back_as_it_was_stored_and_from_nobody_else(store: DatabaseStore) -> None:
    bare = Shared(OURS, "Task", "t1", "vik")
    others = [replace(KNOWN, tenant=THEIRS), replace(KNOWN, type="CareTeam"), replace(KNOWN, id="t2")]
    keep(store, bare, KNOWN, *others)

    with store.read() as unit:
        assert unit.shared(OURS, "Task", "t1") == [KNOWN, bare]
        assert [unit.shared(one.tenant, one.type, one.id) for one in others] == [[one] for one in others]


def test_what_is_kept_again_takes_the_place_of_what_was_there(store: DatabaseStore) -> None:
    keep(store, KNOWN, replace(KNOWN, partner="vik"))
    changed = replace(KNOWN, home=False, remote="their-2", etag="", seen=b"")

    keep(store, changed)

    with store.read() as unit:
        assert unit.shared(OURS, "Task", "t1") == [changed, replace(KNOWN, partner="vik")]


def test_what_is_dropped_is_gone_and_the_rest_stays(store: DatabaseStore) -> None:
    rest = [replace(KNOWN, partner="vik"), replace(KNOWN, tenant=THEIRS), replace(KNOWN, type="CareTeam")]
    keep(store, KNOWN, *rest)

    with store.write() as unit:
        unit.drop_shared(replace(KNOWN, remote="", etag="other"))

    with store.read() as unit:
        found = [row for tenant in (OURS, THEIRS) for type in ("Task", "CareTeam") for row in unit.shared(tenant, type, "t1")]
    assert sorted(found, key=repr) == sorted(rest, key=repr)


def test_a_resource_is_found_by_its_id_at_a_partner_in_every_space_that_has_it(store: DatabaseStore) -> None:
    both = [KNOWN, replace(KNOWN, tenant=THEIRS, home=False)]
    both.sort(key=lambda row: row.tenant)
    keep(store, *both, replace(KNOWN, id="t2", partner="vik"), replace(KNOWN, id="t3", type="CareTeam"))

    with store.read() as unit:
        assert unit.shared_there("fjord", "Task", "their-1") == both


def test_nothing_is_found_by_an_id_that_is_not_known_yet(store: DatabaseStore) -> None:
    keep(store, replace(KNOWN, remote=""))

    with store.read() as unit:
        assert unit.shared_there("fjord", "Task", "") == []


def test_all_that_a_partner_has_is_gone_through_in_pages_each_once(store: DatabaseStore) -> None:
    rows = [
        replace(KNOWN, tenant=tenant, type=type, id=f"t{n}")
        for tenant in (OURS, THEIRS)
        for type in ("Task", "CareTeam")
        for n in range(5)
    ]
    keep(store, *rows, *(replace(row, partner="vik") for row in rows))

    found: list[Shared] = []
    with store.read() as unit:
        while page := unit.shared_with("fjord", " ".join((found[-1].tenant, found[-1].type, found[-1].id)) if found else "", 3):
            assert len(page) <= 3
            found += page

    assert found == sorted(rows, key=lambda row: (row.tenant, row.type, row.id))


def test_a_partner_that_nothing_is_known_of_has_a_new_state(store: DatabaseStore) -> None:
    with store.read() as unit:
        assert unit.partner_state("fjord") == PartnerState("fjord")


def test_what_is_remembered_of_a_partner_is_kept_whole_and_over_the_earlier(store: DatabaseStore) -> None:
    other = replace(STATE, name="vik", failures=0)
    with store.write() as unit:
        unit.keep_partner_state(PartnerState("fjord", "push"))
        unit.keep_partner_state(other)
        unit.keep_partner_state(STATE)

    with store.read() as unit:
        assert [unit.partner_state("fjord"), unit.partner_state("vik")] == [STATE, other]


def test_trouble_is_raised_once_and_its_words_follow_while_its_beginning_stays(store: DatabaseStore) -> None:
    again = replace(CONFLICT, en="Once more.", nb="En gang til.", since=later(9), detail=b"")

    assert raise_all(store, CONFLICT, again) == [True, False]

    assert open_troubles(store) == [replace(again, since=NOW)]


def test_trouble_of_another_kind_partner_resource_or_organisation_is_another(store: DatabaseStore) -> None:
    others = [
        replace(CONFLICT, since=later(1), kind="illegal"),
        replace(CONFLICT, since=later(2), partner="vik"),
        replace(CONFLICT, since=later(3), about="Task/t2"),
        replace(CONFLICT, since=later(4), tenant=THEIRS),
    ]

    assert raise_all(store, CONFLICT, *others) == [True] * 5

    assert open_troubles(store) == [CONFLICT, *others]


def test_open_troubles_are_given_oldest_first_for_the_organisations_and_resources_that_are_asked_for(store: DatabaseStore) -> None:
    late, early = replace(CONFLICT, about="Task/t2", since=later(5)), replace(CONFLICT, about="Task/t3", since=later(-5))
    theirs = replace(CONFLICT, tenant=THEIRS)
    raise_all(store, late, CONFLICT, early, theirs)

    assert open_troubles(store, tenants=(OURS,)) == [early, CONFLICT, late]
    assert open_troubles(store, tenants=(OURS,), limit=2) == [early, CONFLICT]
    assert open_troubles(store, "Task/t1", "Task/t2", tenants=(OURS,)) == [CONFLICT, late]
    assert open_troubles(store, tenants=()) == []


def test_open_troubles_are_counted_by_partner_for_the_organisations_that_are_asked_for(store: DatabaseStore) -> None:
    over, vik = replace(CONFLICT, about="Task/t2"), replace(CONFLICT, partner="vik")
    raise_all(store, CONFLICT, replace(CONFLICT, kind="illegal"), over, vik, replace(CONFLICT, tenant=THEIRS))
    with store.write() as unit:
        unit.settle(OURS, "Task/t2", NOW)

    with store.read() as unit:
        assert unit.count_troubles([OURS]) == {"fjord": 2, "vik": 1}
        assert unit.count_troubles([]) == {}


@pytest.mark.parametrize(
    ("kinds", "partner", "closed"),
    [([], "", 3), (["conflict"], "", 2), (["conflict", "illegal"], "", 3), ([], "vik", 1), (["illegal"], "vik", 0)],
)
def test_troubles_are_settled_by_resource_kind_and_partner(
    store: DatabaseStore, kinds: list[str], partner: str, closed: int
) -> None:
    about = [CONFLICT, replace(CONFLICT, partner="vik", since=later(1)), replace(CONFLICT, kind="illegal", since=later(2))]
    others = [replace(CONFLICT, about="Task/t2", since=later(3)), replace(CONFLICT, tenant=THEIRS, since=later(4))]
    raise_all(store, *about, *others)

    with store.write() as unit:
        assert unit.settle(OURS, "Task/t1", later(10), kinds=kinds, partner=partner) == closed
        assert unit.settle(OURS, "Task/t1", later(11), kinds=kinds, partner=partner) == 0

    left = [one for one in about if (kinds and one.kind not in kinds) or (partner and one.partner != partner)]
    assert open_troubles(store) == [*left, *others]


def test_trouble_that_comes_back_after_it_was_settled_is_new(store: DatabaseStore) -> None:
    for number in range(3):
        assert raise_all(store, replace(CONFLICT, since=later(number))) == [True]
        with store.write() as unit:
            assert unit.settle(OURS, "Task/t1", later(number + 0.5)) == 1

    assert open_troubles(store) == []


def test_of_two_open_troubles_alike_the_database_itself_keeps_one(store: DatabaseStore) -> None:
    raise_all(store, CONFLICT)

    with pytest.raises(Problem), store.write() as unit:
        unit.connection.execute(
            text(
                "INSERT INTO trouble (tenant, partner, about, kind, en, nb, since, detail)"
                " SELECT tenant, partner, about, kind, en, nb, since, detail FROM trouble"
            )
        )

    assert open_troubles(store) == [CONFLICT]
