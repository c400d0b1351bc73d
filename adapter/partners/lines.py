"""Connections to addresses that have been judged, which end in time: what hosts that others name are called over.

A name is looked up once for each connection, all that it stands for is judged, and the connection is made to one of those very
addresses: a name that stands for another address a moment later (DNS rebinding) leads nowhere. TLS asks for the name and judges
the certificate by it, and a connection is only ever used again for the same scheme, name and port. No proxy is used, since it would
look the name up by itself.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final

import httpcore
import httpx

Resolve = Callable[[str, int], list[str]]
"""The addresses of a name, for a port; OSError where there are none."""
Judge = Callable[[str, int, list[str]], None]
"""Raises where the addresses of a host and port may not be called."""

ADDRESSES: Final = 4  # of one name that are tried, one after another
SLICE: Final = 16 * 1024
NO_NAME: Final = "the name has no address"  # what the fault says then
_INNER: Final = [
    ip_network(one)
    for one in (
        "192.0.0.0/24",  # IETF protocol assignments (RFC 6890), with a cloud's metadata among them
        "192.88.99.0/24",  # relays of 6to4 (RFC 7526)
        "168.63.129.16/32",  # a cloud's inner service at an address like any other
        "2002::/16",  # 6to4: an IPv4 address within, and whoever relays it
        "3fff::/20",  # documentation (RFC 9637)
    )
]
_METADATA: Final = frozenset({"169.254.169.254", "100.100.100.200", "168.63.129.16", "fd00:ec2::254"})
_GLOBAL_IPV6: Final = ip_network("2000::/3")  # all else is local, or nobody's yet (RFC 4291 2.4)
_NAT64: Final = ip_network("64:ff9b::/96")  # RFC 6052 2.1
_end: ContextVar[float] = ContextVar("end")


def is_public(address: str) -> bool:
    """Whether an address is one of the whole Internet's, of a single machine (RFC 6890); of IPv4 within IPv6, whether that is.

    >>> is_public("8.8.8.8"), is_public("::ffff:10.0.0.1"), is_public("64:ff9b::127.0.0.1"), is_public("fd00::1")
    (True, False, False, False)
    """
    ip = _innermost(address)
    if ip.version == 6 and ip not in _GLOBAL_IPV6:
        return False
    return ip.is_global and not ip.is_multicast and not any(ip in network for network in _INNER)


def is_somebody(address: str) -> bool:
    """Whether an address, public or private, is of one machine that may be called: none of many, of none, or a cloud's metadata."""
    ip = _innermost(address)
    return not (ip.is_multicast or ip.is_unspecified or ip == IPv4Address("255.255.255.255") or str(ip) in _METADATA)


def _innermost(address: str) -> IPv4Address | IPv6Address:
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped:
        return ip.ipv4_mapped
    return IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else ip


def look_up(host: str, port: int) -> list[str]:
    """The addresses of a name as this machine sees them, in the order in which to try them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Everything that `Lines` does in the block, in this thread, is over by then: a look-up, a handshake and a trickle too."""
    token = _end.set(min(time.monotonic() + seconds, _end.get(float("inf"))))
    try:
        yield
    finally:
        _end.reset(token)


def _left(error: type[Exception]) -> float:
    left = _end.get() - time.monotonic()
    if left <= 0:
        raise error("the whole took too long")
    return left


class Lines(httpx.HTTPTransport):
    """A transport whose connections are made so. Requests are sent `within` a time."""

    def __init__(self, judge: Judge, resolve: Resolve = look_up) -> None:
        self._backend = _Backend(judge, resolve)
        self._pool = httpcore.ConnectionPool(  # in the stead of the pool that the class makes, which takes no other backend
            ssl_context=httpx.create_ssl_context(),
            max_connections=64,
            max_keepalive_connections=32,
            keepalive_expiry=30.0,
            network_backend=self._backend,
        )

    def close(self) -> None:
        super().close()
        self._backend.close()


class _Backend(httpcore.NetworkBackend):
    def __init__(self, judge: Judge, resolve: Resolve) -> None:
        self._judge, self._resolve, self._sockets = judge, resolve, httpcore.SyncBackend()
        self._looking = ThreadPoolExecutor(4, thread_name_prefix="look-up")  # since the system's look-up has no time-out

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the library's own signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = self._addresses(host, port)
        self._judge(host, port, addresses)
        tried = addresses[:ADDRESSES]
        for behind, address in zip(reversed(range(len(tried))), tried, strict=True):
            share = _left(httpcore.ConnectTimeout) / (behind + 1)
            try:
                return _Stream(self._sockets.connect_tcp(address, port, share, local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if not behind:
                    raise
        raise httpcore.ConnectError(NO_NAME)

    def _addresses(self, host: str, port: int) -> list[str]:
        with suppress(ValueError):
            return [str(ip_address(host))]
        try:
            return self._looking.submit(self._resolve, host, port).result(_left(httpcore.ConnectTimeout))
        except TimeoutError:
            raise httpcore.ConnectTimeout("the name was not looked up in time") from None
        except (OSError, UnicodeError):  # a label that the system's own encoding of names refuses is a UnicodeError
            raise httpcore.ConnectError(NO_NAME) from None

    def close(self) -> None:
        self._looking.shutdown(wait=False, cancel_futures=True)


class _Stream(httpcore.NetworkStream):
    """A connection whose every step has what is left of the whole time, in the stead of a time of its own."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._stream.read(max_bytes, _left(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        for start in range(0, len(buffer), SLICE):
            self._stream.write(buffer[start : start + SLICE], _left(httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, _left(httpcore.ConnectTimeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
