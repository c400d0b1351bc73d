"""What a changed referral (ServType M) says otherwise than before, in so far as someone must look at it.

All that bears on the assessment counts: reasons, diagnoses, medication, allergies, priority, documents, consent. What every
message has anew does not: its own number and times, narrative, version and source. The patient and health personnel do not
either: they are merged where they stand, and whoever calls the patient reads them there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Key = tuple[str, str]

PASSING: Final = frozenset(
    {"meta", "text", "identifier", "requisition", "authoredOn", "date", "recordedDate", "dateAsserted", "issued"}
)
PROVENANCE: Final = "Provenance"


def changed(before: Mapping[Key, dict[str, Any]], after: Mapping[Key, dict[str, Any]]) -> tuple[str, ...]:
    """The resource types that were added, dropped or altered, sorted."""
    keys = {key for key in before.keys() | after.keys() if key[0] != PROVENANCE}
    return tuple(sorted({key[0] for key in keys if _content(before.get(key)) != _content(after.get(key))}))


def _content(body: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if body is None else {key: value for key, value in body.items() if key not in PASSING}
