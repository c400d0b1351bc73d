"""Values that nobody would send: for parameters, headers, parts of addresses and members of JSON."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from hypothesis import strategies as st

NUMBER = "21858999992"  # of a synthetic person (month 05 + 80); no answer may repeat it where it was refused

SYNTAX = [*"%_'\\\0\n|,$#?&= ", "", "||", "|a", "a|", ",,", "\\,", "a\\", "//", "../..", "%2e%2e%2f", "\r\nX-Evil: 1"]
HARMFUL = [
    *('"; DROP TABLE resource; --', "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "javascript:alert(1)"),
    *("http://169.254.169.254/", "file:///etc/passwd", "${jndi:ldap://x}", "{{7*7}}", "__proto__", "(a+)+$", "a" * 40 + "!"),
]
LARGE = ["a" * 3_000, "," * 2_000, "a," * 700, "a|b," * 400, "9" * 400, "(" * 500, "http://" + "a/" * 1_500, "ne2026," * 400]
LETTERS = ["\u202e", "\ud7ff", "\uffff", "\U0010ffff", "é", "æøå", "İ", "ß", "ﬃ", "\u0301" * 40, "\u00a0", "\x7f", "\x85"]
NUMBERS = ["-1", "0", "1", "3", "200", "201", "1e3", "1e999", "NaN", "9" * 19, "٣", "0x10", "1.0", "-0"]
WORDS = ["true", "false", "null", "count", "text", "data", "accurate", "known", "active", "final", "nb", NUMBER, f"HNR|{NUMBER}"]
DATES = [
    *(
        "2026",
        "2026-11",
        "2026-11-21",
        "2026-05-01T08:00:00Z",
        "2026-05-01T08:00:00 02:00",
        "ge2026-01-01",
        "lt2999-12-31T23:59:59Z",
    ),
    *("ap2026", "ne2026", "sa2026", "eb2026-05-01T08:00", "eq2026-03-29T02:30", "2026-01-01T00:00:00.123456789-00:00"),
    *("2026-13", "ap2026-02-30", "xx2026", "ge", "ne2026-01-01T00:00+25:00", "２０２６", "sa9999-12-31T23:59:60Z"),
    *("0000", "lt0000", "ap0001", "le0001-01-01", "0001-01-01T00:00:00+14:00"),  # where a calendar ends
    *("ap9999", "ge9999-12-31", "9999-12-31T23:59:59-14:00", "9999"),
]
REFERENCES = [
    *("known", "Patient/known", "Task/known", "/known", "Patient/known/_history/1", "https://other.example/fhir/Patient/known"),
    *("urn:uuid:5f1c7c3e-0000-4000-8000-000000000009", "urn:uuid:", "urn:oid:1.2", "a:b", "#known", "#", "Patient/", "Task/a/b"),
    *("Patient?_id=known", "Patient?active=true", "Patient?identifier=a|b", "Patient?identifier=", "Patient?", "Patient?a=b"),
    *("Patient?_has:Task:owner:status=x", "Patient?_sort=a", "Nothing?a=b", "Bundle?a=b", "Bundle/known"),
]

NASTY = [*SYNTAX, *HARMFUL, *LARGE, *LETTERS, *NUMBERS, *WORDS]

texts = st.one_of(st.sampled_from(NASTY), st.text(max_size=12))
values = st.one_of(texts, st.sampled_from(DATES), st.sampled_from(REFERENCES))
names = st.one_of(texts, st.sampled_from(["id", "extension", "resourceType", "url", "reference", "meta", "_id"]))
leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), values)
junk = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=6)
"""JSON of any form."""


@cache
def mostly(usual: st.SearchStrategy[Any], otherwise: st.SearchStrategy[Any] = values, *, of: int = 8) -> st.SearchStrategy[Any]:
    """The usual, but once in `of` times something else."""
    return st.sampled_from([usual] * (of - 1) + [otherwise]).flatmap(lambda one: one)


def encoded(content: Any) -> bytes:
    """JSON; NaN and the like are let through, which are none."""
    return json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass")
