"""A partner's CapabilityStatement against what assignments need of it (https://hl7.org/fhir/R4/capabilitystatement.html)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from adapter.partners import habits
from adapter.partners.checks import Light, Seen, green, red, yellow
from adapter.settings import Partner

VERSIONS: Final = ("4.0.0", "4.0.1")
JSON: Final = frozenset({"json", "application/fhir+json", "application/json"})


def is_statement(body: object) -> bool:
    return habits.capability(body, "Task") is not None


def pushes(statement: Any, partner: Partner) -> bool:
    """Whether Tasks are sent there: as configured, else as it says of itself."""
    return (partner.mode or habits.mode(statement)) == "push"


def said(statement: Any, partner: Partner) -> Iterator[Seen]:
    """Each check of the statement; where there is none, the two that the configuration has to make up for."""
    if not is_statement(statement):
        return (yield from _none(partner))
    task = habits.capability(statement, "Task") or {}
    yield green("metadata", "there", "finnes")
    yield _version(statement.get("fhirVersion"))
    yield _format(statement.get("format"))
    yield _mode(statement, partner)
    yield from _task(task, pushes(statement, partner))
    yield _transaction(statement)


def _none(partner: Partner) -> Iterator[Seen]:
    ask = ("ask for one at /metadata", "be om en på /metadata")
    if partner.mode:
        yield yellow("metadata", "none: what follows is not known", "ingen: det som følger, er ikke kjent", *ask)
        yield green("mode", f"{partner.mode}, as configured", f"{partner.mode}, som satt opp")
        return
    yield red("metadata", "none", "ingen", *ask)
    yield red("mode", "not known", "ikke kjent", 'or set mode = "push" or "wait"', 'eller sett mode = "push" eller "wait"')


def _version(version: object) -> Seen:
    if version in VERSIONS:
        return green("fhir-version", str(version), str(version))
    other = ("another than R4 (4.0.1)", "en annen enn R4 (4.0.1)")
    return red("fhir-version", *other, "ask for the server's R4 address", "be om serverens R4-adresse")


def _format(formats: object) -> Seen:
    if isinstance(formats, list) and any(str(name).partition(";")[0].strip() in JSON for name in formats):
        return green("format", "spoken", "snakkes")
    ask = ("ask whether application/fhir+json is spoken all the same", "spør om application/fhir+json snakkes likevel")
    return yellow("format", "not mentioned", "ikke nevnt", *ask)


def _mode(statement: Any, partner: Partner) -> Seen:
    own = habits.mode(statement)
    if not partner.mode:
        return green("mode", f"{own}, as it says of itself", f"{own}, som den sier om seg selv")
    if partner.mode in (own, "wait"):
        return green("mode", f"{partner.mode}, as configured", f"{partner.mode}, som satt opp")
    return yellow(
        "mode",
        *("push, as configured; by its own words wait", "push, som satt opp; etter egne ord wait"),
        *("ask whether Tasks may be created there, conditionally", "spør om oppgaver kan opprettes der, betinget"),
    )


def _task(task: Mapping[str, Any], push: bool) -> Iterator[Seen]:
    can = habits.interactions(task)
    needed: Light = "red" if push else "green"
    for check, code in (("task-create", "create"), ("task-update", "update")):
        yield _has(check, code in can, needed)
    yield _has("task-search", "search-type" in can, "red" if push else "yellow")
    yield _has("conditional-create", task.get("conditionalCreate") is True, needed)
    versions = task.get("versioning")
    yield _has(
        "versions", versions in ("versioned", "versioned-update"), needed if versions == "no-version" or not push else "yellow"
    )


def _has(check: str, there: bool, otherwise: Light) -> Seen:
    if there:
        return green(check, "offered", "tilbys")
    if otherwise == "green":
        return green(check, "not offered, nor needed: it fetches here", "tilbys ikke, og trengs ikke: den henter her")
    ask = (
        "ask whether it is there all the same, and for the statement to say so",
        "spør om det finnes likevel, og be om at det sies",
    )
    return Seen(check, otherwise, "not offered", "tilbys ikke", *ask)


def _transaction(statement: Any) -> Seen:
    if "transaction" in habits.system_interactions(statement):
        return green("transaction", "offered", "tilbys")
    return green("transaction", "not offered: Tasks are created one by one", "tilbys ikke: oppgaver opprettes én og én")
