"""The rule sets beside what they were read from: the two tables of facts (STAFETT_FACTS), and the national lists of codes.

Each row of `codes.csv` and `deadlines.csv` is reachable through the data files. Where our data say something else than a row,
the difference stands here with its reason.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapter.domain import feedback
from adapter.domain.ruleset import Limit, RuleSet
from mappings import data, terms
from mappings.rules import national

TYPES = ("D01", "D06", "D07", "D08", "D09", "D10", "D11", "D12")
CURRENT = ("D01", "D11", "D12")
RULES = {rules.id: rules for rules in national().all()}


def test_there_is_one_file_for_each_pathway_and_rule_set() -> None:
    assert sorted(RULES) == sorted([f"{t}-2019" for t in TYPES] + [f"{t}-2025" for t in CURRENT])
    assert data.names("pathways", ".toml") == tuple(f"{id}.toml" for id in sorted(RULES))


# --- the codes


def combined(rules: RuleSet) -> set[str]:
    return {rules.pathway + event + outcome for event, outcomes in rules.events.items() for outcome in outcomes or ("",)}


def codes_of(number: str) -> set[str]:
    return set(terms.displays(terms.OID + number) or ())


def test_the_events_of_2019_are_the_246_codes_of_9327_and_l_of_each_type() -> None:
    found = set[str]().union(*(combined(RULES[f"{type}-2019"]) for type in TYPES))
    later = {f"{type}L" for type in TYPES}  # came in 2020, after the list

    assert found == codes_of("9327")
    assert (len(found - later), later - found) == (246, set())


MATRIX = {  # by hand, from the national list: what a type has beyond, or has not of, what all have
    "D01": {"CU", "D", "UF", "XM"},
    "D06": {"P", "UF", "UV"},
    "D07": {"T", "UE", "UM", "UF", "UV", "XM"},
    "D08": {"US", "UV", "XM"},
    "D09": {"D", "UF", "XM"},
    "D10": {"D", "UF", "XM"},
    "D11": {"CU", "UF", "UV", "XM"},
    "D12": {"CU", "UF", "UV", "XM"},
}
ALL = {*"AMEFL", "SM", "SI", "UB", "UU", *("H" + o for o in "PTSKAI"), *("C" + o for o in "AIKPST"), *("X" + o for o in "AGLNOPR")}


@pytest.mark.parametrize("type", TYPES)
def test_each_type_has_the_events_of_the_availability_matrix(type: str) -> None:
    assert combined(RULES[f"{type}-2019"]) == {type + code for code in ALL | MATRIX[type]}


@pytest.mark.parametrize("type", CURRENT)
def test_the_letters_of_2025_are_unknown_and_those_of_2019_are_accepted(type: str) -> None:
    now, before = RULES[f"{type}-2025"], RULES[f"{type}-2019"]

    assert (now.events, now.events_source.confidence) == (before.events, "D")
    assert (now.start, before.start) == ("assessed", "received")


def rows(facts: Path, name: str) -> list[dict[str, str]]:
    with (facts / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def concepts(number: str) -> dict[str, str]:
    """Codes and names of a list, whether we have all of it or a part."""
    system = data.json_file("codes", f"no-kodeverk-{number}.json")
    assert system["identifier"][0]["value"] == terms.OID + number
    return {concept["code"]: concept["display"] for concept in system["concept"]}


def test_every_code_of_the_facts_is_in_our_code_systems_by_its_name(facts: Path) -> None:
    coded = [row for row in rows(facts, "codes.csv") if not row["code"].startswith("(")]

    strange = {
        (row["codesystem_oid"], row["code"])
        for row in coded
        if concepts(row["codesystem_oid"].rpartition(".")[2]).get(row["code"]) != row["display_nb"]
    }
    assert len(coded) > 400
    assert strange == set()


WITHOUT_A_CODE = {
    "kriseplan": "crisis-plan",
    "somatisk helse / levevaner": "somatic-health",
    "barn som pårørende": "children-and-siblings",
    "individuell plan": "individual-plan",
}


def test_what_the_facts_have_no_letter_for_is_a_duty_or_unknown(facts: Path) -> None:
    lacking = [row for row in rows(facts, "codes.csv") if row["code"].startswith("(")]
    duties = [row["display_nb"] for row in lacking if row["code"] == "(none)"]
    others = [(row["kind"], row["confidence"]) for row in lacking if row["code"] != "(none)"]

    assert {WITHOUT_A_CODE[name] for name in duties} <= {duty.kind for duty in RULES["D11-2019"].duties}
    # the closing of 2023 whose letter nobody knows is not in 9326, and the start of 2025 is taken as A
    assert others == [("event_or_outcome", "D code unknown; existence A"), ("event_2025", "A text; D code letter/OID")]
    assert RULES["D11-2025"].events_source.confidence == "D"


def test_a_code_that_no_list_has_is_marked_as_inferred() -> None:
    system = data.json_file("codes", "no-kodeverk-9327.json")
    inferred = {c["code"] for c in system["concept"] if {"code": "inferred", "valueBoolean": True} in c.get("property", [])}

    assert inferred == {f"{type}L" for type in TYPES if type != "D01"}


# --- the time limits


LEVELS = {"poliklinikk": ("poliklinikk",), "døgnenhet": ("dognenhet",)}
BOTH = ("poliklinikk", "dognenhet")


def wanted(row: dict[str, str]) -> Iterator[tuple[str, str, str, str]]:
    """What a row is about: rule set, limit, care level, severity. Nothing where it is none of a pathway's time limits."""
    types = [type for type in TYPES if row["pathway"].startswith(type) and "2025" not in row["pathway"]]
    severity = {"severe": "severe", "less severe": "less-severe"}.get(row["to_event"].rpartition(", ")[2], "")
    for type in types:
        for id in limit_of(row["from_event"], row["to_event"]):
            for level in LEVELS.get(row["care_level"], BOTH):
                yield f"{type}-2019", id, level, severity


def limit_of(start: str, end: str) -> Iterator[str]:
    """The id of a limit, by the words of the two events."""
    if start.startswith("detox"):
        yield "detox-to-treatment"
    elif start.startswith("clinical decision") and "CU" in start:
        yield "extended-decision"
    elif end.startswith(("first attendance (M)", "first consultation (M)")):
        yield "first-attendance"
    elif end == "C" or end.startswith("clinical decision"):
        yield "decision"
    elif end == "E1" or "(E1)" in end:
        yield "first-evaluation"
    elif "En+1" in end:
        yield "next-evaluation"
    elif end == "evaluation":
        yield from ("first-evaluation", "next-evaluation")


def holds(rules: RuleSet, id: str, level: str = "", severity: str = "") -> Limit:
    """The one limit that holds for a care level and severity."""
    found = [x for x in rules.limits if x.id == id and x.care_level in ("", level) and x.severity in ("", severity)]
    assert len(found) == 1, (rules.id, id, level, severity, found)
    return found[0]


def figure(row: dict[str, str]) -> tuple[int | None, int | None]:
    """(earliest, days): 3-7 is due at 7."""
    first, _, last = row["limit"].partition("-")
    return (int(first) if last else None, int(last or first)) if first else (None, None)


def test_every_time_limit_of_the_facts_is_in_the_rule_sets(facts: Path) -> None:
    compared: set[tuple[str, str, str, str]] = set()
    for row in rows(facts, "deadlines.csv"):
        for place in wanted(row):
            rules = RULES[place[0]]
            limit = holds(rules, *place[1:])
            assert (limit.earliest, limit.days) == figure(row), row
            assert limit.unit == "calendar", row
            assert limit.source.confidence == row["confidence"][0], row
            assert (limit.target or 0) == int(row["target_percent"].partition(" ")[0] or 0), row
            assert cited(limit.source.reference, row["source_url"]), row
            assert row["valid_from"] in ("", rules.valid_from.isoformat()), row
            compared.add(place)

    ours = {(rules.id, limit.id) for rules in RULES.values() if rules.version == "2019" for limit in rules.limits}
    legal = {(rules.id, id) for rules in RULES.values() for id in LEGAL}
    assert {place[:2] for place in compared} == ours - legal


def cited(reference: str, source: str) -> bool:
    """The reference is one of the row's own; what we name by its author, the table names by its copy."""
    author = "" if reference.startswith("http") else reference.partition(":")[0]
    return reference in source or bool(author and author in source)


LEGAL = {  # the limit -> the row: pathway, what it begins with
    "assess-referral": ("ALL (legal)", "information to patient", 10, "working"),
    "date-limit": ("ALL (legal)", "start of help by individual deadline", None, "date"),
    "guarantee-under-23": ("Age <23 psyk/rus (legal guarantee)", "help started", 65, "working"),
    "emergency-decision": ("ALL", "decision whether patient enters pathway", 14, "calendar"),
}
FIGURES = {"10": 10, "individual": None, "65": 65, "14": 14}
UNITS = {"virkedager": "working", "arbeidsdager": "working", "date": "date", "calendar days (2 weeks)": "calendar"}


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_what_the_law_asks_for_is_in_every_rule_set(rules: RuleSet, facts: Path) -> None:
    found = rows(facts, "deadlines.csv")
    for id, (pathway, end, days, unit) in LEGAL.items():
        (row,) = [row for row in found if row["pathway"] == pathway and row["to_event"].startswith(end)]
        limit = holds(rules, id)
        assert (limit.days, limit.unit) == (days, unit) == (FIGURES[row["limit"]], UNITS[row["unit"]])
        assert (limit.source.confidence, str(limit.target or "")) == (row["confidence"], row["target_percent"])
        assert cited(limit.source.reference, row["source_url"])
    assert holds(rules, "guarantee-under-23").below_age == 23


def test_the_limits_of_2025_are_unknown_and_say_so(facts: Path) -> None:
    (row,) = [row for row in rows(facts, "deadlines.csv") if row["pathway"].startswith("D01|D11|D12")]

    assert (row["limit"], row["confidence"]) == ("", "D NOT FOUND")
    for type in CURRENT:
        others = [limit for limit in RULES[f"{type}-2025"].limits if limit.id not in LEGAL]
        assert {limit.id for limit in others} >= {"decision", "extended-decision", "first-evaluation", "next-evaluation"}
        told = {(limit.days, limit.source.confidence, limit.source.reference) for limit in others}
        assert told == {(None, "D", row["source_url"])}


def test_the_threshold_and_the_targets_of_the_facts_are_there(facts: Path) -> None:
    found = rows(facts, "deadlines.csv")
    (put_off,) = [row for row in found if row["limit"] == ">7"]
    (rule,) = [rule for rule in RULES["D01-2019"].rules if rule.number == "L"]
    indicators = {i.id: i for rules in RULES.values() for i in rules.indicators}

    assert (f">{rule.days}", rule.unit) == (put_off["limit"], "working")
    for id, pathway in (("waiting-time-phv", "PHV voksne"), ("waiting-time-phbu", "PHBU"), ("waiting-time-tsb", "TSB")):
        (row,) = [row for row in found if row["pathway"] == pathway]
        assert (str(indicators[id].target), indicators[id].unit, indicators[id].source.confidence) == (row["limit"], "days", "B")
    for id, words in (("discharge-summary", "epikrise sent"), ("involved-in-plan", "behandlingsplan made together")):
        (row,) = [row for row in found if row["to_event"].startswith(words)]
        assert (str(indicators[id].target), indicators[id].source.confidence) == (row["target_percent"], row["confidence"])


def test_no_row_of_the_time_limits_is_left_out(facts: Path) -> None:
    legal = [(pathway, end) for pathway, end, _, _ in LEGAL.values()]
    left = [
        (row["pathway"], row["to_event"])
        for row in rows(facts, "deadlines.csv")
        if not list(wanted(row)) and not any(row["pathway"] == p and row["to_event"].startswith(end) for p, end in legal)
    ]

    assert left == [  # the rows of the two tests before this
        ("ALL", "postponed activity date (threshold for code L)"),
        ("D01|D11|D12 (2025 version)", "all"),
        ("PHV voksne", "help started (average waiting time)"),
        ("PHBU", "help started (average waiting time)"),
        ("TSB", "help started (average waiting time)"),
        ("ALL", "epikrise sent"),
        ("ALL", "behandlingsplan made together with patient (UU)"),
    ]


# --- the rest of a rule set


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_a_rule_set_speaks_of_codes_that_there_are(rules: RuleSet) -> None:
    kinds = terms.displays("https://stafett.invalid/fhir/CodeSystem/pathway-task") or {}
    phases = terms.displays("https://stafett.invalid/fhir/CodeSystem/pathway-phase") or {}

    assert {duty.kind for duty in rules.duties} <= set(kinds)
    assert {duty.phase for duty in rules.duties} <= set(phases)
    assert len({duty.kind for duty in rules.duties}) == len(rules.duties)
    assert rules.nb == (terms.displays(terms.OID + "9321") or {})[rules.pathway]
    assert {rule.number for rule in rules.rules if rule.number.isdigit()} <= set(terms.displays(terms.OID + "9329") or ())


def test_the_rules_that_are_told_are_those_that_the_fold_goes_by() -> None:
    """102 is told of first attendance as a warning, of others as information: the data tell the milder."""
    severities: dict[str, set[str]] = {}
    for key, finding in feedback.FIXED.items():
        severities.setdefault(key.partition("-")[0], set()).add(finding.severity)
    for noted in (
        feedback.no_such_code("", "D11", "2019", "U", "E"),
        feedback.outcome_missing("", "C", "9323"),
        feedback.outcome_forbidden("", "M"),
        feedback.parallel(["D12"]),
    ):
        severities.setdefault(noted.number, set()).add(noted.finding.severity)
    told = {rule.number: rule.severity for rule in RULES["D11-2019"].rules}

    assert set(told) == severities.keys() | {"L"}  # L is a threshold: no finding comes of it
    assert all(told[number] in found for number, found in severities.items())
    assert {number for number, found in severities.items() if len(found) > 1} == {"102"}


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_treatment_begins_when_the_plan_is_agreed(rules: RuleSet) -> None:
    assert [duty.phase for duty in rules.duties if duty.kind == "agree-plan"] == ["planning"]
