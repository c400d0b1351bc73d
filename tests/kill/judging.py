"""What must be so, while processes are killed and when all is done. Each rule is a function with its number.

I1 every message has one outcome · I2 and one effect · I3 an AppRec that is sent again has the same bytes · I4 nothing is confirmed
that is not kept · I5 what is of one key leaves in the order it was made · I7 the audit's chain is unbroken · I9 what was received
is what has its outcome and what is under way

The database is asked in SQL of the tests' own, the hub and the municipality over their own interfaces; what an AppRec must hold is
rendered anew from the message as it was sent, and read by a parser that knows nothing of ours.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from lxml import etree
from sqlalchemy import NullPool, create_engine, text

from adapter.domain.identity import DEMONSTRATION_KEY, keyed
from adapter.domain.referral import Service
from adapter.storage.tables import moment
from adapter.usecases.translate_message import receipt_of
from mappings.messages import apprec
from mappings.resources import assignment
from mappings.translation import Limits, Translator
from tests.house.processes import STAFETT, clean_environment
from tests.kill.feeding import Folder, Plan
from tests.kill.installation import MUNICIPALITY, ORGANISATION, RECEIVER, House, client, messages_on
from tests.kill.messages import Letters, number_of
from tests.kill.people import MORE, Journal, Municipality, more_of

SERVICE: Final = Service(RECEIVER, ORGANISATION, "D11", care_level="poliklinikk")
RENDERED: Final = 1_000
"""As many AppRecs are rendered anew, spread over all; the others are read alone."""
OUTBOX: Final = """
SELECT message.msg_id, message.hub, message.received, outbox.id, outbox.state, outbox.body FROM message
JOIN outbox ON outbox.message_id = message.id AND outbox.kind = 'apprec'"""
OVERTAKEN: Final = """
SELECT count(*) FROM outbox AS later JOIN outbox AS earlier ON earlier.key = later.key AND earlier.position < later.position
WHERE earlier.state = 'waiting' AND later.state IN ('sent', 'unanswered')"""


class Database:
    """The service's database, read by SQL."""

    def __init__(self, url: str) -> None:
        self.engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=NullPool)  # its server crashes too

    def rows(self, sql: str, **values: Any) -> Iterator[Sequence[Any]]:
        with self.engine.connect() as connection:
            yield from connection.execution_options(yield_per=1000).execute(text(sql), values)

    def one(self, sql: str, **values: Any) -> Any:
        (row,) = self.rows(sql, **values)
        return row[0] if len(row) == 1 else tuple(row)

    def close(self) -> None:
        self.engine.dispose()


class Judge:
    def __init__(self, house: House, plan: Plan, letters: Letters, folder: Folder, journal: Journal) -> None:
        self.house, self.plan, self.letters, self.folder, self.journal = house, plan, letters, folder, journal
        self.database, self.municipality = Database(house.url), Municipality(house)
        self.hub = client(house.hub)

    # while it goes on

    @property
    def pulse(self) -> int:
        """Grows as long as anything happens."""
        return self.folder.done + self.journal.answers

    def look(self) -> None:
        """What must be so at every moment."""
        self.i4_nothing_is_confirmed_that_is_not_kept()
        self.i5_nothing_has_overtaken_what_is_before_it()
        self.i9_what_was_received_has_its_outcome_or_is_under_way()

    def i4_nothing_is_confirmed_that_is_not_kept(self) -> None:
        confirmed = self.folder.done  # before the database is asked
        assert confirmed <= self.database.one("SELECT count(*) FROM message WHERE hub = 'folder'")

    def i5_nothing_has_overtaken_what_is_before_it(self) -> None:
        assert self.database.one(OVERTAKEN) == 0

    def i9_what_was_received_has_its_outcome_or_is_under_way(self) -> None:
        received, ended, under_way = self.database.one("""
            SELECT (SELECT count(*) FROM message), (SELECT count(*) FROM outbox WHERE kind = 'apprec' AND state = 'sent'),
                   (SELECT count(*) FROM outbox WHERE kind = 'apprec' AND state = 'waiting')""")
        assert received == ended + under_way

    def is_done(self) -> bool:
        """Whether nothing is under way any more."""
        if self.folder.done < self.plan.files or self.database.one("SELECT count(*) FROM outbox WHERE state = 'waiting'"):
            return False
        answered = "SELECT count(*) FROM resource WHERE tenant = :tenant AND type = 'Task' AND status IN ('accepted', 'received')"
        agreed = self.database.one(answered, tenant=ORGANISATION) == self.plan.granted * (1 + len(MORE))
        return agreed and all(m["read"] and m["appRecs"] for m in messages_on(self.hub))

    def stands(self) -> str:
        """How far it has come, for people."""
        rows = [*self.database.rows("SELECT hub, kind, state, count(*) FROM outbox GROUP BY hub, kind, state")]
        read = sum(bool(m["read"]) for m in messages_on(self.hub))
        return f"{self.folder.done} files done, {read} read on the hub, in the outbox {rows}"

    # when all is done

    def judge(self) -> None:
        self.look()
        self.i1_every_message_has_one_outcome()
        self.i2_every_message_has_one_effect()
        self.i3_every_apprec_has_the_bytes_that_it_must_have()
        self.the_hub_has_one_apprec_of_each_and_all_are_read()
        self.what_was_acknowledged_is_there()
        self.every_assignment_is_at_the_municipality_once()
        self.i5_what_was_asked_about_a_pathway_came_in_the_order_that_it_was_asked()
        self.i7_the_audit_is_unbroken()

    def i1_every_message_has_one_outcome(self) -> None:
        seen = bytearray(self.plan.all)
        for msg_id, state in self.database.rows("SELECT msg_id, state FROM message"):
            number = number_of(msg_id)
            assert self.letters.make(number).msg_id == msg_id
            assert state == "processed", f"{msg_id} is {state}"
            seen[number] += 1
        assert seen == b"\1" * self.plan.all, f"lost: {seen.count(0)}, doubled: {self.plan.all - seen.count(0) - seen.count(1)}"
        answers = "SELECT count(*), count(DISTINCT message_id), min(state), max(state) FROM outbox WHERE kind = 'apprec'"
        assert self.database.one(answers) == (self.plan.all, self.plan.all, "sent", "sent")

    def i2_every_message_has_one_effect(self) -> None:
        """One ServiceRequest, version 1, and one EpisodeOfCare: of each message, and of all together."""
        for type in ("ServiceRequest", "EpisodeOfCare"):
            made = "SELECT count(*), count(DISTINCT message_id), count(DISTINCT id), max(version) FROM message_resource"
            assert self.database.one(f"{made} WHERE type = :type", type=type) == (self.plan.all, self.plan.all, self.plan.all, 1), (
                type
            )
            kept = "SELECT count(*) FROM resource WHERE tenant = :tenant AND type = :type"
            assert self.database.one(kept, tenant=ORGANISATION, type=type) == self.plan.all, type
        again = "SELECT count(*) FROM resource WHERE tenant = :tenant AND type = 'ServiceRequest' AND version > 1"
        assert self.database.one(again, tenant=ORGANISATION) <= self.plan.granted  # an answered one is changed by who answered

    def i3_every_apprec_has_the_bytes_that_it_must_have(self) -> None:
        """Those of the folder as they left; each time that they did. Those of POST as they can be fetched."""
        assert not self.folder.other, "sent again with other bytes"
        translator, every = reader(), -(-self.plan.all // RENDERED)
        files = 0
        for msg_id, hub, received, id, _, body in self.database.rows(OUTBOX):
            if hub == "edi2":
                continue
            number = number_of(msg_id)
            if number % every == 0:
                assert bytes(body) == fresh(translator, self.letters.make(number).data, moment(received)), msg_id
            assert _said(body) == (msg_id, "1")
            if hub == "folder":
                files += 1
                assert self.folder.answers.get(f"{id}.xml") == hashlib.sha256(body).digest(), msg_id
        statuses = self.database.one("SELECT count(*) FROM outbox WHERE kind = 'message' AND hub = 'folder'")
        assert len(self.folder.answers) == files + statuses
        assert files == self.plan.files

    def the_hub_has_one_apprec_of_each_and_all_are_read(self) -> None:
        """Two would be one that a living process was at for longer than its lease: then the machine was too slow for `LEASE`."""
        found = {m["businessDocumentId"]: ([a["appRecStatus"] for a in m["appRecs"]], m["read"]) for m in messages_on(self.hub)}
        assert found.keys() == {self.letters.make(n).msg_id for n in self.plan.hubs}
        assert {msg_id: said for msg_id, said in found.items() if said != (["Ok"], [int(RECEIVER)])} == {}

    def what_was_acknowledged_is_there(self) -> None:
        assert len(self.journal.kept) == self.plan.posts
        assert len(self.journal.assignments) == self.plan.granted
        posted = {row[0]: row[1] for row in self.database.rows("SELECT msg_id, id FROM message WHERE hub = 'http'")}
        assert posted == self.journal.kept

    def every_assignment_is_at_the_municipality_once(self) -> None:
        """One Task and one CareTeam of each pathway, by identifier, that stand as ours do."""
        for type, number in (("Task", 1 + len(MORE)), ("CareTeam", 1)):
            there = Counter(map(assignment.key_of, self.municipality.having(type)))
            assert there == dict.fromkeys(self._ours(type), 1), type
            assert len(there) == self.plan.granted * number, type
        assert self.database.one("SELECT count(*) FROM outbox WHERE state = 'dead'") == 0
        assert self.database.one("SELECT count(*) FROM trouble WHERE settled IS NULL") == 0

    def i5_what_was_asked_about_a_pathway_came_in_the_order_that_it_was_asked(self) -> None:
        came: dict[str, list[tuple[str, int]]] = {}
        begun = self.municipality.begun()
        for task in self.municipality.having("Task"):
            more = more_of(task)
            assert task["status"] == ("received" if more else "accepted")
            place = MORE.index(more) + 1 if more else 0
            came.setdefault(task["groupIdentifier"]["value"], []).append((begun[task["id"]], place))
        assert len(came) == self.plan.granted
        for times in came.values():
            assert [place for _, place in sorted(times)] == [*range(1 + len(MORE))], times

    def i7_the_audit_is_unbroken(self) -> None:
        command: list[str | Path] = [STAFETT, "audit", "verify", "--config", self.house.configuration]
        done = subprocess.run(command, cwd=self.house.folder, env=clean_environment(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        kept = "SELECT body FROM audit UNION ALL SELECT body FROM audit_awaiting"
        told = Counter((said.get("kind"), said.get("what")) for said in self._said(kept))
        assert sum(count for (kind, _), count in told.items() if kind == "import") == self.plan.all
        assert told["export", "apprec"] >= self.plan.files + self.plan.by_hub

    def _ours(self, type: str) -> list[str]:
        """Identifiers of what the municipality is to have."""
        newest = """SELECT body FROM resource_version JOIN resource USING (tenant, type, id, version)
                    WHERE tenant = :tenant AND type = :type"""
        found = self._said(newest, tenant=ORGANISATION, type=type)
        keys = [assignment.key_of(one) for one in found if type == "CareTeam" or _owner(one) == MUNICIPALITY]
        return [*filter(None, keys)]  # the team that a referral tells of has none, and is nobody else's business

    def _said(self, sql: str, **values: Any) -> Iterator[dict[str, Any]]:
        """JSON that the database keeps."""
        return (msgspec.json.decode(row[0]) for row in self.database.rows(sql, **values))

    def close(self) -> None:
        self.database.close()
        self.hub.close()
        self.municipality.client.close()


def reader() -> Translator:
    return Translator(Limits(), keyed(DEMONSTRATION_KEY))


def fresh(translator: Translator, data: bytes, received: datetime) -> bytes:
    """The AppRec that a message must have got, rendered anew from its bytes and when it was received."""
    return apprec.to_xml(apprec.answer(translator.read(data), receipt_of(received, SERVICE), ()))


def _owner(task: dict[str, Any]) -> str:
    number: str = task.get("owner", {}).get("identifier", {}).get("value", "")
    return number


def _said(receipt: bytes) -> tuple[str, str]:
    """Which message an AppRec answers, and its status (1 is OK), read by itself."""
    root = etree.fromstring(receipt)
    (id,) = root.iterfind("{*}OriginalMsgId/{*}Id")
    (status,) = root.iterfind("{*}Status")
    return str(id.text), str(status.get("V"))
