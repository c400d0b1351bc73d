"""JSON Patch: each rule of RFC 6902 by hand, bounds, and the PyPI library as the second opinion."""

from __future__ import annotations

import copy
import doctest
from typing import Any

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.problem import Kind, Problem
from adapter.r4 import patch
from adapter.r4.json import Number, encode, parse
from adapter.r4.outcome import status
from adapter.r4.patch import apply

TASK = b"""{"resourceType":"Task","id":"t1","status":"requested","intent":"order","priority":"routine",
"note":[{"text":"a"},{"text":"b"}],"input":[{"type":{"text":"dose"},"valueDecimal":1.50}],"a/b":{"m~n":1}}"""


def op(op: str, path: str, **more: Any) -> dict[str, Any]:
    return {"op": op, "path": path, **({"from": more.pop("source")} if "source" in more else {}), **more}


def patched(*operations: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = apply(parse(TASK), list(operations))
    return result


def refused(operations: Any) -> Problem:
    with pytest.raises(Problem) as raised:
        apply(parse(TASK), operations)
    assert all(f.en and f.nb and f.rule for f in raised.value.findings)
    return raised.value


@pytest.mark.parametrize(
    ("operation", "place", "expected"),
    [
        (op("replace", "/status", value="completed"), ["status"], "completed"),
        (op("add", "/owner", value={"display": "x"}), ["owner"], {"display": "x"}),
        (op("add", "/status", value="draft"), ["status"], "draft"),  # 4.1: a member that is there is replaced
        (op("add", "/note/1", value={"text": "c"}), ["note"], [{"text": "a"}, {"text": "c"}, {"text": "b"}]),
        (op("add", "/note/2", value={"text": "c"}), ["note"], [{"text": "a"}, {"text": "b"}, {"text": "c"}]),
        (op("add", "/note/-", value={"text": "c"}), ["note"], [{"text": "a"}, {"text": "b"}, {"text": "c"}]),
        (op("replace", "/note/0", value={"text": "c"}), ["note"], [{"text": "c"}, {"text": "b"}]),
        (op("remove", "/note/0"), ["note"], [{"text": "b"}]),
        (op("move", "/note/0", source="/note/1"), ["note"], [{"text": "b"}, {"text": "a"}]),
        (op("move", "/note/1", source="/note/0"), ["note"], [{"text": "b"}, {"text": "a"}]),  # 4.4: removed first
        (op("move", "/note", source="/note"), ["note"], [{"text": "a"}, {"text": "b"}]),
        (op("copy", "/note/-", source="/note/0"), ["note"], [{"text": "a"}, {"text": "b"}, {"text": "a"}]),
        (op("replace", "/a~1b/m~0n", value=2), ["a/b", "m~n"], 2),
        (op("test", "/status", value="requested"), ["status"], "requested"),
        (op("test", "/note/0", value={"text": "a"}), ["status"], "requested"),
        (op("test", "/input/0/valueDecimal", value=Number("1.5")), ["status"], "requested"),  # 4.6: numerically equal
        (op("replace", "", value={"resourceType": "Task"}), [], {"resourceType": "Task"}),
    ],
)
def test_an_operation_does_what_the_rfc_says(operation: dict[str, Any], place: list[str], expected: Any) -> None:
    result: Any = patched(operation)
    for step in place:
        result = result[step]

    assert result == expected


def test_a_removed_member_is_gone() -> None:
    assert "priority" not in patched(op("remove", "/priority"))
    assert "priority" not in patched(op("move", "/intent", source="/priority"))


def test_numbers_that_nobody_touched_keep_their_text() -> None:
    assert b'"valueDecimal":1.50' in encode(patched(op("replace", "/status", value="draft"), op("copy", "/x", source="/input")))


def test_neither_body_nor_patch_is_changed() -> None:
    body = parse(TASK)
    operations = [
        op("add", "/x", value={"y": []}),
        op("add", "/x/y/-", value=1),
        op("remove", "/note/0"),
        op("copy", "/z", source="/x"),
    ]
    before = copy.deepcopy((body, operations))

    apply(body, operations)

    assert (body, operations) == before


def test_what_is_copied_is_another() -> None:
    result = patched(op("copy", "/x", source="/note"), op("remove", "/x/0"))

    assert [len(result["x"]), len(result["note"])] == [1, 2]


@pytest.mark.parametrize(
    "operation",
    [
        op("test", "/status", value="draft"),
        op("test", "/note/0/text", value=1),
        op("test", "/a~1b/m~0n", value=True),  # 1 is a number and true is not
        op("test", "/note", value=[]),
        op("test", "/owner", value=None),  # nothing there is not null
        op("replace", "/owner", value={}),
        op("remove", "/owner"),
        op("remove", "/note/2"),
        op("remove", "/note/-"),
        op("remove", ""),
        op("add", "/note/3", value={}),
        op("add", "/note/01", value={}),
        op("add", "/note/-1", value={}),
        op("add", "/note/text", value={}),
        op("add", "/status/x", value={}),
        op("add", "/owner/display", value="x"),  # 4.1: what lies around it must exist
        op("add", "/note/99999999999999999999", value={}),
        op("replace", "/note/2", value={}),
        op("copy", "/x", source="/owner"),
        op("move", "/x", source="/owner"),
        op("move", "/note/0/x", source="/note/0"),
        op("move", "/x", source=""),
    ],
)
def test_what_cannot_be_done_is_422_and_names_the_operation(operation: dict[str, Any]) -> None:
    problem = refused([op("test", "/status", value="requested"), operation])

    assert status(problem.findings) == 422
    assert "Operation 2" in problem.findings[0].en


@pytest.mark.parametrize(
    ("operations", "faults"),
    [
        ({"op": "remove", "path": "/note"}, 1),
        (None, 1),
        ("remove", 1),
        ([1], 1),
        ([{}], 1),
        ([{"op": "delete", "path": "/note"}], 1),
        ([{"op": ["add"], "path": "/note"}], 1),
        ([{"op": "remove"}], 1),
        ([{"op": "remove", "path": 1}], 1),
        ([{"op": "remove", "path": "note"}], 1),
        ([{"op": "remove", "path": "/no~te"}], 1),
        ([{"op": "remove", "path": "/note~"}], 1),
        ([{"op": "add", "path": "/note"}], 1),
        ([{"op": "move", "path": "/note"}], 1),
        ([{"op": "copy", "from": "x"}], 2),
        ([{"op": "add"}, {"op": "remove", "path": "/note/0"}, {"op": "x"}], 3),
    ],
)
def test_what_is_no_patch_is_400_with_all_its_faults(operations: Any, faults: int) -> None:
    problem = refused(operations)

    assert (status(problem.findings), len(problem.findings)) == (400, faults)


def test_an_empty_patch_changes_nothing() -> None:
    assert patched() == parse(TASK)


def test_a_patch_has_at_most_100_operations() -> None:
    fine = [op("test", "/status", value="requested")] * 100

    assert patched(*fine) == parse(TASK)
    assert refused([*fine, fine[0]]).kind is Kind.TOO_COSTLY


@pytest.mark.parametrize("path", ["/x{}", "/note/-", "/note/0/x{}"])
def test_copies_of_everything_end_before_they_fill_the_memory(path: str) -> None:
    problem = refused([op("copy", path.format(n), source="") for n in range(100)])

    assert problem.kind is Kind.TOO_COSTLY


def test_no_patch_builds_more_than_64_levels() -> None:
    deep: Any = []
    for _ in range(39):
        deep = [deep]  # 40 levels
    fine = op("add", "/x", value=deep)

    assert refused([fine, op("add", "/x" + "/0" * 30, value=deep)]).kind is Kind.TOO_COSTLY
    assert parse(encode(patched(fine, op("add", "/x" + "/0" * 23, value=deep))))  # 1 + 23 + 40


def test_a_refusal_never_repeats_values_or_odd_names() -> None:
    for operation in (op("test", "/status", value="Ola"), op("remove", "/Ola Nordmann"), op("replace", "/13888888888", value=1)):
        finding = refused([operation]).findings[0]
        assert "Ola" not in finding.en + finding.nb
        assert "13888888888" not in finding.en + finding.nb


names = st.sampled_from(["a", "b", "c", "0", "1", "-"])
values = st.recursive(
    st.sampled_from(["x", None, 5, 7]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
pointers = st.lists(names, min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts))
operations = st.one_of(
    st.builds(lambda o, p, v: op(o, p, value=v), st.sampled_from(["add", "replace", "test"]), pointers, values),
    st.builds(lambda p: op("remove", p), pointers),
    st.builds(lambda o, p, s: op(o, p, source=s), st.sampled_from(["move", "copy"]), pointers, pointers),
)


@given(st.dictionaries(names, values, max_size=3), st.lists(operations, min_size=1, max_size=3))
def test_the_public_library_gives_the_same(body: dict[str, Any], steps: list[dict[str, Any]]) -> None:
    try:
        ours = apply(body, steps)
    except Problem:
        ours = None
    try:
        theirs = jsonpatch.apply_patch(body, steps)
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError):
        theirs = None

    assert ours == theirs


def test_the_example_of_the_documentation_holds() -> None:
    assert doctest.testmod(patch).failed == 0
