"""The pages of the subscriptions: who is told of what, what came of each try, and why somebody was or was not told. No patient."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from starlette.responses import Response

from adapter.console.batons import both, row
from adapter.console.frame import button, moment, page, table
from adapter.console.html import Child, Html, tag
from adapter.console.subscription_shown import NO_WORKER, STANDS, name_of, shown_filter, topic
from adapter.domain.coordination import Text
from adapter.ports import Attempt, Happening
from adapter.usecases.explain_telling import Check, Explanation, Version
from adapter.usecases.see_followers import Fault, Standing, due

HEADS = ("Subscription", "How it stands, and what to do", "Events", "Last reached", "Next")
OUTCOMES = {
    "sent": ("✓ sent", "processed"),
    "failed": ("‖ failed, tried again", "quarantined"),
    "given-up": ("× given up", "refused"),
    "withheld": ("– not sent", ""),
}
LEFT_OUT = Text(
    "Det en pasient hadde sperret for abonnenten da det ble varslet, er utelatt av varselet.",
    "What a patient had closed to the subscriber when it was told was left out of the notification.",
)
INTRO = "Who is told of what happens here, whether it reaches them, and why not. Addresses are shown without path and secrets."


def list_page(prefix: str, found: Sequence[Standing], *, tells: bool, working: bool) -> Response:
    """All of the caller's organisations. `tells`: somebody may be told at all; `working`: a worker lives."""
    none = tag(
        "p", "There is none. A program makes one as a FHIR Subscription: ", tag("a", "how", href=f"{prefix}/fhir/metadata"), "."
    )
    return page(
        prefix,
        "Subscriptions",
        tag("h1", "Who follows"),
        tag("p", INTRO, class_="intro"),
        tag("p", "Hvem som varsles om det som skjer her, om det når fram, og hvorfor ikke.", class_="aside", lang="nb"),
        None if working or not found else _fault(Fault(*NO_WORKER)),
        None if tells else tag("p", "No host is listed that anybody may be told at: set hosts in [subscriptions].", class_="note"),
        table("The most pressing first", HEADS, [_row(prefix, one) for one in found], "followers") if found else none,
    )


def one_page(
    prefix: str, one: Standing, attempts: Sequence[Attempt], events: Sequence[Happening], why: Explanation | None, *, working: bool
) -> Response:
    """One subscription: how it stands, the question why, its tries and its last events."""
    address = f"{prefix}/subscriptions/{one.follower.id}"
    actions = [
        button("Ask the endpoint again now", f"{address}/retry") if one.can_ask_again else None,
        button("Turn off", f"{address}/off") if one.stands != "off" else None,
    ]
    return page(
        prefix,
        "Subscription",
        tag("p", tag("a", "← Subscriptions", href=f"{prefix}/subscriptions")),
        tag("h1", name_of(one)),
        tag("p", topic(one).en, class_="intro"),
        tag("p", topic(one).nb, class_="aside", lang="nb"),
        None if working or one.stands == "off" else _fault(Fault(*NO_WORKER)),
        _facts(prefix, one),
        tag("div", actions, class_="decide") if any(actions) else None,
        tag("h2", "Why was this told, or not?"),
        _question(address, why),
        _answer(why) if why else None,
        tag("h2", "Tries"),
        _tries(attempts),
        tag("h2", "Last events"),
        _events(prefix, events),
    )


def _row(prefix: str, one: Standing) -> Html:
    link = tag("a", name_of(one), href=f"{prefix}/subscriptions/{one.follower.id}")
    said, nb = topic(one).en, tag("p", topic(one).nb, class_="aside", lang="nb")
    where = tag("p", "to ", tag("code", one.wanted.host))
    reason = tag("p", tag("q", one.reason)) if one.reason else None
    return row(
        [link, reason, tag("p", said), nb, _filters(one), where],
        [_stands(one), _faults(one)],
        _counts(one),
        _reached(one),
        _next(one),
    )


def _facts(prefix: str, one: Standing) -> Html:
    json = tag("a", "Subscription", href=f"{prefix}/fhir/Subscription/{one.follower.id}")
    facts: tuple[tuple[str, Child], ...] = (
        ("Stands", _stands(one)),
        ("Wrong", _faults(one)),
        ("Its reason", one.reason),
        ("Only where", _filters(one)),
        ("To", tag("code", one.wanted.host)),
        ("Events", _counts(one)),
        ("Last reached", _reached(one)),
        ("Next", _next(one)),
        ("Organisation", one.follower.tenant),
        ("For testers", [json, " ", tag("span", one.follower.id, class_="id")]),
    )
    return tag("dl", [[tag("dt", name), tag("dd", value)] for name, value in facts if value], class_="facts")


def _stands(one: Standing) -> Html:
    sign, said, colour = STANDS[one.stands]
    badge = tag("span", tag("span", sign, aria_hidden="true"), " ", said.en, class_=f"state {colour}".strip())
    when = tag("p", "since ", moment(one.since), class_="aside") if one.since else None
    return tag("div", badge, tag("p", said.nb, class_="aside", lang="nb"), when)


def _filters(one: Standing) -> Html | None:
    shown = [tag("p", tag("code", shown_filter(one.follower.type, text))) for text in one.wanted.filters]
    return tag("div", shown) if shown else None


def _counts(one: Standing) -> Html:
    waiting: Child
    if one.stands == "off":
        waiting = tag("strong", f"{one.untold} {'was' if one.untold == 1 else 'were'} not told") if one.untold else None
    else:
        waiting = tag("strong", f"{one.untold} wait{'s' if one.untold == 1 else ''}") if one.untold else "none waits"
    return tag(
        "div",
        tag("p", f"last number {one.state.events}"),
        tag("p", f"told up to {one.state.told}"),
        tag("p", waiting) if waiting else None,
    )


def _reached(one: Standing) -> Html:
    return _when(one.state.reached, "never")


def _when(when: datetime | None, otherwise: str) -> Html:
    return moment(when) if when else tag("span", otherwise, class_="empty")


def _next(one: Standing) -> Child:
    found = due(one)
    if found is None:
        return tag("span", "the next event" if one.stands in ("active", "failing") else "nothing", class_="empty")
    return [found[1].en, tag("p", found[1].nb, class_="aside", lang="nb"), tag("p", moment(found[0]))]


def _faults(one: Standing) -> Html | None:
    return tag("div", [_fault(fault) for fault in one.faults]) if one.faults else None


def _fault(fault: Fault) -> Html:
    nb = tag("p", f"{fault.why.nb} → {fault.to_do.nb}", class_="aside", lang="nb")
    item = tag("li", tag("p", tag("strong", "▲ ", fault.why.en)), tag("p", fault.to_do.en, class_="action"), nb)
    return tag("ul", item, class_="stuck")


def _question(address: str, why: Explanation | None) -> Html:
    label = tag("label", "Address or id of a resource, such as Task/123", for_="about")
    asked = tag("input", type="text", id="about", name="about", value=why.about if why else None, required=True, maxlength=400)
    nb = tag("p", "Hvorfor ble det, eller ble det ikke, varslet om en ressurs? Lim inn adressen.", class_="aside", lang="nb")
    return tag("form", label, asked, tag("button", "Explain"), nb, method="get", action=address, class_="question")


def _answer(why: Explanation) -> Html:
    said = tag("p", [tag("strong", why.about), ": "] if why.about else None, both(why.said))
    if not why.versions:
        return tag("section", said, aria_label="Explanation")
    heads = ("Version", "Told?", "Because")
    left_out = both(LEFT_OUT) if any(one.code == "told" for one in why.versions) else None
    rows = [_version(one) for one in why.versions]
    return tag("section", said, left_out, table("Newest version first", heads, rows, "explained"), aria_label="Explanation")


def _version(one: Version) -> Html:
    number = tag("p", f"event number {one.number}", class_="aside") if one.number else tag("p", "not counted", class_="aside")
    checks = tag("ul", [_check(check) for check in one.checks], class_="checks")
    return row([str(one.version), tag("p", moment(one.moment))], [_two(one.said), number], checks)


def _check(check: Check) -> Html:
    sign, word = ("✓", "holds") if check.met else ("×", "does not hold")
    return tag("li", tag("span", sign, aria_label=word, role="img", class_="met" if check.met else "unmet"), " ", _two(check.said))


def _two(said: Text) -> Html:
    return both(Text(said.nb, said.en))


def _tries(attempts: Sequence[Attempt]) -> Html:
    if not attempts:
        return tag("p", "None was made yet.", class_="empty")
    heads = ("When", "What", "Events", "How it ended", "Why", "Took")
    return table(f"Newest first, the last {len(attempts)}", heads, [_try(one) for one in attempts], "tries")


def _try(one: Attempt) -> Html:
    numbers = "–" if not one.last else str(one.first) if one.first == one.last else f"{one.first} to {one.last}"
    word, colour = OUTCOMES.get(one.outcome, (one.outcome, ""))
    badge = tag("span", word, class_=f"state {colour}".strip())
    return row(moment(one.moment), one.kind, numbers, badge, one.why, f"{one.milliseconds} ms" if one.milliseconds else "–")


def _events(prefix: str, events: Sequence[Happening]) -> Html:
    if not events:
        return tag("p", "None was counted yet.", class_="empty")
    rows = []
    for event in events:
        name = f"{event.type}/{event.id}"
        link = tag("a", name, href=f"{prefix}/fhir/{name}/_history/{event.version}")
        ask = tag("a", "why", href=f"?about={name}", aria_label=f"why {name} was told or not")
        rows.append(row(str(event.number), moment(event.moment), link, str(event.version), ask))
    return table("Newest first; what is closed to the subscriber is left out", ("Number", "When", "Of what", "Version", ""), rows)
