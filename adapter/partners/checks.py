"""The checks of a partner by name, and what was seen of one: a light, and what to do where it is not green."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from adapter.domain.problem import Problem

Light = Literal["green", "yellow", "red", "not-tried"]

CHECKS: Final = {
    "address": ("Address", "Adresse"),
    "organisation": ("Organisation number", "Organisasjonsnummer"),
    "municipality": ("Municipality", "Kommune"),
    "notifications": ("Notifications, both ways", "Varsler, begge veier"),
    "name": ("Name service (DNS)", "Navnetjeneste (DNS)"),
    "connection": ("Connection (TCP)", "Forbindelse (TCP)"),
    "tls": ("Encryption (TLS)", "Kryptering (TLS)"),
    "token": ("Token", "Token"),
    "metadata": ("CapabilityStatement", "CapabilityStatement"),
    "clock": ("Clock", "Klokke"),
    "fhir-version": ("FHIR version", "FHIR-versjon"),
    "format": ("FHIR JSON", "FHIR JSON"),
    "mode": ("Mode", "Modus"),
    "task-create": ("Task: create", "Task: opprette"),
    "task-update": ("Task: update", "Task: oppdatere"),
    "task-search": ("Task: search", "Task: søke"),
    "conditional-create": ("Create once (If-None-Exist)", "Opprette én gang (If-None-Exist)"),
    "versions": ("Versions (If-Match)", "Versjoner (If-Match)"),
    "transaction": ("Transactions", "Transaksjoner"),
    "find": ("Search by identifier", "Søk på identifikator"),
    "changes": ("Search by code and time", "Søk på kode og tid"),
    "validate": ("Our assignment, judged there", "Oppdraget vårt, vurdert der"),
    "written-once": ("Written twice, kept once", "Skrevet to ganger, tatt vare på én gang"),
    "changed": ("Changed", "Endret"),
    "stale": ("A stale change is refused", "En foreldet endring avvises"),
}
"""Every check, in the order in which to mend them."""

WITH_WRITE: Final = ("written-once", "changed", "stale")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a check saw, in English and Norwegian, and what to do about it."""

    check: str
    light: Light
    en: str
    nb: str
    do_en: str = ""
    do_nb: str = ""


def green(check: str, en: str, nb: str) -> Seen:
    return Seen(check, "green", en, nb)


def yellow(check: str, en: str, nb: str, do_en: str, do_nb: str) -> Seen:
    return Seen(check, "yellow", en, nb, do_en, do_nb)


def red(check: str, en: str, nb: str, do_en: str, do_nb: str) -> Seen:
    return Seen(check, "red", en, nb, do_en, do_nb)


def not_tried(check: str) -> Seen:
    return Seen(check, "not-tried", "not tried", "ikke prøvd")


def failed(check: str, fault: Problem, light: Light = "red") -> Seen:
    """What went wrong, in its own words: they say what to do."""
    finding = fault.findings[0]
    return Seen(check, light, str(finding.kind), str(finding.kind), finding.en, finding.nb)
