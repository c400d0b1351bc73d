"""What a batch or transaction asks for, and the rules between its entries. Pure.

Who says so: https://hl7.org/fhir/R4/http.html#transaction and https://hl7.org/fhir/R4/bundle.html#references.

    asked = steps(bundle, base="https://a.example/fhir", types={"Task", "Patient"}, most=1_000)
    for step in in_order(asked): ...

Faults of one entry stand in its step: a batch answers them there, a transaction refuses all.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from adapter.domain.problem import Finding, Kind, Problem, problem
from adapter.r4 import json

PATCH: Final = "application/json-patch+json"
ORDER: Final = {"DELETE": 0, "POST": 1, "PUT": 2, "PATCH": 2, "GET": 3}
RULES: Final = "https://hl7.org/fhir/R4/http.html#trules"
SEARCHES: Final = 50  # in one Bundle, histories among them; each may give a page
POINTERS: Final = 3_000  # conditional references in one Bundle, each a search
CRITERIA: Final = 256 * 1024  # characters in all: a thousand entries of HAPI's length

# Elements of type uri, url, oid and uuid in which a resource can be named, beside Reference.reference. A system, a
# profile and an extension's own url name no resource of the Bundle.
LINKS: Final = {"reference", "valueUri", "valueUrl", "valueOid", "valueUuid", "instantiatesUri"}

_PART: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9\-._]{0,63}")
_CONDITIONAL: Final = re.compile(r"([A-Z][A-Za-z]{1,63})\?(.+)", re.DOTALL)
_NARRATIVE: Final = re.compile(r"""(\b(?:href|src)\s*=\s*)(["'])(urn:[^"'<>\s]{1,200})\2""")
_ROOT: Final = re.compile(r"(https?://\S+/)[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}")

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of a batch or transaction, read.

    `parts` are of the path below the FHIR base, `criteria` what stood after its question mark; `name` is `Type/id` where
    the entry names one resource. `operations` are of a PATCH, from its Binary (https://hl7.org/fhir/R4/http.html#patch).
    """

    position: int
    method: str
    parts: tuple[str, ...] = ()
    criteria: str = ""
    resource: Body | None = None
    operations: Any = None
    full_url: str = ""
    if_none_exist: str = ""
    if_match: str = ""
    if_none_match: str = ""
    if_modified_since: str = ""
    faults: tuple[Finding, ...] = ()

    @property
    def where(self) -> str:
        return f"Bundle.entry[{self.position}]"

    @property
    def type(self) -> str:
        return self.parts[0] if self.parts else ""

    @property
    def id(self) -> str:
        return self.parts[1] if len(self.parts) > 1 else ""

    @property
    def name(self) -> str:
        return "/".join(self.parts[:2]) if self.id and not self.id.startswith("_") else ""

    @property
    def writes(self) -> bool:
        return self.method in ("POST", "PUT", "PATCH")


def skeleton(bundle: Body) -> Body:
    """The Bundle without the resources in it: what is to be checked of the Bundle itself."""
    entries = bundle.get("entry")
    if not isinstance(entries, list):
        return bundle
    bare = [{k: v for k, v in e.items() if k != "resource"} if isinstance(e, dict) else e for e in entries]
    return {**bundle, "entry": bare}


def measured(bundle: Any, most: int) -> str:
    """`batch` or `transaction`. Raises `Problem` where it is another Bundle, or holds more than `most` entries."""
    kind = bundle.get("type") if isinstance(bundle, dict) and bundle.get("resourceType") == "Bundle" else None
    if kind not in ("batch", "transaction"):
        raise problem(
            Kind.INVALID,
            "Only a Bundle of type batch or transaction is carried out here: post a resource to /[type].",
            "Her utføres bare en Bundle av typen batch eller transaction: send en ressurs til /[type].",
            where="Bundle.type",
            rule="https://hl7.org/fhir/R4/http.html#transaction",
        )
    entries = bundle.get("entry")
    if isinstance(entries, list) and len(entries) > most:
        raise problem(
            Kind.TOO_COSTLY,
            f"The Bundle has more than {most} entries: part it, what belongs together in one.",
            f"Bundle har flere enn {most} oppføringer: del den, slik at det som hører sammen er i samme.",
            where="Bundle.entry",
        )
    return str(kind)


def steps(bundle: Body, *, base: str, types: Collection[str]) -> list[Step]:
    """What each entry asks for. The Bundle's own form has been checked (`skeleton`)."""
    return [_step(position, entry, base, types) for position, entry in enumerate(bundle.get("entry", []))]


def require_moderate(asked: Sequence[Step]) -> None:
    """Raises `Problem` (TOO_COSTLY) where the entries together ask for more looking up than one request may."""
    searches = sum(step.method == "GET" and (len(step.parts) == 1 or step.parts[-1:] == ("_history",)) for step in asked)
    criteria = sum(len(step.criteria) + len(step.if_none_exist) for step in asked)
    pointers = sum(len({one for _, one in references(step.resource, "") if condition(one)}) for step in asked)
    if searches > SEARCHES or criteria > CRITERIA or pointers > POINTERS:
        bounds = SEARCHES, POINTERS, CRITERIA >> 10
        raise problem(
            Kind.TOO_COSTLY,
            "Too much to look up: at most {} searches and histories, {} conditional references and {} KiB of criteria.".format(
                *bounds
            ),
            "For mye å slå opp: høyst {} søk og historikker, {} betingede referanser og {} KiB kriterier.".format(*bounds),
            where="Bundle.entry",
        )


def in_order(asked: Sequence[Step]) -> list[Step]:
    """As a transaction is carried out: DELETE, POST, PUT and PATCH, GET; within one of these as they came."""
    return sorted(asked, key=lambda step: ORDER[step.method])


def twice(names: Mapping[int, str]) -> list[Finding]:
    """Entries (by position) that resolve to a resource that an earlier one changes too."""
    seen: set[str] = set()
    found = []
    for position, name in sorted(names.items()):
        if name in seen:
            found.append(same_resource(position))
        seen.add(name)
    return found


def same_resource(position: int) -> Finding:
    """An entry that resolves to the same resource as another one."""
    return Finding(
        "error",
        Kind.INVALID,
        "Another entry of the transaction resolves to the same resource: keep one of them.",
        "En annen oppføring i transaksjonen treffer samme ressurs: behold én av dem.",
        f"Bundle.entry[{position}]",
        rule=RULES,
    )


def references(node: Any, where: str) -> Iterator[tuple[str, str]]:
    """Every Reference.reference of a resource, in contained resources and extensions too, each with its place."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "reference" and isinstance(value, str):
                yield f"{where}.reference", value
            elif isinstance(value, dict | list):
                yield from references(value, f"{where}.{key}")
    elif isinstance(node, list):
        for position, item in enumerate(node):
            yield from references(item, f"{where}[{position}]")


def condition(reference: str) -> tuple[str, str] | None:
    """Type and criteria of a conditional reference.

    >>> condition("Patient?identifier=a|1"), condition("Patient/1")
    (('Patient', 'identifier=a|1'), None)
    """
    found = _CONDITIONAL.fullmatch(reference)
    return (found[1], found[2]) if found else None


def renaming(names: Mapping[str, str], full_url: str) -> Callable[[str], str]:
    """How links in the entry with that fullUrl are renamed; `names` are of the Bundle's fullUrls.

    A relative reference is read from the root of its entry's own fullUrl, where that is a RESTful address.
    """
    root = _ROOT.fullmatch(full_url)

    def renamed(said: str) -> str:
        if said in names:
            return names[said]
        return names.get(root[1] + said, said) if root else said

    return renamed


def rewritten(node: Any, change: Callable[[str], str]) -> Any:
    """`node` with every link to a resource changed: references and addresses, and href and src of the narrative.

    >>> rewritten({"for": {"reference": "urn:uuid:1", "display": "urn:uuid:1"}}, renaming({"urn:uuid:1": "Patient/7"}, ""))
    {'for': {'reference': 'Patient/7', 'display': 'urn:uuid:1'}}
    """
    if isinstance(node, dict):
        return {key: _changed(key, value, change, node) for key, value in node.items()}
    if isinstance(node, list):
        return [rewritten(item, change) for item in node]
    return node


def _changed(key: str, value: Any, change: Callable[[str], str], holder: Body) -> Any:
    if isinstance(value, str):
        if key in LINKS or (key == "url" and "contentType" in holder):  # Attachment.url; an extension's names no resource
            return change(value)
        if key == "div" and "status" in holder:
            return _NARRATIVE.sub(lambda found: f"{found[1]}{found[2]}{change(found[3])}{found[2]}", value)
        return value
    if key == "instantiatesUri" and isinstance(value, list):
        return [change(item) if isinstance(item, str) else item for item in value]
    return rewritten(value, change)


def _step(position: int, entry: Body, base: str, types: Collection[str]) -> Step:
    request, resource, faults = entry.get("request") or {}, entry.get("resource"), list[Finding]()
    method, url = str(request.get("method", "")), str(request.get("url", ""))
    where = f"Bundle.entry[{position}]"
    parts: tuple[str, ...] = ()
    operations: Any = None
    path, _, criteria = _below(url, base).partition("?")
    try:
        parts = _parts(method, path, f"{where}.request.url", types)
        _fits(method, parts, criteria, resource, where)
        if method == "PATCH":
            operations = _operations(resource, where)
    except Problem as fault:
        faults += fault.findings
    return Step(
        position,
        method,
        parts,
        criteria,
        resource if method in ("POST", "PUT") else None,
        operations,
        str(entry.get("fullUrl", "")),
        str(request.get("ifNoneExist", "")),
        str(request.get("ifMatch", "")),
        str(request.get("ifNoneMatch", "")),
        str(request.get("ifModifiedSince", "")),
        tuple(faults),
    )


def _below(url: str, base: str) -> str:
    """The address below the FHIR base, also where it was written in full."""
    return url.removeprefix(base).removeprefix("/") if url.startswith((f"{base}/", f"{base}?")) else url.removeprefix("/")


def _parts(method: str, path: str, where: str, types: Collection[str]) -> tuple[str, ...]:
    if method not in ORDER:
        raise _refused(Kind.NOT_ALLOWED, "This method is not offered.", "Metoden tilbys ikke.", where.replace(".url", ".method"))
    if method == "DELETE":
        raise _refused(Kind.NOT_ALLOWED, *NO_DELETE, where.replace(".url", ".method"))
    if not path:
        en = "A Bundle inside a Bundle is not carried out: put its entries beside the others."
        nb = "En Bundle inne i en Bundle utføres ikke: legg oppføringene ved siden av de andre."
        raise _refused(Kind.INVALID, en, nb, where)
    parts = tuple(path.split("/"))
    if not all(_PART.fullmatch(part) for part in parts):
        en = "Within a Bundle an address is [type], [type]/[id] or [type]?criteria of this FHIR base: ask others by themselves."
        nb = "I en Bundle er en adresse [type], [type]/[id] eller [type]?kriterier under denne FHIR-basen: spør andre for seg."
        raise _refused(Kind.INVALID, en, nb, where)
    if parts[0] not in types:
        en = "This type is not offered within a Bundle: see /fhir/metadata for those that are; ask definitions by themselves."
        nb = "Denne typen tilbys ikke i en Bundle: se /fhir/metadata for dem som gjør det; spør definisjoner for seg."
        raise _refused(Kind.INVALID, en, nb, where)
    return parts


NO_DELETE: Final = (
    "Nothing is deleted here: end by status (entered-in-error, cancelled, revoked), by an update.",
    "Ingenting slettes her: avslutt med status (entered-in-error, cancelled, revoked) i en oppdatering.",
)


def _fits(method: str, parts: tuple[str, ...], criteria: str, resource: Any, where: str) -> None:
    """That method, address and resource go together."""
    match method, parts:
        case "GET", (_,) | (_, "_history") | (_, _) | (_, _, "_history") | (_, _, "_history", _):
            return
        case "POST", (_,) if not criteria:
            pass
        case "POST", (_,):
            raise _refused(Kind.INVALID, *IF_NONE_EXIST, f"{where}.request.url")
        case (("PUT" | "PATCH"), (_, _)):
            pass
        case (("PUT" | "PATCH"), (_,)) if criteria:
            pass
        case _:
            en = "This method is not offered at this address within a Bundle: send it by itself."
            nb = "Metoden tilbys ikke på denne adressen i en Bundle: send den for seg."
            raise _refused(Kind.INVALID, en, nb, f"{where}.request.url")
    if not isinstance(resource, dict):
        raise _refused(Kind.REQUIRED, "The resource is missing: add it.", "Ressursen mangler: legg den til.", f"{where}.resource")
    if method != "PATCH" and resource.get("resourceType") != parts[0]:
        en, nb = "The resource is not of the type in request.url.", "Ressursen er ikke av typen i request.url."
        raise _refused(Kind.INVALID, en, nb, f"{where}.resource")
    if method == "PUT" and len(parts) > 1 and resource.get("id") != parts[1]:
        en, nb = "The resource's id is not the one in request.url.", "Ressursens id er ikke den i request.url."
        raise _refused(Kind.INVALID, en, nb, f"{where}.resource.id")


IF_NONE_EXIST: Final = (
    "Criteria for a create stand in If-None-Exist, not in the address.",
    "Kriterier for en opprettelse står i If-None-Exist, ikke i adressen.",
)


def _operations(resource: Any, where: str) -> Any:
    data, kind = resource.get("data"), str(resource.get("contentType", "")).partition(";")[0].strip()
    if resource.get("resourceType") != "Binary" or kind != PATCH or not isinstance(data, str):
        en = f"A PATCH within a Bundle has a Binary with contentType {PATCH} and the operations in data."
        nb = f"En PATCH i en Bundle har en Binary med contentType {PATCH} og operasjonene i data."
        raise _refused(Kind.INVALID, en, nb, f"{where}.resource")
    try:
        return json.parse(b64decode("".join(data.split()), validate=True))
    except ValueError:
        en, nb = "The data of the Binary is not base64.", "Data i Binary er ikke base64."
        raise _refused(Kind.VALUE, en, nb, f"{where}.resource.data") from None
    except Problem as fault:
        raise Problem(
            *(Finding(f.severity, f.kind, f.en, f.nb, f"{where}.resource.data", rule=f.rule) for f in fault.findings)
        ) from None


def _refused(kind: Kind, en: str, nb: str, where: str) -> Problem:
    return problem(kind, en, nb, where=where, rule=RULES)
