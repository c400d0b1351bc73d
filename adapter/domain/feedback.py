"""What is told of a pathway's events: the feedback of the patient register (Volven 9329), and ours where that has no number.

Each says what is wrong, why, and what to do. `where` is empty: the caller knows from which resource the event was read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache
from typing import Final

from adapter.domain.codes import combined
from adapter.domain.problem import Finding, Kind, Severity
from adapter.domain.ruleset import Limit
from adapter.domain.state import Noted


def _finding(severity: Severity, rule: str, en: str, nb: str) -> Finding:
    return Finding(severity, Kind.BUSINESS_RULE, en, nb, rule=rule)


_OURS: Final = "docs/pathways.md"

FIXED: Final[Mapping[str, Finding]] = {
    "102": _finding(
        "information",
        "Volven 9329:102",
        "The same code is registered already on that date; it counts once. Retract one of them if it is a mistake.",
        "Samme kode er allerede registrert på datoen; den teller én gang. Trekk tilbake den ene hvis det er en feil.",
    ),
    "102-M": _finding(
        "warning",
        "Volven 9329:102",
        "First attendance (M) is registered already; the first one counts. Retract the one that is wrong.",
        "Første fremmøte (M) er allerede registrert; det første teller. Trekk tilbake det som er feil.",
    ),
    "105": _finding(
        "error",
        "Volven 9329:105",
        "The pathway has no start (A), so none of its codes counts. Register A first, or in the same transaction.",
        "Forløpet mangler start (A), og da teller ingen av kodene. Registrer A først, eller i samme transaksjon.",
    ),
    "106": _finding(
        "error",
        "Volven 9329:106",
        "The event is dated before the pathway's start (A); only the onset of psychosis (P) may be. Correct its date, or A's.",
        "Hendelsen er datert før forløpets start (A); bare symptomstart (P) kan være det. Rett datoen, eller den på A.",
    ),
    "I2": _finding(
        "error",
        f"Volven 9322:A; {_OURS} I2",
        "The pathway has its start (A) already; there is one in each pathway. Retract the wrong one, or open another pathway.",
        "Forløpet har allerede en start (A); det er én i hvert forløp. Trekk tilbake den som er feil, eller åpne et annet forløp.",
    ),
    "208": _finding(
        "error",
        "Volven 9329:208",
        "A clinical decision (C) needs a first attendance (M) on or before its date, also where the condition is settled. "
        "Register M first, or in the same transaction.",
        "Klinisk beslutning (C) krever første fremmøte (M) på eller før datoen, også ved avklart tilstand. "
        "Registrer M først, eller i samme transaksjon.",
    ),
    "211": _finding(
        "error",
        "Volven 9329:211",
        "First attendance (M) is dated after a clinical decision (C). Correct the date, or retract the decision.",
        "Første fremmøte (M) er datert etter en klinisk beslutning (C). Rett datoen, eller trekk tilbake beslutningen.",
    ),
    "216": _finding(
        "warning",
        "Volven 9329:216",
        "The patient was 18 or older at the start of a pathway for children and young people (D12). Consider D11.",
        "Pasienten var fylt 18 år ved start av forløp for barn og unge (D12). Vurder D11.",
    ),
    "221": _finding(
        "error",
        "Volven 9329:221",
        "An evaluation (E) needs a clinical decision (C) on or before its date. Register C first, or in the same transaction.",
        "Evaluering (E) krever klinisk beslutning (C) på eller før datoen. Registrer C først, eller i samme transaksjon.",
    ),
    "222": _finding(
        "error",
        "Volven 9329:222",
        "Feedback to the referrer (F) needs a clinical decision (C) on or before its date. Register C first, or in the same "
        "transaction.",
        "Tilbakemelding til henviser (F) krever klinisk beslutning (C) på eller før datoen. Registrer C først, eller i samme "
        "transaksjon.",
    ),
    "223": _finding(
        "error",
        "Volven 9329:223",
        "The onset of psychosis (P) is dated after the clinical decision (C). Give the date on which the symptoms began.",
        "Start på psykosesymptomer (P) er datert etter klinisk beslutning (C). Oppgi datoen da symptomene begynte.",
    ),
    "225": _finding(
        "error",
        "Volven 9329:225, 114",
        "The pathway was closed before this event. Correct the date, retract the closing, or register it in a new pathway.",
        "Forløpet var avsluttet før hendelsen. Rett datoen, trekk tilbake avslutningen, eller registrer den i et nytt forløp.",
    ),
    "I6": _finding(
        "error",
        f"Volven 9322:C; {_OURS} I6",
        "The pathway has two clinical decisions (C) already, which is the most. Retract the wrong one, or close.",
        "Forløpet har allerede to kliniske beslutninger (C), det meste det kan ha. Trekk tilbake den som er feil, eller avslutt.",
    ),
    "T7": _finding(
        "error",
        f"Volven 9323:U; {_OURS} T7",
        "Extended assessment (C with U) can only be the first decision, and this is the second. Give its own outcome.",
        "Utvidet utredning (C med U) kan bare være første beslutning, og dette er den andre. Oppgi dens eget utfall.",
    ),
    "I11": _finding(
        "error",
        f"{_OURS} I11",
        "The patient has another open pathway of this type here. Register in that one, or close it first.",
        "Pasienten har et annet åpent forløp av denne typen her. Registrer i det, eller avslutt det først.",
    ),
}
"""By number; a letter after it tells a kind of the same number apart."""


def fixed(number: str, event: str = "") -> Noted:
    return Noted(number.partition("-")[0], event, FIXED[number])


def _shown(code: str) -> str:
    """A code as it may be shown: at most 64 characters, and none that could be markup or a person's words."""
    return "".join(c for c in code[:64] if c.isascii() and c.isalnum()) or "?"


def no_such_code(event: str, type: str, version: str, kind: str, outcome: str = "") -> Noted:
    """201: the combination does not exist in the pathway's rule set."""
    name = combined(type, _shown(kind), _shown(outcome) if outcome else "")
    return Noted(
        "201",
        event,
        _finding(
            "error",
            "Volven 9329:201, 9327",
            f"The code {name} does not exist in the rules of {version}. Register one that the pathway {type} has.",
            f"Koden {name} finnes ikke i reglene fra {version}. Registrer en som forløp {type} har.",
        ),
    )


def outcome_missing(event: str, kind: str, system: str) -> Noted:
    return Noted(
        "I13",
        event,
        _finding(
            "error",
            f"Volven {system}" if system else "Volven 9327",
            f"The event {_shown(kind)} needs an outcome{f' ({system})' if system else ''}, and counts for nothing without one.",
            f"Hendelsen {_shown(kind)} krever et utfall{f' ({system})' if system else ''}, og teller ikke uten.",
        ),
    )


def outcome_forbidden(event: str, kind: str) -> Noted:
    return Noted(
        "I13",
        event,
        _finding(
            "error",
            "Volven 9327",
            f"The event {_shown(kind)} has no outcomes. Register it without one.",
            f"Hendelsen {_shown(kind)} har ingen utfall. Registrer den uten.",
        ),
    )


def parallel(types: Iterable[str]) -> Noted:
    """224: the patient is in another type's pathway too, which is allowed."""
    listed = ", ".join(sorted({_shown(type) for type in types}))
    return Noted(
        "224",
        "",
        _finding(
            "warning",
            "Volven 9329:224",
            f"The patient is also in another pathway here: {listed}. Close the one that no longer applies, if one does not.",
            f"Pasienten er også i et annet forløp her: {listed}. Avslutt det som eventuelt ikke lenger gjelder.",
        ),
    )


LIMIT_NAMES: Final[Mapping[str, tuple[str, str]]] = {
    "assess-referral": ("Vurdere henvisningen", "Assess the referral"),
    "date-limit": ("Frist for helsehjelp", "Date limit"),
    "guarantee-under-23": ("Garanti under 23 år", "Guarantee below 23"),
    "first-attendance": ("Første fremmøte", "First attendance"),
    "emergency-decision": ("Beslutning etter øyeblikkelig hjelp", "Decision after emergency care"),
    "decision": ("Klinisk beslutning", "Clinical decision"),
    "extended-decision": ("Klinisk beslutning etter utvidet utredning", "Clinical decision after extended assessment"),
    "first-evaluation": ("Første evaluering", "First evaluation"),
    "next-evaluation": ("Neste evaluering", "Next evaluation"),
    "detox-to-treatment": ("Fra avrusning til behandling", "From detoxification to treatment"),
}
"""Each kind of time limit, Norwegian and English."""


def early(version: str, first: date) -> Noted:
    """The pathway began before any rules held for it: the first ones are used."""
    return Noted(
        "early",
        "",
        _finding(
            "information",
            f"{_OURS} {version}",
            f"The pathway began before the rules of {version} held (from {first}); they are used. Correct the date if it is wrong.",
            f"Forløpet begynte før reglene fra {version} gjaldt (fra {first}); de brukes. Rett datoen hvis den er feil.",
        ),
    )


_FROM: Final[Mapping[str, tuple[str, str]]] = {
    "received": ("the referral was received", "henvisningen ble mottatt"),
    "assessed": ("the referral was assessed", "henvisningen ble vurdert"),
    "emergency": ("the emergency contact", "øyeblikkelig hjelp"),
    "M": ("first attendance (M)", "første fremmøte (M)"),
    "C": ("the clinical decision (C)", "klinisk beslutning (C)"),
    "CU": ("the decision on extended assessment (C with U)", "beslutning om utvidet utredning (C med U)"),
    "E": ("the evaluation (E)", "evalueringen (E)"),
    "D": ("the end of detoxification (D)", "avsluttet avrusning (D)"),
}


@lru_cache(maxsize=1024)
def no_deadline(id: str, anchor: str, why: str, value: str, reference: str) -> Finding:
    """Why a time limit gives no deadline: *limit*, *care-level* or *severity* is unknown."""
    (en, nb), names = _FROM[anchor], LIMIT_NAMES.get(id, (id, id))
    if why == "care-level":
        reason = (
            "depends on the care level, which is not known. Give it with the event",
            "avhenger av omsorgsnivå, som ikke er kjent. Oppgi det med hendelsen",
        )
    elif why == "severity":
        reason = (
            "depends on the severity, which is not known. Give it with the event",
            "avhenger av alvorlighet, som ikke er kjent. Oppgi det med hendelsen",
        )
    else:
        at = f" ({_shown(value)})" if value else ""
        reason = (
            f"is unknown{at}. Lay it down as the organisation's own, if it has one",
            f"er ukjent{at}. Legg den inn som virksomhetens egen, hvis den har en",
        )
    return _finding(
        "information",
        reference or f"{_OURS} {id}",
        f"{names[1]}: no deadline, since the time limit from {en} {reason[0]}.",
        f"{names[0]}: ingen frist, siden tidsfristen fra {nb} {reason[1]}.",
    )


def unknown_limit(limit: Limit, event: str, why: str, value: str = "") -> Noted:
    return Noted(f"no-{limit.id}", event, no_deadline(limit.id, limit.anchor, why, value, limit.source.reference))
