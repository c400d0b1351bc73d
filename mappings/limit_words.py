"""Time limits in words, Norwegian and English: from what, to what, how long. For definitions and for people who check them."""

from __future__ import annotations

from typing import Final

from adapter.domain.feedback import LIMIT_NAMES
from adapter.domain.ruleset import Limit

ANCHORS: Final = {
    "received": ("henvisningen er mottatt", "the referral is received"),
    "assessed": ("henvisningen er vurdert", "the referral is assessed"),
    "emergency": ("øyeblikkelig hjelp", "emergency care"),
    "M": ("første fremmøte (M)", "first attendance (M)"),
    "C": ("klinisk beslutning (C) om behandling her", "the clinical decision (C) on treatment here"),
    "CU": ("beslutning om utvidet utredning (CU)", "the decision on extended assessment (CU)"),
    "E": ("forrige evaluering (E)", "the evaluation (E) before"),
    "D": ("avsluttet avrusning (D)", "the end of detoxification (D)"),
}
LEVELS: Final = {"": ("alle", "any"), "poliklinikk": ("poliklinikk", "outpatient clinic"), "dognenhet": ("døgnenhet", "ward")}
SEVERITIES: Final = {"": ("", ""), "severe": ("alvorlig", "severe"), "less-severe": ("mindre alvorlig", "less severe")}
CONFIDENCES: Final = {
    "A": ("offentlig tekst eller liste", "official text or list"),
    "B": ("annenhåndskilde", "secondary source"),
    "C": ("vår slutning", "inferred by us"),
    "D": ("ikke funnet", "not found"),
}


def name(limit: Limit) -> tuple[str, str]:
    return LIMIT_NAMES.get(limit.id, (limit.id, limit.id))


def figure(limit: Limit) -> tuple[str, str]:
    """How long: *42 dager*, *3-7 dager*, *10 virkedager*, *egen dato*, *ukjent*.

    >>> from adapter.domain.ruleset import Source
    >>> figure(Limit("decision", "M", "C", 7, "calendar", Source("A"), earliest=3))
    ('3-7 dager', '3-7 days')
    """
    if limit.unit == "date":
        return "pasientens egen dato", "the patient's own date"
    if limit.days is None:
        return "ukjent", "unknown"
    number = f"{limit.earliest}-{limit.days}" if limit.earliest is not None else str(limit.days)
    return (f"{number} virkedager", f"{number} working days") if limit.unit == "working" else (f"{number} dager", f"{number} days")


def whom(limit: Limit) -> tuple[str, str]:
    """For whom, where not for all: the care level, the severity, the age."""
    age = (f"under {limit.below_age} år", f"below {limit.below_age}") if limit.below_age else ("", "")
    level = LEVELS.get(limit.care_level, LEVELS[""]) if limit.care_level else ("", "")
    parts = (level, SEVERITIES[limit.severity], age)
    return ", ".join(filter(None, (nb for nb, _ in parts))), ", ".join(filter(None, (en for _, en in parts)))
