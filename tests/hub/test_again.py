"""A message that a hub has given before is had once more, as it was received when it was; and what is gone is told."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import respx

from adapter.domain.problem import Kind, Problem
from adapter.hub.again import Given, again, given, is_there
from adapter.hub.folder import FolderHub
from adapter.ports import Delivery
from tests.hub.test_edi2 import HUB, NOW, ONE, Noon, document, hub, listed
from tests.storage.things import a_row

THEN = datetime(2026, 5, 10, 7, 30, tzinfo=UTC)


@pytest.fixture
def api() -> Iterator[respx.MockRouter]:
    with respx.mock(base_url=HUB, assert_all_called=False) as router:
        yield router


def test_edi_gives_a_message_that_was_read_by_its_id(api: respx.MockRouter) -> None:
    api.get(f"/Messages/{ONE}").respond(json=listed(ONE))
    api.get(f"/Messages/{ONE}/business-document").respond(json=document(b"<MsgHead/>"))

    delivery = again(hub(), Given("edi2", ONE, "8000101", THEN))

    assert delivery == Delivery(
        b"<MsgHead/>", THEN, "edi2", ONE, "8000101", "8000201", "11111111-1111-4111-8111-111111111111", is_apprec=False
    )


@pytest.mark.parametrize("answer", [httpx.Response(404), httpx.Response(410)])
def test_what_edi_keeps_no_longer_is_told(answer: httpx.Response, api: respx.MockRouter) -> None:
    api.get(f"/Messages/{ONE}").mock(return_value=answer)

    with pytest.raises(Problem) as gone:
        again(hub(), Given("edi2", ONE, "8000101", THEN))

    assert gone.value.kind is Kind.NOT_FOUND


def test_edi_lists_nothing_of_what_was_read() -> None:
    assert list(given(hub(), THEN)) == []


@pytest.fixture
def folder(tmp_path: Path) -> FolderHub:
    made = FolderHub(tmp_path, clock=Noon())
    made.fetch(1)
    return made


def put(folder: Path, name: str, data: bytes, moment: datetime) -> None:
    (folder / "in" / name).write_bytes(data)
    os.utime(folder / "in" / name, (moment.timestamp(), moment.timestamp()))


def test_a_folder_tells_what_it_gave_since_and_gives_it_again_as_it_came(folder: FolderHub, tmp_path: Path) -> None:
    put(tmp_path, "old.xml", b"<a/>", THEN - timedelta(seconds=1))
    put(tmp_path, "later.xml", b"<b/>", THEN + timedelta(hours=2))
    put(tmp_path, "henvisning æøå.1.xml", b"<c/>", THEN)
    fetched = {delivery.data: delivery for delivery in folder.fetch(10)}
    for delivery in fetched.values():
        folder.confirm(str(delivery.hub_id), "")
    (tmp_path / "done" / "notes.txt").write_text("of a person")

    told = list(given(folder, THEN))

    assert [(one.hub_id, one.received) for one in told] == [
        (fetched[b"<c/>"].hub_id, THEN),
        (fetched[b"<b/>"].hub_id, THEN + timedelta(hours=2)),
    ]
    assert [again(folder, one) for one in told] == [
        Delivery(b"<c/>", THEN, "folder", fetched[b"<c/>"].hub_id),
        Delivery(b"<b/>", THEN + timedelta(hours=2), "folder", fetched[b"<b/>"].hub_id),
    ]


def test_what_was_taken_out_of_done_is_told(folder: FolderHub) -> None:
    with pytest.raises(Problem) as gone:
        again(folder, Given("folder", "a.xml~0123456789abcdef", "", NOW))

    assert (gone.value.kind, list(given(folder, THEN))) == (Kind.NOT_FOUND, [])


def test_an_answer_in_the_folder_is_seen(folder: FolderHub) -> None:
    assert not is_there(folder, a_row())
    folder.deliver(a_row())
    assert is_there(folder, a_row())
