"""The FHIR package, and a page for each definition in it. Open to all: none of it is a patient's."""

from __future__ import annotations

from base64 import b64encode
from typing import Final

import msgspec
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from adapter.console.definition_page import definition_page, example_page
from adapter.console.definitions_page import list_page
from adapter.console.package import Package, package
from adapter.console.published import definitions, examples
from adapter.domain.problem import Kind, problem

GZIP: Final = "application/gzip"
JSON: Final = "application/fhir+json"
PACKED: Final = {"schema": {"type": "string", "format": "binary"}, "example": "(package/package.json and the rest, packed)"}


def router(prefix: str) -> APIRouter:
    """The routes /package.tgz and /profiles. `prefix` is the path that the service is reached under, usually empty."""
    routes = APIRouter(tags=["FHIR"])

    @routes.get(
        "/package.tgz",
        summary="All definitions as a FHIR package",
        description="Profiles and extensions with snapshots, code lists, maps, search parameters, operations and examples, as an "
        "NPM package that SUSHI, the official validator and Medplum load without a network. Its SHA-256 is the ETag, and stands in "
        "`/package.tgz.sha256` as `sha256sum -c` reads it.",
        response_class=Response,
        responses={200: {"description": "The package.", "content": {GZIP: PACKED}}},
    )
    async def packed(request: Request) -> Response:
        made = await run_in_threadpool(package)
        return _unless_known(request, made) or Response(made.content, 200, _headers(made), GZIP)

    @routes.get("/package.tgz.sha256", include_in_schema=False)
    async def digest() -> Response:
        made = await run_in_threadpool(package)
        return Response(f"{made.digest}  {made.file}\n", media_type="text/plain")

    @routes.get("/profiles", response_class=Response, include_in_schema=False)
    async def all_of_them() -> Response:
        return await run_in_threadpool(lambda: list_page(prefix, package()))

    @routes.get("/profiles/{name}", response_class=Response, include_in_schema=False)
    async def one(name: str) -> Response:
        return await run_in_threadpool(_one, prefix, name)

    return routes


def _one(prefix: str, name: str) -> Response:
    """A definition or an example as a page, or with `.json` as FHIR. A bare id is that of a StructureDefinition."""
    asked = name.removesuffix(".json")
    found = asked if asked in definitions() or asked in examples() else f"StructureDefinition-{asked}"
    if found not in definitions() and found not in examples():
        raise problem(Kind.NOT_FOUND, "There is no such definition: see /profiles.", "Definisjonen finnes ikke: se /profiles.")
    if asked != name:
        content = definitions().get(found) or examples()[found]
        return Response(msgspec.json.format(msgspec.json.encode(content), indent=1), media_type=JSON)
    return definition_page(prefix, found) if found in definitions() else example_page(prefix, found)


def _unless_known(request: Request, made: Package) -> Response | None:
    """304 where the caller says that it has this package (RFC 9110 13.1.2)."""
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    return Response(status_code=304, headers=_headers(made)) if known & {"*", f'"{made.digest}"'} else None


def _headers(made: Package) -> dict[str, str]:
    return {
        "ETag": f'"{made.digest}"',
        "Repr-Digest": f"sha-256=:{b64encode(bytes.fromhex(made.digest)).decode()}:",  # RFC 9530
        "Cache-Control": "no-cache",
        "Content-Disposition": f'attachment; filename="{made.file}"',
    }
