"""The hub of files, with real files."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapter.domain.problem import Kind, Problem
from adapter.hub.folder import FolderHub
from adapter.ports import Delivery, Outgoing
from tests.national_numbers import make

NOW = datetime(2026, 5, 11, 9, 0, tzinfo=UTC)


class Noon:
    def now(self) -> datetime:
        return NOW


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path


def hub(folder: Path, **options: Any) -> FolderHub:
    return FolderHub(folder, clock=Noon(), **options)


def put(folder: Path, name: str, content: bytes = b"<a/>", *, age: int = 0) -> Path:
    path = folder / "in" / name
    path.write_bytes(content)
    os.utime(path, ns=(0, (1_000_000 - age) * 10**9))
    return path


def confirm_all(channel: FolderHub, deliveries: list[Delivery]) -> None:
    for delivery in deliveries:
        assert delivery.hub_id
        channel.confirm(delivery.hub_id, "")


def contents(folder: Path, part: str) -> list[bytes]:
    return sorted(path.read_bytes() for path in (folder / part).iterdir())


def row(body: bytes = b"<AppRec/>") -> Outgoing:
    return Outgoing("o-1", "319900101", "k", "folder", "apprec", "m-1", "a", "1", "2", body, "application/xml", NOW)


def test_files_are_delivered_oldest_first_and_by_name_within_the_same_time(folder: Path) -> None:
    put(folder, "new.xml", b"<new/>")
    put(folder, "b.xml", b"<b/>", age=5)
    put(folder, "a.XML", b"<a/>", age=5)
    put(folder, "old.xml", b"<old/>", age=9)

    found = hub(folder).fetch(10)

    assert [d.data for d in found] == [b"<old/>", b"<a/>", b"<b/>", b"<new/>"]
    old = found[0]
    assert old == Delivery(b"<old/>", NOW, "folder", old.hub_id)
    assert (old.hub_id or "").startswith("old.xml~")


@pytest.mark.parametrize("name", [".a.xml", "a.xml.tmp", "a.xml.part", "a.txt", "a"])
def test_what_is_not_a_whole_message_is_left_alone(folder: Path, name: str) -> None:
    put(folder, name)

    assert hub(folder).fetch(10) == []
    assert contents(folder, "in") == [b"<a/>"]


def test_folders_links_and_pipes_are_left_alone(folder: Path) -> None:
    (folder / "in" / "folder.xml").mkdir()
    (folder / "in" / "link.xml").symlink_to("/etc/hostname")
    os.mkfifo(folder / "in" / "pipe.xml")

    assert hub(folder).fetch(10) == []


def test_a_confirmed_file_is_moved_to_done(folder: Path) -> None:
    put(folder, "a.xml")
    channel = hub(folder)

    confirm_all(channel, channel.fetch(10))

    assert (contents(folder, "in"), contents(folder, "done"), channel.fetch(10)) == ([], [b"<a/>"], [])


def test_confirming_twice_does_nothing_more(folder: Path) -> None:
    put(folder, "a.xml")
    channel = hub(folder)
    found = channel.fetch(10)

    confirm_all(channel, found * 2)

    assert contents(folder, "done") == [b"<a/>"]


def test_an_unconfirmed_file_is_delivered_again_under_the_same_id_also_after_a_restart(folder: Path) -> None:
    put(folder, "a.xml")
    channel = hub(folder)

    first = channel.fetch(10)

    assert channel.fetch(10) == first
    assert hub(folder).fetch(10) == first


def test_a_file_can_be_confirmed_after_a_restart(folder: Path) -> None:
    put(folder, "a.xml")
    put(folder, "b.xml", b"<b/>")
    found = hub(folder).fetch(1)

    confirm_all(hub(folder), found)

    assert (contents(folder, "in"), contents(folder, "done")) == ([b"<b/>"], [b"<a/>"])


def test_the_same_name_with_other_content_is_another_message_and_both_files_are_kept(folder: Path) -> None:
    channel = hub(folder)
    put(folder, "a.xml", b"<first/>")
    first = channel.fetch(10)
    confirm_all(channel, first)
    put(folder, "a.xml", b"<second/>")
    second = channel.fetch(10)
    confirm_all(channel, second)

    assert first[0].hub_id != second[0].hub_id
    assert contents(folder, "done") == [b"<first/>", b"<second/>"]


def test_the_same_file_put_in_again_is_the_same_message(folder: Path) -> None:
    channel = hub(folder)
    ids = []
    for _ in range(2):
        put(folder, "a.xml")
        found = channel.fetch(10)
        ids.append(found[0].hub_id)
        confirm_all(channel, found)

    assert ids[0] == ids[1]
    assert contents(folder, "done") == [b"<a/>"]


def test_a_file_replaced_before_it_is_confirmed_stays_to_be_delivered(folder: Path) -> None:
    put(folder, "a.xml", b"<first/>")
    channel = hub(folder)
    first = channel.fetch(10)
    put(folder, "a.xml", b"<second/>")

    confirm_all(channel, first)

    assert [d.data for d in channel.fetch(10)] == [b"<second/>"]


def test_files_of_equal_content_are_messages_of_their_own(folder: Path) -> None:
    put(folder, "a.xml")
    put(folder, "b.xml")
    channel = hub(folder)

    found = channel.fetch(10)
    confirm_all(channel, found)

    assert len({d.hub_id for d in found}) == 2
    assert contents(folder, "done") == [b"<a/>", b"<a/>"]


def test_a_file_that_goes_away_after_it_was_listed_is_passed_over(folder: Path) -> None:
    for age in (3, 2, 1):
        put(folder, f"{age}.xml", f"<a{age}/>".encode(), age=age)
    channel = hub(folder)

    assert [d.data for d in channel.fetch(1)] == [b"<a3/>"]
    (folder / "in" / "2.xml").unlink()
    assert [d.data for d in channel.fetch(1)] == [b"<a1/>"]


def test_files_that_are_never_confirmed_do_not_stand_before_the_others(folder: Path) -> None:
    for age in (3, 2, 1):
        put(folder, f"{age}.xml", f"<a{age}/>".encode(), age=age)
    channel = hub(folder)

    assert [[d.data for d in channel.fetch(2)] for _ in range(3)] == [[b"<a3/>", b"<a2/>"], [b"<a1/>"], [b"<a3/>", b"<a2/>"]]


def test_a_file_over_the_limit_is_delivered_with_its_fault_and_can_be_confirmed(folder: Path) -> None:
    put(folder, "big.xml", b"x" * 1001)
    put(folder, "just.xml", b"x" * 1000)
    channel = hub(folder, max_bytes=1000)

    big, just = channel.fetch(10)
    confirm_all(channel, [big, just])

    assert (big.data, big.fault and big.fault.kind) == (b"", Kind.TOO_LARGE)
    assert (len(just.data), just.fault) == (1000, None)
    assert [len(c) for c in contents(folder, "done")] == [1000, 1001]


def test_an_empty_file_is_delivered_as_it_is(folder: Path) -> None:
    put(folder, "a.xml", b"")

    assert [(d.data, d.fault) for d in hub(folder).fetch(10)] == [(b"", None)]


def test_a_file_that_cannot_be_read_blocks_no_other(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    put(folder, "first.xml", age=3)
    put(folder, "14868440083.xml", age=2)
    put(folder, "last.xml", b"<last/>", age=1)
    channel = hub(folder)
    channel.fetch(1)
    (folder / "in" / "14868440083.xml").unlink()
    (folder / "in" / "14868440083.xml").mkdir()

    assert [d.data for d in channel.fetch(10)] == [b"<last/>"]
    said = capfd.readouterr().out
    assert ("hub.file_not_read" in said, "14868440083" in said) == (True, False)


def test_a_number_in_a_file_name_is_not_in_the_id_nor_lost_from_the_file(folder: Path) -> None:
    numbers = [make(14, 6, 1984, "female"), make(15, 6, 1984, "male")]
    for number in numbers:
        put(folder, f"henvisning {number}.xml")

    found = hub(folder).fetch(10)
    confirm_all(hub(folder), found)

    assert [(d.hub_id or "").rpartition("~")[0] for d in found] == ["henvisning ***.xml"] * 2
    assert len({d.hub_id for d in found}) == 2
    assert sorted(p.name.split(".")[0] for p in (folder / "done").iterdir()) == sorted(f"henvisning {n}" for n in numbers)


@pytest.mark.parametrize(
    "name", [b"\xff\xfe.xml", b"line\nbreak.xml", b"x" * 251 + b".xml", "å".encode() * 125 + b".xml", b"~.xml"]
)
def test_any_file_name_can_be_taken_in_and_off(folder: Path, name: bytes) -> None:
    put(folder, os.fsdecode(name))
    found = hub(folder).fetch(10)
    assert (found[0].hub_id or "").isprintable()

    confirm_all(hub(folder), found)

    assert (contents(folder, "in"), contents(folder, "done")) == ([], [b"<a/>"])


def test_three_thousand_files_are_taken_in_and_off_within_seconds(folder: Path) -> None:
    for n in range(3000):
        (folder / "in" / f"{n}.xml").write_bytes(b"<a/>")
    channel, seen, start = hub(folder), 0, time.monotonic()

    while found := channel.fetch(50):
        seen += len(found)
        confirm_all(channel, found)

    assert (seen, len(contents(folder, "done"))) == (3000, 3000)
    assert time.monotonic() - start < 10


def test_an_answer_is_written_whole_under_its_id(folder: Path) -> None:
    assert hub(folder).deliver(row()) == "o-1.xml"
    assert [(p.name, p.read_bytes()) for p in (folder / "out").iterdir()] == [("o-1.xml", b"<AppRec/>")]


def test_an_answer_written_again_is_the_same_file(folder: Path) -> None:
    channel = hub(folder)

    assert [channel.deliver(row()), channel.deliver(row())] == ["o-1.xml", "o-1.xml"]
    assert contents(folder, "out") == [b"<AppRec/>"]


def test_what_a_crash_left_half_written_is_overwritten(folder: Path) -> None:
    (folder / "out").mkdir()
    (folder / "out" / ".o-1.tmp").write_bytes(b"<App")

    hub(folder).deliver(row())

    assert contents(folder, "out") == [b"<AppRec/>"]


def test_a_folder_that_cannot_be_written_is_told_and_tried_again(folder: Path) -> None:
    (folder / "out").write_bytes(b"a file where a folder should be")

    with pytest.raises(Problem, match="cannot write a file in its folder") as told:
        hub(folder).deliver(row())
    assert told.value.kind is Kind.TRANSIENT


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    channel = hub(tmp_path / "new")

    channel.confirm("a.xml~0123456789abcdef", "")
    channel.deliver(row())

    assert (channel.fetch(10), channel.status("a")) == ([], [])
