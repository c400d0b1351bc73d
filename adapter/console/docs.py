"""The OpenAPI console at /docs: swagger-ui from our own address, with no inline script, so that it works without a network."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Response

from adapter.console.frame import navigation
from adapter.console.html import tag

# Swagger's icons are data: in its own style sheet.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def router(prefix: str, *, logins: bool) -> APIRouter:
    """The route /docs. `logins`: people log in at a browser, and what they try here goes with their session."""
    routes = APIRouter(include_in_schema=False)
    assets = f"{prefix}/console/assets"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", "Send and try · Stafett"),
        tag("link", rel="icon", type="image/svg+xml", href=f"{assets}/favicon.svg"),
        tag("link", rel="stylesheet", href=f"{assets}/swagger-ui.css"),
        tag("link", rel="stylesheet", href=f"{assets}/style.css"),
    )
    name = tag("a", tag("span", aria_hidden="true", class_="baton"), "Stafett", href=f"{prefix}/", class_="name")
    banner = tag("header", name, navigation(prefix))
    document_link = tag("a", "the document itself", href=f"{prefix}/openapi.json")
    needs = tag("noscript", tag("p", "This page needs JavaScript; ", document_link, " does not."))
    place = tag(
        "main", id="console", data_document=f"{prefix}/openapi.json", data_token=f"{prefix}/login/token" if logins else None
    )
    scripts = [tag("script", src=f"{assets}/{script}") for script in ("swagger-ui-bundle.js", "docs.js")]
    body = tag("body", banner, needs, place, scripts, class_="docs")
    document = ("<!doctype html>\n" + tag("html", head, body, lang="en")).encode()

    @routes.get("/docs", response_class=Response)
    async def docs() -> Response:
        return Response(document, headers={"Content-Security-Policy": POLICY}, media_type="text/html")

    return routes
