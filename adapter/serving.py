"""An installation as a process: what `stafett serve` runs, until SIGTERM or SIGINT."""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
from collections.abc import Collection
from typing import Any

import msgspec
import structlog

from adapter.domain.problem import Kind, problem
from adapter.ports import Clock
from adapter.settings import Settings, on_loopback
from adapter.wiring import Services, build
from adapter.worker import stop_on_signals

PATIENCE = 30.0  # seconds that the message in hand has to be dealt with when we end
UVICORN: dict[str, Any] = {
    "http": "httptools",  # the strict reader: a request with two lengths, or one not to be read, is 400 (RFC 9112 6.3)
    "ws": "none",
    "access_log": False,  # it holds addresses; ours holds routes
    "server_header": False,  # what we are made of is nobody's business
    "proxy_headers": False,  # our address is configured: no X-Forwarded-* has a say
}
"""How the server is set, in tests too."""


def serve(settings: Settings, roles: Collection[str], host: str, port: int, clock: Clock | None = None) -> None:
    """Run `roles` (api, worker) until we are asked to end. Raises `Problem` where the service may not or cannot start.

    Without a `clock` it goes by the machine's.
    """
    _may_start(settings, host)
    listening = _listen(host, port) if "api" in roles else None  # first: a taken port must not cost a migration
    if "public_base" not in settings.model_fields_set:
        name = f"[{host}]" if ":" in host else host
        settings = settings.model_copy(update={"public_base": f"http://{name}:{port}"})
    log()
    if settings.auth == "off":
        structlog.get_logger().warning("auth.off", why="nobody is asked who they are: for test on this machine alone")
    services = build(settings, clock)
    stop_on_signals(services.worker)
    try:
        if listening:
            structlog.get_logger().info("listening", host=host, port=port, public_base=settings.public_base)
            _serve_api(services, listening, with_worker="worker" in roles)
        else:
            if services.journal:  # what the worker discloses enters the audit's chain also where no process answers requests
                services.journal.start()
            services.worker.run()
    finally:
        services.close()


def _serve_api(services: Services, listening: socket.socket, *, with_worker: bool) -> None:
    import uvicorn  # noqa: PLC0415 - a worker by itself has no use for it

    working = threading.Thread(target=services.worker.run, name="worker", daemon=True)
    if with_worker:
        working.start()
    configuration = uvicorn.Config(services.app, **UVICORN, log_config=None, timeout_graceful_shutdown=int(PATIENCE))
    try:
        uvicorn.Server(configuration).run(sockets=[listening])
    finally:
        services.worker.stop()
        if with_worker:
            working.join(PATIENCE)


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
        processors=[*shared, renderer],
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=list(shared)))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
