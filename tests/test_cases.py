"""Messages and what they must become, derived by hand: `cases/NAME` holds message, `expected.json` and the reasons, `why.md`.

The expectations have another author than the program: each is read off the message, the standards and the contracts, never
off the program's output. Only what these determine is expected; a choice that they leave open is not.

A check selects one resource (`resource`, `where` path equals value, `holding` a text anywhere in it) and says something about
the values at a `path`: steps joined by `.`, lists flattened, `[0]` an index, `[key=value]` a filter, `->` along a reference.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
import pytest
from lxml import etree

from adapter.domain import gate, opening
from adapter.domain.gate import GateRules
from adapter.domain.identity import keyed
from adapter.domain.referral import Decision, Facts, Receipt, RefusalReason, Service
from mappings.messages import apprec
from mappings.translation import Limits, Translation, Translator
from tests.xsd import faults, needs_standards

ROOT = Path(__file__).resolve().parent.parent
CASES = Path(__file__).resolve().parent / "cases"
NAMES = sorted(path.parent.name for path in CASES.glob("*/expected.json"))
KEY = b"the key of these cases"
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://stafett.invalid/fhir")
ORGANISATION = "319900101"
TEXTS = ("TextResultValue", "Precaution", "Merknad", "ReqComment", "DosageText", "Note", "Comment")


class Selector(msgspec.Struct, forbid_unknown_fields=True):
    resource: str
    where: dict[str, Any] = {}
    holding: str = ""


class Check(Selector, forbid_unknown_fields=True):
    path: str = ""
    value: Any = msgspec.UNSET  # the one value there
    values: Any = msgspec.UNSET  # all values there, in order
    includes: Any = msgspec.UNSET  # one of the values there
    absent: bool = False
    date: str = ""  # the one value begins with the date
    joined: str = ""  # the values, joined by spaces
    reaches: Selector | None = None  # a reference there leads to it, in one or two steps
    count: int = -1  # so many such resources
    uuid5: list[str] = []  # the one value is the uuid5 of these parts
    hmac: list[str] = []  # the one value holds the HMAC of these parts


class Somewhere(msgspec.Struct, forbid_unknown_fields=True):
    """A Coding or a text that must stand in some resource: where is not determined."""

    coding: list[str] = []
    text: str = ""


class Opens(msgspec.Struct, forbid_unknown_fields=True):
    pathway: str
    rule_set: str
    decided_by: str


class Due(msgspec.Struct, forbid_unknown_fields=True):
    received: datetime
    due: str
    working_days: Literal["mon-fri", "mon-sat"] = "mon-fri"


class Case(msgspec.Struct, forbid_unknown_fields=True):
    received: datetime
    her_id: str  # of the service that receives it
    pathway: str = ""  # of that service, as configured
    rule_set: str = ""
    open_pathways: list[tuple[str, str]] = []
    message: str = ""  # below the project's root; else message.xml in the folder
    refused: list[str] = []
    opens: Opens | None = None
    duties: int = 0
    warnings: int = 0  # of the decision
    reported: list[str] = []  # texts of XPaths that the translation must report
    checks: list[Check] = []
    counts: dict[str, int] = {}
    somewhere: list[Somewhere] = []
    texts: int = 0  # free texts in the message, all of which come out whole
    attachments: int = 0
    apprec_schema: str = "apprec-1.1"
    apprec_id: list[str] = []  # its Id is the uuid5 of these
    apprec: dict[str, str] = {}
    due: list[Due] = []
    same_ids_as: str = ""
    same_types: list[str] = []


@dataclass(frozen=True)
class Outcome:
    refused: tuple[RefusalReason, ...]
    decision: Decision
    translation: Translation
    apprec: bytes

    @property
    def resources(self) -> list[dict[str, Any]]:
        return [entry["resource"] for entry in json.loads(self.translation.bundle())["entry"]]


@cache
def case_of(name: str) -> Case:
    return msgspec.json.decode((CASES / name / "expected.json").read_bytes(), type=Case)


def message_of(name: str) -> bytes:
    case = case_of(name)
    return (ROOT / case.message if case.message else CASES / name / "message.xml").read_bytes()


def run(name: str, received: datetime, working_days: Literal["mon-fri", "mon-sat"] = "mon-fri") -> Outcome:
    case = case_of(name)
    translator = Translator(Limits(), keyed(KEY), working_days)
    service = Service(case.her_id, ORGANISATION, case.pathway, case.rule_set)
    receipt = Receipt(received, case.her_id, ORGANISATION, received.astimezone(ZoneInfo("Europe/Oslo")).date())
    reading = translator.read(message_of(name))
    copy = reading.envelope.receiver != case.her_id
    refused = gate.judge(reading.case, GateRules(test_environment=True))
    facts = Facts(copy=copy, open_pathways=case.open_pathways)
    decision = Decision() if refused else opening.decide(reading.case, service, facts, receipt.day, translator.rulebook)
    answer = apprec.to_xml(apprec.answer(reading, receipt, refused))
    return Outcome(refused, decision, translator.render(reading, receipt, decision), answer)


@cache
def outcome(name: str) -> Outcome:
    return run(name, case_of(name).received)


_STEP = re.compile(r"(->)?([A-Za-z]+)?((?:\[[^\]]*\])*)")


def steps(path: str) -> list[str]:
    """`a[x=urn:1.2].b->c` in its steps: `a[x=urn:1.2]`, `b`, `->c`."""
    return re.findall(r"(?:->)?(?:[A-Za-z]|\[[^\]]*\])+", path)


def at(resources: list[dict[str, Any]], resource: dict[str, Any], path: str) -> list[Any]:
    """The values at a path, lists flattened."""
    found: list[Any] = [resource]
    for step in steps(path):
        arrow, name, filters = _STEP.fullmatch(step).groups()  # type: ignore[union-attr]
        if arrow:
            found = [target for node in found for target in resources if reference(target) == node["reference"]]
        if name:
            found = [inner for node in found if name in node for inner in flat(node[name])]
        for inner in re.findall(r"\[([^\]]*)\]", filters):
            key, equals, value = inner.partition("=")
            found = [n for n in found if value in at(resources, n, key)] if equals else found[int(key) : int(key) + 1]
    return found


def flat(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def reference(resource: dict[str, Any]) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def leaves(value: Any) -> Iterator[Any]:
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from leaves(inner)
    if not isinstance(value, dict | list):
        yield value


def dictionaries(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from dictionaries(inner)


def selected(resources: list[dict[str, Any]], selector: Selector) -> list[dict[str, Any]]:
    return [
        resource
        for resource in resources
        if resource["resourceType"] == selector.resource
        and all(value in at(resources, resource, path) for path, value in selector.where.items())
        and (not selector.holding or any(selector.holding in leaf for leaf in leaves(resource) if isinstance(leaf, str)))
    ]


def fault(resources: list[dict[str, Any]], check: Check) -> str:
    """What the resources have against a check; empty where it holds."""
    chosen = selected(resources, check)
    said = f"{check.resource} {check.where or check.holding or ''} {check.path}".replace("  ", " ")
    if check.count >= 0:
        return "" if len(chosen) == check.count else f"{said}: {len(chosen)} of them, not {check.count}"
    if len(chosen) != 1:
        return f"{said}: {len(chosen)} of them, where one is meant"
    found = at(resources, chosen[0], check.path)
    return "" if holds(resources, found, check) else f"{said}: {found!r} against {spoken(check)}"


def spoken(check: Check) -> str:
    plain = msgspec.to_builtins(check)
    return json.dumps({k: v for k, v in plain.items() if v and k not in ("resource", "where", "path")}, ensure_ascii=False)


def holds(resources: list[dict[str, Any]], found: list[Any], check: Check) -> bool:
    one = found[0] if len(found) == 1 else None
    if check.absent:
        return not found
    if check.reaches:
        targets = {reference(resource) for resource in selected(resources, check.reaches)}
        return bool(targets & reachable(resources, found))
    if check.uuid5:
        return bool(one == str(uuid.uuid5(NAMESPACE, "|".join(check.uuid5))))
    if check.hmac:
        digest = hmac.new(KEY, "|".join(check.hmac).encode(), "sha256").hexdigest()
        return same_but_for_version(str(one).replace("-", ""), digest[:32])
    if check.date:
        return str(one)[:10] == check.date
    if check.joined:
        return " ".join(found) == check.joined
    if check.includes is not msgspec.UNSET:
        return check.includes in found
    if check.values is not msgspec.UNSET:
        return bool(found == check.values)
    assert check.value is not msgspec.UNSET, f"nothing is said about {check.path}"
    return bool(one == check.value)


def same_but_for_version(left: str, right: str) -> bool:
    """Two of 32 digits, without the version (digit 13) and the variant (two bits of digit 17) that make them a UUID."""
    masked = [f"{d[:12]}{d[13:16]}{int(d[16], 16) & 3}{d[17:]}" for d in (left, right) if len(d) == 32]
    return len(masked) == 2 and masked[0] == masked[1]


def reachable(resources: list[dict[str, Any]], references: list[Any]) -> set[str]:
    first = {node["reference"] for node in references if "reference" in node}
    second = {
        node["reference"]
        for resource in resources
        if reference(resource) in first
        for node in dictionaries(resource)
        if "reference" in node
    }
    return first | second


@pytest.mark.parametrize("name", NAMES)
def test_a_message_is_judged_and_opens_what_was_derived(name: str) -> None:
    case, got = case_of(name), outcome(name)

    opening = got.decision.opening
    opened = Opens(opening.pathway, opening.rule_set, opening.decided_by) if opening else None
    warned = sum(finding.severity == "warning" for finding in got.decision.findings)
    assert ([r.code for r in got.refused], opened, len(got.decision.duties), warned) == (
        case.refused,
        case.opens,
        case.duties,
        case.warnings,
    )


@pytest.mark.parametrize("name", [n for n in NAMES if case_of(n).checks])
def test_a_message_becomes_the_resources_that_were_derived(name: str) -> None:
    resources = outcome(name).resources

    assert [found for check in case_of(name).checks if (found := fault(resources, check))] == []


@pytest.mark.parametrize("name", [n for n in NAMES if case_of(n).counts])
def test_there_are_as_many_resources_as_were_derived(name: str) -> None:
    counted = Counter(resource["resourceType"] for resource in outcome(name).resources)

    assert {type: counted[type] for type in case_of(name).counts} == case_of(name).counts


@pytest.mark.parametrize("name", [n for n in NAMES if case_of(n).somewhere])
def test_every_code_and_text_that_was_derived_is_found(name: str) -> None:
    resources = outcome(name).resources
    codings = {(d.get("system"), d["code"]) for d in dictionaries(resources) if isinstance(d.get("code"), str)}
    texts = {leaf for leaf in leaves(resources) if isinstance(leaf, str)}

    lost = [
        place
        for place in case_of(name).somewhere
        if (place.coding and tuple(place.coding) not in codings) or (place.text and not any(place.text in t for t in texts))
    ]
    assert lost == []


@pytest.mark.parametrize("name", [n for n in NAMES if case_of(n).texts])
def test_free_text_comes_out_whole(name: str) -> None:
    written = [
        element.text
        for element in etree.fromstring(message_of(name)).iter()
        if isinstance(element.tag, str) and not len(element) and element.text and free_text(element)
    ]
    texts = [leaf for leaf in leaves(outcome(name).resources) if isinstance(leaf, str)]

    assert len(written) == case_of(name).texts
    assert [text for text in written if not any(text in leaf for leaf in texts)] == []


def free_text(element: etree._Element) -> bool:
    name, above = etree.QName(element).localname, element.getparent()
    return name in TEXTS or (name == "Description" and above is not None and etree.QName(above).localname == "Observation")


@pytest.mark.parametrize("name", [n for n in NAMES if case_of(n).attachments])
def test_attachments_come_out_byte_for_byte(name: str) -> None:
    sent = [base64.b64decode(e.text or "") for e in etree.fromstring(message_of(name)).iter("{*}Base64Container")]
    kept = [base64.b64decode(r["data"]) for r in outcome(name).resources if r["resourceType"] == "Binary"]

    assert len(sent) == case_of(name).attachments
    assert [len(data) for data in sent if data not in kept] == []


@pytest.mark.parametrize("name", [n for n in NAMES if case_of(n).apprec])
def test_the_answer_is_the_one_that_was_derived(name: str) -> None:
    tree = etree.fromstring(outcome(name).apprec)
    for element in tree.iter():
        element.tag = etree.QName(element).localname
    got = {xpath: tree.xpath(f"string({xpath})") for xpath in case_of(name).apprec}

    assert got == case_of(name).apprec
    assert tree.findtext("Id") == str(uuid.uuid5(NAMESPACE, "|".join(case_of(name).apprec_id)))


@needs_standards
@pytest.mark.parametrize("name", NAMES)
def test_the_answer_follows_the_schema_of_its_version(name: str) -> None:
    assert faults(case_of(name).apprec_schema, outcome(name).apprec) == []


@pytest.mark.parametrize("name", [n for n in NAMES if case_of(n).due])
def test_the_assessment_is_due_after_ten_working_days(name: str) -> None:
    got = []
    for due in case_of(name).due:
        resources = run(name, due.received, due.working_days).resources
        tasks = [resource for resource in resources if resource["resourceType"] == "Task"]
        got += [str(end)[:10] for task in tasks for end in at(resources, task, "restriction.period.end")]

    assert got == [due.due for due in case_of(name).due]
    assert all(date.fromisoformat(end) for end in got)


@pytest.mark.parametrize("name", [n for n in NAMES if case_of(n).same_ids_as])
def test_the_messages_of_a_series_are_about_the_same_resources(name: str) -> None:
    case = case_of(name)
    here, there = outcome(name).resources, outcome(case.same_ids_as).resources

    ids = [{reference(r) for r in resources if r["resourceType"] in case.same_types} for resources in (here, there)]
    assert ids[0] == ids[1] != set()


@pytest.mark.parametrize("name", [n for n in NAMES if case_of(n).reported])
def test_what_is_not_understood_is_reported(name: str) -> None:
    told = [f"{finding.where} {finding.en}" for finding in outcome(name).translation.findings]

    assert [text for text in case_of(name).reported if not any(text in line for line in told)] == []


def test_every_case_says_why() -> None:
    folders = sorted(path.name for path in CASES.iterdir() if path.is_dir() and path.name != "__pycache__")

    assert folders == NAMES
    assert [name for name in NAMES if len((CASES / name / "why.md").read_text("utf-8").split()) < 20] == []


@needs_standards
@pytest.mark.parametrize("name", [n for n in NAMES if not case_of(n).message])
def test_a_message_of_our_own_follows_its_schema(name: str) -> None:
    assert faults("henvisning-2.0", message_of(name)) == []
