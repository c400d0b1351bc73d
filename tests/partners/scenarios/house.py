"""A hospital's server, a municipality's, and between them the service, as `stafett serve` runs it."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from adapter.ports import Store, Trouble
from adapter.storage import open_store
from mappings.resources.care_team import identifier_of
from tests.house.processes import STAFETT, free_ports, get, running, wait_for
from tests.national_numbers import make
from tests.partners.scenarios.sides import Shown, Side, due, participants, shown, until
from tests.partners.servers import Peer

SETTINGS = """\
environment = "test"
public_base = "{base}"

[store]
url = "sqlite:///{folder}/stafett.db"

[[organisation]]
number = "{hospital}"
name = "Fjordheim sykehus HF"

[[receiver]]
her_id = "8000102"
organisation = "{hospital}"
pathway = "D12"
care_level = "poliklinikk"

[[partner]]
name = "hospital"
base_url = "{specialist}"
organisation = "{hospital}"
mode = "push"
poll_seconds = 0.2

[[partner]]
name = "municipality"
base_url = "{municipal}"
organisation = "{municipality}"
municipality = "3435"
mode = "push"
poll_seconds = 0.2

[[partner]]
name = "waiting"
base_url = "{reader}/fhir"
organisation = "{waiting}"
notify_url = "{reader}/notices"
poll_seconds = 1
"""
_serials = itertools.count(1)
_births = itertools.count()


def organisation_number() -> str:
    """An organisation number that nobody has (they begin with 8 or 9), with its check digit: each time another."""
    while True:
        digits = f"3{next(_serials):07d}"
        rest = sum(int(d) * w for d, w in zip(digits, (3, 2, 7, 6, 5, 4, 3, 2), strict=True)) % 11
        if rest != 1:
            return f"{digits}{(11 - rest) % 11}"


def child() -> str:
    """A synthetic number of somebody under 16, each time another."""
    serial = next(_births)
    return make(1 + serial % 28, 1 + serial // 28 % 12, 2015 + serial // 336 % 8, "female")


class Pair:
    """The three of them, and the numbers of whose they are: new ones each time, so that nothing is seen of other pairs."""

    def __init__(self, specialist: Peer, municipal: Peer, folder: Path) -> None:
        self.peers = {"specialist": specialist, "municipal": municipal}
        self.folder = folder
        self.hospital, self.municipality, self.waiting = organisation_number(), organisation_number(), organisation_number()
        self.notices: list[bytes] = []
        self.store: Store

    @contextmanager
    def served(self) -> Iterator[Pair]:
        with ExitStack() as stack:
            reader = stack.enter_context(_reader(self.notices))
            base = f"http://127.0.0.1:{free_ports(1)}"
            settings = SETTINGS.format(
                base=base,
                folder=self.folder,
                reader=reader,
                specialist=self.peers["specialist"].base_url,
                municipal=self.peers["municipal"].base_url,
                hospital=self.hospital,
                municipality=self.municipality,
                waiting=self.waiting,
            )
            (self.folder / "stafett.toml").write_text(settings, "utf-8")
            command = [STAFETT, "serve", "--port", base.rpartition(":")[2]]
            process = stack.enter_context(running(command, self.folder, self.folder / "service.log"))
            wait_for(lambda: get(f"{base}/health/ready"), process, 90)
            self.store = open_store(f"sqlite:///{self.folder}/stafett.db")
            stack.callback(self.store.close)
            for name, url, who in (
                ("service", f"{base}/fhir", self.hospital),
                ("reading", f"{base}/fhir", self.waiting),
                ("specialist", self.peers["specialist"].base_url, ""),
                ("municipal", self.peers["municipal"].base_url, ""),
            ):
                side = Side(url, {"X-Stafett-Organisation": who} if who else None)
                stack.callback(side.close)
                setattr(self, name, side)
            yield self

    service: Side
    reading: Side
    specialist: Side
    municipal: Side

    def stands(self, key: str, status: str, *, owner: str = "", where: Sequence[str] = (), **more: object) -> None:
        """Wait until the assignment stands so everywhere: at both servers and here."""
        empty: Shown = {"reason": "", "business": "", "due": due(), "coordinator": []}
        wanted = {"status": status, "owner": owner or self.municipality, **empty, **more}
        places = where or ("service", "specialist", "municipal")
        until(lambda: {place: shown(getattr(self, place).find(key)) for place in places}, dict.fromkeys(places, wanted))

    def coordinate(self, pathway: str, *wanted: tuple[str, tuple[str, ...], str, str], where: Sequence[str] = ()) -> None:
        """Wait until these, and no others, have coordinated the pathway, from when to when, everywhere."""
        places, key = where or ("service", "specialist", "municipal"), identifier_of(pathway)
        teams = {place: list(wanted) for place in places}
        until(lambda: {place: participants(getattr(self, place).find(key, "CareTeam")) for place in places}, teams)

    def troubles(self, key: str) -> list[Trouble]:
        """What waits for a person about an assignment."""
        task = self.service.find(key)
        assert task
        with self.store.read() as unit:
            return unit.troubles([self.hospital], [f"Task/{task['id']}"])


@contextmanager
def _reader(notices: list[bytes]) -> Iterator[str]:
    """A server of the least that there is: it may be searched and read, takes notifications, and has nothing."""
    has = {"type": "Task", "interaction": [{"code": "read"}, {"code": "search-type"}]}
    said = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "rest": [{"mode": "server", "resource": [has]}]}
    nothing = {"resourceType": "Bundle", "type": "searchset"}

    class Reader(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(json.dumps(said if self.path.endswith("/metadata") else nothing).encode())

        def do_POST(self) -> None:
            notices.append(self.rfile.read(int(self.headers["content-length"])))
            self._answer(b"{}")

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("content-type", "application/fhir+json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Reader)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
