"""Rule files that contradict themselves or each other: every fault at once, in two languages, with file and line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from adapter.domain.problem import Kind, Problem
from adapter.domain.rule_data import build, build_local
from adapter.domain.ruleset import Limit, Local, Rulebook, RuleSet, Source
from mappings.toml_places import places

PLAIN = """pathway = "D11"
rule_set = "2019"
nb = "Voksne"
en = "Adults"
start = "received"
valid_from = 2019-01-01
valid_to = 2024-12-31
source = "guide"
confidence = "A"

[sources]
guide = "https://example.org/guide"

[events]
A = []
M = []
C = ["P", "U"]
E = []

[events_source]
source = "guide"
confidence = "A"

[[limit]]
id = "decision"
anchor = "M"
awaits = "C"
care_level = "poliklinikk"
days = 42
unit = "calendar"
source = "guide"
confidence = "A"

[[limit]]
id = "decision"
anchor = "M"
awaits = "C"
care_level = "dognenhet"
days = "unknown"
unit = "calendar"
confidence = "D"

[[duty]]
kind = "agree-plan"
phase = "planning"
nb = "Bli enige om planen."
en = "Agree the plan."
source = "guide"
confidence = "A"
"""


def read(text: str, name: str = "D11.toml") -> RuleSet:
    return build(tomllib.loads(text), places(name, text))


def faults(text: str) -> list[tuple[str, str]]:
    with pytest.raises(Problem) as stopped:
        read(text)
    found = stopped.value.findings
    assert all((f.severity, f.kind) == ("fatal", Kind.INVALID) and f.nb and f.nb != f.en for f in found)
    return [(f.where, f.en) for f in found]


def test_plain_data_becomes_a_rule_set() -> None:
    rules = read(PLAIN)

    guide = Source("A", "https://example.org/guide")
    assert (rules.pathway, rules.version, rules.valid_from, rules.valid_to) == ("D11", "2019", date(2019, 1, 1), date(2024, 12, 31))
    assert rules.events == {"A": frozenset(), "M": frozenset(), "C": frozenset("PU"), "E": frozenset()}
    assert rules.limits == (
        Limit("decision", "M", "C", 42, "calendar", guide, "poliklinikk"),
        Limit("decision", "M", "C", None, "calendar", Source("D"), "dognenhet"),
    )
    assert (rules.duties[0].kind, rules.duties[0].source) == ("agree-plan", guide)


WRONG = [  # what stands in the file, what stands there instead, the line it is told at, a word of what is told
    ("E = []", "Q = []", "Q = []", "there is no event Q in 9322"),
    ('C = ["P", "U"]', 'C = ["P", "Q"]', 'C = ["P"', "C has no outcome Q"),
    ('C = ["P", "U"]', "C = []", "C = []", "C needs outcomes"),
    ("M = []", 'M = ["P"]', 'M = ["P"]', "M has no outcome P"),
    ("M = []", 'M = "P"', 'M = "P"', "M needs a list of outcomes"),
    ('C = ["P", "U"]', 'C = ["P", "P"]', 'C = ["P"', "is there twice"),
    ("A = []\n", "", "[events]", "the event A (start) is missing"),
    ("M = []\n", "", "[[limit]]", "decision needs an event that the pathway lacks: M"),
    ('C = ["P", "U"]\n', "", "[[limit]]", "decision needs an event that the pathway lacks: C"),
    ('awaits = "C"', 'awaits = "E"', 'awaits = "E"', "awaits must be one of C"),
    ('awaits = "C"\n', "", "[[limit]]", "awaits must be one of C"),
    ('anchor = "M"', 'anchor = "E"', 'anchor = "E"', "anchor must be one of M"),
    ('id = "decision"', 'id = "desicion"', 'id = "desicion"', "id must be one of"),
    ("days = 42\n", "", "[[limit]]", "days is needed"),
    ("days = 42", "days = -1", "days = -1", "0 or more"),
    ("days = 42", "days = true", "days = true", "0 or more"),
    ("days = 42", 'days = "six weeks"', 'days = "six', "0 or more"),
    ("days = 42", 'days = "unknown"', 'days = "unknown"', 'what is unknown has confidence = "D"'),
    ("days = 42", "days = 42\nearliest = 43", "earliest", "earliest is not within days"),
    ("days = 42", "days = 42\ntarget = 101", "target", "target is a percentage"),
    ("days = 42", "days = 42\ndais = 3", "dais", "dais is no key here"),
    ('unit = "calendar"', 'unit = "date"', 'unit = "date"', "unit must be one of calendar, working"),
    ('unit = "calendar"', 'unit = "weeks"', 'unit = "weeks"', "unit must be one of calendar, working"),
    ('care_level = "poliklinikk"', 'care_level = "clinic"', 'care_level = "clinic"', "care_level must be one of"),
    ('phase = "planning"', 'phase = "plan"', 'phase = "plan"', "phase must be one of"),
    ('kind = "agree-plan"\n', "", "[[duty]]", "kind is needed"),
    ("[[duty]]", "[[dutty]]", "[[dutty]]", "dutty is no key here"),
    ("[[duty]]", "[duty]", "[duty]", "duty is no list of tables"),
    ("valid_from = 2019-01-01\n", "", "D11.toml", "valid_from is needed"),
    ("valid_to = 2024-12-31", "valid_to = 2018-12-31", "valid_to", "valid_to is before valid_from"),
    ("valid_to = 2024-12-31", 'valid_to = "2024"', "valid_to", "valid_to is needed, as a date"),
    ('start = "received"', 'start = "sent"', 'start = "sent"', "start must be one of"),
    ('[events_source]\nsource = "guide"', '[events_source]\nsource = "gide"', 'source = "gide"', "gide is not in [sources]"),
    ('confidence = "A"\n\n[sources]', 'confidence = "E"\n\n[sources]', 'confidence = "E"', "confidence must be one of A, B, C, D"),
]


@pytest.mark.parametrize(("there", "instead", "at", "words"), WRONG, ids=[words for _, _, _, words in WRONG])
def test_a_contradiction_is_told_with_its_line(there: str, instead: str, at: str, words: str) -> None:
    text = PLAIN.replace(there, instead, 1)
    told = [where for where, en in faults(text) if words in en]

    assert told
    assert set(told) <= ({f"D11.toml:{number}" for number in lines(text, at)} or {"D11.toml"})


def lines(text: str, words: str) -> list[int]:
    """Where the words stand."""
    return [text[: found.start()].count("\n") + 1 for found in re.finditer(re.escape(words), text)]


@pytest.mark.parametrize("level", ['care_level = "poliklinikk"\n', ""], ids=["the same", "one for all"])
def test_two_limits_do_not_hold_for_the_same_patients(level: str) -> None:
    text = PLAIN.replace('care_level = "dognenhet"\n', level)
    first, second = lines(text, "[[limit]]")

    told = f"decision is there twice for the same patients (see D11.toml:{first}): correct it"
    assert faults(text) == [(f"D11.toml:{second}", told)]


def test_every_fault_is_told_at_once() -> None:
    text = PLAIN.replace("days = 42", "days = -1").replace('phase = "planning"', 'phase = "plan"').replace("E = []", "Q = []")

    assert [where for where, _ in faults(text)] == [
        f"D11.toml:{lines(text, 'Q = []')[0]}",
        f"D11.toml:{lines(text, 'days = -1')[0]}",
        f"D11.toml:{lines(text, 'phase =')[0]}",
    ]


# --- rule sets beside each other


def rule_set(pathway: str = "D11", version: str = "2019", start: str = "2019-01-01", end: str = "2024-12-31") -> RuleSet:
    text = PLAIN.replace('"D11"', f'"{pathway}"', 1).replace('"2019"', f'"{version}"', 1)
    text = text.replace("2019-01-01", start).replace("valid_to = 2024-12-31\n", f"valid_to = {end}\n" if end else "")
    return read(text, f"{pathway}-{version}.toml")


def clashes(sets: Sequence[RuleSet], local: Sequence[Local] = ()) -> list[tuple[str, str]]:
    with pytest.raises(Problem) as stopped:
        Rulebook(sets, local)
    return [(f.where, f.en) for f in stopped.value.findings]


def test_two_rule_sets_of_a_pathway_do_not_hold_on_one_day() -> None:
    told = clashes([rule_set(), rule_set(version="2025", start="2024-12-31", end="")])

    assert told == [
        ("D11-2025.toml:1", "D11-2025 holds from a day on which D11-2019 holds (see D11-2019.toml:1): correct it"),
    ]


def test_a_rule_set_is_there_once() -> None:
    assert clashes([rule_set(), rule_set()]) == [("D11-2019.toml:1", "D11-2019 is there twice (see D11-2019.toml:1): correct it")]


def test_a_new_years_rules_are_one_new_file() -> None:
    book = Rulebook([rule_set(), rule_set(version="2025", start="2025-01-01", end=""), rule_set("D12")])
    later = Rulebook([*book.all(), rule_set(version="2027", start="2027-01-01", end="")])

    assert [book.version(date(year, 5, 1), "D11") for year in (2018, 2019, 2026, 2027)] == ["2019", "2019", "2025", "2025"]
    assert [later.version(date(year, 5, 1), "D11") for year in (2018, 2019, 2026, 2027)] == ["2019", "2019", "2025", "2027"]


def test_a_type_that_the_new_rules_lack_is_not_carried_on_by_itself() -> None:
    book = Rulebook([rule_set(), rule_set("D06", start="2019-02-15"), rule_set(version="2025", start="2025-01-01", end="")])

    assert (book.version(date(2024, 12, 31), "D06"), book.version(date(2025, 1, 1), "D06")) == ("2019", "2025")
    assert (book.has("D06", "2019"), book.has("D06", "2025")) == (True, False)
    assert (book.versions(), book.versions("D06"), book.first) == (("2019", "2025"), ("2019",), date(2019, 1, 1))
    with pytest.raises(Problem) as stopped:
        book.get("D06", "2025")
    assert stopped.value.kind is Kind.BUSINESS_RULE
    assert "which have D11" in stopped.value.findings[0].en


# --- an organisation's own limits

OURS = """pathway = "D11"
rule_set = "2019"
organisation = "999999999"

[[limit]]
id = "decision"
anchor = "M"
awaits = "C"
care_level = "poliklinikk"
days = 28
unit = "calendar"
source = "local"
note = "Decided by the clinic."
"""


def own(text: str = OURS, name: str = "rules/ours.toml") -> Local:
    return build_local(tomllib.loads(text), places(name, text))


def figures(rules: RuleSet) -> dict[tuple[str, str], Any]:
    return {(limit.id, limit.care_level): (limit.days, limit.source.local) for limit in rules.limits}


def test_an_organisations_own_limit_is_laid_over_the_national_one_for_it_alone() -> None:
    book = Rulebook([rule_set()], [own()])

    national = {("decision", "poliklinikk"): (42, False), ("decision", "dognenhet"): (None, False)}
    assert figures(book.get("D11", "2019")) == figures(book.get("D11", "2019", "111111111")) == national
    assert figures(book.get("D11", "2019", "999999999")) == national | {("decision", "poliklinikk"): (28, True)}
    assert book.get("D11", "2019", "999999999").limits[-1].source == Source("A", "", "Decided by the clinic.", local=True)


def test_the_organisations_own_wins_over_the_installations() -> None:
    everybodys = own(OURS.replace('organisation = "999999999"\n', "").replace("28", "35"), "rules/all.toml")
    book = Rulebook([rule_set()], [own(), everybodys])

    assert figures(book.get("D11", "2019", "999999999"))["decision", "poliklinikk"] == (28, True)
    assert figures(book.get("D11", "2019", "111111111"))["decision", "poliklinikk"] == (35, True)


def test_a_local_limit_for_any_level_stands_for_all_national_ones() -> None:
    book = Rulebook([rule_set()], [own(OURS.replace('care_level = "poliklinikk"\n', ""))])

    assert figures(book.get("D11", "2019", "999999999")) == {("decision", ""): (28, True)}


def test_a_limit_that_the_national_rules_lack_may_be_added() -> None:
    added = (
        OURS.replace('"decision"', '"first-evaluation"')
        .replace('anchor = "M"', 'anchor = "C"')
        .replace('awaits = "C"', 'awaits = "E"')
    )
    book = Rulebook([rule_set()], [own(added)])

    assert figures(book.get("D11", "2019", "999999999"))["first-evaluation", "poliklinikk"] == (28, True)


@pytest.mark.parametrize(
    ("there", "instead", "at", "words"),
    [
        ('rule_set = "2019"', 'rule_set = "2031"', 1, "there is no rule set D11-2031 to lay limits over"),
        ('id = "decision"', 'id = "detox-to-treatment"', 5, "lacks: D"),
        ("days = 28", "days = 28\nbelow_age = 18", 5, "the national limit has another below_age"),
    ],
)
def test_what_is_laid_over_must_be_there(there: str, instead: str, at: int, words: str) -> None:
    text = OURS.replace(there, instead)
    if "detox" in instead:
        text = text.replace('anchor = "M"', 'anchor = "D"').replace('awaits = "C"\n', "")

    assert [(where, words in en) for where, en in clashes([rule_set()], [own(text)])] == [(f"rules/ours.toml:{at}", True)]


def test_a_local_limit_for_some_leaves_the_national_one_to_the_others() -> None:
    second = PLAIN[PLAIN.rindex("[[limit]]") : PLAIN.index("[[duty]]")]
    national = read(PLAIN.replace('care_level = "poliklinikk"\n', "").replace(second, ""))
    book = Rulebook([national], [own()])

    assert figures(book.get("D11", "2019")) == {("decision", ""): (42, False)}
    assert figures(book.get("D11", "2019", "999999999")) == {
        ("decision", "dognenhet"): (42, False),
        ("decision", "poliklinikk"): (28, True),
    }


def test_two_files_do_not_lay_limits_over_the_same_rules_for_the_same_organisation() -> None:
    told = clashes([rule_set()], [own(), own(name="rules/again.toml")])

    assert told == [("rules/again.toml:1", "the limits laid over D11-2019 are there twice (see rules/ours.toml:1): correct it")]


@pytest.mark.parametrize("id", ["assess-referral", "date-limit", "guarantee-under-23"])
def test_what_the_law_sets_has_no_local_figure(id: str) -> None:
    anchor = "received" if id == "assess-referral" else "assessed"
    awaits = 'awaits = "C"\n', ("" if id == "assess-referral" else 'awaits = "M"\n')
    text = OURS.replace('"decision"', f'"{id}"').replace('anchor = "M"', f'anchor = "{anchor}"').replace(*awaits)
    if id == "date-limit":
        text = text.replace("days = 28\n", "").replace('"calendar"', '"date"')

    with pytest.raises(Problem) as stopped:
        own(text)

    assert [(f.where, f.en) for f in stopped.value.findings] == [
        ("rules/ours.toml:6", f"{id} is set by law: it has no local figure: correct it")
    ]


def test_a_local_file_holds_limits_and_nothing_else() -> None:
    with pytest.raises(Problem) as stopped:
        own(OURS.replace("[[limit]]", "[[duty]]"))

    assert sorted((f.where, f.en.partition(":")[0]) for f in stopped.value.findings) == [
        ("rules/ours.toml", "no [[limit]] is there"),
        ("rules/ours.toml:5", "duty is no key here"),
    ]
