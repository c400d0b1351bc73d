"""A disk that is full, read-only, or fails to sync: who sends is told so, nothing is lost, and all goes on by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.kill.messages import Made, make_messages
from tests.power.installation import Clients, Process, drop, files, lay, post, ready
from tests.power.judge import effects, faults
from tests.power.recorder import FAILING, FULL, READ_ONLY, SOUND, Recorder

pytestmark = pytest.mark.slow
XML = {"Content-Type": "application/xml"}


@dataclass
class House:
    process: Process
    recorder: Recorder
    clients: Clients
    letters: Iterator[Made]
    sent: list[Made] = field(default_factory=list)

    def next(self) -> Made:
        self.sent.append(next(self.letters))
        return self.sent[-1]

    @property
    def tries(self) -> int:
        """How often the worker has tried the folder in vain."""
        return self.process.log_file.read_text("utf-8").count('"part":"folder"')


@pytest.fixture(scope="module")
def house(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One service for all of them, so that each finds what the disk before it has left."""
    folder = tmp_path_factory.mktemp("disk") / "installed"
    lay(folder)
    recorder = Recorder(library, folder.parent / "outside")
    process = Process(folder, recorder)
    try:
        process.start()
        yield House(process, recorder, Clients(), iter(make_messages(7, 100)))
    finally:
        process.kill()


@pytest.mark.parametrize(("disk", "room"), [(FULL, 10_000), (FULL, 0), (READ_ONLY, 0), (FAILING, 0)])
def test_what_cannot_be_kept_is_refused_and_comes_again(house: House, disk: int, room: int) -> None:
    folder, process = house.process.folder, house.process
    with process.client() as client:
        post(client, house.next(), house.clients)
        done = files(folder, "done")
        house.recorder.be(disk, room)
        refused = [house.next() for _ in range(4)]
        answers = [client.post("/messages", content=one.data, headers=XML) for one in refused]
        answers.append(client.post("/fhir/Organization", json={"resourceType": "Organization", "name": "Avdeling"}))
        waiting = [house.next() for _ in range(3)]
        for one in waiting:
            drop(folder, one.msg_id, one.data, house.clients)
        answers += [
            client.post("/messages", content=refused[0].data, headers={"Content-Type": "application/xml"}) for _ in range(3)
        ]

        assert {told(answer) for answer in answers} == {(503, "OperationOutcome", "transient")}
        assert (files(folder, "in"), files(folder, "done")) == (3, done)

        house.recorder.be(SOUND)
        for one in refused:
            post(client, one, house.clients)
        process.wait(lambda: not files(folder, "in") and files(folder, "out") == files(folder, "done") == done + 3, 60)
        process.wait(lambda: ready(client), 20)
    house.recorder.be(SOUND)
    left = {str(path.relative_to(folder)): bytearray(path.read_bytes()) for path in folder.rglob("*") if path.is_file()}

    assert list(effects(folder, [one.msg_id for one in house.sent])) == []
    assert faults(folder, left, house.clients.told, {path: data for _, path, data in house.clients.dropped}) == []


def told(answer: httpx.Response) -> tuple[int, str, str]:
    body = answer.json()
    return answer.status_code, body.get("resourceType", ""), body.get("issue", [{}])[0].get("code", "")
