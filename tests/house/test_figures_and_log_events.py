"""docs/operating.md names every figure and every log event that there is, and none that there is not."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from adapter.console.figures import Figures
from adapter.storage import open_store

ROOT = Path(__file__).resolve().parent.parent.parent
LEVELS = {"debug", "info", "warning", "error", "critical", "exception"}
LOGS = {"log", "structlog.get_logger()"}
PROCESS = "process_"  # those that every program of Prometheus' has


def table(heading: str) -> set[str]:
    """The names in the first column of the table below a heading."""
    text = (ROOT / "docs" / "operating.md").read_text("utf-8")
    section = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE))


def logged() -> tuple[set[str], list[str]]:
    """What the code logs: events by name, and those that are put together, as patterns. The sandbox has a log of its own."""
    names, patterns = set[str](), list[str]()
    for file in (ROOT / "adapter").rglob("*.py"):
        if "sandbox" in file.parts:
            continue
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and node.args and _tells(file, node.func):
                match node.args[0]:
                    case ast.Constant(value=str(name)):
                        names.add(name)
                    case ast.JoinedStr(values=parts):
                        patterns.append("".join(re.escape(p.value) if isinstance(p, ast.Constant) else r"[a-z-]+" for p in parts))
                    case other:
                        raise AssertionError(f"{file.name}: {ast.unparse(other)} is no name of an event")
    return names, patterns


def _tells(file: Path, function: ast.expr) -> bool:
    if isinstance(function, ast.Name):
        return function.id == "tell" and file.name == "journal.py"  # by whichever level
    return isinstance(function, ast.Attribute) and function.attr in LEVELS and ast.unparse(function.value) in LOGS


def test_every_log_event_is_in_the_table_and_the_table_has_no_other() -> None:
    names, patterns = logged()
    told = table("Log events")

    assert names - told == set(), "logged, and not in docs/operating.md"
    unknown = {name for name in told - names if not any(re.fullmatch(pattern, name) for pattern in patterns)}
    assert unknown == set(), "in docs/operating.md, and not logged"
    assert [p for p in patterns if not any(re.fullmatch(p, name) for name in told)] == []
    assert {"message.received", "request", "delivery.sent"} <= names


def test_every_figure_is_in_the_table_and_the_table_has_no_other(tmp_path: Path) -> None:
    """Histograms by their name alone, counters with `_total`."""
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    store.migrate()
    metrics = [*Figures(store, [""]).registry.collect()]
    store.close()

    there = {f"{one.name}_total" if one.type == "counter" else one.name for one in metrics}
    assert {name for name in there if not name.startswith(PROCESS)} == table("Figures")
