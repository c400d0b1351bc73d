"""One call to another FHIR server: bounded in size and time, and every way it can fail said in our words.

What a later try may mend is TRANSIENT; any other failure is a `Refusal`, with the partner's OperationOutcome beside it. Of what a
partner says nothing is quoted but the codes of FHIR's own list *issue-type*: its texts may hold a person's data, or anything else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

from adapter.domain.problem import Finding, Kind, Problem, problem
from adapter.http_client import TooLong, read, retry_after
from adapter.ports import Refusal
from adapter.r4 import json

MAX_BYTES: Final = 10 * 1024 * 1024
MAX_OUTCOME: Final = 64 * 1024  # of what is kept of an OperationOutcome
FHIR_JSON: Final = "application/fhir+json"
_ALWAYS: Final = {"accept": FHIR_JSON, "accept-encoding": "identity", "cache-control": "no-cache"}
LATER: Final = frozenset({401, 408, 421, 423, 425, 429})
"""The 4xx that say nothing against the request itself. 401 is one: people mend what is wrong with our token, and all goes on."""

KINDS: Final = {
    403: Kind.FORBIDDEN,
    404: Kind.NOT_FOUND,
    405: Kind.NOT_ALLOWED,
    409: Kind.CONFLICT,
    410: Kind.NOT_FOUND,
    412: Kind.STALE,
    413: Kind.TOO_LARGE,
    415: Kind.UNSUPPORTED,
}
_ISSUE: Final = re.compile(r"[a-z]+(-[a-z]+)*")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered. `body` is plain data, None where there was none."""

    status: int
    headers: Mapping[str, str]
    body: Any = None


class Wire:
    """Calls of one partner's server, by its name. `deadline` bounds a whole answer, in seconds."""

    def __init__(self, name: str, client: httpx.Client, deadline: float) -> None:
        self.name, self._client, self._deadline = name, client, deadline

    def call(self, method: str, url: str, *, headers: Mapping[str, str] | None = None, content: bytes | None = None) -> Answer:
        """The answer of a 2xx, or of a 304 where it was asked for; raises `Problem` for every other.

        `accept-encoding: identity`, since servers that compress give a version another ETag for it (Apache's `-gzip`);
        `cache-control: no-cache`, since HAPI answers a search with what it found a minute ago.
        """
        sent = _ALWAYS | dict(headers or {})
        if content is not None:
            sent.setdefault("content-type", FHIR_JSON)
        try:
            with self._client.stream(method, url, headers=sent, content=content) as answer:
                status = answer.status_code
                data = b"" if status == httpx.codes.NOT_MODIFIED else read(answer, MAX_BYTES, self._deadline)
        except TooLong:
            raise self.unread(f"over {MAX_BYTES} bytes", f"over {MAX_BYTES} byte") from None
        except (httpx.HTTPError, httpx.InvalidURL) as fault:  # its text may quote the request, so only its name is told
            raise self._silent(type(fault).__name__) from fault
        if status == httpx.codes.NOT_MODIFIED and "if-none-match" in sent:
            return Answer(status, answer.headers)
        if answer.is_redirect or 300 <= status < 400:
            raise self._elsewhere(status)
        if not answer.is_success:
            raise self.failed(status, data, answer.headers.get("retry-after", ""))
        return Answer(status, answer.headers, self._parsed(data))

    def failed(self, status: int, data: bytes, wait: str = "") -> Problem:
        """What a status other than 2xx means, of an answer or of one entry in it."""
        outcome = _outcome(data)
        said = f" ({', '.join(_codes(outcome))})" if outcome else ""
        rule = "https://hl7.org/fhir/R4/http.html"
        if status in LATER or not 400 <= status < 500:
            return Problem(
                Finding(
                    "error",
                    Kind.TRANSIENT,
                    f"Partner {self.name} answered {status}{said}. It is tried again; see `stafett partner check` if this lasts.",
                    f"Partneren {self.name} svarte {status}{said}. Det prøves igjen; se `stafett partner check` hvis det varer.",
                    rule=rule,
                ),
                retry_after=retry_after(wait),
            )
        return self.refusal(
            KINDS.get(status, Kind.INVALID),
            f"Partner {self.name} refused with {status}{said}. What it says is kept with this; correct it and send it again.",
            f"Partneren {self.name} avviste med {status}{said}. Det den sier, er tatt vare på; rett det og send på nytt.",
            outcome=data if outcome else b"",
            rule=rule,
        )

    def refusal(self, kind: Kind, en: str, nb: str, *, outcome: bytes = b"", rule: str = "") -> Refusal:
        made = Refusal(Finding("error", kind, en, nb, rule=rule))
        made.outcome = outcome
        return made

    def foreign(self, en: str, nb: str) -> Refusal:
        """For an answer that is well made and not what was asked for. Kind CONFLICT."""
        return self.refusal(
            Kind.CONFLICT,
            f"Partner {self.name} answered with {en}. Nothing of it was used; tell whoever runs that server.",
            f"Partneren {self.name} svarte med {nb}. Ingenting av det er brukt; si fra til dem som driver serveren.",
        )

    def _parsed(self, data: bytes) -> Any:
        if not data.strip():
            return None
        try:
            return json.parse(data)
        except Problem:  # its words are for whoever wrote the JSON; a BOM, XML and HTML end here too
            raise self.unread("no FHIR JSON", "ikke FHIR-JSON") from None

    def unread(self, en: str, nb: str) -> Problem:
        return problem(
            Kind.TRANSIENT,
            f"The answer of partner {self.name} is {en}. It is tried again; check base_url if this lasts.",
            f"Svaret fra partneren {self.name} er {nb}. Det prøves igjen; kontroller base_url hvis det varer.",
        )

    def _silent(self, name: str) -> Problem:
        return problem(
            Kind.TRANSIENT,
            f"Partner {self.name} did not answer ({name}). It is tried again; see `stafett partner check` if this lasts.",
            f"Partneren {self.name} svarte ikke ({name}). Det prøves igjen; se `stafett partner check` hvis det varer.",
        )

    def _elsewhere(self, status: int) -> Refusal:
        return self.refusal(
            Kind.MISADDRESSED,
            f"Partner {self.name} answered {status}: it sends us elsewhere, and patients' data go only to the address that is set "
            f"up. Set base_url of the [[partner]] {self.name} to where its FHIR server is.",
            f"Partneren {self.name} svarte {status}: den viser oss videre, og pasientdata går bare til adressen som er satt opp. "
            f"Sett base_url for [[partner]] {self.name} til der FHIR-serveren er.",
            rule="RFC 9110 15.4",
        )


def says(outcome: bytes, code: str) -> bool:
    """Whether an OperationOutcome has an issue of the code."""
    told = _outcome(outcome)
    return told is not None and code in _codes(told)


def _outcome(data: bytes) -> dict[str, Any] | None:
    """The OperationOutcome that the bytes are, where they are one of a size worth keeping."""
    if not data or len(data) > MAX_OUTCOME:
        return None
    try:
        body = json.parse(data)
    except Problem:
        return None
    return body if isinstance(body, dict) and body.get("resourceType") == "OperationOutcome" else None


def _codes(outcome: Mapping[str, Any]) -> list[str]:
    issues = outcome.get("issue")
    codes = [issue.get("code") for issue in issues if isinstance(issue, dict)] if isinstance(issues, list) else []
    return list(dict.fromkeys(c for c in codes if isinstance(c, str) and len(c) < 30 and _ISSUE.fullmatch(c)))[:5] or ["?"]
