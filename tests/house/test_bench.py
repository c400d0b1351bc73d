"""What `make bench ONLY=word` writes down leaves the figures of the other parts as they were."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bench import __main__ as bench
from bench import parts

PART = "from bench.row import Row\n\ndef rows():\n    return [Row(name, {value}, 's', 9) for name in {names}]\n"


def written(folder: Path) -> list[tuple[str, str, float]]:
    return [(row["part"], row["name"], row["value"]) for row in json.loads((folder / "results.json").read_text("utf-8"))]


def say(folder: Path, part: str, value: int, *names: str) -> None:
    (folder / f"{part}.py").write_text(PART.format(value=value, names=names), "utf-8")
    sys.modules.pop(f"bench.parts.{part}", None)


def test_a_part_that_is_run_takes_the_place_of_its_own_figures_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "__path__", [str(tmp_path)])
    monkeypatch.setattr(bench, "OUT", tmp_path / "results.json")
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # what is written twice in a second would be read as it was
    say(tmp_path, "ba", 1, "one", "two")
    say(tmp_path, "bb", 2, "three")
    assert bench.main([]) == 0
    assert written(tmp_path) == [("ba", "one", 1), ("ba", "two", 1), ("bb", "three", 2)]

    say(tmp_path, "ba", 5, "two")
    assert bench.main(["ba"]) == 0
    assert written(tmp_path) == [("ba", "two", 5), ("bb", "three", 2)]

    (tmp_path / "ba.py").unlink()
    assert bench.main(["bb"]) == 0
    assert written(tmp_path) == [("bb", "three", 2)]
    for part in ("ba", "bb"):
        sys.modules.pop(f"bench.parts.{part}", None)
