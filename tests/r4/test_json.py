"""Strict FHIR JSON: what RFC 8259 and R4 say, the place of each fault by hand, and laws against the standard library's parser."""

from __future__ import annotations

import copy
import doctest
import json
import pickle
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapter.domain.problem import Finding, Kind, Problem
from adapter.r4 import json as fhir_json
from adapter.r4 import json_places, json_scan
from adapter.r4.json import MAX_VALUES, Number, encode, parse


def fault(data: bytes) -> Finding:
    with pytest.raises(Problem) as raised:
        parse(data)
    (finding,) = raised.value.findings
    return finding


def is_read(data: bytes) -> bool:
    try:
        parse(data)
    except Problem:
        return False
    return True


@pytest.mark.parametrize(
    "text",
    [
        "0.10",
        "1.0",
        "100.00",
        "-0",
        "-0.0",
        "1e2",
        "1.50E-7",
        "0.123456789012345678",
        "123456789012345678.5",
        "1234567890123456789012",
    ],
)
def test_a_number_keeps_its_text(text: str) -> None:
    body = parse(f'{{"value":{text}}}'.encode())

    assert type(body["value"]) is Number
    assert body["value"] == Decimal(text)
    assert encode(body) == f'{{"value":{text}}}'.encode()


def test_a_whole_number_of_up_to_18_digits_is_an_int() -> None:
    assert [type(v) for v in parse(b"[0,-7,123456789012345678,-12345678901234567]")] == [int] * 4


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))])
def test_a_copied_number_keeps_its_text(copied: Any) -> None:
    assert copied(Number("1.50")).text == "1.50"


def test_what_is_computed_is_written_as_a_number_too() -> None:
    assert encode([Decimal("1.50"), 3]) == b"[1.50,3]"


def test_names_keep_their_order_and_texts_their_characters() -> None:
    text = '{"b":"å\\n\\t\\"\\\\/ 😀","a":[true,false,null,{},[]]}'

    assert encode(parse(text.encode())).decode() == text


def test_escapes_are_read_as_what_they_stand_for() -> None:
    assert parse(rb'"\u00e5\ud83d\ude00\\u0000\/"') == "å😀\\u0000/"


@pytest.mark.parametrize(
    ("data", "line", "column"),
    [
        (b"", 1, 1),
        (b"  \n ", 2, 2),
        (b'{"a":1,\n "b":2,\n "a":3}', 3, 2),  # the second a
        (b'[{"a":{"x":1}},{"a":1,"\\u0061":2}]', 1, 23),  # the same name, though written otherwise
        (b'{"a":NaN}', 1, 6),
        (b'{"a":-Infinity}', 1, 6),
        (b'{"a":1e999}', 1, 6),
        (b'{"a":1e-999}', 1, 6),
        (b'{"a":1e99999999999999999999999}', 1, 6),
        (b'{"a":0.' + b"1" * 63 + b"}", 1, 6),  # 65 characters
        (b'{"a":01}', 1, 7),  # a second number after the 0
        (b'{"a":1.}', 1, 7),
        (b'{"a":+1}', 1, 6),
        (b'{"a":"x\\ud800y"}', 1, 8),
        (b'{"a":"\\ude00\\ud83d"}', 1, 7),  # low before high
        (b'{"a":"\\ud83d\\ud83d\\ude00"}', 1, 7),  # the first high has no low
        (b'{"a":"x\\u0000"}', 1, 8),
        (b'{"a":"\\b"}', 1, 7),
        (b'{"a":"\\\\\\u001f"}', 1, 9),  # after an escaped backslash
        ('{"å":"å\uffff"}'.encode(), 1, 8),  # columns count characters
        (b'{"a":"x\ty"}', 1, 8),  # a tab must be escaped
        (b'{"a":"x\ny"}', 1, 8),
        (b'{"a":"x', 1, 8),
        (b'{"a":"\\x"}', 1, 7),
        (b"\xef\xbb\xbf{}", 1, 1),
        (b"{}\n{}", 2, 1),
        (b'{"a":1} // no', 1, 9),
        (b'{/* no */"a":1}', 1, 2),
        (b"{'a':1}", 1, 2),
        (b'{"a":1,}', 1, 8),
        (b"[1,]", 1, 4),
        (b"[1 2]", 1, 4),
        (b'{"a" 1}', 1, 6),
        (b"{a:1}", 1, 2),
        (b'{"a":True}', 1, 6),
        (b"[}", 1, 2),
        (b"[1}", 1, 3),
        (b'{"a":\n"\xc3\xa5\xff"}', 2, 3),  # a byte that is not UTF-8
        (b'"\xed\xa0\x80"', 1, 2),  # a surrogate written as UTF-8
        (b'{"a":\xa01}', 1, 6),
        ('{"a":\u00a01}'.encode(), 1, 6),  # a no-break space is not white space of JSON
    ],
)
def test_what_is_no_json_is_refused_where_it_stops_being_so(data: bytes, line: int, column: int) -> None:
    finding = fault(data)

    assert (finding.kind, finding.line, finding.column) == (Kind.MALFORMED, line, column)
    assert all((finding.en, finding.nb, finding.rule))


def test_64_levels_are_read_and_65_are_not() -> None:
    assert is_read(b"[" * 64 + b"]" * 64)
    assert is_read(b'{"a":' * 63 + b"[]" + b"}" * 63)
    assert fault(b"[" * 65 + b"]" * 65).column == 65
    assert fault(b'[{},{"a":' * 40).line == 1


@pytest.mark.parametrize("wide", [b"[" + b"[]," * 200 + b"[]]", b"[" + b'{"a":{"b":[1]}},' * 50 + b"{}]"])
def test_many_brackets_are_not_many_levels(wide: bytes) -> None:
    assert is_read(wide)


@pytest.mark.parametrize("data", [b"[" * 100_000, b'{"a":' * 100_000, b"[" * 100_000 + b"]" * 100_000, b'{"a":[' * 200_000])
def test_any_depth_is_refused_without_recursion(data: bytes) -> None:
    assert fault(data).column is not None


def test_a_fault_never_repeats_the_senders_values() -> None:
    for data in (
        b'{"a":"Ola Nordmann","a":"Kari"}',
        b'{"a":13888888888 x}',
        b'{"Ola Nordmann":1,"Ola Nordmann":2}',
        b'"Ola\\u0000"',
    ):
        finding = fault(data)
        assert not any(word in finding.en + finding.nb for word in ("Ola", "Kari", "138"))


def test_a_name_given_twice_is_named() -> None:
    assert "(status)" in fault(b'{"status":"done","status":"draft"}').en


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff") | st.sampled_from("\t\n\r"))
numbers = st.integers(-(10**60), 10**60) | st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
pieces = st.sampled_from(
    [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        '"',
        '"a"',
        '"b"',
        "1",
        "-",
        "0.5",
        "e9",
        "true",
        "nul",
        "NaN",
        " ",
        "\n",
        "\\u00",
        "\\ud83d",
        "\\ude00",
    ]
)


@pytest.mark.parametrize("many", ["1,", "[],", "{},", '"a",'])
def test_a_body_of_more_values_than_any_resource_has_is_too_costly(many: str) -> None:
    """Ten megabytes of `[]` would become hundreds of megabytes; half a million values are what ten of ordinary FHIR hold."""
    assert fault(f"[{many * MAX_VALUES}1]".encode()).kind is Kind.TOO_COSTLY
    assert len(parse(f"[{many * (MAX_VALUES // 2 - 2)}1]".encode())) == MAX_VALUES // 2 - 1


@given(values, st.sampled_from([None, 1]), st.booleans())
def test_what_the_standard_library_writes_is_read_as_it_reads_it(value: Any, indent: int | None, ascii_only: bool) -> None:
    data = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()

    assert json.loads(encode(parse(data))) == value
    assert encode(parse(encode(parse(data)))) == encode(parse(data))


@given(st.lists(pieces, max_size=12).map("".join) | st.text(alphabet='{}[],:"\\abu0159eE.-+ \n\u00e5\ufffe', max_size=24))
@example('{"a":{"a":1},"b":[{"a":1},{"a":2}]}')
@example("[[]]")
def test_the_parser_and_the_scan_read_the_same_language(text: str) -> None:
    """The fast one asks the slow one for the reason, so each must refuse exactly what the other does."""
    try:
        json_scan.check(text)
    except Problem:
        assert not is_read(text.encode())
    else:
        assert is_read(text.encode())
        json.loads(text, parse_constant=pytest.fail)  # and it is JSON to others


def paths(value: Any, path: json_scan.Path = ()) -> Iterator[json_scan.Path]:
    yield path
    for step, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from paths(item, (*path, step))


@given(values, st.data())
def test_each_wanted_value_is_found_where_it_begins(value: Any, data: st.DataObject) -> None:
    text = json.dumps(value, indent=data.draw(st.sampled_from([None, 1])))
    wanted = data.draw(st.lists(st.sampled_from(list(paths(value))), min_size=1))
    decoder = json.JSONDecoder()

    found = json_places.begins(text, [*wanted, ("no such",), (99,)])

    assert set(wanted) <= set(found)
    for path, at in found.items():
        expected = value
        for step in path:
            expected = expected[step]
        begun = decoder.raw_decode(text, at)
        if path and isinstance(path[-1], str):
            assert begun[0] == path[-1]
            begun = decoder.raw_decode(text, begun[1] + len(": "))
        assert begun[0] == expected


def test_a_value_at_the_end_of_half_a_million_is_found_at_once() -> None:
    text = json.dumps([{"a": list(range(499_990))}, 7])
    began = time.monotonic()

    assert json_places.begins(text, [(1,), (0, "a", 499_989)])[1,] == len(text) - 2
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("module", [fhir_json, json_scan, json_places])
def test_the_examples_of_the_documentation_hold(module: Any) -> None:
    tried = doctest.testmod(module)

    assert (tried.failed, tried.attempted > 0) == (0, True)
