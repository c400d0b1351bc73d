"""What it costs to check one Task against all of R4, by itself and beside fhir.resources' reading of the same Task."""

from __future__ import annotations

import time
from collections.abc import Iterator

import msgspec

from adapter.r4 import json
from adapter.r4.checker import check
from bench.row import Row, ratio
from bench.tasks import task


def rows() -> Iterator[Row]:
    from fhir.resources.R4B.task import Task  # noqa: PLC0415 - 0.7 s, which is nobody's who measures something else

    body = json.parse(msgspec.json.encode(task(1)))
    plain = task(1)
    assert not check(body)
    yield Row("check a Task", min(_microseconds(body) for _ in range(200)), "µs", 150)
    share = 1 / ratio(lambda: Task.model_validate(plain), lambda: check(body))
    yield Row("check a Task", share, "x model_validate", 0.1)


def _microseconds(body: object, times: int = 20) -> float:
    start = time.perf_counter()
    for _ in range(times):
        check(body)
    return (time.perf_counter() - start) / times * 1e6
