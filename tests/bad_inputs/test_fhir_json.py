"""Bodies that are no FHIR JSON, or barely: rows B057-B067 of the table, at the door that every way in shares.

What each must get (400, a place, no echo, no fault of ours) is the table's own column; over HTTP it is tried with the routes.
"""

from __future__ import annotations

import json
import re
import sys

import pytest

from adapter.domain.problem import Problem
from adapter.r4.checker import check
from adapter.r4.document import read
from adapter.r4.json import Number, encode, parse
from adapter.r4.outcome import operation_outcome, status
from tests.bad_inputs.cost import SECONDS, measured

SECRET = "Kvasir Hemmelig"  # stands for what a sender would not see repeated
TASK = '{"resourceType":"Task","status":"draft","intent":"order","description":"%s","n":%s}'


def task(more: str = "1", *, text: str = SECRET) -> bytes:
    return (TASK % (text, more)).encode()


REFUSED = {
    "B057 arrays": b"[" * 100_000,
    "B057 arrays that end": task("[" * 100_000 + "]" * 100_000),
    "B057 objects": b'{"a":' * 100_000,
    "B058 at the top": b'{"resourceType":"Patient","resourceType":"Task"}',
    "B058 deep inside": task('[{"b":{"@":1,"c":2,"@":3}}]'.replace("@", SECRET)),
    "B058 written otherwise": task('{"id":1,"\\u0069d":2}'),
    "B059 NaN": task("NaN"),
    "B059 Infinity": task("Infinity"),
    "B059 -Infinity": task("-Infinity"),
    "B059 1e999": task("1e999"),
    "B059 -1e999": task("-1e999"),
    "B060": task("9" * 100_000),
    "B060 as a decimal": task("0." + "9" * 100_000),
    "B060 as an exponent": task("1e" + "9" * 100_000),
    "B061 high": task(text=f"{SECRET}\\ud800"),
    "B061 low": task(text=f"\\udc00{SECRET}"),
    "B061 in a name": b'{"\\ud800":1}',
    "B062": task(text=f"{SECRET}\\u0000"),
    "B062 raw": task(text=f"{SECRET}\x00"),
    "B062 in a name": b'{"a\\u0000":1}',
    "B062 another control character": task(text=f"{SECRET}\\u001b[2J"),
    "B063 BOM": b"\xef\xbb\xbf" + task(),
    "B063 trailing bytes": task() + b"x",
    "B063 two bodies": task() + task(),
    "B063 trailing NUL": task() + b"\x00",
    "B063 comment": task("1/* why */"),
    "B063 comment of a line": task() + b"// why",
    "B063 single quotes": task().replace(b'"', b"'"),
    "B063 trailing comma": task()[:-1] + b",}",
    "B063 trailing comma in an array": task("[1,]"),
    "B063 nothing": b"",
    "B064": task(text=SECRET + "\u00e5").replace("\u00e5".encode(), b"\xe5"),
    "B064 overlong": task(text=SECRET + "@").replace(b"@", b"\xc0\xaf"),
    "B064 UTF-16": task().decode().encode("utf-16"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_400_at_once_with_a_place_and_without_the_senders_words(name: str) -> None:
    with measured() as cost, pytest.raises(Problem) as raised:
        parse(REFUSED[name])

    outcome = operation_outcome(raised.value.findings)
    assert status(raised.value.findings) == 400
    assert [issue["code"] for issue in outcome["issue"]] == ["structure"]
    assert re.fullmatch(r"Line\[1\] Col\[\d+\]", outcome["issue"][0]["location"][0])
    assert SECRET.split()[1] not in json.dumps(outcome)
    assert cost.seconds < SECONDS


def test_no_recursion_limit_is_leant_on() -> None:
    """B057 again, where the interpreter would allow any depth: a server's settings must not decide."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(5_000)
    try:
        with pytest.raises(Problem):
            parse(b"[" * 2_000 + b"]" * 2_000)
    finally:
        sys.setrecursionlimit(before)


@pytest.mark.parametrize("text", ["0.10", "1.0", "0.123456789012345678", "123456789012345678", "1.23456789012345678E5", "-0.00"])
def test_b067_a_decimal_comes_back_as_it_was_sent(text: str) -> None:
    assert encode(parse(task(text))) == task(text)
    assert b'"n":' + text.encode() + b"}" in encode({"n": Number(text)})


# JSON that FHIR does not allow (https://hl7.org/fhir/R4/json.html), and the place that is wrong.
NOT_FHIR = {
    "B065 array": ('"name":[]', "Patient.name"),
    "B065 object": ('"maritalStatus":{}', "Patient.maritalStatus"),
    "B065 string": ('"birthDate":""', "Patient.birthDate"),
    "B065 object in an array": ('"name":[{}]', "Patient.name[0]"),
    "B065 string in an array": ('"name":[{"given":[""]}]', "Patient.name[0].given[0]"),
    "B065 null": ('"birthDate":null', "Patient.birthDate"),
    "B065 null in an array": ('"name":[null]', "Patient.name[0]"),
    "B065 the part beside a primitive": ('"_birthDate":{}', "Patient.birthDate"),
    "B066 fewer values": ('"name":[{"given":["a"],"_given":[null,{"id":"b"}]}]', "Patient.name[0].given"),
    "B066 more values": ('"name":[{"given":["a","b"],"_given":[{"id":"a"}]}]', "Patient.name[0].given"),
    "B066 no array": ('"name":[{"given":["a"],"_given":{"id":"a"}}]', "Patient.name[0].given"),
    "B066 neither value nor more": ('"name":[{"given":["a",null],"_given":[{"id":"a"},null]}]', "Patient.name[0].given[1]"),
}


@pytest.mark.parametrize("name", NOT_FHIR)
def test_what_is_json_but_not_fhirs_is_400_with_its_place_too(name: str) -> None:
    wrong, where = NOT_FHIR[name]
    sent = read(f'{{"resourceType":"Patient",\n{wrong}}}'.encode())

    findings = [f for f in sent.located(check(sent.body)) if f.severity == "error"]

    assert status(findings) == 400
    assert {(f.where, f.line) for f in findings} == {(where, 2)}
