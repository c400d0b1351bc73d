"""The OpenAPI document: the routes' own, and beside it /fhir's, whose routes are plain.

service.openapi = lambda: complete(service)     # tools/openapi_document.py keeps openapi/adapter.json
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from fastapi import FastAPI

from adapter.fhir import (
    described,
    described_export,
    described_following,
    described_searching,
    described_terminology,
    described_writes,
)
from adapter.fhir.definitions import DEFINED

TAGS = [
    {"name": "Messages", "description": "Referrals in, receipts out, and why everything became as it did."},
    {
        "name": "FHIR",
        "description": "What the messages became, and what clients add: FHIR R4 (4.0.1), read, search, create, update, patch, "
        "history, batch, transaction and validate.",
    },
    {
        "name": "FHIR: whole records",
        "description": "A patient's compartment, $everything, and bulk export.",
    },
    {"name": "FHIR: following", "description": "Subscriptions: to be told of what happens here, and to catch up."},
    {
        "name": "FHIR: codes and definitions",
        "description": "Code lists, maps, profiles, measures; not written here.",
    },
    {"name": "Pathways", "description": "What became of each pathway, for people to look at; programs read FHIR."},
    {"name": "Partners", "description": "Other FHIR servers: how each stands, and what goes to it and comes from it."},
    {"name": "Subscriptions", "description": "Who is told of what happens here, whether it reaches them, and why not."},
    {"name": "Operation", "description": "For what watches over the service."},
]

TOKEN = {
    "type": "http",
    "scheme": "DPoP",
    "bearerFormat": "JWT",
    "description": 'With `auth = "helseid"`: an access token of the issuer that /fhir/.well-known/smart-configuration names, and '
    "in the header DPoP a proof for this one request (RFC 9449). Installations for test ask for none.",
}
SESSION = {
    "type": "apiKey",
    "in": "cookie",
    "name": "__Host-stafett",
    "description": "Somebody who has logged in at the pages: to look, and with the form's own token to operate.",
}
PARTS = (described, described_export, described_following, described_searching, described_terminology, described_writes)
"""What tells of /fhir."""
RECORDS: Final = ("/fhir/Patient/", "/fhir/$export", "/fhir/EpisodeOfCare/{id}/$everything")
OPEN = ("/health/", "/metrics", "/fhir/metadata", "/package.tgz", "/partners/{name}/notifications")


def complete(app: FastAPI) -> dict[str, Any]:
    """The app's document with /fhir in it. Replaces `app.openapi`; made once, when first asked for."""
    generate = FastAPI.openapi
    if app.openapi_schema is None:
        document = generate(app)
        for part in PARTS:
            for path, operations in part.paths().items():
                for operation in operations.values():
                    operation["tags"] = [_heading(path)]
                document["paths"][path] = document["paths"].get(path, {}) | operations
        document["tags"] = TAGS
        document["components"]["securitySchemes"] = {"token": TOKEN, "session": SESSION}
        for path, operations in document["paths"].items():
            for operation in operations.values():
                if isinstance(operation, dict) and not path.startswith(OPEN):
                    operation["security"] = [{}, {"token": []}, {"session": []}]  # the first: while nobody is asked who they are
        schemas = document["components"]["schemas"]
        for unused in ("HTTPValidationError", "ValidationError"):  # ours are OperationOutcomes
            schemas.pop(unused, None)
        for operation in _operations(document):
            if operation["responses"].get("422", {}).get("description") == "Validation Error":
                del operation["responses"]["422"]
        app.openapi_schema = document
    return app.openapi_schema


def _heading(path: str) -> str:
    """Which of TAGS an address of /fhir stands under."""
    if path.startswith(RECORDS):
        return "FHIR: whole records"
    if path.startswith("/fhir/Subscription"):
        return "FHIR: following"
    return "FHIR: codes and definitions" if path.removeprefix("/fhir/").partition("/")[0] in DEFINED else "FHIR"


def text(app: FastAPI) -> str:
    """The document as it is committed: indented, in a fixed order."""
    return msgspec.json.format(msgspec.json.encode(complete(app)), indent=2).decode() + "\n"


def _operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in document["paths"].values() for operation in path.values() if isinstance(operation, dict)]
