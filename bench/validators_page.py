"""The page `docs/checker.md`, from what each validator says of each case."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from corpus import KINDS, Case, cases

INTRODUCTION = """# The checker beside others

<!-- Written by `python -m bench.validators`, which runs them all; a test says whether the cases are still those of the corpus. -->

{defects} resources with exactly one defect each, and {valid} valid ones that look wrong, of {types} resource types, written
from the text of FHIR R4: the [defect corpus](../corpus/README.md). *Caught* is a defect of which the validator says something
that it does not also say of the valid resource around it; a *false alarm* is an error on a valid resource.

- **Stafett** is `adapter.r4.checker`, with the strict JSON reader before it: what a write, `$validate` and `stafett validate` use.
- **fhir.resources** validates R4B, whose differences from R4 touch none of the cases. **HL7 JSON schema** is `fhir.schema.json`
  of the R4 core package, for the resource's type, after Python's `json`.
- **HL7 official** is HL7's validator with the R4 core package and no terminology server, told to take the type in a reference's
  address at its word. Media types, currencies and languages it can judge only with a terminology server: what it
  could not look up is counted neither way. Its time is by its own clock, in a first run;
  its start of some ten seconds is left out.
- The Norwegian identifiers are outside the R4 standard, so no other validator can know them. They are not in the sums.
- The cases come from the project whose checker comes first: that it finds them all says that it does what the text asks in these
  cases, not that there are no others. A defect that it misses is a case to add.
"""


@dataclass(frozen=True, slots=True)
class Column:
    """A validator: which cases it complains of, its seconds for a valid resource, and the cases at which it stopped."""

    name: str
    complains: dict[str, bool]
    seconds: float
    stopped: set[str] = field(default_factory=set)

    def mark(self, case: Case) -> str:
        if case.name in self.stopped:
            return "stops"
        wrong = self.complains[case.name] != (case.expected == "defect")
        return {(True, "defect"): "**missed**", (True, "valid"): "**false**", (False, "defect"): "✔", (False, "valid"): "ok"}[
            wrong, case.expected
        ]


def page(columns: Sequence[Column]) -> str:
    """The whole page as Markdown."""
    defects = [case for case in cases() if case.expected == "defect"]
    valid = [case for case in cases() if case.expected == "valid"]
    head = INTRODUCTION.format(defects=len(defects), valid=len(valid), types=len({case.type for case in cases()}))
    parts = [head, "## In sum\n", _sums(columns, defects, valid), "## Where they disagree with the standard's text\n", _notes()]
    return "\n".join([*parts, "## Case by case\n", _cases(columns, defects, valid)])


def _row(*cells: object) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |\n"


def _sums(columns: Sequence[Column], defects: list[Case], valid: list[Case]) -> str:
    rows = [_row("defects", "cases", *(column.name for column in columns)), _row("---", *["---:"] * (len(columns) + 1))]
    for kind, meaning in KINDS.items():
        of_kind = [case for case in defects if case.kind == kind]
        rows.append(_row(f"`{kind}`: {meaning}", len(of_kind), *(_caught(column, of_kind) for column in columns)))
    standard = [case for case in defects if case.kind != "norway"]
    rows.append(_row("**caught, of R4's**", len(standard), *(f"**{_caught(column, standard)}**" for column in columns)))
    alarms = (sum(column.mark(case) != "ok" for case in valid) for column in columns)
    rows.append(_row("**false alarms**", len(valid), *(f"**{number}**" for number in alarms)))
    rows.append(_row("time for a resource", "", *(_time(column.seconds) for column in columns)))
    return "".join(rows) + f"\nTimes on {os.cpu_count()} shared cores; only their relation says something.\n"


def _caught(column: Column, of_kind: list[Case]) -> int:
    return sum(column.mark(case) == "✔" for case in of_kind)


def _time(seconds: float) -> str:
    return f"{seconds * 1e6:.0f} µs" if seconds < 1e-3 else f"{seconds * 1e3:.1f} ms"


def _notes() -> str:
    return "".join(f"- `{case.name}`: {case.about}. {case.note}\n" for case in cases() if case.note)


def _cases(columns: Sequence[Column], defects: list[Case], valid: list[Case]) -> str:
    parts = []
    for title, rows in (("Defects", defects), ("Valid", valid)):
        head = _row("case", "what it is", "rule", *(column.name for column in columns)) + _row(*["---"] * (len(columns) + 3))
        body = "".join(_row(f"`{case.name}`", case.about, case.rule, *(column.mark(case) for column in columns)) for case in rows)
        parts.append(f"<details><summary>{title} ({len(rows)})</summary>\n\n{head}{body}\n</details>\n")
    return "\n".join(parts)
