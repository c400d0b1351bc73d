"""Which pathway a referral opens, and what a person must decide.

The receiving service decides (HER-id -> D11, D12, D01 …); it is never guessed from text, and no code list lets a GP ask for
one. A viderehenvisning's own codes win over the service's. The engine that folds events into state stands beside this one.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from adapter.domain import codes
from adapter.domain.gate import Case
from adapter.domain.problem import Finding, Kind, Problem, problem
from adapter.domain.referral import Decision, Duty, Facts, Opening, Service
from adapter.domain.ruleset import Rulebook

_TRANSFER = "HENVISNING_VIDERE"  # 8279


def decide(case: Case, service: Service, facts: Facts, received: date, book: Rulebook, by_hand: str = "") -> Decision:
    """What a new referral leads to. Changes and cancellations open nothing; what they do to a pathway is decided where it is known.

    The rule set is that of the date on which the referral was received, unless the service says another; it is kept for life.

    Raises `Problem(BUSINESS_RULE)` where a pathway chosen by hand is not in the rule set of the date.
    """
    if case.envelope.serv_type != "N" or facts.copy or case.content == "11":
        return Decision()
    carried = list(dict.fromkeys(type for type in map(codes.pathway_type, case.pathway_codes) if type in book.types))
    transferred = carried if case.envelope.type == _TRANSFER else []  # HIS 1207: who refers for a new condition cannot ask for one
    wanted: list[tuple[str, Literal["receiver", "message", "by-hand"]]] = (
        [(by_hand, "by-hand")]
        if by_hand
        else [(c, "message") for c in transferred] or [(p, "receiver") for p in (service.pathway,) if p]
    )
    findings = _differences(carried, service, by_hand, bool(transferred))
    if not wanted:
        return Decision(duties=(_CHOOSE,), findings=tuple(findings))
    pathway, decided_by = wanted[0]
    if len(wanted) > 1:
        return Decision(duties=(_several(carried),), findings=tuple(findings))
    rules = service.rule_set or book.version(received, pathway)
    if not book.has(pathway, rules):
        others = book.versions(pathway)
        if by_hand:
            raise _not_in(rules, pathway, others)
        return Decision(duties=(_no_rules(rules, pathway, others),), findings=tuple(findings))
    if received < book.first and not service.rule_set:
        findings.append(_early(rules, book.first))
    already = next((id for kind, id in facts.open_pathways if kind == pathway), "")
    if already:
        return Decision(duties=(_linked(pathway, already),), linked_pathway=already, findings=tuple(findings))
    return Decision(opening=Opening(pathway, rules, decided_by, service.care_level), findings=tuple(findings))


def _differences(carried: list[str], service: Service, by_hand: str, transfer: bool) -> list[Finding]:
    if not carried or by_hand or carried == [service.pathway] or (transfer and not service.pathway):
        return []
    listed, ours = ", ".join(carried), service.pathway or "-"
    en, nb, rule = _TRANSFER_SAYS if transfer else _NEW_SAYS
    return [
        Finding(
            "warning",
            Kind.BUSINESS_RULE,
            f"The message carries {listed}, the receiving service is for {ours}. {en}",
            f"Meldingen har {listed}; tjenesten tar imot {ours}. {nb}",
            rule=rule,
        )
    ]


_TRANSFER_SAYS = ("The message's is used.", "Meldingens egen kode brukes.", "HIS 1208:2018 5.2.3")
_NEW_SAYS = ("It is no transfer: its code decides nothing.", "Den er ikke viderehenvisning: koden avgjør intet.", "HIS 1207:2018")

_CHOOSE = Duty(
    "choose-pathway",
    "No pathway is set for the receiving service. Decide whether the referral opens one, and which.",
    "Mottakertjenesten har ikke noe forløp satt opp. Avgjør om henvisningen åpner et, og hvilket.",
)


def _several(carried: list[str]) -> Duty:
    listed = ", ".join(carried)
    return Duty(
        "choose-pathway",
        f"The message carries codes of several pathways ({listed}). Decide which goes on here.",
        f"Meldingen har koder fra flere forløp ({listed}). Avgjør hvilket som fortsetter her.",
    )


def _linked(pathway: str, id: str) -> Duty:
    return Duty(
        "link-referral",
        f"The patient already has an open {pathway} pathway here. Decide whether this referral belongs to it.",
        f"Pasienten har allerede et åpent forløp {pathway} her. Avgjør om henvisningen hører til det.",
        id,
    )


def _early(rules: str, first: date) -> Finding:
    return Finding(
        "information",
        Kind.BUSINESS_RULE,
        f"The referral was received before the pathways began ({first}); the rules of {rules} are used.",
        f"Henvisningen ble mottatt før forløpene begynte ({first}); reglene fra {rules} brukes.",
    )


def _no_rules(rules: str, pathway: str, others: tuple[str, ...]) -> Duty:
    en = f'Set rule_set = "{others[-1]}" for the receiving service, or choose' if others else "Choose"
    nb = f'Sett rule_set = "{others[-1]}" for mottakertjenesten, eller velg' if others else "Velg"
    return Duty(
        "choose-rule-set",
        f"{pathway} is not in the rules of {rules}. {en} another pathway.",
        f"{pathway} finnes ikke i reglene fra {rules}. {nb} et annet forløp.",
    )


def _not_in(rules: str, pathway: str, others: tuple[str, ...]) -> Problem:
    en, nb = (f", or the rules of {others[-1]}", f", eller reglene fra {others[-1]}") if others else ("", "")
    return problem(
        Kind.BUSINESS_RULE,
        f"{pathway} is not in the rules of {rules}. Choose another pathway{en}.",
        f"{pathway} finnes ikke i reglene fra {rules}. Velg et annet forløp{nb}.",
    )
