"""Our keys, from wherever they come, against the RFCs' own words; made and read by another library than the program's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest
import structlog
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from typer.testing import CliRunner

from adapter.cli import app
from adapter.doctor import examine
from adapter.domain.problem import Kind, Problem
from adapter.security.client_credentials import Signer
from adapter.security.keys import Keys, read_keys
from adapter.settings import Credentials, HubSettings, LoginSettings, Partner, Settings, StoreSettings
from tests.security.test_tokens_out import EC_KEY, ISSUER, KEY, parts

OTHER = ec.generate_private_key(ec.SECP256R1())
WEAK = rsa.generate_private_key(65537, 1024)
CLIENT = {"auth": "helseid", "issuer": ISSUER, "client_id": "c", "scope": "s"}


def number(value: int) -> str:
    return urlsafe_b64encode(value.to_bytes((value.bit_length() + 7) // 8)).rstrip(b"=").decode()


def ec_jwk(key: ec.EllipticCurvePrivateKey = EC_KEY, **more: str) -> dict[str, str]:
    """RFC 7518 6.2: coordinates have the curve's full width."""
    private = key.private_numbers()
    point = private.public_numbers
    x, y, d = (urlsafe_b64encode(n.to_bytes(32)).rstrip(b"=").decode() for n in (point.x, point.y, private.private_value))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y, "d": d, **more}


def rsa_jwk(**more: str) -> dict[str, str]:
    """RFC 7518 6.3."""
    n = KEY.private_numbers()
    public = n.public_numbers
    names = {"n": public.n, "e": public.e, "d": n.d, "p": n.p, "q": n.q, "dp": n.dmp1, "dq": n.dmq1, "qi": n.iqmp}
    return {"kty": "RSA", **{name: number(value) for name, value in names.items()}, **more}


def pem(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, form: serialization.PrivateFormat = serialization.PrivateFormat.PKCS8
) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def file(folder: Path, content: bytes | dict[str, Any]) -> Path:
    path = folder / "key"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    path.chmod(0o600)
    return path


def seen(path: Path | str, key_id: str = "", algorithm: str = "") -> list[tuple[str, str]]:
    return [(key.kid, key.algorithm) for key in read_keys(path, key_id, algorithm)]


def test_a_key_may_be_a_jwk_and_is_called_as_it_says_or_as_we_say(tmp_path: Path) -> None:
    path = file(tmp_path, ec_jwk(kid="k7"))

    assert seen(path) == [("k7", "ES256")]
    assert seen(path, "ours") == [("ours", "ES256")]


def test_a_key_without_a_name_is_called_by_its_thumbprint(tmp_path: Path) -> None:
    """RFC 7638 3: the SHA-256 of the required members, in order, without spaces."""
    public = {name: value for name, value in ec_jwk().items() if name != "d"}
    canonical = json.dumps({name: public[name] for name in ("crv", "kty", "x", "y")}, separators=(",", ":"))
    digest = hashes.Hash(hashes.SHA256())
    digest.update(canonical.encode())

    assert seen(file(tmp_path, pem(EC_KEY))) == [(urlsafe_b64encode(digest.finalize()).rstrip(b"=").decode(), "ES256")]


@pytest.mark.parametrize("form", [serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize(
    ("key", "asked", "signs"),
    [(KEY, "", "RS256"), (KEY, "RS256", "RS256"), (KEY, "PS256", "PS256"), (EC_KEY, "", "ES256"), (EC_KEY, "ES256", "ES256")],
)
def test_a_pem_signs_as_the_configuration_says(
    tmp_path: Path, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, asked: str, signs: str, form: serialization.PrivateFormat
) -> None:
    assert seen(file(tmp_path, pem(key, form)), "k", asked) == [("k", signs)]


@pytest.mark.parametrize(("said", "asked"), [("PS256", ""), ("", "PS256"), ("PS256", "PS256")])
def test_ps256_is_what_rfc_7518_says_that_it_is(tmp_path: Path, said: str, asked: str) -> None:
    [key] = read_keys(file(tmp_path, rsa_jwk(**({"alg": said} if said else {}))), "k", asked)

    header, _, signed, signature = parts(Signer(*key, "stafett", ISSUER).assertion(time.time()))
    KEY.public_key().verify(signature, signed, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    assert header["alg"] == "PS256"


def test_several_keys_are_read_in_the_order_that_they_stand(tmp_path: Path) -> None:
    jwks = {"keys": [ec_jwk(OTHER, kid="new"), rsa_jwk(kid="old", alg="PS256")]}

    assert seen(file(tmp_path, jwks)) == [("new", "ES256"), ("old", "PS256")]
    assert [alg for _, alg in seen(file(tmp_path, pem(OTHER) + b"\nthe one before:\n" + pem(KEY)))] == ["ES256", "RS256"]


def test_what_openssl_writes_beside_a_key_is_passed_over(tmp_path: Path) -> None:
    parameters = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"

    assert len(seen(file(tmp_path, parameters + pem(EC_KEY, serialization.PrivateFormat.TraditionalOpenSSL)))) == 1


def test_a_key_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_KEY", json.dumps(ec_jwk(kid="k7")))

    assert [key.kid for key in Keys(Credentials(key_env="HUB_KEY")).in_order()] == ["k7"]
    monkeypatch.delenv("HUB_KEY")
    with pytest.raises(Problem, match="HUB_KEY holds no private key"):
        Keys(Credentials(key_env="HUB_KEY"))


PUBLIC_EC = {name: value for name, value in ec_jwk().items() if name != "d"}
BAD: dict[str, bytes | dict[str, Any]] = {
    "empty": b"",
    "no key": b"garbage SECRET",
    "a shared secret": {"kty": "oct", "k": "SECRETSECRETSECRET"},
    "half a key": {"kty": "EC", "crv": "P-521"},
    "no kty": {"no": "SECRET"},
    "keys that are no list": {"keys": 5},
    "keys that are no keys": {"keys": ["SECRET"]},
    "numbers that are no text": {**ec_jwk(), "d": 7},
    "an empty set": {"keys": []},
    "a public key": KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
    "a public JWK": PUBLIC_EC,
    "a public key beside a private one": {"keys": [ec_jwk(), PUBLIC_EC | {"kid": "other"}]},
    "another curve": pem(ec.generate_private_key(ec.SECP384R1())),
    "too short": pem(WEAK),
    "with a password": KEY.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"SECRET")
    ),
    "cut off": pem(KEY)[:-40],
    "an algorithm that is not its own": ec_jwk(alg="RS256"),
    "an algorithm that is none of ours": rsa_jwk(alg="RS512"),
    "one name for two": {"keys": [ec_jwk(kid="k"), ec_jwk(OTHER, kid="k")]},
    "the same twice": pem(EC_KEY) + pem(EC_KEY),
}


@pytest.mark.filterwarnings("ignore:Key size should be")
@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_a_key_that_cannot_sign_stops_the_start_and_is_not_shown(tmp_path: Path, content: bytes | dict[str, Any]) -> None:
    path = file(tmp_path, content)
    with pytest.raises(Problem) as caught:
        read_keys(path)

    assert caught.value.kind is Kind.INVALID
    assert str(path) in str(caught.value)
    assert "SECRET" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("content", "key_id", "algorithm", "word"),
    [
        (pem(KEY), "", "ES256", "cannot sign so"),
        (pem(EC_KEY), "", "RS256", "cannot sign so"),
        (rsa_jwk(alg="RS256"), "", "PS256", "cannot sign so"),
        (pem(KEY) + pem(EC_KEY), "ours", "", "key_id is the name of one"),
    ],
)
def test_a_key_that_is_not_as_the_configuration_says_is_refused(
    tmp_path: Path, content: bytes | dict[str, Any], key_id: str, algorithm: str, word: str
) -> None:
    with pytest.raises(Problem, match=word):
        read_keys(file(tmp_path, content), key_id, algorithm)


def test_a_file_is_read_anew_when_it_changes_and_begins_with_its_newest(tmp_path: Path) -> None:
    path = file(tmp_path, {"keys": [ec_jwk(kid="new"), ec_jwk(OTHER, kid="old")]})
    keys = Keys(Credentials(key_file=path))
    keys.took(keys.in_order()[1])
    assert [key.kid for key in keys.in_order()] == ["old", "new"]

    file(tmp_path, {"keys": [rsa_jwk(kid="newest"), ec_jwk(kid="new"), ec_jwk(OTHER, kid="old")]})

    assert [key.kid for key in keys.in_order()] == ["newest", "new", "old"]


def test_a_file_that_is_only_touched_keeps_what_was_taken(tmp_path: Path) -> None:
    path = file(tmp_path, {"keys": [ec_jwk(kid="new"), ec_jwk(OTHER, kid="old")]})
    keys = Keys(Credentials(key_file=path))
    keys.took(keys.in_order()[1])
    os.utime(path, (1, 1))

    assert [key.kid for key in keys.in_order()] == ["old", "new"]


@pytest.mark.parametrize("broken", [b"", b"garbage SECRET", None])
def test_a_file_that_is_broken_meanwhile_leaves_us_our_keys_and_says_so_once(tmp_path: Path, broken: bytes | None) -> None:
    path = file(tmp_path, ec_jwk(kid="old"))
    keys = Keys(Credentials(key_file=path))
    if broken is None:
        path.unlink()
    else:
        file(tmp_path, broken)
    with structlog.testing.capture_logs() as logs:
        assert [[key.kid for key in keys.in_order()] for _ in range(3)] == [["old"]] * 3
        file(tmp_path, ec_jwk(OTHER, kid="new"))
        assert [key.kid for key in keys.in_order()] == ["new"]

    assert [(line["event"], line.get("kids")) for line in logs] == [("keys.not_read", None), ("keys.read", ["new"])]
    assert "SECRET" not in str(logs)
    assert ec_jwk()["d"] not in str(logs) + repr(keys) + repr(keys.in_order())


def configured(folder: Path, path: Path) -> Settings:
    hub = HubSettings(kind="edi2", name="national", base_url="http://127.0.0.1:9", key_file=path, **CLIENT)
    partner = Partner(name="kommune", base_url="http://127.0.0.1:9/fhir", organisation="319900306", key_env="NOT_THERE", **CLIENT)
    return Settings(store=StoreSettings(url=f"sqlite:///{folder / 'stafett.db'}"), hub=(hub,), partner=(partner,))


def test_the_doctor_says_which_keys_are_read_and_which_are_not(tmp_path: Path) -> None:
    settings = configured(tmp_path, file(tmp_path, {"keys": [ec_jwk(kid="new"), rsa_jwk(kid="old")]}))
    told = [(f.severity, f.where, f.en) for f in examine(settings) if f.where.startswith("key of")]

    assert told[0] == ("information", "key of national", "read: new (ES256), old (RS256)")
    assert told[1][:2] == ("error", "key of kommune")
    assert "NOT_THERE holds no private key" in told[1][2]
    assert len(told) == 2


def test_the_doctor_looks_after_the_key_of_the_login_too(tmp_path: Path) -> None:
    login = LoginSettings(issuer=ISSUER, client_id="c", key_file=file(tmp_path, ec_jwk(kid="k7")))
    settings = Settings(store=StoreSettings(url=f"sqlite:///{tmp_path / 'stafett.db'}"), login=login)

    assert [f.en for f in examine(settings) if f.where == "key of login"] == ["read: k7 (ES256)"]


@pytest.mark.parametrize(("mode", "open_to_others"), [(0o600, False), (0o640, False), (0o644, True), (0o660, True), (0o604, True)])
def test_the_doctor_warns_of_a_secret_that_others_can_read(tmp_path: Path, mode: int, open_to_others: bool) -> None:
    path = file(tmp_path, ec_jwk())
    path.chmod(mode)
    token = tmp_path / "token"
    token.write_text("t")
    token.chmod(mode)
    settings = configured(tmp_path, path)
    with_token = Partner(name="b", base_url="http://127.0.0.1:9/b", organisation="319900307", auth="bearer", token_file=token)
    found = examine(settings.model_copy(update={"partner": (with_token,)}))

    warned = [f.where for f in found if f.severity == "warning" and "chmod 640" in f.en]
    assert warned == (["key of national", "key of b"] if open_to_others else [])


def test_the_public_halves_are_printed_for_the_issuer(tmp_path: Path) -> None:
    path = file(tmp_path, {"keys": [ec_jwk(kid="new"), rsa_jwk(kid="old", alg="PS256")]})
    config = tmp_path / "stafett.toml"
    config.write_text(
        '[hub]\nkind = "edi2"\nbase_url = "https://hub.example"\nauth = "helseid"\n'
        f'issuer = "{ISSUER}"\nclient_id = "c"\nscope = "s"\nkey_file = "{path}"\n'
    )
    printed = CliRunner().invoke(app, ["keys", "public", "edi2", "--config", str(config)])
    new, old = json.loads(printed.stdout)["keys"]

    assert new == {k: v for k, v in ec_jwk(kid="new", alg="ES256", use="sig").items() if k != "d"}
    assert set(old) == {"kty", "n", "e", "kid", "alg", "use"}  # RFC 7518 6.3.1: no member of the private key (6.3.2)
    assert (old["kid"], old["alg"], old["n"]) == ("old", "PS256", rsa_jwk()["n"])


def test_keys_that_nobody_has_or_nobody_can_read_have_no_public_halves(tmp_path: Path) -> None:
    config = tmp_path / "stafett.toml"
    config.write_text(
        '[hub]\nkind = "edi2"\nbase_url = "https://hub.example"\nauth = "helseid"\n'
        f'issuer = "{ISSUER}"\nclient_id = "c"\nscope = "s"\nkey_env = "STAFETT_TEST_HUB_KEY"\n'
    )
    nobody = CliRunner().invoke(app, ["keys", "public", "nobody", "--config", str(config)])
    unread = CliRunner().invoke(app, ["keys", "public", "edi2", "--config", str(config)])

    assert (nobody.exit_code, unread.exit_code) == (2, 1)
    assert "There are: edi2" in nobody.stderr
    assert "STAFETT_TEST_HUB_KEY holds no private key" in unread.stderr


def test_a_variable_that_holds_a_key_is_no_unknown_setting(tmp_path: Path) -> None:
    """In a process of its own, as a service is started."""
    (tmp_path / "stafett.toml").write_text(
        '[hub]\nkind = "edi2"\nbase_url = "https://hub.example"\nauth = "helseid"\n'
        f'issuer = "{ISSUER}"\nclient_id = "c"\nscope = "s"\nkey_env = "STAFETT_HUB_KEY"\n'
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STAFETT_")}
    code = "from adapter.settings import load; print(load().hub[0].key_env)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=kept | {"STAFETT_HUB_KEY": json.dumps(ec_jwk())},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "STAFETT_HUB_KEY\n"
