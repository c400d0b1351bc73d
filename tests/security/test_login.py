"""What a login comes to at an issuer that lies, errs or is not there: nothing, and nobody is told why."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from adapter.security.login import OURS, Login, NotLoggedIn
from adapter.settings import LoginSettings, Organisation
from tests.security.at_browser import HOSPITAL, StillClock

ISSUER = "https://sts.example"
CLIENT = "stafett"
BASE = "https://stafett.example/under"
PAIR = RSAKey.generate_key(2048, {"kid": "one", "alg": "RS256", "use": "sig"})
STRANGER = RSAKey.generate_key(2048, {"kid": "one"})
OWN = ECKey.generate_key("P-256", {"kid": "own"})
METADATA = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize?tenant=x",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/jwks",
    "end_session_endpoint": f"{ISSUER}/end",
}


def unpadded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """An issuer that answers as it is told to. It keeps what it was asked."""

    def __init__(self) -> None:
        self.metadata: dict[str, Any] = dict(METADATA)
        self.token: Any = None
        self.status = 200
        self.down = False
        self.asked: list[tuple[str, dict[str, str], httpx.Headers]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            raise httpx.ConnectError("refused")
        said = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        self.asked.append((request.url.path, said, request.headers))
        answers: dict[str, tuple[int, Any]] = {
            "/.well-known/openid-configuration": (200, self.metadata),
            "/jwks": (200, {"keys": [PAIR.as_dict(private=False)]}),
            "/par": (201, {"request_uri": "urn:one"}),
            "/token": (self.status, {"id_token": self.token, "access_token": "x", "token_type": "DPoP"}),
        }
        status, body = answers[request.url.path]
        return httpx.Response(status, json=body)

    def forms(self, path: str) -> list[dict[str, str]]:
        return [said for asked, said, _ in self.asked if asked == path]


class World:
    """A login at that issuer, its clock, and the way through it."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.issuer, self.clock = Issuer(), StillClock()
        (folder / "key.jwk").write_text(json.dumps(OWN.as_dict(private=True)))
        self.settings = LoginSettings(issuer=ISSUER, client_id=CLIENT, key_file=folder / "key.jwk", **settings)
        self.login = self.made()

    def made(self, key: bytes = b"a key for tests") -> Login:
        organisation = Organisation(number=HOSPITAL, name="A hospital")
        transport = httpx.MockTransport(self.issuer)
        return Login(self.settings, organisation, key=key, public_base=BASE, now=self.clock.seconds, transport=transport)

    def begun(self, back: str = "/pathways") -> tuple[dict[str, str], str]:
        """What the issuer is asked, and the browser's cookie."""
        address, cookie = self.login.begin(back)
        return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}, cookie

    def claims(self, nonce: str) -> dict[str, Any]:
        now = int(self.clock.seconds())
        return {"iss": ISSUER, "sub": "kari", "aud": CLIENT, "exp": now + 60, "iat": now, "nonce": nonce, "name": "Kari"}

    def signed(self, claims: Mapping[str, Any], key: Any = PAIR, **header: Any) -> str:
        said = {name: value for name, value in {"alg": "RS256", "kid": "one", **header}.items() if value is not None}
        return jwt.encode(said, dict(claims), key, algorithms=[said["alg"]])


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_login_ends_with_the_claims_of_the_id_token_where_it_was_begun(world: World) -> None:
    asked, cookie = world.begun("/pathways?type=D11")
    world.issuer.token = world.signed(world.claims(asked["nonce"]))

    claims, back = world.login.finish(cookie, {"state": asked["state"], "code": "abc"})

    assert (claims["sub"], claims["name"], back) == ("kari", "Kari", "/pathways?type=D11")
    assert asked["code_challenge_method"] == "S256"
    assert asked["tenant"] == "x"  # the endpoint's own query is kept (RFC 6749 3.1)
    ((form),) = world.issuer.forms("/token")
    assert (form["grant_type"], form["code"], form["redirect_uri"]) == ("authorization_code", "abc", f"{BASE}/login/callback")
    assert unpadded(hashlib.sha256(form["code_verifier"].encode()).digest()) == asked["code_challenge"]
    assert form["client_assertion_type"].endswith("jwt-bearer")
    (headers,) = (headers for path, _, headers in world.issuer.asked if path == "/token")
    assert len(headers["dpop"].split(".")) == 3


def test_another_process_of_the_same_installation_finishes_what_this_one_began(world: World) -> None:
    asked, cookie = world.begun()
    world.issuer.token = world.signed(world.claims(asked["nonce"]))

    assert world.made().finish(cookie, {"state": asked["state"], "code": "abc"})[0]["sub"] == "kari"
    with pytest.raises(NotLoggedIn):
        world.made(key=b"another installation").finish(cookie, {"state": asked["state"], "code": "abc"})


def test_each_login_has_secrets_of_its_own_and_none_of_them_is_in_the_cookie(world: World) -> None:
    logins = [world.begun() for _ in range(3)]

    secrets = {asked[name] for asked, _ in logins for name in ("state", "nonce", "code_challenge")}
    assert len(secrets) == 9
    assert not any(secret in cookie for secret in secrets for _, cookie in logins)


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://sts.another.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": [CLIENT, "another"]},
        {"aud": []},
        {"aud": None},
        {"azp": "another"},
        {"exp": -11},
        {"exp": None},
        {"exp": "soon"},
        {"iat": 60},
        {"iat": -3600},
        {"iat": None},
        {"nbf": 60},
        {"nonce": "A" * 43},
        {"nonce": ""},
        {"nonce": None},
        {"nonce": 1},
        {"sub": ""},
        {"sub": None},
        {"sub": 7},
        {"sub": "x" * 256},
    ],
    ids=str,
)
def test_an_id_token_that_says_another_thing_logs_nobody_in(world: World, changed: dict[str, Any]) -> None:
    asked, cookie = world.begun()
    now = int(world.clock.seconds())
    moved = {n: now + v if isinstance(v, int) and n in ("exp", "iat", "nbf") else v for n, v in changed.items()}
    said = {name: value for name, value in {**world.claims(asked["nonce"]), **moved}.items() if value is not None}
    world.issuer.token = world.signed(said)

    with pytest.raises(NotLoggedIn) as refused:
        world.login.finish(cookie, {"state": asked["state"], "code": "abc"})
    assert next(iter(changed)) in refused.value.why
    assert "kari" not in refused.value.why


def test_an_id_token_that_is_not_signed_as_it_must_logs_nobody_in(world: World) -> None:
    asked, cookie = world.begun()
    claims = world.claims(asked["nonce"])
    good = world.signed(claims)
    header, body, signature = good.split(".")
    public = PAIR.as_pem(private=False)

    def with_header(**said: Any) -> str:
        return unpadded(json.dumps(said).encode())

    def hs256(secret: bytes) -> str:
        signed = f"{with_header(alg='HS256', kid='one')}.{body}"
        return f"{signed}.{unpadded(hmac.digest(secret, signed.encode(), 'sha256'))}"

    other = unpadded(json.dumps({**claims, "sub": "tester"}).encode())
    bad: dict[str, Any] = {
        "none": f"{with_header(alg='none')}.{body}.",
        "none with the signature": f"{with_header(alg='none', kid='one')}.{body}.{signature}",
        "None": f"{with_header(alg='None', kid='one')}.{body}.{signature}",
        "the public key as a secret": hs256(public),
        "a secret": hs256(CLIENT.encode()),
        "a key of somebody else's": world.signed(claims, STRANGER),
        "a key that the issuer does not have": world.signed(claims, kid="two"),
        "no name of a key": world.signed(claims, kid=None),
        "an allowed algorithm that is not the key's": world.signed(
            claims, RSAKey.import_key(PAIR.as_pem(private=True)), alg="PS256"
        ),
        "a key in the header": world.signed(claims, STRANGER, kid=None, jwk=STRANGER.as_dict(private=False)),
        "an access token": world.signed(claims, typ="at+jwt"),
        "a logout token": world.signed(claims, typ="logout+jwt"),
        "other claims": f"{header}.{other}.{signature}",
        "no signature": f"{header}.{body}.",
        "four parts": f"{good}.x",
        "encrypted": f"{good}.x.y",
        "no text": 7,
        "none at all": None,
        "empty": "",
    }

    for what, token in bad.items():
        world.issuer.token = token
        with pytest.raises(NotLoggedIn):
            assert world.login.finish(cookie, {"state": asked["state"], "code": "abc"}), what
    world.issuer.token = good
    assert world.login.finish(cookie, {"state": asked["state"], "code": "abc"})[0]["sub"] == "kari"


def test_the_level_that_is_asked_for_is_asked_of_the_token_too(tmp_path: Path) -> None:
    world = World(tmp_path, levels=("4", "idporten-loa-high"), level_claim="acr", acr_values="Level4")
    asked, cookie = world.begun()
    assert asked["acr_values"] == "Level4"

    for level, enough in (("4", True), (4, True), ("idporten-loa-high", True), ("3", False), (None, False), (["4"], False)):
        world.issuer.token = world.signed({**world.claims(asked["nonce"]), "acr": level})
        if enough:
            world.login.finish(cookie, {"state": asked["state"], "code": "abc"})
        else:
            with pytest.raises(NotLoggedIn, match="level"):
                world.login.finish(cookie, {"state": asked["state"], "code": "abc"})


@pytest.mark.parametrize(
    ("names_itself", "iss", "counts"),
    [
        (True, ISSUER, True),
        (False, ISSUER, True),
        (False, None, True),
        (True, None, False),
        (True, "https://evil.example", False),
        (False, "https://evil.example", False),
        (False, "", False),
    ],
)
def test_an_answer_counts_only_as_this_issuers(tmp_path: Path, names_itself: bool, iss: str | None, counts: bool) -> None:
    """RFC 9207 2.4. The code of a mix-up is not even shown to our issuer."""
    world = World(tmp_path)
    world.issuer.metadata["authorization_response_iss_parameter_supported"] = names_itself
    asked, cookie = world.begun()
    world.issuer.token = world.signed(world.claims(asked["nonce"]))
    answer = {"state": asked["state"], "code": "abc", **({} if iss is None else {"iss": iss})}

    if counts:
        world.login.finish(cookie, answer)
    else:
        with pytest.raises(NotLoggedIn, match="another issuer"):
            world.login.finish(cookie, answer)
    assert len(world.issuer.forms("/token")) == counts


@pytest.mark.parametrize("state", [None, "", "A" * 43, "ø"])
def test_an_answer_with_another_state_is_not_even_asked_about(world: World, state: str | None) -> None:
    asked, cookie = world.begun()
    world.issuer.token = world.signed(world.claims(asked["nonce"]))

    with pytest.raises(NotLoggedIn, match="state"):
        world.login.finish(cookie, {"code": "abc", **({} if state is None else {"state": state})})
    assert world.issuer.forms("/token") == []


def test_what_is_pushed_is_not_in_the_address(world: World) -> None:
    world.issuer.metadata["pushed_authorization_request_endpoint"] = f"{ISSUER}/par"
    asked, cookie = world.begun()
    (pushed,) = world.issuer.forms("/par")
    world.issuer.token = world.signed(world.claims(pushed["nonce"]))

    assert asked == {"tenant": "x", "client_id": CLIENT, "request_uri": "urn:one"}
    assert {"client_assertion", "state", "nonce", "code_challenge", "scope"} <= pushed.keys()
    assert world.login.finish(cookie, {"state": pushed["state"], "code": "abc"})[0]["sub"] == "kari"


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://sts.another.example"},
        {"authorization_endpoint": None},
        {"authorization_endpoint": "http://sts.example/authorize"},
        {"token_endpoint": "http://sts.example/token"},
        {"token_endpoint": ["https://sts.example/token"]},
        {"pushed_authorization_request_endpoint": "http://sts.example/par"},
        {"end_session_endpoint": "javascript:alert(1)"},
    ],
    ids=str,
)
def test_metadata_that_cannot_be_gone_by_begin_no_login(world: World, metadata: dict[str, Any]) -> None:
    world.issuer.metadata.update(metadata)

    with pytest.raises(NotLoggedIn, match="issuer"):
        world.login.begin("/")


def test_an_issuer_that_is_away_is_asked_again_at_the_next_login(world: World) -> None:
    world.issuer.down = True
    with pytest.raises(NotLoggedIn, match="did not answer: ConnectError"):
        world.login.begin("/")

    world.issuer.down = False
    asked, cookie = world.begun()
    world.issuer.token, world.issuer.status = world.signed(world.claims(asked["nonce"])), 400
    with pytest.raises(NotLoggedIn, match="refused: 400"):
        world.login.finish(cookie, {"state": asked["state"], "code": "abc"})
    assert [path for path, _, _ in world.issuer.asked] == ["/.well-known/openid-configuration", "/token"]


def test_a_cookie_that_is_not_ours_or_has_been_changed_begins_nothing(world: World) -> None:
    asked, cookie = world.begun()
    said, seal = cookie.split(".")
    evil = unpadded(b'{"id":"x","until":99999999999,"back":"https://evil.example"}')

    for bad in ("", ".", said, f"{said}.", f".{seal}", f"{said}.{seal[:-2]}AA", f"{evil}.{seal}", f"{evil}.", "ø.ø", cookie + "x"):
        with pytest.raises(NotLoggedIn, match="no login was begun"):
            world.login.finish(bad, {"state": asked["state"], "code": "abc"})


def test_a_login_is_finished_within_ten_minutes(world: World) -> None:
    asked, cookie = world.begun()
    world.clock.advance(minutes=10, seconds=1)

    with pytest.raises(NotLoggedIn, match="too late"):
        world.login.finish(cookie, {"state": asked["state"], "code": "abc"})


ELSEWHERE = [
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "javascript:alert(1)",
    " //evil.example",
    "evil.example",
    "@evil.example",
    ".evil.example",
    "",
    "/" + "x" * 600,
    "/a\r\nSet-Cookie: stafett=x",
    "/ø",
]


@pytest.mark.parametrize("back", ELSEWHERE)
def test_a_login_leads_to_no_other_place(world: World, back: str) -> None:
    asked, cookie = world.begun(back)
    world.issuer.token = world.signed(world.claims(asked["nonce"]))

    assert world.login.finish(cookie, {"state": asked["state"], "code": "abc"})[1] == "/"


@given(st.text(st.characters(codec="ascii"), max_size=30).map(lambda rest: "/" + rest) | st.text(max_size=10))
def test_whatever_counts_as_ours_is_ours_to_a_browser(back: str) -> None:
    """Nothing that begins with one slash leads to another host (WHATWG URL: tabs and line ends fall away, \\ is a slash)."""
    if OURS.fullmatch(back):
        followed = httpx.URL("https://stafett.example").join(back)
        assert (followed.scheme, followed.host) == ("https", "stafett.example")
        assert not set(back) & set("\\\t\r\n\0 ")
