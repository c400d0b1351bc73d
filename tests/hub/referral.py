"""A referral (Henvisning 2.0) as small as the hub's tests need it: a made-up person, number with month + 80."""

from __future__ import annotations


def referral(
    msg_id: str = "11111111-1111-4111-8111-111111111111", *, sender: int = 8000201, receivers: tuple[int, ...] = (8000101,)
) -> bytes:
    """The first receiver is the addressee, others get copies."""
    first, *copies = (_party(f"Tjeneste {r}", r) for r in receivers)
    others = "".join(f"<OtherReceiver>{copy}</OtherReceiver>" for copy in copies)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<MsgHead xmlns="http://www.kith.no/xmlstds/msghead/2006-05-24"><MsgInfo>
<Type V="HENVISNING_NYTILSTAND" DN="Henvisning ny tilstand"/><MIGversion>v1.2 2006-05-24</MIGversion>
<GenDate>2026-05-11T10:42:17</GenDate><MsgId>{msg_id}</MsgId>
<Sender>{_party("Lynghei legekontor", sender)}</Sender><Receiver>{first}</Receiver>{others}
<Patient><FamilyName>Prøvesen</FamilyName><GivenName>Øyvor</GivenName>
<Ident><Id>14868440083</Id><TypeId V="FNR" S="2.16.578.1.12.4.1.1.8116"/></Ident></Patient>
</MsgInfo><Document><RefDoc><MsgType V="XML"/><Content>
<Henvisning xmlns="http://ehelse.no/xmlstds/henvisning/2017-11-30"><ServType V="N"/></Henvisning>
</Content></RefDoc></Document></MsgHead>
""".encode()


def _party(name: str, her_id: int) -> str:
    outer, inner = (
        f'<OrganisationName>{name}</OrganisationName><Ident><Id>{id}</Id><TypeId V="HER" S="2.16.578.1.12.4.1.1.9051"/></Ident>'
        for id in (her_id // 100 * 100, her_id)
    )
    return f"<Organisation>{outer}<Organisation>{inner}</Organisation></Organisation>"
