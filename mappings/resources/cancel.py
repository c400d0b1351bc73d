"""What was to be done about a referral that is called off before its pathway has begun.

Who says so: HISD 1154 (ServType C cancels the referral), and the status code *cancelled* of Task. That the pathway ends with it
follows from its Task "assess the referral" (`mappings.course`), as all of its state does.

>>> task({"status": "requested"}, "2026-03-02T09:00:00+01:00", "called off")["executionPeriod"]
{'end': '2026-03-02T09:00:00+01:00'}
"""

from __future__ import annotations

from typing import Any, Final

NOT_BEGUN: Final = "planned"
"""The status of a pathway that a cancelled referral ends. Later the patient has a right to care, and a person decides: closing the
pathway takes an event X, whose outcome the message does not tell."""

OPEN: Final = frozenset({"draft", "requested", "received", "accepted", "ready", "in-progress", "on-hold"})

Body = dict[str, Any]


def task(body: Body, when: str, reason: str) -> Body:
    """The Task as cancelled, with the reason; one that is done or ended already is left as it is."""
    if body["status"] not in OPEN:
        return body
    period = {**body.get("executionPeriod", {}), "end": when}
    return body | {"status": "cancelled", "statusReason": {"text": reason}, "executionPeriod": period, "lastModified": when}
