"""Each municipality's rules as its own page has them, by hand, and every contradiction a file can have, with file and line."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from adapter.domain.coordination import DEFAULT, LAST, SPECIALIST, CoordinationRules, Situation, When, birthday, decide, review_on
from adapter.domain.coordination_data import build, build_followups
from adapter.domain.problem import Kind, Problem
from mappings import data
from mappings.municipal_rules import all_rules, followups, rules_for
from mappings.toml_places import places

TODAY = date(2026, 11, 23)
FIFTEEN, SIXTEEN = date(2010, 11, 24), date(2010, 11, 23)  # the second turns 16 today
SEVENTEEN, EIGHTEEN = date(2008, 11, 24), date(2008, 11, 23)
VAGA, LUND, NORDRE_FOLLO, SULA, HEIM, VANG, TRONDHEIM, LOTEN = "3435", "1112", "3207", "1531", "5055", "3454", "5001", "3412"


def asked(number: str, situation: Situation) -> list[tuple[str, str]]:
    """Who is asked in turn, each of them saying no: rule and name."""
    found: list[tuple[str, str]] = []
    while decision := decide(rules_for(number), situation):
        found.append((decision.rule, decision.who))
        situation = replace(situation, refused=situation.refused | {decision.rule})
    return found


STATION = ("health-station", "Helsestasjonen")
PERSON = ("existing-coordinator", "Pasientens koordinator eller kontaktperson i kommunen")
OFFICE = (LAST, "Tildelingskontoret (koordinerende enhet)")
UNIT = (LAST, "Koordinerende enhet")


@pytest.mark.parametrize(
    ("born", "coordinator", "expected"),
    [
        (FIFTEEN, False, [STATION, OFFICE]),
        (FIFTEEN, True, [STATION, PERSON, OFFICE]),
        (FIFTEEN, None, [STATION, OFFICE]),
        (SIXTEEN, False, [OFFICE]),
        (SIXTEEN, True, [PERSON, OFFICE]),
        (SIXTEEN, None, [OFFICE]),
        (None, True, [OFFICE]),  # the health station might be the right one
        (None, False, [OFFICE]),
    ],
)
def test_vaga_asks_the_health_station_below_16_else_an_existing_coordinator_else_the_allocation_office(
    born: date | None, coordinator: bool | None, expected: list[tuple[str, str]]
) -> None:
    assert asked(VAGA, Situation(TODAY, born=born, coordinator=coordinator)) == expected


def test_vaga_without_a_birth_date_says_why_the_office_is_asked() -> None:
    decision = decide(rules_for(VAGA), Situation(TODAY, coordinator=True))

    assert decision
    assert decision.unknown == ("age",)
    assert decision.nb == "Tildelingskontoret i Vågå koordinerer når ingen annen er oppnevnt. Ikke kjent: pasientens alder."
    assert decision.en.endswith("Not known: the patient's age.")


def test_vaga_tells_the_office_of_a_child_who_has_a_coordinator_already() -> None:
    child = decide(rules_for(VAGA), Situation(TODAY, born=FIFTEEN, coordinator=True))
    other = decide(rules_for(VAGA), Situation(TODAY, born=FIFTEEN, coordinator=False))

    assert child
    assert other
    assert (child.who, child.conflict.startswith("Barnet har allerede en koordinator")) == ("Helsestasjonen", True)
    assert child.conflict in child.nb
    assert child.conflict_en in child.en
    assert (other.who, other.conflict, other.conflict_en) == ("Helsestasjonen", "", "")


def test_vaga_looks_again_on_the_16th_birthday() -> None:
    assert review_on(rules_for(VAGA), FIFTEEN, TODAY) == date(2026, 11, 24)
    assert review_on(rules_for(VAGA), SIXTEEN, TODAY) is None
    assert review_on(rules_for(VAGA), None, TODAY) is None
    assert review_on(rules_for(LUND), FIFTEEN, TODAY) is None


@pytest.mark.parametrize(
    ("services", "expected", "unknown"),
    [
        ({"Hjemmetjenesten": 9, "NAV": 2}, "Hjemmetjenesten", ()),
        ({"NAV": 1}, "NAV", ()),
        ({"Hjemmetjenesten": 2, "NAV": 2, "Barnevern": 1}, "Koordinerende enhet", ("most-involved",)),
        ({"Hjemmetjenesten": 0}, "Koordinerende enhet", ()),
        ({}, "Koordinerende enhet", ()),
        (None, "Koordinerende enhet", ("services",)),
    ],
)
def test_lund_asks_the_service_most_involved_and_the_coordinating_unit_where_that_is_not_known(
    services: dict[str, int] | None, expected: str, unknown: tuple[str, ...]
) -> None:
    decision = decide(rules_for(LUND), Situation(TODAY, born=FIFTEEN, coordinator=True, services=services))

    assert decision
    assert (decision.who, decision.unknown) == (expected, unknown)
    assert decision.confirm == (expected != "Koordinerende enhet")


def test_nordre_follo_asks_the_case_worker_who_is_reached_on_working_days() -> None:
    assert asked(NORDRE_FOLLO, Situation(TODAY)) == [("case-worker", "Saksbehandler ved inntak og koordinering"), UNIT]
    assert rules_for(NORDRE_FOLLO).reachable == ("Hverdager kl. 09-15", "Working days 09-15")


def test_sula_asks_the_coordinating_unit_whatever_is_known() -> None:
    assert asked(SULA, Situation(TODAY, born=FIFTEEN, coordinator=True, services={"NAV": 1})) == [UNIT]


@pytest.mark.parametrize("number", [HEIM, LOTEN])
def test_heim_and_loten_ask_the_contact_person_first(number: str) -> None:
    person = ("existing-coordinator", "Pasientens kontaktperson i kommunen")

    assert asked(number, Situation(TODAY, coordinator=True)) == [person, UNIT]
    assert asked(number, Situation(TODAY, coordinator=False)) == [UNIT]
    assert asked(number, Situation(TODAY)) == [UNIT]


def test_vang_asks_the_leader_for_all() -> None:
    assert asked(VANG, Situation(TODAY)) == [("leader", "Leder av psykisk helsetjeneste"), UNIT]


def test_trondheim_has_a_coordinating_unit_of_its_own_for_those_below_18() -> None:
    own = ("coordinating-unit-0-18", "Helse- og velferdskontor 0-18 år (koordinerende enhet for barn og unge)")

    assert asked(TRONDHEIM, Situation(TODAY, born=SEVENTEEN)) == [own, UNIT]
    assert asked(TRONDHEIM, Situation(TODAY, born=EIGHTEEN)) == [UNIT]
    assert asked(TRONDHEIM, Situation(TODAY)) == [UNIT]
    assert review_on(rules_for(TRONDHEIM), FIFTEEN, TODAY) == birthday(FIFTEEN, 18)


@pytest.mark.parametrize("number", ["0301", "", "of nowhere"])
def test_others_have_the_default(number: str) -> None:
    assert asked(number, Situation(TODAY, coordinator=True)) == [PERSON, UNIT]
    assert asked(number, Situation(TODAY, coordinator=False)) == [UNIT]
    assert asked(number, Situation(TODAY)) == [UNIT]


def test_the_specialist_service_asks_the_unit_that_received_the_referral() -> None:
    assert asked(SPECIALIST, Situation(TODAY)) == [
        ("receiving-unit", "Enheten som tok imot henvisningen"),
        (LAST, "Helseforetakets koordinerende enhet"),
    ]
    assert rules_for(SPECIALIST).child_coordinator is None


def test_there_is_one_file_for_each_and_every_one_is_read() -> None:
    assert {rules.name: rules.municipality for rules in all_rules()} == {  # Statistics Norway, Klass 131, 1 January 2026
        "": DEFAULT,
        "Heim": "5055",
        "Lund": "1112",
        "Løten": "3412",
        "Nordre Follo": "3207",
        "Spesialisthelsetjenesten": SPECIALIST,
        "Sula": "1531",
        "Trondheim": "5001",
        "Vang": "3454",
        "Vågå": "3435",
    }
    assert len(data.names("municipalities", ".toml")) == len(all_rules())


@pytest.mark.parametrize("rules", all_rules(), ids=lambda rules: rules.name or "default")
def test_the_last_rule_is_always_a_coordinating_units(rules: CoordinationRules) -> None:
    last = rules.rules[-1]

    assert (last.id, last.asks, last.when) == (LAST, "coordinating-unit", When())
    assert rules.coordinating_unit == last.name.nb
    assert rules.answer_days == 5
    assert all(rule.source.confidence in "ABC" for rule in rules.rules)


# --- the eight tasks


def test_a_municipal_coordinator_has_eight_tasks_each_with_its_triggers() -> None:
    assert {each.id: each.triggers for each in followups()} == {
        **{f"koord{n}": ("named",) for n in range(1, 6)},
        "koord6": ("meeting",),
        "koord7": ("individual-plan",),
        "koord8": ("admission", "discharge", "outpatient"),
    }
    assert [each.id for each in followups()] == [f"koord{n}" for n in range(1, 9)]


def test_no_source_says_by_when() -> None:
    assert all((each.within, "(D)" in each.source.note) == (None, True) for each in followups())


# --- files with faults

PLAIN = """municipality = "3435"
name = "Her"
answer_days = 3
source = "page"
confidence = "A"

[sources]
page = "https://example.org/page"

[[rule]]
id = "station"
asks = "unit"
nb = "Helsestasjonen"
en = "The health station"
reason_nb = "Under 16."
reason_en = "Below 16."
below_age = 16
source = "page"
confidence = "A"

[coordinating_unit]
nb = "Enheten"
en = "The unit"
reason_nb = "Ellers."
reason_en = "Else."
source = "page"
confidence = "A"
"""


def faults(text: str) -> list[str]:
    with pytest.raises(Problem) as raised:
        build(tomllib.loads(text), places("her.toml", text))
    assert {found.kind for found in raised.value.findings} == {Kind.INVALID}
    return [f"{found.where} {found.en}" for found in raised.value.findings]


def test_a_plain_file_is_read() -> None:
    rules = build(tomllib.loads(PLAIN), places("her.toml", PLAIN))

    assert (rules.municipality, [rule.id for rule in rules.rules], rules.answer_days) == ("3435", ["station", LAST], 3)
    assert rules.rules[0].when == When(below_age=16)


def test_what_a_file_leaves_out_is_as_in_the_default() -> None:
    text = PLAIN.replace("answer_days = 3\n", "")
    rules = build(tomllib.loads(text), places("her.toml", text), rules_for(DEFAULT))

    assert (rules.answer_days, rules.child_coordinator) == (5, rules_for(DEFAULT).child_coordinator)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ('municipality = "3435"', 'municipality = "343"', "her.toml:1 municipality is needed: its number in four digits"),
        ("answer_days = 3\n", "", "her.toml answer_days is needed"),
        ("answer_days = 3", "answer_days = 0", "her.toml:3 answer_days is needed"),
        ("answer_days = 3", 'answer_days = "3"', "her.toml:3 answer_days must be a number"),
        ('name = "Her"\n', "", "her.toml name is needed"),
        ('municipality = "3435"', 'municipality = ""', "her.toml:2 the default has no name"),
        ('name = "Her"', 'name = "Her"\nnames = 1', "her.toml:3 names is no key here"),
        ('id = "station"', f'id = "{LAST}"', f"her.toml:11 the id {LAST} is taken"),
        ('asks = "unit"', 'asks = "anyone"', "her.toml:12 asks must be one of unit, person, coordinating-unit"),
        ("below_age = 16", "below_age = -1", "her.toml:17 below_age must be a number"),
        ("below_age = 16", 'coordinator = "yes"', "her.toml:17 coordinator must be true or false"),
        ("below_age = 16", 'conflict_nb = "Konflikt"', "her.toml:10 conflict_en is needed"),
        (
            "below_age = 16",
            'coordinator = true\nconflict_nb = "k"\nconflict_en = "c"',
            "her.toml:18 a rule that asks the existing coordinator has no conflict with one",
        ),
        ('reason_en = "Below 16."\n', "", "her.toml:10 reason_en is needed"),
        (
            'source = "page"\nconfidence = "A"\n\n[coord',
            'source = "x"\nconfidence = "A"\n\n[coord',
            "her.toml:18 x is not in [sources]",
        ),
        ('reason_en = "Else."\n', "", "her.toml:21 reason_en is needed"),
        ("[coordinating_unit]", "[coordinating_units]", "her.toml:21 coordinating_units is no key here"),
    ],
)
def test_each_fault_is_told_where_it_stands(before: str, after: str, expected: str) -> None:
    assert before in PLAIN
    assert any(told.startswith(expected) for told in faults(PLAIN.replace(before, after, 1)))


def test_several_faults_are_told_at_once() -> None:
    assert len(faults(PLAIN.replace('"3435"', '"x"').replace('asks = "unit"', 'asks = ""'))) == 2


def test_an_id_is_there_once() -> None:
    rule = PLAIN.partition("[[rule]]")[2].partition("[coordinating_unit]")[0]

    assert faults(PLAIN.replace("[coordinating_unit]", f"[[rule]]{rule}[coordinating_unit]")) == [
        "her.toml:22 the id station is taken: correct it"
    ]


def test_a_follow_up_with_a_trigger_that_nothing_gives_is_told() -> None:
    table = 'id = "koord1"\nnb = "a"\nen = "b"\ntriggers = ["later"]\nsource = "page"\nconfidence = "A"\n'
    text = f'[sources]\npage = "https://example.org/page"\n[[followup]]\n{table}'

    with pytest.raises(Problem) as raised:
        build_followups(tomllib.loads(text), places("f.toml", text))
    (found,) = raised.value.findings
    assert (found.where, found.en.partition(":")[0]) == (
        "f.toml:7",
        "triggers must be a list of named, meeting, individual-plan, admission, discharge, outpatient",
    )


def test_every_text_for_people_is_there_in_both_languages(root: Path) -> None:
    for file in sorted((root / "mappings" / "municipalities").rglob("*.toml")):
        text = file.read_text("utf-8")
        for key in ("", "reason_", "conflict_", "reachable_"):
            assert len(re.findall(f"^{key}nb = ", text, re.M)) == len(re.findall(f"^{key}en = ", text, re.M)), file.name


def test_each_follow_up_has_a_code_of_the_same_name() -> None:
    system = data.json_file("codes", "pathway-task.json")
    coded = {each["code"]: (each["display"], each["designation"][0]["value"]) for each in system["concept"]}

    assert {each.id: (each.nb, each.en) for each in followups()} == {
        id: names for id, names in coded.items() if id.startswith("koord")
    }


# --- the page made of it


def test_the_page_is_what_the_data_say(root: Path) -> None:
    command = [sys.executable, "tools/coordination_docs.py", "--check"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


def test_every_rule_is_told_with_its_source_and_how_sure_it_is(root: Path) -> None:
    page = (root / "docs" / "coordination.md").read_text("utf-8")
    for rules in all_rules():
        section = page.partition(f"\n## {rules.name or 'Kommuner uten egne regler'}")[2].partition("\n## ")[0]
        rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `")]

        assert [row[0].strip("`") for row in rows] == [rule.id for rule in rules.rules]
        for rule, row in zip(rules.rules, rows, strict=True):
            assert row[1] == f"{rule.name.nb} / {rule.name.en}"
            assert row[4].startswith(f"**{rule.source.confidence}**, [source ")
            (named,) = re.findall(r"\*\*, \[(source \d+)\]", row[4])
            assert f"- **{named}**: {rule.source.reference}\n" in page.replace("<http", "http").replace(">\n", "\n")
