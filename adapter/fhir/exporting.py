"""$export: all of an organisation's resources as files (https://hl7.org/fhir/uv/bulkdata/export.html), in the background.

GET or POST /fhir/$export, /fhir/Patient/$export; then GET (or DELETE) of the address in Content-Location, and GET of each file that
it names. Whoever asks must be the caller who asked for it, with the same rights; of another's there is nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from email.utils import format_datetime
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from adapter.domain.problem import Finding, Kind, Problem, problem
from adapter.failures import Refused
from adapter.fhir.dates import matches
from adapter.fhir.face import Answer, Asked, Face, invalid, outcome
from adapter.fhir.negotiation import body_is_xml
from adapter.fhir.rights import require
from adapter.fhir.search import refuse_person
from adapter.fhir.types import TYPES
from adapter.ports import Export, ExportFile, Unit
from adapter.r4.document import read as parse
from adapter.security.caller import EMERGENCY
from adapter.usecases import export_resources
from adapter.usecases.export_resources import KEPT, Wanted, line, lines, progress_of, wanted_of

RULE: Final = "https://hl7.org/fhir/uv/bulkdata/export.html"
NDJSON: Final = "application/fhir+ndjson"
FORMATS: Final = (NDJSON, "application/ndjson", "ndjson")
KNOWN: Final = {"_outputFormat", "_since", "_type", "_format", "_pretty"}
STATUS: Final = "$export-status"
FILE: Final = "$export-file"
ASK_AGAIN: Final = 2  # seconds


def export(face: Face, asked: Asked, data: bytes) -> Answer:
    """202 and, in Content-Location, where it is told how far it is."""
    refuse_person(asked.pairs)
    prefers = _prefers(asked.headers)
    if "respond-async" not in prefers:
        en = "An export is made in the background: send Prefer: respond-async."
        raise invalid("Prefer", en, "En eksport lages i bakgrunnen: send Prefer: respond-async.", RULE)
    caller = asked.caller
    if caller.purpose == EMERGENCY:
        raise problem(
            Kind.FORBIDDEN,
            f"Nothing is exported by emergency access ({EMERGENCY}), which is for the care of one patient.",
            f"Ingenting eksporteres med nødrett ({EMERGENCY}), som er for helsehjelp til én pasient.",
            where="http.X-Stafett-Purpose",
        )
    pairs = [*asked.pairs, *(_parameters(asked, data) if data else ())]
    asked.trail.query(pairs)
    lenient = "handling=lenient" in prefers
    since = _read(pairs, lenient=lenient)
    types = _types(asked, pairs, lenient=lenient)
    for type in types:
        asked.trail.asked(type)
    path = "/".join(part for part in (face.base, asked.type, "$export") if part)
    request = f"{path}?{urlencode(asked.pairs)}" if asked.pairs else path
    wanted = Wanted(request, types, caller.tenants, caller.blocked_as, since, of_patients=asked.type == "Patient")
    id, now = face.rules.new_id(), face.clock.now()
    asked.store.run(lambda unit: export_resources.ask(unit, wanted, tenant=caller.tenant, mark=caller.mark, id=id, now=now))
    en, nb = (
        "Asked for: Content-Location says where it is told how far it is.",
        "Bestilt: Content-Location sier hvor fremdriften står.",
    )
    return Answer(202, _told(en, nb), {"Content-Location": f"{face.base}/{STATUS}/{id}"})


def status(face: Face, asked: Asked) -> Answer:
    """202 while it is made, then 200 with the manifest; 500 where it could not be made."""
    with asked.store.read() as unit:
        found = _found(face, asked, unit)
        files = unit.export_files(found.id)
    if found.state == "asked":
        progress = progress_of(found)
        said = f"{progress.resources} resources in {progress.files} files"
        body = _told("It is being made: ask again, as Retry-After says.", "Den er under arbeid: spør igjen, som Retry-After sier.")
        return Answer(202, body, {"X-Progress": said, "Retry-After": str(ASK_AGAIN)})
    if found.ended is None or found.state == "failed":
        en = "The export could not be made; the service's log says why. Ask for a new one."
        nb = "Eksporten kunne ikke lages; loggen til tjenesten sier hvorfor. Be om en ny."
        raise Refused(500, Finding("fatal", Kind.INTERNAL, en, nb))
    manifest = _manifest(face, found, files)
    expires = format_datetime(found.ended + KEPT, usegmt=True)
    return Answer(200, msgspec.json.encode(manifest), {"Expires": expires}, kind="application/json")


def cancel(face: Face, asked: Asked) -> Answer:
    """202: it is not made any further, and what there was of it is gone."""
    asked.store.run(lambda unit: unit.drop_export(_found(face, asked, unit).id))
    return Answer(202, _told("It is gone, with its files.", "Den er borte, med filene."))


def file(face: Face, asked: Asked, number: str) -> Answer:
    """A file: a resource on each line, as the caller sees them now."""
    with asked.store.read() as unit:
        found = _found(face, asked, unit)
        listed = unit.export_file(found.id, int(number)) if re.fullmatch(r"[1-9]\d{0,5}", number, re.ASCII) else None
        if listed is None or found.state != "made":
            raise _no_such()
        resources = lines(unit, listed)
    asked.trail.saw("R", resources)
    return Answer(200, b"".join(line(one.body) + b"\n" for one in resources), kind=NDJSON)


def _found(face: Face, asked: Asked, unit: Unit) -> Export:
    caller = asked.caller
    found = export_resources.find(unit, asked.id, tenant=caller.tenant, mark=caller.mark, now=face.clock.now())
    if found is None:
        raise _no_such()
    return found


def _manifest(face: Face, made: Export, files: Sequence[ExportFile]) -> dict[str, Any]:
    """What there is to fetch (https://hl7.org/fhir/uv/bulkdata/export.html#response---complete-status).

    Without `count`, which may be left out: a file is shorter once a patient has closed a record, and that is not to be told.
    """
    return {
        "transactionTime": made.requested,
        "request": wanted_of(made).request,
        "requiresAccessToken": not face.open_access,
        "output": [{"type": one.type, "url": f"{face.base}/{FILE}/{made.id}/{one.number}"} for one in files],
        "error": [],
    }


def _told(en: str, nb: str) -> bytes:
    return outcome([Finding("information", Kind.INTERNAL, en, nb)])


def _prefers(headers: Mapping[str, str]) -> set[str]:
    """What Prefer says, in one header or several, without blanks and in lower case."""
    said = ",".join(value for name, value in headers.items() if name == "prefer")
    return {re.sub(r'[\s"]', "", part).lower() for part in re.split("[,;]", said)}


def _parameters(asked: Asked, data: bytes) -> Iterator[tuple[str, str]]:
    """Names and values of a Parameters resource; a value that is no text is empty."""
    body: Any = parse(data, xml=body_is_xml(asked.headers)).body
    given = body.get("parameter", []) if isinstance(body, dict) and body.get("resourceType") == "Parameters" else None
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        en, nb = "The body of an export is a Parameters resource, or nothing.", "En eksport tar en Parameters-ressurs, eller intet."
        raise problem(Kind.INVALID, en, nb, where="Parameters.parameter", rule=RULE)
    for one in given:
        value = next((value for name, value in one.items() if name.startswith("value")), "")
        yield str(one.get("name", "")), value if isinstance(value, str) else ""


def _read(pairs: Sequence[tuple[str, str]], *, lenient: bool) -> datetime | None:
    """The moment from which on, where one is asked for. Raises for what is asked for and not offered."""
    for name in dict(pairs):
        if name not in KNOWN and not lenient:
            said = re.sub(r"[^A-Za-z0-9_]", "?", name)[:64]
            en = f"{said} is not offered here: leave it out, or have it ignored by Prefer: handling=lenient."
            nb = f"{said} tilbys ikke her: utelat den, eller få den ignorert med Prefer: handling=lenient."
            raise _not_offered(said, en, nb)
    given = dict(pairs)
    if given.get("_outputFormat", NDJSON).replace(" ", "+") not in FORMATS:  # a plus that was not encoded
        raise _not_offered("_outputFormat", f"Files are {NDJSON}: ask for that.", f"Filene er {NDJSON}: be om det.")
    if "_since" not in given:
        return None
    (since,) = matches(f"ge{given['_since']}", name="_since", moment=True)
    return since.low_from


def _types(asked: Asked, pairs: Sequence[tuple[str, str]], *, lenient: bool) -> tuple[str, ...]:
    """The types to give: those that are named, or all that the caller may read."""
    named = [part.strip() for name, value in pairs if name == "_type" for part in value.split(",")]
    if not named:
        types = [type for type in TYPES if all(asked.caller.access.allows(type, letter) for letter in "rs")]
        if not types:
            require(asked.caller, asked.type or "*", "rs")
        return tuple(types)
    known = tuple(dict.fromkeys(type for type in named if type in TYPES))
    if not known or (len(known) < len(set(named)) and not lenient):
        en = "_type names a type that is not served here: see /fhir/metadata for those that are."
        raise _not_offered("_type", en, "_type nevner en type som ikke tilbys her: se /fhir/metadata for dem som gjør det.")
    for type in known:
        require(asked.caller, type, "rs")
    return known


def _not_offered(name: str, en: str, nb: str) -> Problem:
    return Refused(400, Finding("error", Kind.UNSUPPORTED, en, nb, f"http.{name}", rule=RULE))


def _no_such() -> Problem:
    return problem(
        Kind.NOT_FOUND,
        f"There is no such export or file: they are kept for {KEPT.total_seconds() / 3600:.0f} hours, for whoever asked for them.",
        f"Eksporten eller filen finnes ikke: de er lagret i {KEPT.total_seconds() / 3600:.0f} timer, for den som ba om dem.",
    )
