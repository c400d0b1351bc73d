"""A configuration is read whole, or refused with every fault, where it is and what to do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from adapter.domain.problem import Problem
from adapter.settings import HubSettings, Organisation, Partner, Receiver, Settings, load, on_loopback

TOKENS = 'auth = "helseid"\n[helseid]\nissuer = "https://sts.example"\naudience = "nhn:x"\n'
PARTNER = '[[partner]]\nname = "kommune"\nbase_url = "http://127.0.0.1:1"\norganisation = "111111111"\n'


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith("STAFETT_") and name not in ("STAFETT_STANDARDS", "STAFETT_FACTS"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def written(text: str) -> Path:
    path = Path("stafett.toml")
    path.write_text(text, "utf-8")
    return path


def faults(text: str) -> list[tuple[str, str]]:
    with pytest.raises(Problem) as caught:
        load(written(text))
    return [(f.where, f.en) for f in caught.value.findings]


def test_without_a_file_the_defaults_make_a_test_installation_on_loopback() -> None:
    settings = load()

    assert (settings.environment, settings.auth, settings.public_base) == ("test", "off", "http://127.0.0.1:8000")
    assert settings.organisation == (Organisation(number="000000000", name="Demonstration hospital"),)
    assert settings.hub == ()


def test_the_example_file_is_a_valid_configuration(root: Path) -> None:
    settings = load(root / "stafett.example.toml")

    assert [r.pathway for r in settings.receiver] == ["D11", "D01"]


def test_one_hub_may_be_written_as_a_table() -> None:
    settings = load(written('[hub]\nkind = "folder"\npath = "x"\n'))

    assert settings.hub == (HubSettings(kind="folder", path=Path("x")),)


def test_several_hubs_are_written_as_a_list_of_tables() -> None:
    settings = load(written('[[hub]]\nkind = "folder"\npath = "x"\n[[hub]]\nkind = "edi2"\nbase_url = "http://127.0.0.1:1"\n'))

    assert [h.label for h in settings.hub] == ["folder", "edi2"]


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAFETT_STORE__URL", "sqlite:///other.db")
    monkeypatch.setenv("STAFETT_RECEIVER", '[{"her_id": "7", "organisation": "000000000"}]')

    settings = load(written('[store]\nurl = "sqlite:///file.db"\n[messages]\nstrict = true\n'))

    assert (settings.store.url, settings.messages.strict) == ("sqlite:///other.db", True)
    assert settings.receiver == (Receiver(her_id="7", organisation="000000000"),)


def test_an_unknown_key_stops_the_start_with_file_line_and_what_to_do() -> None:
    text = 'environment = "test"\n\ncolour = 1\n[messages]\nstrct = true\n[[hub]]\nkind = "folder"\npath = "x"\nshape = 2\n'

    told = "no such key: see docs/configuration.md for its spelling, or remove it"
    assert sorted(faults(text)) == [
        ("stafett.toml:3", f"colour: {told}"),
        ("stafett.toml:5", f"messages.strct: {told}"),
        ("stafett.toml:9", f"hub.shape: {told}"),
    ]


def test_the_line_is_that_of_the_right_table_among_several() -> None:
    receiver = '[[receiver]]\nher_id = "{}"\norganisation = "000000000"\n'
    text = receiver.format(1) + "\n" + receiver.format(2) + 'gate = "no"\n'

    assert faults(text) == [("stafett.toml:8", "receiver.gate: Input should be 'refuse' or 'warn': correct it")]


def test_a_missing_key_is_placed_at_its_table() -> None:
    assert faults('\n[[receiver]]\nher_id = "1"\n') == [("stafett.toml:2", "receiver.organisation: is missing: add it")]


def test_the_table_form_of_hub_has_lines_too() -> None:
    assert faults('[hub]\nkind = "edi2"\nbase_url = "nowhere"\n') == [
        ("stafett.toml:3", "hub.base_url: String should match pattern '^(https?://\\S+)?$': correct it")
    ]


def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAFETT_ENVIRONMENT", "moon")
    monkeypatch.setenv("STAFETT_COLOUR", "red")

    assert [where for where, _ in faults("")] == ["STAFETT_COLOUR", "STAFETT_ENVIRONMENT"]


def test_a_variable_that_is_no_json_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAFETT_RECEIVER", "[not json")

    assert [where for where, _ in faults("")] == ["STAFETT_*"]


def test_what_is_no_toml_is_told_with_its_line() -> None:
    [(where, en)] = faults("environment = \n")

    assert (where, "line 1" in en) == ("stafett.toml", True)


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(Problem, match="no such file"):
        load(Path("gone.toml"))


@pytest.mark.parametrize(
    ("text", "place", "word"),
    [
        (
            '[[receiver]]\nher_id = "1"\norganisation = "111111111"\n',
            "stafett.toml:3",
            "no [[organisation]] has the number 111111111",
        ),
        ('public_base = "https://stafett.example"\n', "stafett.toml:1", 'auth = "off" is for loopback only'),
        (
            'environment = "production"\nallowed_persons = ["00000000000"]\n[[organisation]]\nnumber = "1"\nname = "A"',
            "stafett.toml:4",
            "number",
        ),
        (
            'environment = "production"\nallowed_persons = ["00000000000"]\n[[organisation]]\nnumber = "111111111"\nname = "A"',
            "stafett.toml:2",
            'only for environment = "test"',
        ),
        ('environment = "production"\n', "stafett.toml:1", "production needs an [[organisation]] of its own"),
        (
            '[[receiver]]\nher_id = "1"\norganisation = "000000000"\n[[receiver]]\nher_id = "1"\norganisation = "000000000"\n',
            "stafett.toml:5",
            "1 is here twice",
        ),
        (
            '[[receiver]]\nher_id = "1"\norganisation = "000000000"\npathway = "D07"\nrule_set = "2025"\n',
            "stafett.toml:5",
            "the rules of 2025 have no D07",
        ),
        ('[[hub]]\nkind = "edi2"\n', "stafett.toml:2", 'a hub of kind "edi2" needs base_url'),
        ('auth = "helseid"\n', "stafett.toml:1", 'auth = "helseid" needs issuer in [helseid]'),
        (TOKENS.replace("audience", "attest_claim"), "stafett.toml:1", 'auth = "helseid" needs audience in [helseid]'),
        (TOKENS.replace("https://sts", "http://sts"), "stafett.toml:3", "http is for loopback: use https"),
        ('public_base = "http://stafett.example"\n' + TOKENS, "stafett.toml:1", "http is for loopback: use https"),
        ("audit = false\n" + TOKENS, "stafett.toml:1", 'audit is left out with auth = "off" alone'),
        (TOKENS + 'algorithms = ["RS256", "HS256"]\n', "stafett.toml:5", "algorithms"),
        (TOKENS + "algorithms = []\n", "stafett.toml:5", "algorithms"),
        (TOKENS + 'scheme = "both"\n', "stafett.toml:5", "scheme"),
        (TOKENS + '[helseid.scopes]\n"nhn:x/read" = ["system/Task.sr"]\n', "stafett.toml:5", "scopes"),
        (
            '[[hub]]\nkind = "folder"\npath = "a"\n[[hub]]\nkind = "folder"\npath = "b"\n',
            "stafett.toml:4",
            "folder is here twice",
        ),
        (
            '[[partner]]\nname = "A"\nbase_url = "http://127.0.0.1:1"\norganisation = "111111111"\nauth = "bearer"\n',
            "stafett.toml:5",
            'auth = "bearer" needs token_file',
        ),
        (
            PARTNER + 'auth = "helseid"\nkey_file = "k"\nissuer = "https://sts.example"\nscope = "s"\n',
            "stafett.toml:5",
            "needs client_id",
        ),
        (PARTNER + '[[hub]]\nname = "kommune"\nkind = "folder"\npath = "x"\n', "stafett.toml:2", "kommune is a channel's name"),
        (PARTNER.replace("kommune", "http"), "stafett.toml:2", "http is a channel's name"),
        (PARTNER + PARTNER.replace("kommune", "b"), "stafett.toml:8", "has organisation 111111111 already"),
        (PARTNER.replace("127.0.0.1", "fhir.example") + 'auth = "bearer"\ntoken_file = "t"\n', "stafett.toml:3", "use https"),
        (PARTNER + 'notify_url = "http://fhir.example/n"\nauth = "bearer"\ntoken_file = "t"\n', "stafett.toml:5", "use https"),
    ],
)
def test_what_no_single_key_can_tell_is_checked_across(text: str, place: str, word: str) -> None:
    assert [where for where, en in faults(text) if word in en] == [place]


def test_a_wrong_value_is_never_repeated() -> None:
    told = faults('allowed_persons = ["12345"]\n[store]\nurl = 5\n')

    assert "12345" not in str(told)


def test_every_setting_has_a_description() -> None:
    parts = [Settings.model_fields[n].default for n in ("store", "messages")]
    fields = [f for part in parts for f in type(part).model_fields.values()]
    fields += [f for model in (Organisation, Receiver, HubSettings, Partner) for f in model.model_fields.values()]

    assert [f for f in fields if not f.description] == []


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("[::1]", True), ("0.0.0.0", False), ("stafett.example", False)],
)
def test_loopback_is_recognised(host: str, expected: bool) -> None:
    assert on_loopback(host) is expected
