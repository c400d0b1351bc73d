"""What `[login]` and `[[operator]]` must say before anything starts."""

from __future__ import annotations

import pytest

from tests.house.test_settings import _no_settings_from_outside, faults, load, written

__all__ = ["_no_settings_from_outside"]

GOOD = """
auth = "helseid"
[[organisation]]
number = "999977774"
name = "A hospital"
[helseid]
issuer = "https://sts.example"
audience = "nhn:pakkeforlop"
[login]
issuer = "https://sts.example"
client_id = "stafett"
key_file = "key.jwk"
[[operator]]
value = "kari"
organisations = ["999977774"]
"""


def test_a_login_with_an_operator_is_taken() -> None:
    settings = load(written(GOOD))

    (operator,) = settings.operator
    assert (operator.claim, operator.value, operator.organisations) == ("sub", "kari", ("999977774",))
    assert (settings.login.scope, settings.login.levels) == ("openid profile", ())


def test_without_a_login_nobody_logs_in() -> None:
    assert load(written("")).login.issuer == ""


@pytest.mark.parametrize(
    ("change", "key", "said"),
    [
        (('client_id = "stafett"', ""), "issuer", "[login] needs client_id: add it"),
        (('key_file = "key.jwk"', ""), "issuer", "[login] needs one of key_file and key_env: add it"),
        (('key_file = "key.jwk"', 'key_file = "key.jwk"\nkey_env = "KEY"'), "issuer", "[login] needs one of key_file and key_env"),
        (('[[operator]]\nvalue = "kari"\norganisations = ["999977774"]\n', ""), "issuer", "[login] needs an [[operator]]: add it"),
        (('"https://sts.example"\nclient', '"http://sts.example"\nclient'), "issuer", "http is for loopback: use https"),
        (('auth = "helseid"', ""), "issuer", 'with auth = "off" nobody logs in'),
        (('value = "kari"', 'value = "12838540056"'), "value", "a national number does not belong here"),
        (('organisations = ["999977774"]', 'organisations = ["312232324"]'), "organisations", "no [[organisation]] has the number"),
        (('organisations = ["999977774"]', "organisations = []"), "organisations", "organisations: "),
    ],
)
def test_what_would_let_in_nobody_or_the_wrong_is_told_with_its_place(change: tuple[str, str], key: str, said: str) -> None:
    text = GOOD.replace(*change)
    assert text != GOOD

    told = [(where, en) for where, en in faults(text) if said in en]
    assert told, faults(text)
    line = next((n for n, row in enumerate(text.split("\n"), 1) if row.startswith(key) and (key != "issuer" or n > 8)), None)
    assert told[0][0].startswith("stafett.toml")
    assert line is None or f":{line}" in told[0][0]


def test_a_national_number_is_not_repeated_in_what_is_told() -> None:
    assert not any("12838540056" in en for _, en in faults(GOOD.replace('"kari"', '"12838540056"')))
