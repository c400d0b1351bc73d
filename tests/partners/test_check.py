"""`stafett partner check` sees each fault that a partner, the line to it or the configuration can have, and says what to do."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from typer.testing import CliRunner

from adapter.cli import app
from adapter.partners.check import examine
from adapter.partners.checks import CHECKS, WITH_WRITE
from adapter.r4.checker import check
from adapter.settings import Organisation, Partner

OURS, THEIRS = "319900101", "319900306"
PUBLIC = "http://127.0.0.1:8000"
OUR_ORGANISATIONS = [Organisation(number=OURS, name="Fjordheim sykehus HF")]
TASK = {
    "interaction": [{"code": c} for c in ("create", "update", "search-type")],
    "conditionalCreate": True,
    "versioning": "versioned",
}


@pytest.fixture
def base() -> Iterator[str]:
    """The base of a server whose port is open; what it answers, a test says."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        yield f"http://127.0.0.1:{door.getsockname()[1]}/fhir"


@pytest.fixture
def net() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False) as router:
        yield router


class Server:
    """A FHIR server in memory, as good as assignments need, or not quite."""

    def __init__(self, net: respx.MockRouter, base: str, *, keeps_versions: bool = True, creates_once: bool = True) -> None:
        self.tasks: list[dict[str, Any]] = []
        self.keeps_versions, self.creates_once = keeps_versions, creates_once
        self.statement = {
            "resourceType": "CapabilityStatement",
            "fhirVersion": "4.0.1",
            "format": ["application/fhir+json"],
            "rest": [{"mode": "server", "interaction": [{"code": "transaction"}], "resource": [{"type": "Task", **TASK}]}],
        }
        self.date = datetime.now(UTC)
        self.metadata = net.get(f"{base}/metadata").mock(side_effect=self._metadata)
        self.validate = net.post(f"{base}/Task/$validate").respond(json={"resourceType": "OperationOutcome", "issue": []})
        self.post = net.post(base).mock(side_effect=self._transaction)
        self.search = net.get(url__startswith=f"{base}/Task?").respond(
            json={"resourceType": "Bundle", "type": "searchset", "total": 0}
        )
        net.get(url__startswith=f"{base}/Task/").mock(side_effect=lambda request: self._task(self._named(request)))
        net.put(url__startswith=f"{base}/Task/").mock(side_effect=self._put)

    def _metadata(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=self.statement, headers={"date": format_datetime(self.date, usegmt=True)})

    def _transaction(self, request: httpx.Request) -> httpx.Response:
        [entry] = json.loads(request.content)["entry"]
        if not self.tasks or not self.creates_once:
            made = {**entry["resource"], "id": str(len(self.tasks) + 1), "meta": {"versionId": "1"}}
            self.tasks.append(made)
        answer = {"response": {"status": "201"}, "resource": self.tasks[-1]}
        return httpx.Response(200, json={"resourceType": "Bundle", "entry": [answer]})

    def _named(self, request: httpx.Request) -> dict[str, Any]:
        return next(task for task in self.tasks if request.url.path.endswith(f"/{task['id']}"))

    def _task(self, task: dict[str, Any]) -> httpx.Response:
        return httpx.Response(200, json=task, headers={"etag": f'W/"{task["meta"]["versionId"]}"'})

    def _put(self, request: httpx.Request) -> httpx.Response:
        task = self._named(request)
        version = task["meta"]["versionId"]
        if self.keeps_versions and request.headers["if-match"] != f'W/"{version}"':
            return httpx.Response(412)
        if (after := json.loads(request.content)) == task:  # as HAPI and others: what changes nothing makes no version
            return self._task(task)
        task.update({**after, "meta": {"versionId": str(int(version) + 1)}})
        return self._task(task)


def partner(base: str, **changes: Any) -> Partner:
    return Partner(**{"name": "kommune", "base_url": base, "organisation": THEIRS, "notify_url": f"{base}/notify"} | changes)


def lights(checked: Partner, *, public: str = PUBLIC, write: bool = False) -> dict[str, str]:
    return {seen.check: seen.light for seen in examine(checked, organisations=OUR_ORGANISATIONS, public_base=public, write=write)}


def not_green(checked: Partner, **more: Any) -> dict[str, str]:
    return {check: light for check, light in lights(checked, **more).items() if light != "green"}


def test_a_partner_that_is_as_it_should_be_is_green_all_over_and_nothing_is_left_there(net: respx.MockRouter, base: str) -> None:
    server = Server(net, base)

    assert not_green(partner(base)) == {}
    assert list(lights(partner(base))) == [check for check in CHECKS if check not in WITH_WRITE]
    assert server.tasks == []
    assert not server.post.called


def test_with_leave_one_assignment_of_nobody_is_written(net: respx.MockRouter, base: str) -> None:
    server = Server(net, base)

    assert not_green(partner(base), write=True) == {}
    [task] = server.tasks
    assert task["status"] == "entered-in-error"
    assert int(task["for"]["identifier"]["value"][2:4]) > 80  # month + 80: a synthetic number
    assert server.post.call_count == 2
    assert len({call.request.content for call in server.post.calls}) == 1


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        ({"keeps_versions": False}, {"stale": "red"}),
        ({"creates_once": False}, {"written-once": "red", "changed": "not-tried", "stale": "not-tried"}),
    ],
)
def test_what_a_server_only_says_that_it_does_is_found_out(
    net: respx.MockRouter, base: str, fault: dict[str, bool], seen: dict[str, str]
) -> None:
    Server(net, base, **fault)

    assert not_green(partner(base), write=True) == seen


@pytest.mark.parametrize(
    ("changes", "seen"),
    [
        ({"fhirVersion": "5.0.0"}, {"fhir-version": "red"}),
        ({"format": ["xml"]}, {"format": "yellow"}),
        ({"format": "json"}, {"format": "yellow"}),
        (
            {"rest": []},  # it fetches here, so it need not take anything
            {"task-search": "yellow"},
        ),
        (
            {"rest": [{"resource": [{"type": "Task", **TASK, "versioning": "no-version"}]}]},
            {"versions": "red"},
        ),
        (
            {"rest": [{"resource": [{"type": "Task", "interaction": TASK["interaction"], "conditionalCreate": True}]}]},
            {"versions": "yellow"},
        ),
    ],
)
def test_what_the_statement_lacks_is_told(net: respx.MockRouter, base: str, changes: dict[str, Any], seen: dict[str, str]) -> None:
    server = Server(net, base)
    server.statement |= changes
    found = not_green(partner(base))

    assert {check: light for check, light in found.items() if light != "not-tried"} == seen


def test_a_partner_that_is_pushed_to_must_take_it(net: respx.MockRouter, base: str) -> None:
    server = Server(net, base)
    server.statement["rest"] = [{"resource": [{"type": "Task", "interaction": [{"code": "read"}]}]}]

    assert not_green(partner(base, mode="push")) == {
        "mode": "yellow",
        "task-create": "red",
        "task-update": "red",
        "task-search": "red",
        "conditional-create": "red",
        "versions": "yellow",
    }


@pytest.mark.parametrize(("mode", "light"), [("", "red"), ("push", "yellow")])
def test_without_a_statement_the_mode_must_be_configured(net: respx.MockRouter, base: str, mode: str, light: str) -> None:
    Server(net, base).metadata.mock(return_value=httpx.Response(404))
    found = lights(partner(base, mode=mode))

    assert (found["metadata"], found["fhir-version"]) == (light, "not-tried")
    assert found["mode"] == ("green" if mode else "red")
    assert found["find"] == "green"


@pytest.mark.parametrize(
    ("behind", "light"), [(0, "green"), (30, "yellow"), (-30, "yellow"), (120, "red"), (-120, "red"), (None, "yellow")]
)
def test_a_clock_that_goes_wrong_is_seen(net: respx.MockRouter, base: str, behind: float | None, light: str) -> None:
    server = Server(net, base)
    if behind is None:
        server.metadata.mock(return_value=httpx.Response(200, json=server.statement))
    else:
        server.date -= timedelta(seconds=behind)

    assert lights(partner(base))["clock"] == light


def test_searches_are_tried(net: respx.MockRouter, base: str) -> None:
    server = Server(net, base)
    server.search.mock(side_effect=lambda request: httpx.Response(400 if "_sort" in request.url.params else 200, json=bundle()))
    assert not_green(partner(base)) == {"changes": "yellow"}

    server.search.mock(return_value=httpx.Response(403))
    assert not_green(partner(base)) == {"find": "red", "changes": "red"}


def test_what_is_tried_there_has_no_fault_by_our_own_profiles(net: respx.MockRouter, base: str) -> None:
    server = Server(net, base)

    not_green(partner(base), write=True)
    asked = json.loads(server.validate.calls.last.request.content)
    assert asked["meta"]["profile"] == ["https://stafett.invalid/fhir/StructureDefinition/assignment-task"]
    assert [found.en for found in check(asked, type="Task") if found.severity in ("error", "fatal")] == []


def bundle() -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "searchset", "total": 0}


@pytest.mark.parametrize(
    ("answer", "light"),
    [
        (httpx.Response(404), "yellow"),
        (httpx.Response(501), "yellow"),
        (httpx.Response(200, json={"resourceType": "OperationOutcome", "issue": [{"severity": "warning"}]}), "green"),
        (httpx.Response(200, json={"resourceType": "OperationOutcome", "issue": [{"severity": "error"}]}), "yellow"),
        (httpx.Response(422, json={"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "value"}]}), "red"),
    ],
)
def test_an_assignment_of_ours_is_judged_there(net: respx.MockRouter, base: str, answer: httpx.Response, light: str) -> None:
    Server(net, base).validate.mock(return_value=answer)

    assert lights(partner(base))["validate"] == light


def test_a_server_that_cannot_be_read_is_red_and_the_rest_is_not_tried(net: respx.MockRouter, base: str) -> None:
    Server(net, base).metadata.mock(return_value=httpx.Response(302, headers={"location": "https://elsewhere.example"}))
    found = lights(partner(base))

    assert found["metadata"] == "red"
    assert {found[check] for check in list(CHECKS)[list(CHECKS).index("fhir-version") :] if check in found} == {"not-tried"}


def test_a_port_that_is_closed_is_red(base: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]

    assert lights(partner(f"http://127.0.0.1:{port}/fhir"))["connection"] == "red"


def test_a_name_that_nobody_knows_is_red() -> None:
    found = lights(partner("https://nobody.invalid/fhir"))

    assert (found["address"], found["name"], found["connection"]) == ("green", "red", "not-tried")


def test_a_token_that_is_not_there_is_red(net: respx.MockRouter, base: str, tmp_path: Path) -> None:
    server = Server(net, base)
    file = tmp_path / "token"
    assert lights(partner(base, auth="bearer", token_file=file))["token"] == "red"
    assert not server.metadata.called

    file.write_text("abc")
    assert lights(partner(base, auth="bearer", token_file=file))["token"] == "green"
    assert server.metadata.calls.last.request.headers["authorization"] == "Bearer abc"


@pytest.mark.parametrize(
    ("changes", "public", "seen"),
    [
        ({"organisation": "319900307"}, PUBLIC, {"organisation": "red"}),  # modulo 11 gives 6 as the last digit
        ({"municipality": "3435"}, PUBLIC, {}),
        ({"municipality": "0301"}, PUBLIC, {"municipality": "yellow"}),
        ({"notify_url": ""}, PUBLIC, {"notifications": "yellow"}),
        ({"base_url": "http://nobody.invalid/fhir"}, "https://stafett.example", {"address": "yellow", "name": "red"}),
        ({"base_url": "https://nobody.invalid/fhir"}, PUBLIC, {"notifications": "yellow", "name": "red"}),
    ],
)
def test_what_the_configuration_tells_is_told(
    net: respx.MockRouter, base: str, changes: dict[str, str], public: str, seen: dict[str, str]
) -> None:
    Server(net, base)
    found = not_green(partner(base, **changes), public=public)

    assert {check: light for check, light in found.items() if light != "not-tried"} == seen


@contextlib.contextmanager
def tls_server(folder: Path, days: float) -> Iterator[tuple[int, Path]]:
    """A port that speaks TLS, with a certificate for localhost that lasts so long, and the file that vouches for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=400))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, private)
    with socket.create_server(("127.0.0.1", 0)) as door:
        door.settimeout(10)

        def serve() -> None:
            with contextlib.suppress(OSError):
                line, _ = door.accept()
                line.settimeout(5)
                with context.wrap_socket(line, server_side=True) as secure:
                    secure.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        yield door.getsockname()[1], certificate
    thread.join()


@pytest.mark.parametrize(
    ("days", "trusted", "light", "told"),
    [
        (90.5, True, "green", "90"),
        (10.5, True, "yellow", "10 days"),
        (-1, True, "red", "expired"),
        (90, False, "red", "self-signed"),
    ],
)
def test_a_certificate_is_judged_as_our_calls_judge_it(
    net: respx.MockRouter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: float, trusted: bool, light: str, told: str
) -> None:
    with tls_server(tmp_path, days) as (port, certificate):
        if trusted:
            monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        Server(net, f"https://localhost:{port}/fhir")
        seen = {
            one.check: one
            for one in examine(partner(f"https://localhost:{port}/fhir"), organisations=OUR_ORGANISATIONS, public_base=PUBLIC)
        }

    assert seen["tls"].light == light
    assert told in seen["tls"].en.replace("self signed", "self-signed")


def test_what_is_not_green_says_what_to_do_in_both_languages(net: respx.MockRouter, base: str) -> None:
    server = Server(net, base)
    server.statement = {"resourceType": "CapabilityStatement"}
    server.search.mock(return_value=httpx.Response(400))
    server.date -= timedelta(hours=1)
    seen = examine(
        partner(base, mode="push", municipality="0301", notify_url=""), organisations=OUR_ORGANISATIONS, public_base=PUBLIC
    )

    assert sum(one.light in ("yellow", "red") for one in seen) > 8
    assert [one.check for one in seen if one.light in ("yellow", "red") and not (one.do_en and one.do_nb)] == []
    assert [one.check for one in seen if not (one.en and one.nb)] == []


def test_every_check_is_documented(root: Path) -> None:
    page = (root / "docs" / "partners.md").read_text("utf-8")

    assert [check for check, (en, _) in CHECKS.items() if f"| {en} |" not in page] == []


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["kommune", "--json"], 0, '"check": "stale"'),
        (["kommune"], 0, "A stale change is refused"),
        (["broken", "--json"], 1, '"light": "red"'),
        (["nobody"], 2, "Ingen [[partner]] heter 'nobody'"),
    ],
)
def test_the_command_ends_with_what_the_worst_light_says(
    net: respx.MockRouter, base: str, tmp_path: Path, arguments: list[str], code: int, told: str
) -> None:
    Server(net, base)
    table = '[[partner]]\nname = "{}"\nbase_url = "{}"\norganisation = "{}"\n'
    (tmp_path / "stafett.toml").write_text(
        table.format("kommune", base, THEIRS) + table.format("broken", "https://nobody.invalid", OURS)
    )
    ended = CliRunner().invoke(app, ["partner", "check", *arguments, "--write", "--config", str(tmp_path / "stafett.toml")])

    assert ended.exit_code == code
    assert told in ended.output
