"""Builds coordination rules from plain data, and tells every contradiction at once, with its file and line.

    build(data, place, default) -> CoordinationRules    a municipality's; what it leaves out is as in the default
    build_followups(data, place) -> tuple[Followup, …]  the eight tasks of a municipal coordinator

`data` is what a TOML file holds (see `mappings/municipalities`), `place` gives `file:line` of a path in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, get_args

from adapter.domain.coordination import (
    DEFAULT,
    LAST,
    NOTHING,
    SPECIALIST,
    Asks,
    ChildCoordinator,
    CoordinationRules,
    Followup,
    Rule,
    Text,
    Trigger,
    When,
)
from adapter.domain.rule_sheet import Path, Place, Sheet

_SOURCED: Final = ("source", "confidence", "note")
_FILE: Final = ("municipality", "name", "answer_days", "reachable_nb", "reachable_en", *_SOURCED, "sources")
_TABLES: Final = ("rule", "coordinating_unit", "child_coordinator")
_WORDS: Final = ("nb", "en", "reason_nb", "reason_en", *_SOURCED)
_WHEN: Final = ("below_age", "coordinator", "most_involved")
_RULE: Final = ("id", "asks", *_WORDS, *_WHEN, "confirmed", "conflict_nb", "conflict_en")


def build(data: Mapping[str, Any], place: Place, default: CoordinationRules | None = None) -> CoordinationRules:
    """One rule set; its last rule is the coordinating unit's. Raises `Problem` with all that is wrong with it."""
    sheet = Sheet(data, place)
    sheet.keys((), data, (*_FILE, *_TABLES))
    municipality = _municipality(sheet, data)
    nameless = data.get("municipality") == DEFAULT
    if nameless and "name" in data:
        sheet.wrong(("name",), "the default has no name: it is nobody's", "standarden har ikke noe navn: den er ingens")
    rules = tuple(_rule(sheet, path, table) for path, table in sheet.each("rule"))
    _told_apart(sheet, rules)
    child = default.child_coordinator if default else None
    if "child_coordinator" in data:
        child = _child(sheet)
    days = sheet.number((), data, "answer_days")
    if days is None and default:
        days = default.answer_days
    if not days:
        sheet.wrong(
            ("answer_days",), "answer_days is needed: working days, 1 or more", "answer_days mangler: virkedager, 1 eller mer"
        )
    found = CoordinationRules(
        municipality=municipality,
        name="" if nameless else sheet.text((), data, "name"),
        rules=(*rules, _last(sheet)),
        answer_days=days or 0,
        source=sheet.source((), data),
        reachable=_text(sheet, (), data, "reachable_") if "reachable_nb" in data or "reachable_en" in data else NOTHING,
        child_coordinator=None if municipality == SPECIALIST else child,
    )
    sheet.judge()
    return found


def build_followups(data: Mapping[str, Any], place: Place) -> tuple[Followup, ...]:
    """A coordinator's tasks. Raises `Problem` with all that is wrong with them."""
    sheet = Sheet(data, place)
    sheet.keys((), data, ("sources", "followup"))
    found: list[Followup] = []
    for path, table in sheet.each("followup"):
        sheet.keys(path, table, ("id", "nb", "en", "triggers", "within", *_SOURCED))
        id = sheet.text(path, table, "id")
        if any(id == other.id for other in found):
            sheet.wrong((*path, "id"), f"{id[:64]} is there twice", f"{id[:64]} finnes to ganger")
        words = _text(sheet, path, table)
        found.append(
            Followup(id, *words, _triggers(sheet, path, table), sheet.number(path, table, "within"), sheet.source(path, table))
        )
    sheet.judge()
    return tuple(found)


def _municipality(sheet: Sheet, data: Mapping[str, Any]) -> str:
    value = data.get("municipality")
    if value in (DEFAULT, SPECIALIST) or (isinstance(value, str) and len(value) == 4 and value.isascii() and value.isdigit()):
        return str(value)
    sheet.wrong(
        ("municipality",),
        f'municipality is needed: its number in four digits, "" for the default, or "{SPECIALIST}"',
        f'municipality mangler: kommunenummeret i fire siffer, "" for standarden, eller "{SPECIALIST}"',
    )
    return ""


def _rule(sheet: Sheet, path: Path, table: Mapping[str, Any]) -> Rule:
    sheet.keys(path, table, _RULE)
    asks: Any = sheet.choice(path, table, "asks", get_args(Asks))
    when = When(
        below_age=sheet.number(path, table, "below_age"),
        coordinator=_yes(sheet, path, table, "coordinator"),
        most_involved=_yes(sheet, path, table, "most_involved"),
    )
    conflict = _text(sheet, path, table, "conflict_") if "conflict_nb" in table or "conflict_en" in table else None
    if conflict and when.coordinator:
        sheet.wrong(
            (*path, "conflict_nb"),
            "a rule that asks the existing coordinator has no conflict with one",
            "en regel som spør den koordinatoren som finnes, har ingen konflikt med en",
        )
    return Rule(
        id=sheet.text(path, table, "id"),
        asks=asks,
        name=_text(sheet, path, table),
        reason=_text(sheet, path, table, "reason_"),
        source=sheet.source(path, table),
        when=when,
        confirmed=_yes(sheet, path, table, "confirmed"),
        conflict=conflict,
    )


def _last(sheet: Sheet) -> Rule:
    path, table = ("coordinating_unit",), sheet.table("coordinating_unit")
    sheet.keys(path, table, _WORDS)
    name, reason = _text(sheet, path, table), _text(sheet, path, table, "reason_")
    return Rule(LAST, "coordinating-unit", name, reason, sheet.source(path, table))


def _child(sheet: Sheet) -> ChildCoordinator:
    path, table = ("child_coordinator",), sheet.table("child_coordinator")
    sheet.keys(path, table, ("below_age", "nb", "en", *_SOURCED))
    age = sheet.number(path, table, "below_age")
    if not age:
        sheet.wrong((*path, "below_age"), "below_age is needed: years", "below_age mangler: år")
    return ChildCoordinator(age or 0, _text(sheet, path, table), sheet.source(path, table))


def _told_apart(sheet: Sheet, rules: tuple[Rule, ...]) -> None:
    """Each rule has its own id."""
    seen: set[str] = {LAST}
    for index, rule in enumerate(rules):
        path: Path = ("rule", index)
        if rule.id in seen:
            sheet.wrong((*path, "id"), f"the id {rule.id[:64]} is taken", f"id-en {rule.id[:64]} er brukt")
        seen.add(rule.id)


def _triggers(sheet: Sheet, path: Path, table: Mapping[str, Any]) -> tuple[Trigger, ...]:
    known, value = get_args(Trigger), table.get("triggers")
    if isinstance(value, list) and value and all(each in known for each in value):
        return tuple(value)
    listed = ", ".join(known)
    sheet.wrong((*path, "triggers"), f"triggers must be a list of {listed}", f"triggers må være en liste av {listed}")
    return ()


def _text(sheet: Sheet, path: Path, table: Mapping[str, Any], prefix: str = "") -> Text:
    return Text(sheet.text(path, table, f"{prefix}nb"), sheet.text(path, table, f"{prefix}en"))


def _yes(sheet: Sheet, path: Path, table: Mapping[str, Any], key: str) -> bool:
    value = table.get(key, False)
    if isinstance(value, bool):
        return value
    sheet.wrong((*path, key), f"{key} must be true or false", f"{key} må være true eller false")
    return False
