"""An installation as a process: what `stafett serve` runs, until SIGTERM or SIGINT."""

from __future__ import annotations

import gc
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from adapter.domain.problem import Kind, Problem, problem
from adapter.figures import logged
from adapter.ports import Clock
from adapter.settings import Settings, on_loopback
from adapter.storage.presence import TAKEN_OVER, Presence
from adapter.wiring import Services, build
from adapter.worker import PATIENCE, stop_on_signals

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

PORT = 8000  # where requests are answered unless it is told
MOMENT = 5.0  # seconds more, to say good-bye to the other processes
LOOK_EVERY = 2.0  # seconds between looks for a newer program that waits for us
GARBAGE = (50_000, 20, 100)
"""Objects made and not gone before cycles among them are looked for; a message makes some ten thousand, and none is left over."""

UVICORN: dict[str, Any] = {
    "http": "httptools",  # the strict reader: a request with two lengths, or one not to be read, is 400 (RFC 9112 6.3)
    "ws": "none",
    "access_log": False,  # it holds addresses; ours holds routes
    "server_header": False,  # what we are made of is nobody's business
    "proxy_headers": False,  # our address is configured: no X-Forwarded-* has a say
}
"""How the server is set, in tests too."""


def serve(settings: Settings, roles: Collection[str], host: str, port: int | None, clock: Clock | None = None) -> None:
    """Run `roles` (api, worker) until we are asked to end. Raises `Problem` where the service may not or cannot start, and where
    it ends because a newer program takes over the database.

    A worker by itself answers on `port` about its health and its figures alone; without one it answers nobody. Without a `clock`
    it goes by the machine's.
    """
    _may_start(settings, host)
    if "api" in roles:
        port = port or PORT
    listening = _listen(host, port) if port else None  # first: a taken port must not cost a migration
    if "public_base" not in settings.model_fields_set:
        name = f"[{host}]" if ":" in host else host
        settings = settings.model_copy(update={"public_base": f"http://{name}:{port if 'api' in roles else PORT}"})
    log()
    if settings.auth == "off":
        structlog.get_logger().warning("auth.off", why="nobody is asked who they are: for test on this machine alone")
    services, present, look_out = build(settings, clock, roles), Presence(settings.store.url), None
    stop_on_signals(services.worker.stop)
    _settle()
    try:
        _be_present(present, services)
        if listening:
            structlog.get_logger().info("listening", host=host, port=port, public_base=settings.public_base)
            server = _server(services.app if "api" in roles else _watched(services, settings))
            end = partial(_end, services, server)
            look_out = LookOut(present, end)
            stop_on_signals(end)  # until the server has its own way of hearing them
            if services.worker.stopped:  # asked while we started
                end()
            _answer(services, server, listening, with_worker="worker" in roles)
        else:
            look_out = LookOut(present, services.worker.stop)
            if services.journal:  # what the worker discloses enters the audit's chain also where no process answers requests
                services.journal.start()
            services.worker.run()
    finally:
        services.close()
        if look_out:
            look_out.end()
        present.leave()
    if look_out.taken_over:
        raise problem(Kind.UNSUPPORTED, *TAKEN_OVER, where="store.url")


def _settle() -> None:
    """What is loaded by now stays: to look through all of it for garbage time and again took a seventh of the time of a message."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)


def _be_present(present: Presence, services: Services) -> None:
    """Tell newer programs that we work here. One may have been faster, since our tables were made."""
    present.enter()
    if faults := services.store.check():
        raise Problem(*faults)


class LookOut(threading.Thread):
    """Calls `leave` when a newer program asks us to end, of which `taken_over` tells afterwards."""

    def __init__(self, present: Presence, leave: Callable[[], object]) -> None:
        super().__init__(name="presence", daemon=True)
        self.taken_over = False
        self._present, self._leave, self._ended = present, leave, threading.Event()
        self.start()

    def run(self) -> None:
        while not self._ended.wait(LOOK_EVERY):
            if self._present.asked_to_go():
                structlog.get_logger().warning("taken_over", why=TAKEN_OVER[0])
                self.taken_over = True
                self._leave()
                return

    def end(self) -> None:
        self._ended.set()
        self.join()


def _watched(services: Services, settings: Settings) -> FastAPI:
    from adapter.console.watched import watched  # noqa: PLC0415 - only where a worker listens

    if services.journal:
        services.journal.start()
    numbers = [organisation.number for organisation in settings.organisation]
    return watched(services.store, numbers, services.reception.clock, [line.name for line in services.lines])


def _server(app: FastAPI) -> uvicorn.Server:
    import uvicorn  # noqa: PLC0415 - a worker by itself has no use for it

    return uvicorn.Server(uvicorn.Config(app, **UVICORN, log_config=None, timeout_graceful_shutdown=int(PATIENCE)))


def _end(services: Services, server: uvicorn.Server) -> None:
    services.worker.stop()
    server.should_exit = True


def _answer(services: Services, server: uvicorn.Server, listening: socket.socket, *, with_worker: bool) -> None:
    work = services.worker.run if with_worker else services.worker.live
    working = threading.Thread(target=work, name="worker", daemon=True)
    working.start()
    try:
        server.run(sockets=[listening])
    finally:
        services.worker.stop()
        working.join(PATIENCE + MOMENT)


def _may_start(settings: Settings, host: str) -> None:
    if settings.auth == "helseid":
        return
    if not on_loopback(host):
        raise problem(
            Kind.NOT_ALLOWED,
            f'auth = "off" is for loopback only: --host {host} would let anyone in. Use --host 127.0.0.1',
            f'auth = "off" er bare for egen maskin: --host {host} ville slippe inn alle. Bruk --host 127.0.0.1',
        )


def _listen(host: str, port: int) -> socket.socket:
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        # asyncio sets this only on sockets that it makes itself; without it each answer waits 40 ms for the next packet.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening
    except OSError as fault:
        why = os.strerror(fault.errno or 0)
        raise problem(
            Kind.INVALID,
            f"cannot listen on {host}:{port} ({why}): end what uses it, or choose another --port",
            f"kan ikke lytte på {host}:{port} ({why}): stopp det som bruker den, eller velg en annen --port",
        ) from None


def log() -> None:
    """One JSON object a line on stdout, ours and the libraries'."""
    shared = (
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    )
    renderer = structlog.processors.JSONRenderer(lambda event, **_: msgspec.json.encode(event, enc_hook=repr).decode())
    structlog.configure(
        processors=[logged, *shared, renderer],
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=list(shared)))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
