"""The service is killed (SIGKILL) at random while messages arrive: none is lost, none has its effect twice.

`STAFETT_SEED` repeats a run; the seed is printed. 3,000 messages and 20 kills take up to two minutes, 200 and 3 some seconds.
"""

from __future__ import annotations

import os
import random
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from adapter.domain.identity import DEMONSTRATION_KEY, keyed
from adapter.domain.referral import Service
from adapter.ports import NOBODY, Message, MessageQuery, Outgoing, Query, State, Unit
from adapter.storage import open_store
from adapter.usecases.translate_message import receipt_of
from mappings.messages import apprec
from mappings.translation import Limits, Translator
from tests.kill.installation import ORGANISATION, RECEIVER, Installation, installation
from tests.kill.messages import Made, make_messages

SEED = int(os.environ.get("STAFETT_SEED") or random.SystemRandom().randrange(10**6))
SERVICE = Service(RECEIVER, ORGANISATION, "D11")


@pytest.mark.slow
def test_a_killed_service_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    run(tmp_path, files=180, posts=20, kills=3)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_3000_messages_survive_20_kills(tmp_path: Path) -> None:
    run(tmp_path, files=2700, posts=300, kills=20)


def run(folder: Path, files: int, posts: int, kills: int) -> None:
    print(f"STAFETT_SEED={SEED}")  # noqa: T201 - repeats this run
    started = time.monotonic()
    made = make_messages(SEED, files + posts)
    enough = 30 + len(made) / 30  # seconds for the rest, on a busy machine
    with installation(folder) as service:
        feeder = threading.Thread(target=feed, args=(service, made, files), daemon=True)
        feeder.start()
        lives = live_and_die(service, random.Random(SEED), files, kills)
        service.start()
        feeder.join(60)
        service.wait(lambda: service.files_done() == files and service.files_answered() == files, enough, every=0.2)
        service.wait(lambda: all(m["read"] and m["appRecs"] for m in service.on_hub()), enough, every=0.5)
        assert service.stop() == 0, service.log()
        print(f"{files + posts} messages, {kills} kills, {time.monotonic() - started:.0f} s; files done at each kill: {lives}")  # noqa: T201
        judge(service, made, files)


def feed(service: Installation, made: list[Made], files: int) -> None:
    """Put the messages in while the service works: the hub's spread among the files."""
    every = max(files // max(len(made) - files, 1), 1)
    posts = iter(made[files:])
    for number, message in enumerate(made[:files]):
        service.drop(f"{number:05d}", message.data)
        if number % every == 0 and (post := next(posts, None)):
            service.post(post.data)
        time.sleep(0.002)
    for post in posts:
        service.post(post.data)


def live_and_die(service: Installation, chance: random.Random, files: int, kills: int) -> list[int]:
    """Start and kill the service; how many files were done at each kill. Most lives get some work done, a few hardly begin."""
    lives = []
    share = files // (kills + 2)
    for _ in range(kills):
        before = service.files_done()
        service.start()
        if chance.random() < 0.15:
            time.sleep(chance.uniform(0.05, 1.5))
        else:
            enough = before + chance.randint(1, share)
            service.wait(lambda enough=enough: service.files_done() >= enough, 60)  # type: ignore[misc]
            time.sleep(chance.uniform(0, 0.05))
        service.kill()
        lives.append(service.files_done())
    assert lives[-1] < files, "the last kill came when the work was done"
    return lives


def judge(service: Installation, made: list[Made], files: int) -> None:
    """Every message has been received once, has its effect once, and was answered once with the right bytes."""
    store = open_store(service.url)
    with store.read() as unit:
        messages = every_message(unit)
        versions = [[s.version for s in unit.message_resources(ORGANISATION, m.id) if s.type == "ServiceRequest"] for m in messages]
        rows = [unit.outgoing_for(m.id) for m in messages]
        current = unit.count(ORGANISATION, Query("ServiceRequest")), unit.count(ORGANISATION, Query("EpisodeOfCare"))
    store.close()

    assert sorted(m.msg_id for m in messages) == sorted(m.msg_id for m in made)
    assert {m.state for m in messages} == {State.PROCESSED}
    assert versions == [[1]] * len(made)
    assert current == (len(made), len(made))
    assert [[row.state for row in of_message] for of_message in rows] == [["sent"]] * len(made)
    expected = fresh({m.msg_id: m for m in messages}, made[:files], rows)
    assert {path.name: path.read_bytes() for path in service.out.iterdir() if path.suffix == ".xml"} == expected
    assert {m["businessDocumentId"]: ([a["appRecStatus"] for a in m["appRecs"]], m["read"]) for m in service.on_hub()} == {
        m.msg_id: (["Ok"], [int(RECEIVER)]) for m in made[files:]
    }


def every_message(unit: Unit) -> list[Message]:
    """All messages of all tenants, page by page."""
    found: list[Message] = []
    query = MessageQuery(limit=500)
    while page := unit.messages([ORGANISATION, NOBODY], query):
        found += page
        query = replace(query, after=(page[-1].received, page[-1].id))
    return found


def fresh(received: dict[str, Message], made: list[Made], rows: list[list[Outgoing]]) -> dict[str, bytes]:
    """File name -> AppRec of each message from the folder, rendered anew from what was sent and when it was received."""
    translator = Translator(Limits(), keyed(DEMONSTRATION_KEY))
    names = {row.message_id: row.id for of_message in rows for row in of_message}
    found = {}
    for message in made:
        kept = received[message.msg_id]
        answer = apprec.answer(translator.read(message.data), receipt_of(kept.received, SERVICE), ())
        found[f"{names[kept.id]}.xml"] = apprec.to_xml(answer)
    return found
