"""What a web service gives away or takes without being meant to: methods, files, kinds of content, numbers, parameters.

ASVS 5.0 1.4.2, 4.1.2, 4.4, 13.4.1, 13.4.3, 13.4.4, 15.3.7; each over real HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http.service import Service, service
from tests.security.test_http_smuggling import head, told


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("http")) as running:
        yield running


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "DEBUG"])
@pytest.mark.parametrize("path", ["/", "/messages", "/fhir/Task", "/fhir/metadata", "/docs"])
def test_no_request_is_sent_back_as_it_came(here: Service, method: str, path: str) -> None:
    answer = here.http.request(method, path, headers={"X-Told": "a-secret-of-mine"})

    assert answer.status_code in (400, 404, 405)
    assert "a-secret-of-mine" not in answer.text
    assert method not in answer.headers.get("allow", "")


NOT_SERVED = [
    *(
        "/.git/HEAD",
        "/.git/config",
        "/.svn/entries",
        "/.env",
        "/stafett.toml",
        "/stafett.db",
        "/pyproject.toml",
        "/adapter/settings.py",
    ),
    *("/console/assets/", "/console/assets", "/console/", "/console/assets/../app.py", "/console/assets/..%2fapp.py"),
    *("/console/assets/%2e%2e/app.py", "/console/assets/..%5capp.py", "/console/assets//etc/passwd", "/console/assets/.git"),
    *("/redoc", "/debug", "/server-status", "/graphql", "/admin", "/swagger", "/phpinfo.php"),
]


@pytest.mark.parametrize("path", NOT_SERVED)
def test_no_file_folder_or_tool_is_served_that_is_not_meant_to_be(here: Service, path: str) -> None:
    (status,), said = told(here, head(here, f"GET {path} HTTP/1.1"))

    assert status == 404
    assert b"import " not in said
    assert b"Index of" not in said


def test_nothing_is_sent_on_to_https_since_programs_would_not_notice(here: Service) -> None:
    asked = [here.http.get(path, headers={"X-Forwarded-Scheme": "http"}) for path in ("/fhir/Task", "/messages", "/fhir/metadata")]

    assert [answer.is_redirect for answer in asked] == [False] * 3


def test_no_line_is_kept_open_as_a_web_socket(here: Service) -> None:
    fields = ["Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    address = head(here, "GET /messages HTTP/1.1", *fields).replace(b"Connection: close", b"Connection: close, Upgrade")
    statuses, _ = told(here, address)

    assert 101 not in statuses


TEXTS = {
    "/": "text/html; charset=utf-8",
    "/docs": "text/html; charset=utf-8",
    "/console/assets/style.css": "text/css; charset=utf-8",
    "/console/assets/docs.js": "text/javascript; charset=utf-8",
    "/health/live": "application/json",
    "/messages": "application/json",
    "/fhir/Task": "application/fhir+json",
    "/openapi.json": "application/json",
}


@pytest.mark.parametrize("path", TEXTS)
def test_what_is_sent_is_called_what_it_is_with_its_encoding(here: Service, path: str) -> None:
    answer = here.http.get(path)

    assert answer.headers["content-type"] == TEXTS[path]
    answer.content.decode("utf-8")


@pytest.mark.parametrize("number", ["99999999999999999999999", "-1", "9223372036854775808", "1e9", "0x10", "-9223372036854775809"])
@pytest.mark.parametrize(
    "path",
    [
        "/fhir/Task?_count={}",
        "/fhir/Task/x/_history/{}",
        "/messages?limit={}",
        "/deliveries?limit={}",
        "/fhir/Task/_history?_count={}",
    ],
)
def test_no_number_is_too_large_or_too_small_to_be_answered(here: Service, path: str, number: str) -> None:
    assert here.http.get(path.format(number)).status_code in (200, 400, 404)


@pytest.mark.parametrize("query", ["_count=1&_count=2", "_total=none&_total=accurate"])
def test_what_can_be_said_once_is_not_guessed_where_it_is_said_twice(here: Service, query: str) -> None:
    answer = here.http.get(f"/fhir/Task?{query}")

    assert (answer.status_code, answer.json()["resourceType"]) == (400, "OperationOutcome")


def test_a_parameter_counts_where_it_belongs_alone(here: Service) -> None:
    """What belongs in the address is not taken from a form or a header, nor the other way round."""
    said = {"state": "refused", "limit": "1"}
    listed = here.http.request("GET", "/messages", data=said, headers={"state": "refused", "Cookie": "state=refused"})

    assert listed.json() == here.http.get("/messages").json()


def test_the_service_answers_no_script_of_another_site_in_its_own_words(here: Service) -> None:
    """JSONP: an answer that calls a function of the asker's choice."""
    for path in ("/messages", "/fhir/Task", "/fhir/metadata", "/openapi.json"):
        answer = here.http.get(path, params={"callback": "steal", "jsonp": "steal"})
        assert not re.match(r"\s*steal", answer.text)


MISUSED = (
    r"__proto__|Object\.assign|localStorage|sessionStorage|indexedDB|document\.cookie|innerHTML|eval\(|postMessage"
    r"|\w\[(?!\")[^\]]*\]\s*=[^=]"
)


def test_our_scripts_store_nothing_and_set_nothing_by_a_foreign_name(root: Path) -> None:
    """ASVS 5.0 14.3.3 and 15.3.6; swagger-ui, which is not ours, is told to keep no tokens (its own default)."""
    scripts = sorted((root / "adapter").rglob("*.js"))

    assert [script.name for script in scripts] == ["docs.js"]
    for script in scripts:
        text = script.read_text("utf-8")
        assert not re.search(MISUSED, text)
        assert "persistAuthorization" not in text
    assert re.search(MISUSED, "target[name] = value")
