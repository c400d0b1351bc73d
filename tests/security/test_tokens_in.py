"""Tokens that are taken: what is read out of them, and how the issuer's keys are kept."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from joserfc.jwk import RSAKey

from adapter.domain.problem import Kind, Problem
from adapter.security.admission import KeysNeeded, Token, Tokens
from adapter.security.caller import Caller, Person
from adapter.security.issuer_keys import signing_keys
from adapter.security.scopes import access_of
from adapter.security.smart import smart_configuration
from adapter.settings import HelseID
from tests.security.issuer import BASE, CHILD, CLAIMS, PARENT, Issuer, encoded, key
from tests.security.world import PATH, World

KEYS = ["/.well-known/openid-configuration", "/keys"]
ATTEST = {
    "practitioner": {"identifier": {"id": "13816912345", "name": "Kari Nordmann"}, "hpr_nr": {"id": "431001110"}},
    "care_relation": {"purpose_of_use": {"code": "TREAT"}, "decision_ref": {"id": "a", "user_selected": True}},
    "toa": 1780000000,
}


@pytest.mark.parametrize("alg", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"])
def test_a_token_and_its_proof_let_in_by_every_asymmetric_algorithm(alg: str) -> None:
    world = World(alg=alg)

    assert world.read(world.shown()).numbers == (PARENT, CHILD)


def test_what_a_token_says_is_read_whole() -> None:
    world = World()
    scopes = ["nhn:pakkeforlop/fhir.read", "openid"]
    shown = world.token(child=CHILD, supplier="313745392", scopes=scopes, pid="13816912345", name="Kari\u200b Nordmann")
    token = world.read(shown)

    assert token == Token(
        client="epj",
        numbers=(PARENT, CHILD),
        expires=datetime.fromtimestamp(world.at + 600, UTC),
        access=access_of(["system/*.rs"], {}),
        scheme="DPoP",
        supplier="313745392",
        person=Person("13816912345", "", "Kari Nordmann"),
        purpose="",  # nobody has said what for
        attest={},
        proof=token.proof,
    )


@pytest.mark.parametrize(
    "claims",
    [
        {"header": {"typ": "JWT"}},
        {"header": {"typ": "application/at+jwt"}},
        {"header": {"typ": "AT+JWT"}},
        {"header": {"x5t": "AAAA", "unknown": 1}},
        {"aud": ["nhn:pakkeforlop"]},
        {"scope": "openid system/*.cruds"},
        {"iat": None},
        {"exp": 1_780_000_000 - 4},
        {"exp": 1_780_000_000.5},
        {"nbf": 1_780_000_000 + 5},
        {"pid": "13816912345", f"{CLAIMS}identity/security_level": 4},
    ],
)
def test_what_may_differ_does(claims: dict[str, Any]) -> None:
    world = World()

    assert world.read(world.token(**claims)).client == "epj"


def test_the_word_for_the_scheme_has_no_case() -> None:
    world = World()

    assert world.read([(n, v.replace("DPoP ", "dpop ")) for n, v in world.shown()]).scheme == "DPoP"


def test_an_attest_tells_who_sits_at_the_screen_and_for_what() -> None:
    world = World()
    token = world.read(world.token(attest=ATTEST))

    assert token.person == Person("13816912345", "431001110", "Kari Nordmann")
    assert (token.purpose, token.attest) == ("TREAT", ATTEST)


@pytest.mark.parametrize(
    ("practitioner", "person"),
    [({"identifier": {"id": "13816912345"}}, Person("13816912345")), ({"hpr_nr": {"id": "431001110"}}, Person(hpr="431001110"))],
)
def test_one_number_is_enough_to_name_a_person(practitioner: dict[str, Any], person: Person) -> None:
    world = World()

    assert world.read(world.token(attest={"practitioner": practitioner})).person == person


@pytest.mark.parametrize(
    "claims",
    [
        {"pid": "13816912345"},
        {"hpr": "431001110"},
        {"pid": "13816912345", "hpr": "431001110"},
        {"pid": "13816912345", "name": "K. N."},
    ],
)
def test_what_the_login_leaves_out_of_a_person_the_attest_fills_in(claims: dict[str, str]) -> None:
    world = World()
    token = world.read(world.token(attest=ATTEST, **claims))

    assert token.person == Person("13816912345", "431001110", claims.get("name", "Kari Nordmann"))


@pytest.mark.parametrize("claims", [{"pid": "15903612345"}, {"hpr": "431001111"}, {"pid": "13816912345", "hpr": "431001111"}])
def test_a_login_and_an_attest_of_two_persons_are_refused_without_naming_either(claims: dict[str, str]) -> None:
    world = World()
    refused = world.refused(world.token(attest=ATTEST, **claims))

    assert refused.status == 403
    assert "another person than its attest" in refused.findings[0].en
    assert not any(number in str(refused.findings) for number in (*claims.values(), "13816912345", "431001110"))


def test_a_block_may_name_any_number_that_a_token_names_its_caller_by() -> None:
    """The attest's own three places; a HER-id among them is no organisation number, and no block can name it."""
    places = {"legal_entity": {"id": "974633574"}, "department": {"id": "705506"}, "point_of_care": {"id": "974633582"}}
    attest = {"practitioner": {**ATTEST["practitioner"], **places}}
    person = Person("13816912345", "431001110")
    caller = Caller(PARENT, (PARENT,), numbers=(PARENT, CHILD), person=person, attest=attest)

    assert set(caller.blocked_as) == {PARENT, CHILD, "13816912345", "431001110", "974633574", "974633582"}
    assert replace(caller, purpose="ETREAT").blocked_as == ()


@pytest.mark.parametrize(
    "practitioner", [1, {"legal_entity": 1}, {"department": {"id": 974633574}}, {"point_of_care": {"id": "x"}}]
)
def test_an_attest_of_another_form_adds_no_number(practitioner: Any) -> None:
    assert Caller(PARENT, (PARENT,), numbers=(PARENT,), attest={"practitioner": practitioner}).blocked_as == (PARENT,)


def test_an_emergency_needs_its_scope_and_a_person() -> None:
    world = World()
    emergency = {"care_relationship": {"purpose_of_use": {"code": "ETREAT"}}}
    scopes = ["system/*.rs", "nhn:pakkeforlop/emergency"]

    assert world.read(world.token(attest=emergency, scopes=scopes, hpr="431001110")).purpose == "ETREAT"
    assert world.refused(world.token(attest=emergency, scopes=scopes)).status == 403
    assert world.refused(world.token(attest=emergency, hpr="431001110")).status == 403


@pytest.mark.parametrize(
    "attest",
    [
        {},
        {"practitioner": 1},
        {"practitioner": {"identifier": "x", "hpr_nr": {"id": ["1"]}}},
        {"practitioner": {"identifier": {"id": "<b>"}, "hpr_nr": {"id": "0" * 10}}},
    ],
)
def test_an_attest_that_is_not_what_we_know_names_nobody(attest: dict[str, Any]) -> None:
    world = World()

    token = world.read(
        world.token(attest={**attest, "care_relation": [1], "care_relationship": {"purpose_of_use": {"code": "<b>"}}})
    )

    assert (token.person, token.purpose) == (None, "")


def test_rights_are_spoken_of_once_the_token_is_shown_to_be_the_callers_own() -> None:
    world = World()
    stolen = [pair for pair in world.token(scope="") if pair[0] != "dpop"]

    assert world.refused(stolen).status == 401


def test_a_token_is_bound_by_time_also_when_it_was_seen_before() -> None:
    world = World()
    world.read(world.shown())
    world.at += 604

    assert world.read(world.shown()).client == "epj"
    world.at += 1
    assert "expired" in world.refused(world.shown()).findings[0].en


def test_a_service_of_bearer_tokens_takes_them_alone_and_no_bound_one() -> None:
    world = World(settings={"scheme": "bearer"})
    free, bound = world.issuer.token(), world.issuer.token(world.client.key.thumbprint())

    token = world.read([("authorization", f"Bearer {free}")])
    assert (token.scheme, token.proof) == ("Bearer", None)
    assert "bound to a key" in world.refused([("authorization", f"Bearer {bound}")]).findings[0].en
    assert world.refused(world.shown(free)).challenge == 'Bearer error="invalid_token"'
    assert world.refused([("authorization", f"Bearer {free}"), *world.shown()[1:]]).status == 401
    assert world.refused([]).challenge == "Bearer"


def test_algorithms_are_those_that_are_configured() -> None:
    world = World(settings={"algorithms": ("RS256", "ES256")})

    assert "algorithm" in world.refused(world.token()).findings[0].en
    assert world.read(world.token(header={"alg": "RS256"})).client == "epj"


def test_the_keys_are_fetched_once_for_a_day() -> None:
    world = World()
    world.read(world.shown())
    world.at += 86_399
    world.client.renew()
    world.read(world.shown())
    assert world.issuer.asked == KEYS

    world.at += 1
    world.client.renew()
    world.read(world.shown())
    assert world.issuer.asked == KEYS * 2


@pytest.mark.parametrize(
    ("header", "seconds"), [("public, max-age=300", 300), ("max-age=1", 60), ("max-age=999999999", 86_400), ("no-store", 86_400)]
)
def test_the_keys_are_kept_as_long_as_the_issuer_says_between_a_minute_and_a_day(header: str, seconds: int) -> None:
    world = World()
    world.issuer.cache_control = header
    world.read(world.token(seconds=10**6))
    world.at += seconds - 1
    world.read(world.shown())
    assert world.issuer.asked == KEYS

    world.at += 1
    world.read(world.shown())
    assert world.issuer.asked == KEYS * 2


def test_a_new_key_is_found_and_an_old_one_no_longer_counts() -> None:
    world = World()
    old = world.token(seconds=10**6)
    world.read(old)
    world.issuer.key = key("RSA", "new")
    world.issuer.keys = [world.issuer.key]
    world.at += 60
    new = world.token(seconds=10**6)

    assert world.read(new).client == "epj"
    assert "no key" in world.refused([old[0], *world.shown()[1:]]).findings[0].en


@pytest.mark.slow
def test_b101_ten_thousand_unknown_names_of_keys_make_one_question_to_the_issuer() -> None:
    world = World()
    world.read(world.shown())
    world.at += 60
    issued = world.issuer.token(world.client.key.thumbprint())
    _, claims, signature = issued.split(".")

    def refused(_: int) -> int:
        header = encoded(f'{{"alg":"PS256","typ":"at+jwt","kid":"{uuid.uuid4()}"}}'.encode())
        return world.refused([("authorization", f"DPoP {header}.{claims}.{signature}"), ("dpop", "x")]).status

    with ThreadPoolExecutor(8) as several:
        assert set(several.map(refused, range(10_000))) == {401}
    assert world.issuer.asked == KEYS * 2
    assert world.read(world.shown(issued)).client == "epj"


def test_the_issuer_is_not_asked_for_what_can_be_no_keys_name() -> None:
    world = World()
    world.read(world.shown())
    world.at += 60

    for kid in ("../../keys", "a b", "", "k" * 129, 1, ["RSA-1"], {"RSA-1": 1}, True):
        assert "no key" in world.refused(world.token(header={"kid": kid})).findings[0].en
    assert world.issuer.asked == KEYS


def test_while_the_issuer_is_down_its_known_keys_count_for_three_days_more() -> None:
    world = World()
    shown = world.token(seconds=10**6)[0]
    world.read([shown, *world.shown()[1:]])
    world.issuer.down = True
    world.at += 4 * 86_400 - 1

    assert world.read(world.shown()).client == "epj"
    world.at += 1
    with pytest.raises(Problem) as caught:
        world.read(world.shown())
    assert caught.value.kind is Kind.TRANSIENT
    world.issuer.down = False
    world.at += 60
    assert world.read(world.shown()).client == "epj"


def test_without_any_key_it_is_our_failure_and_the_issuer_is_asked_again_soon() -> None:
    world = World()
    world.issuer.down = True
    for _ in range(3):
        with pytest.raises(Problem) as caught:
            world.read(world.shown())
    assert (caught.value.kind, caught.value.retry_after) == (Kind.TRANSIENT, 5)

    world.issuer.down = False
    world.at += 5
    assert world.read(world.shown()).client == "epj"


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://sts.example.evil.example"},
        {"issuer": None},
        {"jwks_uri": "http://sts.example/keys"},
        {"jwks_uri": "file:///keys"},
        {"jwks_uri": 1},
        {"jwks_uri": "https://["},
        {"jwks_uri": "https://sts.example/nowhere"},
        {"jwks_uri": "https://sts.example/.well-known/openid-configuration"},
    ],
)
def test_metadata_that_is_not_the_issuers_own_gives_no_keys(metadata: dict[str, Any]) -> None:
    world = World()
    world.issuer.metadata = metadata

    def everywhere(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=world.issuer.answer(request.url.path) or {})

    world.tokens = Tokens(world.issuer.settings(), public_base=BASE, transport=httpx.MockTransport(everywhere))
    with pytest.raises(Problem) as caught:
        world.read(world.shown())
    assert caught.value.kind is Kind.TRANSIENT


def test_a_set_without_keys_leaves_those_that_are_known() -> None:
    world = World()
    world.read(world.token(seconds=10**6))
    world.issuer.keys = []
    world.at += 86_400

    assert world.read(world.shown()).client == "epj"
    assert world.issuer.asked == KEYS * 2


@pytest.mark.parametrize(("status", "headers"), [(500, {}), (404, {}), (302, {"location": "https://evil.example"})])
def test_an_issuer_that_answers_otherwise_gives_no_keys(status: int, headers: dict[str, str]) -> None:
    world = World()
    asked: list[str] = []

    def network(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(status, json=world.issuer.answer(request.url.path), headers=headers)

    world.tokens = Tokens(world.issuer.settings(), public_base=BASE, transport=httpx.MockTransport(network))
    with pytest.raises(Problem, match="has given no keys"):
        world.read(world.shown())
    assert asked == ["sts.example"]


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"keys":{}}', b'{"keys":[1,{}]}', b" " * 300_000])
def test_a_set_of_keys_that_is_none_gives_no_keys(body: bytes) -> None:
    world = World()

    def network(request: httpx.Request) -> httpx.Response:
        found = world.issuer.answer(request.url.path)
        return httpx.Response(200, content=body) if request.url.path == "/keys" else httpx.Response(200, json=found)

    world.tokens = Tokens(world.issuer.settings(), public_base=BASE, transport=httpx.MockTransport(network))
    with pytest.raises(Problem) as caught:
        world.read(world.shown())
    assert caught.value.kind is Kind.TRANSIENT


def test_keys_for_something_else_are_passed_over() -> None:
    world = World()
    assert isinstance(world.issuer.key, RSAKey)
    public = world.issuer.key.as_dict(private=False)
    others = [{**public, "use": "enc"}, {**public, "alg": "RSA-OAEP"}, {"kty": "oct", "kid": "RSA-1", "k": "AAAA"}, {"kty": "OKP"}]

    assert [signing_keys({"keys": [other]}, ["PS256"]) for other in others] == [{}] * 4
    assert list(signing_keys({"keys": [*others, {**public, "use": "sig", "alg": "PS256"}]}, ["PS256"])) == ["RSA-1"]


def test_who_must_not_wait_is_told_to_ask_elsewhere_and_the_network_is_left_alone() -> None:
    world = World()
    headers = httpx.Headers(world.shown())

    class Raw:
        def getlist(self, name: str, /) -> list[str]:
            return headers.get_list(name)

    with pytest.raises(KeysNeeded):
        world.tokens.read("GET", PATH, Raw(), wait=False)
    assert world.issuer.asked == []
    world.tokens.read("GET", PATH, Raw())
    assert world.tokens.read("GET", PATH, Raw(), wait=False).client == "epj"


def test_several_that_come_first_wait_for_one_answer() -> None:
    world = World()
    gate = threading.Event()
    inner = world.issuer.transport

    def slow(request: httpx.Request) -> httpx.Response:
        gate.wait(5)
        return inner.handle_request(request)

    world.tokens = Tokens(world.issuer.settings(), public_base=BASE, now=lambda: world.at, transport=httpx.MockTransport(slow))
    shown = [world.shown() for _ in range(4)]
    with ThreadPoolExecutor(4) as several:
        found = [several.submit(world.read, one) for one in shown]
        gate.set()
        assert {one.result(10).client for one in found} == {"epj"}
    assert world.issuer.asked == KEYS


def test_over_real_http_on_this_machine() -> None:
    issuer = Issuer(alg="RS256")
    with issuer.served():
        world = World()
        world.issuer, world.client = issuer, issuer.client()
        world.tokens = Tokens(issuer.settings(), public_base=BASE)
        assert world.read(world.shown()).client == "epj"


def test_the_smart_configuration_says_where_tokens_are_got_and_for_what() -> None:
    world = World()
    endpoint = world.tokens.keys.token_endpoint()

    settings = HelseID(issuer="https://sts.example", audience="nhn:x", scopes={"nhn:x/read": ("system/*.rs",)})

    assert smart_configuration(settings, endpoint) == {
        "issuer": "https://sts.example",
        "audience": "nhn:x",
        "token_endpoint": "https://sts.example/connect/token",
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS256", "PS256", "ES256"],
        "scopes_supported": ["nhn:x/read", "system/*.cruds"],
        "code_challenge_methods_supported": ["S256"],
        "capabilities": ["client-confidential-asymmetric", "permission-v2"],
        "dpop_signing_alg_values_supported": ["RS256", "PS256", "ES256", "RS384", "PS384", "ES384", "RS512", "PS512", "ES512"],
    }
    bearer = smart_configuration(HelseID(scheme="bearer"), "")
    assert not {"token_endpoint", "dpop_signing_alg_values_supported"} & bearer.keys()


def test_where_tokens_are_got_is_asked_once() -> None:
    world = World()
    world.tokens.keys.token_endpoint()
    world.at += 60

    assert world.tokens.keys.token_endpoint() == "https://sts.example/connect/token"
    assert world.issuer.asked == KEYS


@pytest.mark.parametrize("endpoint", [None, 1, "http://sts.example/token", "token"])
def test_an_endpoint_without_tls_is_not_passed_on(endpoint: Any) -> None:
    world = World()
    world.issuer.metadata = {"token_endpoint": endpoint}

    assert world.tokens.keys.token_endpoint() == ""


def test_no_endpoint_is_told_of_an_issuer_that_cannot_be_asked() -> None:
    world = World()
    world.issuer.down = True

    assert world.tokens.keys.token_endpoint() == ""
