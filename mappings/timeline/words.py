"""The words on a timeline: short Norwegian names, where the national ones are sentences. The full ones stand beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from adapter.domain.course import Event
from adapter.domain.feedback import LIMIT_NAMES
from adapter.domain.identity import BASE
from mappings import terms

EVENTS: Final = {
    "A": "Forløpet starter",
    "L": "Pasientutsatt",
    "P": "Symptomer på psykose",
    "M": "Første fremmøte",
    "C": "Klinisk beslutning",
    "D": "Avrusning avsluttet",
    "T": "OCD-behandling avsluttet",
    "F": "Tilbakemelding til henviser",
    "S": "Samarbeidsmøte",
    "U": "Aktivitet",
    "E": "Evaluering",
    "H": "Hjelpebehov ved avslutning",
    "X": "Avslutning",
}
NEEDS: Final = {
    "P": "psykisk helsevern",
    "T": "TSB",
    "S": "annen spesialist",
    "K": "fastlege, kommune",
    "A": "andre",
    "I": "ikke behov",
}
OUTCOMES: Final[Mapping[str, Mapping[str, str]]] = {
    "C": {"U": "utvidet utredning", **NEEDS},
    "S": {"M": "gjennomført", "I": "ikke behov"},
    "U": {
        "B": "informert",
        "U": "med i planen",
        "F": "feedbackverktøy",
        "V": "måleverktøy",
        "E": "eksponering",
        "M": "legemiddel",
        "S": "familiebasert",
    },
    "H": NEEDS,
    "X": {
        "G": "gjennomført",
        "M": "ikke møtt",
        "P": "eget ønske",
        "A": "andre årsaker",
        "N": "annet forløp",
        "O": "annet sykehus",
        "R": "rett ikke innvilget",
        "L": "skal ikke i forløp",
    },
}
SYSTEMS: Final = {"C": "9323", "S": "9324", "U": "9325", "X": "9326", "H": "9328"}
LIMITS: Final = {
    "emergency-decision": "Etter øyeblikkelig hjelp",
    "extended-decision": "Utvidet utredning",
    "detox-to-treatment": "Avrusning til behandling",
}
"""Shorter than their names are elsewhere (`LIMIT_NAMES`)."""

STANDINGS: Final = {
    "on-time": ("○", "I rute"),
    "due-soon": ("◐", "Frist nærmer seg"),
    "overdue": ("▲", "Frist brutt"),
    "met": ("✓", "Frist holdt"),
    "met-late": ("△", "Utført etter frist"),
    "fell-away": ("–", "Falt bort"),
    "unknown": ("?", "Ukjent frist"),
}
"""How a deadline stands, as a sign and in words: it can be told without colour."""

STATUSES: Final = {
    "planned": "planlagt",
    "waitlist": "på venteliste",
    "active": "aktivt",
    "finished": "avsluttet",
    "cancelled": "avbrutt",
    "entered-in-error": "feilregistrert",
}

_OWN: Final = f"{BASE}/CodeSystem"


def pathway(code: str) -> str:
    return _display(f"{terms.OID}9321", code)


def phase(code: str) -> str:
    return _display(f"{_OWN}/pathway-phase", code)


def duty(kind: str, nb: str) -> str:
    return nb or _display(f"{_OWN}/pathway-task", kind)


def limit(id: str, ordinal: int) -> str:
    """The name of a limit; further evaluations are told apart by their number."""
    name = LIMITS.get(id) or LIMIT_NAMES.get(id, ("",))[0] or _display(f"{_OWN}/pathway-task", id)
    return f"{name} {ordinal}" if ordinal > 1 else name


def outcome(said: Event) -> str:
    """The short words of an event's outcomes; nothing where it has none."""
    known = OUTCOMES.get(said.kind, {})
    return ", ".join(known.get(code, code) for code in said.outcomes)


def official(said: Event) -> str:
    """An event in the words of the national code lists."""
    outcomes = [_display(terms.OID + SYSTEMS[said.kind], o) for o in said.outcomes] if said.kind in SYSTEMS else []
    return ". ".join([_display(terms.OID + "9322", said.kind), *outcomes])


def days(count: int) -> str:
    """
    >>> days(1), days(12)
    ('1 dag', '12 dager')
    """
    return f"{count} dag" if count == 1 else f"{count} dager"


def _display(system: str, code: str) -> str:
    return (terms.displays(system) or {}).get(code, code)
