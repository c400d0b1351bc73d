"""Writes `profiles/CapabilityStatement-stafett.json`: what any installation of the service offers.

    python tools/capability.py [--check]

It is the statement that /fhir/metadata gives, without what is an installation's own, so that the two cannot differ:
https://hl7.org/fhir/R4/capabilitystatement-definitions.html#CapabilityStatement.kind. `--check` compares instead of writing.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from adapter.domain.identity import BASE
from adapter.fhir.capability import REQUIREMENTS, capability_statement

OUT = Path(__file__).resolve().parent.parent / "profiles" / "CapabilityStatement-stafett.json"
ABOUT = "What every installation of Stafett offers: national patient pathways in mental health care and substance-use treatment."
OWN = ("software", "implementation", "instantiates")


def statement() -> str:
    """The statement as *requirements*, as JSON."""
    given = capability_statement(BASE, "", open_access=False)
    kept = {key: value for key, value in given.items() if key not in OWN}
    return (
        json.dumps(kept | {"url": REQUIREMENTS, "kind": "requirements", "description": ABOUT}, ensure_ascii=False, indent=1) + "\n"
    )


if __name__ == "__main__":
    if "--check" not in sys.argv[1:]:
        OUT.write_text(statement(), "utf-8")
    elif not OUT.is_file() or OUT.read_text("utf-8") != statement():
        sys.exit(f"{OUT.name} is not what /fhir/metadata says: run `make docs`")
