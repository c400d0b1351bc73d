"""What is around the service goes away while it works. Real processes: two workers and one that answers requests on a PostgreSQL
of their own, the simulated hub, a municipality's server. The work goes on where it can, waits where it must, and nobody is needed.

The tests share the processes, in this order: that is how an installation lives. Every message is received once and answered once.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import httpx
import psycopg
import pytest

from tests.house.processes import STAFETT, clean_environment, free_ports
from tests.kill.installation import MUNICIPALITY, RECEIVER, House, Process, answers, messages_on
from tests.kill.messages import Letters, Made
from tests.postgres import Server, server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

LETTERS = Letters(5)
STANDS = "SELECT msg_id, state, (SELECT count(*) FROM outbox WHERE message_id = message.id AND kind = 'apprec') FROM message"
ENOUGH = 60  # seconds on a busy machine; all of it takes that long on an idle one


@dataclass
class Around:
    """The installation and what it depends on."""

    house: House
    hub: Process
    partner: Process
    database: Server
    came: int = 0

    def drop(self, messages: int) -> list[str]:
        """Files come in; their MsgIds."""
        made = self.letters(messages)
        for one in made:
            self.house.drop(one.msg_id, one.data)
        return [one.msg_id for one in made]

    def post(self, messages: int) -> list[str]:
        """Messages come by the hub; their MsgIds."""
        made = self.letters(messages)
        for one in made:
            httpx.post(f"{self.house.hub}/sandbox/messages", content=one.data, trust_env=False).raise_for_status()
        return [one.msg_id for one in made]

    def letters(self, messages: int) -> list[Made]:
        self.came += messages
        return [LETTERS.make(number) for number in range(self.came - messages, self.came)]

    def get(self, path: str) -> tuple[int, Any]:
        answer = httpx.get(f"{self.house.service}{path}", trust_env=False, timeout=20)
        return answer.status_code, answer.json()

    def figures(self) -> list[str]:
        return httpx.get(f"{self.house.service}/metrics", trust_env=False, timeout=20).text.splitlines()

    def send(self, message: Made) -> httpx.Response:
        """A client posts it to us."""
        xml = {"Content-Type": "application/xml"}
        return httpx.post(f"{self.house.service}/messages", content=message.data, headers=xml, trust_env=False, timeout=20)

    def has_in_hand(self, process: str) -> bool:
        """Whether a process is at something of a hub's."""
        return bool(self.rows("SELECT 1 FROM in_hand WHERE process = %s AND hub = 'folder'", process))

    def ready(self) -> int:
        try:
            return self.get("/health/ready")[0]
        except httpx.TransportError:
            return 0

    def partner_is(self) -> str:
        return str(self.get("/partners")[1]["items"][0]["state"])

    def is_settled(self) -> bool:
        """Whether all that ever came is received and off the folder, and nothing waits to leave for a hub."""
        if self.rows("SELECT count(*) FROM message")[0][0] < self.came or any(
            entry.name.endswith(".xml") for entry in os.scandir(self.house.into)
        ):
            return False
        return not self.rows("SELECT 1 FROM outbox WHERE state = 'waiting' AND hub IN ('folder', 'edi2') LIMIT 1")

    def settled(self, ids: list[str]) -> None:
        """Waits until all that has come is dealt with; each of these once, each answered once."""
        self.house.until(self.is_settled, ENOUGH, lambda: f"{len([*self.house.into.iterdir()])} files left")
        stands = self.rows(STANDS)
        assert sorted(row for row in stands if row[0] in ids) == sorted((id, "processed", 1) for id in ids)
        effects = self.rows("SELECT count(*) FROM resource WHERE type = 'ServiceRequest'")
        assert effects == [(len(stands),)]
        assert len([*self.house.out.glob("*.xml")]) == len(self.rows("SELECT 1 FROM message WHERE hub = 'folder'"))

    def rows(self, sql: str, *values: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database.url) as connection:
            return connection.execute(sql.encode(), values).fetchall()


@pytest.fixture(scope="module")
def around(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Around]:
    folder, first = tmp_path_factory.mktemp("down"), free_ports(3)
    service, beside, municipality = (f"http://127.0.0.1:{first + number}" for number in range(3))
    with ExitStack() as stack:
        database = stack.enter_context(server())
        house = House(folder, database.url, service, beside, municipality)
        hub = Process("hub", [sys.executable, "-m", "adapter.sandbox.hub", "--port", str(first + 1)], folder)
        kept: list[str | Path] = ["--organisation", MUNICIPALITY, "--store", folder / "municipality.db"]
        partner = Process(
            "partner",
            [sys.executable, "-m", "adapter.sandbox.partner", "--port", str(first + 2), "--name", "municipality", *kept],
            folder,
        )
        made = Around(house, hub, partner, database)
        for process in (hub, partner, *house.fleet):
            process.start()
            stack.callback(partial(_end, process))
        house.until(lambda: made.ready() == 200 and answers(f"{house.hub}/") and answers(f"{house.partner}/"), ENOUGH)
        yield made


def _end(process: Process) -> None:
    if process.running:
        process.kill()


def test_all_is_well_to_begin_with(around: Around) -> None:
    around.settled(around.drop(5) + around.post(5))
    around.house.until(lambda: around.partner_is() == "reached", ENOUGH)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_postgresql_restarts_under_load(around: Around, mode: Literal["fast", "immediate"]) -> None:
    """In good order, and as if it crashed: what was under way is begun again, and no process ends for it."""
    ids = around.drop(40) + around.post(5)
    time.sleep(0.3)
    around.database.stop(mode)
    around.house.until(lambda: around.ready() == 503, ENOUGH)
    assert around.get("/health/live")[0] == 200
    assert around.get("/messages")[0] == 503
    late = around.drop(5)
    around.database.start()
    around.house.until(lambda: around.ready() == 200, ENOUGH)
    around.settled(ids + late)


def test_a_process_that_starts_while_postgresql_is_down_says_so_and_ends(around: Around, tmp_path: Path) -> None:
    """Whoever starts it (systemd, Kubernetes) starts it again."""
    words = (STAFETT, "serve", "--roles", "worker", "--config", around.house.configuration)
    around.database.stop("fast")
    try:
        ended = subprocess.run(words, cwd=tmp_path, env=clean_environment(), capture_output=True, timeout=60, check=False)
    finally:
        around.database.start()
    assert ended.returncode == 1, ended
    assert b"The database cannot be reached" in ended.stderr
    assert b"Traceback" not in ended.stderr
    around.house.until(lambda: around.ready() == 200, ENOUGH)


def test_a_hub_that_hangs_and_one_that_is_gone_hold_up_no_other_and_nothing_is_lost(around: Around) -> None:
    ids = around.post(5)
    around.settled(ids)
    assert around.hub.running
    around.hub.running.send_signal(signal.SIGSTOP)  # it takes connections, and answers nobody
    try:
        files = around.drop(10)
        around.house.until(lambda: not [*around.house.into.glob("*.xml")], ENOUGH)
    finally:
        around.hub.running.send_signal(signal.SIGCONT)
    around.settled(files + around.post(5))
    assert {(tuple(m["read"]), len(m["appRecs"])) for m in messages_on(httpx.Client(base_url=around.house.hub))} == {
        ((int(RECEIVER),), 1)
    }

    around.hub.kill()
    files = around.drop(10)
    around.house.until(lambda: "edi2, in" in "".join(one.words() for one in around.house.fleet), ENOUGH)
    around.settled(files)
    around.hub.start()
    around.house.until(lambda: answers(f"{around.house.hub}/"), ENOUGH)
    around.settled(around.post(5))


def test_a_partner_that_hangs_up_is_told_of_and_called_again_by_itself(around: Around) -> None:
    ordered = {"mode": "down", "count": 3}  # as many as do not open the circuit breaker, whose pauses are longer than a test
    httpx.post(f"{around.house.partner}/sandbox/faults", json=ordered, trust_env=False).raise_for_status()
    around.house.until(lambda: around.partner_is() == "failing", ENOUGH)
    around.settled(around.drop(5))
    around.house.until(lambda: around.partner_is() == "reached", ENOUGH)


def test_without_a_worker_and_without_the_process_that_answers_messages_go_on_and_without_any_they_wait(around: Around) -> None:
    house, (first, second, api) = around.house, around.house.fleet
    buried = second.log.read_text("utf-8").count("worker.buried")
    ids = around.drop(40) + around.post(5)
    time.sleep(0.3)
    first.kill()
    api.kill()
    around.settled(ids)
    assert around.ready() == 0
    house.until(lambda: second.log.read_text("utf-8").count("worker.buried") >= buried + 2, ENOUGH)

    ids = around.drop(150)
    [(survivor,)] = around.rows("SELECT id FROM process")
    house.until(lambda: around.has_in_hand(survivor), ENOUGH)
    assert second.stop() == 0, second.words()
    assert not around.has_in_hand(survivor)
    assert around.rows("SELECT id FROM process") == []
    assert around.rows("SELECT id FROM outbox WHERE state = 'waiting' AND hub = 'folder' AND attempts > 0") == []  # nor claimed

    left = len([*house.into.glob("*.xml")])
    assert left
    api.start()
    house.until(lambda: around.ready() == 200, ENOUGH)
    [posted] = around.letters(1)
    answer = around.send(posted)
    assert (answer.status_code, answer.json()["state"]) == (201, "processed")
    assert 'stafett_processes{role="worker"} 0.0' in around.figures()
    assert len([*house.into.glob("*.xml")]) == left

    first.start()
    second.start()
    around.settled(ids)
    house.until(lambda: 'stafett_processes{role="worker"} 2.0' in around.figures(), ENOUGH)


def test_all_end_in_good_order_also_where_the_database_is_gone(around: Around) -> None:
    first, *others = around.house.fleet
    assert first.stop() == 0, first.words()
    around.database.stop("immediate")
    try:
        for one in others:
            assert one.stop() == 0, one.words()
    finally:
        around.database.start()
