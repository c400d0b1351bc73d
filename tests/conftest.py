"""What every test can ask for, and an honest end: what was not run is named and counted, and fails where CI=true.

A test may be skipped for two reasons only, said in the first words of its reason:
`not run here: NAME`      a component that this machine lacks (PostgreSQL, node, Java, a browser); a failure where CI=true
`needs STAFETT_STANDARDS` or `needs STAFETT_FACTS`   reference material outside the project; allowed everywhere

All that a session logs is looked through for persons (`tests/leaks.py`): one is a failure of the session, which tells the kind and
the place. With `-s` what tests print is not caught, and so not looked at.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import structlog.testing
from hypothesis import settings

from tests import leaks, order
from tests.postgres import emptied_on_postgresql, postgresql, with_tables_on_postgresql

__all__ = ["emptied_on_postgresql", "postgresql", "with_tables_on_postgresql"]

# Where CI=true the same examples are tried each time, so that a change is judged by itself; elsewhere each run tries others.
# None has a deadline of its own: how long one takes says more of what else the machine does than of us.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("elsewhere", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "elsewhere")

# What tests write is gone at their end, so it is kept in memory where there is much of it; a process that is killed leaves the same
# there as on a disk. `TMPDIR` says another place. What a power cut leaves is asked of what was synced, not of a disk (tests/power).
MEMORY, ENOUGH = Path("/dev/shm"), 4_000_000_000
if "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ENOUGH:
    os.environ["TMPDIR"] = str(MEMORY)
    tempfile.tempdir = None  # and so it is looked for anew

ROOT = Path(__file__).resolve().parent.parent
OUTSIDE = ("needs STAFETT_STANDARDS", "needs STAFETT_FACTS")
NOT_HERE = "not run here:"


def _outside(variable: str, default: str) -> Path:
    folder = Path(os.environ.get(variable) or ROOT / default).resolve()
    if not folder.is_dir():
        pytest.skip(f"needs {variable}: no folder at {folder}")
    return folder


@pytest.fixture(scope="session")
def standards() -> Path:
    """The folder of official schemas and public samples, which are not part of the project."""
    return _outside("STAFETT_STANDARDS", "../shared/standards")


@pytest.fixture(scope="session")
def facts() -> Path:
    """The folder of facts about the domain, which is not part of the project."""
    return _outside("STAFETT_FACTS", "../shared/facts")


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's root folder."""
    return ROOT


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What starts a process or the whole service for each case is not for `make test-fast`: one by one quick, together minutes."""
    for item in items:
        if item.path.parent.name == "bad_inputs" or item.path.match("house/test_*_command.py"):
            item.add_marker(pytest.mark.slow)
    order.longest_first(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> order.Scheduling | None:
    return order.Scheduling(config, log) if config.option.dist == "loadfile" else None


def _why(report: pytest.TestReport | pytest.CollectReport) -> str:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return str(reason).removeprefix("Skipped: ")


def _skips(config: pytest.Config) -> Counter[str]:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return Counter()
    return Counter(_why(r) for r in reporter.stats.get("skipped", []))


def _forbidden(skips: Counter[str]) -> list[str]:
    return [reason for reason in skips if not reason.startswith(OUTSIDE)]


HEARD = leaks.Collector()
QUICK, LONG = 3.0, dict[str, float]()
"""Seconds: `slow` is for what takes more than half of it on an idle machine. Tests without the mark that took longer are named at
the end, and fail nothing: the machine may have had other things to do."""


def pytest_configure(config: pytest.Config) -> None:
    leaks.hear_clients(HEARD)
    capture = structlog.testing.LogCapture.__call__

    def captured(self: Any, logger: Any, method: str, event: Any) -> Any:
        HEARD.hear_event(event)
        return capture(self, logger, method, event)

    structlog.testing.LogCapture.__call__ = captured  # type: ignore[method-assign]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """What was printed and logged while a test ran, on any worker: the main process gets all reports."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        if report.when == "call" and report.duration > QUICK and not {"slow", "torture"} & report.keywords.keys():
            LONG[report.nodeid] = report.duration
        for title, text in report.sections:
            if text and title.endswith(f" {report.when}"):
                HEARD.hear("output", text, where=report.nodeid)


def pytest_testnodedown(node: Any) -> None:
    """What a worker has heard itself, told when it ends."""
    output = getattr(node, "workeroutput", {})
    HEARD.heard.update(output.get("heard", {}))
    HEARD.hits.update(output.get("hits", {}))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if hasattr(session.config, "workerinput"):  # the main process counts for all workers, and looks at all their folders
        session.config.workeroutput |= {"heard": dict(HEARD.heard), "hits": dict(HEARD.hits)}
        return
    factory = getattr(session.config, "_tmp_path_factory", None)
    if factory is not None and factory._basetemp:
        HEARD.hear_folder(factory.getbasetemp())
    if HEARD.hits and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    if os.environ.get("CI") == "true" and exitstatus == pytest.ExitCode.OK and _forbidden(_skips(session.config)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    heard = ", ".join(f"{count} × {kind}" for kind, count in sorted(HEARD.heard.items()))
    terminalreporter.write_line(f"persons in what was logged: {sum(HEARD.hits.values())} ({heard})", red=bool(HEARD.hits))
    for place, count in sorted(HEARD.hits.items()):
        terminalreporter.write_line(f"{count:4} × {place}", red=True)
    for name in sorted(LONG, key=lambda name: -LONG[name])[:20]:
        terminalreporter.write_line(f"{LONG[name]:4.1f} s, and not marked slow: {name}")
    skips = _skips(config)
    if not skips:
        return
    strict = os.environ.get("CI") == "true"
    terminalreporter.section("not run")
    for reason, count in sorted(skips.items()):
        fails = strict and not reason.startswith(OUTSIDE)
        terminalreporter.write_line(f"{count:4} × {reason}" + ("   FAILS, since CI=true" if fails else ""), red=fails)
