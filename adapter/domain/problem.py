"""What can go wrong, as a closed set, and a finding that says so to a person.

Each kind is translated at one place per way out: to HTTP status and OperationOutcome code in
`adapter.r4.outcome`, to AppRec codes of 8221 in `mappings.messages.apprec`, to exit codes in `adapter.cli`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Kind(StrEnum):
    """The kinds of failure. A kind says what is wrong, not who is told how."""

    MALFORMED = "malformed"  # not well-formed XML or JSON, a DOCTYPE, a wrong encoding
    TOO_LARGE = "too-large"  # over a configured limit
    UNSUPPORTED = "unsupported"  # well-formed, but no format, version or media type that we read
    INVALID = "invalid"  # breaks the message's schema, or a request's form
    REQUIRED = "required"  # FHIR: an element that must be there is not
    VALUE = "value"  # FHIR: a value that its type does not allow
    INVARIANT = "invariant"  # FHIR: a rule between elements is broken, of the standard or of a profile
    INCOMPLETE = "incomplete"  # what must be known is absent: the patient, the sender, the MsgId
    UNKNOWN_CODE = "unknown-code"  # a code that its code list lacks; kept as it came
    NOT_UNDERSTOOD = "not-understood"  # a part of the message that no mapping knows
    NOT_SYNTHETIC = "not-synthetic"  # a person who may be real, in a test environment
    MISADDRESSED = "misaddressed"  # to a service that is not ours, or from someone else than the hub says
    DUPLICATE = "duplicate"  # seen before
    CONFLICT = "conflict"  # same identity, other content; or a stale version
    OUT_OF_ORDER = "out-of-order"  # a change or cancellation before its referral
    BUSINESS_RULE = "business-rule"  # readable and well formed, but not allowed now
    STALE = "stale"  # a version was named that is no longer, or not, the current one
    AMBIGUOUS = "ambiguous"  # several resources match where one was meant
    UNMATCHED = "unmatched"  # no resource matches where one was meant
    TOO_COSTLY = "too-costly"  # readable, but more work than one request may ask for
    THROTTLED = "throttled"  # too many requests from one caller
    NOT_FOUND = "not-found"
    NOT_ALLOWED = "not-allowed"  # an interaction we do not offer
    UNADMITTED = "unadmitted"  # nothing that shows who asks, or nothing that holds
    FORBIDDEN = "forbidden"  # it is another's to do, and the caller may see that it is there
    TRANSIENT = "transient"  # try again later
    INTERNAL = "internal"  # our own fault


Severity = Literal["fatal", "error", "warning", "information"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to tell: what is wrong, where, why, and what to do. Never holds a person's data.

    `where` is an XPath in the sender's message or a FHIRPath expression; `rule` is the source of
    the rule (a paragraph, a code list's OID, a FHIR page).
    """

    severity: Severity
    kind: Kind
    en: str
    nb: str
    where: str = ""
    line: int | None = None
    column: int | None = None
    rule: str = ""


class Problem(Exception):
    """A request or a message that cannot be carried out, with all the reasons at once.

    `retry_after` is how many seconds the other side asked us to wait, if it did.
    """

    def __init__(self, *findings: Finding, retry_after: float | None = None) -> None:
        super().__init__("; ".join(f"{f.kind}: {f.en}" for f in findings))
        self.findings = findings
        self.retry_after = retry_after

    @property
    def kind(self) -> Kind:
        """The kind of the first finding: it decides the answer."""
        return self.findings[0].kind


def problem(kind: Kind, en: str, nb: str, *, where: str = "", line: int | None = None, rule: str = "") -> Problem:
    """A problem with one finding, for raising."""
    return Problem(Finding("error", kind, en, nb, where, line, None, rule))
