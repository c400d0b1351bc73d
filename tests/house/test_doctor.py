"""`stafett doctor` says what is well and what is not, and changes nothing."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from adapter.doctor import examine
from adapter.ports import Follower
from adapter.settings import (
    HelseID,
    HubSettings,
    LoginSettings,
    Operator,
    Organisation,
    Partner,
    Receiver,
    Settings,
    StoreSettings,
    SubscriptionSettings,
)
from adapter.storage import open_store
from adapter.wiring import build, installation_key
from tests.house.processes import free_ports, get, running, wait_for
from tests.security.issuer import Issuer
from tests.storage.things import a_row

OPEN = ("information", "auth", "off: anybody on this machine is let in as any organisation; for test alone")
KEPT = (  # as docs/operating.md says, unless the configuration says otherwise
    "information",
    "retention",
    "kept: inbox 90 days, explanation 90 days, outbox 90 days, binary for ever, history for ever, events 30 days, audit 1826 days",
)
RECEIVER = (Receiver(her_id="8000101", organisation="000000000", pathway="D11"),)


def settings(folder: Path, *hubs: HubSettings) -> Settings:
    return Settings(store=StoreSettings(url=f"sqlite:///{folder / 'stafett.db'}"), receiver=RECEIVER, hub=hubs)


def told(of: Settings) -> list[tuple[str, str, str]]:
    return [(f.severity, f.where, f.en) for f in examine(of)]


@pytest.mark.parametrize("failing", [0, 2])
def test_subscriptions_in_error_are_counted_and_what_waits_for_them_is_nobody_s_queue(tmp_path: Path, failing: int) -> None:
    of = settings(tmp_path)
    store = open_store(of.store.url)
    store.migrate()
    with store.write() as unit:
        unit.keep_follower(Follower("1", "s", "Task", "active", b"{}"))
        for number in range(failing):
            unit.keep_follower(Follower("1", f"s{number}", "Task", "error", b"{}"))
            unit.enqueue(a_row(f"o{number}", hub="subscriptions", kind="notification", state="dead" if number else "waiting"))
    store.close()

    found = [(severity, en.partition(",")[0]) for severity, where, en in told(of) if where in ("subscriptions", "outbox")]
    assert found == ([("warning", "2 in error")] if failing else [])


def test_a_new_installation_is_well_and_stays_untouched(tmp_path: Path) -> None:
    found = told(settings(tmp_path, HubSettings(kind="folder", path=tmp_path / "hub")))

    assert found == [
        ("information", "configuration", "test, 1 organisation, 1 receiver, 1 hub"),
        OPEN,
        ("information", "database", "it is made at the first start"),
        KEPT,
        ("information", "hub folder", f"files come in {tmp_path / 'hub' / 'in'}"),
    ]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("organisations", "severities"), [(("999977774",), ["warning"]), (("999977774", "312232324"), [])])
def test_where_no_operator_may_see_all_it_is_said_what_nobody_sees(
    tmp_path: Path, organisations: tuple[str, ...], severities: list[str]
) -> None:
    ours = tuple(Organisation(number=number, name=number) for number in ("999977774", "312232324"))
    operator = Operator(value="kari", organisations=organisations)
    of = settings(tmp_path).model_copy(update={"auth": "helseid", "organisation": ours, "operator": (operator,)})

    assert [severity for severity, where, _ in told(of) if where == "auth"] == severities


def test_only_an_installation_that_is_open_to_all_is_said_to_be(tmp_path: Path) -> None:
    closed = settings(tmp_path).model_copy(update={"auth": "helseid"})

    assert OPEN in told(settings(tmp_path))
    assert OPEN not in told(closed)


def test_an_installation_that_has_run_has_its_key(tmp_path: Path) -> None:
    running_on = settings(tmp_path, HubSettings(kind="folder", path=tmp_path))
    build(running_on).close()

    assert told(running_on)[2:4] == [
        ("information", "database", "reached, its tables are this version's"),
        ("information", "key", "the installation has its key: keep it with the data"),
    ]


def test_the_key_outlives_a_restart(tmp_path: Path) -> None:
    first, second = build(settings(tmp_path)), build(settings(tmp_path))

    assert installation_key(first.store) == installation_key(second.store)
    first.close()
    second.close()


def test_an_installation_without_receivers_and_hubs_is_warned(tmp_path: Path) -> None:
    bare = Settings(store=StoreSettings(url=f"sqlite:///{tmp_path / 'stafett.db'}"))

    assert [(f.severity, f.en.split(":")[0]) for f in examine(bare)][2:4] == [
        ("warning", "no [[receiver]], so every message will wait for a person"),
        ("warning", "no [[hub]], so messages come by POST /messages only"),
    ]


def test_of_a_database_that_has_no_tables_yet_it_is_told(tmp_path: Path) -> None:
    """As before the first start on a new database of PostgreSQL's: nothing is wrong with it."""
    (tmp_path / "stafett.db").touch()

    [database] = [f for f in told(settings(tmp_path)) if f[1] == "database"]

    assert database[0] == "warning"
    assert "they are made at the first start" in database[2]


def test_a_hub_that_does_not_answer_is_an_error_that_says_so(tmp_path: Path) -> None:
    nobody = HubSettings(kind="edi2", base_url=f"http://127.0.0.1:{free_ports(1)}")

    [hub] = [f for f in told(settings(tmp_path, nobody)) if f[1] == "hub edi2"]

    assert hub[0] == "error"
    assert "check the network and the hub's address" in hub[2]


@pytest.mark.slow
def test_a_hub_that_answers_is_well_and_keeps_its_messages(tmp_path: Path, root: Path) -> None:
    port = free_ports(1)
    command = [sys.executable, "-m", "adapter.sandbox.hub", "--port", str(port), "--load", str(root / "openapi/examples")]
    with running(command, root, tmp_path / "log") as process:
        wait_for(lambda: get(f"http://127.0.0.1:{port}/"), process, 30)
        before = get(f"http://127.0.0.1:{port}/")
        found = told(settings(tmp_path, HubSettings(kind="edi2", base_url=f"http://127.0.0.1:{port}")))
        after = get(f"http://127.0.0.1:{port}/")

    assert found[-2:] == [("information", "hub edi2", "reached"), ("information", "clock", "agrees with the hub's")]
    assert before == after


def test_a_path_that_is_no_folder_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()

    [hub] = [f for f in told(settings(tmp_path, HubSettings(kind="folder", path=file / "hub"))) if f[1] == "hub folder"]

    assert hub == ("error", "hub folder", f"{file} cannot be written in: give this user access")


def test_a_partner_that_does_not_answer_is_an_error_with_the_command_that_tells_more(tmp_path: Path) -> None:
    port = free_ports(1)
    partner = Partner(name="kommune", base_url=f"http://127.0.0.1:{port}/fhir", organisation="319900306")
    found = told(settings(tmp_path).model_copy(update={"partner": (partner,)}))

    assert [(severity, en) for severity, where, en in found if where == "partner kommune"] == [
        (
            "error",
            f"Connection (TCP): port {port}: ConnectionRefusedError: ask both sides' network people for an opening "
            "(stafett partner check kommune)",
        )
    ]


def guarded(folder: Path, helseid: HelseID, login: LoginSettings | None = None) -> list[tuple[str, str, str]]:
    of = settings(folder).model_copy(update={"auth": "helseid", "helseid": helseid, "login": login or LoginSettings()})
    return [found for found in told(of) if "issuer" in found[1] or found[1] in ("clock", "key of login")]


def test_issuers_that_answer_are_well_and_the_clock_is_held_against_theirs(tmp_path: Path) -> None:
    with (issuer := Issuer()).served():
        found = guarded(tmp_path, issuer.settings(), LoginSettings(issuer=issuer.url, key_file=tmp_path / "login.jwk"))

    key = issuer.key.kid
    assert [one for one in found if one[1] != "key of login"] == [
        ("information", "issuer of [helseid]", f"reached; its keys: {key}"),
        ("information", "issuer of [login]", f"reached; its keys: {key}"),
        ("information", "clock", "agrees with the token issuer's"),
    ]


def test_issuers_that_do_not_answer_are_errors_that_say_what_comes_of_it(tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_ports(1)}"
    found = guarded(
        tmp_path, HelseID(issuer=nobody, audience="nhn:x"), LoginSettings(issuer=nobody, key_file=tmp_path / "login.jwk")
    )

    ours, theirs = (one for one in found if one[1].startswith("issuer"))
    assert (ours[:2], theirs[:2]) == (("error", "issuer of [helseid]"), ("error", "issuer of [login]"))
    assert "did not answer (ConnectError)" in ours[2]
    assert "no token is taken: check `issuer` in [helseid]" in ours[2]
    assert "nobody can log in: check `issuer` in [login]" in theirs[2]


def test_an_issuer_by_another_name_is_an_error(tmp_path: Path) -> None:
    with (issuer := Issuer()).served():
        issuer.metadata = {"issuer": f"{issuer.url}/"}  # RFC 8414 3.3: the very same text
        [found] = [one for one in guarded(tmp_path, issuer.settings()) if one[1] != "clock"]

    assert found[0] == "error"
    assert "has no metadata under its own name" in found[2]


@pytest.mark.parametrize(
    ("seconds", "severity"), [(-60, "error"), (-9, "warning"), (3, "information"), (9, "warning"), (60, "error")]
)
def test_a_clock_by_which_tokens_or_proofs_would_be_refused_is_told(
    tmp_path: Path, seconds: int, severity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By default a clock may be 5 s off, and a proof is good for 10 s beside."""
    with (issuer := Issuer()).served():
        monkeypatch.setattr(
            "http.server.BaseHTTPRequestHandler.date_time_string",
            lambda *_: format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True),
        )
        [clock] = [one for one in guarded(tmp_path, issuer.settings()) if one[1] == "clock"]

    assert clock[0] == severity
    assert ("from the token issuer's: set it" in clock[2]) == (severity != "information")


def test_a_key_file_that_is_not_there_is_told_as_such(tmp_path: Path) -> None:
    with (issuer := Issuer()).served():
        found = guarded(tmp_path, issuer.settings(), LoginSettings(issuer=issuer.url, key_file=tmp_path / "login.jwk"))

    [(severity, _, said)] = [one for one in found if one[1] == "key of login"]
    assert (severity, said.split(". ")[0]) == ("error", f"{tmp_path / 'login.jwk'} is not there")


def test_what_there_are_several_of_is_said_so(tmp_path: Path) -> None:
    hub = HubSettings(kind="folder", path=tmp_path / "hub")
    [counts, *_] = examine(settings(tmp_path, hub, hub.model_copy(update={"name": "other"})))

    assert (counts.en, counts.nb) == (
        "test, 1 organisation, 1 receiver, 2 hubs",
        "test, 1 organisasjon, 1 mottaker, 2 meldingstjenere",
    )


def test_hosts_that_are_not_where_they_are_said_to_be_are_told(tmp_path: Path) -> None:
    """`.invalid` is nobody's (RFC 2606), and 192.0.2.7 of documents alone (RFC 5737)."""
    ours = SubscriptionSettings(
        hosts=("nobody.invalid", "localhost:8443", "192.0.2.7", "8.8.8.8"), private_hosts=("127.0.0.1:*", "[::1]:8443")
    )
    found = told(settings(tmp_path).model_copy(update={"subscriptions": ours}))

    assert [(severity, en.split(":")[0]) for severity, where, en in found if where == "subscriptions"] == [
        ("error", "nobody.invalid is not found"),
        ("error", "localhost is at a private address, so nothing is sent to it"),
        ("error", "192.0.2.7 is at a private address, so nothing is sent to it"),
        ("information", "3 hosts found"),
    ]
