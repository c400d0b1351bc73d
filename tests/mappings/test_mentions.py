"""A unit or a person that a message names more than once is one resource, with all that is said of it."""

from __future__ import annotations

import json
from typing import Any

from adapter.domain.problem import Kind
from mappings.translation import Translation
from tests.mappings.test_every_element import translated

HEAD, PO, COMMON, REFERRAL = (
    "http://www.kith.no/xmlstds/msghead/2006-05-24",
    "http://ehelse.no/xmlstds/po/poKomponent/2017-11-30",
    "http://www.kith.no/xmlstds/felleskomponent1",
    "http://ehelse.no/xmlstds/henvisning/2017-11-30",
)
HER = '<Ident><Id>8000201</Id><TypeId V="HER" S="2.16.578.1.12.4.1.1.9051"/></Ident>'
HPR = '<Ident><Id>9144900</Id><TypeId V="HPR" S="2.16.578.1.12.4.1.1.8116"/></Ident>'


def message(first: str, second: str) -> bytes:
    """A referral whose sender and whose report's author are the same person, described by the two texts."""
    again = second.replace("<", f"<{'c:'}").replace("<c:/", "</c:")
    return f"""<MsgHead xmlns="{HEAD}"><MsgInfo><MsgId>11111111-2222-4333-8444-555555555555</MsgId>
<Sender><Organisation><OrganisationName>Lia legesenter</OrganisationName><Organisation><OrganisationName>Lia</OrganisationName>{HER}
<HealthcareProfessional>{first}</HealthcareProfessional></Organisation></Organisation></Sender></MsgInfo>
<Document><RefDoc><MsgType V="XML"/><Content><Henvisning xmlns="{REFERRAL}" xmlns:p="{PO}" xmlns:c="{COMMON}"><ServType V="N"/>
<p:AnsvarForRapport><p:AnsvarligRapport>{again}</p:AnsvarligRapport></p:AnsvarForRapport>
</Henvisning></Content></RefDoc></Document></MsgHead>""".encode()


def doctor(translation: Translation) -> dict[str, Any]:
    resources = [entry["resource"] for entry in json.loads(translation.bundle())["entry"]]
    (only,) = [resource for resource in resources if resource["resourceType"] == "Practitioner"]
    return {key: value for key, value in only.items() if key not in ("resourceType", "id", "meta")}


def told(translation: Translation) -> list[str]:
    return sorted(f.where.rpartition("/")[2] for f in translation.findings if f.kind is Kind.NOT_UNDERSTOOD)


ADA = "<FamilyName>Li</FamilyName><GivenName>Ada</GivenName>"
IDENTIFIER = {"system": "urn:oid:2.16.578.1.12.4.1.4.4", "value": "9144900"}


def test_the_same_said_twice_is_said_once() -> None:
    translation = translated(message(ADA + HPR, ADA + HPR))

    assert doctor(translation) == {"identifier": [IDENTIFIER], "name": [{"family": "Li", "given": ["Ada"]}]}
    assert told(translation) == []


def test_what_a_later_mention_adds_is_kept() -> None:
    more = '<Sex V="2"/>' + HPR + "<Address><City>Oslo</City></Address>"
    translation = translated(message(ADA + HPR, "<FamilyName>Li-Berg</FamilyName><GivenName>Ada</GivenName>" + more))

    assert doctor(translation) == {
        "identifier": [IDENTIFIER],
        "name": [{"family": "Li", "given": ["Ada"]}, {"family": "Li-Berg", "given": ["Ada"]}],
        "gender": "female",
        "address": [{"city": "Oslo"}],
    }
    assert told(translation) == []


def test_each_mention_is_explained_at_what_it_became() -> None:
    explanation = translated(message(ADA + HPR, "<FamilyName>Berg</FamilyName>" + HPR)).explanation()

    rows = [(r["xpath"].split("/")[-2], r["raw"], r["path"].partition(".name")[2]) for r in explanation["elements"] if r["raw"]]
    assert [row for row in rows if row[1] in ("Li", "Berg")] == [
        ("HealthcareProfessional", "Li", "[0].family"),
        ("AnsvarligRapport", "Berg", "[1].family"),
    ]


def test_what_contradicts_an_earlier_mention_is_told() -> None:
    translation = translated(message(ADA + '<Sex V="2"/>' + HPR, ADA + '<Sex V="1"/>' + HPR))

    assert doctor(translation)["gender"] == "female"
    assert told(translation) == ["Sex"]
