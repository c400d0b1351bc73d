"""An organisation's own time limits: `rules/*.toml` beside `stafett.toml`, laid over the national rule sets.

    book = rulebook(Path("rules"))     # raises Problem with every fault, its file and line

A file is like a national one (`mappings/pathways`), and holds only what it lays over that:

    pathway = "D11"
    rule_set = "2025"
    organisation = "999999999"         # left out: every organisation of the installation

    [[limit]]
    id = "decision"
    anchor = "M"
    awaits = "C"
    days = 28
    unit = "calendar"
    source = "local"

What the law sets has no local figure.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from adapter.domain.problem import Finding, Problem
from adapter.domain.rule_data import build_local
from adapter.domain.ruleset import Local, Rulebook, fault
from mappings.rules import national
from mappings.toml_places import places


def rulebook(folder: Path | None) -> Rulebook:
    """The national rule sets with the folder's limits laid over them; without a folder the national ones alone."""
    return Rulebook(national().all(), read(folder)) if folder else national()


def read(folder: Path) -> list[Local]:
    """The local limits of a folder. Raises `Problem` with all that is wrong with them."""
    if not folder.is_dir():
        raise Problem(fault(str(folder), "there is no such folder", "finner ikke mappen"))
    found: list[Local] = []
    faults: list[Finding] = []
    for file in sorted(folder.glob("*.toml")):
        try:
            text = file.read_text("utf-8")
            found.append(build_local(tomllib.loads(text), places(str(file), text)))
        except Problem as problem:
            faults += problem.findings
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            faults.append(fault(str(file), f"cannot be read: {error}", f"kan ikke leses: {error}"))
    if faults:
        raise Problem(*faults)
    return found
