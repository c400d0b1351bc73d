"""The hub's way of saying no: `ErrorMessage` of its OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

from starlette.responses import JSONResponse, Response

VALIDATION = 1000
APPREC_ON_APPREC = 1100


class Refused(Exception):
    """A request that gets an ErrorMessage with this status."""

    def __init__(self, status: int, error: str, code: int = 0, *validation: str) -> None:
        super().__init__(error)
        self.status, self.error, self.code, self.validation = status, error, code, list(validation)

    def response(self) -> Response:
        return error_message(self.status, self.error, self.code, self.validation)


def invalid(*reasons: str) -> Refused:
    return Refused(400, "Model validation error occurred", VALIDATION, *reasons)


def error_message(
    status: int, error: str, code: int = 0, validation: list[str] | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    body = {
        "error": error,
        "errorCode": code,
        "validationErrors": validation or None,
        "stackTrace": None,
        "requestId": str(uuid4()),
    }
    return JSONResponse(body, status, headers)
