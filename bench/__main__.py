"""Runs the parts, prints one page and writes `bench/results.json`: python -m bench [--full] [WORD]

What a run of some parts measures takes the place of what was there of these parts; the others' figures stay.

All parts together have a quarter of an hour. A part whose whole size takes more than its share is cut down, which its rows say
(`n`); `--full` runs those, each at its whole size (`FULL`, the arguments of its `rows`), and writes nothing.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import parts
from bench.row import Row

OUT = Path(__file__).parent / "results.json"
SECONDS = 15 * 60.0


def main(arguments: Sequence[str]) -> int:
    full = "--full" in arguments
    word = next((one for one in arguments if one != "--full"), "")
    named = [m.name for m in pkgutil.iter_modules(parts.__path__) if word in m.name]
    loaded = {name: importlib.import_module(f"bench.parts.{name}") for name in named}
    chosen = {name: part for name, part in loaded.items() if not full or hasattr(part, "FULL")}
    if not chosen:
        print(f"no part is called {word!r}: see bench/parts", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what the parts share is put away then too
    rows: dict[str, list[Row]] = {}
    spent: dict[str, float] = {}
    for name, part in chosen.items():
        start = time.perf_counter()
        rows[name] = list(part.rows(**(part.FULL if full else {})))
        spent[name] = time.perf_counter() - start
        print(f"{name}: {spent[name]:.1f} s", file=sys.stderr)
    _page([row for some in rows.values() for row in some], spent)
    if not full:
        _write(rows)
    return 0


def _write(rows: Mapping[str, Sequence[Row]]) -> None:
    """A row has its part's name, which is how the rows of parts that were not run are known; those of a part that is gone go."""
    before: list[dict[str, object]] = json.loads(OUT.read_text("utf-8")) if OUT.exists() else []
    written = []
    for name in (module.name for module in pkgutil.iter_modules(parts.__path__)):
        old = [row for row in before if row.get("part") == name]
        written += [{"part": name, **row.as_json()} for row in rows[name]] if name in rows else old
    OUT.write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _page(rows: Sequence[Row], spent: dict[str, float]) -> None:
    table = Table("", "value", "unit", "goal", "", "n")
    for row in rows:
        mark = "reached" if row.reached else "[red]missed[/red]"
        table.add_row(row.name, f"{row.value:.3g}", row.unit, f"{row.goal:g}", mark, f"{row.n:,}" if row.n else "")
    Console().print(table)
    shares = ", ".join(f"{name} {100 * seconds / SECONDS:.0f}" for name, seconds in spent.items())
    print(f"{sum(spent.values()):.0f} s; of a quarter of an hour, in percent: {shares}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
