"""DocumentReference and Binary for attachments (HIS 1036:2011; https://hl7.org/fhir/R4/documentreference.html).

Content is opaque: seen to be base64, never decoded or unpacked.
"""

from __future__ import annotations

import string
from base64 import b64encode

from lxml import etree

from adapter.domain.problem import Kind
from adapter.domain.referral import Document, Said
from mappings.resources import elements
from mappings.resources.writer import Writer, reference
from mappings.trail import Build

_OCTETS = "application/octet-stream"
_ALPHABET = (string.ascii_letters + string.digits + "+/").encode()
_PADDED = 2


def write(writer: Writer, given: Document, position: int, patient: str) -> tuple[str, str]:
    id = writer.own_id("document", position)
    build = writer.begin("DocumentReference", id, "document-reference")
    if given.oid:
        build.put("masterIdentifier", {"system": elements.URI, "value": f"urn:oid:{given.oid.value}"}, given.oid)
    if given.id:
        build.push("identifier", elements.business(given.id.value, "document-id"), given.id)
    build.put("status", "current", rule="it came with the referral")
    writer.concept(build, "type", given.content_type)
    for coded in (given.type, given.category, given.connection):
        writer.concept(build, "category", coded, repeats=True)
    build.put("subject", reference("Patient", patient), rule="the message's patient")
    elements.instant(build, "date", given.issued)
    build.whole("description", given.description or given.content_description)
    attachment = build.item("content").object("attachment")
    if binary := _attachment(writer, attachment, given, position):  # only this document leads to it: it says itself whose it is
        binary.put("securityContext", reference("Patient", patient), rule="the message's patient")
    if given.description and given.content_description:
        writer.extend(build, "content-description", "String", given.content_description.text, given.content_description)
    for name, said in (("annotation", given.annotation), ("enquiry", given.enquiry)):
        if said:
            writer.extend(build, name, "String", said.text, said)
    for name, coded in (("consent", given.consent), ("compression", given.compression)):
        writer.extend_code(build, name, coded)
    if given.start or given.end:
        elements.period(build.object("context"), "period", given.start, given.end)
    return "DocumentReference", id


def _attachment(writer: Writer, build: Build, given: Document, position: int) -> Build | None:
    """What came with the document; the Binary with its content, where it has any."""
    binary = None
    mime = given.mime.value if given.mime else ""
    if given.file:
        build.say("url", given.file)
    if given.base64 is not None:
        data, size = _decoded(writer, given.base64)
        binary = _binary(writer, build, position, mime or _OCTETS, data, size, given.base64, given.mime)
    elif given.xml is not None:
        writer.whole.add(given.xml.element)
        octets = etree.tostring(given.xml.element, encoding="UTF-8", xml_declaration=True, with_tail=False)
        data = b64encode(octets).decode()
        binary = _binary(writer, build, position, mime or "application/xml", data, len(octets), given.xml, given.mime)
    elif mime:
        build.say("contentType", given.mime)
    title = given.description or given.content_description
    if title:
        build.put("title", title.value, title)
    elif not build.json:
        build.put("title", "Vedlegg uten innhold", rule="the message refers to a document and does not hold it")
    return binary


def _binary(
    writer: Writer, build: Build, position: int, mime: str, data: str, size: int, content: Said, said_mime: Said | None
) -> Build:
    id = writer.own_id("binary", position)
    sources = (said_mime,) if said_mime else ()
    build.put("contentType", mime, *sources, rule="" if said_mime else "the message does not say; opaque")
    build.put("url", f"Binary/{id}", rule="the attachment's content")
    build.put("size", size, content)
    binary = writer.begin("Binary", id, "binary")
    binary.put("contentType", mime, *sources, rule="" if said_mime else "the message does not say; opaque")
    binary.put("data", data, content)
    return binary


def _decoded(writer: Writer, said: Said) -> tuple[str, int]:
    """The base64 text without blanks, and how many bytes it holds; text that is no base64 is kept as bytes."""
    text = said.value
    if any(blank in text for blank in " \n\r\t"):
        text = "".join(text.split())
    padding = len(text) - len(text.rstrip("="))
    if len(text) % 4 == 0 and padding <= _PADDED and text.encode().translate(None, _ALPHABET) == b"=" * padding:
        return text, len(text) // 4 * 3 - padding
    writer.note(said, "The attachment is not base64; kept as text.", "Vedlegget er ikke base64; beholdt som tekst.", Kind.INVALID)
    octets = said.text.encode()
    return b64encode(octets).decode(), len(octets)
