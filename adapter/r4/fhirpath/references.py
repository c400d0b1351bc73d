"""Where a reference leads, as far as the resource itself tells (https://hl7.org/fhir/R4/references.html).

A contained resource is there. Of any other resource the address often tells the type, and `Reference.type` may; more is
not known here, so that it has a type and no elements. Of a reference by identifier alone nothing is known to be.

>>> resolved({"reference": "Patient/1"}, {})
Item(value={}, type='Patient', beside=None)
"""

from __future__ import annotations

import re
from typing import Any, Final

from adapter.r4 import definitions
from adapter.r4.fhirpath.tree import Item

# The end of a RESTful address: [type]/[id], with a version or without.
_ADDRESS: Final = re.compile(r"(?:\A|/)([A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}(?:/_history/[A-Za-z0-9\-.]{1,64})?\Z")


def type_in(address: str) -> str:
    """The resource type that an address tells, or the empty text.

    >>> type_in("https://example.org/fhir/Task/1/_history/2"), type_in("urn:uuid:3fa85f64-5717-4562-b3fc-2c963f66afa6")
    ('Task', '')
    """
    found = _ADDRESS.search(address)
    return found[1] if found and found[1] in definitions.resource_types() else ""


def resolved(reference: Any, root: Any) -> Any:
    """The contained resource, or of another no more than its type; None where nothing is known."""
    address = reference if isinstance(reference, str) else reference.get("reference")
    if not isinstance(address, str):
        return None
    if address == "#":
        return root
    if address.startswith("#"):
        wanted = address[1:]
        return next((resource for resource in root.get("contained", ()) if resource.get("id") == wanted), None)
    kind = type_in(address) or (reference.get("type", "") if isinstance(reference, dict) else "")
    return Item({}, kind) if kind in definitions.resource_types() else None
