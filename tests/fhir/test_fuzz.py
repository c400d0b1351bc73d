"""Requests that nobody would send, to every interaction of /fhir: no fault of ours, no hang, no refusal that does not say why.

The same rounds where CI=true, at most two minutes of them; ten seconds of new ones elsewhere (`STAFETT_FUZZ_SECONDS`). Their
seeds are printed: `STAFETT_SEED` repeats a run from its first. An answer takes five seconds at most, one in `make torture`
(`STAFETT_FUZZ_SLOWEST`).
"""

from __future__ import annotations

import json
import os
import re
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from lxml import etree
from structlog.testing import capture_logs

from adapter.fhir import capability
from adapter.fhir.operations import OPERATIONS
from adapter.fhir.types import TYPES
from adapter.ports import Follower, FollowerState, Store
from adapter.usecases.follow_changes import Followed
from adapter.usecases.followers import Wanted
from adapter.wiring import make_matching
from tests.fhir.fuzz.bodies import EVENTS, KNOWN
from tests.fhir.fuzz.requests import INTERACTIONS, Asked, requests
from tests.fhir.fuzz.values import NUMBER
from tests.fhir.world import draft
from tests.http.real import HOSPITAL, real_service
from tests.http.service import Service
from tests.serving import NOON

CI = os.environ.get("CI") == "true"
SECONDS = float(os.environ.get("STAFETT_FUZZ_SECONDS") or (120 if CI else 10))
SLOWEST = float(os.environ.get("STAFETT_FUZZ_SLOWEST") or 5)
SEED = int(os.environ.get("STAFETT_SEED") or (1 if CI else time.time()))
EXAMPLES = 200  # of a round
ROUNDS = 30 if CI else 1_000_000  # a gate asks the same each time; what is new is for other times
ROUND = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=False,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
MARKUP = re.compile("<[A-Za-z/!?]")  # and no code of quantity-comparator
ENDPOINT = KNOWN["Subscription"]["channel"]["endpoint"]
FHIR = {"application/fhir+json", "application/fhir+xml"}


def test_every_interaction_that_is_offered_has_requests_here() -> None:
    conditions = {name for name, value in capability.CONDITIONS.items() if value not in (False, "not-supported")}

    own = {operation.name for operation in OPERATIONS}

    assert {*capability.INTERACTIONS, *capability.SYSTEM, *own, *conditions} <= set(INTERACTIONS)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The whole service, with three resources of each type, of which one is `known`, and a pathway."""
    with real_service(tmp_path_factory.mktemp("fuzz"), subscriptions={"private_hosts": ["127.0.0.1:9"]}) as running:
        fill(running.store)
        running.http.post("/fhir/Observation", json=EVENTS[0]).raise_for_status()
        yield running


def fill(store: Store) -> None:
    with store.write() as unit:
        for id in ("another", "third", "known"):
            unit.put(HOSPITAL, [draft(type, id, body) for type, body in KNOWN.items()], NOON)
        unit.keep_follower(Follower(HOSPITAL, "known", "Task", "active", msgspec.json.encode(Wanted(topic="", endpoint=ENDPOINT))))
        unit.keep_follower_state(FollowerState(HOSPITAL, "known", NOON))


def tell(service: Service) -> None:
    """Whoever follows is found, whatever else was kept; and told nowhere but where may be called."""
    base = f"{service.base}/fhir"
    followed = Followed(service.store, make_matching(base), base)
    while followed.round(NOON):
        pass
    id = service.http.post("/fhir/Subscription", json=KNOWN["Subscription"]).raise_for_status().json()["id"]
    service.http.post("/fhir/Task", json={**KNOWN["Task"], "status": "requested"}).raise_for_status()
    while followed.round(NOON):
        pass
    with service.store.read() as unit:
        state = unit.follower_state(HOSPITAL, id)
        waiting = [unit.notification(HOSPITAL, one.id) for one in unit.followers([HOSPITAL])]
    assert state
    assert state.events == 1
    assert {row.receiver for row in waiting if row} == {urlsplit(ENDPOINT).netloc}


@pytest.mark.slow
@pytest.mark.timeout(int(SECONDS + 600))  # what is found is made smaller first
def test_whatever_is_asked_is_answered_in_time_and_without_a_fault_of_ours(fuzzed: Service) -> None:
    links, until = pages(fuzzed.http), time.monotonic() + SECONDS
    asked, well = Counter[str](), Counter[str]()
    slowest: tuple[float, Any] = (0.0, None)

    def ask(request: Asked) -> None:
        nonlocal slowest
        try:
            seconds, answer = sent(fuzzed.http, request)
        except (httpx.InvalidURL, httpx.LocalProtocolError):
            return  # what this client cannot send, or not to /fhir
        asked[request.what] += 1
        well[request.what] += answer.status_code < 400
        slowest = max(slowest, (seconds, request), key=lambda one: one[0])
        assert answer.status_code < 500, answer.text
        assert seconds < SLOWEST
        judge(request, answer)

    with capture_logs() as logged:
        for number in range(SEED, SEED + ROUNDS):
            if time.monotonic() > until:
                break
            print(f"STAFETT_SEED={number} ({asked.total()} requests)")  # noqa: T201 - repeats what comes
            seed(number)(ROUND(given(request=requests(links))(ask)))()

        tell(fuzzed)
        for type in TYPES:  # whatever was kept can be given
            for format in ("json", "xml"):
                assert fuzzed.http.get(f"/fhir/{type}?_count=200&_format={format}").status_code == 200

    answered = ", ".join(f"{what} {well[what]}/{asked[what]}" for what in sorted(asked))
    print(f"{asked.total()} requests, slowest {slowest[0]:.2f} s: {str(slowest[1])[:300]}\nanswered well: {answered}")  # noqa: T201
    assert set(asked) == {*INTERACTIONS, "page"}
    assert [what for what in asked if what != "elsewhere" and asked[what] > 100 and not well[what]] == []  # not all is refused
    assert NUMBER not in str(logged)
    assert [one for one in logged if one["event"] == "notification.not_judged"] == []


def pages(http: httpx.Client) -> list[str]:
    """Paths of second pages: of searches and of histories."""
    firsts = ["Task?_count=1", "Task?_count=1&_sort=-_id", "Patient?_count=1&active:not=false", "Task/_history?_count=1"]
    answers = [http.get(f"/fhir/{path}").json() for path in firsts]
    found = [urlsplit(link["url"]) for answer in answers for link in answer["link"] if link["relation"] == "next"]
    assert len(found) == len(firsts)
    return [f"{url.path.removeprefix('/fhir')}?{url.query}" for url in found]


def sent(http: httpx.Client, request: Asked) -> tuple[float, httpx.Response]:
    """The answer, and the seconds it took; what was slow is asked thrice, for a machine has its moments."""
    headers = {name: value.encode("utf-8") for name, value in request.headers.items()}
    if not http.build_request(request.method, "/fhir" + request.path).url.path.startswith("/fhir"):
        raise httpx.InvalidURL("its dots lead out of /fhir")
    took, answer = SLOWEST, None
    for _ in range(3):
        began = time.monotonic()
        answer = http.request(request.method, "/fhir" + request.path, headers=headers, content=request.body)
        took = min(took, time.monotonic() - began)
        if took < SLOWEST:
            break
    assert answer is not None
    return took, answer


def judge(request: Asked, answer: httpx.Response) -> None:
    """Every answer can be read; a refusal is an OperationOutcome; nothing that was sent comes back as markup."""
    assert answer.headers["x-content-type-options"] == "nosniff"
    kind = answer.headers.get("content-type", "").removesuffix("; charset=utf-8")
    if request.method == "HEAD" or not answer.content:
        assert answer.status_code < 400 or request.method == "HEAD"
        return
    if kind not in FHIR:
        assert answer.status_code == 200
        assert answer.headers["content-disposition"].startswith("attachment; filename=")
        return
    type, ours = in_xml(answer.content) if kind.endswith("xml") else in_json(answer.content)
    assert answer.status_code < 400 or type == "OperationOutcome", answer.text
    assert answer.status_code < 400 or {"error", "fatal"} & set(ours), answer.text
    for text in ours:
        assert not MARKUP.search(text)
        assert NUMBER not in text


def in_json(data: bytes) -> tuple[str, list[str]]:
    """The type of an answer, and every text of it that is ours: in OperationOutcomes, a Bundle's links and its responses."""
    body = json.loads(data)
    outcomes = [body] if body["resourceType"] == "OperationOutcome" else []
    entries = body.get("entry", []) if body["resourceType"] == "Bundle" else []
    inside = [entry["resource"] for entry in entries if entry.get("resource", {}).get("resourceType") == "OperationOutcome"]
    links = body.get("link", []) if body["resourceType"] == "Bundle" else []
    return body["resourceType"], list(leaves([outcomes, inside, links, [entry.get("response") for entry in entries]]))


def leaves(node: Any) -> Iterator[str]:
    if isinstance(node, dict | list):
        for one in node.values() if isinstance(node, dict) else node:
            yield from leaves(one)
    elif isinstance(node, str):
        yield node


def in_xml(data: bytes) -> tuple[str, list[str]]:
    """As `in_json`."""
    root = etree.fromstring(data)
    f = {"f": "http://hl7.org/fhir"}
    ours = root.xpath(
        "//f:OperationOutcome//@value | /f:Bundle/f:link//@value | /f:Bundle/f:entry/f:response//@value", namespaces=f
    )
    return etree.QName(root).localname, [str(one) for one in ours]
