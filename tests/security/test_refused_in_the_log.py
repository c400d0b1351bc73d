"""Who runs the service finds in its log why somebody was refused, and in docs/operating.md what to do about it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import structlog.testing

from adapter.domain.problem import Finding, Kind, Problem, problem
from adapter.failures import Refused, refusal_response
from adapter.security.admission import Unadmitted

NUMBER = "15903612345"
SAID = Finding("error", Kind.UNADMITTED, f"The token has expired (exp). {NUMBER}", "Tokenet er utløpt (exp).")


@pytest.mark.parametrize(
    ("refusal", "status", "told"),
    [
        (Unadmitted(401, "DPoP", SAID), 401, ["The token has expired (exp). ***"]),
        (Refused(403, SAID), 403, ["The token has expired (exp). ***"]),
        (problem(Kind.FORBIDDEN, "No space.", "Ingen plass."), 403, ["No space."]),
        (problem(Kind.NOT_FOUND, "There is no such message.", "Finnes ikke."), 404, []),
        (problem(Kind.TRANSIENT, "Later.", "Senere."), 503, []),
    ],
)
def test_the_log_says_why_somebody_was_refused_and_nothing_of_a_person(refusal: Problem, status: int, told: list[str]) -> None:
    with structlog.testing.capture_logs() as lines:
        assert refusal_response(refusal).status_code == status

    assert [line["why"] for line in lines if line["event"] == "refused"] == told


def test_the_words_that_the_operator_is_told_of_are_the_services(root: Path) -> None:
    chapter = (root / "docs/operating.md").read_text("utf-8").partition("## Somebody is refused")[2].partition("\n## ")[0]
    sources = "".join(file.read_text("utf-8") for file in (root / "adapter/security").glob("*.py"))
    rows = re.findall(r"^\| (`.*?) \| ", chapter, re.MULTILINE)
    words = [word for row in rows for word in re.findall(r"`([^`]+)`", row)]

    assert len(rows) == 8
    assert [word for word in words if word not in sources] == []
