"""How the HTTP faces fail: every error is an OperationOutcome, on every path, and none tells of the inside.

    app = FastAPI(exception_handlers=handlers())

A face raises `Problem`; where its contract gives another status than the kind's own, `Refused`.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Mount

from adapter.domain.problem import Finding, Kind, Problem
from adapter.http_client import plain
from adapter.r4.outcome import http_status, operation_outcome
from adapter.security.admission import Unadmitted

FHIR_JSON: Final = "application/fhir+json"
METHODS: Final = ("DELETE", "GET", "PATCH", "POST", "PUT")
log = structlog.get_logger()


class Refused(Problem):
    """A problem whose status, or headers, the path's own contract decides."""

    def __init__(self, status: int, *findings: Finding, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(*findings)
        self.status = status
        self.headers = dict(headers or {})


# What the framework itself refuses, in our words: status -> (kind, English, Norwegian).
FRAMEWORK: Final[dict[int, tuple[Kind, str, str]]] = {
    403: (Kind.BUSINESS_RULE, "Not allowed.", "Ikke tillatt."),
    404: (
        Kind.NOT_FOUND,
        "There is nothing at this address: see /docs for the addresses that exist.",
        "Det er ingenting på denne adressen: se /docs for adressene som finnes.",
    ),
    405: (
        Kind.NOT_ALLOWED,
        "This method is not offered here: the header Allow names those that are.",
        "Metoden tilbys ikke her: headeren Allow sier hvilke som gjør det.",
    ),
    413: (Kind.TOO_LARGE, "The request is too large: send less.", "Forespørselen er for stor: send mindre."),
}


def outcome_response(status: int, *findings: Finding, headers: Mapping[str, str] | None = None) -> Response:
    """An OperationOutcome as a response; never cached."""
    body = msgspec.json.encode(operation_outcome(findings))
    return Response(body, status, {"Cache-Control": "no-store", **(headers or {})}, FHIR_JSON)


def refusal_response(error: Problem) -> Response:
    """A problem as a response, with its own status and headers or those of its kind."""
    status, headers = http_status(error.kind), {}
    if isinstance(error, Refused):
        status, headers = error.status, error.headers
    elif isinstance(error, Unadmitted):
        status, headers = error.status, {"WWW-Authenticate": error.challenge} if error.challenge else {}
    elif error.kind is Kind.TRANSIENT:
        headers = {"Retry-After": str(round(error.retry_after or 5))}
    log_refusal(status, error)
    return outcome_response(status, *error.findings, headers=headers)


def log_refusal(status: int, error: Problem) -> None:
    """Tell whoever runs the service why somebody may not; the line has the request's id."""
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        log.info("refused", why=plain(error.findings[0].en))


def _problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - the framework's type is wider than its promise
    return refusal_response(error)


def _framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    fallback = (Kind.INVALID, HTTPStatus(error.status_code).phrase + ".", "Forespørselen kan ikke behandles.")
    kind, en, nb = FRAMEWORK.get(error.status_code, fallback)
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = _allowed(request, headers.get("Allow", ""))
    return outcome_response(error.status_code, Finding("error", kind, en, nb), headers=headers)


def _allowed(request: Request, found: str) -> str:
    """Every method of the path: where it has a route for each, the framework names the first one's alone."""
    routes = [route for route in request.app.routes if not isinstance(route, Mount)]  # what is mounted names its own
    methods = {m for m in METHODS if any(r.matches({**request.scope, "method": m})[0] is Match.FULL for r in routes)}
    methods |= {method.strip() for method in found.split(",") if method.strip()}
    return ", ".join(sorted(methods | {"HEAD"} if "GET" in methods else methods))


def _parameters(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    return outcome_response(400, *(_parameter(fault) for fault in error.errors()))


def _parameter(fault: Mapping[str, Any]) -> Finding:
    """A parameter that does not have its form. Its value is left out: it may be a person's number."""
    place = "http." + ".".join(str(part) for part in fault["loc"][1:] or fault["loc"])
    return Finding("error", Kind.INVALID, f"{fault['msg']}.", f"Ugyldig verdi ({fault['msg']}).", place)


def unexpected(request: Request, error: Exception) -> Response:
    """What nobody foresaw: logged by its place, answered by a number to ask about."""
    request_id = request.scope.get("state", {}).get("request_id", "")
    log.error("unexpected error", request_id=request_id, error=type(error).__name__, where=_place(error))
    en = f"Our own fault. It is in our log: give the request id {request_id}." if request_id else "Our own fault."
    nb = f"Vår egen feil. Den står i loggen: oppgi forespørselens id {request_id}." if request_id else "Vår egen feil."
    return outcome_response(500, Finding("fatal", Kind.INTERNAL, en, nb))


def _place(error: Exception) -> str:
    """File and line of the fault; the text of an exception may hold a person's data and is not logged."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"


def handlers() -> dict[Any, Any]:
    """What turns every exception into its answer, for `exception_handlers`."""
    return {
        Problem: _problem,
        HTTPException: _framework,
        RequestValidationError: _parameters,
        Exception: unexpected,
    }
