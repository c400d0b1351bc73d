"""Each organisation has tokens of its own, asked for one at a time, with the key that the issuer takes; and hubs get them too."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
import respx
import structlog
from joserfc.jwk import ECKey

from adapter.domain.problem import Kind, Problem
from adapter.hub.edi2 import Edi2Hub
from adapter.partners.check import examine
from adapter.ports import Outgoing
from adapter.security.acting import acting, acting_for
from adapter.security.client_credentials import ClientCredentials, auth_of
from adapter.settings import Credentials, HubSettings, Organisation, Partner, Receiver, Settings
from adapter.wiring import SystemClock, make_hub, make_server
from tests.security.test_tokens_out import CLOCK, parts

pytestmark = pytest.mark.slow  # a whole installation for each

ISSUER = "https://sts.example"
ENDPOINT = f"{ISSUER}/connect/token"
HUB = "https://hub.example"
HEAD, UNIT, OTHER = "999977774", "999977775", "312232324"  # HelseID's own fictitious ones
ORGANISATIONS = (
    Organisation(number=HEAD, name="Granfjelldal kommune"),
    Organisation(number=UNIT, name="Granfjelldal kommune, a unit", parent=HEAD),
    Organisation(number=OTHER, name="Flaksvågøy kommune"),
)
OLD, NEW = (ECKey.generate_key("P-256", {"kid": kid}) for kid in ("old", "new"))
MULTI = "urn:oid:1.0.6523"


class Issuer:
    """Gives a token that tells whom it is for; counts those that are at it, and takes assertions by the keys that it knows."""

    def __init__(self, net: respx.MockRouter, *kids: str, seconds: float = 0.0) -> None:
        self.kids, self.seconds = set(kids or ("old",)), seconds
        self.asked: list[tuple[str, str]] = []  # kid, whom for
        self.bodies: list[dict[str, list[str]]] = []
        self.within = self.most = 0
        net.get(f"{ISSUER}/.well-known/openid-configuration").respond(json={"issuer": ISSUER, "token_endpoint": ENDPOINT})
        self.route = net.post(ENDPOINT).mock(side_effect=self._token)

    def _token(self, request: httpx.Request) -> httpx.Response:
        self.within += 1
        self.most = max(self.most, self.within)
        time.sleep(self.seconds)
        self.within -= 1
        form = parse_qs(request.content.decode())
        header, claims, _, _ = parts(form["client_assertion"][0])
        self.bodies.append(form | {"claims": [json.dumps(claims)]})
        whom = named(claims).get("value", "").strip(":").rpartition(":")[2]
        self.asked.append((header["kid"], whom))
        if header["kid"] not in self.kids:
            return httpx.Response(401, json={"error": "invalid_client"})
        token = f"SECRET-{whom}-{len(self.asked)}"
        return httpx.Response(200, json={"access_token": token, "token_type": "DPoP", "expires_in": 600})


def named(claims: dict[str, Any]) -> dict[str, str]:
    said = claims.get("assertion_details") or claims.get("authorization_details")
    identifier: dict[str, str] = said[0]["practitioner_role"]["organization"]["identifier"] if said else {}
    return identifier


def whom(request: httpx.Request) -> str:
    """Whom the token of a request is for."""
    scheme, token = request.headers["authorization"].split()
    assert scheme == "DPoP"
    assert request.headers["dpop"]
    return str(token.split("-")[1])


@pytest.fixture(autouse=True)
def _clocks_agree() -> Iterator[None]:
    CLOCK.ahead = 0.0
    yield
    CLOCK.ahead = 0.0


@pytest.fixture
def net() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False) as router:
        yield router


def keys(folder: Path, *keys: ECKey) -> Path:
    path = folder / "keys"
    path.write_text(json.dumps({"keys": [key.as_dict(private=True) for key in keys]}))
    return path


def said(folder: Path, **changes: Any) -> dict[str, Any]:
    path = folder / "keys"
    key_file = path if path.exists() else keys(folder, OLD)
    return {"auth": "helseid", "issuer": ISSUER, "client_id": "stafett", "scope": "nhn:x/y", "key_file": key_file, **changes}


def credentials(folder: Path, **changes: Any) -> ClientCredentials:
    client = said(folder, **changes)
    del client["auth"]
    return ClientCredentials(Credentials(**client), ORGANISATIONS, now=CLOCK)


@pytest.mark.parametrize("details", ["assertion_details", "authorization_details"])
@pytest.mark.parametrize(
    ("tenancy", "organisation", "system", "value"),
    [
        ("multi", HEAD, MULTI, f"NO:ORGNR:{HEAD}:"),  # no unit: the colon stays
        ("multi", UNIT, MULTI, f"NO:ORGNR:{HEAD}:{UNIT}"),
        ("multi", OTHER, MULTI, f"NO:ORGNR:{OTHER}:"),
        ("single", UNIT, "urn:oid:2.16.578.1.12.4.1.4.101", UNIT),
    ],
)
def test_the_assertion_says_whom_it_is_for_once_and_as_the_client_is_registered(
    net: respx.MockRouter, tmp_path: Path, details: str, tenancy: str, organisation: str, system: str, value: str
) -> None:
    issuer = Issuer(net)
    with acting_for(organisation):
        credentials(tmp_path, details=details, tenancy=tenancy).token()

    [body] = issuer.bodies
    claims = json.loads(body.pop("claims")[0])
    other = {"assertion_details": "authorization_details", "authorization_details": "assertion_details"}[details]
    assert claims[details] == [
        {
            "type": "helseid_authorization",
            "practitioner_role": {"organization": {"identifier": {"system": system, "type": "ENH", "value": value}}},
        }
    ]
    # Said in two places, HelseID answers HID-DOUBLE-STRUCTURE.
    assert other not in claims
    assert set(body) == {"grant_type", "client_id", "scope", "client_assertion_type", "client_assertion"}
    assert str(body).count(organisation) == 0


def test_a_client_of_one_organisation_names_nobody_where_it_acts_for_the_whole(net: respx.MockRouter, tmp_path: Path) -> None:
    issuer = Issuer(net)
    with acting_for(HEAD):
        credentials(tmp_path, tenancy="single").token()

    claims = json.loads(issuer.bodies[0]["claims"][0])
    assert not {"assertion_details", "authorization_details"} & set(claims)


def test_each_organisation_is_shown_its_own_token_and_it_is_used_again(net: respx.MockRouter, tmp_path: Path) -> None:
    issuer = Issuer(net)
    route = net.get("https://fhir.example/Task").respond(200)
    with httpx.Client(auth=credentials(tmp_path)) as http:
        for number in (HEAD, UNIT, OTHER, HEAD, UNIT, OTHER):
            with acting_for(number):
                http.get("https://fhir.example/Task")

    assert [whom(call.request) for call in route.calls] == [HEAD, UNIT, OTHER] * 2
    assert [number for _, number in issuer.asked] == [HEAD, UNIT, OTHER]


@pytest.mark.parametrize("stranger", ["", "319900306"])
def test_nobody_elses_name_is_ever_given(net: respx.MockRouter, tmp_path: Path, stranger: str) -> None:
    """A partner's space here is not ours to speak for: the first of ours does."""
    issuer = Issuer(net)
    with acting_for(stranger):
        credentials(tmp_path).token()

    assert [number for _, number in issuer.asked] == [HEAD]


def test_a_token_that_one_organisation_is_refused_is_replaced_for_it_alone(net: respx.MockRouter, tmp_path: Path) -> None:
    issuer = Issuer(net)
    net.get("https://fhir.example/Task").mock(side_effect=[httpx.Response(200), httpx.Response(401), httpx.Response(200)])
    net.get("https://fhir.example/all").respond(200)
    with httpx.Client(auth=credentials(tmp_path)) as http:
        for number, path in ((HEAD, "Task"), (OTHER, "Task"), (HEAD, "all"), (OTHER, "all")):
            with acting_for(number):
                assert http.get(f"https://fhir.example/{path}").status_code == 200

    assert [number for _, number in issuer.asked] == [HEAD, OTHER, OTHER]


def test_who_is_acted_for_is_told_within_and_no_longer_after() -> None:
    seen = []
    with acting_for(HEAD):
        with acting_for(UNIT):
            seen.append(acting())
        thread = threading.Thread(target=lambda: seen.append(acting()))
        thread.start()
        thread.join()
        seen.append(acting())

    assert [*seen, acting()] == [UNIT, "", HEAD, ""]


def test_one_token_is_asked_for_at_a_time_whoever_is_in_need_of_one(net: respx.MockRouter, tmp_path: Path) -> None:
    """A hub and a partner that know us as the same client, three organisations, eight threads each."""
    issuer = Issuer(net, seconds=0.1)
    one, two = credentials(tmp_path), credentials(tmp_path, scope="nhn:other/z")
    tokens: Counter[str] = Counter()

    def ask(auth: ClientCredentials, number: str) -> None:
        with acting_for(number):
            tokens[auth.token()] += 1

    threads = [
        threading.Thread(target=ask, args=(auth, number)) for _ in range(8) for auth in (one, two) for number in (HEAD, UNIT, OTHER)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert issuer.most == 1
    assert len(issuer.asked) == 6
    assert sorted(tokens.values()) == [8] * 6


def test_other_clients_are_not_waited_for(net: respx.MockRouter, tmp_path: Path) -> None:
    issuer = Issuer(net, seconds=0.2)
    threads = [threading.Thread(target=credentials(tmp_path, client_id=name).token) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert issuer.most == 2


def test_a_token_that_is_there_is_not_waited_for(net: respx.MockRouter, tmp_path: Path) -> None:
    issuer = Issuer(net)
    auth = credentials(tmp_path)
    with acting_for(HEAD):
        auth.token()
    asking, go_on = threading.Event(), threading.Event()

    def slow(request: httpx.Request) -> httpx.Response:
        asking.set()
        assert go_on.wait(10)
        return issuer._token(request)

    def other() -> None:
        with acting_for(OTHER):
            auth.token()

    net.post(ENDPOINT).mock(side_effect=slow)
    thread = threading.Thread(target=other)
    thread.start()
    assert asking.wait(10)
    with acting_for(HEAD):
        auth.token()
    go_on.set()
    thread.join()

    assert [number for _, number in issuer.asked] == [HEAD, OTHER]


def test_who_waited_for_a_token_that_was_refused_does_not_ask_once_more(net: respx.MockRouter, tmp_path: Path) -> None:
    issuer = Issuer(net, "nobody's", seconds=0.3)
    auth, told = credentials(tmp_path), list[str]()

    def ask() -> None:
        try:
            auth.token()
        except Problem as fault:
            told.append(str(fault))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(told)) == 1
    assert len(told) == 8
    assert len(issuer.asked) == 1
    ask()
    assert len(issuer.asked) == 2  # who comes later asks anew


def test_a_key_that_the_issuer_does_not_take_is_followed_by_the_next_at_once_and_that_is_remembered(
    net: respx.MockRouter, tmp_path: Path
) -> None:
    """The new key stands first before the issuer has it; then both are there; then the old one is taken away."""
    issuer = Issuer(net, "old")
    keys(tmp_path, NEW, OLD)
    auth = credentials(tmp_path)
    for issuer.kids in ({"old"}, {"old", "new"}, {"new"}):
        CLOCK.ahead += 600  # when tokens have ended
        for number in (HEAD, OTHER):
            with acting_for(number):
                auth.token()

    assert [kid for kid, _ in issuer.asked] == [
        *("new", "old", "old"),  # refused, taken, remembered
        *("old", "old"),  # both would do
        *("old", "new", "new"),  # the old one is gone: the new one at once, and remembered
    ]


def test_when_no_key_is_taken_each_is_tried_once(net: respx.MockRouter, tmp_path: Path) -> None:
    issuer = Issuer(net, "nobody's")
    keys(tmp_path, NEW, OLD)
    with pytest.raises(Problem, match=r"refused us \(invalid_client\)") as caught:
        credentials(tmp_path).token()

    assert [kid for kid, _ in issuer.asked] == ["new", "old"]
    assert caught.value.kind is Kind.TRANSIENT


@pytest.mark.parametrize("error", ["invalid_scope", "invalid_request", "unauthorized_client", "invalid_grant"])
def test_what_is_not_the_keys_fault_is_not_tried_with_another(net: respx.MockRouter, tmp_path: Path, error: str) -> None:
    issuer = Issuer(net)
    route = net.post(ENDPOINT).respond(400, json={"error": error})
    keys(tmp_path, NEW, OLD)
    with pytest.raises(Problem, match=error):
        credentials(tmp_path).token()

    assert route.call_count == 1
    assert issuer.asked == []


def test_a_key_file_that_is_changed_while_we_run_is_used_from_the_next_token_on(net: respx.MockRouter, tmp_path: Path) -> None:
    issuer = Issuer(net, "old", "new")
    keys(tmp_path, OLD)
    auth = credentials(tmp_path)
    auth.token()
    keys(tmp_path, NEW)
    auth.token()
    CLOCK.ahead = 600
    auth.token()

    assert [kid for kid, _ in issuer.asked] == ["old", "new"]


def hub_settings(folder: Path, **changes: Any) -> HubSettings:
    return HubSettings(kind="edi2", base_url=HUB, **said(folder, **changes))


def settings(folder: Path, **changes: Any) -> Settings:
    return Settings(
        organisation=ORGANISATIONS,
        receiver=(
            Receiver(her_id="1", organisation=HEAD),
            Receiver(her_id="2", organisation=UNIT),
            Receiver(her_id="3", organisation=OTHER),
            Receiver(her_id="4", organisation=OTHER),
        ),
        hub=(hub_settings(folder, **changes),),
    )


def row(kind: str = "message", **changes: Any) -> Outgoing:
    values = {"id": "i", "tenant": OTHER, "key": "k", "hub": "edi2", "kind": kind, "message_id": "", "hub_id": "h", "sender": "3"}
    more = {"receiver": "9", "body": b"{}", "content_type": "application/json", "created": datetime(2026, 5, 11, tzinfo=UTC)}
    return Outgoing(**{**values, **more, **changes})


def made(folder: Path, **changes: Any) -> Edi2Hub:
    ours = settings(folder, **changes)
    hub = make_hub(ours.hub[0], ours, SystemClock())
    assert isinstance(hub, Edi2Hub)
    return hub


def asked_for(request: httpx.Request) -> tuple[str, list[str]]:
    return whom(request), request.url.params.get_list("ReceiverHerIds")


def test_a_hub_is_asked_for_each_organisations_messages_with_its_token(net: respx.MockRouter, tmp_path: Path) -> None:
    Issuer(net)
    listed = net.get(f"{HUB}/Messages").mock(
        side_effect=lambda request: httpx.Response(
            200, json=[{"id": f"m{h}-{i}", "receiverHerId": int(h)} for h in asked_for(request)[1] for i in (1, 2)]
        )
    )
    document = net.get(path__regex=r"/Messages/m.*/business-document").respond(json={"businessDocument": "eA=="})
    read = net.put(path__regex=r"/Messages/.*/read/.*").respond(204)
    hub = made(tmp_path)
    got = hub.fetch(6)
    for delivery in got:
        hub.confirm(delivery.hub_id, delivery.receiver or "")

    assert [asked_for(call.request) for call in listed.calls] == [(HEAD, ["1"]), (UNIT, ["2"]), (OTHER, ["3", "4"])]
    assert [delivery.hub_id for delivery in got] == [
        "m1-1",
        "m2-1",
        "m3-1",
        "m1-2",
        "m2-2",
        "m3-2",
    ]
    assert [whom(call.request) for call in document.calls] == [HEAD, UNIT, OTHER] * 2
    assert [whom(call.request) for call in read.calls] == [HEAD, UNIT, OTHER] * 2


def test_what_is_sent_to_a_hub_is_sent_for_the_organisation_whose_it_is(net: respx.MockRouter, tmp_path: Path) -> None:
    Issuer(net)
    posted = net.post(f"{HUB}/Messages").respond(201, json="x")
    answered = net.post(f"{HUB}/Messages/h/apprec/2").respond(201, json="y")
    looked = net.get(f"{HUB}/Messages/h/apprec").respond(json=[])
    hub = made(tmp_path)
    hub.deliver(row())
    hub.deliver(row("apprec", tenant=UNIT, sender="2", attempts=2, body=b'{"appRecStatus":"Ok"}'))

    assert [whom(route.calls.last.request) for route in (posted, looked, answered)] == [OTHER, UNIT, UNIT]


def test_an_organisation_that_gets_no_token_does_not_stop_the_others_messages(net: respx.MockRouter, tmp_path: Path) -> None:
    issuer = Issuer(net)

    def choosy(request: httpx.Request) -> httpx.Response:
        answer = issuer._token(request)
        return httpx.Response(400, json={"error": "invalid_grant"}) if issuer.asked[-1][1] == HEAD else answer

    net.post(ENDPOINT).mock(side_effect=choosy)
    net.get(f"{HUB}/Messages").mock(
        side_effect=lambda request: httpx.Response(
            200, json=[{"id": "m", "receiverHerId": 3}] if asked_for(request)[0] == OTHER else []
        )
    )
    net.get(f"{HUB}/Messages/m/business-document").respond(json={"businessDocument": "eA=="})
    with structlog.testing.capture_logs() as logs:
        assert [delivery.hub_id for delivery in made(tmp_path).fetch(10)] == ["m"]

    assert [(line["event"], line["organisation"]) for line in logs] == [("hub.not_listed", HEAD)]


def test_a_hub_whose_tokens_nobody_gets_says_so(net: respx.MockRouter, tmp_path: Path) -> None:
    Issuer(net, "nobody's")
    listed = net.get(f"{HUB}/Messages").respond(json=[])
    with pytest.raises(Problem, match="refused us"):
        made(tmp_path).fetch(10)

    assert not listed.called


@pytest.mark.parametrize(
    ("answers", "calls", "tokens", "kind"),
    [
        ([401, 201], 2, 2, None),
        ([401, 401], 2, 2, Kind.TRANSIENT),  # people mend it, and what waits is not given up for it
        ([403], 1, 1, Kind.NOT_ALLOWED),  # a person has to look
        (["nonce", 201], 2, 1, None),
        (["nonce", 401, 201], 3, 2, None),
    ],
)
def test_a_hub_that_refuses_a_token_or_wants_a_nonce_is_answered_as_partners_are(
    net: respx.MockRouter, tmp_path: Path, answers: list[int | str], calls: int, tokens: int, kind: Kind | None
) -> None:
    issuer = Issuer(net)
    wants = httpx.Response(401, headers={"www-authenticate": 'DPoP error="use_dpop_nonce"', "dpop-nonce": "n-1"})
    posted = net.post(f"{HUB}/Messages").mock(
        side_effect=[wants if one == "nonce" else httpx.Response(int(one), json="id") for one in answers]
    )
    if kind is None:
        assert made(tmp_path).deliver(row()) == "id"
    else:
        with pytest.raises(Problem) as caught:
            made(tmp_path).deliver(row())
        assert caught.value.kind is kind
        assert "SECRET" not in str(caught.value)

    nonces = [parts(call.request.headers["dpop"])[1].get("nonce") for call in posted.calls]
    assert nonces == ([None] + ["n-1"] * (calls - 1) if "nonce" in answers else [None] * calls)
    assert (posted.call_count, len(issuer.asked)) == (calls, tokens)


def test_a_hub_without_auth_is_asked_for_all_at_once_and_shown_nothing(net: respx.MockRouter, tmp_path: Path) -> None:
    listed = net.get(f"{HUB}/Messages").respond(json=[])
    made(tmp_path, auth="none").fetch(10)

    [call] = listed.calls
    assert call.request.url.params.get_list("ReceiverHerIds") == ["1", "2", "3", "4"]
    assert not {"authorization", "dpop"} & set(call.request.headers)


def test_a_search_that_was_answered_to_one_organisation_is_not_the_answer_to_another(net: respx.MockRouter, tmp_path: Path) -> None:
    Issuer(net)
    partner = Partner(name="k", base_url="https://fhir.example", organisation="319900306", **said(tmp_path))
    server = make_server(partner, settings(tmp_path))
    bundle = {"resourceType": "Bundle", "type": "searchset"}
    searched = net.get(url__startswith="https://fhir.example/Task").respond(json=bundle, headers={"etag": 'W/"1"'})
    for number in (HEAD, OTHER, HEAD):
        with acting_for(number):
            list(server.changed(None))

    sent = [(whom(call.request), call.request.headers.get("if-none-match")) for call in searched.calls]
    assert sent == [(HEAD, None), (OTHER, None), (HEAD, 'W/"1"')]


@pytest.mark.parametrize("refused", ["", OTHER])
def test_the_check_of_a_partner_sees_whether_each_organisation_gets_a_token(
    net: respx.MockRouter, tmp_path: Path, refused: str
) -> None:
    issuer = Issuer(net)

    def choosy(request: httpx.Request) -> httpx.Response:
        answer = issuer._token(request)
        return httpx.Response(400, json={"error": "unauthorized_client"}) if issuer.asked[-1][1] == refused else answer

    net.post(ENDPOINT).mock(side_effect=choosy)
    with socket.create_server(("127.0.0.1", 0)) as door:
        base = f"http://127.0.0.1:{door.getsockname()[1]}/fhir"
        net.get(url__startswith=base).respond(404)
        partner = Partner(name="k", base_url=base, organisation="319900306", **said(tmp_path))
        seen = {one.check: one for one in examine(partner, organisations=ORGANISATIONS, public_base="https://ours.example")}

    assert [number for _, number in issuer.asked] == [HEAD, UNIT, OTHER]
    assert seen["token"].light == ("red" if refused else "green")
    assert ("unauthorized_client" in seen["token"].do_en) if refused else ("for 3 organisation(s)" in seen["token"].en)


def test_no_token_key_or_assertion_is_ever_told(net: respx.MockRouter, tmp_path: Path) -> None:
    """Everything that is logged and raised while keys are changed, refused and lost, and a token is refused."""
    issuer = Issuer(net, "old")
    net.get("https://fhir.example/Task").respond(401)
    path = keys(tmp_path, NEW, OLD)
    told: list[str] = []
    with structlog.testing.capture_logs() as logs:
        auth = auth_of(Partner(name="k", base_url="https://fhir.example", organisation=OTHER, **said(tmp_path)), ORGANISATIONS)
        with httpx.Client(auth=auth) as http:
            http.get("https://fhir.example/Task")
            path.write_text(path.read_text()[:-9])
            http.get("https://fhir.example/Task")
            issuer.kids = {"new"}
            keys(tmp_path, OLD)
            try:
                http.get("https://fhir.example/Task")
            except Problem as fault:
                told.append(str(fault))

    everything = repr(logs) + repr(told) + repr(auth)
    assert [line["event"] for line in logs] == ["key.not_taken", "keys.not_read", "keys.read", "key.not_taken"]
    assert told
    secrets = [str(key.as_dict(private=True)["d"]) for key in (OLD, NEW)]
    secrets += [body["client_assertion"][0].split(".")[2] for body in issuer.bodies]
    assert not [secret for secret in ("SECRET-", "eyJ", *secrets) if secret in everything]
