"""The scanner of `tests/leaks.py` finds what is planted: it can fail. And a session with a leak fails, and names nobody."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import httpx
import pytest

from adapter.http_client import client
from tests.leaks import Collector, Scanner, names
from tests.national_numbers import make, make_fhn

SCANNER = Scanner()
WORKERS: list[list[str]] = [[], ["-n", "2"]]


def with_control_digits(nine: str) -> str:
    """The whole number, or one that is too long: the tax administration's two weighted sums, apart from the scanner's."""
    first = -sum(int(d) * w for d, w in zip(nine, (3, 7, 6, 1, 8, 9, 4, 5, 2), strict=True)) % 11
    second = -(sum(int(d) * w for d, w in zip(nine, (5, 4, 3, 2, 7, 6, 5, 4, 3), strict=True)) + 2 * first) % 11
    return f"{nine}{first}{second}"


def first_valid(date: str) -> str:
    """A number that begins with these six digits."""
    found = (with_control_digits(f"{date}{individual:03}") for individual in range(100, 500))
    return next(number for number in found if len(number) == 11)


OF_EACH_SERIES = {
    "synthetic, month +80": make(12, 3, 1985, "female"),
    "synthetic, month +65": first_valid("127085"),
    "synthetic or H-number, month +40": first_valid("124385"),
    "D-number, synthetic": make(12, 3, 1985, "male", dnr=True),
    "D-number, month +40": first_valid("524385"),
    "felles hjelpenummer": make_fhn(12345),
}


@pytest.mark.parametrize("series", OF_EACH_SERIES)
@pytest.mark.parametrize(
    "form",
    [
        "{0}{1}",
        "{0} {1}",
        "{0}-{1}",
        "{0}.{1}",
        "{0}_{1}",
        "id={0}{1}&x",
        "urn:oid:2.16.578.1.12.4.1.4.1|{0}{1}",
        "pasient{0}{1}.xml",
    ],
)
def test_a_number_of_each_series_is_found_however_it_is_written(series: str, form: str) -> None:
    planted = form.format(OF_EACH_SERIES[series][:6], OF_EACH_SERIES[series][6:])

    assert SCANNER.found(f"route=/fhir {planted}") == {"national number"}
    assert SCANNER.found(f'{{"event": "x", "url": "http://h/{quote(planted, safe="")}"}}') == {"national number"}


@pytest.mark.parametrize(
    "harmless",
    [
        "12838540057",  # a wrong control digit
        "request_id=128385400-0000-4000-8000-128385400560",
        "id=00000000-0000-4000-8000-012838540056",
        "sha256:12838540056abcdef12838540056abcdef12838540056abcdef",
        "112838540056 1283854005612838540056",
        "seconds 0.12838540056",
        "2026-08-03T08:00:00.589793+00:00 her=8000101 organisation=974633574",
    ],
)
def test_other_digits_are_no_persons(harmless: str) -> None:
    assert SCANNER.found(harmless) == set()


@pytest.mark.parametrize("name", ["Lyngstad", "Havnegata 2", "Ødegård", "Vindstille"])
def test_names_and_streets_of_the_tests_own_patients_are_gathered_and_found(name: str) -> None:
    assert name in names()
    for text in (f"patient {name} arrived", f'"{name}"', f"x={name},", quote(f"?family={name}")):
        assert SCANNER.found(text) == {"name or street"}
    assert SCANNER.found(f"{name}xyz and route=/fhir/{{type}}") == set()


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder where this session's own scan does not look."""
    with TemporaryDirectory() as folder:
        yield Path(folder)


def test_what_our_clients_ask_for_and_what_answers_point_to_is_heard(elsewhere: Path) -> None:
    number, heard = make(12, 3, 1985, "female"), Collector()
    request = httpx.Request("GET", f"http://partner.example/Patient?identifier={number}")
    answer = httpx.Response(
        200, headers={"Location": f"/Patient/{number}"}, json={"resourceType": "Bundle", "link": []}, request=request
    )
    figures = httpx.Response(200, text=f'requests{{route="/x/{number}"}} 1', request=httpx.Request("GET", "http://h/metrics"))
    (elsewhere / "one").mkdir()
    (elsewhere / "one" / f"{number}.xml").write_text("")
    (elsewhere / "one" / "service.log").write_text(f"x {number}")

    heard.hear_exchange(request, answer, ours=True)
    heard.hear_exchange(request, answer, ours=False)
    heard.hear_exchange(figures.request, figures, ours=False)
    heard.hear_event({"event": "x", "deep": {"url": number}})
    heard.hear_folder(elsewhere)

    kinds = ["address asked for", "address in an answer", "figures", "file name", "log file", "log line"]
    assert sorted({hit.split(" in ", 1)[1].split(":")[0] for hit in heard.hits}) == kinds
    assert number not in str(heard.hits)
    assert any(
        hook.__module__ == "adapter.http_client" for hook in client("http://h").event_hooks["response"]
    )  # known as ours by it


@pytest.mark.slow
@pytest.mark.parametrize("workers", WORKERS, ids=["alone", "xdist"])
def test_a_session_that_leaks_nothing_passes(root: Path, elsewhere: Path, workers: list[str]) -> None:
    done = session(root, elsewhere, "pass", "-k", "clean", *workers)

    assert (done.returncode, "persons in what was logged: 0 (" in done.stdout) == (0, True), done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("workers", WORKERS, ids=["alone", "xdist"])
@pytest.mark.parametrize("leak", ["print(NUMBER)", "logging.warning('x %s', NUMBER)", "capture()", "file(tmp_path)"])
def test_a_session_that_leaks_fails_and_tells_where_but_not_whom(
    root: Path, elsewhere: Path, leak: str, workers: list[str]
) -> None:
    leaking = session(root, elsewhere, leak, *workers)

    assert (leaking.returncode, "persons in what was logged: 1 (" in leaking.stdout) == (1, True), leaking.stdout
    assert "1 × national number in" in leaking.stdout
    assert "test_leaks" in leaking.stdout
    assert make(12, 3, 1985, "female") not in leaking.stdout


def session(root: Path, elsewhere: Path, leak: str, *words: str) -> subprocess.CompletedProcess[str]:
    """A session like ours with one leaking test, in a folder beside it."""
    (elsewhere / "tests").mkdir()
    for name in ("__init__.py", "conftest.py", "leaks.py", "national_numbers.py", "order.py", "postgres.py"):
        (elsewhere / "tests" / name).write_text((root / "tests" / name).read_text("utf-8"), "utf-8")
    (elsewhere / "openapi").mkdir()
    (elsewhere / "openapi" / "a.xml").write_text("<FamilyName>Lyngstad</FamilyName>")
    (elsewhere / "pytest.ini").write_text("[pytest]\nmarkers =\n  slow: x\n")
    (elsewhere / "tests" / "test_a.py").write_text(PLANTED.format(leak=leak), "utf-8")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "CI"))}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={elsewhere}/base", *words]
    return subprocess.run(command, cwd=elsewhere, env=environment, capture_output=True, text=True, check=False)


PLANTED = """
import logging
import structlog
from structlog.testing import capture_logs
from tests.national_numbers import make
NUMBER = make(12, 3, 1985, "female")

def capture():
    with capture_logs():
        structlog.get_logger().info("x", of=NUMBER)

def file(folder):
    (folder / f"{{NUMBER}}.xml").write_text("")

def test_clean(tmp_path):
    structlog.get_logger().info("request", route="/fhir/Task")

def test_leaks(tmp_path):
    {leak}
"""
