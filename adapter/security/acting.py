"""For which of our organisations a call is made, and how an issuer is told.

    with acting_for("999977774"):
        http.get("https://fhir.example/Task/1")      # with a token for that organisation

Whoever calls on behalf of an organisation says so around the call; the client's `ClientCredentials` goes by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from adapter.settings import Credentials, Organisation

PARENT_AND_CHILD: Final = "urn:oid:1.0.6523"  # ISO 6523, as a client of many organisations names them
ORGANISATIONS: Final = "urn:oid:2.16.578.1.12.4.1.4.101"  # organisation numbers, as a client of one names its units
_ACTING: Final[ContextVar[str]] = ContextVar("organisation acted for", default="")


@contextmanager
def acting_for(organisation: str) -> Iterator[None]:
    """The calls within are made for this organisation (its number); "" is whichever comes first. Not around a `yield`."""
    before = _ACTING.set(organisation)
    try:
        yield
    finally:
        _ACTING.reset(before)


def acting() -> str:
    """The organisation that a call is being made for."""
    return _ACTING.get()


def claim(client: Credentials, organisation: Organisation) -> dict[str, Any]:
    """The claim of an assertion that says whom it is for (https://utviklerportal.nhn.no, HelseID, "Organisasjonsnumre").

    A client of many organisations names the legal entity, a colon, and the unit where it is one. A client of one organisation
    names the unit alone, and nothing where it acts for the whole. It is said in this one place: HelseID refuses it said twice.
    """
    number, parent = organisation.number, organisation.parent
    if client.tenancy == "single":
        if not parent:
            return {}
        identifier = {"system": ORGANISATIONS, "type": "ENH", "value": number}
    else:
        identifier = {"system": PARENT_AND_CHILD, "type": "ENH", "value": f"NO:ORGNR:{parent or number}:{number if parent else ''}"}
    return {client.details: [{"type": "helseid_authorization", "practitioner_role": {"organization": {"identifier": identifier}}}]}
