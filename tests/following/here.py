"""A service that tells followers, and an endpoint that is told: both real, the clock a test's own.

The worker's thread is not running: `here.work()` does what it would until there is nothing more to do.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from adapter.domain.identity import BASE
from adapter.ports import Attempt, FollowerState
from adapter.settings import Organisation, Receiver, Settings, StoreSettings
from adapter.wiring import Services, build
from tests.serving import StillClock, served
from tests.stores import with_tables

HOSPITAL, OTHER = "319900101", "319900102"
PACKAGE = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"
JSON = {"Content-Type": "application/fhir+json"}
Body = dict[str, Any]


@dataclass
class Hook:
    """An endpoint that keeps what it is told; `answer` says what it does with each request."""

    url: str = ""
    told: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answer: Callable[[], tuple[int, dict[str, str]]] = lambda: (200, {})

    def bundles(self, kind: str = "event-notification") -> list[Body]:
        parsed = [json.loads(body) for headers, body in self.told if "json" in headers["content-type"]]
        return [bundle for bundle in parsed if said(bundle, "type") == kind]

    def numbers(self) -> list[int]:
        """The event numbers, in the order that they came."""
        return [number for bundle in self.bundles() for number in numbers(bundle)]


def parameters(bundle: Body) -> list[Body]:
    found: list[Body] = bundle["entry"][0]["resource"]["parameter"]
    return found


def said(bundle: Body, name: str) -> Any:
    one = next(one for one in parameters(bundle) if one["name"] == name)
    return next(value for key, value in one.items() if key.startswith("value"))


def events(bundle: Body) -> list[Body]:
    """Each event's parts by name, with their values."""
    found = [one["part"] for one in parameters(bundle) if one["name"] == "notification-event"]
    return [{part["name"]: next(v for k, v in part.items() if k.startswith("value")) for part in parts} for parts in found]


def numbers(bundle: Body) -> list[int]:
    return [int(event["event-number"]) for event in events(bundle)]


@contextmanager
def hook() -> Iterator[Hook]:
    made = Hook()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status, headers = made.answer()
            if status == 200:
                made.told.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": "0"}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def subscription(endpoint: str, topic: str = "task-change", *filters: str, **more: Any) -> Body:
    """A Subscription of the R5 backport, as its profile has it."""
    content = {"url": f"{PACKAGE}/backport-payload-content", "valueCode": more.pop("content", "id-only")}
    channel = {"type": "rest-hook", "endpoint": endpoint, "payload": "application/fhir+json", "_payload": {"extension": [content]}}
    said_of_it = [{"url": f"{PACKAGE}/backport-filter-criteria", "valueString": text} for text in filters]
    extended: Body = {"_criteria": {"extension": said_of_it}} if filters else {}
    return {
        "resourceType": "Subscription",
        "meta": {"profile": [f"{PACKAGE}/backport-subscription"]},
        "status": "requested",
        "reason": "to follow",
        "criteria": f"{BASE}/SubscriptionTopic/{topic}",
        **extended,
        "channel": channel | more.pop("channel", {}),
        **more,
    }


@dataclass
class Here:
    http: httpx.Client
    services: Services
    clock: StillClock
    base: str
    url: str

    def work(self, seconds: float = 10) -> None:
        """Until nothing is due and nothing is on its way."""
        until, notifier = time.monotonic() + seconds, self.services.notifier
        while notifier.busy or notifier.round() or notifier.busy:
            assert time.monotonic() < until, "there is no end to it"
            time.sleep(0.002)

    def post(self, body: Body, status: int = 201, organisation: str = HOSPITAL) -> Body:
        headers = {**JSON, "X-Stafett-Organisation": organisation}
        answer = self.http.post(f"/fhir/{body['resourceType']}", json=body, headers=headers)
        assert answer.status_code == status, answer.text
        found: Body = answer.json()
        return found

    def put(self, body: Body, status: int = 200) -> Body:
        headers = {**JSON, "If-Match": f'W/"{body["meta"]["versionId"]}"'}
        answer = self.http.put(f"/fhir/{body['resourceType']}/{body['id']}", json=body, headers=headers)
        assert answer.status_code == status, answer.text
        found: Body = answer.json()
        return found

    def read(self, name: str) -> Body:
        found: Body = self.http.get(f"/fhir/{name}").raise_for_status().json()
        return found

    def follow(self, endpoint: str, topic: str = "task-change", *filters: str, **more: Any) -> str:
        """Subscribe, and be greeted; the id."""
        made = self.post(subscription(endpoint, topic, *filters, **more))
        self.work()
        id: str = made["id"]
        return id

    def task(self, status: str = "requested", **more: Any) -> Body:
        return self.post({"resourceType": "Task", "status": status, "intent": "order", **more})

    def state(self, id: str) -> FollowerState:
        with self.services.store.read() as unit:
            found = unit.follower_state(HOSPITAL, id)
        assert found
        return found

    def attempts(self, id: str) -> list[Attempt]:
        with self.services.store.read() as unit:
            return unit.attempts(HOSPITAL, id, 1000)


@contextmanager
def here(folder: Path, url: str = "", **more: Any) -> Iterator[Here]:
    """`url` is of the store; without, a SQLite file in the folder."""
    clock, made = StillClock(), list[Services]()
    url = url or with_tables(folder / "stafett.db")
    wanted = {"private_hosts": ["127.0.0.1:*"], "attempts": 3, "timeout_seconds": 2} | more.pop("subscriptions", {})

    def make(base: str) -> FastAPI:
        settings = Settings(
            public_base=base,
            store=StoreSettings(url=url),
            organisation=tuple(Organisation(number=number, name=number) for number in (HOSPITAL, OTHER)),
            receiver=(Receiver(her_id="8000101", organisation=HOSPITAL, pathway="D11", rule_set="2019", care_level="poliklinikk"),),
            subscriptions=wanted,
            **more,
        )
        made.append(build(settings, clock))
        return made[0].app

    with ExitStack() as stack:
        client = stack.enter_context(served(make))
        stack.callback(lambda: [one.close() for one in made])
        yield Here(client, made[0], clock, str(client.base_url).rstrip("/"), url)
