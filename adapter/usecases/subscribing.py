"""A client says whom to tell of what: a Subscription by the R5 subscriptions in R4 is judged, and begun.

https://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition-backport-subscription.html. `criteria` is the canonical of a
topic (`mappings.topics`), its extension narrows it; the channel is a rest-hook. What is told is an address and no more, so a
notification that goes astray tells nothing of anybody.

A secret that the endpoint asks for (`channel.header`) is kept apart and shown to nobody: the resource has `***` in its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

import msgspec

from adapter.domain.problem import Finding, Kind, Problem, problem
from adapter.ports import Follower, FollowerState, Match, Unit
from adapter.r4.parameters import PARAMETERS
from adapter.r4.systems import canonical_system
from adapter.usecases.followers import Wanted, greet, key_of, next_due, wanted_of, without_secrets
from adapter.usecases.writing import Body, Change, Rules
from mappings import times
from mappings.resources.notification import PACKAGE
from mappings.topics import TOPICS, Topic, topic_of

RULE: Final = "https://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition-backport-subscription.html"
FILTER, CONTENT = f"{PACKAGE}/backport-filter-criteria", f"{PACKAGE}/backport-payload-content"
HEARTBEAT, TIMEOUT, MOST = (f"{PACKAGE}/backport-{name}" for name in ("heartbeat-period", "timeout", "max-count"))
BOUNDS: Final = {HEARTBEAT: (10, 86_400), TIMEOUT: (1, 30), MOST: (1, 100)}
"""Seconds, seconds, events in one notification."""
USUAL_AT_ONCE: Final = 20
PAYLOADS: Final = {"application/fhir+json": "json", "application/fhir+xml": "xml"}
MASK: Final = "***"
PERSON: Final = re.compile(r"(?<![^\W_])\d{6}[\W_]*\d{5}(?![^\W_])")
PERSONS: Final = {f"urn:oid:2.16.578.1.12.4.1.4.{series}" for series in (1, 2, 3)}
"""The national numbers, D-numbers and common help numbers."""
LATEST: Final = datetime(9999, 1, 1, tzinfo=UTC)
"""The last moments that an instant can say are beyond the last that can be kept."""
NO_VALUE: Final = ""
MOST_FILTERS: Final = 10
MOST_FOLLOWERS: Final = 1_000
"""Of an organisation."""


def prepare(unit: Unit, rules: Rules, tenant: str, change: Change, now: datetime) -> Wanted:
    """What a Subscription asks for. Raises `Problem` with all that is wrong with it."""
    if rules.follow is None:
        en, nb = (
            "This server tells nobody: it takes no Subscription.",
            "Denne serveren varsler ingen: den tar ikke imot Subscription.",
        )
        raise problem(Kind.BUSINESS_RULE, en, nb, where="Subscription")
    body, channel = change.body, change.body["channel"]
    known = unit.follower(tenant, change.id)
    old = wanted_of(known) if known else None
    headers: Mapping[str, str] = {}
    faults = [*_of_life(body, change.before, old, now), *_of_channel(rules, channel), *_of_secrets(channel, old)]
    faults += _of_content(channel, plain="?" in body.get("criteria", ""))
    try:
        given = rules.follow.headers([f"{_name(line)}: -" if _is_masked(line) else line for line in _headers(channel)])
        masks = {_name(line) for line in _headers(channel) if _is_masked(line)}
        headers = {name: value for name, value in given.items() if name not in masks}
    except Problem as fault:
        faults += fault.findings
    asked = _asked(body)
    if asked is None:
        faults.append(_no_topic())
    else:
        faults += [*_of_filters(rules, asked), *_of_rights(rules, asked.type)]
    begins = (known is None or known.status == "off") and body.get("status") != "off"
    if begins and sum(one.status != "off" for one in unit.followers([tenant])) >= MOST_FOLLOWERS:
        en = f"The organisation has {MOST_FOLLOWERS} Subscriptions: turn some off."
        faults.append(_fault(en, f"Virksomheten har {MOST_FOLLOWERS} abonnementer: slå av noen.", "Subscription"))
    if faults or asked is None:
        raise Problem(*map(change.place, faults))
    return Wanted(
        topic=asked.topic.name if asked.topic else "",
        filters=asked.filters,
        endpoint=channel["endpoint"],
        payload=PAYLOADS[channel.get("payload", "application/fhir+json")],
        focus=_said(channel.get("_payload"), CONTENT) == "id-only" or (asked.topic is None and "payload" in channel),
        headers={**_kept_secrets(channel, old), **headers},
        heartbeat=_said(channel, HEARTBEAT) or 0,
        timeout=_said(channel, TIMEOUT) or 0,
        most=_said(channel, MOST) or USUAL_AT_ONCE,
        end=body.get("end", ""),
        who=_who(rules, channel, old),
    )


class Asked(NamedTuple):
    """What a Subscription is about: a topic's events, or every version of a type."""

    topic: Topic | None
    type: str
    filters: list[str]


def _asked(body: Body) -> Asked | None:
    """By a topic, or as R4 itself has it (https://hl7.org/fhir/R4/subscription.html): a search, which is a filter of its type."""
    criteria = body.get("criteria", "")
    filters = [one.get("valueString", "") for one in _extensions(body.get("_criteria"), FILTER)]
    if topic := topic_of(criteria):
        return Asked(topic, topic.type, filters)
    type, mark, search = criteria.partition("?")
    return Asked(None, type, [criteria, *filters] if mark and search else filters) if type in PARAMETERS else None


def masked(change: Change) -> Change:
    """The Subscription as it is kept: without what the endpoint alone may know. What is wrong with it is for us to say."""
    body: Body = {name: value for name, value in change.body.items() if name != "error"}
    if change.before and "error" in change.before and body["status"] == change.before["status"]:
        body["error"] = change.before["error"]
    if "header" in body["channel"]:
        shown = [f"{_name(line)}: {MASK}" for line in body["channel"]["header"]]
        body["channel"] = {**body["channel"], "header": shown}
    return replace(change, body=body)


def begin(unit: Unit, tenant: str, change: Change, wanted: Wanted, now: datetime, base: str) -> None:
    """Keep what is asked for. Where it is *requested* the endpoint is greeted, and told of events once it has answered."""
    asked = _asked(change.body)
    assert asked  # noqa: S101 - tells the type checker: it was judged
    follower = Follower(tenant, change.id, asked.type, change.body["status"], msgspec.json.encode(wanted))
    unit.keep_follower(follower)
    standing = unit.follower_state(tenant, change.id) or FollowerState(tenant, change.id, now)
    if follower.status == "requested":
        greet(unit, follower, replace(standing, failures=0, error=""), now, base)
    elif follower.status == "off":
        unit.keep_follower(without_secrets(follower))
        unit.drop_outgoing(key_of(tenant, change.id))
        unit.keep_follower_state(replace(standing, underway=0, due=None))
    elif follower.status == "active":
        unit.keep_follower_state(replace(standing, due=next_due(wanted, now)))


def _of_life(body: Body, before: Body | None, old: Wanted | None, now: datetime) -> Iterator[Finding]:
    """A client asks (requested) or ends (off); that it is active, or in error, is for us to say."""
    status = body.get("status", "")  # an extension may stand where a value does (https://hl7.org/fhir/R4/json.html#primitive)
    stands = before["status"] if before else "requested"
    if status not in ("requested", "off" if before else "requested", stands):
        yield _fault(
            "The client sends requested, and off when it has had enough: active and error are the server's to say.",
            "Klienten sender requested, og off når det er nok: active og error er det serveren som setter.",
            "Subscription.status",
        )
    elif status in ("active", "error") and (old is None or body["channel"].get("endpoint") != old.endpoint):
        yield _fault(
            "Another endpoint is greeted first: send status requested.",
            "Et nytt endepunkt må hilses først: send status requested.",
            "Subscription.status",
        )
    ending = times.moment(body.get("end", ""))
    if "end" in body and status != "off" and (ending is None or not now < ending < LATEST):
        en, nb = (
            "end is not to come, or not before the year 9999: leave it out, or set another.",
            "end er ikke i framtiden, eller ikke før år 9999: utelat den, eller sett en annen.",
        )
        yield _fault(en, nb, "Subscription.end")


def _of_channel(rules: Rules, channel: Body) -> Iterator[Finding]:
    """What is said of the way there."""
    assert rules.follow  # noqa: S101 - tells the type checker
    if channel.get("type") != "rest-hook":
        en, nb = "Only the channel rest-hook is offered.", "Bare kanalen rest-hook tilbys."
        yield _fault(en, nb, "Subscription.channel.type")
    endpoint = channel.get("endpoint", "")
    if not endpoint:
        yield _fault("A rest-hook has an endpoint.", "En rest-hook har et endpoint.", "Subscription.channel.endpoint")
    elif fault := rules.follow.fault(endpoint):
        yield fault
    elif PERSON.search(unquote(endpoint)):
        en, nb = "An endpoint names no person by number.", "Et endpoint navngir ingen ved fødselsnummer."
        yield _fault(en, nb, "Subscription.channel.endpoint")
    if channel.get("payload", "application/fhir+json") not in PAYLOADS:
        known = " or ".join(PAYLOADS)
        en, nb = f"payload is {known}.", f"payload er {known.replace(' or ', ' eller ')}."
        yield _fault(en, nb, "Subscription.channel.payload")
    for url, (least, most) in BOUNDS.items():
        value = _said(channel, url)
        if value is not None and not (type(value) is int and least <= value <= most):
            name = url.rpartition("/")[2]
            en, nb = f"{name} is a number from {least} to {most}.", f"{name} er et tall fra {least} til {most}."
            yield _fault(en, nb, "Subscription.channel.extension")


def _of_content(channel: Body, *, plain: bool) -> Iterator[Finding]:
    """What a notification may hold. A Subscription that is R4's own has no word for it, and gets no more either."""
    content = _said(channel.get("_payload"), CONTENT)
    if content not in ("id-only", "empty") and not (plain and content is None):
        yield _fault(
            "The extension backport-payload-content of payload is id-only (or empty): what a notification is about is read here, "
            "by who may, and stands in no notification.",
            "Utvidelsen backport-payload-content på payload er id-only (eller empty): det et varsel gjelder, leses her av den som "
            "har rett til det, og står ikke i varselet.",
            "Subscription.channel.payload",
        )


def _of_filters(rules: Rules, asked: Asked) -> Iterator[Finding]:
    """A filter is a search of the type, by parameters that the topic offers; several all hold."""
    topic, filters = asked.topic, asked.filters
    if len(filters) > MOST_FILTERS:
        en, nb = f"There are more than {MOST_FILTERS} filters.", f"Det er flere enn {MOST_FILTERS} filtre."
        yield _fault(en, nb, "Subscription.criteria")
        return
    for text in filters:
        try:
            query = rules.query_of(asked.type, text)
        except Problem as fault:
            yield from (replace(one, kind=Kind.BUSINESS_RULE, where="Subscription.criteria") for one in fault.findings)
            continue
        if any(_names_person(match) for clause in query.clauses for match in clause.any_of):
            en = "A filter names no person by number, since it is shown to whoever reads the Subscription: name the Patient."
            nb = "Et filter navngir ingen ved fødselsnummer, for det vises til alle som leser abonnementet: oppgi Patient."
            yield _fault(en, nb, "Subscription.criteria")
        able = topic.filters if topic else sorted({*PARAMETERS[asked.type], "_id"})
        strange = sorted({clause.parameter.partition(":")[0] for clause in query.clauses} - {*able})
        if strange:
            named, known = ", ".join(strange), ", ".join(able)
            yield _fault(f"{named}: it is narrowed by {known}.", f"{named}: det avgrenses med {known}.", "Subscription.criteria")


def _names_person(match: Match) -> bool:
    named = match.value and canonical_system(match.system or "") in PERSONS
    return bool(named or PERSON.search(f"{match.system or ''}|{match.value or ''}"))


def _of_rights(rules: Rules, type: str) -> Iterator[Finding]:
    """Who may not look for what it is about is not told of it either."""
    if not all(rules.subscriber.may(type, letter) for letter in "rs"):
        yield Finding(
            "error",
            Kind.FORBIDDEN,
            f"It is about {type}: it takes system/{type}.rs.",
            f"Det gjelder {type}: det krever system/{type}.rs.",
            "Subscription.criteria",
        )


def _of_secrets(channel: Body, old: Wanted | None) -> Iterator[Finding]:
    """A masked header stands for the one that is kept; it is not carried to another endpoint, whose owner would learn it."""
    names = {_name(line).lower() for line in _headers(channel) if _is_masked(line)}
    known = {name.lower() for name in old.headers} if old and channel.get("endpoint") == old.endpoint else set()
    if names - known:
        yield _fault(
            f"A header with {MASK} stands for the one that was sent before to this endpoint, and there is none: send its value.",
            f"En header med {MASK} står for den som ble sendt før til dette endepunktet, og det finnes ingen: send verdien.",
            "Subscription.channel.header",
        )


def _who(rules: Rules, channel: Body, old: Wanted | None) -> list[str]:
    """By whose names patients may have blocked it: also theirs who had the same endpoint told before, where it still goes."""
    before = old.who if old and channel.get("endpoint") == old.endpoint else []
    return list(dict.fromkeys((*before, *rules.subscriber.who)))


def _kept_secrets(channel: Body, old: Wanted | None) -> dict[str, str]:
    names = {_name(line).lower() for line in _headers(channel) if _is_masked(line)}
    return {name: value for name, value in old.headers.items() if name.lower() in names} if old else {}


def _headers(channel: Body) -> list[str]:
    """One without a value, which has an extension, is none that can be sent."""
    return [line or "" for line in channel.get("header", ())]


def _is_masked(line: str) -> bool:
    return line.partition(":")[2].strip() == MASK


def _name(line: str) -> str:
    return line.partition(":")[0].strip()


def _no_topic() -> Finding:
    known = ", ".join(topic.url for topic in TOPICS)
    en, nb = (
        f"criteria is no topic that is offered: there are {known}.",
        f"criteria er ikke et tema som tilbys: det finnes {known}.",
    )
    return _fault(en, nb, "Subscription.criteria")


def _fault(en: str, nb: str, where: str) -> Finding:
    return Finding("error", Kind.BUSINESS_RULE, en, nb, where, rule=RULE)


def _extensions(element: Body | None, url: str) -> list[Body]:
    return [one for one in (element or {}).get("extension", ()) if one.get("url") == url]


def _said(element: Body | None, url: str) -> Any:
    """The value of an extension; None where it does not stand, `NO_VALUE` where it has none, or stands more than once."""
    found = _extensions(element, url)
    values = [value for one in found for name, value in one.items() if name.startswith("value")]
    return values[0] if len(values) == len(found) == 1 else NO_VALUE if found else None
