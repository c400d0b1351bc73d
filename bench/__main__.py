"""Runs the parts, prints one page and writes `bench/results.json`: python -m bench [WORD]"""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import parts
from bench.row import Row

OUT = Path(__file__).parent / "results.json"


def main(word: str = "") -> int:
    names = [m.name for m in pkgutil.iter_modules(parts.__path__) if word in m.name]
    if not names:
        print(f"no part is called {word!r}: see bench/parts", file=sys.stderr)
        return 1
    rows: list[Row] = []
    for name in names:
        start = time.perf_counter()
        rows += importlib.import_module(f"bench.parts.{name}").rows()
        print(f"{name}: {time.perf_counter() - start:.1f} s", file=sys.stderr)
    table = Table("", "value", "unit", "goal", "")
    for row in rows:
        mark = "reached" if row.reached else "[red]missed[/red]"
        table.add_row(row.name, f"{row.value:.3g}", row.unit, f"{row.goal:g}", mark)
    Console().print(table)
    OUT.write_text(json.dumps([row.as_json() for row in rows], indent=1, ensure_ascii=False) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
