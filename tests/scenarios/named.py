"""Whether a test that is named somewhere is there: `is_there(root, "down/test_readiness.py::test_x")`."""

from __future__ import annotations

import re
from pathlib import Path


def is_there(root: Path, test: str) -> bool:
    """A test of that name stands in that file, and is not one that only long runs make."""
    file, _, name = test.partition("::")
    source = (root / "tests" / file).read_text("utf-8") if (root / "tests" / file).is_file() else ""
    found = re.search(rf"((?:^@.*\n(?:^[ )].*\n)*)*)^def {name}\(", source, re.MULTILINE)
    return found is not None and "\n@pytest.mark.torture" not in f"\n{found[1]}"
