"""A simulated FHIR server of a hospital or municipality: our own FHIR core as a plain R4 server, where pathways mean nothing.

    python -m adapter.sandbox.partner --port 8003 --name municipality --organisation 319900306 --store municipality.db

FHIR is under /fhir, for one organisation, on loopback, without tokens; a Task may live any life there. `/` shows a tester the
assignments that it has, and makes it slow, down, forgetful or stubborn (`adapter.sandbox.partner_faults`). With `--notify URL`
it tells that address of each assignment that changes. Its data stay in the file, so that it can be ended and started again.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import secrets
import sys
import uuid
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from adapter.door import Door
from adapter.fhir.face import Face, matching
from adapter.fhir.limits import Limits
from adapter.fhir.routes import mount
from adapter.ports import Clock, Store
from adapter.r4.checker import check
from adapter.sandbox.clock import MovedClock
from adapter.sandbox.partner_faults import Faults
from adapter.sandbox.partner_notices import Notices
from adapter.sandbox.partner_page import Shown, pages
from adapter.security.admitting import Admitted
from adapter.security.caller import Caller
from adapter.storage import open_store
from adapter.usecases.writing import Rules

HOST = "127.0.0.1"
log = structlog.get_logger(__name__)


def make_app(store: Store, clock: Clock, *, name: str, organisation: str, base: str, notify: str = "") -> Faults:
    """The server as an ASGI application. `base` is its address, without /fhir."""
    fhir = f"{base}/fhir"
    # Whoever a tester invents is let in: what persons are allowed is the service's rule, not its partners'.
    rules = Rules(check, partial(matching, fhir), lambda: str(uuid.uuid4()), test_environment=False, base=fhir)
    caller, key = Caller(organisation, (organisation,)), secrets.token_bytes(32)
    face = Face(clock, rules, key, fhir, version("stafett"), open_access=True, limits=Limits())
    notices = Notices(store, clock, organisation, fhir, notify)
    app = Starlette(routes=mount(face))
    server = Faults(Telling(Door(app, lambda *_, **__: Admitted(caller), store, clock), notices))
    app.router.routes.extend(pages(Shown(name, organisation, store, rules, clock, server, notices)))
    return server


class Telling:
    """Looks for what is to be told after every request that may have written something; nobody waits for it.

    Each request is logged by the id that its sender gave it, as other servers do: by it the two sides find each other's lines.
    """

    def __init__(self, app: ASGIApp, notices: Notices) -> None:
        self.app, self.notices = app, notices
        self.looking: set[asyncio.Future[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)
        if scope["type"] == "http":
            said = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
            log.info("partner.asked", method=scope["method"], path=scope["path"], request_id=said)
        if scope["type"] == "http" and scope["method"] in ("POST", "PUT", "PATCH"):
            looking = asyncio.get_running_loop().run_in_executor(None, self.notices.look)
            self.looking.add(looking)  # the loop itself would let it be forgotten
            looking.add_done_callback(self.looking.discard)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m adapter.sandbox.partner", description="A simulated FHIR server (R4).")
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    parser.add_argument("--name", required=True, help="what it is called, for people")
    parser.add_argument("--organisation", required=True, metavar="NUMBER", help="organisation number of whose it is")
    parser.add_argument("--store", type=Path, required=True, metavar="FILE", help="its database (SQLite)")
    parser.add_argument("--notify", default="", metavar="URL", help="where it tells of assignments that change")
    parser.add_argument("--clock", type=Path, default=Path(os.devnull), metavar="FILE", help="how far its clock is moved")
    said = parser.parse_args(argv)
    base = f"http://{HOST}:{said.port}"
    store = open_store(f"sqlite:///{said.store.absolute()}")
    with contextlib.closing(store):
        store.migrate(f"{base}/fhir")
        app = make_app(store, MovedClock(said.clock), name=said.name, organisation=said.organisation, base=base, notify=said.notify)
        sys.stdout.write(f"Simulated FHIR server ({said.name}) on {base}/\n")
        sys.stdout.flush()
        uvicorn.run(app, host=HOST, port=said.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
