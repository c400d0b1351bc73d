"""All of it in files, for everyone who asks: who may not see finds nothing of it in any file, and nothing of another's export.

How a file comes to be is in `tests/fhir/test_export.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from adapter.usecases.at_work import Hand
from adapter.usecases.export_resources import HAND, SETTLED, make_some
from tests.matrix.asking import Request, alike, difference
from tests.matrix.instances import OF_NOBODY
from tests.matrix.world import BLOCKED, REFUSED, WHO, World

pytestmark = pytest.mark.slow
ASYNC = {"Prefer": "respond-async"}
NEVER = "00000000-0000-4000-8000-000000000000"


@contextmanager
def exported(world: World, reader: str, path: str = "$export") -> Iterator[tuple[str, list[str]]]:
    """The id of a reader's export, and the paths of its files; it is removed afterwards."""
    kicked = world.ask(reader, Request("GET", path, ASYNC))
    assert kicked.status_code == 202, kicked.text
    id = kicked.headers["Content-Location"].rpartition("/")[2]
    world.service.clock.moment += SETTLED
    while make_some(world.store, world.service.clock, Hand(world.store, world.service.clock, HAND, "worker")):
        pass
    manifest = world.ask(reader, Request("GET", f"$export-status/{id}")).json()
    yield id, [one["url"].partition("/fhir/")[2] for one in manifest["output"]]
    assert world.ask(reader, Request("DELETE", f"$export-status/{id}")).status_code == 202


def held(world: World, reader: str, files: list[str]) -> set[str]:
    """The ids of what the files hold."""
    found: set[str] = set()
    for file in files:
        answer = world.ask(reader, Request("GET", file))
        assert answer.status_code == 200, answer.text
        found |= {json.loads(line)["id"] for line in answer.content.splitlines()}
    return found


@pytest.mark.parametrize("path", ["$export", "Patient/$export"])
def test_who_may_see_finds_all_of_it(world: World, path: str) -> None:
    mine = {id for type, id in world.hidden.ids.items() if type not in {*OF_NOBODY, "PlanDefinition"}}
    with exported(world, "own", path) as (_, files):
        found = held(world, "own", files)

    assert mine <= found
    assert (world.hidden.ids["Organization"] in found) == (path == "$export")


@pytest.mark.parametrize("path", ["$export", "Patient/$export"])
@pytest.mark.parametrize("reader", REFUSED)
def test_who_may_not_see_finds_none_of_it(world: World, reader: str, path: str) -> None:
    with exported(world, reader, path) as (_, files):
        found = held(world, reader, files)

    asked_of_it = world.ask(reader, Request("GET", "Task?_count=200")).json() if reader == "guest" else {}
    assert found & world.everything == {entry["resource"]["id"] for entry in asked_of_it.get("entry", ())} & world.everything
    if reader in BLOCKED:  # but what no patient has closed
        assert (world.hidden.ids["Organization"] in found) == (path == "$export")


@pytest.mark.parametrize("reader", sorted({*WHO} - {"own"}))
def test_nobody_else_is_told_of_an_export(world: World, reader: str) -> None:
    """The same answer as of one that never was; and it is still there."""
    with exported(world, "own", "$export?_type=Task") as (id, (file, *_)):
        for method, path in (("GET", f"$export-status/{id}"), ("GET", file), ("DELETE", f"$export-status/{id}")):
            there, never = (world.ask(reader, Request(method, one)) for one in (path, path.replace(id, NEVER)))
            one, other = alike(there, {}), alike(never, {})
            assert one == other, difference(one, other)
            assert one[0] == 404
        assert world.ask("own", Request("GET", file)).status_code == 200


def test_nothing_is_exported_in_an_emergency(world: World) -> None:
    assert world.ask("saver", Request("GET", "$export", ASYNC)).status_code == 403
