"""What a client may not write, beyond what FHIR itself forbids. Read-only is a property of the resource, not of its type.

- A resource that we worked out (tag *computed*) is ours to write. The exception is an answer to a Task: its status, reason,
  owner inside the organisation, time, notes and output. An assignment's own rules are elsewhere.
- The tag *computed* is ours to give; a security label stays where it was set, and so do the identifiers of what
  organisations share.
- What a pathway is (PlanDefinition) is for reading: it is made of the rule sets.
- A part of a resource, as a search gives it, is not kept for the whole.
- A test environment takes no person who may be real.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from adapter.domain import persons
from adapter.domain.identity import BASE
from adapter.domain.problem import Finding, Kind
from adapter.ports import Unit
from adapter.r4 import json
from adapter.usecases.writing import FOR_READING, VERSIONED, Body, Rules, body_of
from mappings.resources import assignment

TAG: Final = f"{BASE}/CodeSystem/tag"
SUBSETTED: Final = ("http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "SUBSETTED")
SUMMARY: Final = "https://hl7.org/fhir/R4/search.html#summary"
ASSIGNMENT: Final = f"{BASE}/CodeSystem/coordination-task"
ENTERPRISE: Final = "urn:oid:2.16.578.1.12.4.1.4.101"  # Enhetsregisteret
ANSWER: Final = ("status", "statusReason", "owner", "executionPeriod", "note", "output")
PARTS: Final = 8  # how far up an organisation's units are followed

INSTEAD: Final = {
    "EpisodeOfCare": (
        "register an event (an Observation), or answer its Tasks",
        "registrer en hendelse (Observation), eller besvar oppgavene",
    ),
    "CarePlan": (
        "register an event (an Observation), or answer its Tasks",
        "registrer en hendelse (Observation), eller besvar oppgavene",
    ),
    "PlanDefinition": (
        "lay the organisation's own limits over it, in rules/*.toml",
        "legg virksomhetens egne frister over den, i rules/*.toml",
    ),
    "Task": ("change " + ", ".join(ANSWER) + " only", "endre bare " + ", ".join(ANSWER)),
}
OTHERWISE: Final = ("answer the Task that it came from", "besvar oppgaven den kommer fra")


def computed(resource: Mapping[str, Any]) -> bool:
    """Whether we worked the resource out."""
    return any(tag.get("system") == TAG and tag.get("code") == "computed" for tag in resource.get("meta", {}).get("tag", []))


def answerable(resource: Mapping[str, Any]) -> bool:
    """Whether clients may answer this computed resource: a Task that is no assignment."""
    codes = resource.get("code", {}).get("coding", []) if resource["resourceType"] == "Task" else None
    return codes is not None and not any(code.get("system") == ASSIGNMENT for code in codes)


def faults_of_new(resource: Body, rules: Rules) -> list[Finding]:
    """Why a resource may not be created."""
    if resource["resourceType"] in FOR_READING:
        return [_for_reading(resource["resourceType"])]
    return [*_claims(resource), *_partial(resource), *persons_of(resource, rules)]


def _for_reading(type: str) -> Finding:
    en, nb = INSTEAD[type]
    en = f"A {type} is made by the service, of its rule sets, and not created here: {en}."
    nb = f"En {type} lages av tjenesten, av regelsettene, og opprettes ikke her: {nb}."
    return Finding("error", Kind.BUSINESS_RULE, en, nb, type)


def faults_of_change(unit: Unit, tenant: str, old: Body, new: Body, rules: Rules) -> list[Finding]:
    """Why `old` may not become `new`. What an assignment may become is its life's matter (`assignment_rules`)."""
    if computed(old) and not (rules.sharing and assignment.is_shared(old)):
        return [*_answer(unit, tenant, old, new), *_partial(new), *persons_of(new, rules)]
    claims = [] if computed(old) else _claims(new)
    return [*claims, *_partial(new), *_identifiers(old, new), *persons_of(new, rules)]


def kept_meta(old: Body, new: Body) -> Body:
    """`new` with what a client may not take away: all of a computed resource's meta, else the security labels."""
    if computed(old):
        return {**new, "meta": old["meta"]}
    meta = new.get("meta", {})
    kept = [*meta.get("security", []), *_labels_lacking(old, new)]
    return {**new, "meta": {**meta, "security": kept}} if kept else new


def removed_labels(old: Body, new: Body) -> list[Finding]:
    """A patch that takes a security label away says so, and is told that it does not."""
    if not _labels_lacking(old, new):
        return []
    en = "A security label stays where it was set: leave it in place."
    nb = "En sikkerhetsmerking blir stående: la den være."
    return [Finding("error", Kind.BUSINESS_RULE, en, nb, f"{old['resourceType']}.meta.security")]


def _labels_lacking(old: Body, new: Body) -> list[Body]:
    """The security labels of `old` that `new` has not, whatever the order of their members."""
    labels = {_sorted(label) for label in new.get("meta", {}).get("security", [])}
    return [label for label in old.get("meta", {}).get("security", []) if _sorted(label) not in labels]


def _sorted(label: Body) -> bytes:
    return json.encode(dict(sorted(label.items())))


def _claims(resource: Body) -> Iterator[Finding]:
    if computed(resource):
        en = "The tag computed is given by this service alone: remove it."
        nb = "Merkelappen computed settes bare av tjenesten: fjern den."
        yield Finding("error", Kind.BUSINESS_RULE, en, nb, f"{resource['resourceType']}.meta.tag")


def _partial(resource: Body) -> Iterator[Finding]:
    """What a search gave parts of is so tagged lest it takes the place of the whole (search.html#summary, #elements)."""
    if any((tag.get("system"), tag.get("code")) == SUBSETTED for tag in resource.get("meta", {}).get("tag", [])):
        en = "This is a part of a resource, as the tag SUBSETTED says: read it whole, and send that."
        nb = "Dette er en del av en ressurs, som merkelappen SUBSETTED sier: les den hel, og send den."
        yield Finding("error", Kind.BUSINESS_RULE, en, nb, f"{resource['resourceType']}.meta.tag", rule=SUMMARY)


def _identifiers(old: Body, new: Body) -> Iterator[Finding]:
    """What several organisations work on is known to them by its identifiers: they are added to, never replaced."""
    if old["resourceType"] not in VERSIONED:
        return
    kept = {(one.get("system"), one.get("value")) for one in new.get("identifier", [])}
    if any((one.get("system"), one.get("value")) not in kept for one in old.get("identifier", [])):
        en = "An identifier that others know this by stays: add the new one beside it."
        nb = "En identifikator som andre kjenner denne ved, blir stående: legg den nye til ved siden av."
        yield Finding("error", Kind.BUSINESS_RULE, en, nb, f"{old['resourceType']}.identifier")


def _answer(unit: Unit, tenant: str, old: Body, new: Body) -> Iterator[Finding]:
    """An answer changes what an answer is made of, and nothing else; the rest is named, element by element."""
    type, names = old["resourceType"], {*old, *new} - {"meta", "id", "resourceType"}
    changed = [name for name in sorted(names) if old.get(name) != new.get(name)]
    may = ANSWER if answerable(old) else ()
    en, nb = INSTEAD.get(type, OTHERWISE) if may or type != "Task" else ASSIGNED
    for name in changed:
        if name.lstrip("_") not in may:
            yield Finding(
                "error",
                Kind.BUSINESS_RULE,
                f"This {type} was worked out by the service and is not changed here: {en}.",
                f"Denne {type} er beregnet av tjenesten og endres ikke her: {nb}.",
                f"{type}.{name.lstrip('_')}",
            )
    if "owner" in changed and may and not _within(unit, tenant, new.get("owner"), PARTS):
        yield Finding(
            "error",
            Kind.BUSINESS_RULE,
            "The owner of this Task stays inside the organisation: name one of its units, or a PractitionerRole in one.",
            "Eieren av oppgaven er i virksomheten: oppgi en av dens enheter, eller en PractitionerRole i en av dem.",
            "Task.owner",
        )


ASSIGNED: Final = (
    "an assignment is answered by the organisation that it was sent to",
    "et oppdrag besvares av virksomheten det er sendt til",
)
_UP: Final = {"Organization": "partOf", "PractitionerRole": "organization", "HealthcareService": "providedBy"}


def _within(unit: Unit, tenant: str, reference: Any, steps: int) -> bool:
    """Whether what is referred to belongs to the organisation, by its number or by what it is a part of."""
    if not isinstance(reference, dict) or not steps:
        return False
    if _is_ours(reference.get("identifier"), tenant):
        return True
    type, _, id = str(reference.get("reference", "")).partition("/")
    stored = unit.read(tenant, type, id) if type in _UP and id else None
    if stored is None:
        return False
    body = body_of(stored)
    if type == "Organization" and any(_is_ours(one, tenant) for one in body.get("identifier", [])):
        return True
    return _within(unit, tenant, body.get(_UP[type]), steps - 1)


def _is_ours(identifier: Any, tenant: str) -> bool:
    return isinstance(identifier, dict) and (identifier.get("system"), identifier.get("value")) == (ENTERPRISE, tenant)


def persons_of(resource: Body, rules: Rules) -> list[Finding]:
    """The persons in a resource who may be real, where only invented ones may be."""
    if not rules.test_environment:
        return []
    en = "This person may be real, and this is a test environment. Use synthetic numbers: month +80, +65 or +40."
    nb = "Personen kan være virkelig, og dette er et testmiljø. Bruk syntetiske fødselsnummer: måned +80, +65 eller +40."
    return [
        Finding("error", Kind.NOT_SYNTHETIC, en, nb, where)
        for where, number in _numbers(resource, resource["resourceType"])
        if persons.kind(number) and not persons.synthetic(number) and number not in rules.allowed_persons
    ]


def _numbers(node: Any, where: str) -> Iterator[tuple[str, str]]:
    """The values of all identifiers, wherever they stand, each with its place."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "value" and isinstance(value, str):
                yield f"{where}.value", value.replace(" ", "")
            elif isinstance(value, dict | list):
                yield from _numbers(value, f"{where}.{key}")
    elif isinstance(node, list):
        for position, item in enumerate(node):
            yield from _numbers(item, f"{where}[{position}]")
