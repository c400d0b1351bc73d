"""The one door for XML: bytes become an element tree that is safe to read, or a `Problem` that says why not.

Hardened by what is refused before a parser sees it (any DOCTYPE, encodings that hide one, too many bytes, elements or
attributes), and by a parser that resolves nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from lxml import etree

from adapter.domain.problem import Finding, Kind, Problem, problem


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on a message, each a setting. Text and elements are counted, not estimated."""

    max_bytes: int = 35 * 1024 * 1024
    max_text: int = 24 * 1024 * 1024
    max_depth: int = 256
    max_elements: int = 100_000
    max_attributes: int = 1_000


_PROLOG = re.compile(rb"(?>\xef\xbb\xbf)?(?>\s+|<!--.*?-->|<\?.*?\?>)*+(<!DOCTYPE)?", re.DOTALL)
_DECLARATION = re.compile(rb"(?>\xef\xbb\xbf)?<\?xml\s+version\s*=\s*[\"']([^\"']*)[\"'](?:\s+encoding\s*=\s*[\"']([^\"']*)[\"'])?")
_ENCODINGS = {"utf-8", "us-ascii", "ascii", "iso-8859-1", "iso-8859-15", "windows-1252"}


def parse(message: bytes, limits: Limits) -> tuple[etree._Element, list[Finding]]:
    """The root element of a message that is safe to read, and warnings. Raises `Problem` for what is not."""
    findings: list[Finding] = []
    if len(message) > limits.max_bytes:
        raise problem(
            Kind.TOO_LARGE,
            f"The message is {len(message)} bytes; the limit is {limits.max_bytes}. Send large attachments another way.",
            f"Meldingen er {len(message)} byte; grensen er {limits.max_bytes}. Send store vedlegg på annen måte.",
        )
    _refuse_packed(message)
    _refuse_doctype(message)
    declared = _DECLARATION.match(message)
    version, encoding = (
        (declared[1].decode("latin-1"), (declared[2] or b"utf-8").decode("latin-1").lower()) if declared else ("1.0", "utf-8")
    )
    if version != "1.0" or encoding not in _ENCODINGS:
        raise problem(
            Kind.MALFORMED,
            "Only XML 1.0 in UTF-8 is read (ISO-8859-1 and its kin with a warning). Send UTF-8.",
            "Bare XML 1.0 i UTF-8 leses (ISO-8859-1 og slekt med advarsel). Send UTF-8.",
            line=1,
            rule="HITS 1171:2017 8.4",
        )
    if encoding != "utf-8":
        findings.append(
            Finding(
                "warning",
                Kind.INVALID,
                f"The message is in {encoding}; it should be UTF-8.",
                f"Meldingen er i {encoding}; den skal være UTF-8.",
                line=1,
                rule="HITS 1171:2017 8.4",
            )
        )
    _refuse_crowds(message, limits)
    try:
        root = etree.fromstring(message, _parser())
    except etree.XMLSyntaxError as error:
        line, column = error.position
        raise Problem(
            Finding(
                "error",
                Kind.MALFORMED,
                "The message is not well-formed XML.",
                "Meldingen er ikke velformet XML.",
                line=line,
                column=column,
                rule="XML 1.0",
            )
        ) from None
    except ValueError:
        raise problem(Kind.MALFORMED, "The message is not XML.", "Meldingen er ikke XML.", rule="XML 1.0") from None
    if root is None or root.getroottree().docinfo.internalDTD is not None:
        raise _doctype()
    return root, findings


@cache
def _parser() -> etree.XMLParser:
    """A parser that resolves nothing; lxml locks it while it parses. Texts that a comment splits come out joined.

    `huge_tree` lifts libxml2's limit of 10 MB for a text; ours stand in its place.
    """
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=True,
        remove_pis=True,
        remove_comments=True,
        remove_blank_text=True,
    )


def _refuse_packed(message: bytes) -> None:
    head = message[:64].lstrip()
    if head.startswith((b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"MIME-Version", b"Content-Type", b"\x30\x80", b"\x30\x82")):
        raise problem(
            Kind.UNSUPPORTED,
            "The message is compressed or enclosed (gzip, zip, S/MIME). Send the XML itself.",
            "Meldingen er komprimert eller pakket inn (gzip, zip, S/MIME). Send selve XML-en.",
        )
    if b"\x00" in message[:256] or head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise problem(
            Kind.MALFORMED,
            "The message is in UTF-16, UTF-32 or binary, whatever it declares. Send UTF-8.",
            "Meldingen er i UTF-16, UTF-32 eller binær, uansett hva den sier. Send UTF-8.",
            rule="HITS 1171:2017 8.4",
        )


def _refuse_doctype(message: bytes) -> None:
    prolog = _PROLOG.match(message)
    if prolog and prolog[1]:
        raise _doctype()


def _doctype() -> Problem:
    return problem(
        Kind.MALFORMED,
        "The message has a DOCTYPE; health messages never do. Remove it.",
        "Meldingen har en DOCTYPE; det har helsemeldinger aldri. Fjern den.",
    )


_ATTRIBUTE = rb"\s+[^\s=<>]+\s*=\s*(?:\"[^\"<]*\"|'[^'<]*')"
_START_TAG, _ATTRIBUTES = re.compile(rb"<[^\s<>/!?]+(?:" + _ATTRIBUTE + rb")*+"), re.compile(_ATTRIBUTE)
_SMALLEST = 4  # the shortest element: <a/>
_CROWDED = 5  # the shortest attribute: a blank, a letter, an equal sign and two quotes


def _refuse_crowds(message: bytes, limits: Limits) -> None:
    """Bounds what the parser would build. Cheap counts first; only a message over them is looked at closely."""
    if message.count(b"=") > limits.max_attributes:
        for segment in message.split(b"<"):
            if len(segment) > limits.max_attributes * _CROWDED and segment.count(b"=") > limits.max_attributes:
                tag = _START_TAG.match(b"<" + segment)
                if tag and len(_ATTRIBUTES.findall(tag[0])) > limits.max_attributes:
                    raise _crowded("attributes", "attributter", limits.max_attributes)
    if len(message) > limits.max_elements * _SMALLEST and message.count(b"<") > limits.max_elements:
        opened = etree.XMLPullParser(events=("start",), resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
        seen = 0
        for at in range(0, len(message), 65536):
            try:
                opened.feed(message[at : at + 65536])
                seen += sum(1 for _ in opened.read_events())
            except etree.XMLSyntaxError:
                return  # the parse proper says what and where
            if seen > limits.max_elements:
                raise _crowded("elements", "elementer", limits.max_elements)


def _crowded(what: str, hva: str, limit: int) -> Problem:
    return problem(Kind.TOO_LARGE, f"The message has more than {limit} {what}.", f"Meldingen har mer enn {limit} {hva}.")
