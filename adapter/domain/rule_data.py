"""Builds rule sets from plain data, and tells every contradiction at once, with its file and line.

    build(data, place) -> RuleSet            a national rule set
    build_local(data, place) -> Local        an organisation's own limits, laid over one

`data` is what a TOML file holds (see `mappings/pathways`), `place` gives `file:line` of a path in it, such as
`("limit", 3, "days")`. What is not known is written "unknown"; what is left out is a mistake.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from adapter.domain.rule_sheet import UNKNOWN, Path, Place, Sheet
from adapter.domain.ruleset import (
    CARE_LEVELS,
    ORDER,
    SEVERITIES,
    Duty,
    Indicator,
    Limit,
    Local,
    Rule,
    RuleSet,
    clash,
    fault,
    unanchored,
)

OUTCOMES: Final[Mapping[str, str]] = {"C": "AIKPSTU", "S": "IM", "U": "BEFMSUV", "X": "AGLMNOPR", "H": "AIKPST"}
"""The outcomes of 9323, 9324, 9325, 9326 and 9328; the other events have none."""

LIMITS: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "assess-referral": (("received",), ""),
    "date-limit": (("assessed",), "M"),
    "guarantee-under-23": (("assessed",), "M"),
    "first-attendance": (("received", "assessed"), "M"),
    "emergency-decision": (("emergency",), ""),
    "decision": (("M",), "C"),
    "extended-decision": (("CU",), "C"),
    "first-evaluation": (("C",), "E"),
    "next-evaluation": (("E",), "E"),
    "detox-to-treatment": (("D",), ""),
}
"""Every kind of limit: what it may run from, and the event that it awaits."""

LEGAL: Final = ("assess-referral", "date-limit", "guarantee-under-23")
"""Limits that the law sets: no organisation lays its own over them."""

PHASES: Final = ("referred", "waiting", "basic-assessment", "extended-assessment", "planning", "treatment", "closing")
UNITS: Final = ("calendar", "working")

_SOURCED: Final = ("source", "confidence", "note")
_FILE: Final = ("pathway", "rule_set", "shared", "nb", "en", "start", "valid_from", "valid_to", *_SOURCED, "sources")
_TABLES: Final = ("events", "events_source", "limit", "duty", "indicator", "rule")
_LOCAL: Final = ("pathway", "rule_set", "organisation", "note", "sources", "limit")
_LIMIT: Final = ("id", "anchor", "awaits", "care_level", "severity", "days", "earliest", "unit", "below_age", "target", *_SOURCED)
_DUTY: Final = ("kind", "phase", "within", "unit", "below_age", "from_age", "nb", "en", *_SOURCED)
_INDICATOR: Final = ("id", "nb", "en", "target", "unit", *_SOURCED)
_RULE: Final = ("number", "severity", "nb", "en", "days", "unit", *_SOURCED)


def build(data: Mapping[str, Any], place: Place) -> RuleSet:
    """A national rule set. Raises `Problem` with all that is wrong with it.

    >>> build({"pathway": "D11"}, lambda path: "D11.toml").pathway
    Traceback (most recent call last):
    adapter.domain.problem.Problem: ...
    """
    sheet = Sheet(data, place)
    sheet.keys((), data, (*_FILE, *_TABLES))
    start = sheet.choice((), data, "start", ("received", "assessed"))
    events = _events(sheet)
    rules = RuleSet(
        pathway=sheet.text((), data, "pathway"),
        version=sheet.text((), data, "rule_set"),
        nb=sheet.text((), data, "nb"),
        en=sheet.text((), data, "en"),
        start="assessed" if start == "assessed" else "received",
        valid_from=sheet.day("valid_from") or date.min,
        valid_to=sheet.day("valid_to") if "valid_to" in data else None,
        source=sheet.source((), data),
        events=events,
        events_source=sheet.source(("events_source",), sheet.table("events_source")),
        limits=tuple(_limit(sheet, path, table) for path, table in sheet.each("limit")),
        duties=tuple(_duty(sheet, path, table) for path, table in sheet.each("duty")),
        indicators=tuple(_indicator(sheet, path, table) for path, table in sheet.each("indicator")),
        rules=tuple(_rule(sheet, path, table) for path, table in sheet.each("rule")),
        place=place(("pathway",)),
    )
    if rules.valid_to and rules.valid_to < rules.valid_from:
        sheet.wrong(("valid_to",), "valid_to is before valid_from", "valid_to er før valid_from")
    for index, limit in enumerate(rules.limits):
        sheet.faults += unanchored(limit, events, place(("limit", index)))
    _once(sheet, rules.limits)
    sheet.judge()
    return rules


def build_local(data: Mapping[str, Any], place: Place) -> Local:
    """An organisation's own limits. Raises `Problem` with all that is wrong with them."""
    sheet = Sheet(data, place, local=True)
    sheet.keys((), data, _LOCAL)
    limits = tuple(_limit(sheet, path, table) for path, table in sheet.each("limit"))
    for index, limit in enumerate(limits):
        if limit.id in LEGAL:
            en, nb = f"{limit.id} is set by law: it has no local figure", f"{limit.id} er satt i lov: den har ingen lokal verdi"
            sheet.wrong(("limit", index, "id"), en, nb)
    if not limits:
        sheet.wrong(
            (),
            "no [[limit]] is there: what is laid over the national rules?",
            "ingen [[limit]]: hva legges over de nasjonale reglene?",
        )
    _once(sheet, limits)
    organisation = sheet.text((), data, "organisation") if "organisation" in data else ""
    pathway, version = sheet.text((), data, "pathway"), sheet.text((), data, "rule_set")
    sheet.judge()
    return Local(
        pathway, version, limits, organisation, place(("pathway",)), tuple(place(("limit", index)) for index in range(len(limits)))
    )


# --- tables


def _events(sheet: Sheet) -> dict[str, frozenset[str]]:
    found = {}
    for event, outcomes in sheet.table("events").items():
        path: Path = ("events", event)
        if event not in ORDER:
            sheet.wrong(path, f"there is no event {event} in 9322", f"hendelsen {event} finnes ikke i 9322")
            continue
        if not isinstance(outcomes, list) or not all(isinstance(each, str) for each in outcomes):
            sheet.wrong(path, f"{event} needs a list of outcomes, [] for none", f"{event} trenger en liste av utfall, [] for ingen")
            continue
        for outcome in outcomes:
            if outcome not in tuple(OUTCOMES.get(event, "")):
                sheet.wrong(path, f"{event} has no outcome {outcome}", f"{event} har ikke utfallet {outcome}")
        if event in OUTCOMES and not outcomes:
            sheet.wrong(path, f"{event} needs outcomes", f"{event} trenger utfall")
        if len(set(outcomes)) < len(outcomes):
            sheet.wrong(path, f"an outcome of {event} is there twice", f"et utfall av {event} finnes to ganger")
        found[event] = frozenset(outcomes)
    if "A" not in found:
        sheet.wrong(("events",), "the event A (start) is missing", "hendelsen A (start) mangler")
    return found


def _limit(sheet: Sheet, path: Path, table: Mapping[str, Any]) -> Limit:
    sheet.keys(path, table, _LIMIT)
    id = sheet.choice(path, table, "id", tuple(LIMITS))
    anchors, awaits = LIMITS.get(id, (("received",), ""))
    anchor: Any = sheet.choice(path, table, "anchor", anchors)
    unit: Any = sheet.choice(path, table, "unit", ("date",) if id == "date-limit" else UNITS)
    days = sheet.days(path, table) if unit != "date" else None
    if unit == "date" and "days" in table:
        sheet.wrong((*path, "days"), "a date for the patient has no days", "en dato for pasienten har ingen dager")
    if awaits or "awaits" in table:
        sheet.choice(path, table, "awaits", (awaits,))
    earliest = sheet.number(path, table, "earliest")
    if earliest is not None and (days is None or earliest > days):
        sheet.wrong((*path, "earliest"), "earliest is not within days", "earliest er ikke innenfor days")
    source = sheet.source(path, table)
    if table.get("days") == UNKNOWN and source.confidence != "D":
        sheet.wrong((*path, "days"), 'what is unknown has confidence = "D"', 'det som er ukjent har confidence = "D"')
    return Limit(
        id=id,
        anchor=anchor,
        awaits=awaits,  # type: ignore[arg-type]
        days=days,
        unit=unit or "calendar",
        source=source,
        care_level=sheet.optional(path, table, "care_level", CARE_LEVELS),
        severity=sheet.optional(path, table, "severity", SEVERITIES),
        earliest=earliest,
        below_age=sheet.number(path, table, "below_age"),
        target=sheet.percent(path, table),
    )


def _duty(sheet: Sheet, path: Path, table: Mapping[str, Any]) -> Duty:
    sheet.keys(path, table, _DUTY)
    unit: Any = sheet.optional(path, table, "unit", UNITS) or "calendar"
    return Duty(
        kind=sheet.text(path, table, "kind"),
        phase=sheet.choice(path, table, "phase", PHASES),
        nb=sheet.text(path, table, "nb"),
        en=sheet.text(path, table, "en"),
        source=sheet.source(path, table),
        within=sheet.number(path, table, "within"),
        unit=unit,
        below_age=sheet.number(path, table, "below_age"),
        from_age=sheet.number(path, table, "from_age"),
    )


def _indicator(sheet: Sheet, path: Path, table: Mapping[str, Any]) -> Indicator:
    sheet.keys(path, table, _INDICATOR)
    days = sheet.optional(path, table, "unit", ("percent", "days")) == "days"
    return Indicator(
        id=sheet.text(path, table, "id"),
        nb=sheet.text(path, table, "nb"),
        en=sheet.text(path, table, "en"),
        source=sheet.source(path, table),
        target=sheet.number(path, table, "target") if days else sheet.percent(path, table),
        unit="days" if days else "percent",
    )


def _rule(sheet: Sheet, path: Path, table: Mapping[str, Any]) -> Rule:
    sheet.keys(path, table, _RULE)
    severity: Any = sheet.choice(path, table, "severity", ("error", "warning", "information"))
    unit: Any = sheet.optional(path, table, "unit", UNITS) or "calendar"
    return Rule(
        number=sheet.text(path, table, "number"),
        severity=severity,
        nb=sheet.text(path, table, "nb"),
        en=sheet.text(path, table, "en"),
        source=sheet.source(path, table),
        days=sheet.number(path, table, "days"),
        unit=unit,
    )


def _once(sheet: Sheet, limits: Sequence[Limit]) -> None:
    """No two limits for the same level and severity, nor one for all beside one for some."""
    for later, limit in enumerate(limits):
        for earlier in range(later):
            if clash(limit, limits[earlier]):
                en, nb = f"{limit.id} is there twice for the same patients", f"{limit.id} finnes to ganger for de samme pasientene"
                sheet.faults.append(fault(sheet.place(("limit", later)), en, nb, sheet.place(("limit", earlier))))
