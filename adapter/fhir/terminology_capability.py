"""The TerminologyCapabilities (https://hl7.org/fhir/R4/terminologycapabilities.html): /fhir/metadata?mode=terminology."""

from __future__ import annotations

from typing import Any

from adapter.fhir.capability import CHANGED
from adapter.fhir.terminology import EXPAND
from adapter.r4.terminology import systems

ABOUT = (
    "The code systems with the names of their codes. The codes alone of R4's own can be checked too ($validate-code), and the "
    "value sets that R4 requires be expanded. Of a system whose CodeSystem says content: fragment only a part is known."
)


def terminology_capabilities(base: str, version: str) -> dict[str, Any]:
    """What the terminology operations at FHIR base `base` know; `version` is the software's."""
    return {
        "resourceType": "TerminologyCapabilities",
        "id": "stafett-terminology",
        "url": f"{base}/metadata?mode=terminology",
        "name": "StafettTerminology",
        "title": "Stafett: codes",
        "status": "active",
        "date": CHANGED,
        "description": ABOUT,
        "kind": "instance",
        "software": {"name": "Stafett", "version": version},
        "implementation": {"description": "Stafett", "url": base},
        "codeSystem": [{"uri": system.uri} for system in systems()],
        "expansion": {
            "hierarchical": False,
            "paging": True,
            "incomplete": False,
            "parameter": [{"name": name} for name in EXPAND],
            "textFilter": "Each of the words stands in the code, or in a name of it in any language; upper and lower case alike.",
        },
        "codeSearch": "explicit",
        "validateCode": {"translations": True},
        "translation": {"needsMap": False},
    }
