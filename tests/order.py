"""Which tests share a worker of pytest-xdist, and which come first, so that two workers end at about the same time.

A worker gets whole files (`--dist loadfile`); what shares something dear goes to the same one, be it several files: the matrix of
an engine its world, those that need HAPI's server its start. What may take longest (`pytest.mark.timeout`) begins first, and what
takes a moment fills up at the end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

MATRIX = "tests/matrix/"
HAPI = ("tests/partners/test_client_contract.py", "tests/partners/scenarios/test_pairs_with_hapi.py")


class Scheduling(LoadFileScheduling):
    def __init__(self, config: pytest.Config, log: Any) -> None:
        config.option.loadscopereorder = False  # by how many tests a file has, which says little
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return together(nodeid)


def together(nodeid: str) -> str:
    """The same for all that is to be on one worker."""
    file = nodeid.partition("::")[0]
    if file.startswith(MATRIX):
        return f"{MATRIX} on {'postgresql' if '[postgresql' in nodeid else 'sqlite'}"
    return "HAPI" if file in HAPI else file


def longest_first(items: list[pytest.Item]) -> None:
    """Put what shares a worker one after the other, and what may take longest first."""
    groups = defaultdict[str, list[pytest.Item]](list)
    for item in items:
        groups[together(item.nodeid)].append(item)
    items[:] = [item for group in sorted(groups.values(), key=_weight, reverse=True) for item in group]


def _weight(group: Iterable[pytest.Item]) -> tuple[int, int]:
    """The longest time that one of them is given, where it is said; how many are slow."""
    given = [marker.args[0] for item in group for marker in item.iter_markers("timeout")]
    return max(given, default=0), sum(item.get_closest_marker("slow") is not None for item in group)
