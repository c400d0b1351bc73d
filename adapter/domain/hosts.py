"""Names of hosts in the one spelling in which they are compared: whole, never by how they begin (RFC 3986 3.2.2, RFC 1123 2.1).

>>> canonical("EPJ.Example.no."), canonical("[0:0::1]"), canonical("192.0.2.1")
('epj.example.no', '[::1]', '192.0.2.1')
>>> entry("EPJ.Example.no:8443"), entry("127.0.0.1:*")
('epj.example.no:8443', '127.0.0.1:*')
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from typing import Final

HOST: Final = r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)"
PORT: Final = r"(?P<port>[0-9]{1,5})"
_ENTRY: Final = re.compile(rf"{HOST}(:({PORT}|(?P<any>\*)))?")
_LABEL: Final = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME: Final = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")


def canonical(host: str) -> str:
    """In small letters, without a last dot; an address in its usual form, IPv6 within brackets. ValueError for what is no host.

    What ends in a number is an IPv4 address or nothing: systems read `127.1`, `0x7f.1`, `0177.0.0.1` and `2130706433` as one, and
    it must not look like a name to one part of the program and lead inwards in another (WHATWG URL, "ends in a number").
    """
    if host.startswith("["):
        return f"[{IPv6Address(host[1:-1])}]"
    name = host.lower().removesuffix(".")
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        return str(IPv4Address(name))
    if len(name) > 253 or not _NAME.fullmatch(name):
        raise ValueError("no name of a host")
    return name


def port_of(digits: str) -> int:
    """A port that can be called. ValueError for others."""
    if not 0 < int(digits) < 65536:
        raise ValueError("no port")
    return int(digits)


def entry(text: str, *, any_port: bool = True) -> str:
    """A host of a list, `HOST`, `HOST:PORT` or `HOST:*` (any port), in its one spelling. ValueError for anything else."""
    parts = _ENTRY.fullmatch(text)
    if parts is None or (parts["any"] and not any_port):
        raise ValueError("no host of a list")
    host = canonical(parts["host"])
    if parts["any"]:
        return f"{host}:*"
    return f"{host}:{port_of(parts['port'])}" if parts["port"] else host


def host_of(text: str) -> str:
    """The host of a list's entry, for a look-up: an IPv6 address without its brackets.

    >>> host_of("EPJ.example.no:8443"), host_of("[::1]:*"), host_of("[::1]")
    ('epj.example.no', '::1', '::1')
    """
    return re.sub(r":([0-9]+|\*)\Z", "", entry(text)).strip("[]")
