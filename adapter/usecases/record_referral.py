"""What an accepted referral does to the record: new versions of its resources, and of the pathway that it opened.

Who says so: HISD 1154 (N new, M changed: full content, C cancels everything earlier with its DocumentId). Parties are merged;
the referral's own resources are replaced by M, kept and revoked by C; a pathway is made once, and ended from here only before
anyone has the right to care, since after that its events decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Any, Final

import msgspec

from adapter.domain.referral import Decision, Duty
from adapter.ports import Draft, Message, Unit
from adapter.r4.index import Index, index
from adapter.usecases.pathways import Pathways
from adapter.usecases.protect_address import as_kept, cleanse
from adapter.usecases.situation import OPEN_EPISODES, PARTIES, Body, Key, Situation, decode, of_pathway
from mappings import times
from mappings.resources import cancel
from mappings.resources.changes import changed
from mappings.resources.merge import merge, overlay
from mappings.resources.protected import level_of
from mappings.resources.retire import retire
from mappings.translation import Translation

CANCELLED: Final = "Henvisningen er kansellert av avsender. (The sender has cancelled the referral.)"

Indexes = Mapping[Key, tuple[Body, Index]]
NONE: Final[Indexes] = MappingProxyType({})

encode: Final = msgspec.json.Encoder(decimal_format="number").encode


def supersedes(serv_type: str, situation: Situation) -> bool:
    """Whether the message may write the referral's own resources: a change may not, after a cancellation."""
    return not (serv_type == "M" and situation.cancelled)


def duties(decision: Decision, translation: Translation | None, serv_type: str, situation: Situation) -> Decision:
    """The decision with what a person must look at, because of what was there before."""
    episode = situation.episode
    status, id = (episode["status"], episode["id"]) if episode else ("", "")
    begun = status in OPEN_EPISODES and status != cancel.NOT_BEGUN
    if serv_type == "N" and decision.opening and episode and status not in OPEN_EPISODES:
        en = "The referral came again after its pathway was ended. Decide whether it is to be opened anew."
        nb = "Henvisningen kom på nytt etter at forløpet var avsluttet. Avgjør om det skal åpnes igjen."
        return _with(replace(decision, opening=None), "link-referral", en, nb, id)
    if serv_type == "N" and episode and decision.linked_pathway == id:  # the pathway that this very referral opened
        decision = replace(decision, duties=(), linked_pathway="")
    if serv_type == "C" and begun and not situation.facts.copy:
        en = "The sender has cancelled the referral, but its pathway has begun. Decide what is to become of it."
        nb = "Avsender har kansellert henvisningen, men forløpet har begynt. Avgjør hva som skal skje med det."
        return _with(decision, "review-cancellation", en, nb, id)
    if serv_type == "M" and situation.cancelled:
        en = "A change came after the referral was cancelled, and was not made. Ask the sender what stands."
        nb = "En endring kom etter at henvisningen var kansellert, og er ikke utført. Spør avsender hva som gjelder."
        return _with(decision, "review-change", en, nb, id)
    if serv_type in ("M", "N") and situation.earlier and translation and (kinds := changed(situation.own, owned(translation))):
        en = f"The sender has changed the referral ({', '.join(kinds)}). See whether the assessment still holds."
        nb = f"Avsender har endret henvisningen ({', '.join(kinds)}). Se om vurderingen fortsatt gjelder."
        return _with(decision, "review-change", en, nb, id)
    return decision


def _with(decision: Decision, kind: str, en: str, nb: str, pathway: str) -> Decision:
    return replace(decision, duties=(*decision.duties, Duty(kind, en, nb, pathway)))


def owned(translation: Translation) -> dict[Key, Body]:
    """The referral's own resources of a translation."""
    return {(r.type, r.id): r.body for r in translation.resources if r.type not in PARTIES and not of_pathway(r.body)}


def record(
    unit: Unit,
    message: Message,
    now: datetime,
    *,
    translation: Translation,
    serv_type: str,
    situation: Situation,
    pathways: Pathways,
    indexes: Indexes = NONE,
    careful: bool = False,
) -> None:
    """Write all versions that the message makes. `indexes` are those of its resources that were worked out before; `careful` looks
    also for what should not be there yet.
    """
    tenant = message.tenant
    source = next((r.body["meta"]["source"] for r in translation.resources if "source" in r.body.get("meta", {})), "")
    made = as_kept([*_versions(unit, tenant, translation, serv_type, situation)])
    drafts = [_draft(body, old, indexes, new=old is None and not careful) for body, old in made]
    caused: list[tuple[Body, Body | None]] = list(_unsaid(translation, serv_type, situation))
    if serv_type == "C" and not situation.facts.copy:
        caused += _called_off(unit, tenant, now, situation, pathways)
    drafts += [_draft(_sourced(body, source), old) for body, old in caused]
    unit.put(tenant, drafts, now, message.id)
    for body, old in made:
        if body["resourceType"] == "Patient" and level_of(body) and not level_of(old or {}):
            cleanse(unit, tenant, body["id"], now, pathways.base)


def link(unit: Unit, message: Message, now: datetime, pathway: str, translation: Translation) -> None:
    """Name the referral in the open pathway that it was linked to; whether it belongs there, a person decides."""
    stored = unit.read(message.tenant, "EpisodeOfCare", pathway)
    request = next(r for r in translation.resources if r.type == "ServiceRequest")
    if stored is None:
        return
    episode, named = decode(stored.body), {"reference": f"ServiceRequest/{request.id}"}
    known = episode.get("referralRequest", [])
    linked = episode if named in known else episode | {"referralRequest": [*known, named]}
    unit.put(message.tenant, [_draft(_sourced(linked, request.body["meta"]["source"]), episode)], now, message.id)


def _versions(
    unit: Unit, tenant: str, translation: Translation, serv_type: str, situation: Situation
) -> Iterator[tuple[Body, Body | None]]:
    """The translation's resources as they are to stand, each with what stands now."""
    names = [(r.type, r.id) for r in translation.resources if r.merge or of_pathway(r.body)]
    stored: dict[Key, Body] = {(s.type, s.id): decode(s.body) for s in unit.read_all(tenant, names)}
    for resource in translation.resources:
        key = (resource.type, resource.id)
        if of_pathway(resource.body):
            yield stored.get(key, resource.body), stored.get(key)
        elif resource.merge:
            old = stored.get(key)
            yield (merge(old, resource.body) if old else resource.body), old
        elif supersedes(serv_type, situation):
            old = situation.own.get(key)
            yield (overlay(old, resource.body) if old and serv_type == "C" else resource.body), old


def _unsaid(translation: Translation, serv_type: str, situation: Situation) -> Iterator[tuple[Body, Body]]:
    """What a change no longer says."""
    if serv_type == "M" and supersedes(serv_type, situation):
        said = owned(translation)
        for key, old in situation.own.items():
            if key not in said and (retired := retire(old)):
                yield retired, old


def _called_off(
    unit: Unit, tenant: str, now: datetime, situation: Situation, pathways: Pathways
) -> Iterator[tuple[Body, Body | None]]:
    """What a cancellation ends: what was to be done, and so the pathway, as it follows from that."""
    gathered = pathways.gather(unit, tenant, situation.episode["id"]) if situation.episode else None
    if gathered is None or gathered.episode["status"] != cancel.NOT_BEGUN:
        return
    standing = {**situation.pathway, **gathered.stored}
    when = now.astimezone(times.OSLO).isoformat(timespec="seconds")
    gathered.stored = {key: cancel.task(old, when, CANCELLED) if key[0] == "Task" else old for key, old in standing.items()}
    gathered.course, gathered.state = pathways.folded(gathered)
    follows = {(body["resourceType"], body["id"]): body for body in pathways.rendered(gathered, now)}
    for key, body in {**gathered.stored, **follows}.items():
        yield body, standing.get(key)


def _sourced(body: Body, source: str) -> Body:
    return body | {"meta": {**body.get("meta", {}), "source": source}} if source else body


def indexes_of(translation: Translation) -> Indexes:
    """What the resources are found by that are most likely new, each with the body that it is of."""
    return {(r.type, r.id): (r.body, index(r.body)) for r in translation.resources if not r.merge}


def _draft(body: Body, old: Body | None, indexes: Indexes = NONE, *, new: bool = False) -> Draft:
    """A body that says what is stored already is left as it is, whoever said it first."""
    kept = old if old is not None and _said(body) == _said(old) else body

    def make(version: int, updated: datetime) -> bytes:
        moment = updated.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return encode({**kept, "meta": {**kept.get("meta", {}), "versionId": str(version), "lastUpdated": moment}})

    of, found = indexes.get((kept["resourceType"], kept["id"]), (None, None))
    return Draft(kept["resourceType"], kept["id"], found if found and of is kept else partial(index, kept), make, new)


def _said(body: Mapping[str, Any]) -> dict[str, Any]:
    meta = {key: value for key, value in body.get("meta", {}).items() if key not in ("versionId", "lastUpdated", "source")}
    return {**body, "meta": meta}
