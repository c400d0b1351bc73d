"""A simulated national message hub: EDI 2.0, version 2, as a process of its own, in memory, on this machine only.

    python -m adapter.sandbox.hub --port 8001 --load openapi/examples

It follows Norsk Helsenett's OpenAPI document "MSH API v2". What that document leaves open is decided so: a message
has one id for all its receivers; it is delivered when a receiver has read or answered it; an AppRec reaches the
sender as a message of its own. Under `/sandbox` are its own controls, and `/` shows what came in and how it was
answered. Tokens are not asked for.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from adapter.sandbox.hub_controls import controls
from adapter.sandbox.hub_document import read_envelope
from adapter.sandbox.hub_errors import Refused, error_message
from adapter.sandbox.hub_faults import Faults
from adapter.sandbox.hub_mail import Mail
from adapter.sandbox.hub_messages import messages
from adapter.sandbox.hub_page import pages


def make_app(mail: Mail) -> Faults:
    """The hub as an ASGI application."""
    app = Starlette(exception_handlers={Refused: _refused, HTTPException: _not_served})
    hub = Faults(app)
    app.router.routes.extend([*messages(mail), *controls(mail, hub), *pages(mail)])
    return hub


def load(mail: Mail, paths: Sequence[Path]) -> list[str]:
    """Put files, and the `*.xml` of folders, in the mail. Says which could not be, and why."""
    faults = []
    for path in paths:
        for file in sorted(path.glob("*.xml")) if path.is_dir() else [path]:
            try:
                data = file.read_bytes()
                envelope = read_envelope(data)
                if not envelope.receivers:
                    raise ValueError("no receiver with a HER-id")
                mail.add(envelope, data, "loaded")
            except (OSError, ValueError) as fault:
                faults.append(f"{file}: {fault}")
    return faults


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m adapter.sandbox.hub", description="A simulated national message hub (EDI 2.0)."
    )
    parser.add_argument("--port", type=int, default=8001, help="port on 127.0.0.1 (default 8001)")
    parser.add_argument(
        "--load", type=Path, nargs="+", action="extend", default=[], metavar="FILE_OR_DIR", help="messages to begin with"
    )
    parser.add_argument("--answer", action="store_true", help="accept (AppRec Ok) what is sent to those for whom nobody fetches")
    arguments = parser.parse_args(argv)
    mail = Mail(answering=arguments.answer)
    for fault in load(mail, arguments.load):
        sys.stderr.write(f"not loaded: {fault}\n")
    sys.stdout.write(f"Simulated message hub on http://127.0.0.1:{arguments.port}/ with {len(mail.held)} messages\n")
    sys.stdout.flush()
    uvicorn.run(make_app(mail), host="127.0.0.1", port=arguments.port, log_level="warning", access_log=False)


def _refused(_: Request, fault: Exception) -> Response:
    assert isinstance(fault, Refused)  # noqa: S101 - the handler's key
    return fault.response()


def _not_served(_: Request, fault: Exception) -> Response:
    assert isinstance(fault, HTTPException)  # noqa: S101 - the handler's key
    return error_message(fault.status_code, fault.detail)


if __name__ == "__main__":
    main()
