"""Inputs that are no message that we read: entities, bombs, wrong encodings, wrong versions. Rows of facts/bad-inputs.csv.

Each is made from a good message (or is as bare as the attack is), given the port of the canary, and has the AppRec code
of 8221 that the sender gets where the hub says who that is.
"""

from __future__ import annotations

import gzip
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from tests.bad_inputs.message import GOOD, prolog, spoil, with_text

XXE = '<!DOCTYPE MsgHead [<!ENTITY x SYSTEM "{}">]>'


@dataclass(frozen=True)
class Unreadable:
    row: str
    name: str
    make: Callable[[int], bytes]  # given the canary's port
    code: str = "T01"
    megabytes: float = 100.0

    def __str__(self) -> str:
        return f"{self.row} {self.name}"


def _entity(system: str) -> bytes:
    return prolog(XXE.format(system), spoil(with_text("&x;"))).encode()


def _laughs() -> bytes:
    entities = '<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    return prolog(f"<!DOCTYPE MsgHead [{entities}]>", spoil(with_text("&a9;"))).encode()


def _quadratic() -> bytes:
    return prolog(f'<!DOCTYPE MsgHead [<!ENTITY a "{"x" * 100_000}">]>', spoil(with_text("&a;" * 5_000))).encode()


def _deep() -> bytes:
    return spoil(("<Content>", "<Content>" + "<a>" * 100_000 + "</a>" * 100_000)).encode()


def _attributes() -> bytes:
    many = " ".join(f'a{n}="1"' for n in range(200_000))
    return spoil(("<MsgInfo>", f"<MsgInfo {many}>")).encode()


def _namespaces() -> bytes:
    many = " ".join(f'xmlns:n{n}="urn:n{n}"' for n in range(50_000))
    return spoil(("<MsgInfo>", f"<MsgInfo {many}>")).encode()


@cache
def _zeros() -> bytes:
    """200 MB in 200 kB, made once."""
    return gzip.compress(bytes(200_000_000), 6)


def _smime() -> bytes:
    packed = b64encode(_zeros()).decode()
    lines = "\r\n".join(packed[n : n + 76] for n in range(0, len(packed), 76))
    return (
        "MIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; smime-type=compressed-data; name=smime.p7z\r\n"
        f"Content-Transfer-Encoding: base64\r\n\r\n{lines}\r\n"
    ).encode()


UNREADABLE = (
    Unreadable("B001", "a file entity", lambda _: _entity("file:///etc/passwd")),
    Unreadable("B002", "an http entity", lambda port: _entity(f"http://127.0.0.1:{port}/latest/meta-data/")),
    Unreadable(
        "B003",
        "a parameter entity",
        lambda port: prolog(f'<!DOCTYPE MsgHead [<!ENTITY % p SYSTEM "http://127.0.0.1:{port}/e.dtd"> %p;]>').encode(),
    ),
    Unreadable("B004", "an external DTD", lambda port: f'<!DOCTYPE a SYSTEM "http://127.0.0.1:{port}/x.dtd"><MsgHead/>'.encode()),
    Unreadable("B005", "a harmless DOCTYPE", lambda _: prolog("<!DOCTYPE MsgHead>").encode()),
    Unreadable(
        "B005", "a DOCTYPE behind comments", lambda _: prolog("<!-- a -->\n<?b c?> <!-- <a> -->\n<!DOCTYPE MsgHead>").encode()
    ),
    Unreadable("B006", "billion laughs", lambda _: _laughs()),
    Unreadable("B007", "quadratic blow-up", lambda _: _quadratic()),
    Unreadable("B008", "a depth of 100,000", lambda _: _deep()),
    Unreadable("B009", "200,000 attributes", lambda _: _attributes()),
    Unreadable("B010", "50,000 namespace declarations", lambda _: _namespaces()),
    Unreadable("B011", "a text of 30 MB", lambda _: spoil(with_text("x" * 30_000_000)).encode(), megabytes=200.0),
    Unreadable("B012", "a gzip bomb", lambda _: _zeros(), code="T10"),
    Unreadable("B012", "a compressed S/MIME bomb", lambda _: _smime(), code="T10"),
    Unreadable(
        "B015",
        "a hodemelding of another version",
        lambda _: spoil(("msghead/2006-05-24", "msghead/2006-02-15"), ("v1.2 2006-05-24", "v1.1 2006-02-15")).encode(),
        code="T10",
    ),
    Unreadable("B021", "UTF-16 labelled UTF-8", lambda _: GOOD.encode("utf-16")),
    Unreadable("B021", "UTF-16 without a mark, labelled UTF-8", lambda _: GOOD.encode("utf-16-le")),
    Unreadable("B021", "ISO-8859-1 labelled UTF-8", lambda _: spoil(with_text("åpen")).encode("iso-8859-1", "replace")),
    Unreadable("B023", "XML 1.1", lambda _: spoil(('version="1.0"', 'version="1.1"')).encode()),
    Unreadable("B023", "an unknown encoding", lambda _: spoil(('encoding="UTF-8"', 'encoding="X-UNKNOWN-8"')).encode()),
    Unreadable("B023", "UTF-7, in which markup can hide", lambda _: spoil(('encoding="UTF-8"', 'encoding="UTF-7"')).encode()),
    Unreadable("B024", "a raw control character", lambda _: spoil(with_text("a\x01b")).encode()),
    Unreadable("B024", "a NUL", lambda _: spoil(with_text("a\x00b")).encode()),
    Unreadable("B024", "a reference to NUL", lambda _: spoil(with_text("a&#0;b")).encode()),
    Unreadable("B024", "a reference to a control character", lambda _: spoil(with_text("a&#x1F;b")).encode()),
)
